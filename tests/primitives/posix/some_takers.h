// SPDX-License-Identifier: Apache-2.0
//
// SomeTakers<Cast>: what arrived, where several consumers take it (killing.h): each
// value at one of them, and what one of them has had is never followed by what
// was there before it. But for what was in a dead one's hand, which is lost, or
// comes again and then may come late: Cast::kComesAgain says which.
#ifndef PLACID_TESTS_PRIMITIVES_POSIX_SOME_TAKERS_H_
#define PLACID_TESTS_PRIMITIVES_POSIX_SOME_TAKERS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

#include "placid/base/atomic.h"
#include "placid/base/platform.h"
#include "tests/primitives/posix/killing_ledger.h"

namespace placid::testing {

template <typename Cast, std::size_t kTakers = 2, int kBitsOfALife = 17>
class SomeTakers {
  using Word = KillingLedger::Word;
  struct Hand {
    Word is_popping;
    Word number;  // the last that it noted
  };

 public:
  static constexpr std::size_t kConsumers = kTakers;
  // As much as a sanitizer can follow.
  static constexpr std::uint64_t kMostLives = 1 << (kIsTsan ? 14 : 16);
  static constexpr std::uint64_t kMostOfALife =
      std::uint64_t{1} << (kIsTsan ? 17 : kBitsOfALife);

  // What one consumer takes, compared with what it may be handed.
  class Taker {
   public:
    Taker(KillingLedger& ledger, SomeTakers& of, std::size_t which)
        : ledger_(ledger), of_(of), hand_(of.hands_[which]) {}

    // From here on it may have a value that nobody knows of. What it took last
    // stays noted: it may still be in its hand.
    void BeforePop() { KillingLedger::Store(hand_.is_popping, 1); }
    void AfterPop() { KillingLedger::Store(hand_.is_popping, 0); }

    void Take(const KilledValue& value) {
      KillingLedger::Store(hand_.number, value.number);
      const std::uint64_t life = KilledNumber::Life(value.number);
      const std::uint64_t n = KilledNumber::Nth(value.number);
      if (value.check != value.Check()) return ledger_.Complain("a torn value");
      if (life == 0 || life >= kMostLives || n >= kMostOfALife) {
        return ledger_.Complain("a value that nobody pushed");
      }
      const bool is_first = of_.arrived_.Set(value.number);
      if (!is_first && !of_.may_come_again_.Clear(value.number)) {
        return ledger_.Complain("value " + std::to_string(n) + " of life " +
                                std::to_string(life) + " comes again");
      }
      if (is_first && IsLate(value.number)) {
        of_.late_.fetch_add(1, kRelaxed);  // sync: none, read when all are dead
      }
      for (std::size_t i = 0; i < known_.size(); ++i) {
        known_[i] = std::max(known_[i], value.known[i]);
      }
      ledger_.taken.fetch_add(1, kRelease);  // sync: a test's ledger
    }

   private:
    // Whether it was there before one that this consumer had.
    [[nodiscard]] bool IsLate(std::uint64_t number) const {
      return std::ranges::any_of(known_, [number](std::uint64_t known) {
        return KilledNumber::Life(known) == KilledNumber::Life(number) &&
               number < known;
      });
    }

    KillingLedger& ledger_;
    SomeTakers& of_;
    Hand& hand_;
    // How far any value had each producer to have come, of those it took.
    std::array<std::uint64_t, kMostKilledPlaces> known_{};
  };

  // Before somebody else can be handed what this one had.
  void NoteDeath(std::size_t which) {
    ++deaths_;
    Hand& hand = hands_[which];
    deaths_popping_ += KillingLedger::Load(hand.is_popping);
    const std::uint64_t number = KillingLedger::Load(hand.number);
    if (Cast::kComesAgain && number != 0) may_come_again_.Set(number);
    hand = {};
  }

  // All is taken: of a life that committed so many. One more may have been
  // pushed, and not counted.
  void CheckLife(KillingLedger& ledger, std::uint64_t life,
                 std::uint64_t committed) {
    for (std::uint64_t n = 0; n < committed; ++n) {
      missing_ += arrived_.Has(KilledNumber::Of(life, n)) ? 0 : 1;
    }
    for (std::uint64_t n = committed + 1; n < committed + 100; ++n) {
      if (n < kMostOfALife && arrived_.Has(KilledNumber::Of(life, n))) {
        ledger.Complain("a value that its producer had not come to");
      }
    }
  }
  // Each death of a consumer may lose one, or have one come late.
  void CheckEnd(KillingLedger& ledger) const {
    const std::uint64_t late = KillingLedger::Load(late_);
    std::printf("%llu were lost and %llu came late\n",
                static_cast<unsigned long long>(missing_),
                static_cast<unsigned long long>(late));
    if (missing_ > (Cast::kComesAgain ? 0 : deaths_popping_)) {
      ledger.Complain(std::to_string(missing_) + " values were lost");
    }
    if (late > (Cast::kComesAgain ? deaths_ : 0)) {
      ledger.Complain(std::to_string(late) + " values came late");
    }
  }

 private:
  // A set of numbers.
  class Numbers {
   public:
    // Whether it was not there.
    bool Set(std::uint64_t number) {
      return (WordOf(number).fetch_or(Bit(number), kAcqRel) & Bit(number)) ==
             0;  // sync: a test's ledger
    }
    // Whether it was there.
    bool Clear(std::uint64_t number) {
      return (WordOf(number).fetch_and(~Bit(number), kAcqRel) & Bit(number)) !=
             0;  // sync: a test's ledger
    }
    [[nodiscard]] bool Has(std::uint64_t number) {
      return (KillingLedger::Load(WordOf(number)) & Bit(number)) != 0;
    }

   private:
    static std::uint64_t Bit(std::uint64_t number) {
      return std::uint64_t{1} << number % 64;
    }
    Word& WordOf(std::uint64_t number) {
      return words_[KilledNumber::Life(number)][KilledNumber::Nth(number) / 64];
    }
    std::array<std::array<Word, kMostOfALife / 64>, kMostLives> words_;
  };

  std::array<Hand, kConsumers + 1> hands_;
  Numbers arrived_;
  Numbers may_come_again_;
  Word late_;
  // By whoever kills.
  std::uint64_t deaths_;
  std::uint64_t deaths_popping_;
  std::uint64_t missing_;
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_POSIX_SOME_TAKERS_H_
