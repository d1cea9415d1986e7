// SPDX-License-Identifier: Apache-2.0
//
// What a machine of one byte order wrote is refused by one of the other, by
// name and not as garbage. Run with PLACID_PEER naming the placement tests of
// such a machine (arch_tests.cmake); it and we see one file.
#include <gtest/gtest.h>

#include <string>

#include "placid/base/error.h"
#include "tests/conformance/placement/kinds.h"
#include "tests/conformance/placement/other_side.h"
#include "tests/conformance/placement/placements.h"
#include "tests/support/peer.h"

namespace placid::placement {
namespace {

// All that bear a stamp: a Counter has none.
using Stamped = ::testing::Types<NumberRing, SampleRing, PaddedRing,
                                 MirroredRing, SampleSeqlock, LatestSample>;

struct KindName {
  template <typename Kind>
  static std::string GetName(int /*index*/) {
    return std::string(Kind::kName);
  }
};

template <typename Kind>
class ByteOrderTest : public ::testing::Test {
 protected:
  FileMapping<Kind> placement_;
};
TYPED_TEST_SUITE(ByteOrderTest, Stamped, KindName);

TYPED_TEST(ByteOrderTest, WhatWeCreateIsRefusedThere) {
  ASSERT_FALSE(this->HasFailure());
  auto& placement = this->placement_;
  ASSERT_TRUE(TypeParam::Create(placement.bytes()));
  for (const char* const verb : {"send", "receive"}) {
    placement.Begin(verb);
    const std::string answer = placement.Answer();
    EXPECT_NE(answer.find(ToString(ErrorCode::kWrongByteOrder)),
              std::string::npos)
        << answer;
  }
  // And left as it was.
  EXPECT_TRUE(TypeParam::ClaimSender(placement.bytes()));
}

TYPED_TEST(ByteOrderTest, WhatTheyCreateIsRefusedHere) {
  ASSERT_FALSE(this->HasFailure());
  auto& placement = this->placement_;
  placement.Begin("create");
  ASSERT_EQ(placement.Answer(), "created");
  const auto sender = TypeParam::ClaimSender(placement.bytes());
  ASSERT_FALSE(sender);
  EXPECT_EQ(sender.error().code, ErrorCode::kWrongByteOrder);
}

}  // namespace
}  // namespace placid::placement

int main(int argc, char** argv) {
  placid::placement::OtherSide side;
  return placid::testing::RunTestsOrPeer(
      argc, argv, [&side](const std::string& step) { return side.Do(step); });
}
