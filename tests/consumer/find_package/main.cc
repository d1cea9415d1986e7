// SPDX-License-Identifier: Apache-2.0
//
// A ring in an anonymous shared mapping: the library and the headers together.
#include <cstdint>
#include <cstdio>

#include "placid/os/mapping.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/spsc_ring.h"

namespace {

using Ring = placid::SpscRing<std::uint64_t>;

int Fail(const placid::Error& error) {
  std::fprintf(stderr, "%s\n", error.Message().c_str());
  return 1;
}

}  // namespace

int main() {
  auto object = placid::os::SharedObject::CreateAnonymous(Ring::SizeFor(64));
  if (!object) return Fail(object.error());
  auto mapping = object->Map();
  if (!mapping) return Fail(mapping.error());
  auto ring = Ring::Create(mapping->bytes(), 64);
  if (!ring) return Fail(ring.error());
  auto producer = ring->ClaimProducer();
  if (!producer) return Fail(producer.error());
  auto consumer = ring->ClaimConsumer();
  if (!consumer) return Fail(consumer.error());

  std::uint64_t got = 0;
  const bool is_ok = producer->TryPush(42) == placid::RingResult::kOk &&
                     consumer->TryPop(got) == placid::RingResult::kOk &&
                     got == 42;
  std::puts(is_ok ? "42 went through a mapping" : "lost a value");
  return is_ok ? 0 : 1;
}
