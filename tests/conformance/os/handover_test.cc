// SPDX-License-Identifier: Apache-2.0
#include "placid/os/handover.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>

#include "fixture.h"
#include "gtest/gtest.h"
#include "peer.h"
#include "placid/base/error.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "words.h"

namespace placid::os::conformance {
namespace {

using HandoverConformance = Conformance;

constexpr std::int64_t kLongMs = 10'000;

TEST_F(HandoverConformance, AnUnrelatedProcessReceivesAnAnonymousObject) {
  const Name name = NewName();
  const auto object = SharedObject::CreateAnonymous(kPages);
  ASSERT_TRUE(Succeeds(object));
  const auto mapping = object->Map();
  ASSERT_TRUE(Succeeds(mapping));
  StoreWord(*mapping, 0, 17);
  auto listener = HandoverListener::Listen(name);
  ASSERT_TRUE(Succeeds(listener));
  const auto peer = Peer::Spawn();
  peer->Begin(Step("receive", name, "10000"));
  ASSERT_TRUE(Succeeds(listener->GiveTo(*object, Access::kReadWrite, kLongMs)));
  ASSERT_EQ(peer->Answer(), "received " + std::to_string(kPages));
  ASSERT_EQ(peer->Do("map rw"), "mapped");
  EXPECT_EQ(peer->Do("read 0"), "17");
  EXPECT_EQ(peer->Do("write 4 18"), "written");
  EXPECT_EQ(LoadWord(*mapping, 4), 18U);
}

TEST_F(HandoverConformance, WeReceiveFromAPeer) {
  const Name name = NewName();
  const auto peer = Peer::Spawn();
  ASSERT_EQ(peer->Do(Step("create", NewName(), std::to_string(kPages))),
            "created");
  ASSERT_EQ(peer->Do("map rw"), "mapped");
  ASSERT_EQ(peer->Do("write 0 19"), "written");
  ASSERT_EQ(peer->Do(Step("listen", name)), "listening");
  peer->Begin("give ro 10000");
  const auto object = ReceiveHandover(name, kLongMs);
  EXPECT_EQ(peer->Answer(), "given");
  ASSERT_TRUE(Succeeds(object));
  EXPECT_EQ(object->size_bytes(), kPages);
  EXPECT_EQ(object->access(), Access::kReadOnly);
  const auto mapping = object->Map({.access = Access::kReadOnly});
  ASSERT_TRUE(Succeeds(mapping));
  EXPECT_EQ(static_cast<int>(mapping->data()[0]), 19);
}

// The handle itself must be unable to write: a promise alone would let the peer
// map it read-write.
void ExpectReadOnlyHandover(const Name& name, HandoverListener& listener,
                            const SharedObject& object) {
  const auto peer = Peer::Spawn();
  peer->Begin("receive " + std::string(name.text()) + " 10000");
  ASSERT_TRUE(Succeeds(listener.GiveTo(object, Access::kReadOnly, kLongMs)));
  ASSERT_EQ(peer->Answer(), "received " + std::to_string(object.size_bytes()));
  EXPECT_EQ(peer->Do("map rw"), "permission denied");
  ASSERT_EQ(peer->Do("map ro"), "mapped");
  EXPECT_EQ(peer->Do("read 0"), "0");
  EXPECT_EQ(peer->Do("write 0 1"), Peer::kDied);
}

// With a name, and without one where the port can; where it cannot, nobody gets
// more than was meant for them.
TEST_F(HandoverConformance, WhatIsGivenReadOnlyStaysReadOnly) {
  const Name name = NewName();
  auto listener = HandoverListener::Listen(name);
  ASSERT_TRUE(Succeeds(listener));
  const auto named = SharedObject::Create(NewName(), kPages);
  const auto anonymous = SharedObject::CreateAnonymous(kPages);
  ASSERT_TRUE(Succeeds(named));
  ASSERT_TRUE(Succeeds(anonymous));
  if (CanGiveAnonymousReadOnly()) {
    ExpectReadOnlyHandover(name, *listener, *anonymous);
  } else {
    EXPECT_TRUE(FailsWith(
        ErrorCode::kUnsupported, "HandoverListener::GiveTo", name.text(),
        listener->GiveTo(*anonymous, Access::kReadOnly, kLongMs)));
  }
  ExpectReadOnlyHandover(name, *listener, *named);
}

TEST_F(HandoverConformance, OneListenerServesManyReceivers) {
  constexpr int kReceivers = 5;
  const Name name = NewName();
  const auto object = SharedObject::CreateAnonymous(kPages);
  auto listener = HandoverListener::Listen(name);
  ASSERT_TRUE(Succeeds(listener));
  const auto peer = Peer::Spawn();
  for (int i = 0; i < kReceivers; ++i) {
    peer->Begin(Step("receive", name, "10000"));
    EXPECT_TRUE(
        Succeeds(listener->GiveTo(*object, Access::kReadWrite, kLongMs)));
    EXPECT_EQ(peer->Answer(), "received " + std::to_string(kPages));
  }
}

TEST_F(HandoverConformance, WithoutAListenerNothingIsFound) {
  const Name name = NewName();
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "ReceiveHandover", name.text(),
                        ReceiveHandover(name, kLongMs)));
}

