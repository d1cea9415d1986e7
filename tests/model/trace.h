// SPDX-License-Identifier: Apache-2.0
//
// Trace: what happened in one execution, in words that lead back to the source.
#ifndef PLACID_TESTS_MODEL_TRACE_H_
#define PLACID_TESTS_MODEL_TRACE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/model/program.h"

namespace placid::model {

struct Event {
  int thread;
  const char* what;          // "load", "dies", ...
  const void* at = nullptr;  // which word; null: none
  bool has_value = false;
  std::uint64_t value = 0;  // read, or written
  bool has_old = false;
  std::uint64_t old = 0;    // what an RMW replaced
  const char* remark = "";  // "stale", ...
  int site = -1;
  int order = -1;  // a MemoryOrder as it was obeyed
};

class Trace {
 public:
  void Clear() { events_.clear(); }
  void Add(const Event& event) { events_.push_back(event); }
  [[nodiscard]] std::size_t size() const { return events_.size(); }

  // One line an event:
  //   7  consumer   load    tail      = 1  acquire  publish (acquire) file:line
  [[nodiscard]] std::string ToString(const Program& program) const;

 private:
  std::vector<Event> events_;
};

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_TRACE_H_
