// SPDX-License-Identifier: Apache-2.0
//
// What the commands that move bytes do with FILE, and with shared memory that
// they cannot have.
#ifndef PLACID_SRC_CLI_INPUT_OUTPUT_H_
#define PLACID_SRC_CLI_INPUT_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "cli/outcome.h"
#include "cli/system.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"

namespace placid::cli {

// Whether FILE means standard input or output.
[[nodiscard]] inline bool IsStandard(const std::string& file) {
  return file.empty() || file == "-";
}

OrOutcome<File> OpenInput(const std::string& file);
// Leaves what is in the file.
OrOutcome<File> OpenOutput(const std::string& file);

// All of it. Errors: kBusy (interrupted), kSystem.
Result<void> WriteAll(File& output, std::span<const std::byte> from);

// How long to wait for others who make or remove a segment: none of them waits
// for anybody, but a loaded machine may let one wait.
inline constexpr std::int64_t kSegmentWaitMs = 5000;

// A segment's name has less room than others: why it is none, if so.
[[nodiscard]] std::optional<Outcome> RefuseLong(const os::Name& name);
// Why a segment of that name cannot be had.
[[nodiscard]] Outcome CannotHave(const os::Name& name, const Error& error);

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_INPUT_OUTPUT_H_
