// SPDX-License-Identifier: Apache-2.0
#include "cli/demo_stage.h"

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "cli/outcome.h"
#include "cli/system.h"
#include "cli/text.h"
#include "placid/base/result.h"
#include "placid/os/process.h"

namespace placid::cli {

void Stage::Print(std::string_view line) const {
  if (!is_silent_) PrintLine(line);
}

void Stage::Fail(std::string_view why) {
  is_verified_ = false;
  facts["failures"].push_back(std::string(why));
  Print(Concat("   NOT VERIFIED: ", why));
}

std::vector<std::string> HelperArguments(std::vector<std::string> role) {
  const auto self = os::ThisProcess();
  role.insert(role.begin(),
              {"demo-helper", std::to_string(self ? self->pid : 0)});
  return role;
}

Result<Helper> Helper::Start(std::vector<std::string> role, const File* input) {
  auto pipe = File::MakePipe();
  if (!pipe) return pipe.error();
  auto child =
      Child::Start(HelperArguments(std::move(role)), input, &pipe->second);
  if (!child) return child.error();
  return Helper(*std::move(child), std::move(pipe->first));
}

std::optional<std::string> Helper::ReadLine() {
  for (;;) {
    if (const auto end = unread_.find('\n'); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    std::array<std::byte, 4096> buffer;
    const std::size_t n = output_.Read(buffer).value_or(0);
    if (n == 0) return std::nullopt;
    unread_.append(reinterpret_cast<const char*>(buffer.data()), n);
  }
}

bool Helper::Listen() {
  while (auto line = ReadLine()) last_line_ = *std::move(line);
  return !last_line_.empty();
}

Json Helper::Report() {
  Listen();
  Json report = Json::parse(last_line_, nullptr, /*allow_exceptions=*/false);
  const bool ended_well = child_.Wait();
  return ended_well && report.is_object() ? report : Json();
}

std::pair<Json, Json> Helper::Reports(Helper& one, Helper& other) {
  std::thread listener([&] {
    if (!one.Listen()) other.child_.Kill();
  });
  if (!other.Listen()) one.child_.Kill();
  listener.join();
  return {one.Report(), other.Report()};
}

void PrintLine(std::string_view line) {
  std::fputs(Concat(line, "\n").c_str(), stdout);
  if (std::fflush(stdout) == 0) return;
  PrintMessage("demo", "cannot write the output");
  std::_Exit(static_cast<int>(ExitCode::kInputOutput));
}

}  // namespace placid::cli
