// SPDX-License-Identifier: Apache-2.0
//
// HostilePeer: whoever shares the bytes with us, played by the fuzzer.
//
// While one lives, the hostile machine (hostile_machine.h) asks it at every
// access to shared memory. A load gives what is stored or a lie; the next load
// of the same word may give another, so a program that reads a value, checks it
// and reads it again is caught out. The peer also watches: an access outside
// the shared bytes, a misaligned one, and an operation that makes more accesses
// than it may, end the run.
//
// The lies come from the back of the input. One byte tells a lie and for how
// many loads the peer is honest after it, so a long honest prelude is cheap and
// fifteen lies in a row are possible too:
//
//   bits   meaning
//   7..5   how many of the next loads are honest, 0 to 7
//   4      the peer also writes what it says to memory
//   3..0   the lie, as in Lie()
#ifndef PLACID_FUZZ_HOSTILE_PEER_H_
#define PLACID_FUZZ_HOSTILE_PEER_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "fuzz/check.h"
#include "fuzz/input.h"

namespace placid::fuzz {

enum class Honesty : std::uint8_t {
  kHonest,   // for comparing with a model
  kHostile,  // lies at the fuzzer's will
};

class HostilePeer {
 public:
  HostilePeer(Input& input, std::span<std::byte> shared, Honesty honesty)
      : input_(&input), shared_(shared), honesty_(honesty), before_(current_) {
    current_ = this;
  }
  ~HostilePeer() { current_ = before_; }
  HostilePeer(const HostilePeer&) = delete;
  HostilePeer& operator=(const HostilePeer&) = delete;

  // The peer of the run that is going on; nullptr between runs. There is one:
  // a target runs one input at a time in one thread.
  [[nodiscard]] static HostilePeer* Current() { return current_; }

  [[nodiscard]] bool is_honest() const { return honesty_ == Honesty::kHonest; }

  // The operation that begins now may access shared memory so often and no
  // more: the bound that its progress class promises.
  void Allow(std::uint64_t accesses) {
    accesses_left_ = accesses;
    may_write_ = true;
  }
  // The same for an operation that works on pages mapped read-only.
  void AllowReads(std::uint64_t accesses) {
    accesses_left_ = accesses;
    may_write_ = false;
  }

  // Called for each access of `bytes` shared bytes, before it.
  void Watch(const void* at, std::size_t bytes, std::size_t alignment) {
    PLACID_FUZZ_CHECK(accesses_left_ > 0 && "the operation ends in bounds");
    --accesses_left_;
    PLACID_FUZZ_CHECK(Contains(at, bytes) && "accesses only what is shared");
    PLACID_FUZZ_CHECK(reinterpret_cast<std::uintptr_t>(at) % alignment == 0 &&
                      "shared words are aligned");
  }
  void WatchWrite(const void* at, std::size_t bytes, std::size_t alignment) {
    PLACID_FUZZ_CHECK(may_write_ && "the operation is store-free");
    Watch(at, bytes, alignment);
  }
  [[nodiscard]] bool Contains(const void* at, std::size_t bytes) const {
    const auto begin = reinterpret_cast<std::uintptr_t>(shared_.data());
    const auto address = reinterpret_cast<std::uintptr_t>(at);
    return address >= begin && address - begin <= shared_.size() &&
           bytes <= shared_.size() - (address - begin);
  }

  // What a load of *at gives.
  template <typename T>
  [[nodiscard]] T See(T* at) {
    const T stored = *at;
    if (!WantsToLie()) return Remember(stored);
    const T seen =
        static_cast<T>(Lie(static_cast<std::make_unsigned_t<T>>(stored)));
    if (writes_lie_) *at = seen;
    return Remember(seen);
  }

  // Called for each store of a word: it is a good lie later on.
  void Notice(std::uint64_t written) { last_written_ = written; }

  // Changes a private copy of shared bytes as the peer might have, before.
  void Spoil(void* copy, std::size_t bytes) {
    if (bytes == 0 || !WantsToLie()) return;
    auto* to = static_cast<unsigned char*>(copy);
    const std::size_t n = std::min<std::size_t>(bytes, 8);
    const std::size_t at =
        bytes == n ? 0 : input_->TakeLie<std::uint16_t>() % (bytes - n + 1);
    std::uint64_t word = 0;
    std::memcpy(&word, to + at, n);
    word = Lie(word);
    std::memcpy(to + at, &word, n);
  }

