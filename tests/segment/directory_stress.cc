// SPDX-License-Identifier: Apache-2.0
//
// One directory, through one mapping, and threads that all ask for the same
// names at once, that fail and die of making them, and that recover each
// other's dead: each name gets one object, made once. Of interest under
// ThreadSanitizer: what a maker writes are plain bytes, and nothing but the
// directory orders them for who finds them, or makes them anew.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "placid/segment/directory.h"
#include "tests/support/seed.h"

namespace placid {
namespace {

constexpr std::uint64_t kThreads = 4;
constexpr std::uint64_t kNames = 40;
constexpr std::uint64_t kEntries = 2 * kNames;
constexpr int kRounds = 200;
constexpr std::uint64_t kObjectBytes = 200;
constexpr ObjectType kType{TypeId::kFirstForeign, 0, 1, 0, {}};

struct Tally {
  std::uint64_t made = 0;
  std::uint64_t found = 0;
  std::uint64_t busy = 0;
  std::uint64_t failed = 0;
  std::uint64_t died = 0;
};

// All threads make the names of one round; then comes the next.
class Round {
 public:
  explicit Round(std::uint64_t seed)
      : seed_(seed),
        bytes_(static_cast<std::size_t>(kBytes) + kLineBytes, std::byte{0}),
        directory_(*Directory::Create(Bytes(), kEntries)) {}

  void Run(std::uint64_t thread, Tally& tally) {
    std::mt19937_64 random(seed_ + thread);
    std::uint64_t life = 1;
    std::uint64_t left = kNames;
    std::array<bool, kNames> has{};
    // Not std::latch: libstdc++ 12 without futexes loses its wake-ups.
    --to_come_;
    while (to_come_ > 0) std::this_thread::yield();
    while (left > 0) {
      const auto name = static_cast<std::size_t>(random() % kNames);
      const std::uint64_t fate = random() % 8;
      // A death: the same thread goes on as somebody else, once it was
      // recovered. Each thread has a row of its own for each of its lives.
      const OwnerId me = *OwnerId::Of(1 + thread, life);
      bool died = false;
      const auto found = directory_.FindOrCreate(
          Name(name), me, kType, kObjectBytes,
          [&](std::span<std::byte> object) -> Result<void> {
            Fill(object, thread * 100 + name + 1);
            if (fate % 2 == 0) std::this_thread::yield();
            if (fate == 0) {
              // Somebody is sure that it is dead while it ends.
              died = true;
              EXPECT_EQ(directory_.Recover(DeadOwner::Attested(me)), 1u);
            }
            if (fate == 1) return Error{.code = ErrorCode::kSystem};
            return Ok();
          });
      if (died) {
        ++tally.died;
        ++life;
        EXPECT_TRUE(!found && (found.error().code == ErrorCode::kRoleTaken ||
                               found.error().code == ErrorCode::kSystem));
        continue;
      }
      if (!found) {
        const bool is_busy = found.error().code == ErrorCode::kBusy;
        EXPECT_TRUE(is_busy || found.error().code == ErrorCode::kSystem);
        ++(is_busy ? tally.busy : tally.failed);
        if (is_busy) std::this_thread::yield();
        continue;
      }
      ++(found->was_created ? tally.made : tally.found);
      Check(found->bytes, name);
      if (!std::exchange(has[name], true)) --left;
    }
  }

  // After all of them: each name once.
  void CheckAll() {
    std::uint64_t ready = 0;
    const bool is_whole = directory_.ForEach([&](const DirectoryEntry& entry) {
      EXPECT_EQ(entry.state.phase(), EntryState::Phase::kReady);
      ++ready;
    });
    EXPECT_TRUE(is_whole);
    EXPECT_EQ(ready, kNames);
  }

 private:
  static constexpr std::uint64_t kBytes =
      Directory::SizeFor(kEntries, kEntries * 3 * kLineBytes);

  static std::string Name(std::size_t name) {
    return "name " + std::to_string(name);
  }
  [[nodiscard]] std::span<std::byte> Bytes() {
    const auto address = reinterpret_cast<std::uintptr_t>(bytes_.data());
    const std::size_t skew = (kLineBytes - address % kLineBytes) % kLineBytes;
    return std::span(bytes_).subspan(skew, static_cast<std::size_t>(kBytes));
  }
  // Of zeroed bytes, a word at a time.
  static void Fill(std::span<std::byte> object, std::uint64_t value) {
    for (std::size_t at = 0; at < object.size(); at += sizeof(value)) {
      std::uint64_t before = 0;
      std::memcpy(&before, &object[at], sizeof(before));
      EXPECT_EQ(before, 0u) << "made of bytes that were used";
      std::memcpy(&object[at], &value, sizeof(value));
    }
  }
  static void Check(std::span<const std::byte> object, std::size_t name) {
    std::uint64_t first = 0;
    std::memcpy(&first, object.data(), sizeof(first));
    EXPECT_EQ(first % 100, name + 1);
    for (std::size_t at = 0; at < object.size(); at += sizeof(first)) {
      EXPECT_EQ(std::memcmp(object.data(), &object[at], sizeof(first)), 0);
    }
  }

  std::uint64_t seed_;
  std::atomic<std::uint64_t> to_come_ = kThreads;
  std::vector<std::byte> bytes_;
  Directory directory_;
};

TEST(DirectoryStress, EachNameIsMadeOnceWhoeverFailsOrDies) {
  const std::uint64_t seed = placid::testing::DrawSeed();
  Tally sum;
  for (int i = 0; i < kRounds && !::testing::Test::HasFailure(); ++i) {
    const auto round =
        std::make_unique<Round>(seed + 1000 * static_cast<std::uint64_t>(i));
    std::array<Tally, kThreads> tallies;
    std::vector<std::thread> threads;
    for (std::uint64_t j = 0; j < kThreads; ++j) {
      threads.emplace_back([&, j] { round->Run(j, tallies[j]); });
    }
    for (std::thread& thread : threads) thread.join();
    round->CheckAll();
    std::uint64_t made = 0;
    for (const Tally& tally : tallies) {
      made += tally.made;
      sum.found += tally.found;
      sum.busy += tally.busy;
      sum.failed += tally.failed;
      sum.died += tally.died;
    }
    EXPECT_EQ(made, kNames) << "each once";
    sum.made += made;
  }
  std::printf("%llu made, %llu found, %llu busy, %llu failed, %llu died\n",
              static_cast<unsigned long long>(sum.made),
              static_cast<unsigned long long>(sum.found),
              static_cast<unsigned long long>(sum.busy),
              static_cast<unsigned long long>(sum.failed),
              static_cast<unsigned long long>(sum.died));
  EXPECT_GT(sum.failed, 100u);
  EXPECT_GT(sum.died, 100u);
}

}  // namespace
}  // namespace placid
