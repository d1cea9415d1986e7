// SPDX-License-Identifier: Apache-2.0
//
// ManyProducers<Ring>: the client of a queue that several producers push into
// and one consumer pops from; one of them may die.
//
// Producer p pushes p * 100, p * 100 + 1, ...: so each value says whose it is
// and whether it is that one's next. What the consumer has not popped when it
// stops, finish pops and judges like the rest. Each thread says after each call
// what its future depends on (Summarise): its role's private words, and what it
// has noted. Without that two producers and a consumer are too many histories.
#ifndef PLACID_TESTS_MODEL_MANY_PRODUCERS_H_
#define PLACID_TESTS_MODEL_MANY_PRODUCERS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "placid/base/atomic.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "tests/model/program.h"
#include "tests/support/die.h"

namespace placid::model {

struct ManyPlan {
  int pushes = 2;  // of each producer
  int before = 0;  // values of producer 0 pushed in set-up
  enum Way { kSingle, kBatch, kInPlace, kAbortFirst } way = kSingle;
  Pace pace = Pace::kPrompt;
  bool closes = false;           // producer 0, after its last
  bool consumer_leaves = false;  // after the first value
  // A producer dies in set-up, as 2, with a position claimed.
  bool has_dead_claim = false;
  // The consumer stops as well once somebody has cleared up after the dead.
  bool may_die = false;
  // Waits to begin until producer 0 has pushed all; an edge of its own.
  bool one_after_the_other = false;
};

template <typename Ring>
class ManyProducers {
 public:
  static constexpr int kMost = 3;
  static constexpr int kConsumer = kMost;  // as an owner
  // From here on values are no producer's, and each takes one slot.
  static constexpr std::uint64_t kFiller = 1000;

  explicit ManyProducers(const ManyPlan& plan) : plan_(plan) {}

  static OwnerId Id(int who) {
    return *OwnerId::Of(static_cast<std::uint64_t>(who) + 1, 1);
  }

  void SetUp() {
    storage_ = {};
    ring_ = *Ring::Attach(storage_);
    pushed_ = next_ = {};
    has_ended_ = {};
    log_size_ = 0;
    is_closed_ = has_consumed_ = false;
    flag_ = recovered_ = Atomic<std::uint64_t>(0);
    side_ = 0;
    consumer_ = {};
    auto producer = *ring_.ClaimProducer(Id(0));
    while (pushed_[0] < plan_.before) {
      Check(producer.TryPush(Value(0)) == RingResult::kOk, "set-up fits");
      ++pushed_[0];
    }
    if (!plan_.has_dead_claim) return;
    auto dead = *ring_.ClaimProducer(Id(2));
    std::uint64_t* slot = nullptr;
    Check(dead.TryReserve(slot) == RingResult::kOk, "set-up fits");
    testing::Die(std::move(dead));
  }

  // ---- Producing

  // All that one can do to the ring: whatever is in the way is cleared up by
  // others.
  void PushAndPop(int p) {
    auto claim = ring_.ClaimProducer(Id(p));
    Check(claim.has_value(), "anybody may push");
    auto producer = *std::move(claim);
    auto consumer = *ring_.ClaimConsumer(plan_.pace, Id(kConsumer));
    while (At(next_, p) < plan_.pushes) {
      if (At(pushed_, p) == At(next_, p)) (void)Push(producer, p, plan_.pushes);
      if (PopSome(consumer, log_size_) != RingResult::kOk) Pause();
    }
    At(has_ended_, p) = true;
  }

