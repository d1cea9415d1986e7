// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "placid/primitives/spsc_ring.h"
#include "tests/linearizability/abandon.h"
#include "tests/linearizability/fifo.h"
#include "tests/linearizability/fifo_notes.h"
#include "tests/linearizability/runner.h"
#include "tests/support/checked_value.h"

namespace placid::linearizability {
namespace {

// Large enough to be copied in several pieces.
using T = testing::CheckedValue<8>;
using Ring = SpscRing<T>;

class RingScenario {
 public:
  using Spec = Fifo;
  static constexpr std::size_t kMostAtOnce = 4;

  void Prepare(Random& random) {
    producer_.reset();
    consumer_.reset();
    const std::uint64_t capacity = std::uint64_t{1} << Draw(random, 5);
    pace_ = Draw(random, 2) == 0 ? Pace::kPrompt : Pace::kStreaming;
    fifo_ = {.capacity = static_cast<std::uint32_t>(capacity),
             .lag = pace_ == Pace::kPrompt
                        ? 0
                        : static_cast<std::uint32_t>(capacity / 8)};
    memory().stamp.store(0, kRelaxed);  // sync: none, one thread
    ring_ = *Ring::Create(bytes_, capacity);
    const std::uint64_t start = DrawStart(random, 1);
    memory().tail.store(start, kRelaxed);  // sync: none, one thread
    memory().head.store(start, kRelaxed);  // sync: none, one thread
    producer_ = *ring_->ClaimProducer();
    consumer_ = *ring_->ClaimConsumer(pace_);
    is_producer_closed_ = is_consumer_closed_ = false;
    // Somewhere between empty and full.
    first_ = {};
    const auto before = Draw(random, static_cast<std::uint32_t>(capacity) + 1);
    for (std::uint32_t i = 0; i < before; ++i) {
      first_.entries[first_.entry_count++] = {next_, 1};
      ASSERT_EQ(producer_->TryPush(T::Of(next_++)), RingResult::kOk);
    }
    for (auto& steps : steps_) {
      steps.resize(4 + Draw(random, 5));
      for (Step& step : steps) {
        step = {Draw(random, 32), 1 + Draw(random, kMostAtOnce)};
      }
    }
  }

  const Fifo& spec() const { return fifo_; }
  const Fifo::State& initial() const { return first_; }

  void Act(int who, Recorder<Fifo::Event>& log) {
    for (const Step& step : steps_[static_cast<std::size_t>(who)]) {
      if (who == 0) {
        Produce(step, log);
      } else {
        Consume(step, log);
      }
    }
  }

 private:
  struct Step {
    std::uint32_t what;
    std::uint32_t count;
  };

  Ring::Memory& memory() { return *reinterpret_cast<Ring::Memory*>(&memory_); }

  // ---- The producer's thread

  void Produce(const Step& step, Recorder<Fifo::Event>& log) {
    if (step.what == 0) {
      log.Time([&] { return producer_->Close(), 0; });
      log.Note({Fifo::kCloseProducer});
      is_producer_closed_ = true;
    } else if (step.what < 3) {
      log.Time([&] {
        const AttestedDeath death(ring_->ProducerHolder());
        Abandon(*std::move(producer_));
        producer_ = *ring_->TakeOverProducer(death);
        return 0;
      });
    } else if (step.what < 18) {
      const T value = T::Of(next_);
      const RingResult result =
          log.Time([&] { return producer_->TryPush(value); });
      NotePushed(result, result == RingResult::kOk ? 1 : 0, 1, log);
    } else if (step.what < 25) {
      std::array<T, kMostAtOnce> values;
      for (std::uint32_t i = 0; i < step.count; ++i) {
        values[i] = T::Of(next_ + i);
      }
      std::size_t pushed = 0;
      const RingResult result = log.Time([&] {
        return producer_->TryPushSome({values.data(), step.count}, pushed);
      });
      NotePushed(result, pushed, step.count, log);
    } else {
      std::size_t pushed = 0;
      const RingResult result = log.Time([&] {
        std::span<T> slots;
        const RingResult reserved = producer_->TryReserve(step.count, slots);
        for (std::size_t i = 0; i < slots.size(); ++i) {
          slots[i] = T::Of(next_ + i);
        }
        // Now and then fewer than were reserved.
        const bool is_all = slots.size() < 2 || step.what % 2 == 0;
        pushed = producer_->Commit(slots.size() - (is_all ? 0 : 1));
        return reserved;
      });
      NotePushed(result, pushed, pushed, log);
    }
  }

