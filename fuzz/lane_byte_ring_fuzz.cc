// SPDX-License-Identifier: Apache-2.0
//
// LaneByteRing, of one and three lanes (lane_run.h). A record is its number and
// some bytes that follow from it.
#include <algorithm>
#include <array>

#include "fuzz/harness.h"
#include "fuzz/lane_run.h"
#include "placid/primitives/lane_byte_ring.h"

namespace placid::fuzz {
namespace {

template <std::size_t kNumber, std::uint64_t kBytes>
struct Form {
  using Ring = LaneByteRing<kNumber>;
  using Lane = SpscByteRing;
  static constexpr std::size_t kLanes = kNumber;
  static constexpr std::uint64_t kCapacity = kBytes;
  static constexpr bool kFixed = false;
  static constexpr std::uint64_t kMostAgain = kBytes / 8 / 16 + 1;

  static RingResult Push(typename Ring::Producer& producer,
                         std::uint64_t number) {
    std::array<std::uint64_t, 3> record{number, ~number, number * 3};
    return producer.TryPush(
        std::as_bytes(std::span(record)).first(8 + number % 17));
  }
  static RingResult Pop(typename Ring::Consumer& consumer,
                        std::span<std::byte> bytes, std::uint64_t& number) {
    SharedBytes record;
    const RingResult result = consumer.TryFront(record);
    PLACID_FUZZ_CHECK(LiesIn(bytes, record.TrustPeer()));
    PLACID_FUZZ_CHECK(result == RingResult::kOk || record.empty());
    Touch(record.TrustPeer());
    number = record.Load<std::uint64_t>(0).value_or(0);
    return result;
  }
  static void InPlace(typename Ring::Producer& producer,
                      typename Ring::Consumer& consumer,
                      std::span<std::byte> bytes, std::uint64_t number) {
    std::span<std::byte> payload;
    const RingResult result =
        producer.TryReserve(static_cast<std::size_t>(number % 40), payload);
    PLACID_FUZZ_CHECK(LiesIn(bytes, payload));
    std::fill(payload.begin(), payload.end(), std::byte{1});
    PLACID_FUZZ_CHECK(producer.Stage(9) == (result == RingResult::kOk));
    producer.Publish();
    consumer.Retire();
  }
};

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace placid;  // NOLINT
  fuzz::Input input(data, size);
  constexpr std::array kKinds = {fuzz::OneLaneRun<fuzz::Form<3, 64>>,
                                 fuzz::OneLaneRun<fuzz::Form<1, 256>>};
  kKinds[input.TakeAtMost(kKinds.size() - 1)](input);
  return 0;
}
