// SPDX-License-Identifier: Apache-2.0
//
// LaneByteRing: what is pushed is read, once, whole and in order of each
// producer, whoever leases a lane, dies, or seals the ring.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "placid/primitives/lane_byte_ring.h"
#include "tests/model/lane_client.h"

namespace placid::model {
namespace {

template <std::uint64_t kLanes>
struct Form {
  using Ring = LaneByteRing<kLanes>;
  struct alignas(kLineBytes) Bytes {
    std::array<std::byte, Ring::SizeFor(64)> bytes;
  };
  static Ring Make(Bytes& bytes) {
    bytes = {};
    return *Ring::Create(bytes.bytes, 64);
  }
  static RingResult Push(typename Ring::Producer& producer,
                         std::uint64_t number) {
    return producer.TryPush(std::as_bytes(std::span(&number, 1)));
  }
  static RingResult Pop(typename Ring::Consumer& consumer,
                        std::uint64_t& number) {
    SharedBytes record;
    const RingResult result = consumer.TryFront(record);
    if (result != RingResult::kOk) return result;
    Check(record.size() == 8, "the record is as long as it was");
    number = *record.Load<std::uint64_t>(0);
    return result;
  }
};

const bool kRegistered = [] {
  RegisterLaneModels<Form<1>, Form<2>, LaneByteRing<2>, 64>("LaneByteRing");
  return true;
}();

}  // namespace
}  // namespace placid::model
