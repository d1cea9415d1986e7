// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "placid/primitives/mpmc_ring.h"
#include "tests/linearizability/abandon.h"
#include "tests/linearizability/pusher.h"
#include "tests/linearizability/runner.h"
#include "tests/linearizability/shared_fifo.h"
#include "tests/support/checked_value.h"

namespace placid::linearizability {
namespace {

using T = testing::CheckedValue<8>;
using SharedRing = MpmcRing<T>;
using SharedLog = Recorder<SharedFifo::Event>;

// One of the consumers: all that it does, as events.
class Popper {
 public:
  static constexpr std::uint32_t kMostAtOnce = 3;

  void Begin(const SharedRing& ring, std::uint8_t which, Delivery delivery) {
    who_ = which;
    id_ = *OwnerId::Of(which + 5u, 1);
    delivery_ = delivery;
    consumer_ = *ring.ClaimConsumer(delivery, id_);
  }
  void End() { consumer_.reset(); }

  // What a number below 32 says, with `count` values where it is several.
  void Consume(const SharedRing& ring, std::uint32_t what, std::uint32_t count,
               SharedLog& log) {
    if (what == 0) {
      log.Time([&] { return consumer_->Close(), 0; });
      NoteGivenBack(log);
      Note(SharedFifo::kCloseConsumers, log);
    } else if (what < 6) {
      log.Time([&] {
        Abandon(*std::move(consumer_));
        (void)ring.Recover(DeadOwner::Attested(id_));
        consumer_ = *ring.ClaimConsumer(delivery_, id_);
        return 0;
      });
      Note(GivesBackAtOnce() ? SharedFifo::kLose : SharedFifo::kOffer, log);
      Note(SharedFifo::kTell, log);
    } else if (what < 8) {
      log.Time([&] { return consumer_->Retire(), 0; });
      NoteGivenBack(log);
    } else if (what < 18) {
      T value{};
      const RingResult result =
          log.Time([&] { return consumer_->TryPop(value); });
      NoteTaken(result, value, log);
      if (GivesBackAtOnce()) NoteGivenBack(log);
    } else if (what < 24) {
      std::array<T, kMostAtOnce> values;
      std::size_t popped = 0;
      const RingResult result = log.Time([&] {
        return consumer_->TryPopSome({values.data(), count}, popped);
      });
      for (std::size_t i = 0; i < popped; ++i) {
        NoteTaken(RingResult::kOk, values[i], log);
        if (GivesBackAtOnce()) Note(SharedFifo::kGiveBack, log);
      }
      if (popped == 0) NoteTaken(result, {}, log);
      // It has looked for more, in vain.
      if (popped > 0 && popped < count) {
        Note(SharedFifo::kGiveBack, log);
        Note(SharedFifo::kPassOver, log);
      }
      Note(SharedFifo::kHaveGivenBack, log);
    } else {
      T value{};
      const RingResult result = log.Time([&] {
        SharedSpan<T> slot;
        const RingResult peeked = consumer_->TryPeek(slot);
        (void)slot.CopyOut({&value, 1});
        return peeked;
      });
      NoteTaken(result, value, log);
    }
  }

 private:
  [[nodiscard]] bool GivesBackAtOnce() const {
    return delivery_ == Delivery::kAtMostOnce;
  }
  void Note(SharedFifo::Kind kind, SharedLog& log, std::uint64_t value = 0) {
    log.Note({kind, static_cast<std::uint32_t>(value), who_});
  }
  void NoteGivenBack(SharedLog& log) {
    Note(SharedFifo::kGiveBack, log);
    Note(SharedFifo::kHaveGivenBack, log);
  }
  // All that one attempt does, but to give back at once.
  void NoteTaken(RingResult result, const T& value, SharedLog& log) {
    Note(SharedFifo::kGiveBack, log);
    Note(SharedFifo::kLookForOffer, log);
    // One by one, and somebody may give up another claim between.
    Note(SharedFifo::kPassOver, log);
    Note(SharedFifo::kPassOver, log);
    if (result == RingResult::kOk) {
      Note(SharedFifo::kHaveGivenBack, log);
      return Note(value.IsWhole() ? SharedFifo::kTake : SharedFifo::kNonsense,
                  log, value.number());
    }
    Note(result == RingResult::kEmpty       ? SharedFifo::kFindNothing
         : result == RingResult::kPending   ? SharedFifo::kFindPending
         : result == RingResult::kClosed    ? SharedFifo::kFindNothingOrEnd
         : result == RingResult::kContended ? SharedFifo::kContended
                                            : SharedFifo::kNonsense,
         log);
    Note(SharedFifo::kHaveGivenBack, log);
    if (result == RingResult::kClosed) Note(SharedFifo::kSeeClosed, log);
  }

