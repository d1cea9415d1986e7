// SPDX-License-Identifier: Apache-2.0
//
// One table, through one mapping, and threads that join rows, leave them, die
// in them and recover each other's dead: the plain bytes that each owner, or
// its recoverer, leaves to the next are never seen half-way. Of interest under
// ThreadSanitizer, so a row's lock orders no more here than a kernel's must:
// who takes it, or finds it free, sees what its last holder did if that has
// died.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "placid/segment/participants.h"
#include "src/segment/mint.h"
#include "tests/support/die.h"
#include "tests/support/seed.h"

namespace placid {
namespace {

using Participant = Participants::Participant;
using Recovery = Participants::Recovery;

constexpr std::uint64_t kThreads = 4;
constexpr std::uint64_t kShared = 3;  // rows that all threads want
constexpr std::uint64_t kRows = kThreads + kShared;
constexpr int kRounds = 20'000;

struct Count {
  std::uint64_t joined = 0;
  std::uint64_t died = 0;
  std::uint64_t recovered = 0;
  std::uint64_t dropped = 0;
};

class World {
 public:
  World() : table_(*Participants::Create(Bytes(), kRows)) {}

  // Row kShared + 1 + `thread` is the thread's own all the time.
  void Run(std::uint64_t thread, std::uint64_t seed, Count& count) {
    std::mt19937_64 random(seed + thread);
    auto self = *table_.Join(kShared + 1 + thread, {});
    for (int i = 0; i < kRounds; ++i) {
      const std::uint64_t row = 1 + random() % kShared;
      if (random() % 2 == 0) {
        Live(row, random() % 4 == 0, count);
      } else {
        Recover(row, self, random() % 8 == 0, count);
      }
    }
  }
  [[nodiscard]] std::uint64_t ended(std::uint64_t row) const {
    return rows_[static_cast<std::size_t>(row)].ended;
  }
  [[nodiscard]] RowState Look(std::uint64_t row) const {
    return table_.Look(row);
  }

 private:
  struct RowWorld {
    std::atomic<bool> lock{false};
    std::uint64_t ended = 0;  // plain: the generation whose affairs are over
  };

  std::span<std::byte> Bytes() {
    return std::as_writable_bytes(std::span(&memory_, 1));
  }
  RowWorld& At(std::uint64_t row) {
    return rows_[static_cast<std::size_t>(row)];
  }

  void Live(std::uint64_t row, bool dies, Count& count) {
    RowWorld& world = At(row);
    if (world.lock.exchange(true, std::memory_order_acquire)) return;
    auto owner = table_.Join(row, {row, row, row, row});
    if (!owner) {  // a dead one's
      world.lock.store(false, std::memory_order_release);
      return;
    }
    ++count.joined;
    EXPECT_EQ(world.ended, owner->id().generation() - 1);
    if (dies) {
      ++count.died;
      testing::Die(*std::move(owner));
      world.lock.store(false, std::memory_order_release);
      return;
    }
    world.ended = owner->id().generation();
    owner->Leave();
    world.lock.store(false, std::memory_order_relaxed);
  }

  void Recover(std::uint64_t row, const Participant& self, bool drops,
               Count& count) {
    const RowState state = table_.Look(row);
    if (!state.is_owned() || At(row).lock.load(std::memory_order_acquire) ||
        table_.Look(row) != state) {
      return;
    }
    auto recovery =
        table_.Recover(ProofOfDeathMint::Make(row, state.word()), self);
    if (!recovery) return;
    const std::uint64_t generation = recovery->dead().id().generation();
    EXPECT_TRUE(At(row).ended == generation || At(row).ended == generation - 1);
    At(row).ended = generation;
    if (drops) {
      ++count.dropped;
      return;
    }
    ++count.recovered;
    EXPECT_TRUE(recovery->Finish());
  }

  struct alignas(kLineBytes) Memory {
    Participants::Memory memory;
    std::array<Participants::Row, kRows> rows;
  } memory_{};
  Participants table_;
  std::array<RowWorld, kRows + 1> rows_;
};

TEST(ParticipantsStress, EachOwnerComesAfterTheEndOfTheLast) {
  const std::uint64_t seed = placid::testing::DrawSeed();
  static World world;
  std::array<Count, kThreads> counts;
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { world.Run(i, seed, counts[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  Count sum;
  for (const Count& count : counts) {
    sum.joined += count.joined;
    sum.died += count.died;
    sum.recovered += count.recovered;
    sum.dropped += count.dropped;
  }
  std::uint64_t generations = 0;
  std::uint64_t still_dead = 0;
  for (std::uint64_t row = 1; row <= kShared; ++row) {
    generations += world.Look(row).generation();
    still_dead += world.Look(row).is_owned() ? 1 : 0;
  }
  std::printf("%llu joined, %llu died, %llu recovered, %llu given up\n",
              static_cast<unsigned long long>(sum.joined),
              static_cast<unsigned long long>(sum.died),
              static_cast<unsigned long long>(sum.recovered),
              static_cast<unsigned long long>(sum.dropped));
  EXPECT_EQ(generations, sum.joined);
  EXPECT_EQ(sum.died, sum.recovered + still_dead) << "each death, once";
  EXPECT_GT(sum.recovered, 100u);
  EXPECT_GT(sum.dropped, 10u);
}

}  // namespace
}  // namespace placid
