// SPDX-License-Identifier: Apache-2.0
//
// Lanes: what LaneRing and LaneByteRing have in common: many producers hand
// values to one consumer, each through a ring of its own, leased for as long as
// it likes. Order is kept per lane, and so per producer; between two of them
// there is none.
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field            writer    meaning
//   0x000      8  stamp            creator   type, version, element, lanes, extent
//   0x008      8  lane_count       creator   0 where the extent is fixed
//   0x010      8  capacity         creator   of each lane; 0 where it is fixed
//   0x018    104  pad0
//   0x080      8  consumer         claimant  who holds the role (role.h)
//   0x088      4  consumer_closed  consumer  1: nothing more will be taken
//   0x08c      4  sealed           anybody   1: no lane is leased any more
//   0x090    112  pad1
//   0x100      N  lanes            a ring each, at multiples of 128 bytes
//
//   lane       a whole SpscRing or SpscByteRing, as its header draws it. Its
//              producer word says whose lease it is. Its stamp, capacity,
//              consumer word and both closed words stay zero: those above stand
//              for those of all lanes.
//
// Invariant  of each lane, that of its ring. A lane that is free while the ring
//            is sealed is free for ever.
// Threads    As many Producers as there are lanes and one Consumer at a time, in
//            any processes.
// Progress   wait-free: every operation. ClaimProducer, Recover and a look that
//            finds nothing anywhere take a bounded number of steps for each
//            lane, everything else for one. A producer that is stopped delays
//            what it has not published, and nobody else.
// Crash      recoverable: Recover gives back the lanes of a dead producer and
//            the role of a dead consumer; where they had no identity,
//            TakeOverProducer and TakeOverConsumer do. Nothing published is
//            lost: what a lane's last holder has left in it is taken before
//            what the next one publishes. A dead producer loses the value it
//            was pushing. A consumer gives back a value by its next call, and
//            all of a lane when it goes on to another. So after its death what
//            it had in hand comes again and, under kStreaming, up to
//            capacity / 8 of the same lane before that: from each of several
//            who died, until somebody takes from that lane.
// Trust      guarded: a hostile peer can lie about values and counts, and stall;
//            every index is masked and every count checked. One that lies in
//            its own lane harms that lane: the others go on.
// Readers    storing: a consumer publishes the heads of the lanes.
// Orders
//   edge      release            acquire          carries
//   create    Create: stamp      Attach: stamp    the geometry
//   handover  Release: consumer  Take, TakeLast   a lane's tail; all heads
//   seal      Lease: fence       TakeLast: fence  who of the two is told
//
// The values themselves go by the edges of the lane's own ring. Where the ring
// is sealed, that of two who look at each other's word one sees the other needs
// a fence on both sides: a producer takes its lane, fences, and looks whether
// the ring is sealed; the consumer has seen that, fences, and looks whether the
// lane is taken (Dijkstra, "Solution of a Problem in Concurrent Programming
// Control", 1965).
#ifndef PLACID_PRIMITIVES_LANES_H_
#define PLACID_PRIMITIVES_LANES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/extent.h"
#include "placid/base/guarantees.h"
#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/base/stamp.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/lane_schedule.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/pace.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"

namespace placid {

// `Self` is the type that derives from it, `Lane` the ring that a lane is.
template <typename Self, typename Lane, std::uint64_t kLanes,
          std::uint64_t kExtent>
class Lanes {
 public:
  struct Memory {
    // Written at creation.
    Atomic<std::uint64_t> stamp;
    Atomic<std::uint64_t> lane_count;
    Atomic<std::uint64_t> capacity;
    Padding<104> pad0;
    // Written rarely: when roles change hands, and at the end.
    Atomic<std::uint64_t> consumer;
    Atomic<std::uint32_t> consumer_closed;
    Atomic<std::uint32_t> sealed;
    Padding<112> pad1;
  };
  static constexpr std::uint64_t kLanesOffset = 0x100;

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = kLineBytes;
  static constexpr Guarantees kGuarantees{Progress::kWaitFree,
                                          Crash::kRecoverable, Trust::kGuarded,
                                          Readers::kStoring};

