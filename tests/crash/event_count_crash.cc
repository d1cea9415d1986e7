// SPDX-License-Identifier: Apache-2.0
//
// EventCount, with the kernel of kernel.h.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "placid/base/atomic.h"
#include "placid/wait/event_count.h"
#include "tests/crash/kernel.h"
#include "tests/crash/play.h"

namespace placid::crash {
namespace {

struct Object {
  alignas(16) EventCount::Storage event;
  Queue queue;                      // of the event count's state
  Atomic<std::uint64_t> published;  // a number that grows
};

static_assert(offsetof(Object, queue) == sizeof(EventCount::Storage));

Object& At(Bytes bytes) { return *reinterpret_cast<Object*>(bytes.data()); }

EventCount TheEvent(Bytes bytes) {
  return Need(EventCount::Attach(At(bytes).event));
}

std::uint32_t State(Bytes bytes) {
  return At(bytes).event.state.load(kRelaxed);
}

// Numbers of those who sleep.
constexpr int kVictim = 1;
constexpr int kRecoverer = 2;
constexpr int kOthers = 3;  // and 4, 5
constexpr int kFresh = 6;   // and 7

constexpr std::uint32_t kHerd = 2;  // of mode

// One who sleeps until a number is there.
class Napper {
 public:
  explicit Napper(int number) : number_(number) {}

  // If it was woken, passes that on and looks; else arms, looks, and sleeps if
  // there is nothing new.
  void Go(Bytes bytes) {
    if (IsAsleep(bytes)) return;
    if (std::exchange(is_in_bed_, false)) {
      SetSleeper(&At(bytes).queue, number_, /*is_woken=*/true);
      Expect(sleeper_->Sleep(INT64_MAX), "woken, and does not know it");
      seen_ = At(bytes).published.load(kAcquire);
      return;
    }
    SetSleeper(&At(bytes).queue, number_);
    if (!sleeper_) sleeper_.emplace(TheEvent(bytes).MakeSleeper());
    sleeper_->Arm();
    const std::uint64_t published = At(bytes).published.load(kAcquire);
    const bool is_new = std::exchange(seen_, published) != published;
    if (!is_new) is_in_bed_ = !sleeper_->Sleep(INT64_MAX);
  }

  // Its slice is over.
  void Rise(Bytes bytes) {
    At(bytes).queue.Remove(number_);
    is_in_bed_ = false;
    seen_ = At(bytes).published.load(kAcquire);
  }

  [[nodiscard]] bool IsAsleep(Bytes bytes) const {
    return is_in_bed_ && At(bytes).queue.Has(number_);
  }
  [[nodiscard]] bool IsWoken(Bytes bytes) const {
    return is_in_bed_ && !At(bytes).queue.Has(number_);
  }
  [[nodiscard]] std::uint64_t seen() const { return seen_; }

 private:
  const int number_;
  std::optional<EventCount::Sleeper> sleeper_;
  std::uint64_t seen_ = 0;
  bool is_in_bed_ = false;  // asleep, or woken and not up yet
};

enum class Deed {
  kNotify,
  kNotifyAsymmetrically,
  kWakeAll,
  kSleep,
  kPassOn,  // as one of a herd that was woken
};

class EventCountPlay : public Play {
 public:
  EventCountPlay(Deed deed, std::size_t nappers, std::uint32_t state,
                 std::uint32_t mode)
      : deed_(deed), asleep_(nappers), state_(state), mode_(mode) {}

  void SetUp(Bytes bytes) override {
    At(bytes).event.state.store(state_, kRelaxed);
    At(bytes).event.mode.store(mode_, kRelaxed);
    if (deed_ == Deed::kPassOn) victim_.Go(bytes);
    for (std::size_t i = 0; i < asleep_; ++i) nappers_[i].Go(bytes);
    if (deed_ == Deed::kPassOn) Do(Deed::kNotify, bytes);
  }

  void Act(Bytes bytes) override {
    IsSleeper() ? victim_.Go(bytes) : Do(deed_, bytes);
  }

  // The other kind of party than the victim; of several, one after the other.
  bool Other(Bytes bytes) override {
    if (IsSleeper()) {
      Do(Deed::kNotify, bytes);
    } else {
      nappers_[turn_++ % std::max<std::size_t>(asleep_, 1)].Go(bytes);
    }
    return true;
  }

  void Recover(Bytes bytes) override {
    Bury(bytes);
    IsSleeper() ? recoverer_.Go(bytes) : Do(deed_, bytes);
  }

