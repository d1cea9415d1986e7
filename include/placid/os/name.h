// SPDX-License-Identifier: Apache-2.0
//
// Name: what a shared object is called, checked once, the same on every system.
#ifndef PLACID_OS_NAME_H_
#define PLACID_OS_NAME_H_

#include <array>
#include <cstddef>
#include <string_view>

#include "placid/base/platform.h"
#include "placid/base/result.h"

namespace placid::os {

class PLACID_API Name {
 public:
  // Leaves room for our prefix and suffixes below the shortest limit of the
  // systems we know (NAME_MAX is 255).
  static constexpr std::size_t kMaxBytes = 180;

  // A portable name: 1 to kMaxBytes of [A-Za-z0-9._-], not beginning with a
  // dot. Errors: kInvalidArgument, which says what is wrong (empty, too long,
  // or which byte) and names Sanitize.
  static Result<Name> Parse(std::string_view text);

  // Any text of at least one byte: a byte that Parse would refuse becomes '_',
  // the text is cut to fit, and, where anything was changed, "-" and 16
  // hexadecimal digits of a hash of the original follow, so that two texts
  // never meet in one name by being sanitised. What Parse accepts is unchanged.
  static Result<Name> Sanitize(std::string_view text);

  // An exact foreign name, given to the system as it is: "/frames" of a program
  // that calls shm_open, "Global\\frames" on Windows. No prefix, no hash, no
  // check but for empty, too long and zero bytes. What can be done with such an
  // object: docs/foreign_objects.md.
  static Result<Name> Raw(std::string_view text);

  [[nodiscard]] std::string_view text() const { return {bytes_.data(), size_}; }
  [[nodiscard]] bool is_raw() const { return is_raw_; }

  friend bool operator==(const Name& a, const Name& b) {
    return a.is_raw_ == b.is_raw_ && a.text() == b.text();
  }

 private:
  Name(std::string_view text, bool is_raw);

  std::array<char, kMaxBytes + 1> bytes_{};
  std::size_t size_ = 0;
  bool is_raw_ = false;
};

}  // namespace placid::os

#endif  // PLACID_OS_NAME_H_
