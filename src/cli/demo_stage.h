// SPDX-License-Identifier: Apache-2.0
//
// What the acts of the demo have in common: a stage to print on, and helper
// processes of this same program that report in one line of JSON.
#ifndef PLACID_SRC_CLI_DEMO_STAGE_H_
#define PLACID_SRC_CLI_DEMO_STAGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/system.h"
#include "nlohmann/json.hpp"
#include "placid/base/result.h"

namespace placid::cli {

using Json = nlohmann::ordered_json;

// Where an act prints what it sees and notes it for --json.
class Stage {
 public:
  explicit Stage(bool is_silent) : is_silent_(is_silent) {}
  void Print(std::string_view line) const;
  // Remembers that a claim of the demo turned out false.
  void Fail(std::string_view why);

  [[nodiscard]] bool is_verified() const { return is_verified_; }
  Json facts;

 private:
  bool is_silent_;
  bool is_verified_ = true;
};

// The acts. They differ in name, and in nothing else for who calls them.
void ShowTree(Stage& stage, const std::string& tree);
void ShowRings(Stage& stage);
void ShowReaders(Stage& stage);
void ShowDeath(Stage& stage);

// What their helpers run. nullopt: no role of theirs.
std::optional<int> HelpTree(const std::vector<std::string>& arguments);
std::optional<int> HelpRings(const std::vector<std::string>& arguments);
std::optional<int> HelpReaders(const std::vector<std::string>& arguments);

// A helper process whose standard output we read.
class Helper {
 public:
  // `input` is its standard input.
  static Result<Helper> Start(std::vector<std::string> role,
                              const File* input = nullptr);

  // A line, without its end; nullopt once there is none to come.
  std::optional<std::string> ReadLine();
  // Waits for its last line and its end; null if that was no JSON, or it
  // failed.
  Json Report();
  // The reports of two that wait for each other: if one ends without a word,
  // the other is killed, or it might wait for ever.
  static std::pair<Json, Json> Reports(Helper& one, Helper& other);

  [[nodiscard]] std::uint64_t pid() const { return child_.pid(); }
  // Kills it and waits for its death.
  void Kill() {
    child_.Kill();
    child_.Wait();
  }

 private:
  Helper(Child child, File output)
      : child_(std::move(child)), output_(std::move(output)) {}
  // Reads to the last line; whether there was one.
  bool Listen();

  Child child_;
  File output_;
  std::string unread_;
  std::string last_line_;
};

// What starts a helper: the hidden command, who we are, and its role.
std::vector<std::string> HelperArguments(std::vector<std::string> role);

// To standard output, at once. Ends the program if nobody can read it.
void PrintLine(std::string_view line);
// A helper's side.
inline void PrintReport(const Json& report) { PrintLine(report.dump()); }

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_DEMO_STAGE_H_
