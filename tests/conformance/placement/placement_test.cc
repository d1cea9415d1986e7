// SPDX-License-Identifier: Apache-2.0
//
// Every type works wherever bytes can be shared: each kind (kinds.h) in each
// placement (placements.h). What fails here and nowhere else holds an address,
// or something of one process, in the shared bytes.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <type_traits>

#include "kinds.h"
#include "other_side.h"
#include "placements.h"
#include "placid/base/error.h"
#include "placid/base/platform.h"
#include "tests/support/peer.h"

namespace placid::placement {
namespace {

template <template <typename> typename PlacementOf, typename KindToPlace>
struct Case {
  using Placement = PlacementOf<KindToPlace>;
  using Kind = KindToPlace;
};

template <template <typename> typename Placement, typename... Kinds>
::testing::Types<Case<Placement, Kinds>...> CasesOf(KindList<Kinds...>);

template <typename... Lists>
struct Joined;  // one list of what all of them have
template <typename... A, typename... B, typename... More>
struct Joined<::testing::Types<A...>, ::testing::Types<B...>, More...>
    : Joined<::testing::Types<A..., B...>, More...> {};
template <typename... A>
struct Joined<::testing::Types<A...>> {
  using Type = ::testing::Types<A...>;
};

// ThreadSanitizer knows memory by its address: of two views in one process it
// would report races that are none. Two processes are no concern of it.
using TwoAddresses =
    std::conditional_t<kIsTsan, ::testing::Types<>,
                       decltype(CasesOf<NamedAtTwoAddresses>(AllKinds()))>;

using Cases =
    Joined<decltype(CasesOf<PlainArray>(PlainKinds())),
           decltype(CasesOf<AnonymousMapping>(PlainKinds())), TwoAddresses,
           decltype(CasesOf<NamedInTwoProcesses>(AllKinds())),
           decltype(CasesOf<HandedOver>(AllKinds())),
           decltype(CasesOf<FileMapping>(AllKinds()))>::Type;

template <typename Case>
using IfRoles = std::conditional_t<HasRoles<typename Case::Kind>,
                                   ::testing::Types<Case>, ::testing::Types<>>;
template <typename... All>
typename Joined<IfRoles<All>...>::Type WithRoles(::testing::Types<All...>);
using RoleCases = decltype(WithRoles(Cases()));

struct CaseName {
  template <typename Case>
  static std::string GetName(int /*index*/) {
    std::string name(Case::Placement::kName);
    return name.append("_").append(Case::Kind::kName);
  }
};

template <typename Case>
class PlacementTest : public ::testing::Test {
 protected:
  typename Case::Placement placement_;
};
TYPED_TEST_SUITE(PlacementTest, Cases, CaseName);

TYPED_TEST(PlacementTest, TheOtherViewReceivesWhatIsSentHere) {
  ASSERT_FALSE(this->HasFailure());
  using Kind = typename TypeParam::Kind;
  auto& placement = this->placement_;
  ASSERT_EQ(Perform<Kind>("create", placement.bytes()), "created");
  placement.Begin("receive");
  EXPECT_EQ(Kind::Send(placement.bytes()), kSent);
  EXPECT_EQ(placement.Answer(), kReceived);
}

TYPED_TEST(PlacementTest, WhatTheOtherViewCreatesAndSendsIsReceivedHere) {
  ASSERT_FALSE(this->HasFailure());
  auto& placement = this->placement_;
  placement.Begin("create");
  ASSERT_EQ(placement.Answer(), "created");
  placement.Begin("send");
  EXPECT_EQ(TypeParam::Kind::Receive(placement.bytes()), kReceived);
  EXPECT_EQ(placement.Answer(), kSent);
}

template <typename Case>
class RolePlacementTest : public PlacementTest<Case> {};
TYPED_TEST_SUITE(RolePlacementTest, RoleCases, CaseName);

TYPED_TEST(RolePlacementTest, ARoleTakenHereIsTakenInTheOtherView) {
  ASSERT_FALSE(this->HasFailure());
  using Kind = typename TypeParam::Kind;
  auto& placement = this->placement_;
  ASSERT_EQ(Perform<Kind>("create", placement.bytes()), "created");
  {
    const auto sender = Kind::ClaimSender(placement.bytes());
    ASSERT_TRUE(sender);
    placement.Begin("send");
    EXPECT_NE(placement.Answer().find(ToString(ErrorCode::kRoleTaken)),
              std::string::npos);
  }
  // Given back here, it is free there.
  placement.Begin("receive");
  EXPECT_EQ(Kind::Send(placement.bytes()), kSent);
  EXPECT_EQ(placement.Answer(), kReceived);
}

}  // namespace
}  // namespace placid::placement

int main(int argc, char** argv) {
  placid::placement::OtherSide side;
  return placid::testing::RunTestsOrPeer(
      argc, argv, [&side](const std::string& step) { return side.Do(step); });
}
