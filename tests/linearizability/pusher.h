// SPDX-License-Identifier: Apache-2.0
//
// Pusher: one of many producers in a history: all that it does, as events of
// ManyFifo or SharedFifo.
#ifndef PLACID_TESTS_LINEARIZABILITY_PUSHER_H_
#define PLACID_TESTS_LINEARIZABILITY_PUSHER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/ring_result.h"
#include "tests/linearizability/abandon.h"
#include "tests/linearizability/recorder.h"
#include "tests/support/checked_value.h"

namespace placid::linearizability {

template <typename Spec, typename Ring>
class Pusher {
 public:
  // Large enough to be copied in several pieces.
  using T = testing::CheckedValue<8>;
  using Log = Recorder<typename Spec::Event>;
  static constexpr std::uint32_t kMostAtOnce = 3;

  // Producer `which`, from 0, of a new history: none of its values is one that
  // somebody else uses.
  void Begin(const Ring& ring, std::uint32_t which) {
    id_ = *OwnerId::Of(which + 1, 1);
    producer_ = *ring.ClaimProducer(id_);
    next_ = (which + 1) * 1000;
    reserved_ = 0;
  }
  // The last history is over; its ring may be gone.
  void End() { producer_.reset(); }

  [[nodiscard]] bool TryPush(std::uint32_t value) {
    return producer_->TryPush(T::Of(value)) == RingResult::kOk;
  }

  // What a number below 32 says, with `count` values where it is several.
  void Produce(const Ring& ring, std::uint32_t what, std::uint32_t count,
               Log& log) {
    typename Ring::Producer& producer = *producer_;
    if (what == 0) {
      const RingResult result = log.Time([&] { return producer.Close(); });
      NoteGivenUp(log);
      Note(result, {Spec::kClose}, log);
    } else if (what < 4) {
      log.Time([&] {
        Abandon(*std::move(producer_));
        (void)ring.Recover(DeadOwner::Attested(id_));
        producer_ = *ring.ClaimProducer(id_);
        return 0;
      });
      NoteGivenUp(log);
    } else if (what < 16) {
      const T value = T::Of(next_);
      const RingResult result =
          log.Time([&] { return producer.TryPush(value); });
      NoteGivenUp(log);
      Note(result, {Spec::kClaim, next_}, log);
      if (result == RingResult::kOk) log.Note({Spec::kCommit, next_++});
    } else if (what < 21) {
      std::array<T, kMostAtOnce> values;
      for (std::uint32_t i = 0; i < count; ++i) {
        values[i] = T::Of(next_ + i);
      }
      std::size_t pushed = 0;
      const RingResult result = log.Time([&] {
        return producer.TryPushSome({values.data(), count}, pushed);
      });
      NoteGivenUp(log);
      for (std::size_t i = 0; i < pushed; ++i) {
        log.Note({Spec::kClaim, next_});
        log.Note({Spec::kCommit, next_++});
      }
      if (result == RingResult::kOk && pushed == 0) {
        log.Note({Spec::kNonsense});
      }
      if (result != RingResult::kOk) Note(result, {}, log);
    } else if (what < 26) {
      T* slot = nullptr;
      const RingResult result = log.Time([&] {
        const RingResult reserved = producer.TryReserve(slot);
        if (slot != nullptr) *slot = T::Of(next_);
        return reserved;
      });
      NoteGivenUp(log);
      Note(result, {Spec::kClaim, next_}, log);
      if (result == RingResult::kOk) reserved_ = next_++;
    } else {
      const bool commits = what < 30;
      const bool is_done = log.Time(
          [&] { return commits ? producer.Commit() : producer.Abort(); });
      if (is_done != (reserved_ != 0)) log.Note({Spec::kNonsense});
      if (!is_done) return;
      log.Note({commits ? Spec::kCommit : Spec::kGiveUp, reserved_});
      reserved_ = 0;
    }
  }

 private:
  void NoteGivenUp(Log& log) {
    if (reserved_ != 0) log.Note({Spec::kGiveUp, reserved_});
    reserved_ = 0;
  }

  static void Note(RingResult result, const typename Spec::Event& done,
                   Log& log) {
    switch (result) {
      case RingResult::kOk: return log.Note(done);
      case RingResult::kFull: return log.Note({Spec::kNoRoom});
      case RingResult::kContended: return log.Note({Spec::kContended});
      case RingResult::kClosed:
        log.Note({Spec::kNoRoomOrEnd});
        return log.Note({Spec::kSeeClosed});
      default: return log.Note({Spec::kNonsense});
    }
  }

  OwnerId id_;
  std::optional<typename Ring::Producer> producer_;
  std::uint32_t next_ = 0;      // its next value; none is ever pushed twice
  std::uint32_t reserved_ = 0;  // the value that it has claimed, or 0
};

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_PUSHER_H_
