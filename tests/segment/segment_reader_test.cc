// SPDX-License-Identifier: Apache-2.0
#include "placid/segment/segment_reader.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "placid/base/error.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/seqlock.h"
#include "placid/segment/segment.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

static_assert(!std::is_copy_constructible_v<SegmentReader>);
static_assert(std::is_nothrow_move_constructible_v<SegmentReader>);

using Value = Seqlock<std::uint64_t>;

class SegmentReaderTest : public ::testing::Test {
 protected:
  ~SegmentReaderTest() override { (void)Segment::Unlink(name_); }

  static CreateSegmentOptions Options() {
    CreateSegmentOptions options;
    options.size_bytes = Value::SizeFor();
    options.fingerprint = 7;
    options.place = [](std::span<std::byte> bytes) -> Result<void> {
      const auto value = Value::Create(bytes);
      if (!value) return value.error();
      auto writer = value->ClaimWriter();
      if (!writer) return writer.error();
      writer->Store(42);
      return Ok();
    };
    return options;
  }
  [[nodiscard]] ErrorCode WhyNot(const OpenSegmentOptions& options = {}) const {
    const auto reader = SegmentReader::Open(name_, options);
    if (reader) return {};
    EXPECT_STREQ(reader.error().operation, "SegmentReader::Open");
    EXPECT_EQ(reader.error().subject.view(), name_.text());
    EXPECT_NE(reader.error().advice, nullptr);
    return reader.error().code;
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
};

TEST_F(SegmentReaderTest, ItSeesWhatTheCreatorPlacedAndWhatIsStoredLater) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  const auto reader = SegmentReader::Open(name_);
  ASSERT_TRUE(reader) << reader.error().Message().c_str();
  EXPECT_EQ(reader->id(), segment->id());
  EXPECT_EQ(reader->bytes().size(), segment->bytes().size());
  EXPECT_NE(reader->bytes().data(), segment->bytes().data());
  EXPECT_TRUE(reader->Check());

  auto value = Value::AttachReadOnly(reader->bytes());
  ASSERT_TRUE(value) << value.error().Message().c_str();
  std::uint64_t found = 0;
  EXPECT_EQ(value->TryLoad(found), RingResult::kOk);
  EXPECT_EQ(found, 42u);
  auto writer = Value::Attach(segment->bytes())->ClaimWriter();
  ASSERT_TRUE(writer);
  writer->Store(43);
  EXPECT_EQ(value->TryLoad(found), RingResult::kOk);
  EXPECT_EQ(found, 43u);
}

TEST_F(SegmentReaderTest, WhereThereIsNoneItSaysSoAndMakesNone) {
  EXPECT_EQ(WhyNot(), ErrorCode::kNotFound);
  EXPECT_EQ(WhyNot(), ErrorCode::kNotFound);
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  ASSERT_TRUE(Segment::Unlink(name_));
  EXPECT_EQ(WhyNot(), ErrorCode::kNotFound);
}

TEST_F(SegmentReaderTest, AnotherLayoutIsRefused) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  OpenSegmentOptions options;
  options.fingerprint = 8;
  EXPECT_EQ(WhyNot(options), ErrorCode::kWrongElement);
  options.fingerprint = 7;
  EXPECT_TRUE(SegmentReader::Open(name_, options));
}

TEST_F(SegmentReaderTest, ItGoesOnWithWhatWasUnlinkedAndLearnsOfIt) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  const auto reader = SegmentReader::Open(name_);
  ASSERT_TRUE(reader);
  EXPECT_FALSE(reader->IsRetired());
  ASSERT_TRUE(Segment::Unlink(name_));
  EXPECT_TRUE(reader->IsRetired());
  const auto checked = reader->Check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kUnlinked);
  EXPECT_EQ(checked.error().subject.view(), name_.text());
  EXPECT_TRUE(Value::AttachReadOnly(reader->bytes()));

  const auto next = Segment::Create(name_, Options());
  ASSERT_TRUE(next);
  const auto another = SegmentReader::Open(name_);
  ASSERT_TRUE(another);
  EXPECT_EQ(another->id(), next->id());
  EXPECT_NE(another->id(), reader->id());
}

TEST_F(SegmentReaderTest, ItTakesNoPart) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  const auto reader = SegmentReader::Open(name_);
  ASSERT_TRUE(reader);
  for (std::uint64_t i = 1; i <= segment->participants().count(); ++i) {
    EXPECT_EQ(segment->participants().Look(i).phase(), RowState::Phase::kFree);
  }
}

TEST_F(SegmentReaderTest, WhatIsNoSegmentIsRefused) {
  const auto object = os::SharedObject::Create(name_, 4096);
  ASSERT_TRUE(object);
  EXPECT_EQ(WhyNot(), ErrorCode::kNotPlacid);
  (void)os::SharedObject::Unlink(name_);
}

TEST_F(SegmentReaderTest, OneThatReadsNothingIsEmpty) {
  const SegmentReader reader;
  EXPECT_TRUE(reader.bytes().empty());
  EXPECT_FALSE(reader.IsRetired());
}

}  // namespace
}  // namespace placid
