// SPDX-License-Identifier: Apache-2.0
//
// Killing<Cast>: a queue between processes that are killed at random and begun
// again, and a ledger that says what must have arrived. Where there is fork.
//
// A few producers push and a consumer pops, each a process; this one kills now
// this, now that one of them with SIGKILL, waits for the kernel's word that it
// is dead, recovers it and begins another in its place. What is pushed says which
// life of which producer it is from, the how-manieth of that life, and how far
// the pusher knew every producer to have come when it began. So the consumer
// can tell whatever is lost, repeated, torn, out of a producer's order or, in
// queues of one total order, out of that. It notes what it took in the ledger,
// and nothing in its own memory: its successor knows what may come again.
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
#include <optional>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>

#include "placid/base/atomic.h"
#include "placid/base/platform.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/ring_result.h"
#include "tests/support/child.h"

namespace placid::testing {

inline constexpr std::size_t kKilledPlaces = 3;  // of producers

// Which value it is: of which life, the how-manieth of it.
struct KilledNumber {
  static std::uint64_t Of(std::uint64_t life, std::uint64_t n) {
    return life << 40 | n;
  }
  static std::uint64_t Life(std::uint64_t number) { return number >> 40; }
  static std::uint64_t Nth(std::uint64_t number) {
    return number & ((std::uint64_t{1} << 40) - 1);
  }
};

struct KilledValue {
  std::uint64_t number;
  // Of each producer: its life, and how many of it were committed.
  std::array<std::uint64_t, kKilledPlaces> known;
  std::uint64_t check;

  [[nodiscard]] std::uint64_t Check() const {
    std::uint64_t sum = number;
    for (const std::uint64_t each : known)
      sum = sum * 0x9E37'79B9'7F4A'7C15u + each;
    return ~sum;
  }
};

// How many deaths: PLACID_KILLS if it is set.
inline std::uint64_t Kills() {
  const char* given = std::getenv("PLACID_KILLS");
  if (given != nullptr) return std::strtoull(given, nullptr, 0);
  return kIsTsan ? 100 : 1000;
}

template <typename Cast>
class Killing {
 public:
  using Queue = typename Cast::Queue;

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

  // Whether all was as it must be.
  [[nodiscard]] bool Run(std::uint64_t deaths) {
    deaths = std::min(deaths, kMostLives - kPlaces);
    for (std::size_t place = 0; place < kPlaces; ++place) Begin(place);
    std::uint64_t deaths_of_consumers = 0;
    for (std::uint64_t i = 0; i < deaths && !HasComplaint(); ++i) {
      const std::uint64_t taken = Load(ledger_->taken);
      std::this_thread::sleep_for(
          std::chrono::microseconds(random_() % kLongestLullUs));
      if (!AwaitProgress(taken)) Complain("nothing arrives any more");
      const std::size_t place = random_() % kPlaces;
      if (!Cast::kIsTotal && place != kConsumer) Stop(players_[place]);
      deaths_of_consumers += place == kConsumer ? 1 : 0;
      End(place);
      Begin(place);
    }
    for (std::size_t place = 0; place < kPlaces; ++place) End(place);
    if (!HasComplaint()) TakeTheRest();
    std::printf("%llu values, %llu deaths of producers and %llu of consumers\n",
                static_cast<unsigned long long>(Load(ledger_->taken)),
                static_cast<unsigned long long>(deaths - deaths_of_consumers),
                static_cast<unsigned long long>(deaths_of_consumers));
    PrintShares();
    if (HasComplaint()) ADD_FAILURE() << ledger_->complaint.data();
    return !HasComplaint();
  }

  [[nodiscard]] const Queue& queue() const { return queue_; }

 private:
  using Word = Atomic<std::uint64_t>;
  static constexpr std::size_t kConsumer = kKilledPlaces;
  static constexpr std::size_t kPlaces = kKilledPlaces + 1;
  static constexpr std::uint64_t kMostLives = 1 << 20;
  static constexpr std::uint64_t kRecent = 64;
  static constexpr unsigned kLongestLullUs = 1000;
  static constexpr std::uint64_t kMuch = 200;
  static constexpr std::chrono::seconds kPatience{30};

