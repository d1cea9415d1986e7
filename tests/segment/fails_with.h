// SPDX-License-Identifier: Apache-2.0
#ifndef PLACID_TESTS_SEGMENT_FAILS_WITH_H_
#define PLACID_TESTS_SEGMENT_FAILS_WITH_H_

#include <gtest/gtest.h>

#include <string>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"

namespace placid::testing {

// Whether it failed for that reason, and says who, about what, and what to do.
template <typename T>
::testing::AssertionResult FailsWith(ErrorCode code,
                                     const std::string& operation,
                                     const os::Name& name,
                                     const Result<T>& result) {
  if (result) return ::testing::AssertionFailure() << "it succeeded";
  const Error& error = result.error();
  const bool is_right = error.code == code && error.operation == operation &&
                        error.subject.view() == ShortText(name.text()).view() &&
                        error.advice != nullptr;
  return (is_right ? ::testing::AssertionSuccess()
                   : ::testing::AssertionFailure())
         << error.Message().c_str();
}

}  // namespace placid::testing

#endif  // PLACID_TESTS_SEGMENT_FAILS_WITH_H_
