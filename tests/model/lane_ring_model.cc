// SPDX-License-Identifier: Apache-2.0
//
// LaneRing: what is pushed is popped, once, whole and in order of each producer,
// whoever leases a lane, dies, or seals the ring.
#include <array>
#include <cstdint>

#include "placid/primitives/lane_ring.h"
#include "tests/model/lane_client.h"

namespace placid::model {
namespace {

template <std::uint64_t kLanes>
struct Form {
  using Ring = LaneRing<std::uint64_t, kLanes, 1>;
  using Bytes = typename Ring::Storage;
  static Ring Make(Bytes& bytes) { return *Ring::Attach(bytes); }
  static RingResult Push(typename Ring::Producer& producer,
                         std::uint64_t number) {
    return producer.TryPush(number);
  }
  static RingResult Pop(typename Ring::Consumer& consumer,
                        std::uint64_t& number) {
    return consumer.TryPop(number);
  }
};

const bool kRegistered = [] {
  RegisterLaneModels<Form<1>, Form<2>, LaneRing<std::uint64_t, 2>, 2>(
      "LaneRing");
  return true;
}();

}  // namespace
}  // namespace placid::model
