// SPDX-License-Identifier: Apache-2.0
//
// One side of a stream while the other, in the same process, breaks its rules
// at a moment that no two processes would meet every time.
#include "cli/transfer.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cli/outcome.h"
#include "cli/stream.h"
#include "cli/stream_header.h"
#include "gtest/gtest.h"
#include "placid/base/atomic.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/spsc_byte_ring.h"

namespace placid::cli {
namespace {

constexpr std::uint64_t kCapacity = StreamHeader::kLeastCapacity;
constexpr std::size_t kBytes = 5;  // of a source

class TransferTest : public ::testing::Test {
 protected:
  void TearDown() override {
    EXPECT_EQ(os::SharedObject::Open(name_, os::Access::kReadOnly).error().code,
              ErrorCode::kNotFound)
        << "the shared memory was left behind";
    (void)os::SharedObject::Unlink(name_);
  }

  [[nodiscard]] Stream Join(Side side) const {
    auto joined = Stream::Join(name_, side, kCapacity);
    EXPECT_TRUE(joined) << joined.outcome().message;
    return *std::move(joined);
  }

  // Sends kBytes bytes; at their end `at_end` is called.
  [[nodiscard]] TransferReport Send(const std::function<void()>& at_end = [] {
  }) const {
    bool is_sent = false;
    return SendFrom(
        options_,
        [&](std::span<std::byte> to) -> Result<std::size_t> {
          if (std::exchange(is_sent, true)) {
            at_end();
            return std::size_t{0};
          }
          std::ranges::fill(to.first(kBytes), std::byte{1});
          return kBytes;
        },
        kBytes);
  }
  [[nodiscard]] TransferReport Receive(
      const Result<void>& written = Ok(),
      const Result<void>& finished = Ok()) const {
    return ReceiveInto(
        options_, [&](std::span<const std::byte>) { return written; },
        [&] { return finished; });
  }

  static void Expect(const TransferReport& report, ExitCode code,
                     const char* words) {
    EXPECT_EQ(report.outcome.code, code) << report.outcome.message;
    EXPECT_NE(report.outcome.message.find(words), std::string::npos)
        << report.outcome.message;
  }

