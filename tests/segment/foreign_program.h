// SPDX-License-Identifier: Apache-2.0
//
// ForeignProgram: somebody who knows nothing of us and makes an object under an
// exact name, by the system's own calls.
#ifndef PLACID_TESTS_SEGMENT_FOREIGN_PROGRAM_H_
#define PLACID_TESTS_SEGMENT_FOREIGN_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "placid/os/shared_object.h"

namespace placid::testing {

class ForeignProgram {
 public:
  explicit ForeignProgram(std::size_t size_bytes);
  ForeignProgram(const ForeignProgram&) = delete;
  ForeignProgram& operator=(const ForeignProgram&) = delete;
  ~ForeignProgram();

  // As it gave it to the system.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

  // Whether it can still open what it made by that name.
  [[nodiscard]] bool CanBeOpened() const;

 private:
  std::string name_;
  os::NativeHandle handle_ = os::kNoHandle;
  std::span<std::byte> bytes_;
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_SEGMENT_FOREIGN_PROGRAM_H_
