// SPDX-License-Identifier: Apache-2.0
//
// Outcome: how a command ended, for the shell and for the person before it.
#ifndef PLACID_SRC_CLI_OUTCOME_H_
#define PLACID_SRC_CLI_OUTCOME_H_

#include <string>
#include <utility>
#include <variant>

namespace placid::cli {

// Part of the program's interface: docs/cli.md and --help list them.
enum class ExitCode : int {
  kOk = 0,
  kInternal = 1,     // a fault of the program's own
  kUsage = 2,        // arguments that make no sense
  kNameInUse = 3,    // somebody else sends or receives, or another thing has
                     // that name
  kPeerDied = 4,     // the other side was killed
  kDamaged = 5,      // the checksums differ, or the ring contradicts itself
  kInputOutput = 6,  // reading, writing or the shared memory failed
  kInterrupted = 7,  // by a signal
  kPeerGaveUp = 8,   // the other side ended early and said so
  kTrouble = 9,      // clean: something is left; doctor: something is wrong
  kLost = 10,        // watch: it was lapped, and has not seen everything
};

struct Outcome {
  ExitCode code = ExitCode::kOk;
  std::string message;  // for standard error, without the program's name

  [[nodiscard]] bool is_ok() const { return code == ExitCode::kOk; }
};

// A value, or the outcome that ends the command.
template <typename T>
class OrOutcome {
 public:
  OrOutcome(T value)  // NOLINT: reads as Result<T> does
      : state_(std::in_place_index<0>, std::move(value)) {}
  OrOutcome(Outcome outcome)  // NOLINT
      : state_(std::in_place_index<1>, std::move(outcome)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  [[nodiscard]] const Outcome& outcome() const { return std::get<1>(state_); }

 private:
  std::variant<T, Outcome> state_;
};

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_OUTCOME_H_
