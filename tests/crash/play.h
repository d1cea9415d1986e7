// SPDX-License-Identifier: Apache-2.0
//
// Play: one operation of one type with its cast, which the stepper performs
// again and again, killing the victim at a different instruction each time.
//
//   process    runs, in this order
//   stage      SetUp; then Other, 0 to 3 times, while the victim stands still
//   victim     Prepare, freely; Act, one instruction at a time
//   recoverer  Recover, one instruction at a time, after the victim's death
//   checker    Check, freely, after the death of whoever was stepped
//
// A play keeps the roles it holds in its members. Each process is forked from
// the stage and so has a play of its own, as it stood at the fork: the second
// party that goes on in Check is the one that was there all the time.
#ifndef PLACID_TESTS_CRASH_PLAY_H_
#define PLACID_TESTS_CRASH_PLAY_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "placid/base/result.h"
#include "tests/crash/ledger.h"

namespace placid::crash {

using Bytes = std::span<std::byte>;

class Play {
 public:
  virtual ~Play() = default;

  // Makes the object in bytes that are all zero.
  virtual void SetUp(Bytes bytes) = 0;
  virtual void Prepare(Bytes) {}
  virtual void Act(Bytes bytes) = 0;
  // One operation of the second party. False: this play has none.
  virtual bool Other(Bytes) { return false; }
  // What a successor of the dead does. Its bytes, and those of Check, are the
  // same memory at another address.
  virtual void Recover(Bytes bytes) = 0;
  // Recovers, uses the object to its end and compares with the ledger. The
  // second party goes on, or is dead too.
  virtual void Check(Bytes bytes, bool is_other_dead) = 0;
};

struct Scenario {
  std::string type;
  std::string operation;  // and the state it starts from
  std::size_t bytes;      // of the object
  std::function<std::unique_ptr<Play>()> make;
};

// Every scenario that the *_crash.cc have registered.
std::vector<Scenario>& Scenarios();

// A file-scope constant in each *_crash.cc.
struct Registration {
  template <typename F>
  explicit Registration(F add_all) {
    add_all(Scenarios());
  }
};

// The ledger of the play that is on.
Ledger& Book();

// Whether the victim runs freely beside the second party instead of being
// stepped: readers may then find a writer too fast.
bool IsSoaking();

// Ends the check, or whatever else this process does, with this verdict.
[[noreturn]] void Fail(const std::string& what);

inline void Expect(bool is_true, const char* otherwise) {
  if (!is_true) [[unlikely]] {
    Fail(otherwise);
  }
}

// The value of a control-path call that must succeed.
template <typename T>
T Need(Result<T> result) {
  if (!result) Fail(result.error().Message().c_str());
  return *std::move(result);
}
inline void Need(Result<void> result) {
  if (!result) Fail(result.error().Message().c_str());
}

}  // namespace placid::crash

#endif  // PLACID_TESTS_CRASH_PLAY_H_
