// SPDX-License-Identifier: Apache-2.0
//
// SpscByteRing over a double mapping, with deaths: of two processes that stream
// records across the seam now one is killed and succeeded, now the other, at
// random moments. (The kill-stepper, which goes to every instruction, has the
// ring with padding: a mirrored one is too long for its images.)
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "placid/base/platform.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "tests/support/child.h"
#include "tests/support/seed.h"

namespace placid {
namespace {

using placid::testing::Child;
using placid::testing::TwoViews;
using Ring = SpscByteRing;

constexpr std::uint64_t kCapacity = 0x10000;
constexpr int kKills = kIsTsan ? 60 : 400;

// What survives the players. A record is "committed" once its push has
// returned, "in flight" from its beginning until then; what was in flight at a
// death may have come or not.
struct Ledger {
  std::atomic<std::uint64_t> begun;  // records
  std::atomic<std::uint64_t> committed;
  std::atomic<std::uint64_t> taken;
  std::atomic<std::uint64_t> crossed;  // the seam
  std::atomic<std::uint64_t> wrong;
  // In flight at a death, by the number of the death.
  std::array<std::atomic<std::uint64_t>, kKills> doubtful;
  std::atomic<std::uint32_t> is_over;
};

std::size_t LengthOf(std::uint64_t number) { return 8 + number * 7919 % 9'000; }
std::byte ByteOf(std::uint64_t number, std::size_t i) {
  return static_cast<std::byte>(number * 59 + i * 13 + i / 256);
}

class Player {
 public:
  Player(const os::SharedObject& object, Ledger& ledger) : ledger_(ledger) {
    os::MapOptions options;
    options.mirror_offset = Ring::kMirroredDataOffset;
    mapping_ = *object.Map(options);
    ring_ = std::make_unique<Ring>(*Ring::Attach(mapping_.bytes()));
  }

  // From what its predecessor had begun last, whatever became of it.
  void Produce() {
    auto role =
        ring_->ProducerHolder().is_free()
            ? ring_->ClaimProducer()
            : ring_->TakeOverProducer(AttestedDeath(ring_->ProducerHolder()));
    std::vector<std::byte> record;
    for (std::uint64_t number = ledger_.begun + 1;; ++number) {
      record.resize(LengthOf(number));
      std::memcpy(record.data(), &number, sizeof(number));
      for (std::size_t i = sizeof(number); i < record.size(); ++i) {
        record[i] = ByteOf(number, i);
      }
      ledger_.begun = number;
      while (role->TryPush(record) != RingResult::kOk) {
      }
      ledger_.committed = number;
    }
  }

  // Until all is over and nothing is left.
  void Consume() {
    auto role =
        ring_->ConsumerHolder().is_free()
            ? ring_->ClaimConsumer()
            : ring_->TakeOverConsumer(AttestedDeath(ring_->ConsumerHolder()));
    for (;;) {
      const bool is_over = ledger_.is_over != 0;
      SharedBytes front;
      if (role->TryFront(front) == RingResult::kOk) {
        Take(front);
      } else if (is_over) {
        return;
      }
    }
  }

 private:
  void Take(SharedBytes front) {
    std::vector<std::byte> record(front.size());
    front.CopyOut(record);
    std::uint64_t number = 0;
    std::memcpy(&number, record.data(), sizeof(number));
    bool is_right = record.size() == LengthOf(number);
    for (std::size_t i = sizeof(number); is_right && i < record.size(); ++i) {
      is_right = record[i] == ByteOf(number, i);
    }
    // One that a dead consumer had looked at comes again.
    const std::uint64_t before = ledger_.taken;
    if (number < before) is_right = false;
    for (std::uint64_t missed = before + 1; missed < number; ++missed) {
      is_right = is_right && IsDoubtful(missed);
    }
    if (!is_right) ++ledger_.wrong;
    const auto end = static_cast<std::uint64_t>(front.TrustPeer().data() +
                                                front.size() - mapping_.data());
    if (end > Ring::kMirroredDataOffset + kCapacity) ++ledger_.crossed;
    ledger_.taken = number;
  }
  [[nodiscard]] bool IsDoubtful(std::uint64_t number) const {
    for (const auto& doubtful : ledger_.doubtful) {
      if (doubtful == number) return true;
    }
    return false;
  }

  Ledger& ledger_;
  os::Mapping mapping_;
  std::unique_ptr<Ring> ring_;
};

TEST(MirroredRingStress, WhoIsKilledAtTheSeamIsSucceeded) {
  const auto object = *os::SharedObject::CreateAnonymous(
      Ring::SizeFor(kCapacity, Ring::Wrap::kMirrored));
  {
    os::MapOptions options;
    options.mirror_offset = Ring::kMirroredDataOffset;
    const auto mapping = *object.Map(options);
    ASSERT_TRUE(
        Ring::Create(mapping.bytes(), kCapacity, Ring::Wrap::kMirrored));
  }
  const TwoViews views(sizeof(Ledger));
  Ledger& ledger = *reinterpret_cast<Ledger*>(views.first().data());
  const auto produce = [&] {
    return std::make_unique<Child>([&] { Player(object, ledger).Produce(); });
  };
  const auto consume = [&] {
    return std::make_unique<Child>([&] { Player(object, ledger).Consume(); });
  };

  const std::uint64_t seed = placid::testing::DrawSeed();
  std::minstd_rand random(static_cast<unsigned>(seed));
  auto producer = produce();
  auto consumer = consume();
  for (int kill = 0; kill < kKills; ++kill) {
    const std::uint64_t taken = ledger.taken;
    while (ledger.taken == taken) ::usleep(50);
    ::usleep(static_cast<useconds_t>(random() % 3'000));
    if (random() % 2 == 0) {
      producer->Kill();
      if (ledger.begun != ledger.committed) {
        ledger.doubtful.at(static_cast<std::size_t>(kill)) =
            ledger.begun.load();
      }
      producer = produce();
    } else {
      consumer->Kill();
      consumer = consume();
    }
    ASSERT_EQ(ledger.wrong, 0u) << kill;
  }
  producer->Kill();
  const std::uint64_t committed = ledger.committed;
  ledger.is_over = 1;
  EXPECT_TRUE(consumer->EndsWell());
  EXPECT_EQ(ledger.wrong, 0u);
  EXPECT_GE(ledger.taken, committed);
  EXPECT_GT(ledger.crossed, 0u);
}

}  // namespace
}  // namespace placid
