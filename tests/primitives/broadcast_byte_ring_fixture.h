// SPDX-License-Identifier: Apache-2.0
//
// What the unit tests of BroadcastByteRing share: the ring in guarded bytes, set
// to any position, and records that say which they are.
#ifndef PLACID_TESTS_PRIMITIVES_BROADCAST_BYTE_RING_FIXTURE_H_
#define PLACID_TESTS_PRIMITIVES_BROADCAST_BYTE_RING_FIXTURE_H_

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "placid/primitives/broadcast_byte_ring.h"
#include "tests/support/guarded_bytes.h"

namespace placid::testing {
// Where positions and numbers begin.
inline constexpr std::array<std::uint64_t, 4> kByteStarts = {
    0, (std::uint64_t{1} << 32) - 32, (std::uint64_t{1} << 63) - 48,
    std::uint64_t{0} - 64};

class BroadcastByteRingTest : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  using Ring = BroadcastByteRing;
  using Record = std::vector<std::byte>;

  // The ring, empty, as if `start` bytes and as many records had gone through.
  void StartFrom(std::uint64_t start) {
    ASSERT_TRUE(Ring::Reset(guarded_.bytes(), NobodyUsesIt()));
    ring_ = *Ring::Create(guarded_.bytes(), capacity_);
    memory().tail.store(start, kRelaxed);
    memory().oldest.store(start, kRelaxed);
    Word(start).store(start, kRelaxed);
  }
  [[nodiscard]] Ring::Memory& memory() const {
    return *reinterpret_cast<Ring::Memory*>(guarded_.bytes().data());
  }
  // A word of data.
  [[nodiscard]] Atomic<std::uint64_t>& Word(std::uint64_t position) const {
    return *reinterpret_cast<Atomic<std::uint64_t>*>(
        guarded_.bytes().data() + Ring::kDataOffset + position % capacity_);
  }
  [[nodiscard]] std::uint64_t Kept() const {
    return memory().tail.load(kRelaxed) - memory().oldest.load(kRelaxed);
  }

  // Record `number`, of a length that its number says.
  [[nodiscard]] Record Make(std::uint64_t number) const {
    Record record(static_cast<std::size_t>(number * 37 %
                                           (ring_.MostRecordBytes() + 1)));
    std::uint64_t mix = number;
    for (std::byte& byte : record) {
      byte = static_cast<std::byte>((mix += 0x9E37'79B9'7F4A'7C15u) >> 56);
    }
    return record;
  }
  void Write(Ring::Writer& writer, std::uint64_t count) const {
    for (std::uint64_t i = 0; i < count; ++i) {
      ASSERT_EQ(writer.TryPush(Make(writer.number())), RingResult::kOk);
    }
  }
  // Reads one and checks it; `lost` grows by what was.
  RingResult Read(Ring::Reader& reader, std::uint64_t& lost) const {
    const std::uint64_t before = reader.number();
    Record to(static_cast<std::size_t>(ring_.MostRecordBytes()));
    std::size_t length = 99;
    std::uint64_t found = 99;
    const RingResult result = reader.TryRead(to, length, found);
    lost += found;
    if (result != RingResult::kOk) return result;
    to.resize(length);
    EXPECT_EQ(to, Make(before + found)) << before << " + " << found;
    EXPECT_EQ(reader.number(), before + found + 1);
    return result;
  }
  void ExpectReads(Ring::Reader& reader, std::uint64_t number,
                   std::uint64_t lost = 0) const {
    std::uint64_t found = 0;
    ASSERT_EQ(Read(reader, found), RingResult::kOk) << number;
    EXPECT_EQ(reader.number(), number + 1);
    EXPECT_EQ(found, lost);
  }
  void ExpectReadGives(Ring::Reader& reader, RingResult result) const {
    std::uint64_t lost = 0;
    EXPECT_EQ(Read(reader, lost), result);
    EXPECT_EQ(lost, 0u);
  }

  const std::uint64_t capacity_ = GetParam();
  GuardedBytes guarded_{Ring::SizeFor(capacity_)};
  Ring ring_ = *Ring::Create(guarded_.bytes(), capacity_);
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_BROADCAST_BYTE_RING_FIXTURE_H_