  // Bytes that the lanes take, of this capacity each. For a capacity that is
  // none: more than there are.
  [[nodiscard]] static constexpr std::uint64_t SizeFor(
      std::uint64_t capacity = kExtent) {
    if (Lane::SizeFor(capacity) == UINT64_MAX) return UINT64_MAX;
    return kLanesOffset + kLanes * StrideFor(capacity);
  }

  // Writes empty lanes into bytes whose first word is zero. The caller sees to
  // it that nobody else creates or attaches here meanwhile. Errors:
  // kInvalidArgument (capacity), kTooSmall, kMisaligned, kAlreadyExists.
  static Result<Self> Create(std::span<std::byte> bytes,
                             std::uint64_t capacity = kExtent);

  // Checks and gives a view. Lanes of fixed extent may be virgin: all zero.
  // Errors: kTooSmall, kMisaligned, kNotInitialized (run-time capacity, not yet
  // created), kNotPlacid, kWrongByteOrder, kWrongType, kWrongVersion,
  // kWrongElement, kCorrupt (a geometry that cannot be).
  static Result<Self> Attach(std::span<std::byte> bytes);

  // Makes the bytes virgin, whatever they were. Errors: kTooSmall, kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, NobodyUsesIt token);

  // Of each lane.
  [[nodiscard]] std::uint64_t capacity() const { return extent_.capacity(); }
  [[nodiscard]] static constexpr std::uint64_t lanes() { return kLanes; }

  // Leases a free lane until the Producer is dropped. Nobody else's values come
  // between those of one lease. Errors: kRoleTaken (no lane was free), kClosed
  // (sealed), kCorrupt (no lane was free but such whose counts cannot be),
  // kInvalidArgument (nobody claims).
  template <typename S = Self>
  Result<typename S::Producer> ClaimProducer(
      OwnerId by = OwnerId::Unowned()) const;

  // Errors: kRoleTaken, kInvalidArgument (nobody claims).
  template <typename S = Self>
  Result<typename S::Consumer> ClaimConsumer(
      Pace pace = Pace::kPrompt, OwnerId by = OwnerId::Unowned()) const;

  // From now on no lane is leased or taken over; who has one keeps it. Once all
  // are given back and all that was published was taken, the consumer is told
  // kClosed: a dead holder delays that until it is recovered. For ever.
  void Seal() const {
    memory_->sealed.store(1, kRelaxed);  // sync: none, see the fences of seal
  }
  [[nodiscard]] bool IsSealed() const {
    return memory_->sealed.load(kRelaxed) !=
           0;  // sync: none, see the fences of seal
  }

  // After the death of a holder without an identity: look at the holder, make
  // sure it is dead, take over. There is nobody in a lane that does not exist.
  // Errors: kInvalidArgument (nobody held it, or somebody whose death can be
  // proven: Recover; or no such lane), kRoleTaken (somebody was faster), kClosed
  // (a lane of a sealed ring: it is free now), kCorrupt (a lane whose counts
  // cannot be: likewise).
  [[nodiscard]] RoleHolder LaneHolder(std::uint64_t lane) const {
    return lane < kLanes ? RoleClaim::Holder(ProducerWord(lane))
                         : RoleHolder(0);
  }
  [[nodiscard]] RoleHolder ConsumerHolder() const {
    return RoleClaim::Holder(memory_->consumer);
  }
  template <typename S = Self>
  Result<typename S::Producer> TakeOverProducer(
      std::uint64_t lane, AttestedDeath death,
      OwnerId by = OwnerId::Unowned()) const;
  template <typename S = Self>
  Result<typename S::Consumer> TakeOverConsumer(
      AttestedDeath death, Pace pace = Pace::kPrompt,
      OwnerId by = OwnerId::Unowned()) const;

  // Gives back what a dead one held, its lanes and the consumer's role, for
  // others to claim; whether it held any.
  bool Recover(const DeadOwner& dead) const {
    bool held = RoleClaim::Recover(memory_->consumer, dead);
    for (std::uint64_t lane = 0; lane < kLanes; ++lane) {
      held |= RoleClaim::Recover(ProducerWord(lane), dead);
    }
    return held;
  }

