// SPDX-License-Identifier: Apache-2.0
#include "cli/demo.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "cli/demo_stage.h"
#include "cli/outcome.h"
#include "cli/system.h"
#include "cli/text.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/process.h"

namespace placid::cli {
namespace {

// A helper that spins must not outlive a demo that was killed. It ends as by
// Ctrl-C: one that has joined a stream leaves it.
void EndWithParent(std::uint64_t pid) {
  auto watch = os::IdentifyProcess(pid).and_then(os::ProcessWatch::Open);
  if (!watch && watch.error().code != ErrorCode::kNotFound) return;
  std::thread([watch = std::move(watch)]() mutable {
    BlockInterruptionsHere();
    constexpr std::int64_t kSliceMs = 1000;
    while (watch && watch->WaitForDeath(kSliceMs) != os::Liveness::kDead) {
    }
    Terminate();
  }).detach();
}

// As one would type it here.
std::string Command() {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path path = OwnProgram();
  const fs::path near = fs::proximate(path, error);
  const bool is_below = !error && *near.begin() != "..";
  return is_below ? near.string() : path.string();
}

void PrintNextSteps() {
  const std::string command = Command();
  PrintLine(Concat("\nTry it yourself, in two terminals:\n  ", command,
                   " receive films > copy.mkv\n  ", command,
                   " send films < film.mkv"));
  PrintLine(
      "Then read:\n"
      "  README.md                 15 lines to put a ring into your program\n"
      "  docs/cli.md               what this program does, and its exit codes\n"
      "  include/placid/README.md  the library, from the bottom up");
}

}  // namespace

Outcome RunDemo(const DemoOptions& options) {
  struct Act {
    const char* key;
    const char* title;
    std::function<void(Stage&)> show;
  };
  const std::array acts = {
      Act{"tree", "A directory tree, as a tar stream between two processes",
          [&](Stage& stage) { ShowTree(stage, options.tree); }},
      Act{"rings", "A ring, beside a pipe and a Unix socket", ShowRings},
      Act{"readers", "One writer, ten readers: a seqlock", ShowReaders},
      Act{"death", "The writer dies, the readers go on", ShowDeath},
  };
  SurviveBrokenPipes();  // helpers may die
  const auto start = std::chrono::steady_clock::now();
  Json json;
  bool is_verified = true;
  int number = 0;
  for (const Act& act : acts) {
    Stage stage(options.is_json);
    if (++number > 1) stage.Print("");
    stage.Print(Concat(number, "  ", act.title));
    act.show(stage);
    stage.facts["verified"] = stage.is_verified();
    is_verified = is_verified && stage.is_verified();
    json[act.key] = std::move(stage.facts);
  }
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  json["seconds"] = seconds.count();
  json["verified"] = is_verified;
  if (options.is_json) {
    PrintLine(json.dump(2));
  } else {
    PrintLine(Concat(
        "\n", is_verified ? "All of it was verified" : "NOT all of it is true",
        ", in ", FormatSeconds(seconds.count()), "."));
    PrintNextSteps();
  }
  return is_verified ? Outcome{}
                     : Outcome{ExitCode::kDamaged,
                               "something the demo claims is not so here"};
}

int RunDemoHelper(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return static_cast<int>(ExitCode::kUsage);
  const std::uint64_t parent = std::strtoull(arguments[0].c_str(), nullptr, 10);
  if (parent != 0) EndWithParent(parent);
  const std::vector<std::string> role(arguments.begin() + 1, arguments.end());
  for (const auto help : {HelpTree, HelpRings, HelpReaders}) {
    if (const auto exit_code = help(role)) return *exit_code;
  }
  return static_cast<int>(ExitCode::kUsage);
}

}  // namespace placid::cli
