// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "placid/primitives/mpsc_ring.h"
#include "tests/linearizability/abandon.h"
#include "tests/linearizability/many_fifo.h"
#include "tests/linearizability/runner.h"
#include "tests/support/checked_value.h"

namespace placid::linearizability {
namespace {

// Large enough to be copied in several pieces.
using T = testing::CheckedValue<8>;
using Ring = MpscRing<T>;
using Log = Recorder<ManyFifo::Event>;

// One thread produces; the other produces and consumes by turns, so that each
// meets each.
class RingScenario {
 public:
  using Spec = ManyFifo;
  static constexpr std::uint32_t kMostAtOnce = 3;

  void Prepare(Random& random) {
    for (Party& party : parties_) party.producer.reset();
    consumer_.reset();
    const std::uint64_t capacity = std::uint64_t{1} << Draw(random, 5);
    pace_ = Draw(random, 2) == 0 ? Pace::kPrompt : Pace::kStreaming;
    fifo_ = {.capacity = static_cast<std::uint32_t>(capacity),
             .lag = pace_ == Pace::kPrompt
                        ? 0
                        : static_cast<std::uint32_t>(capacity / 8)};
    memory().stamp.store(0, kRelaxed);  // sync: none, one thread
    ring_ = *Ring::Create(bytes_, capacity);
    MoveTo(DrawStart(random, 1), capacity);
    next_ = 1;
    first_ = {};
    for (std::size_t i = 0; i < parties_.size(); ++i) {
      Party& party = parties_[i];
      party = {.id = *OwnerId::Of(i + 1, 1)};
      party.producer = *ring_->ClaimProducer(party.id);
      // Values that nobody else uses.
      party.next = static_cast<std::uint32_t>(i + 1) * 1000;
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
      ASSERT_EQ(parties_[0].producer->TryPush(T::Of(next_++)), RingResult::kOk);
    }
  }

  const ManyFifo& spec() const { return fifo_; }
  const ManyFifo::State& initial() const { return first_; }

  void Act(int who, Log& log) {
    Party& party = parties_[static_cast<std::size_t>(who)];
    for (const Step& step : party.steps) {
      step.consumes ? Consume(step, log) : Produce(party, step, log);
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
    std::optional<Ring::Producer> producer{};
    std::vector<Step> steps{};
    std::uint32_t next = 0;      // its next value; none is ever pushed twice
    std::uint32_t reserved = 0;  // the value that it has claimed, or 0
  };

  Ring::Memory& memory() { return *reinterpret_cast<Ring::Memory*>(&memory_); }
  void MoveTo(std::uint64_t start, std::uint64_t capacity) {
    memory().head.store(start, kRelaxed);  // sync: none, one thread
    auto* slots =
        reinterpret_cast<Ring::Slot*>(bytes_.data() + Ring::kSlotsOffset);
    const SlotLaps<kDynamic> laps{Extent<kDynamic>(capacity)};
    for (std::uint64_t i = start; i != start + capacity; ++i) {
      slots[i % capacity].word.store(laps.DoneBefore(i).word(),
                                     kRelaxed);  // sync: none, one thread
    }
  }

  // ---- A producer's

  void Produce(Party& party, const Step& step, Log& log) {
    Ring::Producer& producer = *party.producer;
    if (step.what == 0) {
      const RingResult result = log.Time([&] { return producer.Close(); });
      NoteGivenUp(party, log);
      Note(result, {ManyFifo::kClose}, log);
    } else if (step.what < 4) {
      log.Time([&] {
        Abandon(*std::move(party.producer));
        (void)ring_->Recover(DeadOwner::Attested(party.id));
        party.producer = *ring_->ClaimProducer(party.id);
        return 0;
      });
      NoteGivenUp(party, log);
    } else if (step.what < 16) {
      const T value = T::Of(party.next);
      const RingResult result =
          log.Time([&] { return producer.TryPush(value); });
      NoteGivenUp(party, log);
      Note(result, {ManyFifo::kClaim, party.next}, log);
      if (result == RingResult::kOk)
        log.Note({ManyFifo::kCommit, party.next++});
    } else if (step.what < 21) {
      std::array<T, kMostAtOnce> values;
      for (std::uint32_t i = 0; i < step.count; ++i) {
        values[i] = T::Of(party.next + i);
      }
      std::size_t pushed = 0;
      const RingResult result = log.Time([&] {
        return producer.TryPushSome({values.data(), step.count}, pushed);
      });
      NoteGivenUp(party, log);
      for (std::size_t i = 0; i < pushed; ++i) {
        log.Note({ManyFifo::kClaim, party.next});
        log.Note({ManyFifo::kCommit, party.next++});
      }
      if (result == RingResult::kOk && pushed == 0) {
        log.Note({ManyFifo::kNonsense});
      }
      if (result != RingResult::kOk) Note(result, {}, log);
    } else if (step.what < 26) {
      T* slot = nullptr;
      const RingResult result = log.Time([&] {
        const RingResult reserved = producer.TryReserve(slot);
        if (slot != nullptr) *slot = T::Of(party.next);
        return reserved;
      });
      NoteGivenUp(party, log);
      Note(result, {ManyFifo::kClaim, party.next}, log);
      if (result == RingResult::kOk) party.reserved = party.next++;
    } else {
      const bool commits = step.what < 30;
      const bool is_done = log.Time(
          [&] { return commits ? producer.Commit() : producer.Abort(); });
      if (is_done != (party.reserved != 0)) log.Note({ManyFifo::kNonsense});
      if (!is_done) return;
      log.Note(
          {commits ? ManyFifo::kCommit : ManyFifo::kGiveUp, party.reserved});
      party.reserved = 0;
    }
  }

  static void NoteGivenUp(Party& party, Log& log) {
    if (party.reserved != 0) log.Note({ManyFifo::kGiveUp, party.reserved});
    party.reserved = 0;
  }

  static void Note(RingResult result, const ManyFifo::Event& done, Log& log) {
    switch (result) {
      case RingResult::kOk: return log.Note(done);
      case RingResult::kFull: return log.Note({ManyFifo::kNoRoom});
      case RingResult::kContended: return log.Note({ManyFifo::kContended});
      case RingResult::kClosed:
        log.Note({ManyFifo::kNoRoomOrEnd});
        return log.Note({ManyFifo::kSeeClosed});
      default: return log.Note({ManyFifo::kNonsense});
    }
  }

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
  std::span<std::byte> bytes_{memory_.bytes};
  std::optional<Ring> ring_;
  std::array<Party, 2> parties_;
  std::optional<Ring::Consumer> consumer_;
  Pace pace_ = Pace::kPrompt;
  ManyFifo fifo_{.capacity = 1};
  ManyFifo::State first_;
  std::uint32_t next_ = 1;
  bool is_consumer_closed_ = false;
};

// Catches what is lost, repeated, torn or out of the order of all pushes, a ring
// that is full, empty or pending when it is not, or takes more than it holds:
// also in the middle of what the other side, or another producer, does. The seed
// is printed.
TEST(MpscRingHistoryStress, EveryHistoryIsThatOfABoundedFifo) {
  const std::uint64_t seed = Seed();
  RunHistories<RingScenario>("MpscRing", seed);
}

}  // namespace
}  // namespace placid::linearizability
