// SPDX-License-Identifier: Apache-2.0
//
// BroadcastScenario<Form>: histories of a writer and a reader of a broadcast,
// as events of Broadcast. A value's number is how many were pushed before it.
//
//   class Form {
//     using Ring;
//     kMost                        that are pushed before a history
//     Make(random)                 an empty one, beginning anywhere: Ring
//     Push(writer, number, count)  so many at once, from this number on
//     Reserve(writer, number)      room for one, which is not used
//     Oldest(number, which)        the oldest that is not given up, once there
//                                  was room for `number`, the which-th of the
//                                  last operation's. More: no contract says so
//     Position(reader)             of the next value
//     Read(reader, way, values, lost)  one value or more; way is below 32
//   };
#ifndef PLACID_TESTS_LINEARIZABILITY_BROADCAST_SCENARIO_H_
#define PLACID_TESTS_LINEARIZABILITY_BROADCAST_SCENARIO_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "placid/primitives/start_at.h"
#include "tests/linearizability/abandon.h"
#include "tests/linearizability/broadcast.h"
#include "tests/linearizability/runner.h"

namespace placid::linearizability {

// What a reader of either form was given: the numbers of values.
struct BroadcastValues {
  static constexpr std::size_t kMostAtOnce = 3;
  static constexpr std::uint64_t kTorn = UINT64_MAX;

  std::array<std::uint64_t, kMostAtOnce> numbers{};
  std::size_t count = 0;
};

// One thread pushes, the other reads, and is lapped now and then.
template <typename Form>
class BroadcastScenario {
 public:
  using Spec = Broadcast;
  using Ring = typename Form::Ring;
  using Log = Recorder<Broadcast::Event>;

  void Prepare(Random& random) {
    writer_.reset();
    ring_ = form_.Make(random);
    now_ = {};
    writer_ = *ring_->ClaimWriter();
    reader_ = ring_->MakeReader(StartAt::kOldest, StartAt::kOldest);
    start_ = Form::Position(*reader_);
    for (std::uint64_t i = Draw(random, Form::kMost + 1); i > 0; --i) {
      form_.Push(*writer_, now_.tail, 1);
      now_.oldest = form_.Oldest(now_.tail++, 0);
    }
    // It has read none of them, and some may be given up by now.
    first_ = now_;
    for (auto& steps : steps_) {
      steps.resize(4 + Draw(random, 5));
      for (std::uint32_t& step : steps) step = Draw(random, 32);
    }
  }

  const Broadcast& spec() const { return broadcast_; }
  const Broadcast::State& initial() const { return first_; }

  void Act(int who, Log& log) {
    for (const std::uint32_t step : steps_[static_cast<std::size_t>(who)]) {
      if (who == 1) {
        Read(step, log);
      } else if (!now_.is_closed) {
        Write(step, log);
      }
    }
  }

 private:
  void Write(std::uint32_t step, Log& log) {
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
      log.Time([&] { return form_.Reserve(*writer_, now_.tail), 0; });
      NoteRoom(0, log);
    } else {
      const std::size_t count = step < 12 ? 1 + step % 3 : 1;
      log.Time([&] { return form_.Push(*writer_, now_.tail, count), 0; });
      for (std::size_t i = 0; i < count; ++i) {
        NoteRoom(i, log);
        log.Note({Broadcast::kPush, now_.tail++});
      }
    }
  }
  // One by one: a reader may have looked between.
  void NoteRoom(std::size_t which, Log& log) {
    const std::uint64_t oldest = form_.Oldest(now_.tail, which);
    if (oldest > now_.tail) return log.Note({Broadcast::kNonsense, oldest});
    while (now_.oldest < oldest) {
      log.Note({Broadcast::kMakeRoom, ++now_.oldest});
    }
  }

  void Read(std::uint32_t step, Log& log) {
    BroadcastValues values;
    std::uint64_t lost = 0;
    const std::uint64_t before = Form::Position(*reader_) - start_;
    const RingResult result =
        log.Time([&] { return form_.Read(*reader_, step, values, lost); });
    if (result == RingResult::kEmpty) return log.Note({Broadcast::kFindEmpty});
    if (result == RingResult::kClosed) {
      return log.Note({Broadcast::kFindClosed});
    }
    if (result != RingResult::kOk) return log.Note({Broadcast::kNonsense});
    if (lost > 0) log.Note({Broadcast::kLose, lost});
    for (std::size_t i = 0; i < values.count; ++i) {
      const bool is_right = values.numbers[i] == before + lost + i;
      log.Note({is_right ? Broadcast::kTake : Broadcast::kNonsense,
                values.numbers[i]});
    }
  }

  Form form_;
  std::optional<Ring> ring_;
  std::optional<typename Ring::Writer> writer_;
  std::optional<typename Ring::Reader> reader_;
  Broadcast broadcast_;
  Broadcast::State first_;
  Broadcast::State now_;  // as the writer knows it
  std::uint64_t start_ = 0;
  std::array<std::vector<std::uint32_t>, 2> steps_;
};

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_BROADCAST_SCENARIO_H_