  void Check(Bytes bytes, bool is_other_dead) override {
    Bury(bytes);
    if (is_other_dead) {
      for (int i = 0; i < 3; ++i) At(bytes).queue.Remove(kOthers + i);
    }
    const std::span<Napper> nappers(nappers_.data(), is_other_dead ? 0 : 3);
    WakeUp(bytes, nappers);
    // Whoever's notification has returned has left nobody asleep who had not
    // seen what it published, unless one who was woken died with that.
    for (Napper& napper : nappers) {
      if (deed_ == Deed::kPassOn) napper.Rise(bytes);
      Expect(!napper.IsAsleep(bytes) || napper.seen() >= Book().LastDone(),
             "asleep behind what was published and notified");
    }
    // What the dead did not get to, the next publisher does.
    Do(Deed::kNotify, bytes);
    WakeUp(bytes, nappers);
    for (const Napper& napper : nappers) {
      Expect(!napper.IsAsleep(bytes), "hidden from the next publisher");
    }
    Expect(State(bytes) % 2 == 0, "armed, and a publisher has just notified");
    const std::uint32_t idle = State(bytes);
    Do(Deed::kNotify, bytes);
    Expect(State(bytes) == idle, "wakes again and again");
    // And the other way round: two looks, at most, until they sleep and are
    // woken, two of a herd by each other.
    for (Napper& napper : fresh_) {
      for (int i = 0; i < 3 && !napper.IsAsleep(bytes); ++i) napper.Go(bytes);
      Expect(napper.IsAsleep(bytes), "cannot sleep any more");
      Expect(State(bytes) % 2 == 1, "asleep on a state that is not armed");
    }
    const bool is_herd = IsHerd(bytes);
    Do(Deed::kNotifyAsymmetrically, bytes);
    Expect(fresh_[0].IsAsleep(bytes) + fresh_[1].IsAsleep(bytes) ==
               (is_herd ? 1 : 0),
           "one by one if they are a herd, else all at once");
    WakeUp(bytes, fresh_);
    for (const Napper& napper : fresh_) {
      Expect(!napper.IsAsleep(bytes), "cannot be woken any more");
    }
    Expect(At(bytes).event.mode.load(kRelaxed) == (1 | kHerd), "mode is lost");
  }

 private:
  [[nodiscard]] bool IsSleeper() const {
    return deed_ == Deed::kSleep || deed_ == Deed::kPassOn;
  }
  static bool IsHerd(Bytes bytes) {
    return (At(bytes).event.mode.load(kRelaxed) & kHerd) != 0;
  }

  // The kernel takes the dead out of its queues.
  static void Bury(Bytes bytes) {
    // From here on whoever sleeps does so in this queue.
    SetSleeper(&At(bytes).queue, kRecoverer);
    At(bytes).queue.Remove(kVictim);
    At(bytes).queue.Remove(kRecoverer);
  }

  // Until nobody is left who was woken.
  static void WakeUp(Bytes bytes, std::span<Napper> nappers) {
    for (std::size_t i = 0; i < nappers.size(); ++i) {
      for (Napper& napper : nappers) {
        if (napper.IsWoken(bytes)) napper.Go(bytes);
      }
    }
  }

  static void Do(Deed deed, Bytes bytes) {
    SetSleeper(&At(bytes).queue, kVictim);
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

  const Deed deed_;
  const std::size_t asleep_;  // so many are at first
  const std::uint32_t state_;
  const std::uint32_t mode_;
  std::size_t turn_ = 0;
  Napper victim_{kVictim};
  Napper recoverer_{kRecoverer};
  std::array<Napper, 3> nappers_{Napper(kOthers), Napper(kOthers + 1),
                                 Napper(kOthers + 2)};
  std::array<Napper, 2> fresh_{Napper(kFresh), Napper(kFresh + 1)};
};

const Registration kEventCount([](std::vector<Scenario>& scenarios) {
  const auto add = [&](const char* operation, Deed deed, std::size_t nappers,
                       std::uint32_t state = 0, std::uint32_t mode = 0) {
    scenarios.push_back({"EventCount", operation, sizeof(Object), [=] {
                           return std::make_unique<EventCountPlay>(
                               deed, nappers, state, mode);
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
  add("EventCount Notify, the first herd", Deed::kNotify, 3);
  add("EventCount Notify, a herd", Deed::kNotify, 3, 0, kHerd);
  add("EventCount asymmetric, a herd", Deed::kNotifyAsymmetrically, 3, 0,
      kHerd);
  add("EventCount WakeAll, a herd", Deed::kWakeAll, 3, 0, kHerd);
  add("EventCount Sleep, woken of a herd", Deed::kPassOn, 2, 0, kHerd);
});

}  // namespace
}  // namespace placid::crash