  void NotePushed(RingResult result, std::size_t pushed, std::size_t wanted,
                  Recorder<Fifo::Event>& log) {
    linearizability::NotePushed(
        result, pushed, wanted, next_, is_producer_closed_,
        [&](const Fifo::Event& event) { log.Note(event); });
  }

  // ---- The consumer's thread

  void Consume(const Step& step, Recorder<Fifo::Event>& log) {
    if (step.what == 0) {
      log.Time([&] { return consumer_->Close(), 0; });
      log.Note({Fifo::kGiveAll});
      log.Note({Fifo::kCloseConsumer});
      is_consumer_closed_ = true;
    } else if (step.what < 3) {
      log.Time([&] {
        const AttestedDeath death(ring_->ConsumerHolder());
        Abandon(*std::move(consumer_));
        consumer_ = *ring_->TakeOverConsumer(death, pace_);
        return 0;
      });
      log.Note({Fifo::kTakeOver});
    } else if (step.what < 5) {
      log.Time([&] { return consumer_->Publish(), 0; });
      log.Note({Fifo::kGiveAll});
    } else if (step.what < 18) {
      T value{};
      const RingResult result =
          log.Time([&] { return consumer_->TryPop(value); });
      NotePopped(result, Fifo::kTake, {&value, 1}, 1, log);
    } else if (step.what < 25) {
      std::array<T, kMostAtOnce> values;
      std::size_t popped = 0;
      const RingResult result = log.Time([&] {
        return consumer_->TryPopSome({values.data(), step.count}, popped);
      });
      NotePopped(result, Fifo::kTake, {values.data(), popped}, step.count, log);
    } else {
      std::array<T, kMostAtOnce> values;
      SharedSpan<T> slots;
      std::size_t found = 0;
      const RingResult result = log.Time([&] {
        const RingResult peeked = consumer_->TryPeek(step.count, slots);
        found = slots.CopyOut(values);
        return peeked;
      });
      NotePopped(result, Fifo::kLook, {values.data(), found}, step.count, log);
      const auto retired = static_cast<std::uint32_t>(log.Time(
          [&] { return consumer_->Retire(std::max(found, std::size_t{1})); }));
      log.Note({.kind = retired == found ? Fifo::kRetire : Fifo::kNonsense,
                .count = retired});
    }
  }

  void NotePopped(RingResult result, Fifo::Kind kind, std::span<const T> values,
                  std::uint32_t wanted, Recorder<Fifo::Event>& log) {
    if (result == RingResult::kClosed && is_consumer_closed_) {
      log.Note({Fifo::kPopRefused});
      return;
    }
    log.Note({Fifo::kGiveBack});
    if (result == RingResult::kOk) {
      NoteValues(kind, values, wanted,
                 [&](const Fifo::Event& event) { log.Note(event); });
      log.Note({Fifo::kHaveGivenBack});
    } else if (result == RingResult::kEmpty || result == RingResult::kClosed) {
      log.Note({result == RingResult::kEmpty ? Fifo::kFindNothing
                                             : Fifo::kFindTheEnd});
      log.Note({Fifo::kGiveAll});
    } else {
      log.Note({Fifo::kNonsense});
    }
  }

  struct alignas(kLineBytes) Bytes {
    std::array<std::byte, Ring::SizeFor(16)> bytes;
  };
  Bytes memory_{};
  std::span<std::byte> bytes_{memory_.bytes};
  std::optional<Ring> ring_;
  std::optional<Ring::Producer> producer_;
  std::optional<Ring::Consumer> consumer_;
  Pace pace_ = Pace::kPrompt;
  Fifo fifo_{.capacity = 1};
  Fifo::State first_;
  std::array<std::vector<Step>, 2> steps_;
  std::uint32_t next_ = 1;  // the next value; none is ever pushed twice
  bool is_producer_closed_ = false;
  bool is_consumer_closed_ = false;
};

// Catches what is lost, repeated, torn or out of order, a ring that is full or
// empty when it is not, or takes more than it holds: also in the middle of what
// the other side does. The seed is printed.
TEST(SpscRingHistoryStress, EveryHistoryIsThatOfABoundedFifo) {
  const std::uint64_t seed = Seed();
  RunHistories<RingScenario>("SpscRing", seed);
}

}  // namespace
}  // namespace placid::linearizability
