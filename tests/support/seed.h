// SPDX-License-Identifier: Apache-2.0
//
// Seeds of stress tests: printed, and given again by PLACID_SEED.
#ifndef PLACID_TESTS_SUPPORT_SEED_H_
#define PLACID_TESTS_SUPPORT_SEED_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace placid::testing {

// PLACID_SEED if it is set, else a new one; prints it either way.
inline std::uint64_t DrawSeed() {
  std::uint64_t seed = std::random_device()();
  if (const char* given = std::getenv("PLACID_SEED")) {
    seed = std::strtoull(given, nullptr, 0);
  }
  std::printf("PLACID_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return seed;
}

}  // namespace placid::testing

#endif  // PLACID_TESTS_SUPPORT_SEED_H_
