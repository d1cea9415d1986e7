// SPDX-License-Identifier: Apache-2.0
//
// Stage: the memory that all processes of a play share, and images of it.
#ifndef PLACID_TESTS_CRASH_STAGE_H_
#define PLACID_TESTS_CRASH_STAGE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/crash/play.h"

namespace placid::crash {

// All that survives a death, and how it came about.
struct Image {
  // Of the victim and the second party.
  struct Way {
    std::size_t step = 0;    // how far the victim had come
    std::uint64_t pc = 0;    // of the instruction that made the image
    std::size_t from = 0;    // the step before which the second party acted ...
    int advanced = 0;        // ... and how often
    std::uint64_t seen = 0;  // hash of the object as the second party saw it
  };
  std::vector<std::byte> object;
  Ledger::Copy ledger;
  Way way;

  // The object and the ledger, as one string.
  [[nodiscard]] std::string Key() const;
};

// What differs between two images of one object, in words, for a report.
std::string Difference(const std::vector<std::byte>& before,
                       const std::vector<std::byte>& after);

class Stage {
 public:
  static constexpr std::size_t kMostBytes = 1 << 16;

  static Stage& Get();

  // Where the object lies for the victim and the second party, and for their
  // successors: the same pages twice.
  [[nodiscard]] Bytes Here() const { return {here_, bytes_}; }
  [[nodiscard]] Bytes There() const { return {there_, bytes_}; }

  // Zeroes all: an object of that many bytes, an empty ledger.
  void Clear(std::size_t bytes);
  [[nodiscard]] Image Save() const;
  void Restore(const Image& image);
  // Whether the object or the ledger has changed since.
  [[nodiscard]] bool HasChangedSince(const Image& image) const;

  // The pages of both.
  [[nodiscard]] Bytes Pages() const { return {here_, 2 * kMostBytes}; }

  Ledger& ledger() { return ledger_; }

  // What one process tells the stage.
  struct Control {
    std::atomic<std::uint32_t> has_ended;  // the victim's Act has returned
    std::array<char, 500> verdict;
  };
  Control& control() { return *control_; }

  bool is_soaking = false;
  bool is_in_child = false;

 private:
  Stage();

  std::size_t bytes_ = 0;
  std::byte* here_;
  std::byte* there_;
  Control* control_;
  Ledger ledger_;
};

}  // namespace placid::crash

#endif  // PLACID_TESTS_CRASH_STAGE_H_
