// SPDX-License-Identifier: Apache-2.0
//
// Granules: bytes in which records of any length lie, and beside them a word for
// each granule of theirs, in which claims are made (record_word.h).
//
//   data   granule n of the stream at n % number * 64
//   words  behind data: the word of granule n at n % number * 8
//
// A record takes one granule or more, in one piece. Where it does not fit before
// the end of data it lies at its start, and its span covers what is left over
// before the end too: so that it is one claim, of one word.
#ifndef PLACID_PRIMITIVES_GRANULES_H_
#define PLACID_PRIMITIVES_GRANULES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "placid/base/atomic.h"
#include "placid/base/extent.h"
#include "placid/primitives/record_word.h"

namespace placid {

class Granules {
 public:
  static constexpr std::uint64_t kBytes = 64;
  // Of data and word.
  static constexpr std::uint64_t kFootprint = kBytes + sizeof(std::uint64_t);
  // The longest record of any: its span, with what is left over, fits a word.
  static constexpr std::uint64_t kMostRecordBytes =
      (RecordWord::kMostSpan + 1) / 2 * kBytes;

  Granules(std::byte* data, Extent<kDynamic> extent)
      : data_(data),
        words_(reinterpret_cast<Atomic<std::uint64_t>*>(
            data + static_cast<std::size_t>(extent.capacity() * kBytes))),
        extent_(extent) {}

  // How many that many bytes take: at least one, whose word they need.
  [[nodiscard]] static constexpr std::uint64_t For(std::uint64_t length) {
    return length == 0 ? 1 : (length - 1) / kBytes + 1;
  }

  [[nodiscard]] std::uint64_t number() const { return extent_.capacity(); }
  [[nodiscard]] std::uint64_t mask() const { return extent_.mask(); }
  [[nodiscard]] RecordLaps laps() const { return RecordLaps(extent_); }
  [[nodiscard]] std::byte* At(std::uint64_t position) const {
    return data_ +
           static_cast<std::size_t>((position & extent_.mask()) * kBytes);
  }
  [[nodiscard]] Atomic<std::uint64_t>& WordAt(std::uint64_t position) const {
    return words_[static_cast<std::size_t>(position & extent_.mask())];
  }

  // The longest record: half of all, so that it fits together with what it
  // leaves over before the end of data.
  [[nodiscard]] std::uint64_t MostRecordBytes() const {
    return (std::min)(
        (std::max)(extent_.capacity() / 2, std::uint64_t{1}) * kBytes,
        kMostRecordBytes);
  }

  // How many from a position on lie in one piece.
  [[nodiscard]] std::uint64_t InOnePiece(std::uint64_t position) const {
    return extent_.capacity() - (position & extent_.mask());
  }
  // The span of a record of so many that is claimed at a position.
  [[nodiscard]] std::uint64_t SpanOf(std::uint64_t granules,
                                     std::uint64_t position) const {
    const std::uint64_t rest = InOnePiece(position);
    return granules <= rest ? granules : rest + granules;
  }
  // How much of a span that was claimed at a position is left over before the
  // end of data.
  [[nodiscard]] std::uint64_t LeftOver(std::uint64_t span,
                                       std::uint64_t position) const {
    const std::uint64_t rest = InOnePiece(position);
    return span <= rest ? 0 : rest;
  }

 private:
  std::byte* data_;
  Atomic<std::uint64_t>* words_;
  Extent<kDynamic> extent_;
};

}  // namespace placid

#endif  // PLACID_PRIMITIVES_GRANULES_H_
