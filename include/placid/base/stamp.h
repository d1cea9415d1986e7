// SPDX-License-Identifier: Apache-2.0
//
// Stamp: the first word of every mapped type but Counter, which says what the
// bytes behind it are.
//
//   bits    meaning
//   63..56  0x1C  high mark: a stamp read in the wrong byte order has the marks
//   55..32  hash  of element type, extent and geometry class, 24 bits
//   31..16  type  a TypeId
//   15..8   layout version
//    7..0   0xC1  low mark: ... swapped
//
// Zero is virgin: bytes that nobody has used. A type whose geometry is fixed at
// compile time is valid when all zero, so whoever attaches first for writing
// stamps it, by one compare-and-swap. A type with run-time geometry needs
// Create, which writes the geometry and stores the stamp last.
//
// A 24-bit hash lets one in 16 million mismatched elements pass; types that lie
// in a segment's directory are compared in full there.
#ifndef PLACID_BASE_STAMP_H_
#define PLACID_BASE_STAMP_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "placid/base/atomic.h"
#include "placid/base/fields.h"
#include "placid/base/result.h"

namespace placid {

// Given out once, never reused. Types of others take kFirstForeign and up.
enum class TypeId : std::uint16_t {
  kSeqlock = 1,
  kLatest = 2,
  kSpscRing = 3,
  kSpscByteRing = 4,
  kCounter = 5,  // bears no stamp
  kMpscRing = 6,
  kMpscByteRing = 7,
  kLaneRing = 8,
  kLaneByteRing = 9,
  kMpmcRing = 10,
  kBroadcastRing = 11,
  kBroadcastByteRing = 12,
  kParticipants = 16,
  kNameRecord = 17,
  kSegmentHeader = 18,
  kDirectory = 19,
  kNameRegistry = 24,
  kEventCount = 32,  // bears no stamp
  kWaitMask = 33,    // bears no stamp
  kDoorbells = 34,
  kFirstForeign = 0x8000,
};

class Stamp {
 public:
  // `fingerprint` covers the element type and all geometry known at compile
  // time.
  constexpr Stamp(TypeId type, std::uint8_t version, std::uint64_t fingerprint)
      : word_(kHighMark << 56 | Fold(fingerprint) << 32 |
              std::uint64_t{static_cast<std::uint16_t>(type)} << 16 |
              std::uint64_t{version} << 8 | kLowMark) {}

  [[nodiscard]] constexpr std::uint64_t word() const { return word_; }

  // Why `found` is not this stamp; the code is specific and the advice too.
  // Requires found != word().
  [[nodiscard]] constexpr Error Explain(std::uint64_t found,
                                        const char* operation) const {
    Error error{.operation = operation, .expected = word_, .found = found};
    if (found == 0) {
      error.code = ErrorCode::kNotInitialized;
      error.expected = error.found;
      error.advice = "create the object first, or wait until its creator has";
      return error;
    }
    if (Low(found) == kHighMark && High(found) == kLowMark) {
      error.code = ErrorCode::kWrongByteOrder;
      error.field = "stamp";
      error.advice = "the object was written on a machine of the other byte "
                     "order; it can only be used there";
      return error;
    }
    if (Low(found) != kLowMark || High(found) != kHighMark) {
      error.code = ErrorCode::kNotPlacid;
      error.field = "stamp";
      error.advice = "the bytes hold something else; check offset and name, or "
                     "zero them";
      return error;
    }
    if (Type(found) != Type(word_)) {
      return Differs(error, ErrorCode::kWrongType, "type", Type(word_),
                     Type(found), "attach as the type that was created here");
    }
    if (Version(found) != Version(word_)) {
      return Differs(error, ErrorCode::kWrongVersion, "layout version",
                     Version(word_), Version(found),
                     "run both sides with the same release of placid");
    }
    return Differs(error, ErrorCode::kWrongElement, "fingerprint", Hash(word_),
                   Hash(found),
                   "build both sides with the same element type and extent");
  }

 private:
  static constexpr std::uint64_t kLowMark = 0xC1;
  static constexpr std::uint64_t kHighMark = 0x1C;