  struct Ledger {
    // By the producer in each place: its life, and how many were committed.
    std::array<Word, kKilledPlaces> committed;
    // By the consumer: how many it took in all, the last of them, and the next
    // of each life. The last word that it writes about a value is `taken`.
    Word taken;
    std::array<Word, kRecent> recent;
    std::array<Word, kMostLives> next;
    // By whoever kills, of the dead.
    std::array<std::uint64_t, kMostLives> committed_by;
    Word has_complaint;
    std::array<char, 200> complaint;
  };
  static_assert(Cast::kLag + 2 < kRecent);

  static std::uint64_t Load(const Word& word) {
    return word.load(kAcquire);  // sync: a test's ledger
  }
  static void Store(Word& word, std::uint64_t value) {
    word.store(value, kRelease);  // sync: a test's ledger
  }

  void Complain(const std::string& what) {
    if (HasComplaint()) return;
    std::snprintf(ledger_->complaint.data(), ledger_->complaint.size(), "%s",
                  what.c_str());
    Store(ledger_->has_complaint, 1);
  }
  [[nodiscard]] bool HasComplaint() const {
    return Load(ledger_->has_complaint) != 0;
  }

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
    if (place != kConsumer) {
      Store(ledger_->committed[place], KilledNumber::Of(life, 0));
    }
    player.child.emplace([this, place, &player] {
      alarm(0);  // as long as its parent likes
      place == kConsumer ? Consume(player.id) : Produce(place, player);
    });
  }

  void End(std::size_t place) {
    Player& player = players_[place];
    player.child.reset();  // SIGKILL, and waits for it
    Cast::Recover(queue_, DeadOwner::Attested(player.id));
    if (place == kConsumer) return;
    ledger_->committed_by[player.life] =
        KilledNumber::Nth(Load(ledger_->committed[place]));
    shares_[place] += ledger_->committed_by[player.life];
  }

  // What the others push arrives all the same, more than it can have left.
  // After that it goes on, or is killed as it is.
  void Stop(const Player& player) {
    player.child->Signal(SIGSTOP);
    if (!AwaitProgress(Load(ledger_->taken), kMuch)) {
      Complain("nothing arrives while a producer is stopped");
    }
    if (random_() % 2 == 0) player.child->Signal(SIGCONT);
  }

