// SPDX-License-Identifier: Apache-2.0
#include "cli/input_output.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "cli/outcome.h"
#include "cli/system.h"
#include "cli/text.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/segment/segment.h"

namespace placid::cli {
namespace {

Outcome CannotOpen(const std::string& file, const Error& error) {
  return InputOutput(Concat("cannot open '", file, "'"), error);
}

}  // namespace

OrOutcome<File> OpenInput(const std::string& file) {
  if (IsStandard(file)) return File::StandardInput();
  auto opened = File::OpenToRead(file);
  if (!opened) return CannotOpen(file, opened.error());
  return *std::move(opened);
}

OrOutcome<File> OpenOutput(const std::string& file) {
  if (IsStandard(file)) return File::StandardOutput();
  auto opened = File::OpenToWrite(file);
  if (!opened) return CannotOpen(file, opened.error());
  return *std::move(opened);
}

Result<void> WriteAll(File& output, std::span<const std::byte> from) {
  while (!from.empty()) {
    const auto written = output.Write(from);
    if (written) {
      from = from.subspan(*written);
    } else if (written.error().code != ErrorCode::kBusy || WasInterrupted()) {
      return written.error();
    }
  }
  return Ok();
}

std::optional<Outcome> RefuseLong(const os::Name& name) {
  if (name.text().size() <= Segment::kMostNameBytes) return std::nullopt;
  return Outcome{ExitCode::kUsage,
                 Concat("'", name.text(), "' is too long: use at most ",
                        Segment::kMostNameBytes, " letters")};
}

Outcome CannotHave(const os::Name& name, const Error& error) {
  switch (error.code) {
    case ErrorCode::kNoSpace:
    case ErrorCode::kSystem:
      return InputOutput("cannot make the shared memory", error);
    case ErrorCode::kTimedOut:
      return {ExitCode::kNameInUse,
              Concat("'", name.text(),
                     "' is being made or removed by another process, which "
                     "does not go on: end that one, or choose another name")};
    default: break;
  }
  return {ExitCode::kNameInUse,
          Concat("'", name.text(),
                 "' is the name of something else in shared memory (",
                 ToString(error.code),
                 "), which was left alone: choose another name")};
}

}  // namespace placid::cli
