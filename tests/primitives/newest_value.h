// SPDX-License-Identifier: Apache-2.0
//
// What a stress of Seqlock and of Latest does alike: one writer stores values
// that can be checked, readers check them.
#ifndef PLACID_TESTS_PRIMITIVES_NEWEST_VALUE_H_
#define PLACID_TESTS_PRIMITIVES_NEWEST_VALUE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <thread>

#include "placid/primitives/ring_result.h"

namespace placid::testing {

// Stores the numbers 1 to `count` and closes. Now and then it lets others run,
// or on two cores the readers would see little of it.
template <typename T, typename Writer>
void StoreAll(Writer writer, std::uint64_t count, std::uint64_t seed) {
  std::minstd_rand random(static_cast<unsigned>(seed));
  for (std::uint64_t number = 1; number <= count; ++number) {
    const auto dice = random();
    if (number > 1 && dice % 4 == 0) {
      const RingResult updated = writer.Update([number](T& value) {
        EXPECT_EQ(value.number(), number - 1);
        value = T::Of(number);
      });
      EXPECT_EQ(updated, RingResult::kOk);
    } else {
      writer.Store(T::Of(number));
    }
    if (dice % 64 == 1) std::this_thread::yield();
  }
  std::move(writer).Close();
}

struct ReadCounts {
  std::uint64_t whole = 0;
  std::uint64_t changes = 0;  // reads of another value than the one before
  std::uint64_t refused = 0;
};

// Reads until the writer has closed: every value is whole and none is older
// than the one before; the last is `count`.
template <typename T, typename Reader>
ReadCounts ReadAll(Reader reader, std::uint64_t count, std::uint64_t seed) {
  std::minstd_rand random(static_cast<unsigned>(seed));
  ReadCounts counts;
  std::uint64_t last = 0;
  for (bool is_last = false; !is_last;) {
    is_last = reader.IsClosed();
    T value;
    const auto dice = random();
    const RingResult result =
        dice % 2 == 0
            ? reader.TryLoad(value)
            : reader.TryRead([&](auto shared) { shared.CopyOut(value); });
    if (result != RingResult::kOk) {
      ++counts.refused;
      EXPECT_NE(result, RingResult::kCorrupt);
      EXPECT_FALSE(is_last) << ToString(result);
      std::this_thread::yield();
      continue;
    }
    EXPECT_TRUE(value.IsWhole()) << "torn: " << value.number();
    EXPECT_GE(value.number(), last) << "went back";
    if (::testing::Test::HasFailure()) return counts;
    ++counts.whole;
    counts.changes += value.number() != last;
    last = value.number();
    if (dice % 256 == 1) std::this_thread::yield();
  }
  EXPECT_EQ(last, count) << "the final value was not seen";
  return counts;
}

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_NEWEST_VALUE_H_