TEST_F(HandoverConformance, ANameHasOneListener) {
  const Name name = NewName();
  auto listener = HandoverListener::Listen(name);
  ASSERT_TRUE(Succeeds(listener));
  EXPECT_TRUE(FailsWith(ErrorCode::kAlreadyExists, "HandoverListener::Listen",
                        name.text(), HandoverListener::Listen(name)));
  const auto peer = Peer::Spawn();
  EXPECT_EQ(peer->Do(Step("listen", name)), "already exists");
  *listener = HandoverListener();
  EXPECT_EQ(peer->Do(Step("listen", name)), "listening");
}

TEST_F(HandoverConformance, ADeadListenerIsReplaced) {
  const Name name = NewName();
  const auto peer = Peer::Spawn();
  ASSERT_EQ(peer->Do(Step("listen", name)), "listening");
  peer->Kill();
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "ReceiveHandover", name.text(),
                        ReceiveHandover(name, kLongMs)));
  EXPECT_TRUE(Succeeds(HandoverListener::Listen(name)));
}

TEST_F(HandoverConformance, BothSidesTimeOut) {
  const Name name = NewName();
  const auto object = SharedObject::CreateAnonymous(kPages);
  auto listener = HandoverListener::Listen(name);
  ASSERT_TRUE(Succeeds(listener));
  EXPECT_TRUE(FailsWith(ErrorCode::kTimedOut, "HandoverListener::GiveTo",
                        name.text(),
                        listener->GiveTo(*object, Access::kReadOnly, 10)));
  EXPECT_TRUE(FailsWith(ErrorCode::kTimedOut, "ReceiveHandover", name.text(),
                        ReceiveHandover(name, 10)));
}

// ---- Several at once, and nobody looks after them ---------------------------

