// SPDX-License-Identifier: Apache-2.0
#include "placid/segment/segment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "placid/base/error.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/segment/lifetime.h"
#include "tests/segment/fails_with.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

static_assert(!std::is_copy_constructible_v<Segment>);
static_assert(std::is_nothrow_move_constructible_v<Segment>);

using placid::testing::FailsWith;

constexpr std::uint64_t kBytes = 10'000;

class SegmentTest : public ::testing::Test {
 protected:
  ~SegmentTest() override { (void)Segment::Unlink(name_); }

  static CreateSegmentOptions Options(std::uint64_t size_bytes = kBytes) {
    CreateSegmentOptions options;
    options.size_bytes = size_bytes;
    return options;
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
};

TEST_F(SegmentTest, OneCreatesAndOthersOpenTheSameBytes) {
  const auto creator = Segment::Create(name_, Options());
  ASSERT_TRUE(creator) << creator.error().Message().c_str();
  EXPECT_TRUE(creator->was_created());
  ASSERT_EQ(creator->bytes().size(), kBytes);
  EXPECT_TRUE(std::ranges::all_of(
      creator->bytes(), [](std::byte byte) { return byte == std::byte{0}; }));
  const auto address =
      reinterpret_cast<std::uintptr_t>(creator->bytes().data());
  EXPECT_EQ(address % kLineBytes, 0u);
  EXPECT_EQ(creator->participants().count(), 64u);

  const auto opener = Segment::Open(name_);
  ASSERT_TRUE(opener) << opener.error().Message().c_str();
  EXPECT_FALSE(opener->was_created());
  EXPECT_EQ(opener->id(), creator->id());
  ASSERT_EQ(opener->bytes().size(), kBytes);
  creator->bytes().back() = std::byte{42};
  EXPECT_EQ(opener->bytes().back(), std::byte{42});

  const auto third = Segment::OpenOrCreate(name_, Options());
  ASSERT_TRUE(third);
  EXPECT_FALSE(third->was_created());
  EXPECT_EQ(third->id(), creator->id());
  EXPECT_TRUE(third->Check());
}

TEST_F(SegmentTest, WhatIsThereIsNotCreatedAgain) {
  const auto first = Segment::Create(name_, Options());
  ASSERT_TRUE(first);
  EXPECT_TRUE(FailsWith(ErrorCode::kAlreadyExists, "Segment::Create", name_,
                        Segment::Create(name_, Options())));
  EXPECT_TRUE(first->Check()) << "the attempt did harm";
}

TEST_F(SegmentTest, WhatIsNotThereIsNotOpened) {
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "Segment::Open", name_,
                        Segment::Open(name_)));
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "Segment::Unlink", name_,
                        Segment::Unlink(name_)));
}

TEST_F(SegmentTest, WhatIsPlacedIsThereBeforeAnybodyElse) {
  CreateSegmentOptions options = Options();
  options.place = [&](std::span<std::byte> bytes) -> Result<void> {
    EXPECT_EQ(bytes.size(), kBytes);
    OpenSegmentOptions impatient;
    impatient.patience_ms = 5;
    EXPECT_TRUE(FailsWith(ErrorCode::kTimedOut, "Segment::Open", name_,
                          Segment::Open(name_, impatient)))
        << "seen before it was ready";
    EXPECT_TRUE(FailsWith(ErrorCode::kTimedOut, "Segment::Unlink", name_,
                          Segment::Unlink(name_, 5)));
    bytes.front() = std::byte{7};
    return Ok();
  };
  const auto creator = Segment::Create(name_, options);
  ASSERT_TRUE(creator);
  EXPECT_EQ(Segment::Open(name_)->bytes().front(), std::byte{7});
}

TEST_F(SegmentTest, AFailedPlacingLeavesNothing) {
  CreateSegmentOptions options = Options();
  options.place = [](std::span<std::byte>) -> Result<void> {
    return Error{
        .code = ErrorCode::kNoSpace, .operation = "place", .advice = "none"};
  };
  EXPECT_TRUE(FailsWith(ErrorCode::kNoSpace, "Segment::OpenOrCreate", name_,
                        Segment::OpenOrCreate(name_, options)));
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "Segment::Open", name_,
                        Segment::Open(name_)));
  EXPECT_TRUE(Segment::Create(name_, Options()));
}

