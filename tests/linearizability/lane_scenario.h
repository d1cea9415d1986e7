// SPDX-License-Identifier: Apache-2.0
//
// LaneScenario<Form>: histories of two producers and a consumer of a ring with
// lanes, as events of LaneFifo.
//
//   struct Form {
//     using Ring, T;
//     Make(bytes, capacity, start)  an empty one; so many values fit into a lane
//     kMostBytes                    of the largest that is made, of 8 values
//     Push(producer, values, pushed)          one or several at once
//     PushInPlace(producer, values, pushed)   first reserved, then committed
//     Pop(consumer, values, popped)
//     kPopsSeveral                  else one, whatever is wanted
//   };
#ifndef PLACID_TESTS_LINEARIZABILITY_LANE_SCENARIO_H_
#define PLACID_TESTS_LINEARIZABILITY_LANE_SCENARIO_H_

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "placid/base/cache_line.h"
#include "placid/base/error.h"
#include "placid/base/shared_bytes.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/pace.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "tests/linearizability/abandon.h"
#include "tests/linearizability/fifo_notes.h"
#include "tests/linearizability/lane_fifo.h"
#include "tests/linearizability/runner.h"

namespace placid::linearizability {

// One thread produces; the other produces and consumes by turns, so that each
// meets each. Values are numbered in each lane, by whoever has leased it.
template <typename Form>
class LaneScenario {
 public:
  using Ring = typename Form::Ring;
  using T = typename Form::T;
  static constexpr auto kLanes = static_cast<std::size_t>(Ring::lanes());
  using Spec = LaneFifo<kLanes>;
  using Log = Recorder<typename Spec::Event>;
  static constexpr std::uint32_t kMostAtOnce = 4;

  void Prepare(Random& random) {
    for (Party& party : parties_) party.producer.reset();
    consumer_.reset();
    const std::uint64_t capacity = std::uint64_t{1} << Draw(random, 4);
    pace_ = Draw(random, 2) == 0 ? Pace::kPrompt : Pace::kStreaming;
    spec_.fifo = {.capacity = static_cast<std::uint32_t>(capacity),
                  .lag = pace_ == Pace::kPrompt
                             ? 0
                             : static_cast<std::uint32_t>(capacity / 8)};
    ring_ = Form::Make(memory_.bytes, capacity, DrawStart(random, 1));
    consumer_ = *ring_->ClaimConsumer(pace_);
    is_consumer_closed_ = false;
    hand_ = kLanes;
    first_ = {};
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      next_[lane] = static_cast<std::uint32_t>(1 + 1000 * lane);
    }
    for (std::uint8_t who = 0; who < parties_.size(); ++who) {
      Party& party = parties_[who];
      party.id = *OwnerId::Of(who + 1u, 1);
      party.steps.resize(4 + Draw(random, 5));
      for (Step& step : party.steps) {
        step = {Draw(random, 32), 1 + Draw(random, kMostAtOnce),
                who == 1 && Draw(random, 3) > 0};
      }
      if (Draw(random, 4) > 0) Begin(party, Draw(random, 9));
    }
  }

  const Spec& spec() const { return spec_; }
  const typename Spec::State& initial() const { return first_; }

  void Act(int who, Log& log) {
    Party& party = parties_[static_cast<std::size_t>(who)];
    for (const Step& step : party.steps) {
      if (step.consumes) {
        Consume(step, log);
      } else {
        Produce(party, static_cast<std::uint8_t>(who), step, log);
      }
    }
  }

 private:
  struct Step {
    std::uint32_t what;
    std::uint32_t count;
    bool consumes;
  };
  struct Party {
    OwnerId id;
    std::optional<typename Ring::Producer> producer;
    std::vector<Step> steps;
  };
  using Values = std::array<T, kMostAtOnce>;

  // With a lane, if there is one, and some values in it.
  void Begin(Party& party, std::uint32_t values) {
    auto producer = ring_->ClaimProducer(party.id);
    if (!producer) return;
    party.producer = *std::move(producer);
    const auto lane = static_cast<std::size_t>(party.producer->lane());
    first_.leased[lane] = true;
    Fifo::State& fifo = first_.lanes[lane];
    while (values-- > 0 && fifo.entry_count < spec_.fifo.capacity) {
      const T value = T::Of(next_[lane]);
      std::size_t pushed = 0;
      ASSERT_EQ(Form::Push(*party.producer, {&value, 1}, pushed),
                RingResult::kOk);
      fifo.entries[fifo.entry_count++] = {next_[lane]++, 1};
    }
  }

  static void Note(std::size_t lane, const Fifo::Event& event, Log& log) {
    log.Note({.kind = Spec::kInLane,
              .lane = static_cast<std::uint8_t>(lane),
              .event = event});
  }

  // ---- A producer's

  void Produce(Party& party, std::uint8_t who, const Step& step, Log& log) {
    if (step.what == 0) {
      log.Time([&] { return ring_->Seal(), 0; });
      return log.Note({Spec::kSeal});
    }
    if (!party.producer) return Lease(party, who, log);
    const auto lane = static_cast<std::size_t>(party.producer->lane());
    if (step.what < 7) {
      const bool is_recovered = log.Time([&] {
        if (step.what >= 4) return party.producer.reset(), true;
        Abandon(*std::exchange(party.producer, {}));
        return ring_->Recover(DeadOwner::Attested(party.id));
      });
      return log.Note({is_recovered ? Spec::kGiveBack : Spec::kNonsense,
                       static_cast<std::uint8_t>(lane)});
    }
    const bool is_one = step.what < 18;
    const bool is_in_place = step.what >= 25;
    Values values;
    for (std::uint32_t i = 0; i < kMostAtOnce; ++i) {
      values[i] = T::Of(next_[lane] + i);
    }
    const std::span<const T> some(values.data(), is_one ? 1 : step.count);
    std::size_t pushed = 0;
    const RingResult result = log.Time([&] {
      return is_in_place ? Form::PushInPlace(*party.producer, some, pushed)
                         : Form::Push(*party.producer, some, pushed);
    });
    NotePushed(result, pushed, is_in_place ? pushed : some.size(), next_[lane],
               /*is_producer_closed=*/false,
               [&](const Fifo::Event& event) { Note(lane, event, log); });
  }

