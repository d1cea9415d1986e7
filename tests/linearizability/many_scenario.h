// SPDX-License-Identifier: Apache-2.0
//
// ManyScenario<Form>: histories of two producers and a consumer of a queue in
// one total order, as events of ManyFifo.
//
//   struct Form {
//     using Ring;  // of Pusher's values, called as MpscRing is
//     Make(bytes, capacity, start)  an empty one whose positions begin there
//   };
#ifndef PLACID_TESTS_LINEARIZABILITY_MANY_SCENARIO_H_
#define PLACID_TESTS_LINEARIZABILITY_MANY_SCENARIO_H_

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "placid/base/cache_line.h"
#include "placid/base/shared_bytes.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "tests/linearizability/abandon.h"
#include "tests/linearizability/many_fifo.h"
#include "tests/linearizability/pusher.h"
#include "tests/linearizability/runner.h"

namespace placid::linearizability {

// One thread produces; the other produces and consumes by turns, so that each
// meets each.
template <typename Form>
class ManyScenario {
 public:
  using Ring = typename Form::Ring;
  using RingPusher = Pusher<ManyFifo, Ring>;
  using T = typename RingPusher::T;
  using Log = Recorder<ManyFifo::Event>;
  static constexpr std::uint32_t kMostAtOnce = RingPusher::kMostAtOnce;
  using Spec = ManyFifo;

  void Prepare(Random& random) {
    for (Party& party : parties_) party.pusher.End();
    consumer_.reset();
    const std::uint64_t capacity = std::uint64_t{1} << Draw(random, 5);
    pace_ = Draw(random, 2) == 0 ? Pace::kPrompt : Pace::kStreaming;
    fifo_ = {.capacity = static_cast<std::uint32_t>(capacity),
             .lag = pace_ == Pace::kPrompt
                        ? 0
                        : static_cast<std::uint32_t>(capacity / 8)};
    ring_ = Form::Make(memory_.bytes, capacity, DrawStart(random, 1));
    next_ = 1;
    first_ = {};
    for (std::uint32_t i = 0; i < parties_.size(); ++i) {
      Party& party = parties_[i];
      party.pusher.Begin(*ring_, i);
      party.steps.resize(4 + Draw(random, 5));
      for (Step& step : party.steps) {
        step = {Draw(random, 32), 1 + Draw(random, kMostAtOnce),
                i == 1 && Draw(random, 3) > 0};
      }
    }
    consumer_ = *ring_->ClaimConsumer(pace_);
    is_consumer_closed_ = false;
    // Somewhere between empty and full.
    const auto before = Draw(random, static_cast<std::uint32_t>(capacity) + 1);
    for (std::uint32_t i = 0; i < before; ++i) {
      first_.Append({next_, ManyFifo::Fate::kDone});
      ASSERT_TRUE(parties_[0].pusher.TryPush(next_++));
    }
  }

  const ManyFifo& spec() const { return fifo_; }
  const ManyFifo::State& initial() const { return first_; }

  void Act(int who, Log& log) {
    Party& party = parties_[static_cast<std::size_t>(who)];
    for (const Step& step : party.steps) {
      step.consumes ? Consume(step, log)
                    : party.pusher.Produce(*ring_, step.what, step.count, log);
    }
  }

 private:
  struct Step {
    std::uint32_t what;
    std::uint32_t count;
    bool consumes;
  };
  struct Party {
    RingPusher pusher;
    std::vector<Step> steps;
  };

  // ---- The consumer's

  void Consume(const Step& step, Log& log) {
    if (step.what == 0) {
      log.Time([&] { return consumer_->Close(), 0; });
      log.Note({ManyFifo::kGiveAll});
      log.Note({ManyFifo::kCloseConsumer});
      is_consumer_closed_ = true;
    } else if (step.what < 3) {
      log.Time([&] {
        const AttestedDeath death(ring_->ConsumerHolder());
        Abandon(*std::move(consumer_));
        consumer_ = *ring_->TakeOverConsumer(death, pace_);
        return 0;
      });
      log.Note({ManyFifo::kTakeOver});
    } else if (step.what < 5) {
      log.Time([&] { return consumer_->Publish(), 0; });
      log.Note({ManyFifo::kGiveAll});
    } else if (step.what < 18) {
      T value{};
      const RingResult result =
          log.Time([&] { return consumer_->TryPop(value); });
      NotePopped(result, ManyFifo::kTake, {&value, 1}, log);
    } else if (step.what < 25) {
      std::array<T, kMostAtOnce> values;
      std::size_t popped = 0;
      const RingResult result = log.Time([&] {
        return consumer_->TryPopSome({values.data(), step.count}, popped);
      });
      NotePopped(result, ManyFifo::kTake, {values.data(), popped}, log);
    } else {
      T value{};
      const RingResult result = log.Time([&] {
        SharedSpan<T> slot;
        const RingResult peeked = consumer_->TryPeek(slot);
        (void)slot.CopyOut({&value, 1});
        return peeked;
      });
      NotePopped(result, ManyFifo::kLook, {&value, 1}, log);
      const bool is_retired = log.Time([&] { return consumer_->Retire(); });
      if (is_retired != (result == RingResult::kOk)) {
        log.Note({ManyFifo::kNonsense});
      }
      if (is_retired) log.Note({ManyFifo::kRetire});
    }
  }

  void NotePopped(RingResult result, ManyFifo::Kind kind,
                  std::span<const T> values, Log& log) {
    if (result == RingResult::kClosed && is_consumer_closed_) {
      log.Note({ManyFifo::kPopRefused});
      return;
    }
    log.Note({ManyFifo::kGiveBack});
    if (result == RingResult::kOk) {
      if (values.empty()) log.Note({ManyFifo::kNonsense});
      for (const T& value : values) {
        log.Note({value.IsWhole() ? kind : ManyFifo::kNonsense,
                  static_cast<std::uint32_t>(value.number())});
      }
      return log.Note({ManyFifo::kHaveGivenBack});
    }
    log.Note({result == RingResult::kEmpty     ? ManyFifo::kFindNothing
              : result == RingResult::kPending ? ManyFifo::kFindPending
              : result == RingResult::kClosed  ? ManyFifo::kFindTheEnd
                                               : ManyFifo::kNonsense});
    log.Note({ManyFifo::kGiveAll});
  }

  struct alignas(kLineBytes) Bytes {
    std::array<std::byte, Ring::SizeFor(16)> bytes;
  };
  Bytes memory_{};
  std::optional<Ring> ring_;
  std::array<Party, 2> parties_;
  std::optional<typename Ring::Consumer> consumer_;
  Pace pace_ = Pace::kPrompt;
  ManyFifo fifo_{.capacity = 1};
  ManyFifo::State first_;
  std::uint32_t next_ = 1;
  bool is_consumer_closed_ = false;
};

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_MANY_SCENARIO_H_
