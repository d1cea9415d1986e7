// SPDX-License-Identifier: Apache-2.0
//
// LaneRing, of one, two and five lanes (lane_run.h).
#include <algorithm>
#include <array>

#include "fuzz/harness.h"
#include "fuzz/lane_run.h"
#include "placid/primitives/lane_ring.h"

namespace placid::fuzz {
namespace {

template <std::size_t kNumber, std::uint64_t kExtent, std::uint64_t kSlots>
struct Form {
  using Ring = LaneRing<std::uint64_t, kNumber, kExtent>;
  using Lane = SpscRing<std::uint64_t, kExtent>;
  static constexpr std::size_t kLanes = kNumber;
  static constexpr std::uint64_t kCapacity = kSlots;
  static constexpr bool kFixed = kExtent != kDynamic;
  static constexpr std::uint64_t kMostAgain = kSlots / 8;

  static RingResult Push(typename Ring::Producer& producer,
                         std::uint64_t number) {
    return producer.TryPush(number);
  }
  static RingResult Pop(typename Ring::Consumer& consumer, std::span<std::byte>,
                        std::uint64_t& number) {
    return consumer.TryPop(number);
  }
  static void InPlace(typename Ring::Producer& producer,
                      typename Ring::Consumer& consumer,
                      std::span<std::byte> bytes, std::uint64_t number) {
    std::span<std::uint64_t> slots;
    (void)producer.TryReserve(3, slots);
    PLACID_FUZZ_CHECK(slots.size() <= 3);
    PLACID_FUZZ_CHECK(LiesIn(bytes, std::as_bytes(slots)));
    std::fill(slots.begin(), slots.end(), number);
    PLACID_FUZZ_CHECK(producer.Commit(9) == slots.size());
    SharedSpan<std::uint64_t> values;
    (void)consumer.TryPeek(4, values);
    PLACID_FUZZ_CHECK(values.size() <= 4);
    PLACID_FUZZ_CHECK(LiesIn(bytes, std::as_bytes(values.TrustPeer())));
    Touch(std::as_bytes(values.TrustPeer()));
    PLACID_FUZZ_CHECK(consumer.Retire(9) == values.size());
    std::array<std::uint64_t, 3> some;
    std::size_t popped = 9;
    (void)consumer.TryPopSome(some, popped);
    PLACID_FUZZ_CHECK(popped <= some.size());
  }
};

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace placid;  // NOLINT
  fuzz::Input input(data, size);
  constexpr std::array kKinds = {fuzz::OneLaneRun<fuzz::Form<2, 4, 4>>,
                                 fuzz::OneLaneRun<fuzz::Form<5, 1, 1>>,
                                 fuzz::OneLaneRun<fuzz::Form<1, kDynamic, 16>>};
  kKinds[input.TakeAtMost(kKinds.size() - 1)](input);
  return 0;
}
