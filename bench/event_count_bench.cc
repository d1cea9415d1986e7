// SPDX-License-Identifier: Apache-2.0
//
// What waiting costs. A publish that could wake somebody and need not, beside
// one that could not; a round trip between two processes that sleep, beside the
// bare system calls; what waking a herd costs who wakes it; and the processor's
// time of who only waits.
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "bench/benches.h"
#include "bench/harness.h"
#include "placid/base/cache_line.h"
#include "placid/os/futex.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/spsc_ring.h"
#include "placid/wait/doorbells.h"
#include "placid/wait/event_count.h"
#include "placid/wait/wait_mask.h"
#include "placid/wait/wait_set.h"
#include "placid/wait/waiter.h"

namespace placid::bench {
namespace {

// ---- Publishing while nobody sleeps

// What consumers sleep on.
struct alignas(kLineBytes) Pushed {
  EventCount::Storage event;
  WaitMask::Storage mask;
  Doorbells::StorageOf<1> doorbells;
};

struct Silent {
  explicit Silent(Pushed&) {}
  void Notify() {}
};
struct Fencing : EventCount::Notifier<Publisher::kFencing> {
  explicit Fencing(Pushed& pushed)
      : Notifier(EventCount::Attach(pushed.event)->MakeNotifier()) {}
};
struct Asymmetric : EventCount::Notifier<Publisher::kAsymmetric> {
  explicit Asymmetric(Pushed& pushed)
      : Notifier(EventCount::Attach(pushed.event)->MakeAsymmetricNotifier()) {}
};
struct Masked : WaitMask::Notifier<Publisher::kAsymmetric> {
  explicit Masked(Pushed& pushed)
      : Notifier(WaitMask::Attach(pushed.mask)
                     ->MakeAsymmetricNotifier(
                         *Doorbells::Attach(pushed.doorbells))) {}
};

// To a consumer that polls; values per second.
template <typename Notifier>
double Publish(std::uint64_t count) {
  using Ring = SpscRing<std::uint64_t, 1024>;
  struct Memory {
    Ring::Storage ring;
    Pushed pushed;
  };
  auto memory = std::make_unique<Memory>();
  const Ring ring = *Ring::Attach(memory->ring);
  double begin = 0;
  Atomic<std::uint32_t> go{0};
  std::thread producer([&, count] {
    PinTo(0);
    auto role = *ring.ClaimProducer();
    Notifier notifier(memory->pushed);
    while (go.load(kAcquire) == 0) machine::Pause();
    begin = Now();
    for (std::uint64_t i = 0; i < count;) {
      if (role.TryPush(i) != RingResult::kOk) continue;
      ++i;
      notifier.Notify();
    }
  });
  PinTo(1);
  auto role = *ring.ClaimConsumer(Pace::kStreaming);
  go.store(1, kRelease);
  for (std::uint64_t i = 0, value = 0; i < count;) {
    if (role.TryPop(value) != RingResult::kOk) continue;
    if (value != i++) std::abort();
  }
  const double end = Now();
  producer.join();
  return static_cast<double>(count) / (end - begin);
}

// ---- Round trips of sleepers, between two processes

constexpr std::uint32_t kTrips = 2'000;

struct Court {
  struct alignas(kLineBytes) Side {
    Atomic<std::uint32_t> ball;
    Pushed pushed;
  };
  Side there, back;
};

struct BareFutex {
  void Send(Court::Side& side, std::uint32_t i) {
    side.ball.store(i, kRelease);
    os::FutexWake(&side.ball, 1);
  }
  void Receive(Court::Side& side, std::uint32_t i) {
    std::uint32_t found = 0;
    while ((found = side.ball.load(kAcquire)) != i) {
      os::FutexWait(&side.ball, found, INT64_MAX);
    }
  }
};

// A role for each side, as programs have.
template <typename Notifier>
class Counted {
 public:
  void Send(Court::Side& side, std::uint32_t i) {
    if (!notifier_) {
      notifier_ = std::make_unique<Notifier>(side.pushed);
    }
    side.ball.store(i, kRelease);
    notifier_->Notify();
  }
  void Receive(Court::Side& side, std::uint32_t i) {
    if (!waiter_) {
      waiter_ = std::make_unique<Waiter>(*EventCount::Attach(side.pushed.event),
                                         WaitPolicy::Park());
    }
    (void)waiter_->Until([&] { return side.ball.load(kAcquire) == i; });
  }

