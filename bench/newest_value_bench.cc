// SPDX-License-Identifier: Apache-2.0
//
// The newest value, for many readers: what a read costs while nobody writes,
// and how many whole values a reader gets beside a writer that stores all the
// time, on two pinned cores. Each value is checked while the clock runs.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <xenium/seqlock.hpp>

#include "bench/benches.h"
#include "bench/harness.h"
#include "placid/primitives/latest.h"
#include "placid/primitives/seqlock.h"

namespace placid::bench {
namespace {

template <std::size_t kBytes>
struct Value {
  std::array<std::uint64_t, kBytes / 8> words;
  [[nodiscard]] bool IsWhole() const { return words.front() == words.back(); }
};

template <typename T>
T Make(std::uint64_t i) {
  T value;
  value.words.fill(i);
  return value;
}

// ---- The candidates: Store, and a TryLoad that may fail beside a writer -----

template <typename T, template <typename> typename Placed>
class Ours {
 public:
  using value_type = T;
  Ours() : writer_(*Placed<T>::Attach(*storage_)->ClaimWriter()) {}
  void Store(const T& value) { writer_.Store(value); }
  auto MakeReader() {
    return [reader =
                Placed<T>::Attach(*storage_)->MakeReader()](T& value) mutable {
      return reader.TryLoad(value) == RingResult::kOk;
    };
  }

 private:
  std::unique_ptr<typename Placed<T>::Storage> storage_{
      new typename Placed<T>::Storage{}};
  typename Placed<T>::Writer writer_;
};
template <typename T>
using LatestOf = Latest<T>;

// With more than one slot it lets torn values through: a read that begins during
// a store counts that store as done, and so accepts one overwrite too many.
template <typename T, unsigned kSlots>
class Xenium {
 public:
  using value_type = T;
  static constexpr bool kTears = kSlots > 1;
  void Store(const T& value) { seqlock_.store(value); }
  auto MakeReader() {
    return [this](T& value) {
      value = seqlock_.load();
      return true;
    };
  }

 private:
  xenium::seqlock<T, xenium::policy::slots<kSlots>> seqlock_{T{}};
};

template <typename T>
class SharedMutex {
 public:
  using value_type = T;
  void Store(const T& value) {
    const std::unique_lock lock(mutex_);
    value_ = value;
  }
  auto MakeReader() {
    return [this](T& value) {
      const std::shared_lock lock(mutex_);
      value = value_;
      return true;
    };
  }

 private:
  std::shared_mutex mutex_;
  T value_{};
};

// The floor: no protocol at all, so only while nobody writes.
template <typename T>
class PlainCopy {
 public:
  using value_type = T;
  void Store(const T& value) { value_ = value; }
  auto MakeReader() {
    return [this](T& value) {
      Keep(&value_);  // it may have changed, as far as the compiler can tell
      value = value_;
      return true;
    };
  }

 private:
  T value_{};
};

// ---- What is measured -------------------------------------------------------

template <typename Type>
constexpr bool MayTear() {
  if constexpr (requires { Type::kTears; }) return Type::kTears;
  return false;
}

// Values read per second while nobody writes.
template <typename Type>
double QuietReads() {
  using T = typename Type::value_type;
  constexpr std::uint64_t kReads = 4'000'000;
  PinTo(1);
  Type subject;
  subject.Store(Make<T>(1));
  auto read = subject.MakeReader();
  T value{};
  const double begin = Now();
  for (std::uint64_t i = 0; i < kReads; ++i) {
    if (!read(value) || value.words.back() != 1) std::abort();
    Keep(value);
  }
  return static_cast<double>(kReads) / (Now() - begin);
}

// Whole values read per second while another core stores without a pause.
template <typename Type>
double BusyReads() {
  using T = typename Type::value_type;
  constexpr double kSeconds = 0.1;
  Apart<Type> subject;
  subject->Store(Make<T>(1));
  Apart<std::atomic<bool>> is_over;
  std::thread writer([&] {
    PinTo(0);
    for (std::uint64_t i = 2; !is_over->load(std::memory_order_relaxed); ++i) {
      subject->Store(Make<T>(i));
    }
  });
  PinTo(1);
  auto read = subject->MakeReader();
  T value{};
  std::uint64_t reads = 0;
  const double begin = Now();
  double end = begin;
  while (end - begin < kSeconds) {
    for (int i = 0; i < 100; ++i) {
      if (!read(value)) continue;
      const bool is_whole = value.IsWhole();
      if (!is_whole && !MayTear<Type>()) std::abort();
      reads += is_whole ? 1 : 0;
    }
    end = Now();
  }
  *is_over = true;
  writer.join();
  return static_cast<double>(reads) / (end - begin);
}

template <std::size_t kBytes>
Row QuietRow() {
  using T = Value<kBytes>;
  return {
      .name = "newest value of " + std::to_string(kBytes) + " B, nobody writes",
      .unit = "M/s",
      .candidates = {
          {"placid Seqlock", "any mapping, crash-proof, store-free readers",
           QuietReads<Ours<T, Seqlock>>},
          {"plain copy", "no protocol: the floor", QuietReads<PlainCopy<T>>},
          {"placid Latest", "survives a writer that dies half-way",
           QuietReads<Ours<T, LatestOf>>},
          {"xenium seqlock", "one process", QuietReads<Xenium<T, 1>>},
          {"std::shared_mutex", "one process; readers store",
           QuietReads<SharedMutex<T>>}}};
}

template <std::size_t kBytes>
Row BusyRow() {
  using T = Value<kBytes>;
  return {.name = "newest value of " + std::to_string(kBytes) +
                  " B, beside a writer that never pauses",
          .unit = "M/s",
          .candidates = {
              {"placid Latest", "survives a writer that dies half-way",
               BusyReads<Ours<T, LatestOf>>},
              {"xenium seqlock, 4 slots",
               "one process; torn values not counted", BusyReads<Xenium<T, 4>>},
              {"placid Seqlock", "gives up after some tries",
               BusyReads<Ours<T, Seqlock>>},
              {"xenium seqlock", "one process; waits", BusyReads<Xenium<T, 1>>},
              {"std::shared_mutex", "one process; readers store",
               BusyReads<SharedMutex<T>>}}};
}

}  // namespace

void RunNewestValue(Report& report, bool all) {
  report.Run(QuietRow<64>());
  report.Run(BusyRow<64>());
  if (!all) return;
  report.Run(QuietRow<16>());
  report.Run(QuietRow<256>());
  report.Run(QuietRow<1024>());
  report.Run(BusyRow<256>());
  report.Run(BusyRow<1024>());
}

}  // namespace placid::bench
