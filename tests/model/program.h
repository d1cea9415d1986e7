// SPDX-License-Identifier: Apache-2.0
//
// Program: what the checker explores, and what its threads may say to it.
//
//   Program program;
//   program.set_up = [] { shared = {}; };        // on the real bytes
//   program.threads = {{"writer", Write}, {"reader", Read}};
//   program.finish = [] { Check(...); };         // on the real bytes again
//
// Set-up and finish run outside of the model, once in each execution: they may
// do anything. The threads must be deterministic apart from what they read
// through the machine, must not own heap memory across a step, and must end.
// finish may look at what each thread noted for itself, not at the order in
// time in which two threads noted it: equal states are visited once.
#ifndef PLACID_TESTS_MODEL_PROGRAM_H_
#define PLACID_TESTS_MODEL_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/model/machine.h"

namespace placid::model {

struct ThreadSpec {
  std::string name;
  std::function<void()> run;
  bool can_die = false;  // before any of its steps, if Options::deaths allows
};

struct Program {
  std::function<void()> set_up = [] {};
  std::vector<ThreadSpec> threads;
  std::function<void()> finish = [] {};
  // Names for traces: [from, from + bytes) is shown as name+offset.
  struct Region {
    std::string name;
    const void* from;
    std::size_t bytes;
  };
  std::vector<Region> regions;
};

// ---- For threads ------------------------------------------------------------

// In a thread or in finish: the execution fails, and its trace is printed.
void Check(bool holds, const char* claim);

// Notes that this happened in some execution. Tests list what must be seen.
void See(std::string what);

// After an operation of the type under test that did something: reports say how
// many a thread did.
void CountOperation();

// In a polling loop, after a fruitless look: goes on once some other thread has
// stored something or, if all wait, with the newest values in sight. A program
// in which that helps nobody is stuck, and fails.
void Pause();

// Waits until a thread has ended or died; true if it died. This is the kernel's
// word, the one edge that a recoverer gets from the dead: all that it did
// happened before.
bool AwaitEnd(int thread);

// As AwaitEnd, but on hearsay: no edge. For proofs of death that came some
// other way than through the kernel.
bool AwaitEndUnordered(int thread);

// The kernel's futex on a modelled word. Sleep returns false if the word was
// not `expected`. Wake wakes at most so many of those who sleep by one of these
// bits, any of them in any order, and returns how many. Of all that its waker
// has seen, who is woken has seen that word, and no other.
bool Sleep(const void* word, std::size_t bytes, std::uint64_t expected,
           std::uint32_t bits = UINT32_MAX);
int Wake(const void* word, int most, std::uint32_t bits = UINT32_MAX);
// Adds 1 to a word of 32 bits and wakes at most so many, in one step:
// FUTEX_WAKE_OP.
int BumpAndWake(void* word, int most);

// The kernel has others (bit i: thread i) do a full fence each before their next
// step, one after the other: membarrier.
void FenceOthers(std::uint32_t threads);

// Says that what the calling thread does from here on depends on these values
// alone (and on shared memory), so that two histories which led to equal values
// (to equal bytes) count as one state. Leave anything out and executions are
// lost unseen; the values must include what finish will look at.
void SummariseBytes(const void* data, std::size_t bytes, bool is_first);
template <typename... Values>
void Summarise(const Values&... values) {
  bool is_first = true;
  const auto add = [&](const auto& value) {
    SummariseBytes(&value, sizeof(value), is_first);
    is_first = false;
  };
  (add(values), ...);
}

// Draws from the execution: 0 to count - 1, all of them explored.
int ChooseOne(int count);

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_PROGRAM_H_