 protected:
  class AnyProducer;
  class AnyConsumer;

  static constexpr bool kIsDynamic = kExtent == kDynamic;

  Lanes(std::span<std::byte> bytes, Extent<kExtent> extent)
      : memory_(reinterpret_cast<Memory*>(bytes.data())),
        lanes_(bytes.data() + kLanesOffset),
        extent_(extent) {}

 private:
  using Set = typename LaneSchedule<kLanes>::Set;

  static_assert(offsetof(Memory, stamp) == 0x000);
  static_assert(offsetof(Memory, lane_count) == 0x008);
  static_assert(offsetof(Memory, capacity) == 0x010);
  static_assert(offsetof(Memory, pad0) == 0x018);
  static_assert(offsetof(Memory, consumer) == 0x080);
  static_assert(offsetof(Memory, consumer_closed) == 0x088);
  static_assert(offsetof(Memory, sealed) == 0x08c);
  static_assert(offsetof(Memory, pad1) == 0x090);
  static_assert(sizeof(Memory) == kLanesOffset);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  static constexpr Stamp StampOf() {
    return {Self::kTypeId, kLayoutVersion, Self::kFingerprint};
  }

  // From one lane to the next.
  static constexpr std::uint64_t StrideFor(std::uint64_t capacity) {
    return RoundUpToLine(Lane::SizeFor(capacity));
  }

  [[nodiscard]] Lane At(std::uint64_t lane) const {
    const std::uint64_t stride = StrideFor(capacity());
    return Lane::AsLane({lanes_ + static_cast<std::size_t>(lane * stride),
                         static_cast<std::size_t>(stride)},
                        capacity());
  }
  [[nodiscard]] Atomic<std::uint64_t>& ProducerWord(std::uint64_t lane) const {
    return At(lane).memory_->producer;
  }
  [[nodiscard]] typename Lane::Consumer ConsumerOf(std::uint64_t lane,
                                                   Pace pace) const {
    return At(lane).ConsumerOfLane(pace);
  }

  // The last step of both ways to a lane. Where it fails the lane is given back.
  template <typename S>
  Result<typename S::Producer> Lease(std::uint64_t lane, RoleClaim claim,
                                     const char* operation) const;

  Memory* memory_;
  std::byte* lanes_;
  [[no_unique_address]] Extent<kExtent> extent_;
};

// What the Producer of either form has: one lane.
template <typename Self, typename Lane, std::uint64_t kLanes,
          std::uint64_t kExtent>
class Lanes<Self, Lane, kLanes, kExtent>::AnyProducer {
 public:
  // Which lane it has leased.
  [[nodiscard]] std::uint64_t lane() const { return index_; }

  // Whether the consumer has closed. The answers of other functions say so only
  // once the lane is full.
  [[nodiscard]] bool IsConsumerClosed() const {
    return memory_->consumer_closed.load(kRelaxed) !=
           0;  // sync: none, the flag carries nothing but itself
  }

 protected:
  // What the lane's ring answered, but for what it cannot know: whether the
  // consumer of all lanes has closed.
  [[nodiscard]] PLACID_ALWAYS_INLINE RingResult
  Answer(RingResult result) const {
    if (result != RingResult::kFull) [[likely]]
      return result;
    return IsConsumerClosed() ? RingResult::kClosed : RingResult::kFull;
  }

  typename Lane::Producer lane_;

 private:
  friend class Lanes;
  AnyProducer(const Lanes& ring, std::uint64_t index,
              typename Lane::Producer lane)
      : lane_(std::move(lane)), memory_(ring.memory_), index_(index) {}

