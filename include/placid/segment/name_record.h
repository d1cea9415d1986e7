// SPDX-License-Identifier: Apache-2.0
//
// NameRecord: what lies under a segment's public name, and says which segment
// that leads to.
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field    writer     meaning
//   0x000      8  stamp    the first  type, version
//   0x008      8  current  in turn    a SegmentId
//   0x010    112  pad0
//
// Invariant  No object of any segment under the name exists, but for those of
//            current: a creator points here before it makes any, and whoever
//            unlinks takes them away before it points elsewhere. So whoever
//            dies in doing so leaves nothing that the next one cannot find.
// Threads    One changes it at a time: it holds the record's creation lock.
//            Anybody reads.
// Progress   wait-free: every operation.
// Crash      recoverable: the next one who takes the creation lock sees whether
//            current is whole, and else removes its objects.
// Trust      guarded: a hostile peer can lead us to another segment, or none.
// Readers    store-free: Current, on pages mapped read-only.
// Orders
//   edge    release        acquire        carries
//   create  Create: stamp  Attach: stamp  the zero words
//
// current itself carries nothing: what it leads to is opened by name, and says
// itself whether it is whole.
#ifndef PLACID_SEGMENT_NAME_RECORD_H_
#define PLACID_SEGMENT_NAME_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/guarantees.h"
#include "placid/base/placeable.h"
#include "placid/base/result.h"
#include "placid/base/stamp.h"
#include "placid/primitives/role.h"
#include "placid/segment/segment_id.h"

namespace placid {

class NameRecord {
 public:
  struct Memory {
    Atomic<std::uint64_t> stamp;
    Atomic<std::uint64_t> current;
    Padding<112> pad0;
  };
  using Storage = Memory;

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = kLineBytes;
  static constexpr Guarantees kGuarantees{Progress::kWaitFree,
                                          Crash::kRecoverable, Trust::kGuarded,
                                          Readers::kStoreFree};

  [[nodiscard]] static constexpr std::uint64_t SizeFor() {
    return sizeof(Memory);
  }

  // Writes one that leads nowhere into bytes whose first word is zero. Errors:
  // kTooSmall, kMisaligned, kAlreadyExists.
  static Result<NameRecord> Create(std::span<std::byte> bytes);
  // Checks and gives a view; stamps the virgin. Errors: kTooSmall, kMisaligned,
  // kNotPlacid, kWrongByteOrder, kWrongType, kWrongVersion.
  static Result<NameRecord> Attach(std::span<std::byte> bytes);
  // Errors: kTooSmall, kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, NobodyUsesIt token);

  [[nodiscard]] SegmentId Current() const {
    return SegmentId(
        memory_->current.load(kRelaxed));  // sync: none, see the contract
  }
  // With the creation lock.
  void PointTo(SegmentId id) const {
    memory_->current.store(id.word(), kRelaxed);  // sync: none, as above
  }

 private:
  static constexpr Stamp kStamp{TypeId::kNameRecord, kLayoutVersion, 0};

  static_assert(offsetof(Memory, stamp) == 0x000);
  static_assert(offsetof(Memory, current) == 0x008);
  static_assert(offsetof(Memory, pad0) == 0x010);
  static_assert(sizeof(Memory) == 0x080);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  explicit NameRecord(Memory* memory) : memory_(memory) {}

  Memory* memory_;
};

// ---- Implementation ---------------------------------------------------------

inline Result<NameRecord> NameRecord::Create(std::span<std::byte> bytes) {
  constexpr const char* kOperation = "NameRecord::Create";
  if (auto place = CheckPlace(bytes, SizeFor(), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto virgin = RefuseStamped(memory->stamp, kOperation); !virgin) {
    return virgin.error();
  }
  *memory = Memory{};
  SetStamp(memory->stamp, kStamp);
  return NameRecord(memory);
}

inline Result<NameRecord> NameRecord::Attach(std::span<std::byte> bytes) {
  constexpr const char* kOperation = "NameRecord::Attach";
  if (auto place = CheckPlace(bytes, SizeFor(), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto stamped = StampOrCheck(memory->stamp, kStamp, kOperation);
      !stamped) {
    return stamped.error();
  }
  return NameRecord(memory);
}

inline Result<void> NameRecord::Reset(std::span<std::byte> bytes,
                                      NobodyUsesIt) {
  auto place = CheckPlace(bytes, SizeFor(), kAlignment, "NameRecord::Reset");
  if (place) *reinterpret_cast<Memory*>(bytes.data()) = Memory{};
  return place;
}

}  // namespace placid

#endif  // PLACID_SEGMENT_NAME_RECORD_H_
