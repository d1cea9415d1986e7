// SPDX-License-Identifier: Apache-2.0
//
// Killing<Cast>: a queue between processes that are killed at random and begun
// again, and a ledger that says what must have arrived. Where there is fork.
//
// A few producers push and consumers pop, each a process; this one kills now
// this, now that one of them with SIGKILL, waits for the kernel's word that it
// is dead, recovers it and begins another in its place. What is pushed says which
// life of which producer it is from, the how-manieth of that life, and how far
// the pusher knew every producer to have come when it began. So the consumer
// can tell whatever is lost, repeated, torn, out of a producer's order or, in
// queues of one total order, out of that. It notes what it took in the ledger,
// and nothing in its own memory: its successor knows what may come again. What
// that is an Account says: OneTaker, or SomeTakers.
//
//   struct Cast {
//     using Queue; Queue::Producer, Queue::Consumer
//     kLag         how many values besides the one in hand may come again
//     kIsTotal     whether what was pushed before comes before, whoever pushed
//     Create(bytes)                    Result<Queue>
//     ClaimProducer(queue, place, by)  Result<Producer>; place: from 0
//     ClaimConsumer(queue, by)         Result<Consumer>
//     Push(producer, value), Pop(consumer, value)  RingResult, of KilledValue
//     Recover(queue, dead)             all that the dead one may have held
//   };
//   ASSERT_TRUE(Killing<Cast>(bytes, seed).Run(deaths));
//
//   struct Account {                 // all zero is an empty one
//     kConsumers, kMostLives, kMostOfALife
//     Taker(ledger, account, consumer)  of a consumer: from 0, and one more
//       BeforePop(), Take(value), AfterPop()
//     NoteDeath(consumer)
//     CheckLife(ledger, life, committed), CheckEnd(ledger)
//   };
#ifndef PLACID_TESTS_PRIMITIVES_POSIX_KILLING_H_
#define PLACID_TESTS_PRIMITIVES_POSIX_KILLING_H_

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/ring_result.h"
#include "tests/primitives/posix/killing_ledger.h"
#include "tests/primitives/posix/one_taker.h"
#include "tests/support/child.h"

namespace placid::testing {

template <typename Cast, typename Account = OneTaker<Cast>,
          std::size_t kProducers = kKilledPlaces>
class Killing {
 public:
  using Queue = typename Cast::Queue;
  using Taker = typename Account::Taker;

