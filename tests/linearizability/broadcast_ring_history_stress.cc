// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "placid/primitives/broadcast_ring.h"
#include "tests/linearizability/abandon.h"
#include "tests/linearizability/broadcast.h"
#include "tests/linearizability/runner.h"
#include "tests/support/checked_value.h"

namespace placid::linearizability {
namespace {

// One thread pushes, the other reads, and is lapped now and then. A value's
// number is its position from where the history begins.
template <typename T, std::uint64_t kCapacity>
class Scenario {
  static_assert(kCapacity >= 2 && kCapacity < 16, "room is made for one");

 public:
  using Spec = Broadcast;
  using Ring = BroadcastRing<T, kCapacity>;

  void Prepare(Random& random) {
    writer_.reset();
    storage_.memory = {};
    ring_ = *Ring::Attach(storage_);
    start_ = DrawStart(random, 1);
    storage_.memory.tail.store(start_, kRelaxed);    // sync: none, alone
    storage_.memory.oldest.store(start_, kRelaxed);  // sync: none, alone
    now_ = {};
    writer_ = *ring_->ClaimWriter();
    reader_ = ring_->MakeReader(StartAt::kOldest, StartAt::kOldest);
    for (std::uint64_t i = Draw(random, kCapacity + 1); i > 0; --i) {
      writer_->Push(T::Of(now_.tail++));
    }
    first_ = now_;
    for (auto& steps : steps_) {
      steps.resize(4 + Draw(random, 5));
      for (std::uint32_t& step : steps) step = Draw(random, 32);
    }
  }

  const Broadcast& spec() const { return broadcast_; }
  const Broadcast::State& initial() const { return first_; }

  void Act(int who, Recorder<Broadcast::Event>& log) {
    for (const std::uint32_t step : steps_[static_cast<std::size_t>(who)]) {
      if (who == 1) {
        Read(step, log);
      } else if (!now_.is_closed) {
        Write(step, log);
      }
    }
  }

 private:
  void Write(std::uint32_t step, Recorder<Broadcast::Event>& log) {
    if (step == 0) {
      log.Time([&] { return (*std::move(writer_)).Close(), 0; });
      log.Note({Broadcast::kClose});
      now_.is_closed = true;
    } else if (step < 3) {
      log.Time([&] {
        const AttestedDeath death(ring_->WriterHolder());
        Abandon(*std::move(writer_));
        writer_ = *ring_->TakeOverWriter(death);
        return 0;
      });
    } else if (step < 5) {
      // In place, and thought better of: what was there is gone all the same.
      log.Time([&] { return writer_->Reserve(1).size(); });
      NoteRoom(log);
    } else {
      std::array<T, 3> values{};
      const std::size_t count = step < 12 ? 1 + step % 3 : 1;
      for (std::size_t i = 0; i < count; ++i) {
        values[i] = T::Of(now_.tail + i);
      }
      log.Time([&] {
        if (count > 1) {
          writer_->PushSome(std::span(values).first(count));
        } else {
          writer_->Push(values[0]);
        }
        return 0;
      });
      for (std::size_t i = 0; i < count; ++i) {
        NoteRoom(log);
        log.Note({Broadcast::kPush, now_.tail++});
      }
    }
  }
  void NoteRoom(Recorder<Broadcast::Event>& log) {
    if (now_.tail - now_.oldest < kCapacity) return;
    log.Note({Broadcast::kMakeRoom, ++now_.oldest});
  }

  void Read(std::uint32_t step, Recorder<Broadcast::Event>& log) {
    std::array<T, 3> values{};
    std::size_t count = 0;
    std::uint64_t lost = 0;
    const std::uint64_t before = reader_->position() - start_;
    const RingResult result = log.Time([&] {
      RingResult answer = RingResult::kOk;
      if (step < 16) {
        answer = reader_->TryRead(values[0], lost);
        count = answer == RingResult::kOk ? 1 : 0;
      } else if (step < 24) {
        answer = reader_->TryReadSome(values, count, lost);
      } else {
        SharedSpan<T> some;
        answer = reader_->TryPeek(2, some, lost);
        count = some.CopyOut(values);
        if (!reader_->Validate(count)) count = 0;
      }
      return answer;
    });
    if (result == RingResult::kEmpty) return log.Note({Broadcast::kFindEmpty});
    if (result == RingResult::kClosed) {
      return log.Note({Broadcast::kFindClosed});
    }
    if (result != RingResult::kOk) return log.Note({Broadcast::kNonsense});
    if (lost > 0) log.Note({Broadcast::kLose, lost});
    for (std::size_t i = 0; i < count; ++i) {
      const bool is_right =
          values[i].IsWhole() && values[i].number() == before + lost + i;
      log.Note({is_right ? Broadcast::kTake : Broadcast::kNonsense,
                values[i].number()});
    }
  }

  typename Ring::Storage storage_{};
  std::optional<Ring> ring_;
  std::optional<typename Ring::Writer> writer_;
  std::optional<typename Ring::Reader> reader_;
  Broadcast broadcast_;
  Broadcast::State first_;
  Broadcast::State now_;  // as the writer knows it
  std::uint64_t start_ = 0;
  std::array<std::vector<std::uint32_t>, 2> steps_;
};

// A value read though it was given up, a loss of more or fewer than were, an
// empty ring that was not. The seed is printed.
TEST(BroadcastRingHistoryStress, EveryHistoryOfTwoSlotsIsThatOfABroadcast) {
  const std::uint64_t seed = Seed();
  RunHistories<Scenario<testing::CheckedValue<9>, 2>>("BroadcastRing", seed);
}
TEST(BroadcastRingHistoryStress, EveryHistoryOfFourSlotsIsThatOfABroadcast) {
  const std::uint64_t seed = Seed();
  RunHistories<Scenario<testing::CheckedValue<1>, 4>>("BroadcastRing", seed);
}

}  // namespace
}  // namespace placid::linearizability
