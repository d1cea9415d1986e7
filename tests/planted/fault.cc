// SPDX-License-Identifier: Apache-2.0
//
// fault KIND: does what a sanitizer must notice, so that its silence elsewhere
// means something.
//
//   race      a plain value handed over by a relaxed store instead of a release
//   overflow  a byte read behind an array on the heap
//   shift     a shift by more than a word has bits
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <thread>
#include <vector>

#include "placid/base/atomic.h"

namespace {

using placid::Atomic;
using placid::kAcquire;
using placid::kRelaxed;

std::uint64_t Race() {
  Atomic<std::uint32_t> is_ready{0};
  std::uint64_t value = 0;
  std::thread writer([&] {
    value = 7;
    is_ready.store(1, kRelaxed);  // sync: none, the fault
  });
  while (is_ready.load(kAcquire) == 0) std::this_thread::yield();
  const std::uint64_t seen = value;
  writer.join();
  return seen;
}

std::uint64_t Overflow(std::size_t by) {
  const std::vector<char> bytes(16);
  return static_cast<std::uint64_t>(bytes.data()[bytes.size() + by]);
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view kind = count == 2 ? arguments[1] : "";
  std::uint64_t result = 0;
  if (kind == "race") result = Race();
  if (kind == "overflow") {
    result = Overflow(static_cast<std::size_t>(count) - 2);
  }
  if (kind == "shift") result = std::uint64_t{1} << (62 + count);
  std::printf("went unnoticed: %llu\n",
              static_cast<unsigned long long>(result));
  return 0;
}