TEST_F(HandoverConformance, AnOfferIsTakenWholeOrItsFirstPart) {
  const Name name = NewName();
  const auto small = SharedObject::Create(NewName(), kPages);
  const auto large = SharedObject::CreateAnonymous(2 * kPages);
  ASSERT_TRUE(small && large);
  const Gift gifts[] = {{*small, Access::kReadOnly},
                        {*large, Access::kReadWrite}};
  auto listener = HandoverListener::Listen(name);
  ASSERT_TRUE(Succeeds(listener));
  const auto peer = Peer::Spawn();
  const auto take = [&](int count) {
    peer->Begin(Step("take", name, std::to_string(count) + " 10000"));
    const auto offered = listener->Offer(gifts, kLongMs);
    EXPECT_TRUE(Succeeds(offered));
    EXPECT_EQ(*offered, Offered::kGiven);
    return peer->Answer();
  };
  const std::string first = std::to_string(kPages);
  const std::string second = std::to_string(2 * kPages);
  EXPECT_EQ(take(2), "took " + first + ' ' + second);
  ASSERT_EQ(peer->Do("map rw"), "mapped");
  EXPECT_EQ(peer->Do("write 0 1"), "written");
  EXPECT_EQ(take(1), "took " + first);
  EXPECT_EQ(peer->Do("map rw"), "permission denied");
  EXPECT_EQ(peer->Do("map ro"), "mapped");
  // There are two: whoever waits for a third is not waited for long.
  peer->Begin(Step("take", name, "3 10000"));
  EXPECT_TRUE(Succeeds(listener->Offer(gifts, kLongMs)));
  EXPECT_EQ(peer->Answer(), "peer died");
}

TEST_F(HandoverConformance, WeTakeWhatAPeerOffers) {
  const Name name = NewName();
  const auto peer = Peer::Spawn();
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "TakeOffered", name.text(),
                        TakeOffered(name, 1, kLongMs)));
  ASSERT_EQ(peer->Do(Step("create", NewName(), std::to_string(kPages))),
            "created");
  ASSERT_EQ(peer->Do(Step("listen", name)), "listening");
  EXPECT_EQ(peer->Do("offer rw 0"), "nobody");
  peer->Begin("offer rw 10000");
  const auto objects = TakeOffered(name, 1, kLongMs);
  EXPECT_EQ(peer->Answer(), "given");
  ASSERT_TRUE(Succeeds(objects));
  ASSERT_EQ(objects->size(), 1U);
  EXPECT_EQ(objects->front().size_bytes(), kPages);
  EXPECT_EQ(objects->front().access(), Access::kReadWrite);
}

// An event loop that looks now and then finds whoever has come in between.
TEST_F(HandoverConformance, WhoComesBetweenTwoLooksIsServedByTheNext) {
  const Name name = NewName();
  const auto object = SharedObject::CreateAnonymous(kPages);
  const Gift gift{*object, Access::kReadWrite};
  auto listener = HandoverListener::Listen(name);
  ASSERT_TRUE(Succeeds(listener));
  ASSERT_EQ(*listener->Offer({&gift, 1}, 0), Offered::kNobody);
  const auto peer = Peer::Spawn();
  for (int i = 0; i < 3; ++i) {
    peer->Begin(Step("take", name, "1 10000"));
    auto offered = Offered::kNobody;
    while (offered == Offered::kNobody) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      offered = *listener->Offer({&gift, 1}, 0);
    }
    EXPECT_EQ(offered, Offered::kGiven);
    EXPECT_EQ(peer->Answer(), "took " + std::to_string(kPages));
  }
  EXPECT_TRUE(FailsWith(ErrorCode::kTimedOut, "TakeOffered", name.text(),
                        TakeOffered(name, 1, 10)));
}

// The receiver needs a moment to connect, and nothing shows that it has: where
// the moment was too short it finds no listener, and is given a longer one.
TEST_F(HandoverConformance, AReceiverNoticesThatItsListenerEnds) {
  const auto peer = Peer::Spawn();
  std::string answer;
  for (int moment_ms = 20; moment_ms < 3000; moment_ms *= 2) {
    const Name name = NewName();
    auto listener = HandoverListener::Listen(name);
    ASSERT_TRUE(Succeeds(listener));
    peer->Begin(Step("receive", name, "10000"));
    std::this_thread::sleep_for(std::chrono::milliseconds(moment_ms));
    *listener = HandoverListener();
    answer = peer->Answer();
    if (answer != "not found") break;
  }
  EXPECT_EQ(answer, "peer died");
}

}  // namespace
}  // namespace placid::os::conformance
