// SPDX-License-Identifier: Apache-2.0
//
// What `placid doctor` asks of a machine, and what it concludes. Asking and
// concluding are apart, so that a test can plant any machine.
#ifndef PLACID_SRC_CLI_DOCTOR_H_
#define PLACID_SRC_CLI_DOCTOR_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/system_facts.h"

namespace placid::cli {

enum class Verdict : std::uint8_t { kOk, kNote, kTrouble };

struct Check {
  std::string name;
  Verdict verdict = Verdict::kOk;
  std::string found;
  std::string meaning;  // for Placid; empty where all is well
  std::string advice;
};

// What lies in shared memory, as far as it concerns the machine.
struct Leftovers {
  std::uint64_t orphans = 0;
  std::uint64_t bytes = 0;
};

struct Machine {
  SystemFacts system;
  // The text of a file such as "/proc/self/mounts"; nullopt: it cannot be read.
  std::function<std::optional<std::string>(const std::string& path)> read;
  // The files of a folder, in order; empty where there is none.
  std::function<std::vector<std::string>(const std::string& folder)> list;
  std::optional<Leftovers> leftovers;  // nullopt: cannot be listed
  std::string trial_error;  // of a small named object; empty: it went well
};

[[nodiscard]] std::vector<Check> Diagnose(const Machine& machine);

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_DOCTOR_H_
