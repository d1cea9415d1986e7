// SPDX-License-Identifier: Apache-2.0
//
// LaneRing<T, kLanes, kExtent>: many producers hand values to one consumer, in
// order of each producer.
//
// Its contract stands in lanes.h: layout, threads, progress, deaths, trust and
// orders are those of all rings with lanes. A lane is an SpscRing (spsc_ring.h),
// and what is said there of pushing and popping holds here.
//
// Where all producers must have one order, it is the wrong type: they would meet
// at one word for each value. Here they never meet, and one that is stopped
// delays nobody but itself.
#ifndef PLACID_PRIMITIVES_LANE_RING_H_
#define PLACID_PRIMITIVES_LANE_RING_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "placid/base/cache_line.h"
#include "placid/base/extent.h"
#include "placid/base/fields.h"
#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/base/shared_bytes.h"
#include "placid/base/stamp.h"
#include "placid/primitives/lanes.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/spsc_ring.h"

namespace placid {

template <Element T, std::uint64_t kLanes, std::uint64_t kExtent = kDynamic>
class LaneRing : public Lanes<LaneRing<T, kLanes, kExtent>,
                              SpscRing<T, kExtent>, kLanes, kExtent> {
  using Base = typename LaneRing::Lanes;

 public:
  class Producer;
  class Consumer;

  // A ring of fixed extent as a member of one's own struct. All zero is valid.
  struct alignas(kLineBytes) Storage {
    typename Base::Memory memory;
    std::array<typename SpscRing<T, kExtent>::Storage, kLanes> lanes;
  };

  using Base::Attach;
  static Result<LaneRing> Attach(Storage& storage) requires(kExtent !=
                                                            kDynamic) {
    static_assert(sizeof(Storage) == Base::SizeFor());
    return Base::Attach(std::as_writable_bytes(std::span(&storage, 1)));
  }

 private:
  friend Base;
  explicit LaneRing(const Base& lanes) : Base(lanes) {}

  static constexpr TypeId kTypeId = TypeId::kLaneRing;
  static constexpr std::uint64_t kFingerprint = internal::Fingerprint()
                                                    .Add(kElementFingerprint<T>)
                                                    .Add(kLanes)
                                                    .Add(kExtent)
                                                    .value();
};

// A leased lane: the right to push into it. Dropping it gives the lane back;
// what was pushed stays, and is popped before what the next holder pushes.
template <Element T, std::uint64_t kLanes, std::uint64_t kExtent>
class LaneRing<T, kLanes, kExtent>::Producer
    : public LaneRing<T, kLanes, kExtent>::Base::AnyProducer {
 public:
  // Copies `value` in. kFull: the lane is; nothing changed. kClosed: it is full,
  // and the consumer has closed.
  PLACID_ALWAYS_INLINE RingResult TryPush(const T& value) {
    return this->Answer(this->lane_.TryPush(value));
  }

  // Copies in as many of `values` as there is room for, and says how many. kOk
  // if at least one, or none were given.
  RingResult TryPushSome(std::span<const T> values, std::size_t& pushed) {
    return this->Answer(this->lane_.TryPushSome(values, pushed));
  }

  // Zero copy: up to `wanted` free slots in a row, to be written in place and
  // then committed. At the lane's end fewer are in a row. kFull: none. A peer
  // may write the slots too: write them, do not read them back.
  RingResult TryReserve(std::size_t wanted, std::span<T>& slots) {
    return this->Answer(this->lane_.TryReserve(wanted, slots));
  }

  // Publishes the first `count` of the slots reserved last, at most as many as
  // those, and forgets the rest. Returns how many. A second Commit commits 0.
  std::size_t Commit(std::size_t count) { return this->lane_.Commit(count); }

 private:
  friend Base;
  explicit Producer(typename Base::AnyProducer lane)
      : Base::AnyProducer(std::move(lane)) {}
};

// The right to pop. Dropping it retires what was popped.
//
// A lane that has values may give 128 in a row; then the next one that has some
// has its turn. A lane that was idle is looked at after at most 64 turns of
// others, and in the same call where they have nothing.
template <Element T, std::uint64_t kLanes, std::uint64_t kExtent>
class LaneRing<T, kLanes, kExtent>::Consumer
    : public LaneRing<T, kLanes, kExtent>::Base::AnyConsumer {
 public:
  // Copies the oldest value of the lane whose turn it is out; it is retired by
  // the next call. Else `value` is unchanged:
  //   kEmpty    each lane was found empty in this call, one after the other
  //   kClosed   the ring is sealed, no lane is held, and nothing is left: for
  //             ever; or this side has closed
  //   kCorrupt  the counts of lane() contradict each other, and no other lane
  //             had anything; what comes in others can be popped all the same
  PLACID_ALWAYS_INLINE RingResult TryPop(T& value) {
    const RingResult result =
        this->Take([&](auto& lane) { return lane.TryPop(value); });
    if (result == RingResult::kOk) [[likely]]
      this->Took(1);
    return result;
  }

  // Copies out as many as there are in one lane, at most values.size(), and says
  // how many. More than are left of the lane's turn end it.
  RingResult TryPopSome(std::span<T> values, std::size_t& popped) {
    popped = 0;
    if (values.empty()) return RingResult::kOk;
    const RingResult result =
        this->Take([&](auto& lane) { return lane.TryPopSome(values, popped); });
    this->Took(popped);
    return result;
  }

  // Zero copy: up to `wanted` values of one lane in a row, in place, until
  // retired. At the lane's end fewer are in a row.
  RingResult TryPeek(std::size_t wanted, SharedSpan<T>& values) {
    values = {};
    if (wanted == 0) return RingResult::kOk;
    return this->Take([&](auto& lane) { return lane.TryPeek(wanted, values); });
  }

  // Gives back the first `count` of the values peeked last, at most as many as
  // those. Returns how many.
  std::size_t Retire(std::size_t count) {
    const std::size_t retired = this->Current().Retire(count);
    this->Took(retired);
    return retired;
  }

 private:
  friend Base;
  explicit Consumer(typename Base::AnyConsumer lanes)
      : Base::AnyConsumer(std::move(lanes)) {}
};

}  // namespace placid

#endif  // PLACID_PRIMITIVES_LANE_RING_H_