  std::uint8_t who_ = 0;
  OwnerId id_;
  Delivery delivery_ = Delivery::kAtMostOnce;
  std::optional<SharedRing::Consumer> consumer_;
};

// Each thread produces and consumes by turns, so that each meets each.
class SharedRingScenario {
 public:
  using Spec = SharedFifo;

  void Prepare(Random& random) {
    for (Party& party : parties_) {
      party.pusher.End();
      party.popper.End();
    }
    const std::uint64_t capacity = std::uint64_t{1} << Draw(random, 5);
    fifo_ = {.capacity = static_cast<std::uint32_t>(capacity)};
    memory().stamp.store(0, kRelaxed);  // sync: none, one thread
    ring_ = *SharedRing::Create(bytes_, capacity);
    MoveTo(DrawStart(random, 1), capacity);
    first_ = {};
    for (std::uint32_t i = 0; i < parties_.size(); ++i) {
      Party& party = parties_[i];
      party.pusher.Begin(*ring_, i);
      party.popper.Begin(*ring_, static_cast<std::uint8_t>(i),
                         Draw(random, 2) == 0 ? Delivery::kAtMostOnce
                                              : Delivery::kAtLeastOnce);
      party.steps.resize(4 + Draw(random, 5));
      for (Step& step : party.steps) {
        step = {Draw(random, 32), 1 + Draw(random, Popper::kMostAtOnce),
                Draw(random, 2) == 0};
      }
    }
    // Somewhere between empty and full.
    const auto before = Draw(random, static_cast<std::uint32_t>(capacity) + 1);
    for (std::uint32_t value = 1; value <= before; ++value) {
      first_.entries[first_.entry_count++] = {value, SharedFifo::Fate::kDone};
      ASSERT_TRUE(parties_[0].pusher.TryPush(value));
    }
  }

  const SharedFifo& spec() const { return fifo_; }
  const SharedFifo::State& initial() const { return first_; }

  void Act(int who, SharedLog& log) {
    Party& party = parties_[static_cast<std::size_t>(who)];
    for (const Step& step : party.steps) {
      if (step.consumes) {
        party.popper.Consume(*ring_, step.what, step.count, log);
      } else {
        party.pusher.Produce(*ring_, step.what, step.count, log);
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
    Pusher<SharedFifo, SharedRing> pusher;
    Popper popper;
    std::vector<Step> steps;
  };

  SharedRing::Memory& memory() {
    return *reinterpret_cast<SharedRing::Memory*>(&memory_);
  }
  void MoveTo(std::uint64_t start, std::uint64_t capacity) {
    auto* slots = reinterpret_cast<SharedRing::Slot*>(bytes_.data() +
                                                      SharedRing::kSlotsOffset);
    for (std::uint64_t i = start; i != start + capacity; ++i) {
      const TurnWord free(i >> std::countr_zero(capacity),
                          TurnWord::State::kFree);
      slots[i % capacity].word.store(free.word(),
                                     kRelaxed);  // sync: none, one thread
    }
  }

  struct alignas(kLineBytes) Bytes {
    std::array<std::byte, SharedRing::SizeFor(16)> bytes;
  };
  Bytes memory_{};
  std::span<std::byte> bytes_{memory_.bytes};
  std::optional<SharedRing> ring_;
  std::array<Party, 2> parties_;
  SharedFifo fifo_{.capacity = 1};
  SharedFifo::State first_;
};

// Catches what is lost, repeated, torn, out of the order of all pushes, or not
// offered again; a ring that is full, empty or pending when it is not, or takes
// more than it holds: with two producers and two consumers, each in the middle
// of what the others do. The seed is printed.
TEST(MpmcRingHistoryStress, EveryHistoryIsThatOfAQueueThatConsumersShare) {
  const std::uint64_t seed = Seed();
  RunHistories<SharedRingScenario>("MpmcRing", seed);
}

}  // namespace
}  // namespace placid::linearizability