  void Produce(int p) {
    if (plan_.one_after_the_other && p > 0) {
      while (flag_.load(kAcquire) == 0) Pause();  // sync: test (acquire)
    }
    auto claim = ring_.ClaimProducer(Id(p));
    Check(claim.has_value(), "anybody may push");
    auto producer = *std::move(claim);
    const int up_to = plan_.pushes + (p == 0 ? plan_.before : 0);
    if (plan_.way == ManyPlan::kAbortFirst && p == 0) AbortOne(producer);
    while (At(pushed_, p) < up_to) {
      Summarise(producer, pushed_);
      const RingResult result = Push(producer, p, up_to);
      if (result == RingResult::kOk) {
        CountOperation();
      } else if (result == RingResult::kClosed) {
        See("push: closed");
        Check(plan_.closes || plan_.consumer_leaves, "somebody has closed");
        break;
      } else {
        Check(result == RingResult::kFull || result == RingResult::kContended,
              "full and contended are the only other answers");
        See(std::string(ToString(result)));
        Pause();
      }
    }
    if (plan_.closes && p == 0) Close(producer);
    if (p == 0) flag_.store(1, kRelease);  // sync: test (release)
    At(has_ended_, p) = true;
  }

  void AbortOne(typename Ring::Producer& producer) {
    std::uint64_t* slot = nullptr;
    while (producer.TryReserve(slot) != RingResult::kOk) Pause();
    machine::CopyIn(*slot, std::uint64_t{9999});
    Check(producer.Abort(), "what is reserved can be given up");
    See("aborted");
  }

  void Close(typename Ring::Producer& producer) {
    machine::CopyIn(side_, std::uint64_t{7});
    RingResult result = producer.Close();
    for (; result != RingResult::kOk; result = producer.Close()) {
      Check(result == RingResult::kFull || result == RingResult::kContended,
            "nobody else closes");
      See("close: " + std::string(ToString(result)));
      Summarise(producer, pushed_);
      Pause();
    }
  }

  RingResult Push(typename Ring::Producer& producer, int p, int up_to) {
    if (plan_.way == ManyPlan::kInPlace) {
      std::uint64_t* slot = nullptr;
      const RingResult result = producer.TryReserve(slot);
      if (result != RingResult::kOk) return result;
      machine::CopyIn(*slot, Value(p));
      Check(producer.Commit(), "what is reserved can be committed");
      ++At(pushed_, p);
      return result;
    }
    if (plan_.way == ManyPlan::kBatch) {
      std::array<std::uint64_t, 4> values;
      const auto wanted = static_cast<std::size_t>(up_to - At(pushed_, p));
      for (std::size_t i = 0; i < wanted; ++i) values[i] = Value(p) + i;
      std::size_t pushed = 0;
      const RingResult result =
          producer.TryPushSome({values.data(), wanted}, pushed);
      if (pushed > 1) See("several pushed at once");
      At(pushed_, p) += static_cast<int>(pushed);
      return result;
    }
    const RingResult result = producer.TryPush(Value(p));
    if (result == RingResult::kOk) ++At(pushed_, p);
    return result;
  }

  // Of whoever died in set-up.
  void RecoverAtOnce() {
    if (ring_.Recover(DeadOwner::Attested(Id(2)))) See("a claim was voided");
  }
  // The kernel says that `dead` died: somebody clears up after it.
  void RecoverAfter(int thread, int dead) {
    if (!AwaitEnd(thread)) return;
    See("a producer died");
    if (ring_.Recover(DeadOwner::Attested(Id(dead)))) See("a claim was voided");
    recovered_.store(1, kRelaxed);  // sync: none, a test's
  }

  // ---- Consuming

  // Until each of `producers` has been heard out, or, where one closes, the end.
  void Consume(std::vector<int> producers) {
    auto claim = ring_.ClaimConsumer(plan_.pace, Id(kConsumer));
    Check(claim.has_value(), "nobody else consumes");
    ConsumeBy(*std::move(claim), producers, log_size_);
  }
  void ConsumeAfter(int thread, const std::vector<int>& producers) {
    if (!AwaitEnd(thread)) return;
    See("the consumer died");
    (void)ring_.Recover(DeadOwner::Attested(Id(kConsumer)));
    auto claim = ring_.ClaimConsumer(plan_.pace, Id(kConsumer));
    Check(claim.has_value(), "the dead one's role can be had");
    const auto kept = plan_.pace == Pace::kStreaming
                          ? static_cast<int>(ring_.capacity() / 8)
                          : 0;
    const int again = (plan_.way == ManyPlan::kBatch ? 2 : 1) + kept;
    ConsumeBy(*std::move(claim), producers, (std::max)(0, log_size_ - again));
  }

