// SPDX-License-Identifier: Apache-2.0
//
// Slotted: creating and attaching to a type of equal slots, whose number is
// fixed by the type or chosen at run time.
//
// Its Memory begins with the words `stamp` and `capacity` (0 where the extent is
// fixed), and the slots follow on it.
#ifndef PLACID_BASE_SLOTTED_H_
#define PLACID_BASE_SLOTTED_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/extent.h"
#include "placid/base/result.h"
#include "placid/base/stamp.h"

namespace placid {

template <typename Memory, std::uint64_t kExtent, std::uint64_t kSlotBytes>
class Slotted {
 public:
  static constexpr bool kIsDynamic = kExtent == kDynamic;

  // Bytes that it takes. For a capacity that is none: more than there are.
  [[nodiscard]] static constexpr std::uint64_t SizeFor(std::uint64_t capacity) {
    if (!IsCapacity(capacity) || capacity > kMostSlots) return UINT64_MAX;
    return sizeof(Memory) + capacity * kSlotBytes;
  }

  // Writes one whose other words are zero. The slots stay as they are, unless
  // clear(extent) writes them: the stamp comes last. Errors: kInvalidArgument
  // (no power of two, or not the fixed extent), kTooSmall, kMisaligned,
  // kAlreadyExists.
  static Result<Extent<kExtent>> Create(std::span<std::byte> bytes,
                                        std::uint64_t capacity, Stamp stamp,
                                        const char* operation) {
    return Create(bytes, capacity, stamp, operation, [](Extent<kExtent>) {});
  }
  template <typename Clear>
  static Result<Extent<kExtent>> Create(std::span<std::byte> bytes,
                                        std::uint64_t capacity, Stamp stamp,
                                        const char* operation,
                                        const Clear& clear) {
    if (!IsCapacity(capacity) || (!kIsDynamic && capacity != kExtent)) {
      return BadCapacity(capacity, operation);
    }
    if (auto place =
            CheckPlace(bytes, SizeFor(capacity), kLineBytes, operation);
        !place) {
      return place.error();
    }
    auto* memory = reinterpret_cast<Memory*>(bytes.data());
    if (auto virgin = RefuseStamped(memory->stamp, operation); !virgin) {
      return virgin.error();
    }
    // All but the stamp: bytes from an allocator need not be zero.
    *memory = Memory{};
    if constexpr (kIsDynamic) {
      memory->capacity.store(capacity, kRelaxed);  // sync: none, see the stamp
    }
    clear(Extent<kExtent>(capacity));
    SetStamp(memory->stamp, stamp);
    return Extent<kExtent>(capacity);
  }

  // Checks; stamps the virgin where the extent is fixed. Errors: kTooSmall,
  // kMisaligned, kNotInitialized (run-time capacity, not yet created),
  // kNotPlacid, kWrongByteOrder, kWrongType, kWrongVersion, kWrongElement,
  // kCorrupt (a capacity that cannot be).
  static Result<Extent<kExtent>> Attach(std::span<std::byte> bytes, Stamp stamp,
                                        const char* operation) {
    const std::uint64_t least = SizeFor(kIsDynamic ? 1 : kExtent);
    if (auto place = CheckPlace(bytes, least, kLineBytes, operation); !place) {
      return place.error();
    }
    auto* memory = reinterpret_cast<Memory*>(bytes.data());
    auto stamped = kIsDynamic ? CheckStamp(memory->stamp, stamp, operation)
                              : StampOrCheck(memory->stamp, stamp, operation);
    if (!stamped) return stamped.error();
    return ExtentOf(*memory, bytes.size(), operation);
  }

  // Makes the bytes virgin, whatever they were; with the slots of a fixed extent,
  // which Attach takes as they are. Errors: kTooSmall, kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, const char* operation) {
    const std::uint64_t size = kIsDynamic ? sizeof(Memory) : SizeFor(kExtent);
    auto place = CheckPlace(bytes, size, kLineBytes, operation);
    if (place) {
      std::fill_n(bytes.begin(), static_cast<std::ptrdiff_t>(size),
                  std::byte{});
    }
    return place;
  }

  // The extent of what bears the stamp. Errors: kCorrupt.
  static Result<Extent<kExtent>> ExtentOf(const Memory& memory,
                                          std::uint64_t size_bytes,
                                          const char* operation) {
    if constexpr (!kIsDynamic) {
      return Extent<kExtent>();
    } else {
      const std::uint64_t capacity =
          memory.capacity.load(kRelaxed);  // sync: none, ordered by the stamp
      if (SizeFor(capacity) <= size_bytes) return Extent<kExtent>(capacity);
      return Error{.code = ErrorCode::kCorrupt,
                   .operation = operation,
                   .field = "capacity",
                   .expected = (size_bytes - sizeof(Memory)) / kSlotBytes,
                   .found = capacity,
                   .advice =
                       "it claims more slots than there are bytes, or no "
                       "power of two; attach to all its bytes, or create "
                       "it anew"};
    }
  }

 private:
  static constexpr std::uint64_t kMostSlots = std::min<std::uint64_t>(
      kMaxCapacity, (std::uint64_t{1} << 46) / kSlotBytes);
};

}  // namespace placid

#endif  // PLACID_BASE_SLOTTED_H_