  [[nodiscard]] bool AwaitProgress(std::uint64_t before,
                                   std::uint64_t by = 1) const {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (Load(ledger_->taken) - before < by && !HasComplaint()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  // Everybody is dead: what is left arrives, and then nothing is missing.
  void TakeTheRest() {
    auto consumer = *Cast::ClaimConsumer(queue_, *OwnerId::Of(9, 1));
    Taker taker(*this);
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
      const std::uint64_t committed = ledger_->committed_by[life];
      const std::uint64_t taken = Load(ledger_->next[life]);
      if (taken == committed || taken == committed + 1) continue;
      Complain("of life " + std::to_string(life) + ' ' +
               std::to_string(committed) + " were committed and " +
               std::to_string(taken) + " arrived");
    }
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
    for (std::uint64_t n = 0;; ++n) {
      KilledValue value{
          .number = KilledNumber::Of(player.life, n), .known = {}, .check = 0};
      for (std::size_t i = 0; i < kKilledPlaces; ++i) {
        value.known[i] = Load(ledger_->committed[i]);
      }
      value.check = value.Check();
      RingResult result = Cast::Push(*producer, value);
      for (; result != RingResult::kOk; result = Cast::Push(*producer, value)) {
        if (result != RingResult::kFull && result != RingResult::kContended) {
          return Complain("a push said " + std::string(ToString(result)));
        }
        std::this_thread::yield();
      }
      Store(ledger_->committed[place], KilledNumber::Of(player.life, n + 1));
    }
  }

  void Consume(OwnerId id) {
    auto consumer = Cast::ClaimConsumer(queue_, id);
    if (!consumer) return Complain(consumer.error().Message().c_str());
    Taker taker(*this);
    KilledValue value{};
    while (!HasComplaint()) {
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
    }
  }

  // What one consumer takes, compared with what it may be handed.
  class Taker {
   public:
    explicit Taker(Killing& of) : of_(of), at_(Load(of.ledger_->taken)) {}

    void Take(const KilledValue& value) {
      Ledger& ledger = *of_.ledger_;
      const std::uint64_t taken = Load(ledger.taken);
      if (value.check != value.Check()) return of_.Complain("a torn value");
      if (!Cast::kIsTotal) {
        if (IsAgain(value.number)) return;
        at_ = taken;
        is_first_ = false;
      }
      if (is_first_) GoBackTo(value.number, taken);
      is_first_ = false;
      if (at_ < taken) {  // again
        if (Recent(at_) != value.number) {
          return of_.Complain("what comes again comes in another order");
        }
        ++at_;
        return;
      }
      // Noted by a consumer that died before it had counted it, or new.
      const bool is_noted = at_ == taken && Recent(at_) == value.number;
      if (!is_noted) CheckNew(value);
      Store(ledger.recent[taken % kRecent], value.number);
      Store(ledger.next[KilledNumber::Life(value.number)],
            KilledNumber::Nth(value.number) + 1);
      Store(ledger.taken, taken + 1);
      at_ = taken + 1;
    }

   private:
    [[nodiscard]] std::uint64_t Recent(std::uint64_t at) const {
      return Load(of_.ledger_->recent[at % kRecent]);
    }
    // Without a total order what comes again comes behind whatever else, and
    // from several dead consumers, each of which left a lane: the last of a
    // life, and from there on all that follow.
    [[nodiscard]] bool IsAgain(std::uint64_t number) {
      const std::uint64_t life = KilledNumber::Life(number);
      const std::uint64_t n = KilledNumber::Nth(number);
      if (life >= kMostLives) return false;
      const std::uint64_t next = Load(of_.ledger_->next[life]);
      const auto [mine, is_first] = mine_.try_emplace(life, n);
      if (is_first ? n + Cast::kLag + 1 < next : n != mine->second) {
        of_.Complain("value " + std::to_string(n) + " of life " +
                     std::to_string(life) + " comes again");
      }
      mine->second = n + 1;
      return n < next;
    }
    void GoBackTo(std::uint64_t number, std::uint64_t taken) {
      const std::uint64_t most = std::min<std::uint64_t>(Cast::kLag + 1, taken);
      for (std::uint64_t back = 1; back <= most; ++back) {
        if (Recent(taken - back) == number) at_ = taken - back;
      }
    }
    void CheckNew(const KilledValue& value) {
      const std::uint64_t life = KilledNumber::Life(value.number);
      const std::uint64_t n = KilledNumber::Nth(value.number);
      if (life == 0 || life >= kMostLives) {
        return of_.Complain("a value that nobody pushed");
      }
      const std::uint64_t expected = Load(of_.ledger_->next[life]);
      if (n != expected) {
        return of_.Complain("value " + std::to_string(n) + " of life " +
                            std::to_string(life) + " arrives, " +
                            std::to_string(expected) + " should");
      }
      if (!Cast::kIsTotal) return;
      for (const std::uint64_t known : value.known) {
        if (Load(of_.ledger_->next[KilledNumber::Life(known)]) <
            KilledNumber::Nth(known)) {
          return of_.Complain("a value overtook one that was there before");
        }
      }
    }

    Killing& of_;
    std::uint64_t at_;  // how many of what was ever taken this one has
    bool is_first_ = true;
    std::unordered_map<std::uint64_t, std::uint64_t> mine_;  // next of a life
  };

  const Queue queue_;
  std::minstd_rand random_;
  Ledger* ledger_;
  std::uint64_t lives_ = 0;
  std::array<Player, kPlaces> players_;
  std::array<std::uint64_t, kKilledPlaces> shares_{};
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_POSIX_KILLING_H_