  const Memory* memory_;
  std::uint64_t index_;
};

// What the Consumer of either form has: all lanes, each in its turn.
template <typename Self, typename Lane, std::uint64_t kLanes,
          std::uint64_t kExtent>
class Lanes<Self, Lane, kLanes, kExtent>::AnyConsumer {
 public:
  AnyConsumer(AnyConsumer&&) noexcept = default;
  AnyConsumer& operator=(AnyConsumer&& other) noexcept {
    if (this == &other) return *this;
    if (claim_.is_held()) Publish();
    claim_.Release();
    ring_ = other.ring_;
    lanes_ = std::move(other.lanes_);
    schedule_ = other.schedule_;
    lingers_ = other.lingers_;
    is_closed_ = other.is_closed_;
    claim_ = std::move(other.claim_);
    return *this;
  }
  ~AnyConsumer() {
    if (claim_.is_held()) Publish();
  }

  // The lane of the last value, or that of which kCorrupt was said.
  [[nodiscard]] std::uint64_t lane() const { return schedule_.lane(); }

  // Lets the producers know at once of all that was taken. Call it before
  // waiting for them in any other way than by trying to take.
  void Publish() {
    auto& lane = lanes_[static_cast<std::size_t>(schedule_.lane())];
    if constexpr (requires { lane.Retire(); }) lane.Retire();
    lane.Publish();
  }

  // Nothing more will be taken; each producer is told kClosed once it finds its
  // lane full. For ever.
  void Close() {
    Publish();
    ring_.memory_->consumer_closed.store(
        1, kRelaxed);  // sync: none, the flag carries nothing but itself
    is_closed_ = true;
    schedule_.EndTurn();
  }

 protected:
  // Tries to take from the lanes, in the order of their turns, until one gives
  // something. `attempt` takes the consumer of a lane and answers as it does.
  template <typename Attempt>
  PLACID_ALWAYS_INLINE RingResult Take(const Attempt& attempt) {
    RingResult result = RingResult::kOk;
    if (schedule_.HasTurn()) [[likely]] {
      result = attempt(Current());
      if (result == RingResult::kOk) [[likely]]
        return result;
    }
    return TakeElsewhere(attempt, result);
  }
  void Took(std::uint64_t values) { schedule_.Took(values); }

  // The lane whose turn it is, or was last.
  [[nodiscard]] typename Lane::Consumer& Current() {
    return lanes_[static_cast<std::size_t>(schedule_.lane())];
  }

 private:
  friend class Lanes;
  AnyConsumer(const Lanes& ring, RoleClaim claim, Pace pace)
      : AnyConsumer(ring, std::move(claim), pace,
                    std::make_index_sequence<kLanes>()) {}
  template <std::size_t... kIndex>
  AnyConsumer(const Lanes& ring, RoleClaim claim, Pace pace,
              std::index_sequence<kIndex...>)
      : ring_(ring),
        lanes_{{ring.ConsumerOf(kIndex, pace)...}},
        lingers_(pace == Pace::kStreaming ? kLingers : 0),
        claim_(std::move(claim)) {
    const std::uint32_t closed = ring.memory_->consumer_closed.load(
        kRelaxed);  // sync: none, only a former consumer set it
    is_closed_ = closed != 0;
  }

  template <typename Attempt>
  PLACID_COLD RingResult TakeElsewhere(const Attempt& attempt,
                                       RingResult of_current);
  template <typename Attempt>
  PLACID_COLD RingResult TakeLast(const Attempt& attempt);

  // Looks at those lanes that are not in `looked`. Ok: at the first in which
  // something was found, and whose turn it is now. Else at all of them; but at
  // those that rest only once `before_rest` was in vain.
  template <typename Attempt, typename BeforeRest>
  RingResult LookAt(const Attempt& attempt, Set looked,
                    const BeforeRest& before_rest);

  // Whether this lane, which had something up to now, has something again soon.
  template <typename Attempt>
  bool Linger(const Attempt& attempt, std::uint64_t lane);

  // How often a stream that ran dry is looked at once more, and the pauses
  // between: some 300 ns, a look at as many lanes as there can be.
  static constexpr int kLingers = 4;
  static constexpr int kPauses = 2;

