// SPDX-License-Identifier: Apache-2.0
//
// Input: a fuzzer's bytes, spent from both ends.
//
// What our side does is drawn from the front, how its peer lies from the back,
// so that a fuzzer that changes a lie leaves the deeds as they are, and the
// other way round. When the two meet, everything drawn is zero: a target that
// loops while `!is_spent()` and draws in each round therefore ends.
#ifndef PLACID_FUZZ_INPUT_H_
#define PLACID_FUZZ_INPUT_H_

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>

namespace placid::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : front_(data), back_(data + size) {}

  [[nodiscard]] bool is_spent() const { return front_ == back_; }
  [[nodiscard]] std::size_t bytes_left() const {
    return static_cast<std::size_t>(back_ - front_);
  }

  // The next T of the front. What the input lacks is zero.
  template <std::unsigned_integral T>
  [[nodiscard]] T Take() {
    T value = 0;
    const std::size_t n = std::min(sizeof(T), bytes_left());
    if (n > 0) std::memcpy(&value, front_, n);  // an empty input may be null
    front_ += n;
    return value;
  }
  // The next number, 0 to `most`, of as few bytes as hold `most`.
  [[nodiscard]] std::uint64_t TakeAtMost(std::uint64_t most) {
    const std::uint64_t value = most <= 0xFF         ? Take<std::uint8_t>()
                                : most <= 0xFFFF     ? Take<std::uint16_t>()
                                : most <= 0xFFFFFFFF ? Take<std::uint32_t>()
                                                     : Take<std::uint64_t>();
    return most == UINT64_MAX ? value : value % (most + 1);
  }
  [[nodiscard]] bool TakeBool() { return Take<std::uint8_t>() % 2 != 0; }
  template <typename T>
  [[nodiscard]] T TakeOneOf(std::initializer_list<T> choices) {
    return choices.begin()[TakeAtMost(choices.size() - 1)];
  }
  // The next bytes of the front, at most `most`.
  [[nodiscard]] std::span<const std::byte> TakeBytes(std::size_t most) {
    const std::size_t n = std::min(most, bytes_left());
    const auto bytes = std::as_bytes(std::span(front_, n));
    front_ += n;
    return bytes;
  }

  // The next T of the back.
  template <std::unsigned_integral T>
  [[nodiscard]] T TakeLie() {
    T value = 0;
    const std::size_t n = std::min(sizeof(T), bytes_left());
    back_ -= n;
    std::memcpy(&value, back_, n);
    return value;
  }

 private:
  const std::uint8_t* front_;
  const std::uint8_t* back_;
};

}  // namespace placid::fuzz

#endif  // PLACID_FUZZ_INPUT_H_