TEST_F(SegmentTest, UnlinkTellsTheAttachedAndMakesRoomForAnother) {
  const auto old = Segment::Create(name_, Options());
  ASSERT_TRUE(old);
  const auto attached = Segment::Open(name_);
  EXPECT_FALSE(attached->IsRetired());
  const auto unlinked = Segment::Unlink(name_);
  ASSERT_TRUE(unlinked) << unlinked.error().Message().c_str();
  for (const Segment* segment : {&*old, &*attached}) {
    EXPECT_TRUE(segment->IsRetired());
    EXPECT_TRUE(FailsWith(ErrorCode::kUnlinked, "Segment::Check", name_,
                          segment->Check()));
  }
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "Segment::Open", name_,
                        Segment::Open(name_)));
  // The attached go on with theirs.
  old->bytes().front() = std::byte{1};
  EXPECT_EQ(attached->bytes().front(), std::byte{1});

  const auto next = Segment::OpenOrCreate(name_, Options());
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->was_created());
  EXPECT_NE(next->id(), old->id());
  EXPECT_EQ(next->bytes().front(), std::byte{0});
  EXPECT_FALSE(next->IsRetired());
  EXPECT_TRUE(next->Check());
  EXPECT_FALSE(old->Check());
}

TEST_F(SegmentTest, ItIsThereForAsLongAsAnybodyHasItOpen) {
  auto creator = Segment::Create(name_, Options());
  ASSERT_TRUE(creator);
  EXPECT_EQ(creator->lifetime(), Lifetime::kWhileOpen);
  const SegmentId id = creator->id();
  auto user = Segment::Open(name_);
  ASSERT_TRUE(user);
  user->bytes().front() = std::byte{9};
  *creator = Segment();
  auto late = Segment::Open(name_);
  ASSERT_TRUE(late) << late.error().Message().c_str();
  EXPECT_EQ(late->id(), id);
  EXPECT_EQ(late->bytes().front(), std::byte{9});
  *user = Segment();
  EXPECT_TRUE(late->Check());
  EXPECT_FALSE(late->IsRetired());
  *late = Segment();
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "Segment::Open", name_,
                        Segment::Open(name_)));
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "Segment::Unlink", name_,
                        Segment::Unlink(name_)));
  EXPECT_EQ(os::SharedObject::Open(name_, os::Access::kReadOnly).error().code,
            ErrorCode::kNotFound)
      << "its record is left";
  const auto next = Segment::OpenOrCreate(name_, Options());
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->was_created());
  EXPECT_NE(next->id(), id);
  EXPECT_EQ(next->bytes().front(), std::byte{0});
}

// What it is moved from must not close it, and what it is moved to must close
// what that had.
TEST_F(SegmentTest, MovingClosesWhatItReplacesAndNothingElse) {
  const os::Name other_name = scratch_.NewName();
  Segment segment = *Segment::Create(name_, Options());
  {
    Segment moved = std::move(segment);
    EXPECT_TRUE(moved.Check());
    segment = std::move(moved);
  }
  EXPECT_TRUE(segment.Check());
  EXPECT_TRUE(Segment::Open(name_));
  segment = *Segment::Create(other_name, Options());
  EXPECT_EQ(Segment::Open(name_).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(segment.Check());
  EXPECT_TRUE(Segment::Open(other_name));
}

// A try that fails has had it open for a moment.
TEST_F(SegmentTest, WhoIsRefusedTakesNothingAway) {
  CreateSegmentOptions options = Options();
  options.fingerprint = 1;
  const auto creator = Segment::Create(name_, options);
  ASSERT_TRUE(creator);
  options.fingerprint = 2;
  EXPECT_FALSE(Segment::OpenOrCreate(name_, options));
  EXPECT_FALSE(Segment::Create(name_, options));
  EXPECT_FALSE(Segment::OpenOrCreate(name_, Options(kBytes + 1)));
  EXPECT_TRUE(creator->Check());
  EXPECT_FALSE(creator->IsRetired());
}

// As the system can: nothing else would be said of it.
TEST_F(SegmentTest, ALifetimeUntilUnlinkedIsThatOrAnError) {
  CreateSegmentOptions options = Options();
  options.lifetime = Lifetime::kUntilUnlinked;
  auto creator = Segment::Create(name_, options);
  if (!os::NamesPersist()) {
    ASSERT_TRUE(
        FailsWith(ErrorCode::kUnsupported, "Segment::Create", name_, creator));
    EXPECT_STREQ(creator.error().field, "a lifetime until it is unlinked");
    EXPECT_TRUE(FailsWith(ErrorCode::kUnsupported, "Segment::OpenOrCreate",
                          name_, Segment::OpenOrCreate(name_, options)));
    EXPECT_TRUE(Segment::Create(name_, Options())) << "something is left";
    return;
  }
  ASSERT_TRUE(creator) << creator.error().Message().c_str();
  creator->bytes().front() = std::byte{9};
  const SegmentId id = creator->id();
  *creator = Segment();
  for (int i = 0; i < 2; ++i) {
    const auto user = Segment::OpenOrCreate(name_, Options());
    ASSERT_TRUE(user) << user.error().Message().c_str();
    EXPECT_EQ(user->id(), id);
    EXPECT_EQ(user->lifetime(), Lifetime::kUntilUnlinked) << "as it was made";
    EXPECT_EQ(user->bytes().front(), std::byte{9});
  }
  EXPECT_TRUE(Segment::Unlink(name_));
  EXPECT_EQ(Segment::Open(name_).error().code, ErrorCode::kNotFound);
}

// Two builds whose structs differ must not share bytes.
TEST_F(SegmentTest, AnotherFingerprintIsRefusedByName) {
  CreateSegmentOptions options = Options();
  options.fingerprint = 0xABC;
  const auto creator = Segment::Create(name_, options);
  ASSERT_TRUE(creator);
  OpenSegmentOptions same;
  same.fingerprint = 0xABC;
  EXPECT_TRUE(Segment::Open(name_, same));
  EXPECT_TRUE(Segment::Open(name_)) << "who does not care";
  OpenSegmentOptions other;
  other.fingerprint = 0xDEF;
  const auto opened = Segment::Open(name_, other);
  ASSERT_TRUE(
      FailsWith(ErrorCode::kWrongElement, "Segment::Open", name_, opened));
  EXPECT_EQ(opened.error().expected, 0xDEFu);
  EXPECT_EQ(opened.error().found, 0xABCu);
}

TEST_F(SegmentTest, TooFewBytesAreRefused) {
  const auto creator = Segment::Create(name_, Options());
  ASSERT_TRUE(creator);
  EXPECT_TRUE(Segment::OpenOrCreate(name_, Options(kBytes - 1)));
  const auto larger = Segment::OpenOrCreate(name_, Options(kBytes + 1));
  ASSERT_TRUE(
      FailsWith(ErrorCode::kTooSmall, "Segment::OpenOrCreate", name_, larger));
  EXPECT_EQ(larger.error().expected, kBytes + 1);
  EXPECT_EQ(larger.error().found, kBytes);
}

TEST_F(SegmentTest, BadArgumentsAreNamed) {
  const auto field = [&](const CreateSegmentOptions& options) {
    const auto made = Segment::Create(name_, options);
    EXPECT_TRUE(
        FailsWith(ErrorCode::kInvalidArgument, "Segment::Create", name_, made));
    return std::string(made.error().field);
  };
  EXPECT_EQ(field(Options(0)), "size_bytes");
  EXPECT_EQ(field(Options(~std::uint64_t{0})), "size_bytes");
  CreateSegmentOptions options = Options();
  options.participants = 0;
  EXPECT_EQ(field(options), "participants");
  options.participants = 4097;
  EXPECT_EQ(field(options), "participants");

  const auto too_long =
      *os::Name::Parse(std::string(Segment::kMostNameBytes + 1, 'n'));
  EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "Segment::Open", too_long,
                        Segment::Open(too_long)));
  const auto raw = *os::Name::Raw("/raw");
  EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "Segment::Unlink", raw,
                        Segment::Unlink(raw)));
}

