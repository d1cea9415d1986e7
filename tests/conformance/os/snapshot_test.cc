// SPDX-License-Identifier: Apache-2.0
#include "placid/os/snapshot.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "fixture.h"
#include "gtest/gtest.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "port.h"
#include "words.h"

namespace placid::os::conformance {
namespace {

class SnapshotConformance : public Conformance {
 protected:
  static constexpr std::size_t kLast = kPages - sizeof(std::uint32_t);

  void SetUp() override {
    Conformance::SetUp();
    object_ = *SharedObject::Create(name_, kPages);
    mapping_ = *object_.Map();
  }

  static std::uint32_t WordOf(const Snapshot& snapshot, std::size_t offset) {
    std::uint32_t word = 0;
    std::memcpy(&word, snapshot.bytes().data() + offset, sizeof(word));
    return word;
  }

  Name name_ = NewName();
  SharedObject object_;
  Mapping mapping_;
};

TEST_F(SnapshotConformance, WhatIsCopiedIsThere) {
  StoreWord(mapping_, 0, 3);
  StoreWord(mapping_, kLast, 4);
  const auto opened = SharedObject::Open(name_, Access::kReadOnly);
  ASSERT_TRUE(Succeeds(opened));
  auto snapshot = Snapshot::Of(*opened);
  ASSERT_TRUE(Succeeds(snapshot));
  EXPECT_EQ(snapshot->bytes().size(), kPages);
  ASSERT_TRUE(Succeeds(snapshot->Copy(*opened, 0, kPages)));
  EXPECT_EQ(WordOf(*snapshot, 0), 3U);
  EXPECT_EQ(WordOf(*snapshot, kLast), 4U);
}

// Pieces that begin and end anywhere, beyond the end, and of nothing.
TEST_F(SnapshotConformance, PiecesAreCopiedToTheirPlaces) {
  for (std::size_t at = 0; at < kPages; at += 64) {
    StoreWord(mapping_, at, static_cast<std::uint32_t>(at + 1));
  }
  auto snapshot = *Snapshot::Of(object_);
  constexpr std::pair<std::uint64_t, std::uint64_t> kPieces[] = {
      {64, 4}, {4032, 128}, {kPages / 2 + 64, 5000}, {kPages - 64, ~0ULL - 1}};
  for (const auto& [offset, size] : kPieces) {
    ASSERT_TRUE(Succeeds(snapshot.Copy(object_, offset, size)));
    const std::uint64_t end = offset + std::min(size, kPages - offset);
    for (std::uint64_t at = offset; at + 4 <= end; at += 64) {
      EXPECT_EQ(WordOf(snapshot, at), at + 1);
    }
  }
  for (const auto& [offset, size] : kPieces) {
    EXPECT_EQ(WordOf(snapshot, offset), offset + 1) << "copied over";
  }
  EXPECT_TRUE(Succeeds(snapshot.Copy(object_, 0, 0)));
  EXPECT_TRUE(Succeeds(snapshot.Copy(object_, kPages, 1)));
  EXPECT_TRUE(Succeeds(snapshot.Copy(object_, ~0ULL, ~0ULL)));
}

// What was not copied can be read all the same, and a later copy is newer.
TEST_F(SnapshotConformance, AnotherCopyShowsWhatIsThereNow) {
  auto snapshot = *Snapshot::Of(object_);
  (void)WordOf(snapshot, kLast);
  for (std::uint32_t value = 1; value < 4; ++value) {
    StoreWord(mapping_, kLast, value);
    ASSERT_TRUE(Succeeds(snapshot.Copy(object_, kLast, 4)));
    EXPECT_EQ(WordOf(snapshot, kLast), value);
  }
}

// Fails by a SIGBUS if the bytes are the object's own.
TEST_F(SnapshotConformance, WhatIsCutShortIsAnErrorAndNoDeath) {
  StoreWord(mapping_, 0, 3);
  StoreWord(mapping_, kLast, 4);
  auto snapshot = *Snapshot::Of(object_);
  ASSERT_TRUE(Succeeds(snapshot.Copy(object_, 0, kPages)));
  auto another = *Snapshot::Of(object_);
  const bool can_be = TruncateFromOutside(name_, kPages / 2);
  EXPECT_EQ(WordOf(snapshot, 0), 3U);
  EXPECT_EQ(WordOf(snapshot, kLast), 4U);
  const auto of = Snapshot::Of(object_);
  const auto copied = another.Copy(object_, 0, kPages);
  if (!can_be) {
    EXPECT_TRUE(Succeeds(of));
    EXPECT_TRUE(Succeeds(copied));
    return;
  }
  EXPECT_TRUE(
      FailsWith(ErrorCode::kTruncated, "Snapshot::Of", name_.text(), of));
  EXPECT_TRUE(
      FailsWith(ErrorCode::kTruncated, "Snapshot::Copy", name_.text(), copied));
  EXPECT_EQ(copied.error().expected, kPages);
  EXPECT_EQ(copied.error().found, kPages / 2);
  EXPECT_EQ(WordOf(another, 0), 3U) << "what is there still";
  (void)WordOf(another, kLast);
  EXPECT_TRUE(Succeeds(another.Copy(object_, 0, kPages / 2)));
}

TEST_F(SnapshotConformance, OfNoObjectThereIsNone) {
  EXPECT_TRUE(Snapshot().bytes().empty());
  EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "Snapshot::Of",
                        SharedObject().label().view(),
                        Snapshot::Of(SharedObject())));
}

TEST_F(SnapshotConformance, ASnapshotKeepsNothingOfItsObjectOpen) {
  const std::size_t handles = CountOpenHandles();
  const std::size_t mappings = CountMappings();
  for (int i = 0; i < 100; ++i) {
    auto snapshot = Snapshot::Of(object_);
    ASSERT_TRUE(Succeeds(snapshot));
    Snapshot moved = *std::move(snapshot);
    ASSERT_TRUE(Succeeds(moved.Copy(object_, 0, kPages)));
    EXPECT_EQ(CountOpenHandles(), handles);
  }
  EXPECT_EQ(CountMappings(), mappings);
}

}  // namespace
}  // namespace placid::os::conformance
