// SPDX-License-Identifier: Apache-2.0
//
// A producer and a consumer that wait for each other, asleep. For two processes
// put the ring and the events into a mapping.
#include "blocking_ring.h"

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <thread>

#include "placid/primitives/spsc_ring.h"

using namespace std::chrono_literals;
using Ring = placid::SpscRing<int, 4>;
using placid::RingResult, placid::WaitEnd, placid::Deadline;

int main() {
  static Ring::Storage storage;
  static placid::example::RingEvents events;
  const auto ring = *Ring::Attach(storage);
  std::thread thread([&] {
    placid::example::BlockingProducer producer(*ring.ClaimProducer(), events);
    for (int i = 1; i <= 1000; ++i) (void)producer.Push(i);
    std::this_thread::sleep_for(10ms);
    (void)producer.Close();
  });
  placid::example::BlockingConsumer consumer(*ring.ClaimConsumer(), events);
  int value = 0, sum = 0;
  while (consumer.Pop(value).result == RingResult::kOk) sum += value;
  std::printf("%d, then closed\n", sum);
  thread.join();

  static Ring::Storage other_storage;
  static placid::example::RingEvents other_events;
  const auto quiet = *Ring::Attach(other_storage);
  placid::example::BlockingConsumer patient(*quiet.ClaimConsumer(),
                                            other_events);
  const auto popped = patient.Pop(value, Deadline::After(20ms));
  if (popped.end == WaitEnd::kTimedOut) std::printf("nothing came in 20 ms\n");
}

// Output:
// 500500, then closed
// nothing came in 20 ms
