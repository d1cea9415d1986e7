// SPDX-License-Identifier: Apache-2.0
//
// How long a waiter should look again and again before it sleeps: each policy
// of wait_policy.h, and variants of its constants, where messages come at times
// that nobody told it.
//
// A message costs its latency, from the store to the look that finds it; the
// time of a processor that its waiter has used since the one before; and the
// time that its publisher spent in Notify. The regret of a policy is what a
// message costs over what it costs with the better of two: to sleep at once,
// and never to sleep. Competitive spinning promises that it is at most 2
// (Karlin et al., see wait_policy.h), for a waiter's time and for the time that
// a sleep costs; here are all three, measured.
//
// Publisher and waiter have a core each. What else runs there is in the
// figures, and the load is printed with them. What took longer than any wake
// does is left out, and its share shown: somebody else had the core.
#include <time.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "bench/benches.h"
#include "bench/harness.h"
#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/stop.h"
#include "placid/os/futex.h"
#include "placid/wait/deadline.h"
#include "placid/wait/event_count.h"
#include "placid/wait/wait_loop.h"
#include "placid/wait/waiter.h"
#include "placid/wait/wait_policy.h"

namespace placid::bench {
namespace {

// ---- When messages come

enum class Shape : std::uint8_t { kFixed, kExponential, kBursty };
constexpr std::array kShapes = {Shape::kFixed, Shape::kExponential,
                                Shape::kBursty};
constexpr const char* ToString(Shape shape) {
  switch (shape) {
    case Shape::kFixed: return "at fixed times";
    case Shape::kExponential: return "at random (exponential)";
    case Shape::kBursty: break;
  }
  return "20 in a row, 1 us apart, then silence";
}

// Microseconds from one message to the next, in the mean.
constexpr std::array<std::int64_t, 8> kMeans = {1,   5,     20,    50,
                                                100, 1'000, 3'000, 10'000};

// Nanoseconds after the first, which comes at 0.
std::vector<std::int64_t> Arrivals(Shape shape, std::int64_t mean_us) {
  constexpr std::int64_t kRunNs = 100'000'000;
  constexpr std::int64_t kBurst = 20;
  constexpr std::int64_t kWithinBurstNs = 1'000;
  const std::int64_t mean_ns = mean_us * 1'000;
  const auto count = static_cast<std::size_t>(
      std::clamp<std::int64_t>(kRunNs / mean_ns, 3 * kBurst, 100'000));
  std::mt19937_64 random(20'25);
  std::exponential_distribution<double> exponential(
      1 / static_cast<double>(mean_ns));
  std::vector<std::int64_t> arrivals = {0};
  while (arrivals.size() < count) {
    std::int64_t gap_ns = mean_ns;
    if (shape == Shape::kExponential) {
      gap_ns = static_cast<std::int64_t>(exponential(random));
    } else if (shape == Shape::kBursty) {
      gap_ns = arrivals.size() % kBurst != 0
                   ? kWithinBurstNs
                   : kBurst * mean_ns - (kBurst - 1) * kWithinBurstNs;
    }
    arrivals.push_back(arrivals.back() + gap_ns);
  }
  return arrivals;
}

// ---- What they cost

// Microseconds, or parts of one.
struct Costs {
  double p50 = 0;  // of the latency
  double p99 = 0;
  double latency = 0;
  double waiter = 0;     // of a processor
  double publisher = 0;  // within Notify
  double sleeps = 0;     // how many ended by a wake
  double left_out = 0;   // of the messages
  double regret = 0;

  [[nodiscard]] double Sum() const { return latency + waiter + publisher; }
};

// Microseconds: longer than a wake.
constexpr double kMostCounted = 200;

// What of it a table shows.
struct Column {
  const char* name;
  double Costs::*of;
};
constexpr std::array<Column, 7> kColumns = {
    {{"latency, p50, us", &Costs::p50},
     {"latency, p99, us", &Costs::p99},
     {"waiter's processor time, us a message", &Costs::waiter},
     {"publisher's time in Notify, us a message", &Costs::publisher},
     {"sleeps a message", &Costs::sleeps},
     {"left out of the latencies", &Costs::left_out},
     {"regret: cost over that of the better of the first two",
      &Costs::regret}}};

// The mean of what counts.
class Mean {
 public:
  void Add(double us) {
    if (us > kMostCounted) return;
    sum_ += us;
    ++count_;
  }
  [[nodiscard]] double value() const {
    return count_ == 0 ? kMostCounted : sum_ / static_cast<double>(count_);
  }

 private:
  double sum_ = 0;
  std::size_t count_ = 0;
};

double ThreadTime() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 +
         static_cast<double>(time.tv_nsec) * 1e-3;
}

double QuantileOf(std::vector<double>& values, double q) {
  const auto at =
      values.begin() +
      static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

template <typename Budget>
Costs Measure(Budget budget, const std::vector<std::int64_t>& arrivals) {
  struct alignas(kLineBytes) Shared {
    Atomic<std::uint64_t> published;
    EventCount::Storage event;
  };
  const auto shared = std::make_unique<Shared>();
  const EventCount event = *EventCount::Attach(shared->event);
  const std::size_t count = arrivals.size();
  std::vector<std::int64_t> published_at(count);
  Atomic<std::uint32_t> go{0};
  Mean in_notify;
  std::thread publisher([&] {
    PinTo(0);
    auto notifier = event.MakeNotifier();
    while (go.load(kAcquire) == 0) machine::Pause();
    const std::int64_t begin_ns = os::MonotonicNow();
    for (std::size_t i = 0; i < count; ++i) {
      std::int64_t now_ns = os::MonotonicNow();
      while (now_ns < begin_ns + arrivals[i]) {
        machine::Pause();
        now_ns = os::MonotonicNow();
      }
      published_at[i] = now_ns;
      shared->published.store(i + 1, kRelease);
      notifier.Notify();
      in_notify.Add(static_cast<double>(os::MonotonicNow() - now_ns) * 1e-3);
    }
  });

  PinTo(1);
  Waiter::Sleeper sleeper(event);
  WaitLoop<Waiter::Sleeper, Budget> loop(budget);
  std::vector<double> latencies;
  latencies.reserve(count);
  double began = ThreadTime();
  go.store(1, kRelease);
  while (latencies.size() < count) {
    std::uint64_t published = 0;
    const auto attempt = [&] {
      published = shared->published.load(kAcquire);
      return published > latencies.size();
    };
    (void)loop.Until(sleeper, attempt, Deadline::Never(), StopToken());
    if (latencies.empty()) began = ThreadTime();
    const std::int64_t now_ns = os::MonotonicNow();
    while (latencies.size() < published) {
      latencies.push_back(
          static_cast<double>(now_ns - published_at[latencies.size()]) * 1e-3);
    }
  }
  const double waited = ThreadTime() - began;
  publisher.join();

  const auto messages = static_cast<double>(count);
  Costs costs;
  Mean latency;
  for (const double one : latencies) latency.Add(one);
  costs.latency = latency.value();
  std::erase_if(latencies, [](double one) { return one > kMostCounted; });
  costs.left_out = 1 - static_cast<double>(latencies.size()) / messages;
  if (latencies.empty()) latencies.push_back(kMostCounted);
  costs.p50 = QuantileOf(latencies, 0.5);
  costs.p99 = QuantileOf(latencies, 0.99);
  costs.waiter = waited / messages;
  costs.publisher = in_notify.value();
  // Bit 0 says that it is armed.
  costs.sleeps = shared->event.state.load(kRelaxed) / 2 / messages;
  return costs;
}

// ---- Policies

// SpinBudget, whose weight and factor are constants there.
class VariedBudget {
 public:
  VariedBudget(WaitPolicy policy, std::int64_t remembered, std::int64_t factor)
      : policy_(policy), remembered_(remembered), factor_(factor) {}

  [[nodiscard]] std::int64_t Next() const {
    if (mean_ns_ > policy_.most_spin_ns) return policy_.least_spin_ns;
    return std::clamp(factor_ * mean_ns_, policy_.least_spin_ns,
                      policy_.most_spin_ns);
  }
  void Learn(std::int64_t took_ns, bool has_slept) {
    if (has_slept) took_ns -= policy_.most_spin_ns / 2;
    took_ns = std::clamp<std::int64_t>(took_ns, 0, 8 * policy_.most_spin_ns);
    mean_ns_ += (took_ns - mean_ns_) / remembered_;
  }
  [[nodiscard]] const WaitPolicy& policy() const { return policy_; }

 private:
  WaitPolicy policy_;
  std::int64_t remembered_;
  std::int64_t factor_;
  std::int64_t mean_ns_ = 0;
};

struct Contender {
  const char* name;
  std::function<Costs(const std::vector<std::int64_t>&)> run;
};

template <typename Budget>
Contender Of(const char* name, Budget budget) {
  return {name, [budget](const std::vector<std::int64_t>& arrivals) {
            return Measure(budget, arrivals);
          }};
}
Contender Of(const char* name, WaitPolicy policy) {
  return Of(name, SpinBudget(policy));
}

constexpr WaitPolicy Fixed(std::int64_t spin_ns) {
  return {.most_spin_ns = spin_ns, .is_adaptive = false};
}
constexpr WaitPolicy Adaptive(std::int64_t least_ns, std::int64_t most_ns) {
  return {.least_spin_ns = least_ns, .most_spin_ns = most_ns};
}

// The first two are what the others are held against.
std::vector<Contender> Contenders() {
  return {Of("sleep at once", WaitPolicy::Park()),
          Of("never sleep", Fixed(1'000'000'000'000)),
          Of("the default", WaitPolicy{}),
          Of("at most 25 us", Adaptive(2'000, 25'000)),
          Of("at most 100 us", Adaptive(2'000, 100'000)),
          Of("at least 0", Adaptive(0, 50'000)),
          Of("at least 5 us", Adaptive(5'000, 50'000)),
          Of("the mean of 2 waits", VariedBudget({}, 2, 4)),
          Of("the mean of 32 waits", VariedBudget({}, 32, 4)),
          Of("2 times the mean", VariedBudget({}, 8, 2)),
          Of("always 25 us", Fixed(25'000)),
          Of("always 50 us", Fixed(50'000))};
}

// ---- Tables

using Line = std::array<Costs, kMeans.size()>;  // of one policy

// Of each figure the median of the rounds.
Costs Median(const std::vector<Costs>& rounds) {
  Costs median;
  for (const auto of :
       {&Costs::p50, &Costs::p99, &Costs::latency, &Costs::waiter,
        &Costs::publisher, &Costs::sleeps, &Costs::left_out}) {
    std::vector<double> values;
    for (const Costs& round : rounds) values.push_back(round.*of);
    median.*of = QuantileOf(values, 0.5);
  }
  return median;
}

void Print(const std::vector<Contender>& contenders,
           const std::vector<Line>& lines) {
  for (const Column& column : kColumns) {
    std::printf("  %-56s", column.name);
    for (const std::int64_t mean_us : kMeans) {
      std::printf("%9lld", static_cast<long long>(mean_us));
    }
    std::printf("\n");
    for (std::size_t i = 0; i < lines.size(); ++i) {
      std::printf("    %-54s", contenders[i].name);
      for (const Costs& costs : lines[i])
        std::printf("%9.2f", costs.*column.of);
      std::printf("\n");
    }
  }
}

}  // namespace

void RunWaitPolicies(int rounds) {
  const std::vector<Contender> contenders = Contenders();
  std::vector<std::vector<double>> regrets(contenders.size());
  for (const Shape shape : kShapes) {
    std::vector<Line> lines(contenders.size());
    const double load = LoadAverage();
    for (std::size_t mean = 0; mean < kMeans.size(); ++mean) {
      const auto arrivals = Arrivals(shape, kMeans[mean]);
      std::vector<std::vector<Costs>> found(contenders.size());
      for (int round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < contenders.size(); ++i) {
          found[i].push_back(contenders[i].run(arrivals));
        }
      }
      for (std::size_t i = 0; i < contenders.size(); ++i) {
        lines[i][mean] = Median(found[i]);
      }
      const double best = std::min(lines[0][mean].Sum(), lines[1][mean].Sum());
      for (std::size_t i = 0; i < contenders.size(); ++i) {
        lines[i][mean].regret = lines[i][mean].Sum() / best;
        regrets[i].push_back(lines[i][mean].regret);
      }
    }
    std::printf(
        "\nMessages %s; columns: us between two, in the mean "
        "(load %.1f to %.1f)\n",
        ToString(shape), load, LoadAverage());
    Print(contenders, lines);
    std::fflush(stdout);
  }
  std::printf("\n%-34s%9s%9s\n", "regret, of all", "mean", "worst");
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    double logs = 0;
    for (const double regret : regrets[i]) logs += std::log(regret);
    std::printf("  %-32s%9.2f%9.2f\n", contenders[i].name,
                std::exp(logs / static_cast<double>(regrets[i].size())),
                *std::ranges::max_element(regrets[i]));
  }
}

}  // namespace placid::bench
