// SPDX-License-Identifier: Apache-2.0
//
// The kernel is played: a sleep that would block says that its slice is over,
// and whoever slept counts as asleep for as long as the word stands as it
// stood. A bump with its wake is one instruction, as FUTEX_WAKE_OP is one step.
// Fences of peers are real where both parties run freely: there, and only there,
// a processor may keep back what a publisher has stored.
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "placid/base/atomic.h"
#include "placid/os/futex.h"
#include "placid/os/peer_fence.h"
#include "placid/wait/event_count.h"
#include "tests/crash/play.h"

namespace placid::os {
namespace {

Atomic<std::uint32_t>& WordAt(const void* word) {
  return *const_cast<Atomic<std::uint32_t>*>(
      static_cast<const Atomic<std::uint32_t>*>(word));
}

// What this process slept on last.
std::uint32_t slept_on = 0;

bool CallMembarrier(int command) {
  return syscall(SYS_membarrier, command, 0, 0) == 0;
}

}  // namespace

bool HasFutex() { return true; }
std::int64_t MonotonicNow() { return 0; }
void SleepUntil(std::int64_t) {}
int FutexWake(const void*, int) { return 0; }
int FutexBumpAndWakeAll(void* word) {
  WordAt(word).fetch_add(1, kRelaxed);
  return 1;
}
WaitResult FutexWait(const void* word, std::uint32_t expected, std::int64_t) {
  slept_on = expected;
  return WordAt(word).load(kRelaxed) == expected ? WaitResult::kTimedOut
                                                 : WaitResult::kChanged;
}
bool JoinPeerFences() {
  return !crash::IsSoaking() ||
         CallMembarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
}
bool FencePeers() {
  return !crash::IsSoaking() || CallMembarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
}

}  // namespace placid::os

namespace placid::crash {
namespace {

struct Object {
  EventCount::Storage event;
  Atomic<std::uint64_t> published;  // a number that grows
};

Object& At(Bytes bytes) { return *reinterpret_cast<Object*>(bytes.data()); }

EventCount TheEvent(Bytes bytes) {
  return Need(EventCount::Attach(At(bytes).event));
}

std::uint32_t State(Bytes bytes) {
  return At(bytes).event.state.load(kRelaxed);
}

// One who sleeps until a number is there.
class Napper {
 public:
  // Arms, looks, and sleeps if there is nothing new; or looks, if it has been
  // woken.
  void Go(Bytes bytes) {
    if (IsAsleep(bytes)) return;
    auto sleeper = TheEvent(bytes).MakeSleeper();
    sleeper.Arm();
    const std::uint64_t published = At(bytes).published.load(kAcquire);
    if (published != seen_) {
      seen_ = published;
      return;
    }
    if (sleeper.Sleep(INT64_MAX)) return;
    has_slept_ = true;
    armed_ = os::slept_on;
  }

  [[nodiscard]] bool IsAsleep(Bytes bytes) const {
    return has_slept_ && State(bytes) == armed_;
  }
  [[nodiscard]] std::uint64_t seen() const { return seen_; }

 private:
  std::uint64_t seen_ = 0;
  bool has_slept_ = false;
  std::uint32_t armed_ = 0;
};

enum class Deed { kNotify, kNotifyAsymmetrically, kWakeAll, kSleep };

class EventCountPlay : public Play {
 public:
  EventCountPlay(Deed deed, int nappers, std::uint32_t state)
      : deed_(deed), nappers_(nappers), state_(state) {}

  void SetUp(Bytes bytes) override {
    At(bytes).event.state.store(state_, kRelaxed);
    for (int i = 0; i < nappers_; ++i) napper_.Go(bytes);
  }

  void Act(Bytes bytes) override { Do(deed_, bytes); }

  // The other kind of party than the victim.
  bool Other(Bytes bytes) override {
    if (deed_ == Deed::kSleep) {
      Do(Deed::kNotify, bytes);
    } else {
      napper_.Go(bytes);
    }
    return true;
  }

