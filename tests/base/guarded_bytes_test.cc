// SPDX-License-Identifier: Apache-2.0
//
// What other tests lean on: that their guard pages and read-only pages are.
#include "tests/support/guarded_bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace placid::testing {
namespace {

void Write(std::byte* at) { *static_cast<volatile std::byte*>(at) = {}; }

TEST(GuardedBytesTest, BytesAreZeroAndAligned) {
  for (const std::size_t size : {1u, 127u, 128u, 4096u, 5000u}) {
    const GuardedBytes guarded(size);
    ASSERT_EQ(guarded.bytes().size(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(guarded.bytes().data()) % 128,
              0u);
    EXPECT_TRUE(std::ranges::all_of(
        guarded.bytes(), [](std::byte byte) { return byte == std::byte{}; }));
  }
}

TEST(GuardedBytesDeathTest, TheByteBehindKills) {
  const GuardedBytes guarded(256);
  EXPECT_DEATH_IF_SUPPORTED(Write(guarded.bytes().data() + 256), "");
}

TEST(GuardedBytesDeathTest, ThePageBeforeKills) {
  const GuardedBytes guarded(256);
  EXPECT_DEATH_IF_SUPPORTED(Write(guarded.bytes().data() - 4096), "");
}

TEST(GuardedBytesDeathTest, ReadOnlyBytesKillTheirWriter) {
  GuardedBytes guarded(256);
  guarded.MakeReadOnly();
  EXPECT_DEATH_IF_SUPPORTED(Write(guarded.bytes().data()), "");
  guarded.MakeWritable();
  Write(guarded.bytes().data());
}

}  // namespace
}  // namespace placid::testing
