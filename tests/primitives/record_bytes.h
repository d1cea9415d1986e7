// SPDX-License-Identifier: Apache-2.0
//
// RecordOf: records that say which they are, for tests of byte rings.
#ifndef PLACID_TESTS_PRIMITIVES_RECORD_BYTES_H_
#define PLACID_TESTS_PRIMITIVES_RECORD_BYTES_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "placid/base/result.h"

namespace placid::testing {

using Bytes = std::vector<std::byte>;

// The n-th record: bytes that differ from those of its neighbours.
inline Bytes RecordOf(std::uint64_t n, std::size_t length) {
  Bytes record(length);
  for (std::size_t i = 0; i < length; ++i) {
    record[i] = static_cast<std::byte>(n * 37 + i * 11 + 1);
  }
  return record;
}

inline void ExpectError(const Error& error, ErrorCode code,
                        std::string_view operation, std::string_view field) {
  EXPECT_EQ(error.code, code) << error.Message().c_str();
  EXPECT_EQ(error.operation, operation);
  EXPECT_EQ(error.field == nullptr ? "" : error.field, field);
  EXPECT_NE(error.advice, nullptr);
}

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_RECORD_BYTES_H_
