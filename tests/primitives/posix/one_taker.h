// SPDX-License-Identifier: Apache-2.0
//
// OneTaker<Cast>: what arrived, where one consumer at a time takes it
// (killing.h): each value in its turn, but for the last few, which may come
// again to a successor.
#ifndef PLACID_TESTS_PRIMITIVES_POSIX_ONE_TAKER_H_
#define PLACID_TESTS_PRIMITIVES_POSIX_ONE_TAKER_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "tests/primitives/posix/killing_ledger.h"

namespace placid::testing {

template <typename Cast>
class OneTaker {
 public:
  using Word = KillingLedger::Word;
  static constexpr std::size_t kConsumers = 1;
  static constexpr std::uint64_t kMostLives = 1 << 20;
  static constexpr std::uint64_t kMostOfALife = UINT64_MAX;

  // What one consumer takes, compared with what it may be handed.
  class Taker {
   public:
    Taker(KillingLedger& ledger, OneTaker& of, std::size_t)
        : ledger_(ledger), of_(of), at_(Load(ledger.taken)) {}

    void BeforePop() {}
    void AfterPop() {}

    void Take(const KilledValue& value) {
      const std::uint64_t taken = Load(ledger_.taken);
      if (value.check != value.Check()) return ledger_.Complain("a torn value");
      if (!Cast::kIsTotal) {
        if (IsAgain(value.number)) return;
        at_ = taken;
        is_first_ = false;
      }
      if (is_first_) GoBackTo(value.number, taken);
      is_first_ = false;
      if (at_ < taken) {  // again
        if (Recent(at_) != value.number) {
          return ledger_.Complain("what comes again comes in another order");
        }
        ++at_;
        return;
      }
      // Noted by a consumer that died before it had counted it, or new.
      const bool is_noted = at_ == taken && Recent(at_) == value.number;
      if (!is_noted) CheckNew(value);
      Store(of_.recent_[taken % kRecent], value.number);
      Store(of_.next_[KilledNumber::Life(value.number)],
            KilledNumber::Nth(value.number) + 1);
      Store(ledger_.taken, taken + 1);
      at_ = taken + 1;
    }

   private:
    [[nodiscard]] std::uint64_t Recent(std::uint64_t at) const {
      return Load(of_.recent_[at % kRecent]);
    }
    // Without a total order what comes again comes behind whatever else, and
    // from several dead consumers, each of which left a lane: the last of a
    // life, and from there on all that follow.
    [[nodiscard]] bool IsAgain(std::uint64_t number) {
      const std::uint64_t life = KilledNumber::Life(number);
      const std::uint64_t n = KilledNumber::Nth(number);
      if (life >= kMostLives) return false;
      const std::uint64_t next = Load(of_.next_[life]);
      const auto [mine, is_first] = mine_.try_emplace(life, n);
      if (is_first ? n + Cast::kLag + 1 < next : n != mine->second) {
        ledger_.Complain("value " + std::to_string(n) + " of life " +
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
        return ledger_.Complain("a value that nobody pushed");
      }
      const std::uint64_t expected = Load(of_.next_[life]);
      if (n != expected) {
        return ledger_.Complain("value " + std::to_string(n) + " of life " +
                                std::to_string(life) + " arrives, " +
                                std::to_string(expected) + " should");
      }
      if (!Cast::kIsTotal) return;
      for (const std::uint64_t known : value.known) {
        if (Load(of_.next_[KilledNumber::Life(known)]) <
            KilledNumber::Nth(known)) {
          return ledger_.Complain("a value overtook one that was there before");
        }
      }
    }

    KillingLedger& ledger_;
    OneTaker& of_;
    std::uint64_t at_;  // how many of what was ever taken this one has
    bool is_first_ = true;
    std::unordered_map<std::uint64_t, std::uint64_t> mine_;  // next of a life
  };

  // The consumer died, and will be recovered.
  void NoteDeath(std::size_t) {}
  // All is taken: of a life that committed so many.
  void CheckLife(KillingLedger& ledger, std::uint64_t life,
                 std::uint64_t committed) const {
    const std::uint64_t taken = Load(next_[life]);
    if (taken == committed || taken == committed + 1) return;
    ledger.Complain("of life " + std::to_string(life) + ' ' +
                    std::to_string(committed) + " were committed and " +
                    std::to_string(taken) + " arrived");
  }
  void CheckEnd(KillingLedger&) const {}

 private:
  static constexpr std::uint64_t kRecent = 64;
  static_assert(Cast::kLag + 2 < kRecent);

  static std::uint64_t Load(const Word& word) {
    return KillingLedger::Load(word);
  }
  static void Store(Word& word, std::uint64_t value) {
    KillingLedger::Store(word, value);
  }

  // The last that were taken, and the next of each life. The last word that is
  // written about a value is the ledger's `taken`.
  std::array<Word, kRecent> recent_;
  std::array<Word, kMostLives> next_;
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_POSIX_ONE_TAKER_H_