  // The first value may be any of the log from `least` on, and then the rest of
  // it comes again.
  void ConsumeBy(typename Ring::Consumer consumer,
                 const std::vector<int>& producers, int least) {
    // Where its padding is zero: two equal states must be equal bytes.
    auto* mine = new (&consumer_) typename Ring::Consumer(std::move(consumer));
    bool is_first = true;
    while (plan_.closes || !HasHeard(producers)) {
      Summarise(consumer_, next_, log_, log_size_, is_first);
      const bool is_last = plan_.may_die && recovered_.load(kRelaxed) !=
                                                0;  // sync: none, a test's
      const RingResult result = PopSome(*mine, is_first ? least : log_size_);
      if (result == RingResult::kOk) {
        CountOperation();
        is_first = false;
        if (plan_.consumer_leaves) {
          mine->Close();
          break;
        }
        continue;
      }
      See("pop: " + std::string(ToString(result)));
      if (result == RingResult::kClosed) {
        Check(plan_.closes, "somebody has closed");
        std::uint64_t side = 0;
        machine::CopyOut(side, side_);
        Check(side == 7, "what the closer did before is seen");
        is_closed_ = true;
        break;
      }
      Check(result == RingResult::kEmpty || result == RingResult::kPending,
            "empty and pending are the only other answers");
      if (result == RingResult::kPending) {
        Check(mine->blocker() >= 1 && mine->blocker() <= kMost,
              "whoever is in the way has a name");
      }
      if (is_last && result == RingResult::kEmpty) break;
      Pause();
    }
    std::destroy_at(mine);
    has_consumed_ = true;
  }

  RingResult PopSome(typename Ring::Consumer& consumer, int least) {
    std::array<std::uint64_t, 2> values{};
    std::size_t count = 0;
    RingResult result = RingResult::kOk;
    if (plan_.way == ManyPlan::kBatch) {
      result = consumer.TryPopSome(values, count);
    } else if (plan_.way == ManyPlan::kInPlace) {
      SharedSpan<std::uint64_t> value;
      result = consumer.TryPeek(value);
      count = value.CopyOut(values);
      Check(consumer.Retire() == (count > 0), "what was peeked can be retired");
    } else {
      result = consumer.TryPop(values[0]);
      count = result == RingResult::kOk ? 1 : 0;
    }
    Check((result == RingResult::kOk) == (count > 0), "ok, or nothing");
    for (std::size_t i = 0; i < count; ++i) {
      Take(values[i], i == 0 ? least : log_size_);
    }
    return result;
  }

  void Take(std::uint64_t value, int least) {
    for (int i = least; i < log_size_; ++i) {
      if (log_[static_cast<std::size_t>(i)] != value) continue;
      See("delivered again");
      while (log_size_ > i) {
        --log_size_;
        --At(next_,
             static_cast<int>(log_[static_cast<std::size_t>(log_size_)] / 100));
      }
    }
    const int p = static_cast<int>(value / 100);
    Check(p < kMost, "somebody pushed it");
    Check(value % 100 == static_cast<std::uint64_t>(At(next_, p)),
          "each producer's next value comes next");
    if (plan_.one_after_the_other && p > 0) {
      Check(At(next_, 0) == plan_.pushes + plan_.before,
            "what was pushed before comes before");
    }
    ++At(next_, p);
    log_[static_cast<std::size_t>(log_size_++)] = value;
  }

  // ---- Afterwards

