// SPDX-License-Identifier: Apache-2.0
//
// GuardedArena: a place for one object at a time, with nothing around it that
// may be touched.
//
// The object lies between the inaccessible pages of tests/support, as far to
// the right as its alignment lets it. Under AddressSanitizer the rest of the
// arena is poisoned, so the very next byte on either side is caught; elsewhere
// the bytes between object and guard page are compared after the run.
#ifndef PLACID_FUZZ_GUARDED_ARENA_H_
#define PLACID_FUZZ_GUARDED_ARENA_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "fuzz/check.h"
#include "placid/base/cache_line.h"
#include "tests/support/asan.h"
#include "tests/support/guarded_bytes.h"

#if PLACID_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace placid::fuzz {

namespace internal {

#if PLACID_ASAN
inline constexpr bool kIsPoisoned = true;
inline void Poison(std::span<std::byte> bytes) {
  __asan_poison_memory_region(bytes.data(), bytes.size());
}
inline void Unpoison(std::span<std::byte> bytes) {
  __asan_unpoison_memory_region(bytes.data(), bytes.size());
}
#else
inline constexpr bool kIsPoisoned = false;
inline void Poison(std::span<std::byte>) {}
inline void Unpoison(std::span<std::byte>) {}
#endif

}  // namespace internal

class GuardedArena {
 public:
  // Static in a target: the pages outlive every run.
  explicit GuardedArena(std::size_t most_bytes)
      : pages_((most_bytes + kMarginBytes) / kLineBytes * kLineBytes) {
    internal::Poison(pages_.bytes());
  }
  ~GuardedArena() { internal::Unpoison(pages_.bytes()); }
  GuardedArena(const GuardedArena&) = delete;
  GuardedArena& operator=(const GuardedArena&) = delete;

  // Ends the last placement, if there was one, and gives `bytes` zero bytes
  // that start on `alignment`, a power of two up to a page, plus `skew` bytes.
  [[nodiscard]] std::span<std::byte> Place(std::size_t bytes,
                                           std::size_t alignment,
                                           std::size_t skew = 0) {
    CheckSurroundings();
    PLACID_FUZZ_CHECK(bytes + skew + alignment <= All().size());
    std::byte* const end = All().data() + All().size();
    std::byte* const last = end - bytes - skew;  // unless it is misaligned
    std::byte* const at =
        last - reinterpret_cast<std::uintptr_t>(last) % alignment + skew;
    internal::Poison(All());
    placed_ = {at, bytes};
    internal::Unpoison(placed_);
    if (bytes > 0) std::memset(at, 0, bytes);
    if (!internal::kIsPoisoned) {
      std::ranges::fill(Before(), kCanary);
      std::ranges::fill(After(), kCanary);
    }
    return placed_;
  }

  // That nothing was written around the placement.
  void CheckSurroundings() const {
    if (internal::kIsPoisoned || placed_.data() == nullptr) return;
    for (const auto margin : {Before(), After()}) {
      PLACID_FUZZ_CHECK(std::ranges::all_of(
          margin, [](std::byte byte) { return byte == kCanary; }));
    }
  }

 private:
  static constexpr std::byte kCanary{0xA5};
  static constexpr std::size_t kMarginBytes = 256;

  [[nodiscard]] std::span<std::byte> All() const { return pages_.bytes(); }
  [[nodiscard]] std::span<std::byte> Before() const {
    const auto before = static_cast<std::size_t>(placed_.data() - All().data());
    const std::size_t margin = std::min(before, kMarginBytes);
    return {placed_.data() - margin, margin};
  }
  [[nodiscard]] std::span<std::byte> After() const {
    std::byte* const end = placed_.data() + placed_.size();
    return {end, static_cast<std::size_t>(All().data() + All().size() - end)};
  }

  testing::GuardedBytes pages_;
  std::span<std::byte> placed_;
};

}  // namespace placid::fuzz

#endif  // PLACID_FUZZ_GUARDED_ARENA_H_
