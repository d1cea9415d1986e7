// SPDX-License-Identifier: Apache-2.0
//
// What the system says of itself to `placid doctor`, by calls; what it says in
// files is read by the doctor. Each system's part stands in system_<it>.cc.
#ifndef PLACID_SRC_CLI_SYSTEM_FACTS_H_
#define PLACID_SRC_CLI_SYSTEM_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace placid::cli {

// Where named objects lie.
struct PlaceFacts {
  std::string directory;
  std::int32_t error = 0;  // of looking there; then the rest means nothing
  bool is_in_memory = true;
  bool is_read_only = false;
  bool is_open_to_us = true;  // to list, to make and to remove
  std::uint32_t mode = 0;
  std::uint64_t total_bytes = 0;  // 0: without a limit
  std::uint64_t free_bytes = 0;
  std::uint64_t total_files = 0;  // 0: without a limit
  std::uint64_t free_files = 0;
};

// A system call that Placid relies on. The order is the report's.
struct CallFacts {
  std::string name;
  std::int32_t error = 0;  // 0: it does what it should
  std::string without;     // what is so without it
};

inline constexpr std::uint64_t kUnlimited = UINT64_MAX;

struct SystemFacts {
  std::uint64_t user = 0;
  std::optional<PlaceFacts> place;
  // As they hold for this process; nullopt: there is no such limit here.
  std::optional<std::uint64_t> open_files;
  std::optional<std::uint64_t> locked_bytes;
  std::optional<std::uint64_t> core_bytes;
  std::optional<std::uint64_t> file_bytes;
  std::optional<std::uint64_t> address_bytes;
  std::vector<CallFacts> calls;
  bool has_proc = false;  // a system whose /proc Placid reads
  // What cannot be asked here, in sentences.
  std::vector<std::string> unasked;
};

[[nodiscard]] SystemFacts AskSystem();

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_SYSTEM_FACTS_H_
