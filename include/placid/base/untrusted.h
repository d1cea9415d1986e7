// SPDX-License-Identifier: Apache-2.0
//
// Untrusted<T>: a number a peer wrote, held privately, usable only once checked.
//
//   Untrusted length(header.length.load(kAcquire));  // sync: commit (acquire)
//   const auto n = length.AtMost(left);
//   if (!n) return RingResult::kCorrupt;
//
// The number was read once, so what was checked is what is used. There is no
// way out without a check but ForDisplay.
#ifndef PLACID_BASE_UNTRUSTED_H_
#define PLACID_BASE_UNTRUSTED_H_

#include <concepts>
#include <optional>

namespace placid {

template <std::unsigned_integral T>
class Untrusted {
 public:
  explicit constexpr Untrusted(T value) : value_(value) {}

  // The number, where it is < limit.
  [[nodiscard]] constexpr std::optional<T> Below(T limit) const {
    return value_ < limit ? std::optional<T>(value_) : std::nullopt;
  }
  // The number, where it is <= limit.
  [[nodiscard]] constexpr std::optional<T> AtMost(T limit) const {
    return value_ <= limit ? std::optional<T>(value_) : std::nullopt;
  }
  // How far the number lies past `begin`, where that is <= limit. Counters that
  // never wrap are compared so: the difference is right even across 2^N.
  [[nodiscard]] constexpr std::optional<T> PastAtMost(T begin, T limit) const {
    return Untrusted(static_cast<T>(value_ - begin)).AtMost(limit);
  }
  // An index made safe whatever the number: for powers of two.
  [[nodiscard]] constexpr T Masked(T mask) const { return value_ & mask; }
  [[nodiscard]] constexpr bool Is(T value) const { return value_ == value; }

  // For messages and dumps, never for an address, a size or a loop.
  [[nodiscard]] constexpr T ForDisplay() const { return value_; }

 private:
  T value_;
};

}  // namespace placid

#endif  // PLACID_BASE_UNTRUSTED_H_
