// SPDX-License-Identifier: Apache-2.0
//
// What processes that are killed write down (killing.h): the values that they
// push, and a ledger in memory that outlives each of them.
#ifndef PLACID_TESTS_PRIMITIVES_POSIX_KILLING_LEDGER_H_
#define PLACID_TESTS_PRIMITIVES_POSIX_KILLING_LEDGER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "placid/base/atomic.h"
#include "placid/base/platform.h"
#include "tests/support/asan.h"

namespace placid::testing {

inline constexpr std::size_t kKilledPlaces = 3;  // of producers, mostly
inline constexpr std::size_t kMostKilledPlaces = 10;

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
  std::array<std::uint64_t, kMostKilledPlaces> known;
  std::uint64_t check;

  [[nodiscard]] std::uint64_t Check() const {
    std::uint64_t sum = number;
    for (const std::uint64_t each : known)
      sum = sum * 0x9E37'79B9'7F4A'7C15u + each;
    return ~sum;
  }
};

// How many deaths: PLACID_KILLS if it is set. A sanitizer's process takes long
// to begin, and to die.
inline std::uint64_t Kills() {
  const char* given = std::getenv("PLACID_KILLS");
  if (given != nullptr) return std::strtoull(given, nullptr, 0);
  return kIsTsan || kIsAsan ? 100 : 1000;
}

// All zero is an empty one.
struct KillingLedger {
  using Word = Atomic<std::uint64_t>;

  // By the producer in each place: its life, and how many were committed.
  std::array<Word, kMostKilledPlaces> committed;
  // By consumers: how many they took in all.
  Word taken;
  Word has_complaint;
  std::array<char, 200> complaint;

  static std::uint64_t Load(const Word& word) {
    return word.load(kAcquire);  // sync: a test's ledger
  }
  static void Store(Word& word, std::uint64_t value) {
    word.store(value, kRelease);  // sync: a test's ledger
  }

  void Complain(const std::string& what) {
    if (HasComplaint()) return;
    std::snprintf(complaint.data(), complaint.size(), "%s", what.c_str());
    Store(has_complaint, 1);
  }
  [[nodiscard]] bool HasComplaint() const { return Load(has_complaint) != 0; }
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_POSIX_KILLING_LEDGER_H_
