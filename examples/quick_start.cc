// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <thread>

#include "placid/primitives/spsc_ring.h"

using Ring = placid::SpscRing<int, 64>;
using enum placid::RingResult;
alignas(Ring::kAlignment) std::byte array[Ring::SizeFor()];  // or any mapping

int main() {
  auto ring = Ring::Attach(array);  // or an Error that says why not
  std::thread thread([producer = *ring->ClaimProducer()]() mutable {
    for (int i = 1; i <= 1000;) i += producer.TryPush(i) == kOk;
    producer.Close();
  });
  auto consumer = *ring->ClaimConsumer();
  int value = 0, sum = 0;
  for (auto got = kEmpty; got != kClosed; got = consumer.TryPop(value)) {
    if (got == kOk) sum += value;
  }
  thread.join();
  std::printf("%d\n", sum);
}

// Output:
// 500500
