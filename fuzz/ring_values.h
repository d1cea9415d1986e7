// SPDX-License-Identifier: Apache-2.0
//
// What the targets of rings of values put in: elements of 1, 8 and 24 bytes, of
// which each says which one it is.
#ifndef PLACID_FUZZ_RING_VALUES_H_
#define PLACID_FUZZ_RING_VALUES_H_

#include <cstdint>
#include <cstring>

#include "placid/base/fields.h"

namespace placid::fuzz {

// Larger than a word and no power of two.
struct Wide {
  std::uint64_t a;
  std::uint32_t b;
  std::uint32_t c;
  std::uint64_t d;
};
PLACID_FIELDS(Wide, a, b, c, d)

inline std::uint8_t Make(std::uint64_t n, std::uint8_t*) {
  return static_cast<std::uint8_t>(n * 7);
}
inline std::uint64_t Make(std::uint64_t n, std::uint64_t*) { return n * n + 1; }
inline Wide Make(std::uint64_t n, Wide*) {
  return {n, static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(~n), ~n};
}
// The n-th value that anybody made.
template <typename T>
T Make(std::uint64_t n) {
  return Make(n, static_cast<T*>(nullptr));
}
template <typename T>
bool AreSame(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

}  // namespace placid::fuzz

#endif  // PLACID_FUZZ_RING_VALUES_H_