  // Between operations: the peer writes any word of the shared bytes.
  void Scribble() {
    if (is_honest() || shared_.size() < 8) return;
    const std::size_t at =
        static_cast<std::size_t>(input_->TakeAtMost(shared_.size() / 8 - 1)) *
        8;
    std::uint64_t word = 0;
    std::memcpy(&word, shared_.data() + at, 8);
    lie_ = input_->Take<std::uint8_t>() % 16;
    word = Lie(word);
    std::memcpy(shared_.data() + at, &word, 8);
  }

 private:
  [[nodiscard]] bool WantsToLie() {
    if (is_honest()) return false;
    if (honest_left_ > 0) {
      --honest_left_;
      return false;
    }
    if (input_->is_spent()) return false;
    const auto draw = input_->TakeLie<std::uint8_t>();
    honest_left_ = draw >> 5;
    writes_lie_ = (draw >> 4 & 1) != 0;
    lie_ = draw & 15;
    return lie_ != 0;
  }

  // Lies near the truth pass a first check more often than any number does;
  // lies near the edges of an integer break arithmetic.
  template <std::unsigned_integral T>
  [[nodiscard]] T Lie(T stored) {
    static constexpr std::array<std::uint64_t, 12> kEdges = {
        0,
        0x7F,
        0xFF,
        0x7FFF,
        0xFFFF,
        0x7FFF'FFFF,
        0xFFFF'FFFF,
        std::uint64_t{1} << 40,
        std::uint64_t{1} << 48,
        0x7FFF'FFFF'FFFF'FFFF,
        0xFFFF'FFFF'FFFF'0000,
        0xFFFF'FFFF'FFFF'FFFF};
    const auto small = [this] {  // -128 to 127
      return static_cast<T>(
          static_cast<std::int8_t>(input_->TakeLie<std::uint8_t>()));
    };
    switch (lie_) {
      case 1: return static_cast<T>(stored + 1);
      case 2: return static_cast<T>(stored - 1);
      case 3: return static_cast<T>(stored + small());
      case 4: return static_cast<T>(stored + small() * 8);
      case 5: return static_cast<T>(stored + small() * 128);
      case 6: return static_cast<T>(stored ^ T{1} << small() % kBits<T>);
      case 7: return static_cast<T>(small());
      case 8: return static_cast<T>(small() * 8);
      case 9: return static_cast<T>(~stored);
      case 10: return static_cast<T>(stored << 32 % kBits<T> | stored);
      case 11: return input_->TakeLie<T>();
      case 12: {  // one half of the word
        constexpr int kHalf = kBits<T> / 2;
        const T other = static_cast<T>(input_->TakeLie<T>() << kHalf);
        return static_cast<T>((stored & ((T{1} << kHalf) - 1)) | other);
      }
      case 13: {  // what a load gave a while ago, of another word perhaps
        const auto back = input_->TakeLie<std::uint8_t>();
        return static_cast<T>(seen_[back % seen_.size()]);
      }
      case 14: return static_cast<T>(last_written_ + small() * 8);
      default: {
        const auto draw = input_->TakeLie<std::uint8_t>();
        return static_cast<T>(kEdges[draw / 4 % kEdges.size()] + draw % 4 - 1);
      }
    }
  }
  template <typename T>
  static constexpr int kBits = static_cast<int>(sizeof(T)) * 8;

  template <typename T>
  T Remember(T value) {
    seen_[next_seen_++ % seen_.size()] = static_cast<std::uint64_t>(value);
    return value;
  }

  static inline HostilePeer* current_ = nullptr;

  Input* input_;
  std::span<std::byte> shared_;
  Honesty honesty_;
  HostilePeer* before_;
  std::uint64_t accesses_left_ = UINT64_MAX;
  bool may_write_ = true;
  std::uint8_t honest_left_ = 0;
  std::uint8_t lie_ = 0;
  bool writes_lie_ = false;
  std::array<std::uint64_t, 4> seen_{};
  std::size_t next_seen_ = 0;
  std::uint64_t last_written_ = 0;
};

}  // namespace placid::fuzz

#endif  // PLACID_FUZZ_HOSTILE_PEER_H_