  const os::Name name_ =
      *os::Name::Parse("transfer-" + std::to_string(os::ThisProcess()->pid));
  const TransferOptions options_{.name = name_,
                                 .file = {},
                                 .capacity = kCapacity,
                                 .most_bytes = UINT64_MAX,
                                 .is_quiet = true};
};

// ---- Rules of the ring ------------------------------------------------------

TEST_F(TransferTest, ARoleThatIsTakenIsAContradiction) {
  {
    const Stream receiver = Join(Side::kReceiver);
    const auto producer = receiver.ring().ClaimProducer();
    Expect(Send(), ExitCode::kDamaged, "contradicts itself");
    EXPECT_EQ(receiver.header().State(Side::kSender), StreamState::kDamaged);
  }
  const Stream sender = Join(Side::kSender);
  const auto consumer = sender.ring().ClaimConsumer();
  Expect(Receive(), ExitCode::kDamaged, "contradicts itself");
  EXPECT_EQ(sender.header().State(Side::kReceiver), StreamState::kDamaged);
}

TEST_F(TransferTest, AReceiverThatClosesTheRingIsNotWaitedFor) {
  const Stream receiver = Join(Side::kReceiver);
  receiver.ring().ClaimConsumer()->Close();
  const auto endless = [](std::span<std::byte> to) -> Result<std::size_t> {
    std::ranges::fill(to, std::byte{1});
    return to.size();
  };
  Expect(SendFrom(options_, endless, StreamHeader::kUnknownBytes),
         ExitCode::kDamaged, "contradicts itself");
}

TEST_F(TransferTest, ASenderThatClosesTheRingMustSayThatItWasAll) {
  const Stream sender = Join(Side::kSender);
  sender.ring().ClaimProducer()->Close();
  Expect(Receive(), ExitCode::kDamaged, "contradicts itself");
}

TEST_F(TransferTest, AReceiverThatCountedOtherBytesIsNotBelieved) {
  const StreamHeader::Total wrong[] = {{kBytes, 1}, {kBytes + 1, 0}};
  for (const auto& total : wrong) {
    Stream receiver = Join(Side::kReceiver);
    const auto report = Send([&] {
      receiver.header().SetTotal(Side::kReceiver, total);
      receiver.header().SetState(Side::kReceiver, StreamState::kComplete);
    });
    Expect(report, ExitCode::kDamaged, "contradicts itself");
    EXPECT_EQ(report.total.bytes, kBytes);
  }
}

// ---- Ends -------------------------------------------------------------------

TEST_F(TransferTest, EachWayInWhichThePeerEndsIsTold) {
  struct End {
    StreamState state;
    ExitCode code;
    const char* to_receiver;
    const char* to_sender;
  };
  const End ends[] = {
      {StreamState::kInterrupted, ExitCode::kPeerGaveUp, "was interrupted",
       "was interrupted"},
      {StreamState::kFailed, ExitCode::kPeerGaveUp, "could not read its input",
       "could not write its output"},
      {StreamState::kPeerLost, ExitCode::kPeerGaveUp, "has left", "has left"},
      {StreamState::kDamaged, ExitCode::kDamaged, "do not use",
       "do not use its output"},
  };
  for (const End& end : ends) {
    {
      Stream sender = Join(Side::kSender);
      std::thread ending([&] {
        while (sender.LookAtPeer() == PeerLife::kAbsent) {
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        sender.header().SetState(Side::kSender, end.state);
      });
      Expect(Receive(), end.code, end.to_receiver);
      ending.join();
    }
    Stream receiver = Join(Side::kReceiver);
    Expect(
        Send([&] { receiver.header().SetState(Side::kReceiver, end.state); }),
        end.code, end.to_sender);
  }
}

// It dies between publishing and ringing, and whoever waits is asleep.
TEST_F(TransferTest, WhatADeadSenderDidNotRingForArrives) {
  std::optional<Stream> sender(Join(Side::kSender));
  std::thread dying([&] {
    const auto& armed = sender->header().MaskOf(Side::kSender).armed;
    while (armed.load(kRelaxed) == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(sender->ring().ClaimProducer()->TryPush(
                  std::vector<std::byte>(StreamHeader::kOffsetBytes + kBytes)),
              RingResult::kOk);
    sender.reset();
  });
  const auto report = Receive();
  dying.join();
  Expect(report, ExitCode::kPeerDied, "was kept");
  EXPECT_EQ(report.total.bytes, kBytes);
}

TEST_F(TransferTest, AnOutputThatFailsIsTold) {
  const Error full{.code = ErrorCode::kNoSpace, .operation = "write"};
  const auto with_sender = [this](const std::function<TransferReport()>& run) {
    Stream sender = Join(Side::kSender);
    auto producer = *sender.ring().ClaimProducer();
    // A piece: its offset, which is 0, and its bytes.
    EXPECT_EQ(producer.TryPush(
                  std::vector<std::byte>(StreamHeader::kOffsetBytes + kBytes)),
              RingResult::kOk);
    producer.Close();
    TransferReport report = run();
    EXPECT_EQ(sender.LookAtPeer(), PeerLife::kGone);
    return report;
  };
  Expect(with_sender([&] { return Receive(full); }), ExitCode::kInputOutput,
         "cannot write the output: no space");
  Expect(with_sender([&] { return Receive(Ok(), full); }),
         ExitCode::kInputOutput, "cannot write the output: no space");
  const Error interrupted{.code = ErrorCode::kBusy, .operation = "write"};
  const auto report = with_sender([&] { return Receive(interrupted); });
  Expect(report, ExitCode::kInterrupted, "was kept");
}

// ---- Joining and leaving ----------------------------------------------------

TEST_F(TransferTest, ASideThatIsTakenIsRefused) {
  Stream receiver = Join(Side::kReceiver);
  Expect(Receive(), ExitCode::kNameInUse, "another receiver");
  receiver.Leave(StreamState::kComplete);
}

// Whoever had the side, or the name, is about to leave.
TEST_F(TransferTest, AStreamThatIsOverIsWaitedFor) {
  struct Over {
    Side first;
    Side ended;  // who said so
    StreamState how;
    Side next;
  };
  const Over overs[] = {
      {Side::kSender, Side::kSender, StreamState::kFailed, Side::kSender},
      {Side::kSender, Side::kReceiver, StreamState::kFailed, Side::kSender},
      {Side::kSender, Side::kReceiver, StreamState::kComplete, Side::kSender},
      {Side::kReceiver, Side::kReceiver, StreamState::kFailed, Side::kSender},
  };
  for (const Over& over : overs) {
    Stream first = Join(over.first);
    first.header().SetState(over.ended, over.how);
    std::thread leaving([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      first.Leave(over.how);
    });
    Stream next = Join(over.next);
    leaving.join();
    EXPECT_EQ(next.header().State(over.next), StreamState::kJoined);
    EXPECT_TRUE(next.IsStillNamed());
    next.Leave(StreamState::kComplete);
  }
}

TEST_F(TransferTest, AStreamThatNeverEndsIsNotWaitedForForEver) {
  Stream first = Join(Side::kSender);
  first.header().SetState(Side::kSender, StreamState::kFailed);
  const auto second = Stream::Join(name_, Side::kSender, kCapacity);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.outcome().code, ExitCode::kNameInUse);
  EXPECT_NE(second.outcome().message.find("has not come to its end"),
            std::string::npos);
  first.Leave(StreamState::kFailed);
}

TEST_F(TransferTest, WhatADeadPeerLeftIsReplaced) {
  for (const Side dead : {Side::kSender, Side::kReceiver}) {
    { const Stream left_behind = Join(dead); }
    Stream next = Join(Other(dead));
    EXPECT_EQ(next.header().State(dead), StreamState::kAbsent);
    next.Leave(StreamState::kComplete);
  }
}

// A damaged stream is removed when it is nobody's, and not before.
TEST_F(TransferTest, ADamagedStreamInUseIsLeftAlone) {
  Stream sender = Join(Side::kSender);
  const auto object = *os::SharedObject::Open(name_, os::Access::kReadWrite);
  const auto mapping = *object.Map();
  auto* const capacity =
      mapping.data() + StreamHeader::kRingOffset + sizeof(std::uint64_t);
  auto* const doorbells =
      reinterpret_cast<std::byte*>(&StreamHeader(mapping.data()).doorbells());
  for (std::byte* const damaged : {capacity, doorbells}) {
    const std::byte was = std::exchange(damaged[7], std::byte{1});
    for (const Side side : {Side::kSender, Side::kReceiver}) {
      const auto joined = Stream::Join(name_, side, kCapacity);
      ASSERT_FALSE(joined);
      EXPECT_EQ(joined.outcome().code, ExitCode::kNameInUse);
      EXPECT_NE(joined.outcome().message.find("a stream that is damaged"),
                std::string::npos);
    }
    damaged[7] = was;
  }
  EXPECT_TRUE(sender.IsStillNamed());
  sender.Leave(StreamState::kComplete);
}

// Somebody else sits on both.
TEST_F(TransferTest, WithoutADoorbellNobodyJoins) {
  Stream sender = Join(Side::kSender);
  for (auto& row : sender.header().doorbells().rows) {
    row.waiter.store(OwnerId::Unowned().word() + 1, kRelaxed);
  }
  Expect(Receive(), ExitCode::kInputOutput, "cannot wait for the other side");
  EXPECT_EQ(sender.header().State(Side::kReceiver), StreamState::kAbsent);
  sender.Leave(StreamState::kComplete);
}

// Of placid, but no stream: a ring under that name.
TEST_F(TransferTest, AnotherTypeUnderThatNameIsLeftAlone) {
  const auto object =
      *os::SharedObject::Create(name_, StreamHeader::kDataOffset + kCapacity);
  const auto mapping = *object.Map();
  const auto ring = SpscByteRing::Create(mapping.bytes(), kCapacity);
  ASSERT_TRUE(ring);
  Expect(Receive(), ExitCode::kNameInUse, "no stream");
  EXPECT_TRUE(SpscByteRing::Attach(mapping.bytes()));
  EXPECT_TRUE(object.StillNamed(name_));
  EXPECT_TRUE(os::SharedObject::Unlink(name_));
}

// Somebody who joins just then holds the name still, and clears away instead.
TEST_F(TransferTest, WhoLeavesDoesNotWaitForEver) {
  Stream sender = Join(Side::kSender);
  auto joining = os::FileLock::TryLock(name_, 0);
  ASSERT_TRUE(joining) << joining.error().Message().c_str();
  sender.Leave(StreamState::kComplete);
  EXPECT_TRUE(sender.IsStillNamed());
  *joining = os::FileLock();
  Stream next = Join(Side::kSender);
  next.Leave(StreamState::kComplete);
}

}  // namespace
}  // namespace placid::cli
