// SPDX-License-Identifier: Apache-2.0
//
// SegmentHeader: what stands at the beginning of each object of a segment.
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field        writer   meaning
//   0x000      8  stamp        creator  type, version
//   0x008      8  id           creator  the SegmentId of both objects
//   0x010      8  size         creator  bytes behind the header
//   0x018      8  fingerprint  creator  of what lies in them; 0: not given
//   0x020      4  kind         creator  1 data, 2 control
//   0x024      4  state        anybody  0 being made, 1 ready, 2 retired
//   0x028      4  lifetime     creator  0 while open, 1 until unlinked
//   0x02c     84  pad0
//
// Invariant  state only goes up; but whoever holds the creation lock may take
//            control's to 2 and back, to see that nobody joins (discovery.h).
//            What is ready is whole: header, the bytes behind it as their
//            creator placed them, and both objects.
// Threads    One creator, who holds the name's creation lock; then anybody.
// Progress   wait-free: every operation.
// Crash      recoverable: what a dead creator left never becomes ready. The
//            next one who takes the creation lock removes it.
// Trust      guarded: a hostile peer can retire a segment; a size is checked
//            against the bytes there are.
// Readers    store-free: Attach and IsRetired, on pages mapped read-only.
// Orders
//   edge    release          acquire           carries
//   create  Create: stamp    Attach: stamp     the words after it
//   ready   SetReady: state  Attach: state     all that the creator placed
//   retire  Retire: state    IsRetired: state  what its author did before
#ifndef PLACID_SEGMENT_SEGMENT_HEADER_H_
#define PLACID_SEGMENT_SEGMENT_HEADER_H_

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
#include "placid/base/untrusted.h"
#include "placid/primitives/role.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/segment_id.h"

namespace placid {

class SegmentHeader {
 public:
  enum class Kind : std::uint32_t { kData = 1, kControl = 2 };

  struct Memory {
    Atomic<std::uint64_t> stamp;
    Atomic<std::uint64_t> id;
    Atomic<std::uint64_t> size;
    Atomic<std::uint64_t> fingerprint;
    Atomic<std::uint32_t> kind;
    Atomic<std::uint32_t> state;
    Atomic<std::uint32_t> lifetime;
    Padding<84> pad0;
  };

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = kLineBytes;
  static constexpr Guarantees kGuarantees{Progress::kWaitFree,
                                          Crash::kRecoverable, Trust::kGuarded,
                                          Readers::kStoreFree};

  // Bytes of an object with so many behind its header.
  [[nodiscard]] static constexpr std::uint64_t SizeFor(std::uint64_t size) {
    return sizeof(Memory) + size;
  }

  // Writes one, not ready, in front of all other bytes of the object; its first
  // word is zero. Errors: kTooSmall, kMisaligned, kAlreadyExists.
  static Result<SegmentHeader> Create(std::span<std::byte> bytes, SegmentId id,
                                      Kind kind, std::uint64_t fingerprint,
                                      Lifetime lifetime = Lifetime::kWhileOpen);
  // Only what is ready, of that segment and kind, and whole. Errors: kTooSmall,
  // kMisaligned, kNotInitialized (not made, or not ready yet), kNotPlacid,
  // kWrongByteOrder, kWrongType, kWrongVersion, kCorrupt (it contradicts its
  // name, or the bytes there are), kUnlinked (retired).
  static Result<SegmentHeader> Attach(std::span<std::byte> bytes, SegmentId id,
                                      Kind kind);
  // Errors: kTooSmall, kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, NobodyUsesIt token);

  // The last step of a creator.
  void SetReady() const {
    memory_->state.store(kReady, kRelease);  // sync: ready (release)
  }
  // Says to all who are attached that the segment's time is over.
  void Retire() const {
    memory_->state.store(kRetired, kRelease);  // sync: retire (release)
  }
  [[nodiscard]] bool IsRetired() const {
    return memory_->state.load(kAcquire) == kRetired;  // sync: retire (acquire)
  }

  // The bytes behind it.
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t fingerprint() const { return fingerprint_; }
  [[nodiscard]] Lifetime lifetime() const { return lifetime_; }

 private:
  static constexpr std::uint32_t kReady = 1;
  static constexpr std::uint32_t kRetired = 2;
  static constexpr Stamp kStamp{TypeId::kSegmentHeader, kLayoutVersion, 0};

  static_assert(offsetof(Memory, stamp) == 0x000);
  static_assert(offsetof(Memory, id) == 0x008);
  static_assert(offsetof(Memory, size) == 0x010);
  static_assert(offsetof(Memory, fingerprint) == 0x018);
  static_assert(offsetof(Memory, kind) == 0x020);
  static_assert(offsetof(Memory, state) == 0x024);
  static_assert(offsetof(Memory, lifetime) == 0x028);
  static_assert(offsetof(Memory, pad0) == 0x02c);
  static_assert(sizeof(Memory) == 0x080);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  SegmentHeader(std::span<std::byte> all, std::uint64_t size,
                std::uint64_t fingerprint, Lifetime lifetime)
      : memory_(reinterpret_cast<Memory*>(all.data())),
        bytes_(all.subspan(sizeof(Memory), static_cast<std::size_t>(size))),
        fingerprint_(fingerprint),
        lifetime_(lifetime) {}