  // What is left is what was pushed; nothing has leaked.
  void Finish(int producers) {
    for (int p = 0; p < producers; ++p) {
      if (!At(has_ended_, p)) (void)ring_.Recover(DeadOwner::Attested(Id(p)));
    }
    if (plan_.consumer_leaves) return;
    (void)ring_.Recover(DeadOwner::Attested(Id(kConsumer)));
    auto consumer = *ring_.ClaimConsumer();
    RingResult result = PopLeft(consumer, /*least=*/0);
    while (result == RingResult::kOk) result = PopLeft(consumer, log_size_);
    Check(result != RingResult::kPending, "no claim has leaked");
    for (int p = 0; p < producers; ++p) {
      const int more = At(next_, p) - At(pushed_, p);
      Check(more >= 0, "what was pushed was popped");
      Check(more == 0 || (more == 1 && !At(has_ended_, p)) ||
                plan_.way == ManyPlan::kBatch,
            "what was popped was pushed");
      if (more > 0) See("pushed and not noted");
    }
    if (plan_.closes) {
      Check((result == RingResult::kClosed) == At(has_ended_, 0) ||
                !At(has_ended_, 0),
            "closed is for ever");
      return;
    }
    Check(result == RingResult::kEmpty, "empty at last");
    auto claim = ring_.ClaimProducer(Id(0));
    if (!claim) return Check(false, "anybody may push");
    auto producer = *std::move(claim);
    std::uint64_t value = 0;
    for (int lap = 0; lap < 2; ++lap) {
      for (std::uint64_t i = 0; i < ring_.capacity(); ++i) {
        Check(producer.TryPush(kFiller + i) == RingResult::kOk,
              "all slots can be used");
      }
      Check(producer.TryPush(kFiller) == RingResult::kFull,
            "and no more than all");
      for (std::uint64_t i = 0; i < ring_.capacity(); ++i) {
        Check(consumer.TryPop(value) == RingResult::kOk && value == kFiller + i,
              "all that was pushed comes");
      }
      Check(consumer.TryPop(value) == RingResult::kEmpty, "and no more");
    }
  }

  RingResult PopLeft(typename Ring::Consumer& consumer, int least) {
    std::uint64_t value = 0;
    const RingResult result = consumer.TryPop(value);
    if (result == RingResult::kOk) Take(value, least);
    return result;
  }

  Program MakeProgram(int producers, std::vector<ThreadSpec> threads) {
    Program program;
    program.set_up = [this] { SetUp(); };
    program.threads = std::move(threads);
    program.finish = [this, producers] { Finish(producers); };
    program.regions = {{"ring", &storage_, sizeof(storage_)}};
    return program;
  }

 private:
  template <typename Array>
  static auto& At(Array& array, int p) {
    return array[static_cast<std::size_t>(p)];
  }
  [[nodiscard]] std::uint64_t Value(int p) const {
    return static_cast<std::uint64_t>(p * 100 + At(pushed_, p));
  }
  [[nodiscard]] bool HasHeard(const std::vector<int>& producers) const {
    return std::ranges::all_of(producers, [this](int p) {
      return At(next_, p) == plan_.pushes + (p == 0 ? plan_.before : 0);
    });
  }

  typename Ring::Storage storage_{};
  Ring ring_ = *Ring::Attach(storage_);
  ManyPlan plan_;
  // Of each producer: noted by itself, and by the consumer.
  std::array<int, kMost> pushed_{};
  std::array<bool, kMost> has_ended_{};
  std::array<int, kMost> next_{};
  // All that was popped, in this order.
  std::array<std::uint64_t, 16> log_{};
  int log_size_ = 0;
  bool is_closed_ = false;
  bool has_consumed_ = false;
  Atomic<std::uint64_t> flag_{0};
  Atomic<std::uint64_t> recovered_{0};
  std::uint64_t side_ = 0;
  // The consumer's role.
  alignas(typename Ring::Consumer)
      std::array<std::byte, sizeof(typename Ring::Consumer)> consumer_{};
};

// The one client of a program; programs follow one another.
template <typename Ring>
ManyProducers<Ring>* NewManyProducers(const ManyPlan& plan) {
  static std::unique_ptr<ManyProducers<Ring>> client;
  client = std::make_unique<ManyProducers<Ring>>(plan);
  return client.get();
}

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_MANY_PRODUCERS_H_