  void Lease(Party& party, std::uint8_t who, Log& log) {
    const auto code = log.Time([&]() -> std::optional<ErrorCode> {
      auto producer = ring_->ClaimProducer(party.id);
      if (!producer) return producer.error().code;
      party.producer = *std::move(producer);
      return std::nullopt;
    });
    if (party.producer) {
      log.Note({Spec::kLease,
                static_cast<std::uint8_t>(party.producer->lane())});
    } else if (code == ErrorCode::kRoleTaken) {
      for (std::size_t i = 0; i < kLanes; ++i) {
        log.Note({Spec::kFindLeased, 0, who});
      }
    } else if (code == ErrorCode::kClosed) {
      log.Note({Spec::kTry, 0, who});
      log.Note({Spec::kSeeSealed, 0, who});
    } else {
      log.Note({Spec::kNonsense});
    }
  }

  // ---- The consumer's

  void Consume(const Step& step, Log& log) {
    if (step.what == 0) {
      log.Time([&] { return consumer_->Close(), 0; });
      NoteHand(Fifo::kGiveAll, log);
      log.Note({Spec::kCloseConsumer});
      is_consumer_closed_ = true;
    } else if (step.what < 3) {
      log.Time([&] {
        const AttestedDeath death(ring_->ConsumerHolder());
        Abandon(*std::move(consumer_));
        consumer_ = *ring_->TakeOverConsumer(death, pace_);
        return 0;
      });
      NoteHand(Fifo::kTakeOver, log);
      hand_ = kLanes;
    } else if (step.what < 5) {
      log.Time([&] { return consumer_->Publish(), 0; });
      NoteHand(Fifo::kGiveAll, log);
    } else if (step.what < 25 || !Form::kPopsSeveral) {
      const std::uint32_t wanted =
          Form::kPopsSeveral && step.what >= 18 ? step.count : 1;
      Values values{};
      std::size_t popped = 0;
      const RingResult result = log.Time([&] {
        return Form::Pop(*consumer_, {values.data(), wanted}, popped);
      });
      NotePopped(result, Fifo::kTake, {values.data(), popped}, wanted, log);
    } else {
      PeekAndRetire(step, log);
    }
  }

  void PeekAndRetire(const Step& step, Log& log) {
    if constexpr (Form::kPopsSeveral) {
      Values values{};
      std::size_t found = 0;
      const RingResult result = log.Time([&] {
        SharedSpan<T> slots;
        const RingResult peeked = consumer_->TryPeek(step.count, slots);
        found = slots.CopyOut(values);
        return peeked;
      });
      NotePopped(result, Fifo::kLook, {values.data(), found}, step.count, log);
      if (result != RingResult::kOk) return;
      const std::size_t retired =
          log.Time([&] { return consumer_->Retire(found); });
      NoteHand({.kind = retired == found ? Fifo::kRetire : Fifo::kNonsense,
                .count = static_cast<std::uint32_t>(retired)},
               log);
    }
  }

  void NotePopped(RingResult result, Fifo::Kind kind, std::span<const T> values,
                  std::uint32_t wanted, Log& log) {
    if (result == RingResult::kClosed && is_consumer_closed_) {
      return log.Note({Spec::kPopRefused});
    }
    NoteHand(Fifo::kGiveBack, log);
    if (result == RingResult::kOk) {
      const auto lane = static_cast<std::size_t>(consumer_->lane());
      NoteValues(kind, values, wanted,
                 [&](const Fifo::Event& event) { Note(lane, event, log); });
      // Of a lane that it leaves it keeps nothing.
      if (hand_ != lane) NoteHand(Fifo::kGiveAll, log);
      hand_ = lane;
      return NoteHand(Fifo::kHaveGivenBack, log);
    }
    if (result == RingResult::kEmpty) {
      for (std::size_t i = 0; i < kLanes; ++i) log.Note({Spec::kFindEmpty});
      log.Note({Spec::kMayGetMore});
    } else {
      log.Note({result == RingResult::kClosed ? Spec::kFindTheEnd
                                              : Spec::kNonsense});
    }
    NoteHand(Fifo::kGiveAll, log);
  }

  // Of the lane from which it took last, if there is one.
  void NoteHand(const Fifo::Event& event, Log& log) {
    if (hand_ != kLanes) Note(hand_, event, log);
  }
  void NoteHand(Fifo::Kind kind, Log& log) {
    NoteHand(Fifo::Event{kind}, log);
  }

  struct alignas(kLineBytes) Bytes {
    std::array<std::byte, static_cast<std::size_t>(Form::kMostBytes)> bytes;
  };
  Bytes memory_{};
  std::optional<Ring> ring_;
  std::array<Party, 2> parties_;
  std::optional<typename Ring::Consumer> consumer_;
  Pace pace_ = Pace::kPrompt;
  Spec spec_{{.capacity = 1}};
  typename Spec::State first_;
  std::array<std::uint32_t, kLanes> next_{};
  std::size_t hand_ = kLanes;
  bool is_consumer_closed_ = false;
};

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_LANE_SCENARIO_H_
