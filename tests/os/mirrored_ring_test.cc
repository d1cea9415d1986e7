// SPDX-License-Identifier: Apache-2.0
//
// SpscByteRing over a double mapping: a record that runs past the end of data
// lies at its start too, in one piece for both sides.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "placid/os/shared_object.h"
#include "placid/primitives/spsc_byte_ring.h"

namespace placid {
namespace {

using os::MapOptions;
using os::Mapping;
using os::SharedObject;
using Ring = SpscByteRing;
using Bytes = std::vector<std::byte>;

constexpr std::uint64_t kCapacity = 0x10000;
constexpr auto kSize = Ring::SizeFor(kCapacity, Ring::Wrap::kMirrored);

class MirroredRingTest : public ::testing::Test {
 protected:
  [[nodiscard]] Mapping Map() const {
    MapOptions options;
    options.mirror_offset = Ring::kMirroredDataOffset;
    auto mapping = object_.Map(options);
    EXPECT_TRUE(mapping) << mapping.error().Message().c_str();
    return *std::move(mapping);
  }
  static Bytes RecordOf(std::size_t n, std::size_t length) {
    Bytes record(length);
    for (std::size_t i = 0; i < length; ++i) {
      record[i] = static_cast<std::byte>(n * 59 + i * 13 + i / 256);
    }
    return record;
  }

  SharedObject object_ = *SharedObject::CreateAnonymous(kSize);
};

// Two views, so that the bytes really come through the object, and lengths that
// put the seam everywhere.
TEST_F(MirroredRingTest, RecordsAcrossTheSeamAreWholeInEveryView) {
  const Mapping writers = Map();
  const Mapping readers = Map();
  ASSERT_EQ(writers.size_bytes(), kSize + kCapacity);
  ASSERT_TRUE(Ring::Create(writers.bytes(), kCapacity, Ring::Wrap::kMirrored));
  auto producer = Ring::Attach(writers.bytes())->ClaimProducer();
  auto consumer = Ring::Attach(readers.bytes())->ClaimConsumer();
  ASSERT_TRUE(producer && consumer);

  Bytes copy(kCapacity);
  std::uint64_t crossed = 0;
  for (std::size_t n = 0; n < 2000; ++n) {
    const Bytes record = RecordOf(n, n * 997 % (kCapacity - 7));
    ASSERT_EQ(producer->TryPush(record), RingResult::kOk) << n;
    SharedBytes front;
    ASSERT_EQ(consumer->TryFront(front), RingResult::kOk) << n;
    ASSERT_EQ(front.size(), record.size());
    ASSERT_EQ(front.CopyOut(copy), record.size());
    ASSERT_TRUE(std::equal(record.begin(), record.end(), copy.begin())) << n;
    const auto end = static_cast<std::uint64_t>(front.TrustPeer().data() +
                                                front.size() - readers.data());
    crossed += end > kSize ? 1 : 0;
    ASSERT_LE(end, readers.size_bytes());
    ASSERT_EQ(consumer->TryFront(front), RingResult::kEmpty);
  }
  EXPECT_GT(crossed, 500u);
}

// The longest record fits at any position, and at once.
TEST_F(MirroredRingTest, TheLongestRecordNeedsNoPadding) {
  const Mapping mapping = Map();
  const auto ring =
      Ring::Create(mapping.bytes(), kCapacity, Ring::Wrap::kMirrored);
  ASSERT_TRUE(ring);
  auto producer = ring->ClaimProducer();
  auto consumer = ring->ClaimConsumer();
  const auto most = static_cast<std::size_t>(ring->MostRecordBytes());
  for (std::size_t n = 0; n < 10; ++n) {
    SharedBytes front;
    ASSERT_EQ(producer->TryPush(RecordOf(n, 8 * n)), RingResult::kOk);
    ASSERT_EQ(consumer->TryFront(front), RingResult::kOk);
    ASSERT_EQ(consumer->TryFront(front), RingResult::kEmpty);
    ASSERT_EQ(producer->TryPush(RecordOf(n, most)), RingResult::kOk);
    ASSERT_EQ(consumer->TryFront(front), RingResult::kOk);
    ASSERT_EQ(front.size(), most);
    ASSERT_EQ(consumer->TryFront(front), RingResult::kEmpty);
  }
}

TEST_F(MirroredRingTest, AViewWithoutTheMirrorIsRefused) {
  const Mapping mirrored = Map();
  ASSERT_TRUE(Ring::Create(mirrored.bytes(), kCapacity, Ring::Wrap::kMirrored));
  const auto plain = object_.Map();
  ASSERT_TRUE(plain);
  const auto ring = Ring::Attach(plain->bytes());
  ASSERT_FALSE(ring);
  EXPECT_EQ(ring.error().code, ErrorCode::kCorrupt);
  EXPECT_STREQ(ring.error().field, "bytes the ring spans");
}

}  // namespace
}  // namespace placid
