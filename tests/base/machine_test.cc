// SPDX-License-Identifier: Apache-2.0
#include "placid/base/machine.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "tests/support/guarded_bytes.h"

namespace placid::machine {
namespace {

constexpr std::size_t kMostBytes = 300;
constexpr std::size_t kMostOffset = 16;

std::vector<std::byte> RandomBytes(std::size_t count) {
  std::mt19937 random(1);
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

using Copy = void (*)(void*, const void*, std::size_t);

// The twins must agree byte for byte, or a ThreadSanitizer build would check
// another program: every size, every alignment of either side, and the bytes
// around untouched.
void ExpectCopiesAllSizesAndAlignments(Copy copy) {
  const std::vector<std::byte> source = RandomBytes(kMostBytes + kMostOffset);
  const std::vector<std::byte> before =
      RandomBytes(kMostBytes + 2 * kMostOffset + 1);
  for (std::size_t size = 0; size <= kMostBytes; ++size) {
    for (std::size_t from = 0; from <= kMostOffset; ++from) {
      for (std::size_t to = 0; to <= kMostOffset; ++to) {
        std::vector<std::byte> expected = before;
        for (std::size_t i = 0; i < size; ++i) {
          expected[to + i] = source[from + i];
        }
        std::vector<std::byte> actual = before;
        copy(actual.data() + to, source.data() + from, size);
        ASSERT_EQ(actual, expected)
            << "size " << size << ", from " << from << ", to " << to;
      }
    }
  }
}

TEST(RacyCopyTest, VectorsCopyEverySizeAndAlignment) {
  ExpectCopiesAllSizesAndAlignments(
      [](void* to, const void* from, std::size_t size) {
        RacyCopyByVectors(to, from, size);
      });
}
TEST(RacyCopyTest, WordsOutCopyEverySizeAndAlignment) {
  ExpectCopiesAllSizesAndAlignments(RacyCopyByWords<Shared::kFrom>);
}
TEST(RacyCopyTest, WordsInCopyEverySizeAndAlignment) {
  ExpectCopiesAllSizesAndAlignments(RacyCopyByWords<Shared::kTo>);
}
TEST(RacyCopyTest, ChosenCopiesCopyEverySizeAndAlignment) {
  ExpectCopiesAllSizesAndAlignments(
      [](void* to, const void* from, std::size_t size) {
        RacyCopyOut(to, from, size);
      });
  ExpectCopiesAllSizesAndAlignments(
      [](void* to, const void* from, std::size_t size) {
        RacyCopyIn(to, from, size);
      });
}
TEST(CopyTest, PublishedBytesCopyEverySizeAndAlignment) {
  ExpectCopiesAllSizesAndAlignments(
      [](void* to, const void* from, std::size_t size) {
        CopyOut(to, from, size);
      });
  ExpectCopiesAllSizesAndAlignments(
      [](void* to, const void* from, std::size_t size) {
        CopyIn(to, from, size);
      });
}

// A word read past the end is on the guard page; relaxed words must be aligned
// where they are shared, or they are no atomic accesses.
TEST(RacyCopyTest, StaysInsideTheSharedBytes) {
  for (std::size_t size = 1; size <= 64; ++size) {
    const placid::testing::GuardedBytes guarded(size, /*alignment=*/1);
    std::array<std::byte, 64> other{};
    RacyCopyByWords<Shared::kTo>(guarded.bytes().data(), other.data(), size);
    RacyCopyByWords<Shared::kFrom>(other.data(), guarded.bytes().data(), size);
    RacyCopyOut(other.data(), guarded.bytes().data(), size);
    RacyCopyIn(guarded.bytes().data(), other.data(), size);
  }
}

template <std::size_t kBytes>
struct Block {
  std::array<std::uint8_t, kBytes> bytes;
  friend bool operator==(const Block&, const Block&) = default;
};

template <std::size_t kBytes>
void ExpectCopies() {
  Block<kBytes> from;
  for (std::size_t i = 0; i < kBytes; ++i) {
    from.bytes[i] = static_cast<std::uint8_t>(i + 1);
  }
  Block<kBytes> out{};
  CopyOut(out, from);
  EXPECT_EQ(out, from) << kBytes;
  Block<kBytes> in{};
  CopyIn(in, from);
  EXPECT_EQ(in, from) << kBytes;
}

TEST(CopyTest, ValuesOfAnySizeArriveWhole) {
  ExpectCopies<1>();
  ExpectCopies<7>();
  ExpectCopies<8>();
  ExpectCopies<24>();
  ExpectCopies<64>();
  ExpectCopies<1000>();
}

// Hints need not be mapped memory.
TEST(HintsTest, PrefetchesOfUnmappedAddressesDoNothing) {
  Pause();
  PrefetchRead(nullptr);
  const placid::testing::GuardedBytes guarded(128);
  PrefetchRead(guarded.bytes().data() + 128);
  PrefetchWrite(guarded.bytes().data() + 128);
}

}  // namespace
}  // namespace placid::machine
