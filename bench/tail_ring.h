// SPDX-License-Identifier: Apache-2.0
//
// TailRing: records in the form that others give them where several produce, as
// Agrona's many-to-one ring buffer does (Aeron): a swap of a common tail claims
// room, a length before the record says that it is there, and the consumer zeroes
// whatever it has read, so that no old byte looks like a length. Who dies between
// the swap and the length leaves a gap of which nobody knows whose or how long it
// is. For one process; peers are trusted.
#ifndef PLACID_BENCH_TAIL_RING_H_
#define PLACID_BENCH_TAIL_RING_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"

namespace placid::bench {

template <typename T, std::uint64_t kCapacity>
class TailRing {
 public:
  using value_type = T;

  TailRing() : bytes_(new Bytes{}) {}
  auto MakeProducer() {
    return [this](const T& item) { return TryPush(item); };
  }
  auto MakeConsumer() {
    return [this](T& item) { return TryPop(item); };
  }

 private:
  // Before each record: its length with that of this word, or of what is left
  // over before the end. 0: nothing is there yet.
  using Length = Atomic<std::int64_t>;
  static constexpr std::uint64_t kBytes = sizeof(Length) + sizeof(T);
  static constexpr std::int64_t kLeftOver = std::int64_t{1} << 62;

  struct alignas(kLineBytes) Bytes {
    std::byte bytes[kCapacity];
  };
  struct alignas(kLineBytes) Counter {
    Atomic<std::uint64_t> count;
  };

  [[nodiscard]] std::byte* At(std::uint64_t position) const {
    return bytes_->bytes + position % kCapacity;
  }
  [[nodiscard]] Length& LengthAt(std::uint64_t position) const {
    return *std::launder(reinterpret_cast<Length*>(At(position)));
  }

  bool TryPush(const T& item) {
    std::uint64_t head = known_head_.count.load(kRelaxed);
    std::uint64_t tail = tail_.count.load(kRelaxed);
    std::uint64_t left_over = 0;
    do {
      const std::uint64_t to_end = kCapacity - tail % kCapacity;
      left_over = to_end < kBytes ? to_end : 0;
      if (tail + left_over + kBytes - head > kCapacity) {
        head = head_.count.load(kAcquire);
        if (tail + left_over + kBytes - head > kCapacity) return false;
        known_head_.count.store(head, kRelease);
      }
    } while (!tail_.count.compare_exchange(tail, tail + left_over + kBytes,
                                           kAcqRel, kRelaxed));
    if (left_over > 0) {
      LengthAt(tail).store(static_cast<std::int64_t>(left_over) | kLeftOver,
                           kRelease);
    }
    const std::uint64_t at = tail + left_over;
    LengthAt(at).store(-static_cast<std::int64_t>(kBytes), kRelease);
    std::memcpy(At(at) + sizeof(Length), &item, sizeof(T));
    LengthAt(at).store(static_cast<std::int64_t>(kBytes), kRelease);
    return true;
  }

  bool TryPop(T& item) {
    for (;;) {
      // In one go what was read, as theirs are given batches to read.
      const std::uint64_t end = given_back_ + read_;
      if (read_ > kCapacity / 8 || (read_ > 0 && end % kCapacity == 0)) {
        GiveBack();
      }
      const std::int64_t length = LengthAt(end).load(kAcquire);
      if (length <= 0) {
        if (read_ > 0) GiveBack();
        return false;
      }
      read_ += static_cast<std::uint64_t>(length & ~kLeftOver);
      if ((length & kLeftOver) != 0) continue;
      std::memcpy(&item, At(end) + sizeof(Length), sizeof(T));
      return true;
    }
  }
  // It never goes past the end of the bytes.
  void GiveBack() {
    std::memset(At(given_back_), 0, static_cast<std::size_t>(read_));
    given_back_ += read_;
    read_ = 0;
    head_.count.store(given_back_, kRelease);
  }

  std::unique_ptr<Bytes> bytes_;
  Counter tail_{};
  Counter head_{};
  Counter known_head_{};
  // The consumer's.
  alignas(kLineBytes) std::uint64_t given_back_ = 0;
  std::uint64_t read_ = 0;
};

}  // namespace placid::bench

#endif  // PLACID_BENCH_TAIL_RING_H_