TEST_F(SegmentTest, TheLongestNameHasRoomForOurs) {
  std::string text(scratch_.NewName().text());
  text.resize(Segment::kMostNameBytes, 'n');
  const auto name = *os::Name::Parse(text);
  {
    const auto segment = Segment::Create(name, Options());
    ASSERT_TRUE(segment) << segment.error().Message().c_str();
    EXPECT_TRUE(segment->Check());
    EXPECT_TRUE(Segment::Unlink(name));
  }
}

TEST_F(SegmentTest, TheMostThatCanTakePart) {
  CreateSegmentOptions options = Options(1);
  options.participants = OwnerId::kMostOwners;
  const auto segment = Segment::Create(name_, options);
  ASSERT_TRUE(segment) << segment.error().Message().c_str();
  EXPECT_EQ(segment->bytes().size(), 1u);
  EXPECT_EQ(Segment::Open(name_)->participants().count(), 4096u);
}

TEST_F(SegmentTest, AMovedSegmentKeepsItsBytes) {
  auto first = *Segment::Create(name_, Options());
  first.bytes().front() = std::byte{9};
  Segment second;
  EXPECT_TRUE(second.bytes().empty());
  EXPECT_FALSE(second.IsRetired());
  second = std::move(first);
  EXPECT_EQ(second.bytes().front(), std::byte{9});
  EXPECT_TRUE(second.Check());
}

// Something that is no record of ours has the name.
TEST_F(SegmentTest, AForeignObjectOfThatNameIsLeftAlone) {
  auto foreign = *os::SharedObject::Create(name_, 4096);
  const auto mapping = *foreign.Map();
  std::ranges::fill(mapping.bytes(), std::byte{0x33});
  for (const auto code : {Segment::Open(name_).error().code,
                          Segment::OpenOrCreate(name_, Options()).error().code,
                          Segment::Unlink(name_).error().code}) {
    EXPECT_EQ(code, ErrorCode::kNotPlacid);
  }
  EXPECT_TRUE(foreign.StillNamed(name_) ||
              foreign.StillNamed(name_).error().code ==
                  ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace placid