  static Error Contradicts(const char* field, std::uint64_t expected,
                           std::uint64_t found);

  Memory* memory_;
  std::span<std::byte> bytes_;
  std::uint64_t fingerprint_;
  Lifetime lifetime_;
};

// ---- Implementation ---------------------------------------------------------

inline Result<SegmentHeader> SegmentHeader::Create(std::span<std::byte> bytes,
                                                   SegmentId id, Kind kind,
                                                   std::uint64_t fingerprint,
                                                   Lifetime lifetime) {
  constexpr const char* kOperation = "SegmentHeader::Create";
  if (auto place = CheckPlace(bytes, SizeFor(1), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto virgin = RefuseStamped(memory->stamp, kOperation); !virgin) {
    return virgin.error();
  }
  *memory = Memory{};
  const std::uint64_t size = bytes.size() - sizeof(Memory);
  memory->id.store(id.word(), kRelaxed);  // sync: none, see the stamp
  memory->size.store(size, kRelaxed);     // sync: none, see the stamp
  memory->fingerprint.store(fingerprint,
                            kRelaxed);  // sync: none, see the stamp
  memory->kind.store(static_cast<std::uint32_t>(kind),
                     kRelaxed);  // sync: none, see the stamp
  memory->lifetime.store(static_cast<std::uint32_t>(lifetime),
                         kRelaxed);  // sync: none, see the stamp
  SetStamp(memory->stamp, kStamp);
  return SegmentHeader(bytes, size, fingerprint, lifetime);
}

inline Result<SegmentHeader> SegmentHeader::Attach(std::span<std::byte> bytes,
                                                   SegmentId id, Kind kind) {
  constexpr const char* kOperation = "SegmentHeader::Attach";
  if (auto place = CheckPlace(bytes, SizeFor(1), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto stamped = CheckStamp(memory->stamp, kStamp, kOperation); !stamped) {
    return stamped.error();
  }
  const std::uint32_t state =
      memory->state.load(kAcquire);  // sync: ready (acquire)
  if (state != kReady) {
    return Error{
        .code = state == 0 ? ErrorCode::kNotInitialized : ErrorCode::kUnlinked,
        .operation = kOperation,
        .field = "state",
        .expected = kReady,
        .found = state,
        .advice = state == 0 ? "its creator has not finished, or died"
                             : "it was retired: open the name again"};
  }
  const std::uint64_t found_id =
      memory->id.load(kRelaxed);  // sync: none, ordered by the stamp
  const std::uint32_t found_kind =
      memory->kind.load(kRelaxed);  // sync: none, ordered by the stamp
  if (found_id != id.word()) return Contradicts("id", id.word(), found_id);
  if (found_kind != static_cast<std::uint32_t>(kind)) {
    return Contradicts("kind", static_cast<std::uint32_t>(kind), found_kind);
  }
  const Untrusted found_lifetime(
      memory->lifetime.load(kRelaxed));  // sync: none, ordered by the stamp
  constexpr auto kLast = static_cast<std::uint32_t>(Lifetime::kUntilUnlinked);
  const auto lifetime = found_lifetime.AtMost(kLast);
  if (!lifetime) {
    return Contradicts("lifetime", kLast, found_lifetime.ForDisplay());
  }
  const Untrusted size(
      memory->size.load(kRelaxed));  // sync: none, ordered by the stamp
  const std::uint64_t most = bytes.size() - sizeof(Memory);
  const auto valid = size.AtMost(most);
  if (!valid) return Contradicts("size", most, size.ForDisplay());
  return SegmentHeader(
      bytes, *valid,
      memory->fingerprint.load(kRelaxed),  // sync: none, ordered by the stamp
      static_cast<Lifetime>(*lifetime));
}

inline Result<void> SegmentHeader::Reset(std::span<std::byte> bytes,
                                         NobodyUsesIt) {
  auto place =
      CheckPlace(bytes, sizeof(Memory), kAlignment, "SegmentHeader::Reset");
  if (place) *reinterpret_cast<Memory*>(bytes.data()) = Memory{};
  return place;
}

inline Error SegmentHeader::Contradicts(const char* field,
                                        std::uint64_t expected,
                                        std::uint64_t found) {
  return {.code = ErrorCode::kCorrupt,
          .operation = "SegmentHeader::Attach",
          .field = field,
          .expected = expected,
          .found = found,
          .advice =
              "somebody has written over it: unlink the segment and "
              "create it anew"};
}

}  // namespace placid

#endif  // PLACID_SEGMENT_SEGMENT_HEADER_H_
