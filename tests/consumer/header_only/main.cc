// SPDX-License-Identifier: Apache-2.0
//
// A ring in an array: headers alone, nothing to link.
#include <cstdint>
#include <cstdio>

#include "placid/primitives/spsc_ring.h"

int main() {
  using Ring = placid::SpscRing<std::uint64_t, 8>;
  static Ring::Storage storage;
  auto ring = Ring::Attach(storage);
  if (!ring) {
    std::fprintf(stderr, "%s\n", ring.error().Message().c_str());
    return 1;
  }
  auto producer = ring->ClaimProducer();
  auto consumer = ring->ClaimConsumer();
  std::uint64_t got = 0;
  const bool is_ok = producer && consumer &&
                     producer->TryPush(42) == placid::RingResult::kOk &&
                     consumer->TryPop(got) == placid::RingResult::kOk &&
                     got == 42;
  std::puts(is_ok ? "42 went through an array" : "lost a value");
  return is_ok ? 0 : 1;
}