  static constexpr std::uint64_t Fold(std::uint64_t hash) {
    return (hash ^ hash >> 24 ^ hash >> 48) & 0xFFFFFF;
  }
  static constexpr std::uint64_t Low(std::uint64_t word) { return word & 0xFF; }
  static constexpr std::uint64_t High(std::uint64_t word) { return word >> 56; }
  static constexpr std::uint64_t Type(std::uint64_t word) {
    return word >> 16 & 0xFFFF;
  }
  static constexpr std::uint64_t Version(std::uint64_t word) {
    return word >> 8 & 0xFF;
  }
  static constexpr std::uint64_t Hash(std::uint64_t word) {
    return word >> 32 & 0xFFFFFF;
  }
  static constexpr Error Differs(Error error, ErrorCode code, const char* field,
                                 std::uint64_t expected, std::uint64_t found,
                                 const char* advice) {
    error.code = code;
    error.field = field;
    error.expected = expected;
    error.found = found;
    error.advice = advice;
    return error;
  }

  std::uint64_t word_;
};

// Attach for writing, fixed geometry: stamps what is virgin, accepts what bears
// the stamp, refuses all else.
[[nodiscard]] inline Result<void> StampOrCheck(Atomic<std::uint64_t>& word,
                                               Stamp stamp,
                                               const char* operation) {
  std::uint64_t found = 0;
  // Virgin bytes need no order, but what Create wrote over other bytes does.
  if (word.compare_exchange(found, stamp.word(), kAcquire,
                            kAcquire) ||  // sync: create (acquire)
      found == stamp.word()) {
    return Ok();
  }
  return stamp.Explain(found, operation);
}

// Attach to what was created: refuses the virgin too.
[[nodiscard]] inline Result<void> CheckStamp(const Atomic<std::uint64_t>& word,
                                             Stamp stamp,
                                             const char* operation) {
  const std::uint64_t found = word.load(kAcquire);  // sync: create (acquire)
  if (found == stamp.word()) return Ok();
  return stamp.Explain(found, operation);
}

// Attach read-only, fixed geometry: false while virgin, true once it bears the
// stamp, refuses all else.
[[nodiscard]] inline Result<bool> CheckUnlessVirgin(
    const Atomic<std::uint64_t>& word, Stamp stamp, const char* operation) {
  const std::uint64_t found = word.load(kAcquire);  // sync: create (acquire)
  if (found == 0 || found == stamp.word()) return found != 0;
  return stamp.Explain(found, operation);
}

// Create, first step: nothing of ours or anybody's may lie here.
[[nodiscard]] inline Result<void> RefuseStamped(
    const Atomic<std::uint64_t>& word, const char* operation) {
  const std::uint64_t found = word.load(kRelaxed);  // sync: none, only a look
  if (found == 0) return Ok();
  return Error{.code = ErrorCode::kAlreadyExists,
               .operation = operation,
               .field = "stamp",
               .expected = 0,
               .found = found,
               .advice = "attach to it, or zero the bytes if nobody uses them"};
}

// Create, last step.
inline void SetStamp(Atomic<std::uint64_t>& word, Stamp stamp) {
  word.store(stamp.word(), kRelease);  // sync: create (release)
}

// That `bytes` can hold a type of this size and alignment.
[[nodiscard]] inline Result<void> CheckPlace(std::span<const std::byte> bytes,
                                             std::uint64_t size_bytes,
                                             std::uint64_t alignment,
                                             const char* operation) {
  if (bytes.size() < size_bytes) {
    return Error{.code = ErrorCode::kTooSmall,
                 .operation = operation,
                 .field = "size in bytes",
                 .expected = size_bytes,
                 .found = bytes.size(),
                 .advice = "give it at least SizeFor() bytes"};
  }
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  if (address % alignment != 0) {
    return Error{.code = ErrorCode::kMisaligned,
                 .operation = operation,
                 .field = "address modulo the alignment of the type",
                 .expected = 0,
                 .found = address % alignment,
                 .advice = "put alignas(placid::kLineBytes) on the bytes"};
  }
  return Ok();
}

}  // namespace placid

#endif  // PLACID_BASE_STAMP_H_
