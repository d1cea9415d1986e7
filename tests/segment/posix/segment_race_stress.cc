// SPDX-License-Identifier: Apache-2.0
//
// Several processes open or create one name at once, and some are killed at a
// random moment of it. However that goes, all who get a segment get the same
// one, whole, from one creator; nobody is stuck; and nothing is left behind.
//
// PLACID_SEGMENT_ROUNDS: how many rounds (200).
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>

#include "placid/os/futex.h"
#include "placid/os/name.h"
#include "placid/segment/segment.h"
#include "tests/support/scratch.h"
#include "tests/support/seed.h"

namespace placid {
namespace {

constexpr std::size_t kProcesses = 8;
constexpr std::int64_t kMillisecond = 1'000'000;

// What each process tells of itself, in memory that all share.
struct Account {
  std::atomic<std::uint32_t> placed;   // it called place()
  std::atomic<std::uint32_t> created;  // and was told that it has created
  std::atomic<std::uint64_t> id;       // of the segment that it got
  std::atomic<std::uint64_t> token;    // found in it
  std::atomic<std::int64_t> took_ns;
  std::atomic<std::int32_t> error;  // 1 + the code
};
struct Board {
  std::atomic<std::uint32_t> go;
  std::array<Account, kProcesses> accounts;
};

int Rounds() {
  const char* given = std::getenv("PLACID_SEGMENT_ROUNDS");
  return given != nullptr ? std::atoi(given) : 200;
}

// One process: `token` is its own, of this round.
void OpenOrCreate(Board& board, std::size_t me, const os::Name& name,
                  std::uint64_t token) {
  Account& account = board.accounts[me];
  CreateSegmentOptions options;
  options.size_bytes = 8192;
  options.participants = 4;
  options.lifetime = Lifetime::kUntilUnlinked;  // or there were a next one
  options.patience_ms = 20'000;
  options.place = [&](std::span<std::byte> bytes) -> Result<void> {
    account.placed = 1;
    // Both ends: a segment that is half made would lack the second.
    std::memcpy(bytes.data(), &token, sizeof(token));
    ::usleep(static_cast<useconds_t>(token % 300));  // a while to die in
    std::memcpy(bytes.last(8).data(), &token, sizeof(token));
    return Ok();
  };
  while (board.go == 0) ::sched_yield();
  const std::int64_t begin = os::MonotonicNow();
  const auto segment = Segment::OpenOrCreate(name, options);
  account.took_ns = os::MonotonicNow() - begin;
  if (!segment) {
    std::printf("%s\n", segment.error().Message().c_str());
    account.error = 1 + static_cast<std::int32_t>(segment.error().code);
    return;
  }
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::memcpy(&first, segment->bytes().data(), sizeof(first));
  std::memcpy(&last, segment->bytes().last(8).data(), sizeof(last));
  account.created = segment->was_created() ? 1 : 0;
  account.token = first == last ? first : 0;
  account.id = segment->id().word();
}

class Round {
 public:
  explicit Round(Board& board) : board_(board) {
    std::memset(static_cast<void*>(&board_), 0, sizeof(board_));
  }

  void Run(const os::Name& name, std::mt19937_64& random) {
    const std::uint64_t tokens = random() | 1;
    std::array<pid_t, kProcesses> pids{};
    std::fflush(nullptr);
    for (std::size_t i = 0; i < kProcesses; ++i) {
      pids[i] = ::fork();
      if (pids[i] == 0) {
        OpenOrCreate(board_, i, name, tokens + i);
        std::fflush(nullptr);
        ::_exit(0);
      }
    }
    board_.go = 1;
    const std::uint64_t kills = random() % kProcesses;
    for (std::uint64_t i = 0; i < kills; ++i) {
      ::usleep(static_cast<useconds_t>(random() % 200));
      ::kill(pids[ChooseVictim(random)], SIGKILL);
    }
    for (std::size_t i = 0; i < kProcesses; ++i) {
      int status = 0;
      ::waitpid(pids[i], &status, 0);
      was_killed_[i] = WIFSIGNALED(status);
    }
    Check(tokens);
  }

