// SPDX-License-Identifier: Apache-2.0
//
// GuardedBytes: zeroed memory between two pages that nobody may touch, so that
// one byte read or written before or behind it ends the test.
#ifndef PLACID_TESTS_SUPPORT_GUARDED_BYTES_H_
#define PLACID_TESTS_SUPPORT_GUARDED_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace placid::testing {

class GuardedBytes {
 public:
  // The bytes begin on a multiple of `alignment`, a power of two no larger than
  // a page, and end as near to the guard behind them as that allows: right
  // before it where the size is a multiple of the alignment.
  explicit GuardedBytes(std::uint64_t size_bytes, std::size_t alignment = 128);
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  ~GuardedBytes();

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

  // What the pages allow from now on.
  void MakeReadOnly();
  void MakeWritable();

 private:
  std::span<std::byte> pages_;  // with both guards
  std::span<std::byte> inner_;  // without
  std::span<std::byte> bytes_;
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_SUPPORT_GUARDED_BYTES_H_
