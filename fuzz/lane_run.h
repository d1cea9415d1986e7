// SPDX-License-Identifier: Apache-2.0
//
// LaneRun<Form>: a ring with lanes, all of its roles in one process, in any
// order of calls, deaths, recoveries and seals. With an honest peer each result
// is compared with a list for each lane. With a hostile one nothing may happen
// but what the header documents. Include fuzz/harness.h first. A Form is
//
//   using Ring; kLanes, kCapacity
//   using Lane                         the ring that a lane is
//   kFixed                             the extent is: zeros are an empty ring
//   kMostAgain                         values that may come again, streaming
//   Push(producer, number)             one value: RingResult
//   Pop(consumer, bytes, number)       one value: RingResult
//   InPlace(producer, consumer, bytes, number)  the other ways to touch bytes
#ifndef PLACID_FUZZ_LANE_RUN_H_
#define PLACID_FUZZ_LANE_RUN_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "fuzz/harness.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/pace.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "tests/support/lane_counts.h"

namespace placid::fuzz {

template <typename Form>
class LaneRun {
 public:
  using Ring = typename Form::Ring;
  using Producer = typename Ring::Producer;
  using Consumer = typename Ring::Consumer;
  static constexpr std::size_t kLanes = Form::kLanes;

  LaneRun(Input& input, std::span<std::byte> bytes, const Ring& ring,
          Honesty honesty)
      : input_(input),
        bytes_(bytes),
        ring_(ring),
        pace_(input.TakeBool() ? Pace::kStreaming : Pace::kPrompt),
        peer_(input, bytes, honesty) {}

  void Go() {
    while (!input_.is_spent()) {
      peer_.Allow(kAccesses);
      Step();
    }
    peer_.Allow(kAccesses * (kLanes + 2));
    for (auto& producer : producers_) producer.Drop();
    consumer_.Drop();
  }

 private:
  // Of one operation, each lane included.
  static constexpr std::uint64_t kAccesses = 30 * (kLanes + 1);

  void Step() {
    const auto deed = input_.Take<std::uint8_t>();
    const std::size_t who = deed / 32 % (kLanes + 1);
    switch (deed % 32) {
      case 0: return Claim(who);
      case 1: return DropLane(who);
      case 2: return DieIn(who);
      case 3: return RecoverLanes();
      case 4: return ClaimConsumer();
      case 5: return DropConsumer();
      case 6: return DieConsuming();
      case 7: return Seal(deed);
      case 8: return Close(deed);
      case 9: return peer_.Scribble();
      case 10:
        if (consumer_.is_held()) consumer_->Publish();
        return;
      case 11: return TouchInPlace(who);
      default: deed % 2 == 0 ? Push(who) : Pop(); return;
    }
  }

  // ---- Leases

  static OwnerId Id(std::size_t who) { return *OwnerId::Of(who + 1, 3); }

  void Claim(std::size_t who) {
    if (producers_[who].is_held() || is_dead_[who]) return;
    auto producer = ring_.ClaimProducer(Id(who));
    if (!producer) {
      const ErrorCode code = producer.error().code;
      PLACID_FUZZ_CHECK(IsOneOf(
          code,
          {ErrorCode::kRoleTaken, ErrorCode::kClosed, ErrorCode::kCorrupt}));
      if (!peer_.is_honest()) return;
      const bool is_full = std::all_of(holder_.begin(), holder_.end(),
                                       [](int holder) { return holder >= 0; });
      PLACID_FUZZ_CHECK(is_full ? code == ErrorCode::kRoleTaken
                                : is_sealed_ && code == ErrorCode::kClosed);
      return;
    }
    const std::uint64_t lane = producer->lane();
    PLACID_FUZZ_CHECK(lane < kLanes);
    producers_[who].Hold(*std::move(producer));
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(!is_sealed_ && holder_[lane] < 0);
    holder_[lane] = static_cast<int>(who);
  }
  void DropLane(std::size_t who) {
    if (!producers_[who].is_held()) return;
    producers_[who].Drop();
    std::replace(holder_.begin(), holder_.end(), static_cast<int>(who), -1);
  }
  void DieIn(std::size_t who) {
    if (!producers_[who].is_held()) return;
    producers_[who].Die();
    is_dead_[who] = true;
  }
  void RecoverLanes() {
    for (std::size_t who = 0; who <= kLanes; ++who) {
      if (!is_dead_[who]) continue;
      peer_.Allow(kAccesses);
      const bool had = ring_.Recover(DeadOwner::Attested(Id(who)));
      PLACID_FUZZ_CHECK(had || !peer_.is_honest());
      is_dead_[who] = false;
      std::replace(holder_.begin(), holder_.end(), static_cast<int>(who), -1);
    }
  }
  void Seal(std::uint8_t deed) {
    if (deed < 224) return;
    ring_.Seal();
    is_sealed_ = true;
  }

  // ---- Values

  void Push(std::size_t who) {
    if (!producers_[who].is_held()) return;
    const RingResult result = Form::Push(*producers_[who].get(), next_);
    PLACID_FUZZ_CHECK(
        IsOneOf(result, {RingResult::kOk, RingResult::kFull,
                         RingResult::kClosed, RingResult::kCorrupt}));
    NotePushed(who, result);
  }
  void NotePushed(std::size_t who, RingResult result) {
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(
        result == RingResult::kOk ||
        result == (is_closed_ ? RingResult::kClosed : RingResult::kFull));
    if (result == RingResult::kOk) {
      lanes_[producers_[who]->lane()].pushed.push_back(next_++);
    }
  }