  [[nodiscard]] std::int64_t longest_ns() const { return longest_ns_; }
  [[nodiscard]] std::size_t killed() const {
    return static_cast<std::size_t>(
        std::count(was_killed_.begin(), was_killed_.end(), true));
  }
  [[nodiscard]] bool had_takeover() const { return had_takeover_; }

 private:
  // Half of the time one who is creating, if there is one.
  [[nodiscard]] std::size_t ChooseVictim(std::mt19937_64& random) const {
    const std::uint64_t draw = random();
    for (std::size_t i = 0; draw % 2 == 0 && i < kProcesses; ++i) {
      const Account& account = board_.accounts[i];
      if (account.placed != 0 && account.id == 0) return i;
    }
    return draw / 2 % kProcesses;
  }

  void Check(std::uint64_t tokens) {
    std::uint64_t id = 0;
    std::size_t creators = 0;
    std::size_t placed = 0;
    std::size_t survivors = 0;
    bool may_have_died_creating = false;
    for (std::size_t i = 0; i < kProcesses; ++i) {
      const Account& account = board_.accounts[i];
      EXPECT_EQ(account.error, 0);
      placed += account.placed;
      creators += account.created;
      may_have_died_creating =
          may_have_died_creating ||
          (was_killed_[i] && account.placed != 0 && account.id == 0);
      if (!was_killed_[i]) {
        ++survivors;
        EXPECT_NE(account.id, 0u);
      }
      if (account.id == 0) continue;
      longest_ns_ = std::max<std::int64_t>(longest_ns_, account.took_ns);
      EXPECT_TRUE(id == 0 || account.id == id) << "two segments at once";
      id = account.id;
      const std::uint64_t owner = account.token - tokens;
      ASSERT_LT(owner, kProcesses) << "a segment that is not whole";
      EXPECT_EQ(board_.accounts[owner].placed, 1u);
      EXPECT_EQ(account.created != 0, owner == i)
          << "who was told that it created is not who did";
    }
    EXPECT_LE(creators, 1u);
    if (survivors > 0 && !may_have_died_creating) {
      EXPECT_EQ(creators, 1u);
      EXPECT_EQ(placed, 1u);
    }
    had_takeover_ = placed > 1;
  }

  Board& board_;
  std::array<bool, kProcesses> was_killed_{};
  std::int64_t longest_ns_ = 0;
  bool had_takeover_ = false;
};

TEST(SegmentRaceStress, OneOfAllWhoAreNotKilledCreates) {
  const std::uint64_t seed = placid::testing::DrawSeed();
  std::mt19937_64 random(seed);
  void* const shared = ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto& board = *static_cast<Board*>(shared);
  placid::testing::Scratch scratch;
  const os::Name name = scratch.NewName();
  const int rounds = Rounds();
  std::int64_t longest_ns = 0;
  std::size_t killed = 0;
  int takeovers = 0;
  for (int i = 0; i < rounds && !HasFailure(); ++i) {
    Round round(board);
    round.Run(name, random);
    longest_ns = std::max(longest_ns, round.longest_ns());
    killed += round.killed();
    takeovers += round.had_takeover() ? 1 : 0;
    const auto unlinked = Segment::Unlink(name);
    EXPECT_TRUE(unlinked || unlinked.error().code == ErrorCode::kNotFound)
        << unlinked.error().Message().c_str();
    EXPECT_EQ(Segment::Open(name).error().code, ErrorCode::kNotFound);
    EXPECT_FALSE(os::SharedObject::Open(name, os::Access::kReadOnly))
        << "the record is left behind";
  }
  std::printf(
      "%d rounds of %zu processes: %zu killed, %d takeovers, longest wait "
      "%.1f ms\n",
      rounds, kProcesses, killed, takeovers,
      static_cast<double>(longest_ns) / kMillisecond);
  EXPECT_GT(killed, 0u);
  EXPECT_GT(takeovers, 0) << "nobody was killed while it created";
  ::munmap(shared, sizeof(Board));
}

}  // namespace
}  // namespace placid
