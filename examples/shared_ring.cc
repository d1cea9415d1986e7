// SPDX-License-Identifier: Apache-2.0
//
// A ring that two processes find by its name: whoever comes first makes the
// segment, and whoever comes first makes the ring in it. It goes with the last
// of them. In two terminals:
//
//   example_shared_ring consume shop
//   example_shared_ring produce shop
//
// Without arguments it does both, each part with a mapping of its own.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/primitives/spsc_ring.h"
#include "placid/segment/directory.h"
#include "placid/segment/membership.h"
#include "placid/segment/segment.h"

using namespace placid;  // NOLINT: an example
using namespace std::chrono_literals;

struct Order {
  std::uint64_t number;
  double price;
};
PLACID_FIELDS(Order, number, price)
using Orders = SpscRing<Order>;

template <typename T>
T OrExit(Result<T> result) {
  if (result) return *std::move(result);
  std::printf("%s\n", result.error().Message().c_str());
  std::exit(1);
}

// What each process does first: the segment, a place in it, its directory.
struct Shop {
  explicit Shop(const os::Name& name) {
    CreateSegmentOptions options;
    options.size_bytes =
        Directory::SizeFor(16, Directory::SpaceFor<Orders>("orders", 64));
    // Who was built with another Order does not come in.
    options.fingerprint = kPlacedFingerprint<Directory, Orders>;
    options.place = [](std::span<std::byte> bytes) -> Result<void> {
      auto made = Directory::Create(bytes, 16);
      if (!made) return made.error();
      return Ok();
    };
    segment = OrExit(Segment::OpenOrCreate(name, options));
    member = OrExit(Membership::Join(segment));
  }
  Orders FindOrders() {
    const auto directory = OrExit(Directory::Attach(segment.bytes()));
    for (;;) {
      auto orders = directory.FindOrCreate<Orders>("orders", member.id(), 64);
      if (orders || orders.error().code != ErrorCode::kBusy) {
        return OrExit(orders);
      }
      // Somebody is making it, or has died of that.
      OrExit(member.RecoverDead(segment, [&](const DeadOwner& dead) {
        directory.Recover(dead);
        return Ok();
      }));
      std::this_thread::sleep_for(1ms);
    }
  }

  Segment segment;
  Membership member;
};

void Produce(const os::Name& name) {
  Shop shop(name);
  auto producer = OrExit(shop.FindOrders().ClaimProducer(shop.member.id()));
  for (std::uint64_t i = 1; i <= 1000;) {
    if (producer.TryPush({i, 0.5}) == RingResult::kOk) {
      ++i;
    } else {
      std::this_thread::yield();
    }
  }
  producer.Close();
}

void Consume(const os::Name& name) {
  Shop shop(name);
  auto consumer =
      OrExit(shop.FindOrders().ClaimConsumer(Pace::kPrompt, shop.member.id()));
  Order order{};
  std::uint64_t count = 0;
  double sum = 0;
  for (auto got = RingResult::kEmpty; got != RingResult::kClosed;) {
    got = consumer.TryPop(order);
    if (got == RingResult::kEmpty) std::this_thread::yield();
    if (got != RingResult::kOk) continue;
    ++count;
    sum += order.price;
  }
  std::printf("%llu orders, %.1f in all\n",
              static_cast<unsigned long long>(count), sum);
}

int main(int argc, char** argv) {
  if (argc == 3) {
    const os::Name name = OrExit(os::Name::Parse(argv[2]));
    if (std::string_view(argv[1]) == "produce") {
      Produce(name);
    } else {
      Consume(name);
    }
    return 0;
  }
  const std::string own =
      "shop-" + std::to_string(OrExit(os::ThisProcess()).pid);
  const os::Name name = OrExit(os::Name::Parse(own));
  std::thread producing([&] { Produce(name); });
  Consume(name);
  producing.join();
}

// Output:
// 1000 orders, 500.0 in all
