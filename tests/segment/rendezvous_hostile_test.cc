// SPDX-License-Identifier: Apache-2.0
//
// Whoever serves a name hands over something else than a segment: each time an
// error that says what, and never a segment that is none.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "placid/base/atomic.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/handover.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/segment/rendezvous.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_header.h"
#include "placid/segment/segment_reader.h"
#include "tests/segment/fails_with.h"
#include "tests/segment/peer.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

using os::Access;
using os::Gift;
using os::HandoverListener;
using os::SharedObject;
using placid::testing::FailsWith;
using placid::testing::kLongMs;
using placid::testing::kSegmentBytes;
using placid::testing::OptionsFor;

constexpr OpenSegmentOptions kPatient{.patience_ms = kLongMs};

class HostileServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto listener = HandoverListener::Listen(
        *os::Name::Parse(std::string(name_.text()) + ".rendezvous"));
    ASSERT_TRUE(listener);
    listener_ = *std::move(listener);
    auto created = Rendezvous::Create(name_, OptionsFor(8));
    ASSERT_TRUE(created) << created.error().Message().c_str();
    segment_ = *std::move(created);
  }
  // What an opener says who is handed these.
  Result<Segment> Open(std::span<const Gift> gifts) {
    return Given(gifts, [this] { return Rendezvous::Open(name_, kPatient); });
  }
  // The same of somebody who would ask again as long as he may: each time for
  // longer, until he has been answered at all.
  ErrorCode OpenAgainAndAgain(std::span<const Gift> gifts) {
    return Given(gifts, [this] {
      for (OpenSegmentOptions options{.patience_ms = 10};
           options.patience_ms < kLongMs; options.patience_ms *= 2) {
        const auto opened = Rendezvous::Open(name_, options);
        if (opened || opened.error().code != ErrorCode::kTimedOut) {
          return opened ? ErrorCode::kAlreadyExists : opened.error().code;
        }
      }
      return ErrorCode::kTimedOut;
    });
  }
  Result<SegmentReader> OpenReader(const SharedObject& object) {
    const Gift gift{object, Access::kReadOnly};
    return Given({&gift, 1},
                 [this] { return Rendezvous::OpenReader(name_, kPatient); });
  }
  Result<Segment> OpenWith(const SharedObject& data,
                           const SharedObject& control) {
    const std::array<Gift, 3> gifts{{{segment_.data(), Access::kReadOnly},
                                     {data, Access::kReadWrite},
                                     {control, Access::kReadWrite}}};
    return Open(gifts);
  }
  // A sealed object that begins like a segment's and says this of itself.
  static SharedObject Sealed(const Segment& like,
                             void (*spoil)(SegmentHeader::Memory&)) {
    auto object = *SharedObject::CreateAnonymous(like.data().size_bytes());
    const auto from = *like.data().Map();
    const auto to = *object.Map();
    std::ranges::copy(from.bytes(), to.bytes().begin());
    spoil(*reinterpret_cast<SegmentHeader::Memory*>(to.data()));
    return object;
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  Segment segment_;
  HandoverListener listener_;

 private:
  template <typename Ask>
  auto Given(std::span<const Gift> gifts, const Ask& ask) -> decltype(ask()) {
    std::atomic<bool> is_done = false;
    std::thread giver([&] {
      while (!is_done) (void)listener_.Offer(gifts, 5);
    });
    auto answer = ask();
    is_done = true;
    giver.join();
    return answer;
  }
};

TEST_F(HostileServerTest, SilenceTakesNoLongerThanThePatience) {
  EXPECT_TRUE(FailsWith(ErrorCode::kTimedOut, "Rendezvous::Open", name_,
                        Rendezvous::Open(name_, {.patience_ms = 20})));
  EXPECT_TRUE(FailsWith(ErrorCode::kTimedOut, "Rendezvous::OpenReader", name_,
                        Rendezvous::OpenReader(name_, {.patience_ms = 20})));
}

TEST_F(HostileServerTest, TooFewObjectsAreNoSegment) {
  const Gift gift{segment_.data(), Access::kReadOnly};
  EXPECT_EQ(OpenAgainAndAgain({&gift, 1}), ErrorCode::kPeerDied);
}