  // Of bytes that the children see as well.
  Killing(std::span<std::byte> bytes, std::uint64_t seed)
      : queue_(*Cast::Create(bytes)),
        random_(static_cast<unsigned>(seed)),
        ledger_(static_cast<Ledger*>(
            mmap(nullptr, sizeof(Ledger), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
    if (ledger_ == MAP_FAILED) std::abort();
  }
  Killing(const Killing&) = delete;
  Killing& operator=(const Killing&) = delete;
  ~Killing() { munmap(ledger_, sizeof(Ledger)); }

  struct Options {
    unsigned longest_lull_us = 1000;  // between two deaths
    std::function<void(std::uint64_t death)> after_each = nullptr;
  };
  // Whether all was as it must be.
  [[nodiscard]] bool Run(std::uint64_t deaths) { return Run(deaths, {}); }
  [[nodiscard]] bool Run(std::uint64_t deaths, const Options& options) {
    deaths = std::min(deaths, Account::kMostLives - kPlaces - 1);
    for (std::size_t place = 0; place < kPlaces; ++place) Begin(place);
    std::uint64_t deaths_of_consumers = 0;
    for (std::uint64_t i = 0; i < deaths && !HasComplaint(); ++i) {
      const std::uint64_t taken = Load(common_.taken);
      std::this_thread::sleep_for(
          std::chrono::microseconds(random_() % options.longest_lull_us));
      if (!AwaitProgress(taken)) Complain("nothing arrives any more");
      const std::size_t place = random_() % kPlaces;
      if (!Cast::kIsTotal && IsProducer(place)) Stop(players_[place]);
      deaths_of_consumers += IsProducer(place) ? 0 : 1;
      End(place);
      Begin(place);
      if (options.after_each) options.after_each(i);
    }
    for (std::size_t place = 0; place < kPlaces; ++place) End(place);
    if (!HasComplaint()) TakeTheRest();
    std::printf("%llu values, %llu deaths of producers and %llu of consumers\n",
                static_cast<unsigned long long>(Load(common_.taken)),
                static_cast<unsigned long long>(deaths - deaths_of_consumers),
                static_cast<unsigned long long>(deaths_of_consumers));
    PrintShares();
    if (HasComplaint()) ADD_FAILURE() << common_.complaint.data();
    return !HasComplaint();
  }

  [[nodiscard]] const Queue& queue() const { return queue_; }

 private:
  static constexpr std::size_t kPlaces = kProducers + Account::kConsumers;
  static constexpr std::uint64_t kMuch = 200;
  static constexpr std::chrono::seconds kPatience{30};

  struct Ledger {
    KillingLedger common;
    Account account;
    // By whoever kills, of the dead.
    std::array<std::uint64_t, Account::kMostLives> committed_by;
  };

  static constexpr bool IsProducer(std::size_t place) {
    return place < kProducers;
  }
  static std::uint64_t Load(const KillingLedger::Word& word) {
    return KillingLedger::Load(word);
  }
  static void Store(KillingLedger::Word& word, std::uint64_t value) {
    KillingLedger::Store(word, value);
  }
  void Complain(const std::string& what) { common_.Complain(what); }
  [[nodiscard]] bool HasComplaint() const { return common_.HasComplaint(); }

  // ---- Of whoever kills

  struct Player {
    std::uint64_t life = 0;
    OwnerId id;
    std::optional<Child> child;
  };

  void Begin(std::size_t place) {
    const std::uint64_t life = ++lives_;
    Player& player = players_[place];
    // One row of a table for each place, one generation for each life.
    player.life = life;
    player.id = *OwnerId::Of(place + 1, life);
    if (IsProducer(place)) {
      Store(common_.committed[place], KilledNumber::Of(life, 0));
    }
    player.child.emplace([this, place, &player] {
      alarm(0);  // as long as its parent likes
      IsProducer(place) ? Produce(place, player)
                        : Consume(place - kProducers, player.id);
    });
  }

  void End(std::size_t place) {
    Player& player = players_[place];
    player.child.reset();  // SIGKILL, and waits for it
    if (!IsProducer(place)) account_.NoteDeath(place - kProducers);
    Cast::Recover(queue_, DeadOwner::Attested(player.id));
    if (!IsProducer(place)) return;
    ledger_->committed_by[player.life] =
        KilledNumber::Nth(Load(common_.committed[place]));
    shares_[place] += ledger_->committed_by[player.life];
  }

  // What the others push arrives all the same, more than it can have left.
  // After that it goes on, or is killed as it is.
  void Stop(const Player& player) {
    player.child->Signal(SIGSTOP);
    if (!AwaitProgress(Load(common_.taken), kMuch)) {
      Complain("nothing arrives while a producer is stopped");
    }
    if (random_() % 2 == 0) player.child->Signal(SIGCONT);
  }

  [[nodiscard]] bool AwaitProgress(std::uint64_t before,
                                   std::uint64_t by = 1) const {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (Load(common_.taken) - before < by && !HasComplaint()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  // Everybody is dead: what is left arrives, and then nothing is missing.
  void TakeTheRest() {
    auto consumer = *Cast::ClaimConsumer(queue_, *OwnerId::Of(kPlaces + 1, 1));
    Taker taker(common_, account_, Account::kConsumers);
    RingResult result = RingResult::kOk;
    KilledValue value{};
    while (result == RingResult::kOk && !HasComplaint()) {
      result = Cast::Pop(consumer, value);
      if (result == RingResult::kOk) taker.Take(value);
      if (result == RingResult::kContended) result = RingResult::kOk;
    }
    if (result != RingResult::kEmpty) {
      Complain("the end of the queue is " + std::string(ToString(result)));
    }
    for (std::uint64_t life = 1; life <= lives_; ++life) {
      account_.CheckLife(common_, life, ledger_->committed_by[life]);
    }
    account_.CheckEnd(common_);
  }

  // How fair the queue is to its producers.
  void PrintShares() const {
    std::uint64_t all = 1;
    for (const std::uint64_t share : shares_) all += share;
    for (const std::uint64_t share : shares_) {
      std::printf(" %2.0f %%",
                  100 * static_cast<double>(share) / static_cast<double>(all));
    }
    std::printf(" of them by each producer\n");
  }

  // ---- Of the players

  void Produce(std::size_t place, const Player& player) {
    auto producer = Cast::ClaimProducer(queue_, place, player.id);
    if (!producer) return Complain(producer.error().Message().c_str());
    for (std::uint64_t n = 0; n < Account::kMostOfALife; ++n) {
      // Whoever kills may be kept from it for long: something must still arrive.
      if (Account::kMostOfALife - n < 1000) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
      KilledValue value{
          .number = KilledNumber::Of(player.life, n), .known = {}, .check = 0};
      for (std::size_t i = 0; i < kProducers; ++i) {
        value.known[i] = Load(common_.committed[i]);
      }
      value.check = value.Check();
      RingResult result = Cast::Push(*producer, value);
      for (; result != RingResult::kOk; result = Cast::Push(*producer, value)) {
        if (result != RingResult::kFull && result != RingResult::kContended) {
          return Complain("a push said " + std::string(ToString(result)));
        }
        std::this_thread::yield();
      }
      Store(common_.committed[place], KilledNumber::Of(player.life, n + 1));
    }
    pause();  // until it is killed
  }

  void Consume(std::size_t which, OwnerId id) {
    auto consumer = Cast::ClaimConsumer(queue_, id);
    if (!consumer) return Complain(consumer.error().Message().c_str());
    Taker taker(common_, account_, which);
    KilledValue value{};
    while (!HasComplaint()) {
      taker.BeforePop();
      const RingResult result = Cast::Pop(*consumer, value);
      if (result == RingResult::kOk) {
        taker.Take(value);
      } else if (result == RingResult::kEmpty ||
                 result == RingResult::kPending ||
                 result == RingResult::kContended) {
        std::this_thread::yield();
      } else {
        return Complain("a pop said " + std::string(ToString(result)));
      }
      taker.AfterPop();
    }
  }

  const Queue queue_;
  std::minstd_rand random_;
  Ledger* ledger_;
  KillingLedger& common_ = ledger_->common;
  Account& account_ = ledger_->account;
  std::uint64_t lives_ = 0;
  std::array<Player, kPlaces> players_;
  std::array<std::uint64_t, kProducers> shares_{};
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_POSIX_KILLING_H_
