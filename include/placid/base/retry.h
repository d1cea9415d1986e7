// SPDX-License-Identifier: Apache-2.0
//
// Retry: whether an operation that did nothing is worth trying again, and when.
// A type of results says so by an overload of RetryAfter beside it, and then
// whatever returns it can be waited for.
#ifndef PLACID_BASE_RETRY_H_
#define PLACID_BASE_RETRY_H_

#include <concepts>
#include <cstdint>

namespace placid {

enum class Retry : std::uint8_t {
  kNever,     // it is done, or never will be
  kSoon,      // others were faster: nobody will say when to try again
  kOnChange,  // when somebody else has done something
};

// Of a try that is true once it has done it.
template <std::same_as<bool> Bool>
[[nodiscard]] constexpr Retry RetryAfter(Bool is_done) {
  return is_done ? Retry::kNever : Retry::kOnChange;
}

}  // namespace placid

#endif  // PLACID_BASE_RETRY_H_