  void Recover(Bytes bytes) override { Do(deed_, bytes); }

  void Check(Bytes bytes, bool is_other_dead) override {
    Napper& napper = is_other_dead ? fresh_ : napper_;
    // Whoever's notification has returned has left nobody asleep who had not
    // seen what it published.
    Expect(!napper.IsAsleep(bytes) || napper.seen() >= Notified(),
           "asleep behind what was published and notified");
    // What the dead did not get to, the next publisher does.
    Do(Deed::kNotify, bytes);
    Expect(!napper.IsAsleep(bytes), "hidden from the next publisher");
    Expect(State(bytes) % 2 == 0, "armed, and a publisher has just notified");
    const std::uint32_t idle = State(bytes);
    Do(Deed::kNotify, bytes);
    Expect(State(bytes) == idle, "wakes again and again");
    // And the other way round: two looks, at most, until it sleeps and is
    // woken.
    for (int i = 0; i < 3 && !fresh_.IsAsleep(bytes); ++i) fresh_.Go(bytes);
    Expect(fresh_.IsAsleep(bytes), "cannot sleep any more");
    Expect(State(bytes) % 2 == 1, "asleep on a state that is not armed");
    Do(Deed::kNotifyAsymmetrically, bytes);
    Expect(!fresh_.IsAsleep(bytes), "cannot be woken any more");
    Expect(At(bytes).event.mode.load(kRelaxed) == 1, "mode is lost");
  }

 private:
  void Do(Deed deed, Bytes bytes) {
    if (deed == Deed::kSleep) return napper_.Go(bytes);
    const EventCount event = TheEvent(bytes);
    const std::uint64_t number = At(bytes).published.load(kAcquire) + 1;
    Book().Begin(number);
    if (deed == Deed::kNotifyAsymmetrically) {
      auto notifier = event.MakeAsymmetricNotifier();
      At(bytes).published.store(number, kRelease);
      notifier.Notify();
    } else {
      At(bytes).published.store(number, kRelease);
      deed == Deed::kNotify ? event.MakeNotifier().Notify() : event.WakeAll();
    }
    Book().Done();
  }

  // The largest number whose notification has returned.
  static std::uint64_t Notified() {
    std::uint64_t most = 0;
    std::uint64_t begun[6] = {};
    for (const Event& event : Book().Events()) {
      std::uint64_t& mine = begun[static_cast<std::size_t>(event.who)];
      if (event.what == What::kBegin) mine = event.value;
      if (event.what == What::kDone) most = std::max(most, mine);
    }
    return most;
  }

  const Deed deed_;
  const int nappers_;
  const std::uint32_t state_;
  Napper napper_;
  Napper fresh_;
};

const Registration kEventCount([](std::vector<Scenario>& scenarios) {
  const auto add = [&](const char* operation, Deed deed, int nappers,
                       std::uint32_t state = 0) {
    scenarios.push_back({"EventCount", operation, sizeof(Object), [=] {
                           return std::make_unique<EventCountPlay>(
                               deed, nappers, state);
                         }});
  };
  add("EventCount Notify, nobody asleep", Deed::kNotify, 0);
  add("EventCount Notify, one asleep", Deed::kNotify, 1);
  add("EventCount Notify, left armed", Deed::kNotify, 0, 1);
  add("EventCount Notify, at the wrap", Deed::kNotify, 1, UINT32_MAX - 1);
  add("EventCount asymmetric, nobody asleep", Deed::kNotifyAsymmetrically, 0);
  add("EventCount asymmetric, one asleep", Deed::kNotifyAsymmetrically, 1);
  add("EventCount WakeAll, one asleep", Deed::kWakeAll, 1);
  add("EventCount Arm, Sleep", Deed::kSleep, 0);
  add("EventCount Arm, Sleep, left armed", Deed::kSleep, 0, 1);
});

}  // namespace
}  // namespace placid::crash
