// SPDX-License-Identifier: Apache-2.0
//
// SegmentId: which of the segments that ever had a name, in one word.
//
//   bits    meaning
//   63..32  generation: goes up with each segment under the name
//   31..0   nonce: drawn at random by its creator; 0: no segment
//
// The objects of a segment are called name.generation.nonce.data and .control,
// both numbers in hexadecimal: nobody can lie in wait under a name that is not
// drawn yet, and what an earlier generation left is never taken for this one.
#ifndef PLACID_SEGMENT_SEGMENT_ID_H_
#define PLACID_SEGMENT_SEGMENT_ID_H_

#include <cstdint>

namespace placid {

class SegmentId {
 public:
  explicit constexpr SegmentId(std::uint64_t word) : word_(word) {}

  // No segment, and none before it.
  constexpr SegmentId() = default;

  [[nodiscard]] constexpr bool is_none() const { return nonce() == 0; }
  [[nodiscard]] constexpr std::uint32_t generation() const {
    return static_cast<std::uint32_t>(word_ >> 32);
  }
  [[nodiscard]] constexpr std::uint32_t nonce() const {
    return static_cast<std::uint32_t>(word_);
  }
  [[nodiscard]] constexpr std::uint64_t word() const { return word_; }

  // The segment after this one.
  [[nodiscard]] constexpr SegmentId Next(std::uint32_t nonce) const {
    return SegmentId(std::uint64_t{generation() + 1} << 32 | nonce);
  }
  // This one is gone, and no other there yet.
  [[nodiscard]] constexpr SegmentId Gone() const {
    return SegmentId(std::uint64_t{generation()} << 32);
  }

  friend constexpr bool operator==(SegmentId, SegmentId) = default;

 private:
  std::uint64_t word_ = 0;
};

}  // namespace placid

#endif  // PLACID_SEGMENT_SEGMENT_ID_H_