  Lanes ring_;
  std::array<typename Lane::Consumer, kLanes> lanes_;
  LaneSchedule<kLanes> schedule_;
  int lingers_;
  bool is_closed_ = false;
  RoleClaim claim_;
};

// ---- Implementation ---------------------------------------------------------

template <typename Self, typename Lane, std::uint64_t kLanes,
          std::uint64_t kExtent>
Result<Self> Lanes<Self, Lane, kLanes, kExtent>::Create(
    std::span<std::byte> bytes, std::uint64_t capacity) {
  constexpr const char* kOperation = "Lanes::Create";
  if (Lane::SizeFor(capacity) == UINT64_MAX ||
      (!kIsDynamic && capacity != kExtent)) {
    return Lane::NoCapacity(capacity, kOperation);
  }
  if (auto place = CheckPlace(bytes, SizeFor(capacity), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto virgin = RefuseStamped(memory->stamp, kOperation); !virgin) {
    return virgin.error();
  }
  // All but the stamp: bytes from an allocator need not be zero.
  *memory = Memory{};
  const Lanes lanes(bytes, Extent<kExtent>(capacity));
  for (std::uint64_t lane = 0; lane < kLanes; ++lane) {
    *lanes.At(lane).memory_ = {};
  }
  if constexpr (kIsDynamic) {
    memory->lane_count.store(kLanes, kRelaxed);  // sync: none, see the stamp
    memory->capacity.store(capacity, kRelaxed);  // sync: none, see the stamp
  }
  SetStamp(memory->stamp, StampOf());
  return Self(lanes);
}

template <typename Self, typename Lane, std::uint64_t kLanes,
          std::uint64_t kExtent>
Result<Self> Lanes<Self, Lane, kLanes, kExtent>::Attach(
    std::span<std::byte> bytes) {
  constexpr const char* kOperation = "Lanes::Attach";
  const std::uint64_t least = kIsDynamic ? kLanesOffset : SizeFor();
  if (auto place = CheckPlace(bytes, least, kAlignment, kOperation); !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if constexpr (!kIsDynamic) {
    auto stamped = StampOrCheck(memory->stamp, StampOf(), kOperation);
    if (!stamped) return stamped.error();
    return Self(Lanes(bytes, Extent<kExtent>()));
  } else {
    auto stamped = CheckStamp(memory->stamp, StampOf(), kOperation);
    if (!stamped) return stamped.error();
    const std::uint64_t lane_count =
        memory->lane_count.load(kRelaxed);  // sync: none, ordered by the stamp
    const std::uint64_t capacity =
        memory->capacity.load(kRelaxed);  // sync: none, ordered by the stamp
    const std::uint64_t size = SizeFor(capacity);
    if (lane_count != kLanes || size == UINT64_MAX) {
      return Error{.code = ErrorCode::kCorrupt,
                   .operation = kOperation,
                   .field = lane_count != kLanes ? "lanes" : "capacity",
                   .expected = lane_count != kLanes ? kLanes : 1,
                   .found = lane_count != kLanes ? lane_count : capacity,
                   .advice =
                       "no ring has this geometry: the header was "
                       "overwritten; create the ring anew"};
    }
    if (size > bytes.size()) {
      return Error{.code = ErrorCode::kCorrupt,
                   .operation = kOperation,
                   .field = "bytes the lanes span",
                   .expected = bytes.size(),
                   .found = size,
                   .advice = "attach to all its bytes, or create it anew"};
    }
    return Self(Lanes(bytes, Extent<kExtent>(capacity)));
  }
}

template <typename Self, typename Lane, std::uint64_t kLanes,
          std::uint64_t kExtent>
Result<void> Lanes<Self, Lane, kLanes, kExtent>::Reset(
    std::span<std::byte> bytes, NobodyUsesIt) {
  // What Create writes anyway need not be zero; what nobody creates must be.
  const std::uint64_t least = kIsDynamic ? kLanesOffset : SizeFor();
  auto place = CheckPlace(bytes, least, kAlignment, "Lanes::Reset");
  if (!place) return place;
  *reinterpret_cast<Memory*>(bytes.data()) = Memory{};
  if constexpr (!kIsDynamic) {
    const Lanes lanes(bytes, Extent<kExtent>());
    for (std::uint64_t lane = 0; lane < kLanes; ++lane) {
      *lanes.At(lane).memory_ = {};
    }
  }
  return place;
}

template <typename Self, typename Lane, std::uint64_t kLanes,
          std::uint64_t kExtent>
template <typename S>
auto Lanes<Self, Lane, kLanes, kExtent>::ClaimProducer(OwnerId by) const
    -> Result<typename S::Producer> {
  constexpr const char* kOperation = "Lanes::ClaimProducer";
  Error error{.code = ErrorCode::kRoleTaken,
              .operation = kOperation,
              .field = "lanes held",
              .expected = kLanes - 1,
              .found = kLanes,
              .advice =
                  "every lane is leased: drop a producer, recover the "
                  "dead, or create the ring with more lanes"};
  // Each owner begins elsewhere, so that those who start together do not all
  // try the same lane.
  const std::uint64_t first = by.index() % kLanes;
  for (std::uint64_t i = 0; i < kLanes; ++i) {
    const std::uint64_t index = (first + i) % kLanes;
    auto claim = RoleClaim::Take(ProducerWord(index), kOperation, by);
    if (!claim) {
      if (claim.error().code != ErrorCode::kRoleTaken) return claim.error();
      continue;
    }
    auto producer = Lease<S>(index, *std::move(claim), kOperation);
    if (producer || producer.error().code == ErrorCode::kClosed) {
      return producer;
    }
    error = producer.error();  // given back: one of the others will do
  }
  return error;
}

template <typename Self, typename Lane, std::uint64_t kLanes,
          std::uint64_t kExtent>
template <typename S>
auto Lanes<Self, Lane, kLanes, kExtent>::ClaimConsumer(Pace pace,
                                                       OwnerId by) const
    -> Result<typename S::Consumer> {
  auto claim = RoleClaim::Take(memory_->consumer, "Lanes::ClaimConsumer", by);
  if (!claim) return claim.error();
  return typename S::Consumer(AnyConsumer(*this, *std::move(claim), pace));
}

template <typename Self, typename Lane, std::uint64_t kLanes,
          std::uint64_t kExtent>
template <typename S>
auto Lanes<Self, Lane, kLanes, kExtent>::TakeOverProducer(std::uint64_t lane,
                                                          AttestedDeath death,
                                                          OwnerId by) const
    -> Result<typename S::Producer> {
  constexpr const char* kOperation = "Lanes::TakeOverProducer";
  if (lane >= kLanes) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .operation = kOperation,
                 .field = "lane",
                 .expected = kLanes - 1,
                 .found = lane,
                 .advice = "lanes are numbered from 0"};
  }
  auto claim = RoleClaim::TakeOver(ProducerWord(lane), death, kOperation, by);
  if (!claim) return claim.error();
  return Lease<S>(lane, *std::move(claim), kOperation);
}

template <typename Self, typename Lane, std::uint64_t kLanes,
          std::uint64_t kExtent>
template <typename S>
auto Lanes<Self, Lane, kLanes, kExtent>::TakeOverConsumer(AttestedDeath death,
                                                          Pace pace,
                                                          OwnerId by) const
    -> Result<typename S::Consumer> {
  auto claim = RoleClaim::TakeOver(memory_->consumer, death,
                                   "Lanes::TakeOverConsumer", by);
  if (!claim) return claim.error();
  return typename S::Consumer(AnyConsumer(*this, *std::move(claim), pace));
}

template <typename Self, typename Lane, std::uint64_t kLanes,
          std::uint64_t kExtent>
template <typename S>
auto Lanes<Self, Lane, kLanes, kExtent>::Lease(std::uint64_t lane,
                                               RoleClaim claim,
                                               const char* operation) const
    -> Result<typename S::Producer> {
  // Also after a takeover: the dead one may not have come so far.
  Fence(kSeqCst);  // sync: seal (seq_cst), see it, or be seen by the consumer
  if (IsSealed()) {
    return Error{.code = ErrorCode::kClosed,
                 .operation = operation,
                 .advice = "the ring is sealed, for ever: make another one"};
  }
  auto producer = At(lane).ProducerOfLane(std::move(claim), operation);
  if (!producer) return producer.error();
  return typename S::Producer(AnyProducer(*this, lane, *std::move(producer)));
}

// ---- Consumer

template <typename Self, typename Lane, std::uint64_t kLanes,
          std::uint64_t kExtent>
template <typename Attempt, typename BeforeRest>
RingResult Lanes<Self, Lane, kLanes, kExtent>::AnyConsumer::LookAt(
    const Attempt& attempt, Set looked, const BeforeRest& before_rest) {
  RingResult all = RingResult::kEmpty;
  std::uint64_t corrupt = 0;
  bool is_before_rest = true;
  while (looked != LaneSchedule<kLanes>::kAll) {
    if (is_before_rest && schedule_.DoOthersRest(looked)) {
      is_before_rest = false;
      if (before_rest()) return RingResult::kOk;
    }
    const std::uint64_t lane = schedule_.Next(looked);
    const RingResult result = attempt(lanes_[static_cast<std::size_t>(lane)]);
    if (result == RingResult::kOk) {
      schedule_.Begin(lane);
      return result;
    }
    schedule_.FoundNothing(lane);
    looked |= Set{1} << lane;
    // A lane that lies harms itself: what the others have comes first.
    if (result == RingResult::kCorrupt) {
      all = result;
      corrupt = lane;
    }
  }
  if (all == RingResult::kCorrupt) schedule_.FoundNothing(corrupt);
  return all;
}

template <typename Self, typename Lane, std::uint64_t kLanes,
          std::uint64_t kExtent>
template <typename Attempt>
bool Lanes<Self, Lane, kLanes, kExtent>::AnyConsumer::Linger(
    const Attempt& attempt, std::uint64_t lane) {
  for (int i = 0; i < lingers_; ++i) {
    for (int j = 0; j < kPauses; ++j) machine::Pause();
    if (attempt(lanes_[static_cast<std::size_t>(lane)]) == RingResult::kOk) {
      schedule_.Begin(lane);
      return true;
    }
  }
  return false;
}

// The turn of the current lane is over, or nothing was found in it just now.
template <typename Self, typename Lane, std::uint64_t kLanes,
          std::uint64_t kExtent>
template <typename Attempt>
RingResult Lanes<Self, Lane, kLanes, kExtent>::AnyConsumer::TakeElsewhere(
    const Attempt& attempt, RingResult of_current) {
  if (is_closed_) return RingResult::kClosed;
  // Nothing of a lane is kept back while others have their turns.
  Publish();
  const std::uint64_t current = schedule_.lane();
  Set looked = 0;
  if (of_current != RingResult::kOk) {
    schedule_.FoundNothing(current);
    looked = Set{1} << current;
  }
  // A stream is likelier to go on than a lane that rests is to begin one.
  const RingResult result = LookAt(attempt, looked, [&] {
    return of_current == RingResult::kEmpty && Linger(attempt, current);
  });
  if (result != RingResult::kEmpty) return result;
  if (of_current == RingResult::kCorrupt) {
    schedule_.FoundNothing(current);
    return of_current;
  }
  return TakeLast(attempt);
}

// All lanes were found empty in this call. Whether that is the end.
template <typename Self, typename Lane, std::uint64_t kLanes,
          std::uint64_t kExtent>
template <typename Attempt>
RingResult Lanes<Self, Lane, kLanes, kExtent>::AnyConsumer::TakeLast(
    const Attempt& attempt) {
  if (!ring_.IsSealed()) return RingResult::kEmpty;
  Fence(kSeqCst);  // sync: seal (seq_cst), a lease not seen below sees the seal
  for (std::uint64_t lane = 0; lane < kLanes; ++lane) {
    const RoleHolder holder(
        ring_.ProducerWord(lane).load(kAcquire));  // sync: handover (acquire)
    if (!holder.is_free()) return RingResult::kEmpty;
  }
  // All are free for good, and what their last holders pushed is visible now.
  const RingResult result = LookAt(attempt, 0, [] { return false; });
  return result == RingResult::kEmpty ? RingResult::kClosed : result;
}

}  // namespace placid

#endif  // PLACID_PRIMITIVES_LANES_H_
