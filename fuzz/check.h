// SPDX-License-Identifier: Apache-2.0
//
// PLACID_FUZZ_CHECK: a claim about the code under test. A false one aborts,
// which every fuzzer and test runner understands.
#ifndef PLACID_FUZZ_CHECK_H_
#define PLACID_FUZZ_CHECK_H_

#include <cstdio>
#include <cstdlib>

namespace placid::fuzz {

[[noreturn]] inline void Fail(const char* file, int line, const char* what) {
  std::fprintf(stderr, "%s:%d: violated: %s\n", file, line, what);
  std::abort();
}

}  // namespace placid::fuzz

#define PLACID_FUZZ_CHECK(condition)  \
  ((condition) ? static_cast<void>(0) \
               : ::placid::fuzz::Fail(__FILE__, __LINE__, #condition))

#endif  // PLACID_FUZZ_CHECK_H_
