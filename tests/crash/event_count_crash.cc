// SPDX-License-Identifier: Apache-2.0
//
// EventCount, with the kernel of kernel.h.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "placid/base/atomic.h"
#include "placid/wait/event_count.h"
#include "tests/crash/kernel.h"
#include "tests/crash/play.h"

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
    if (IsAsleep()) return;
    auto sleeper = TheEvent(bytes).MakeSleeper();
    sleeper.Arm();
    const std::uint64_t published = At(bytes).published.load(kAcquire);
    if (published != seen_) {
      seen_ = published;
      return;
    }
    if (sleeper.Sleep(INT64_MAX)) return;
    slept_ = LastSleep();
  }

  [[nodiscard]] bool IsAsleep() const { return slept_.IsAsleep(); }
  [[nodiscard]] std::uint64_t seen() const { return seen_; }

 private:
  std::uint64_t seen_ = 0;
  Slept slept_;
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
    Expect(!napper.IsAsleep() || napper.seen() >= Notified(),
           "asleep behind what was published and notified");
    // What the dead did not get to, the next publisher does.
    Do(Deed::kNotify, bytes);
    Expect(!napper.IsAsleep(), "hidden from the next publisher");
    Expect(State(bytes) % 2 == 0, "armed, and a publisher has just notified");
    const std::uint32_t idle = State(bytes);
    Do(Deed::kNotify, bytes);
    Expect(State(bytes) == idle, "wakes again and again");
    // And the other way round: two looks, at most, until it sleeps and is
    // woken.
    for (int i = 0; i < 3 && !fresh_.IsAsleep(); ++i) fresh_.Go(bytes);
    Expect(fresh_.IsAsleep(), "cannot sleep any more");
    Expect(State(bytes) % 2 == 1, "asleep on a state that is not armed");
    Do(Deed::kNotifyAsymmetrically, bytes);
    Expect(!fresh_.IsAsleep(), "cannot be woken any more");
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
