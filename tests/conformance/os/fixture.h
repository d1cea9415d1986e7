// SPDX-License-Identifier: Apache-2.0
#ifndef PLACID_TESTS_CONFORMANCE_OS_FIXTURE_H_
#define PLACID_TESTS_CONFORMANCE_OS_FIXTURE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "peer.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "port.h"
#include "tests/support/scratch.h"
#include "words.h"

namespace placid::os::conformance {

template <typename T>
::testing::AssertionResult Succeeds(const Result<T>& result) {
  if (result) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << result.error().Message().c_str();
}

// Whether `result` failed for that reason, and its error says all that an error
// of this layer must: who, about what, and what to do.
template <typename T>
::testing::AssertionResult FailsWith(ErrorCode code, std::string_view operation,
                                     std::string_view subject,
                                     const Result<T>& result) {
  if (result) return ::testing::AssertionFailure() << "it succeeded";
  const Error& error = result.error();
  const bool is_right = error.code == code && error.operation == operation &&
                        error.subject.view() == ShortText(subject).view() &&
                        error.advice != nullptr;
  return (is_right ? ::testing::AssertionSuccess()
                   : ::testing::AssertionFailure())
         << "expected '" << operation << "' of '" << subject << "' to say '"
         << ToString(code)
         << "' with advice, it said: " << error.Message().c_str();
}

// Gives each test names and paths of its own and takes them away after it.
class Conformance : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kPages = 4 * kGranuleBytes;

  void SetUp() override { Reset(); }

  Name NewName() { return scratch_.NewName(); }
  std::string NewPath() { return scratch_.NewPath(); }

  // "verb name rest", as a step for a peer.
  static std::string Step(std::string_view verb, const Name& name,
                          std::string_view rest = {}) {
    std::string step(verb);
    step.append(" ").append(name.text());
    return rest.empty() ? step : step.append(" ").append(rest);
  }

 private:
  placid::testing::Scratch scratch_;
};

}  // namespace placid::os::conformance

#endif  // PLACID_TESTS_CONFORMANCE_OS_FIXTURE_H_
