// SPDX-License-Identifier: Apache-2.0
//
// CheckedValue: a value that shows whether it is whole, and which one it is.
#ifndef PLACID_TESTS_SUPPORT_CHECKED_VALUE_H_
#define PLACID_TESTS_SUPPORT_CHECKED_VALUE_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace placid::testing {

template <std::size_t kWords>
struct CheckedValue {
  std::array<std::uint64_t, kWords> words;

  [[nodiscard]] static CheckedValue Of(std::uint64_t number) {
    CheckedValue value;
    for (std::size_t i = 0; i < kWords; ++i) value.words[i] = Word(number, i);
    return value;
  }
  [[nodiscard]] std::uint64_t number() const { return words[0]; }
  // Every word belongs to one and the same number.
  [[nodiscard]] bool IsWhole() const {
    for (std::size_t i = 0; i < kWords; ++i) {
      if (words[i] != Word(words[0], i)) return false;
    }
    return true;
  }

 private:
  // Neighbouring numbers and words differ in every byte that matters.
  static std::uint64_t Word(std::uint64_t number, std::size_t i) {
    return i == 0 ? number : (number + i) * 0x9E37'79B9'7F4A'7C15u;
  }
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_SUPPORT_CHECKED_VALUE_H_
