// SPDX-License-Identifier: Apache-2.0
//
// LaneByteRing<kLanes>: many producers hand records of any length to one
// consumer, in order of each producer, written and read in place.
//
// Its contract stands in lanes.h: layout, threads, progress, deaths, trust and
// orders are those of all rings with lanes. A lane is an SpscByteRing
// (spsc_byte_ring.h), and what is said there of records holds here.
#ifndef PLACID_PRIMITIVES_LANE_BYTE_RING_H_
#define PLACID_PRIMITIVES_LANE_BYTE_RING_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "placid/base/extent.h"
#include "placid/base/platform.h"
#include "placid/base/shared_bytes.h"
#include "placid/base/stamp.h"
#include "placid/primitives/lanes.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/spsc_byte_ring.h"

namespace placid {

template <std::uint64_t kLanes>
class LaneByteRing
    : public Lanes<LaneByteRing<kLanes>, SpscByteRing, kLanes, kDynamic> {
  using Base = typename LaneByteRing::Lanes;

 public:
  class Producer;
  class Consumer;

  // The longest record that the ring can carry, once its lane is empty.
  [[nodiscard]] std::uint64_t MostRecordBytes() const {
    return (std::min)(this->capacity() - SpscByteRing::kHeaderBytes,
                      SpscByteRing::kMostRecordBytes);
  }

 private:
  friend Base;
  explicit LaneByteRing(const Base& lanes) : Base(lanes) {}

  static constexpr TypeId kTypeId = TypeId::kLaneByteRing;
  static constexpr std::uint64_t kFingerprint =
      internal::Fingerprint().Add(kLanes).value();
};

// A leased lane: the right to write records into it. Dropping it gives the lane
// back; what was published stays, and is read before what the next holder
// publishes. Records that were staged and not published are lost with it.
template <std::uint64_t kLanes>
class LaneByteRing<kLanes>::Producer
    : public LaneByteRing<kLanes>::Base::AnyProducer {
 public:
  // Zero copy: room for a record of `length` bytes, to be written in place and
  // then committed, staged or aborted. kFull: the lane has none now. kClosed: it
  // has none, and the consumer has closed. A record longer than
  // MostRecordBytes() is kFull for ever: ask before. A peer may write the bytes
  // too: write them, do not read them back. A new reservation aborts the last.
  RingResult TryReserve(std::size_t length, std::span<std::byte>& payload) {
    return this->Answer(this->lane_.TryReserve(length, payload));
  }

  // Ends the reservation with a record of its first `length` bytes, at most as
  // many as were reserved. Stage lets it wait for the next Publish or Commit.
  // False, and nothing done, where nothing is reserved.
  bool Stage(std::size_t length) { return this->lane_.Stage(length); }
  bool Commit(std::size_t length) { return this->lane_.Commit(length); }

  // Ends the reservation with nothing.
  void Abort() { this->lane_.Abort(); }

  // Lets the consumer see all that was staged.
  void Publish() { this->lane_.Publish(); }

  // Copies one record in and commits it.
  RingResult TryPush(std::span<const std::byte> record) {
    return this->Answer(this->lane_.TryPush(record));
  }

  [[nodiscard]] std::uint64_t MostRecordBytes() const {
    return this->lane_.MostRecordBytes();
  }

 private:
  friend Base;
  explicit Producer(typename Base::AnyProducer lane)
      : Base::AnyProducer(std::move(lane)) {}
};

// The right to read records. Dropping it retires the record in hand.
//
// A lane that has records may give 128 in a row; then the next one that has some
// has its turn. A lane that was idle is looked at after at most 64 turns of
// others, and in the same call where they have nothing.
template <std::uint64_t kLanes>
class LaneByteRing<kLanes>::Consumer
    : public LaneByteRing<kLanes>::Base::AnyConsumer {
 public:
  // Zero copy: the oldest record of the lane whose turn it is, in place, until
  // the next call, which retires it. Else:
  //   kEmpty    each lane was found empty in this call, one after the other
  //   kClosed   the ring is sealed, no lane is held, and nothing is left: for
  //             ever; or this side has closed
  //   kCorrupt  the bytes of lane() are no record, and no other lane had one;
  //             what comes in others can be read all the same
  PLACID_ALWAYS_INLINE RingResult TryFront(SharedBytes& record) {
    record = {};
    const RingResult result =
        this->Take([&](auto& lane) { return lane.TryFront(record); });
    if (result == RingResult::kOk) [[likely]]
      this->Took(1);
    return result;
  }

  // Gives the record in hand back before the next call does.
  void Retire() { this->Current().Retire(); }

 private:
  friend Base;
  explicit Consumer(typename Base::AnyConsumer lanes)
      : Base::AnyConsumer(std::move(lanes)) {}
};

}  // namespace placid

#endif  // PLACID_PRIMITIVES_LANE_BYTE_RING_H_
