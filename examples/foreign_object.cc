// SPDX-License-Identifier: Apache-2.0
//
// A ring in an object that another program made, under a name of its own:
// docs/foreign_objects.md. Here we play the other program, too.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/spsc_ring.h"

using namespace placid;  // NOLINT: an example

constexpr std::size_t kHisBytes = 4096;
using Ring = SpscRing<std::uint64_t, 64>;

template <typename T>
T OrExit(Result<T> result) {
  if (result) return *std::move(result);
  std::printf("%s\n", result.error().Message().c_str());
  std::exit(1);
}

int main() {
  // As shm_open would be given it, or CreateFileMapping.
  const auto name = OrExit(os::Name::Raw(
      "/frames-" + std::to_string(OrExit(os::ThisProcess()).pid)));
  const auto his =
      OrExit(os::SharedObject::Create(name, kHisBytes + Ring::SizeFor()));

  const auto object =
      OrExit(os::SharedObject::Open(name, os::Access::kReadWrite));
  const auto mapping = OrExit(object.Map());
  // Zero bytes are a ring that nobody has used yet.
  const auto ring = OrExit(Ring::Attach(mapping.bytes().subspan(kHisBytes)));
  auto producer = OrExit(ring.ClaimProducer());
  auto consumer = OrExit(ring.ClaimConsumer());
  for (std::uint64_t i = 1; i <= 10; ++i) (void)producer.TryPush(i);
  std::uint64_t value = 0, sum = 0;
  while (consumer.TryPop(value) == RingResult::kOk) sum += value;
  std::printf("%llu\n", static_cast<unsigned long long>(sum));
  (void)os::SharedObject::Unlink(name);  // his to do
}

// Output:
// 55