TEST_F(HostileServerTest, WhatWasRetiredIsNotOpened) {
  const std::array<Gift, 3> gifts{{{segment_.data(), Access::kReadOnly},
                                   {segment_.data(), Access::kReadWrite},
                                   {segment_.control(), Access::kReadWrite}}};
  EXPECT_TRUE(Rendezvous::Retire(segment_));
  EXPECT_EQ(OpenAgainAndAgain(gifts), ErrorCode::kUnlinked);
}

TEST_F(HostileServerTest, TheTrueObjectsAreOne) {
  EXPECT_TRUE(OpenWith(segment_.data(), segment_.control()));
  EXPECT_TRUE(OpenReader(segment_.data()));
}

TEST_F(HostileServerTest, OtherObjectsAreRefusedEachByItsError) {
  const auto other = *Rendezvous::Create(scratch_.NewName(), OptionsFor(8));
  const auto tiny = *SharedObject::CreateAnonymous(1);
  const auto virgin = *SharedObject::CreateAnonymous(kSegmentBytes);
  const auto foreign = Sealed(segment_, [](SegmentHeader::Memory& header) {
    header.stamp.store(0x1234567, kRelaxed);  // sync: none, nobody else has it
  });
  const auto larger = Sealed(segment_, [](SegmentHeader::Memory& header) {
    header.size.store(1 << 30, kRelaxed);  // sync: none, nobody else has it
  });
  const auto nobodys = Sealed(segment_, [](SegmentHeader::Memory& header) {
    header.id.store(0, kRelaxed);  // sync: none, nobody else has it
  });
  const SharedObject& data = segment_.data();
  const SharedObject& control = segment_.control();
  struct Lie {
    const char* what;
    const SharedObject& data;
    const SharedObject& control;
    ErrorCode code;
  };
  const Lie lies[] = {
      {"in the wrong order", control, data, ErrorCode::kCorrupt},
      {"data twice", data, data, ErrorCode::kCorrupt},
      {"of two segments", data, other.control(), ErrorCode::kCorrupt},
      {"too small", virgin, control, ErrorCode::kNotInitialized},
      {"foreign bytes", foreign, control, ErrorCode::kNotPlacid},
      {"more than there is", larger, control, ErrorCode::kCorrupt},
      {"of no segment", nobodys, control, ErrorCode::kCorrupt},
      {"control never made", data, virgin, ErrorCode::kNotInitialized},
  };
  for (const Lie& lie : lies) {
    EXPECT_TRUE(FailsWith(lie.code, "Rendezvous::Open", name_,
                          OpenWith(lie.data, lie.control)))
        << lie.what;
  }
  EXPECT_FALSE(OpenWith(tiny, control)) << "fewer bytes than a header has";
  EXPECT_FALSE(OpenWith(data, tiny));
  for (const SharedObject* object : {&tiny, &virgin, &foreign, &larger}) {
    EXPECT_FALSE(OpenReader(*object));
  }
  EXPECT_TRUE(FailsWith(ErrorCode::kCorrupt, "Rendezvous::OpenReader", name_,
                        OpenReader(nobodys)));
}

TEST_F(HostileServerTest, WhatMayOnlyBeReadIsNotTakenPartIn) {
  const std::array<Gift, 3> gifts{{{segment_.data(), Access::kReadOnly},
                                   {segment_.data(), Access::kReadOnly},
                                   {segment_.control(), Access::kReadWrite}}};
  EXPECT_TRUE(FailsWith(ErrorCode::kPermissionDenied, "Rendezvous::Open", name_,
                        Open(gifts)));
}

// Whoever gave it could have it shrink while we touch it.
TEST_F(HostileServerTest, WhatIsNotSealedIsRefused) {
  const std::string path = scratch_.NewPath();
  const auto file =
      SharedObject::CreateAtPath(path, segment_.data().size_bytes());
  ASSERT_TRUE(file) << file.error().Message().c_str();
  {
    const auto from = *segment_.data().Map();
    std::ranges::copy(from.bytes(), file->Map()->bytes().begin());
  }
  EXPECT_TRUE(FailsWith(ErrorCode::kNotPlacid, "Rendezvous::Open", name_,
                        OpenWith(*file, segment_.control())));
  EXPECT_TRUE(FailsWith(ErrorCode::kNotPlacid, "Rendezvous::OpenReader", name_,
                        OpenReader(*file)));
}

}  // namespace
}  // namespace placid
