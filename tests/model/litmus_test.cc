// SPDX-License-Identifier: Apache-2.0
//
// The checker against the literature: small programs whose outcomes are known.
//
// Each names one outcome that matters and whether C++20 allows it, and commits
// the whole set of its outcomes: the forbidden must not appear and the allowed
// must. Each set is found twice, with and without the cache of states.
//
// Names (MP, SB, ...) are those of Maranget, Sarkar and Sewell, "A Tutorial
// Introduction to the ARM and POWER Relaxed Memory Models" (2012), and of
// Alglave, Maranget and Tautschnig, "Herding Cats" (TOPLAS 2014). Sources:
//   Batty    Batty et al., "Mathematizing C++ Concurrency", POPL 2011
//   RC11     Lahav et al., "Repairing Sequential Consistency in C/C++11", PLDI
//            2017
//   Kang     Kang et al., "A Promising Semantics for Relaxed-Memory
//   Concurrency",
//            POPL 2017
//   Boehm    Boehm, "Can Seqlocks Get Along with Programming Language Memory
//            Models?", MSPC 2012
//   P0668, P0982   papers that changed the model in C++20
//   [...]    clauses of the C++20 standard
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "placid/base/atomic.h"
#include "tests/model/explore.h"

namespace placid::model {
namespace {

using Word = Atomic<std::uint64_t>;

// The shared words and, for each read that matters, what it gave.
Word x, y, z;
std::array<std::uint64_t, 6> r;

constexpr auto rlx = kRelaxed;
constexpr auto acq = kAcquire;
constexpr auto rel = kRelease;
constexpr auto acq_rel = kAcqRel;
constexpr auto sc = kSeqCst;

enum class Verdict { kAllowed, kForbidden };
using enum Verdict;

struct Litmus {
  const char* name;
  const char* source;
  std::vector<std::function<void()>> threads;
  int registers;       // how many of r are part of the outcome
  const char* memory;  // which of "xyz" are, by their last value
  const char* outcome;
  Verdict verdict;
  const char* all;  // outcomes
};

void PrintTo(const Litmus& litmus, std::ostream* out) { *out << litmus.name; }

bool Swap(Word& word, std::uint64_t from, std::uint64_t to,
          std::memory_order success, std::memory_order failure,
          std::uint64_t* found = nullptr) {
  const bool swapped = word.compare_exchange(from, to, success, failure);
  if (found != nullptr) *found = from;
  return swapped;
}

const std::vector<Litmus>& AllLitmus() {
  // clang-format off
  static const std::vector<Litmus> all = {
  // ---- Message passing
  {"MpRelaxed", "Batty; [intro.races]/14",
   {[] { x.store(1, rlx); y.store(1, rlx); },
    [] { r[0] = y.load(rlx); r[1] = x.load(rlx); }},
   2, "", "10", kAllowed, "00 01 10 11"},
  {"MpReleaseAcquire", "[atomics.order]/2",
   {[] { x.store(1, rlx); y.store(1, rel); },
    [] { r[0] = y.load(acq); r[1] = x.load(rlx); }},
   2, "", "10", kForbidden, "00 01 11"},
  {"MpReleaseRelaxed", "[atomics.order]/2: no acquire, no edge",
   {[] { x.store(1, rlx); y.store(1, rel); },
    [] { r[0] = y.load(rlx); r[1] = x.load(rlx); }},
   2, "", "10", kAllowed, "00 01 10 11"},
  {"MpRelaxedAcquire", "[atomics.order]/2: no release, no edge",
   {[] { x.store(1, rlx); y.store(1, rlx); },
    [] { r[0] = y.load(acq); r[1] = x.load(rlx); }},
   2, "", "10", kAllowed, "00 01 10 11"},
  {"MpFences", "[atomics.fences]/2",
   {[] { x.store(1, rlx); Fence(rel); y.store(1, rlx); },
    [] { r[0] = y.load(rlx); Fence(acq); r[1] = x.load(rlx); }},
   2, "", "10", kForbidden, "00 01 11"},
  {"MpReleaseFenceAcquireLoad", "[atomics.fences]/3",
   {[] { x.store(1, rlx); Fence(rel); y.store(1, rlx); },
    [] { r[0] = y.load(acq); r[1] = x.load(rlx); }},
   2, "", "10", kForbidden, "00 01 11"},
  {"MpReleaseStoreAcquireFence", "[atomics.fences]/4",
   {[] { x.store(1, rlx); y.store(1, rel); },
    [] { r[0] = y.load(rlx); Fence(acq); r[1] = x.load(rlx); }},
   2, "", "10", kForbidden, "00 01 11"},
  {"MpReleaseFenceAlone", "[atomics.fences]/2: needs both",
   {[] { x.store(1, rlx); Fence(rel); y.store(1, rlx); },
    [] { r[0] = y.load(rlx); r[1] = x.load(rlx); }},
   2, "", "10", kAllowed, "00 01 10 11"},
  {"MpReleaseFenceTooLate", "[atomics.fences]/2: sequenced before the store",
   {[] { x.store(1, rlx); y.store(1, rlx); Fence(rel); },
    [] { r[0] = y.load(acq); r[1] = x.load(rlx); }},
   2, "", "10", kAllowed, "00 01 10 11"},
  {"MpAcquireFenceTooEarly", "[atomics.fences]/2: sequenced after the load",
   {[] { x.store(1, rlx); y.store(1, rel); },
    [] { Fence(acq); r[0] = y.load(rlx); r[1] = x.load(rlx); }},
   2, "", "10", kAllowed, "00 01 10 11"},
  {"MpSeqCstFences", "[atomics.fences]/5: both sides in one",
   {[] { x.store(1, rlx); Fence(sc); y.store(1, rlx); },
    [] { r[0] = y.load(rlx); Fence(sc); r[1] = x.load(rlx); }},
   2, "", "10", kForbidden, "00 01 11"},
  {"MpExchange", "[atomics.order]/2: an RMW is both a read and a write",
   {[] { x.store(1, rlx); y.exchange(1, rel); },
    [] { r[0] = y.fetch_or(0, acq); r[1] = x.load(rlx); }},
   2, "", "10", kForbidden, "00 01 11"},

  // ---- Store buffering
  {"SbRelaxed", "Batty; Sewell et al., x86-TSO, CACM 2010",
   {[] { x.store(1, rlx); r[0] = y.load(rlx); },
    [] { y.store(1, rlx); r[1] = x.load(rlx); }},
   2, "", "00", kAllowed, "00 01 10 11"},
  {"SbReleaseAcquire", "Batty: only seq_cst forbids it",
   {[] { x.store(1, rel); r[0] = y.load(acq); },
    [] { y.store(1, rel); r[1] = x.load(acq); }},
   2, "", "00", kAllowed, "00 01 10 11"},
  {"SbSeqCstFences", "[atomics.order]/4; RC11",
   {[] { x.store(1, rlx); Fence(sc); r[0] = y.load(rlx); },
    [] { y.store(1, rlx); Fence(sc); r[1] = x.load(rlx); }},
   2, "", "00", kForbidden, "01 10 11"},
  {"SbOneSeqCstFence", "[atomics.order]/4: it takes two",
   {[] { x.store(1, rlx); Fence(sc); r[0] = y.load(rlx); },
    [] { y.store(1, rlx); r[1] = x.load(rlx); }},
   2, "", "00", kAllowed, "00 01 10 11"},
  {"SbAcqRelFences", "[atomics.fences]/5: not seq_cst",
   {[] { x.store(1, rlx); Fence(acq_rel); r[0] = y.load(rlx); },
    [] { y.store(1, rlx); Fence(acq_rel); r[1] = x.load(rlx); }},
   2, "", "00", kAllowed, "00 01 10 11"},
  {"SbExchangeIsNoFence", "RC11: an RMW orders nothing after it by "
   "another word",
   {[] { x.exchange(1, acq_rel); r[0] = y.load(acq); },
    [] { y.exchange(1, acq_rel); r[1] = x.load(acq); }},
   2, "", "00", kAllowed, "00 01 10 11"},
  {"SbThroughOneWord", "Kang: RMWs of one word are ordered",
   {[] { x.store(1, rlx); z.fetch_add(1, acq_rel); r[0] = y.load(rlx); },
    [] { y.store(1, rlx); z.fetch_add(1, acq_rel); r[1] = x.load(rlx); }},
   2, "", "00", kForbidden, "01 10 11"},

  // ---- Load buffering: C++20 allows it where relaxed, this model never shows it
  {"LbRelaxedIsNotModelled", "Kang; README: Limits",
   {[] { r[0] = x.load(rlx); y.store(1, rlx); },
    [] { r[1] = y.load(rlx); x.store(1, rlx); }},
   2, "", "11", kForbidden, "00 01 10"},
  {"LbReleaseAcquire", "[intro.races]/10: a cycle of happens-before",
   {[] { r[0] = x.load(acq); y.store(1, rel); },
    [] { r[1] = y.load(acq); x.store(1, rel); }},
   2, "", "11", kForbidden, "00 01 10"},
  {"LbOutOfThinAir", "[atomics.order]/8",
   {[] { r[0] = x.load(rlx); y.store(r[0], rlx); },
    [] { r[1] = y.load(rlx); x.store(r[1], rlx); }},
   2, "", "11", kForbidden, "00"},

  // ---- Coherence
  {"CoRR", "[intro.races]/16",
   {[] { x.store(1, rlx); x.store(2, rlx); },
    [] { r[0] = x.load(rlx); r[1] = x.load(rlx); }},
   2, "", "21", kForbidden, "00 01 02 11 12 22"},
  {"CoWW", "[intro.races]/15",
   {[] { x.store(1, rlx); x.store(2, rlx); }},
   0, "x", "1", kForbidden, "2"},
  {"CoRW1", "[intro.races]/17: no read of a later write",
   {[] { r[0] = x.load(rlx); x.store(1, rlx); }},
   1, "", "1", kForbidden, "0"},
  {"CoRW2", "[intro.races]/17",
   {[] { r[0] = x.load(rlx); x.store(1, rlx); }, [] { x.store(2, rlx); }},
   1, "x", "22", kForbidden, "01 02 21"},
  {"CoWR", "[intro.races]/18",
   {[] { x.store(1, rlx); r[0] = x.load(rlx); }, [] { x.store(2, rlx); }},
   1, "x", "21", kForbidden, "11 12 22"},
  {"CoRRTwoReadersAgree", "[intro.races]/4: one modification order",
   {[] { x.store(1, rlx); }, [] { x.store(2, rlx); },
    [] { r[0] = x.load(rlx); r[1] = x.load(rlx); },
    [] { r[2] = x.load(rlx); r[3] = x.load(rlx); }},
   4, "", "1221", kForbidden,
   "0000 0001 0002 0011 0012 0021 0022 0100 0101 0102 0111 0112 0121 0122 0200 "
   "0201 0202 0211 0212 0221 0222 1100 1101 1102 1111 1112 1121 1122 1200 1201 "
   "1202 1211 1212 1222 2100 2101 2102 2111 2121 2122 2200 2201 2202 2211 2212 "
   "2221 2222"},

  // ---- Stores against stores
  {"2Plus2WRelaxed", "Herding Cats",
   {[] { x.store(1, rlx); y.store(2, rlx); },
    [] { y.store(1, rlx); x.store(2, rlx); }},
   0, "xy", "11", kAllowed, "11 12 21 22"},
  {"2Plus2WRelease", "RC11: release does not order stores of others",
   {[] { x.store(1, rel); y.store(2, rel); },
    [] { y.store(1, rel); x.store(2, rel); }},
   0, "xy", "11", kAllowed, "11 12 21 22"},
  {"2Plus2WSeqCstFences", "[atomics.order]/4; RC11",
   {[] { x.store(1, rlx); Fence(sc); y.store(2, rlx); },
    [] { y.store(1, rlx); Fence(sc); x.store(2, rlx); }},
   0, "xy", "11", kForbidden, "12 21 22"},
  {"RReleaseAcquire", "Herding Cats",
   {[] { x.store(1, rlx); y.store(1, rel); },
    [] { y.store(2, rel); r[0] = x.load(acq); }},
   1, "y", "02", kAllowed, "01 02 11 12"},
  {"RSeqCstFences", "[atomics.order]/4",
   {[] { x.store(1, rlx); Fence(sc); y.store(1, rlx); },
    [] { y.store(2, rlx); Fence(sc); r[0] = x.load(rlx); }},
   1, "y", "02", kForbidden, "01 11 12"},
  {"SRelaxed", "Herding Cats",
   {[] { x.store(2, rlx); y.store(1, rlx); },
    [] { r[0] = y.load(rlx); x.store(1, rlx); }},
   1, "x", "12", kAllowed, "01 02 11 12"},
  {"SReleaseAcquire", "[intro.races]/15: write-write coherence",
   {[] { x.store(2, rlx); y.store(1, rel); },
    [] { r[0] = y.load(acq); x.store(1, rlx); }},
   1, "x", "12", kForbidden, "01 02 11"},

  // ---- Three threads and more
  {"WrcRelaxed", "Boehm and Adve, PLDI 2008",
   {[] { x.store(1, rlx); }, [] { r[0] = x.load(rlx); y.store(1, rlx); },
    [] { r[1] = y.load(rlx); r[2] = x.load(rlx); }},
   3, "", "110", kAllowed, "000 001 010 011 100 101 110 111"},
  {"WrcReleaseAcquire", "[intro.races]/9: happens-before is transitive",
   {[] { x.store(1, rlx); }, [] { r[0] = x.load(acq); y.store(1, rel); },
    [] { r[1] = y.load(acq); r[2] = x.load(rlx); }},
   3, "", "110", kForbidden, "000 001 010 011 100 101 111"},
  {"Isa2ReleaseAcquire", "Maranget et al.",
   {[] { x.store(1, rlx); y.store(1, rel); },
    [] { r[0] = y.load(acq); z.store(1, rel); },
    [] { r[1] = z.load(acq); r[2] = x.load(rlx); }},
   3, "", "110", kForbidden, "000 001 010 011 100 101 111"},
  {"Isa2BrokenLink", "Maranget et al.",
   {[] { x.store(1, rlx); y.store(1, rel); },
    [] { r[0] = y.load(rlx); z.store(1, rel); },
    [] { r[1] = z.load(acq); r[2] = x.load(rlx); }},
   3, "", "110", kAllowed, "000 001 010 011 100 101 110 111"},
  {"Isa2Fences", "[atomics.fences]/2, transitively",
   {[] { x.store(1, rlx); Fence(rel); y.store(1, rlx); },
    [] { r[0] = y.load(rlx); Fence(acq_rel); z.store(1, rlx); },
    [] { r[1] = z.load(rlx); Fence(acq); r[2] = x.load(rlx); }},
   3, "", "110", kForbidden, "000 001 010 011 100 101 111"},
  {"IriwAcquire", "Boehm and Adve, PLDI 2008; P0668",
   {[] { x.store(1, rel); }, [] { y.store(1, rel); },
    [] { r[0] = x.load(acq); r[1] = y.load(acq); },
    [] { r[2] = y.load(acq); r[3] = x.load(acq); }},
   4, "", "1010", kAllowed,
   "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1010 1011 1100 1101 1110 "
   "1111"},
  {"IriwSeqCstFences", "P0668; RC11",
   {[] { x.store(1, rlx); }, [] { y.store(1, rlx); },
    [] { r[0] = x.load(rlx); Fence(sc); r[1] = y.load(rlx); },
    [] { r[2] = y.load(rlx); Fence(sc); r[3] = x.load(rlx); }},
   4, "", "1010", kForbidden,
   "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1011 1100 1101 1110 "
   "1111"},
  {"RwcReleaseAcquire", "RC11",
   {[] { x.store(1, rel); }, [] { r[0] = x.load(acq); r[1] = y.load(acq); },
    [] { y.store(1, rel); r[2] = x.load(acq); }},
   3, "", "100", kAllowed, "000 001 010 011 100 101 110 111"},
  {"RwcSeqCstFences", "P0668: fences restore it even through a plain read",
   {[] { x.store(1, rlx); },
    [] { r[0] = x.load(rlx); Fence(sc); r[1] = y.load(rlx); },
    [] { y.store(1, rlx); Fence(sc); r[2] = x.load(rlx); }},
   3, "", "100", kForbidden, "000 001 010 011 101 110 111"},
  {"WRwcSeqCstFences", "RC11",
   {[] { x.store(1, rlx); z.store(1, rel); },
    [] { r[0] = z.load(acq); Fence(sc); r[1] = y.load(rlx); },
    [] { y.store(1, rlx); Fence(sc); r[2] = x.load(rlx); }},
   3, "", "100", kForbidden, "000 001 010 011 101 110 111"},
  {"WwcRelaxed", "Herding Cats",
   {[] { x.store(2, rlx); }, [] { r[0] = x.load(rlx); y.store(1, rlx); },
    [] { r[1] = y.load(rlx); x.store(1, rlx); }},
   2, "x", "212", kAllowed, "001 002 011 012 101 102 201 202 211 212"},
  {"WwcReleaseAcquire", "[intro.races]/15, transitively",
   {[] { x.store(2, rlx); }, [] { r[0] = x.load(acq); y.store(1, rel); },
    [] { r[1] = y.load(acq); x.store(1, rlx); }},
   2, "x", "212", kForbidden, "001 002 011 012 101 102 201 202 211"},

  // ---- Release sequences
  {"ReleaseSequenceThroughRmw", "[intro.races]/5",
   {[] { x.store(1, rlx); y.store(1, rel); }, [] { y.fetch_add(1, rlx); },
    [] { r[0] = y.load(acq); r[1] = x.load(rlx); }},
   2, "", "20", kForbidden, "00 01 10 11 21"},
  {"ReleaseSequenceThroughTwoRmws", "[intro.races]/5",
   {[] { x.store(1, rlx); y.store(1, rel); },
    [] { y.fetch_add(1, rlx); y.fetch_add(1, rlx); },
    [] { r[0] = y.load(acq); r[1] = x.load(rlx); }},
   2, "", "30", kForbidden, "00 01 10 11 20 21 31"},
  {"ReleaseSequenceThroughCas", "[intro.races]/5",
   {[] { x.store(1, rlx); y.store(1, rel); }, [] { Swap(y, 1, 2, rlx, rlx); },
    [] { r[0] = y.load(acq); r[1] = x.load(rlx); }},
   2, "", "20", kForbidden, "00 01 11 21"},
  {"ReleaseSequenceEndsAtOwnStore", "P0982",
   {[] { x.store(1, rlx); y.store(1, rel); y.store(2, rlx); },
    [] { r[0] = y.load(acq); r[1] = x.load(rlx); }},
   2, "", "20", kAllowed, "00 01 11 20 21"},
  {"ReleaseSequenceEndsAtOthersStore", "P0982; [intro.races]/5",
   {[] { x.store(1, rlx); y.store(1, rel); }, [] { y.store(2, rlx); },
    [] { r[0] = y.load(acq); r[1] = x.load(rlx); }},
   2, "", "20", kAllowed, "00 01 11 20 21"},

  // ---- Read-modify-writes
  {"RmwIsAtomic", "[atomics.order]/10",
   {[] { r[0] = x.fetch_add(1, rlx); }, [] { r[1] = x.fetch_add(1, rlx); }},
   2, "x", "001", kForbidden, "012 102"},
  {"ExchangeGivesEachValueOnce", "[atomics.order]/10",
   {[] { r[0] = x.exchange(1, rlx); }, [] { r[1] = x.exchange(2, rlx); }},
   2, "x", "001", kForbidden, "012 201"},
  {"NoStoreBetweenRmwHalves", "[atomics.order]/10",
   {[] { r[0] = x.fetch_add(1, rlx); }, [] { x.store(5, rlx); }},
   1, "x", "01", kForbidden, "05 56"},
  {"CasHasOneWinner", "[atomics.order]/10",
   {[] { r[0] = Swap(x, 0, 1, rlx, rlx) ? 1 : 0; },
    [] { r[1] = Swap(x, 0, 2, rlx, rlx) ? 1 : 0; }},
   2, "", "11", kForbidden, "01 10"},
  {"CasFailsOnStaleValue", "[atomics.types.operations]: a failure is a load",
   {[] { x.store(1, rlx); y.store(1, rlx); },
    [] { r[0] = y.load(rlx); Swap(x, 5, 6, rlx, rlx, &r[1]); }},
   2, "", "10", kAllowed, "00 01 10 11"},
  {"CasFailureMayAcquire", "[atomics.types.operations]: order of failure",
   {[] { x.store(1, rlx); y.store(1, rel); },
    [] { Swap(y, 5, 6, rlx, acq, &r[0]); r[1] = x.load(rlx); }},
   2, "", "10", kForbidden, "00 01 11"},
  {"CasFailureIsNotSuccess", "[atomics.types.operations]: order of failure",
   {[] { x.store(1, rlx); y.store(1, rel); },
    [] { Swap(y, 5, 6, acq, rlx, &r[0]); r[1] = x.load(rlx); }},
   2, "", "10", kAllowed, "00 01 10 11"},
  {"WeakCasFailsSpuriously", "[atomics.types.operations]",
   {[] { std::uint64_t expected = 0;
         r[0] = machine::CompareExchange(reinterpret_cast<std::uint64_t*>(&x),
                    expected, std::uint64_t{1}, rlx, rlx,
                    machine::Site(__FILE__, __LINE__), true) ? 1 : 0; }},
   1, "x", "00", kAllowed, "00 11"},
  {"StrongCasDoesNot", "[atomics.types.operations]",
   {[] { r[0] = Swap(x, 0, 1, rlx, rlx) ? 1 : 0; }},
   1, "x", "00", kForbidden, "11"},

  // ---- Idioms of this library
  {"SeqlockWriterNeedsFence", "Boehm: an acq_rel RMW does not do",
   {[] { x.exchange(1, acq_rel); y.store(1, rlx); },
    [] { r[0] = y.load(rlx); Fence(acq); r[1] = x.load(rlx); }},
   2, "", "10", kAllowed, "00 01 10 11"},
  {"SeqlockWriterWithFence", "Boehm",
   {[] { x.store(1, rlx); Fence(rel); y.store(1, rlx); },
    [] { r[0] = y.load(rlx); Fence(acq); r[1] = x.load(rlx); }},
   2, "", "10", kForbidden, "00 01 11"},
  {"WaiterAndWaker", "[atomics.order]/4: announce, fence, look, on both sides",
   {[] { x.store(1, rel); Fence(sc); r[0] = y.load(rlx); },
    [] { Swap(y, 0, 1, rlx, rlx); Fence(sc); r[1] = x.load(acq); }},
   2, "", "00", kForbidden, "01 10 11"},
  };
  // clang-format on
  return all;
}

class LitmusTest : public testing::TestWithParam<Litmus> {};

Report ExploreLitmus(const Litmus& litmus, bool cache,
                     std::uint64_t walks = 0) {
  Program program;
  program.set_up = [] {
    x = y = z = Word(0);
    r = {};
  };
  for (const auto& thread : litmus.threads) {
    program.threads.push_back(
        {"T" + std::to_string(program.threads.size()), thread});
  }
  program.finish = [&litmus] {
    std::string outcome;
    for (int i = 0; i < litmus.registers; ++i) {
      outcome += std::to_string(r[static_cast<std::size_t>(i)]);
    }
    for (const char* which = litmus.memory; *which != 0; ++which) {
      const Word& word = *which == 'x' ? x : *which == 'y' ? y : z;
      outcome += std::to_string(word.load(rlx));
    }
    See(outcome);
  };
  Options options;
  options.cache = cache;
  options.search = walks == 0;
  options.walks = walks;
  return Explore(program, options);
}

std::string Joined(const std::set<std::string>& outcomes) {
  std::string all;
  for (const std::string& outcome : outcomes) {
    if (!all.empty()) all += ' ';
    all += outcome;
  }
  return all;
}

// Catches a model that is too strong (an allowed outcome is missing), too weak
// (a forbidden one appears), or whose cache drops states that differ.
TEST_P(LitmusTest, OutcomesAreExactlyThoseKnown) {
  const Litmus& litmus = GetParam();
  const Report cached = ExploreLitmus(litmus, true);
  const Report uncached = ExploreLitmus(litmus, false);
  EXPECT_FALSE(cached.has_failed) << cached.failure;
  EXPECT_TRUE(cached.is_complete && uncached.is_complete);
  EXPECT_EQ(cached.seen.contains(litmus.outcome), litmus.verdict == kAllowed)
      << litmus.outcome << ", " << litmus.source;
  EXPECT_EQ(Joined(cached.seen), litmus.all) << litmus.source;
  EXPECT_EQ(Joined(cached.seen), Joined(uncached.seen));
  EXPECT_LE(cached.executions, uncached.executions);
  // Random walks know no cache and no order of search.
  const Report random = ExploreLitmus(litmus, false, /*walks=*/500);
  EXPECT_TRUE(std::includes(cached.seen.begin(), cached.seen.end(),
                            random.seen.begin(), random.seen.end()))
      << Joined(random.seen);
  std::printf("%s: %s is %s (%s); %llu executions, without cache %llu\n",
              litmus.name, litmus.outcome,
              litmus.verdict == kAllowed ? "allowed" : "forbidden",
              litmus.source, static_cast<unsigned long long>(cached.executions),
              static_cast<unsigned long long>(uncached.executions));
}

// Catches a set that shrinks, or that only ever forbids or only ever allows.
TEST(LitmusSetTest, HasFortyAndBothDirections) {
  const std::vector<Litmus>& all = AllLitmus();
  const auto allowed = std::count_if(
      all.begin(), all.end(),
      [](const Litmus& litmus) { return litmus.verdict == kAllowed; });
  EXPECT_GE(all.size(), 40u);
  EXPECT_GE(allowed, 20);
  EXPECT_GE(static_cast<std::ptrdiff_t>(all.size()) - allowed, 20);
}

INSTANTIATE_TEST_SUITE_P(Known, LitmusTest, testing::ValuesIn(AllLitmus()),
                         [](const testing::TestParamInfo<Litmus>& test) {
                           return std::string(test.param.name);
                         });

}  // namespace
}  // namespace placid::model
