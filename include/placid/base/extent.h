// SPDX-License-Identifier: Apache-2.0
//
// Extent: a capacity known at compile time, or kept privately since attaching.
//
// Capacities are powers of two, so that a position becomes a slot by a mask,
// which keeps every index inside whatever a peer has written.
#ifndef PLACID_BASE_EXTENT_H_
#define PLACID_BASE_EXTENT_H_

#include <bit>
#include <cstdint>

#include "placid/base/result.h"

namespace placid {

// The extent of a type whose capacity is chosen at run time, like
// std::dynamic_extent.
inline constexpr std::uint64_t kDynamic = UINT64_MAX;

// Above this no capacity is believed: sizes computed from it cannot overflow.
inline constexpr std::uint64_t kMaxCapacity = std::uint64_t{1} << 40;

template <std::uint64_t kExtent>
class Extent {
  static_assert(std::has_single_bit(kExtent) && kExtent <= kMaxCapacity,
                "a capacity is a power of two, at most 2^40");

 public:
  constexpr Extent() = default;
  explicit constexpr Extent(std::uint64_t /*capacity*/) {}
  [[nodiscard]] static constexpr std::uint64_t capacity() { return kExtent; }
  [[nodiscard]] static constexpr std::uint64_t mask() { return kExtent - 1; }
  // A position's lap is what is left of it, shifted by this.
  [[nodiscard]] static constexpr int shift() {
    return std::countr_zero(kExtent);
  }
};

template <>
class Extent<kDynamic> {
 public:
  constexpr Extent() = default;
  // A capacity that IsCapacity accepts.
  explicit constexpr Extent(std::uint64_t capacity)
      : mask_(capacity - 1), shift_(std::countr_zero(capacity)) {}
  [[nodiscard]] constexpr std::uint64_t capacity() const { return mask_ + 1; }
  [[nodiscard]] constexpr std::uint64_t mask() const { return mask_; }
  [[nodiscard]] constexpr int shift() const { return shift_; }

 private:
  std::uint64_t mask_ = 0;
  int shift_ = 0;
};

[[nodiscard]] constexpr bool IsCapacity(std::uint64_t capacity) {
  return std::has_single_bit(capacity) && capacity <= kMaxCapacity;
}

// The error of a caller who chose a capacity that is none.
[[nodiscard]] constexpr Error BadCapacity(std::uint64_t capacity,
                                          const char* operation) {
  return {.code = ErrorCode::kInvalidArgument,
          .operation = operation,
          .field = "capacity",
          .expected = capacity == 0             ? 1
                      : capacity > kMaxCapacity ? kMaxCapacity
                                                : std::bit_ceil(capacity),
          .found = capacity,
          .advice = "a capacity is a power of two from 1 to 2^40"};
}

}  // namespace placid

#endif  // PLACID_BASE_EXTENT_H_
