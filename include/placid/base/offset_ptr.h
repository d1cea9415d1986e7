// SPDX-License-Identifier: Apache-2.0
//
// OffsetPtr<T>: a reference to a T in the same region, as bytes from the
// region's start, so that it means the same at every address.
//
// It is only a number until a process resolves it against its own view of the
// region; that checks range and alignment, since the number may be a peer's.
// An offset from the region's start and not from the pointer itself: it can be
// copied as plain bytes, stored twice, and compared.
#ifndef PLACID_BASE_OFFSET_PTR_H_
#define PLACID_BASE_OFFSET_PTR_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "placid/base/fields.h"

namespace placid {

template <typename T>
class OffsetPtr {
 public:
  // Null. No object lies at offset 0: a region begins with its header's stamp.
  constexpr OffsetPtr() = default;
  explicit constexpr OffsetPtr(std::uint64_t offset) : offset_(offset) {}

  // The offset of `at`, which lies within `region`.
  static OffsetPtr To(std::span<const std::byte> region, const T* at) {
    return OffsetPtr(static_cast<std::uint64_t>(
        reinterpret_cast<const std::byte*>(at) - region.data()));
  }

  [[nodiscard]] constexpr bool is_null() const { return offset_ == 0; }
  [[nodiscard]] constexpr std::uint64_t offset() const { return offset_; }

  // The T in this process's view of the region; nullptr where the offset is
  // null, misaligned, or a T there would not lie wholly within.
  [[nodiscard]] T* ResolveIn(std::span<std::byte> region) const {
    if (is_null() || region.size() < sizeof(T)) return nullptr;
    if (offset_ > region.size() - sizeof(T)) return nullptr;
    std::byte* const at = region.data() + static_cast<std::size_t>(offset_);
    if (reinterpret_cast<std::uintptr_t>(at) % Alignment() != 0) return nullptr;
    return reinterpret_cast<T*>(at);
  }

  friend constexpr bool operator==(OffsetPtr, OffsetPtr) = default;

 private:
  // i386 would have 64-bit integers on any multiple of 4: what one process may
  // resolve, all may.
  [[nodiscard]] static constexpr std::size_t Alignment() {
    if constexpr (Element<T>) {
      constexpr std::uint64_t kNatural = internal::ElementTraits<T>::kAlignment;
      if (kNatural > alignof(T)) return static_cast<std::size_t>(kNatural);
    }
    return alignof(T);
  }

  std::uint64_t offset_ = 0;
};

}  // namespace placid

#endif  // PLACID_BASE_OFFSET_PTR_H_