 private:
  std::unique_ptr<Notifier> notifier_;
  std::unique_ptr<Waiter> waiter_;
};

// The same by a set of one source.
template <WakeBy kWakeBy>
class BySet {
 public:
  void Send(Court::Side& side, std::uint32_t i) {
    if (!notifier_) notifier_ = std::make_unique<Masked>(side.pushed);
    side.ball.store(i, kRelease);
    notifier_->Notify();
  }
  void Receive(Court::Side& side, std::uint32_t i) {
    if (!set_) {
      const auto doorbells = *Doorbells::Attach(side.pushed.doorbells);
      set_ = std::make_unique<WaitSet>(
          std::move(*doorbells.Claim(OwnerId::Unowned(), kWakeBy)),
          WaitPolicy::Park());
      set_->Add(*WaitMask::Attach(side.pushed.mask));
    }
    (void)set_->Until([&] { return side.ball.load(kAcquire) == i; });
  }

 private:
  std::unique_ptr<Masked> notifier_;
  std::unique_ptr<WaitSet> set_;
};

// A court that two processes share.
class SharedCourt {
 public:
  SharedCourt()
      : pages_(mmap(nullptr, sizeof(Court), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (pages_ == MAP_FAILED) std::abort();
  }
  SharedCourt(const SharedCourt&) = delete;
  SharedCourt& operator=(const SharedCourt&) = delete;
  ~SharedCourt() { munmap(pages_, sizeof(Court)); }

  [[nodiscard]] Court& operator*() const {
    return *static_cast<Court*>(pages_);
  }

 private:
  void* pages_;
};

template <typename Player>
std::vector<double> RoundTrips(unsigned other_core) {
  const SharedCourt shared;  // outlives the player, who gives back what it has
  Court& court = *shared;
  const pid_t child = fork();
  if (child == 0) {
    PinTo(other_core);
    Player player;
    for (std::uint32_t i = 1; i <= kTrips; ++i) {
      player.Receive(court.there, i);
      player.Send(court.back, i);
    }
    _exit(0);
  }
  PinTo(0);
  std::vector<double> times;
  times.reserve(kTrips);
  Player player;
  for (std::uint32_t i = 1; i <= kTrips; ++i) {
    const double begin = Now();
    player.Send(court.there, i);
    player.Receive(court.back, i);
    times.push_back((Now() - begin) * 1e9);
  }
  waitpid(child, nullptr, 0);
  return times;
}

LatencyRow WakeRow(const char* name, unsigned other_core, double target) {
  const auto trips = [other_core]<typename Player>() {
    return [other_core] { return RoundTrips<Player>(other_core); };
  };
  return {.name = name,
          .target = target,
          .note = "both sides asleep each time",
          .candidates = {{"EventCount, fencing",
                          trips.template operator()<Counted<Fencing>>()},
                         {"bare futex", trips.template operator()<BareFutex>()},
                         {"EventCount, asymmetric",
                          trips.template operator()<Counted<Asymmetric>>()},
                         {"WaitSet, by futex",
                          trips.template operator()<BySet<WakeBy::kFutex>>()},
                         {"WaitSet, by event",
                          trips.template operator()<BySet<WakeBy::kEvent>>()}}};
}

// ---- Waking a herd

constexpr std::uint32_t kHerdSize = 1'000;

struct Pasture {
  Pushed pushed;
  alignas(kLineBytes) Atomic<std::uint32_t> item;
  alignas(kLineBytes) Atomic<std::uint32_t> asleep;  // or about to be
  Atomic<std::uint32_t> awake;                       // again
};

struct BareHerd {
  static void Wake(Pasture& pasture) {
    os::FutexWake(&pasture.item, os::kAllSleepers);
  }
  static void Sleep(Pasture& pasture, std::uint32_t seen) {
    pasture.asleep.fetch_add(1, kRelaxed);
    while (pasture.item.load(kAcquire) == seen) {
      os::FutexWait(&pasture.item, seen, INT64_MAX);
    }
  }
};

struct CountedHerd {
  static void Wake(Pasture& pasture) { Fencing(pasture.pushed).Notify(); }
  static void Sleep(Pasture& pasture, std::uint32_t seen) {
    auto sleeper = EventCount::Attach(pasture.pushed.event)->MakeSleeper();
    for (bool is_counted = false; pasture.item.load(kAcquire) == seen;) {
      sleeper.Arm();
      if (pasture.item.load(kAcquire) != seen) break;
      if (!is_counted) pasture.asleep.fetch_add(1, kRelaxed);
      is_counted = true;
      (void)sleeper.Sleep(INT64_MAX);
    }
  }
};

// How long each of so many wakes keeps whoever publishes. Others wait until all
// are asleep.
template <typename Herd>
std::vector<double> Stalls(std::uint32_t wakes) {
  PinTo(0);
  const auto pasture = std::make_unique<Pasture>();
  std::vector<std::thread> herd;
  for (std::uint32_t i = 0; i < kHerdSize; ++i) {
    herd.emplace_back([&pasture, wakes, i] {
      PinTo(i);
      for (std::uint32_t seen = 0; seen < wakes; ++seen) {
        Herd::Sleep(*pasture, seen);
        pasture->awake.fetch_add(1, kRelease);
      }
    });
  }
  const auto wait_for = [](const Atomic<std::uint32_t>& count,
                           std::uint32_t least) {
    while (count.load(kAcquire) < least) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  std::vector<double> times;
  for (std::uint32_t i = 1; i <= wakes; ++i) {
    wait_for(pasture->asleep, i * kHerdSize);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const double begin = Now();
    pasture->item.store(i, kRelease);
    Herd::Wake(*pasture);
    times.push_back((Now() - begin) * 1e9);
    wait_for(pasture->awake, i * kHerdSize);
  }
  for (std::thread& thread : herd) thread.join();
  return times;
}

LatencyRow HerdRow() {
  constexpr std::uint32_t kWakes = 4;
  return {.name = "publish to a herd of 1,000 sleeping threads",
          .target = 0.1,
          .note = "what it keeps the publisher; the first wake of all is of all",
          .candidates = {
              {"EventCount, later wakes",
               [] {
                 std::vector<double> times = Stalls<CountedHerd>(kWakes);
                 times.erase(times.begin());
                 return times;
               }},
              {"bare futex, wakes all", [] { return Stalls<BareHerd>(kWakes); }},
              {"EventCount, the first wake",
               [] { return Stalls<CountedHerd>(1); }}}};
}

// ---- Waiting for what never comes

// Nanoseconds of this thread's processor time for each second of `wait`.
template <typename Wait>
std::vector<double> IdleTime(Wait wait) {
  const auto used = [] {
    timespec time = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 +
           static_cast<double>(time.tv_nsec);
  };
  const double before = used();
  const double begin = Now();
  wait(Deadline::After(std::chrono::milliseconds(300)));
  return {(used() - before) / (Now() - begin)};
}

}  // namespace

void RunWaiting(Report& report, bool all) {
  constexpr std::uint64_t kCount = 20'000'000;
  report.Run(
      Row{.name = "publish with no sleeper, 8 B, 1k slots",
          .unit = "M/s",
          .target = 1 / 1.05,
          .note = "a consumer that polls; the event count in a line of its own",
          .candidates = {
              {"push, Notify (asymmetric)", "wakes who sleeps",
               [] { return Publish<Asymmetric>(kCount); }},
              {"push", "cannot wake", [] { return Publish<Silent>(kCount); }},
              {"push, once more", "the same, as a control",
               [] { return Publish<Silent>(kCount); }},
              {"push, Notify (WaitMask)", "wakes who sleeps for several",
               [] { return Publish<Masked>(kCount); }},
              {"push, Notify (fencing)", "wakes who sleeps, anywhere",
               [] { return Publish<Fencing>(kCount / 8); }}}});
  report.Run(WakeRow("wake round trip, two processes, two cores", 1, 1.1));
  if (all) {
    report.Run(WakeRow("wake round trip, two processes, one core", 0, 0));
  }
  report.Run(HerdRow());
  report.Run(LatencyRow{
      .name = "processor time in a second of waiting",
      .target = 0,
      .note = "in vain, beside a mere sleep",
      .candidates = {{"Waiter",
                      [] {
                        return IdleTime([](Deadline deadline) {
                          EventCount::Storage storage{};
                          Waiter waiter(*EventCount::Attach(storage));
                          (void)waiter.Until([] { return false; }, deadline);
                        });
                      }},
                     {"one sleep of that time", [] {
                        return IdleTime([](Deadline deadline) {
                          os::SleepUntil(deadline.monotonic_ns());
                        });
                      }}}});
}

}  // namespace placid::bench