  void Pop() {
    if (!consumer_.is_held()) return;
    std::uint64_t number = 0;
    const RingResult result = Form::Pop(*consumer_.get(), bytes_, number);
    PLACID_FUZZ_CHECK(
        IsOneOf(result, {RingResult::kOk, RingResult::kEmpty,
                         RingResult::kClosed, RingResult::kCorrupt}));
    PLACID_FUZZ_CHECK(consumer_->lane() < kLanes);
    if (!peer_.is_honest()) return;
    const bool is_empty = std::all_of(
        lanes_.begin(), lanes_.end(),
        [](const Lane& lane) { return lane.popped == lane.pushed.size(); });
    const bool is_free = std::all_of(holder_.begin(), holder_.end(),
                                     [](int holder) { return holder < 0; });
    if (result == RingResult::kOk) return NotePopped(number);
    PLACID_FUZZ_CHECK(result != RingResult::kCorrupt);
    if (is_closed_) {
      PLACID_FUZZ_CHECK(result == RingResult::kClosed);
      return;
    }
    PLACID_FUZZ_CHECK(is_empty);
    PLACID_FUZZ_CHECK((result == RingResult::kClosed) ==
                      (is_sealed_ && is_free));
  }
  void NotePopped(std::uint64_t number) {
    PLACID_FUZZ_CHECK(!is_closed_);
    last_ = consumer_->lane();
    Lane& lane = lanes_[last_];
    // The first after a death may be one that comes again.
    while (lane.may_come_again > 0 && lane.popped > 0 &&
           (lane.popped == lane.pushed.size() ||
            lane.pushed[lane.popped] != number)) {
      --lane.may_come_again;
      --lane.popped;
    }
    lane.may_come_again = 0;
    PLACID_FUZZ_CHECK(lane.popped < lane.pushed.size());
    PLACID_FUZZ_CHECK(lane.pushed[lane.popped] == number);
    ++lane.popped;
  }

  void TouchInPlace(std::size_t who) {
    if (!producers_[who].is_held() || !consumer_.is_held()) return;
    if (peer_.is_honest()) return;
    Form::InPlace(*producers_[who].get(), *consumer_.get(), bytes_, next_);
  }

  // ---- The consumer

  void ClaimConsumer() {
    if (consumer_.is_held()) return;
    const OwnerId self = Id(50);
    if (is_consumer_dead_) (void)ring_.Recover(DeadOwner::Attested(self));
    is_consumer_dead_ = false;
    peer_.Allow(kAccesses);
    auto consumer = ring_.ClaimConsumer(pace_, self);
    if (!consumer) {
      PLACID_FUZZ_CHECK(!peer_.is_honest());
      PLACID_FUZZ_CHECK(consumer.error().code == ErrorCode::kRoleTaken);
      return;
    }
    consumer_.Hold(*std::move(consumer));
  }
  void DropConsumer() { consumer_.Drop(); }
  void DieConsuming() {
    if (!consumer_.is_held()) return;
    consumer_.Die();
    is_consumer_dead_ = true;
    lanes_[last_].may_come_again =
        1 + (pace_ == Pace::kStreaming ? Form::kMostAgain : 0);
  }
  void Close(std::uint8_t deed) {
    if (deed < 224 || !consumer_.is_held()) return;
    consumer_->Close();
    is_closed_ = true;
  }

  struct Lane {
    std::vector<std::uint64_t> pushed;
    std::size_t popped = 0;
    std::uint64_t may_come_again = 0;
  };

  Input& input_;
  std::span<std::byte> bytes_;
  Ring ring_;
  Pace pace_;
  HostilePeer peer_;
  std::array<Lane, kLanes> lanes_;
  std::array<int, kLanes> holder_ = MakeFree();
  std::array<Mortal<Producer>, kLanes + 1> producers_;
  std::array<bool, kLanes + 1> is_dead_{};
  Mortal<Consumer> consumer_;
  std::uint64_t last_ = 0;
  std::uint64_t next_ = 1;
  bool is_consumer_dead_ = false;
  bool is_sealed_ = false;
  bool is_closed_ = false;

  static constexpr std::array<int, kLanes> MakeFree() {
    std::array<int, kLanes> free{};
    free.fill(-1);
    return free;
  }
};

template <typename Form>
void OneLaneRun(Input& input) {
  using Ring = typename Form::Ring;
  constexpr auto kBytes =
      static_cast<std::size_t>(Ring::SizeFor(Form::kCapacity));
  static GuardedArena arena(kBytes);
  const Honesty honesty =
      input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  // Where the counters begin: anywhere, and around each wrap.
  const std::uint64_t start =
      input.TakeOneOf<std::uint64_t>(
          {0, std::uint64_t{1} << 32, std::uint64_t{1} << 63, 0}) -
      8 * input.TakeAtMost(30);
  const auto bytes = arena.Place(kBytes, Ring::kAlignment);
  const auto ring =
      Form::kFixed ? Ring::Attach(bytes) : Ring::Create(bytes, Form::kCapacity);
  PLACID_FUZZ_CHECK(ring.has_value());
  testing::SetLaneCounts<typename Form::Lane>(bytes, Form::kLanes, start);
  LaneRun<Form>(input, bytes, *ring, honesty).Go();
  arena.CheckSurroundings();
}

}  // namespace placid::fuzz

#endif  // PLACID_FUZZ_LANE_RUN_H_
