// SPDX-License-Identifier: Apache-2.0
//
// Several processes make the same names in one segment's directory at once, and
// some are killed at a random moment of it. Whoever finds a name being made
// looks whether its maker is dead, recovers it, and makes it itself. However
// that goes, each name gets one object, whole, and nobody waits for ever.
//
// PLACID_DIRECTORY_ROUNDS: how many rounds (60).
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <string>

#include "placid/os/name.h"
#include "placid/segment/directory.h"
#include "placid/segment/membership.h"
#include "placid/segment/segment.h"
#include "tests/support/scratch.h"
#include "tests/support/seed.h"

namespace placid {
namespace {

constexpr std::size_t kProcesses = 5;
constexpr std::size_t kNames = 24;
constexpr std::uint64_t kObjectBytes = 3000;
constexpr ObjectType kType{TypeId::kFirstForeign, 0, 1, 0, {}};

// What the processes tell of themselves, in memory that all share.
struct Board {
  std::atomic<std::uint32_t> go;
  std::array<std::atomic<std::uint32_t>, kNames> made;
  std::atomic<std::uint32_t> begun;
  std::atomic<std::uint32_t> recovered;
  std::atomic<std::uint32_t> wrong;
};

int Rounds() {
  const char* given = std::getenv("PLACID_DIRECTORY_ROUNDS");
  return given != nullptr ? std::atoi(given) : 60;
}

std::string Name(std::size_t name) { return "name " + std::to_string(name); }

// The name's number, in each word of the object.
bool IsWhole(std::span<const std::byte> object, std::size_t name) {
  for (std::size_t at = 0; at < object.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, &object[at], sizeof(word));
    if (word != name + 1) return false;
  }
  return object.size() == kObjectBytes;
}

// False: somebody else, perhaps dead, is making it.
bool Ask(Board& board, const Directory& directory, OwnerId me,
         std::size_t name) {
  const auto found = directory.FindOrCreate(
      Name(name), me, kType, kObjectBytes,
      [&](std::span<std::byte> object) -> Result<void> {
        ++board.begun;
        const std::uint64_t word = name + 1;
        for (std::size_t at = 0; at < object.size(); at += sizeof(word)) {
          std::uint64_t before = 0;
          std::memcpy(&before, &object[at], sizeof(before));
          if (before != 0) ++board.wrong;
          std::memcpy(&object[at], &word, sizeof(word));
        }
        if (name % 2 == 0) ::usleep(100);  // a while to die in
        return Ok();
      });
  if (!found) {
    if (found.error().code != ErrorCode::kBusy) {
      std::printf("%s\n", found.error().Message().c_str());
      ++board.wrong;
    }
    return false;
  }
  if (!IsWhole(found->bytes, name)) ++board.wrong;
  if (found->was_created) ++board.made[name];
  return true;
}

void RunProcess(Board& board, const os::Name& segment_name,
                std::uint64_t seed) {
  ::alarm(120);
  const auto segment = Segment::Open(segment_name);
  if (!segment) ::_exit(1);
  const auto directory = Directory::Attach(segment->bytes());
  auto member = Membership::Join(*segment);
  if (!directory || !member) ::_exit(1);
  const auto recover = [&](const DeadOwner& dead) -> Result<void> {
    board.recovered += static_cast<std::uint32_t>(directory->Recover(dead));
    return Ok();
  };
  std::mt19937_64 random(seed);
  while (board.go == 0) ::sched_yield();
  const auto first = static_cast<std::size_t>(random() % kNames);
  for (std::size_t i = 0; i < kNames; ++i) {
    const std::size_t name = (first + i) % kNames;
    while (!Ask(board, *directory, member->id(), name)) {
      if (!member->RecoverDead(*segment, recover)) ++board.wrong;
      ::sched_yield();
    }
  }
}

class Round {
 public:
  explicit Round(Board& board) : board_(board) {
    std::memset(static_cast<void*>(&board_), 0, sizeof(board_));
  }

  void Run(const os::Name& name, std::mt19937_64& random) {
    CreateSegmentOptions options;
    options.size_bytes = Directory::SizeFor(
        kNames + 8,
        kNames * ObjectRecord::SpaceFor("name 24", kType, kObjectBytes));
    options.participants = kProcesses + 1;
    options.fingerprint = kPlacedFingerprint<Directory>;
    options.place = [](std::span<std::byte> bytes) -> Result<void> {
      const auto made = Directory::Create(bytes, kNames + 8);
      if (!made) return made.error();
      return Ok();
    };
    const auto segment = *Segment::Create(name, options);
    std::array<pid_t, kProcesses> pids{};
    std::fflush(nullptr);
    for (pid_t& pid : pids) {
      const std::uint64_t seed = random();
      pid = ::fork();
      if (pid == 0) {
        RunProcess(board_, name, seed);
        std::fflush(nullptr);
        ::_exit(0);
      }
    }
    board_.go = 1;
    const std::uint64_t kills = 1 + random() % kProcesses;
    for (std::uint64_t i = 0; i < kills; ++i) {
      ::usleep(static_cast<useconds_t>(random() % 1500));
      ::kill(pids[random() % kProcesses], SIGKILL);
    }
    for (const pid_t pid : pids) {
      int status = 0;
      ::waitpid(pid, &status, 0);
      killed_ += WIFSIGNALED(status) ? 1 : 0;
      EXPECT_TRUE(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
                                      : WEXITSTATUS(status) == 0);
    }
    Check(segment);
  }
  [[nodiscard]] int killed() const { return killed_; }

 private:
  // What the dead were making is recovered; then all can be had at once.
  void Check(const Segment& segment) {
    const auto directory = *Directory::Attach(segment.bytes());
    auto member = *Membership::Join(segment);
    EXPECT_TRUE(member.RecoverDead(segment, [&](const DeadOwner& dead) {
      board_.recovered += static_cast<std::uint32_t>(directory.Recover(dead));
      return Ok();
    }));
    for (std::size_t name = 0; name < kNames; ++name) {
      EXPECT_TRUE(Ask(board_, directory, member.id(), name))
          << "nobody is left who could be making it";
      EXPECT_LE(board_.made[name], 1u) << "made twice";
    }
    std::uint64_t ready = 0;
    const bool is_whole = directory.ForEach([&](const DirectoryEntry& entry) {
      EXPECT_EQ(entry.state.phase(), EntryState::Phase::kReady);
      ++ready;
    });
    EXPECT_TRUE(is_whole);
    EXPECT_EQ(ready, kNames) << "no name twice, no entry lost";
    EXPECT_EQ(board_.wrong, 0u);
  }

  Board& board_;
  int killed_ = 0;
};

TEST(DirectoryRaceStress, EachNameGetsOneObjectWhoeverIsKilled) {
  const std::uint64_t seed = placid::testing::DrawSeed();
  std::mt19937_64 random(seed);
  void* const shared = ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto& board = *static_cast<Board*>(shared);
  placid::testing::Scratch scratch;
  const os::Name name = scratch.NewName();
  const int rounds = Rounds();
  int killed = 0;
  std::uint64_t recovered = 0;
  std::uint64_t begun = 0;
  for (int i = 0; i < rounds && !HasFailure(); ++i) {
    Round round(board);
    round.Run(name, random);
    killed += round.killed();
    recovered += board.recovered;
    begun += board.begun;
    EXPECT_FALSE(Segment::Open(name)) << "nobody has it open any more";
  }
  std::printf(
      "%d rounds of %zu processes and %zu names: %d killed, %llu objects "
      "recovered, %llu begun\n",
      rounds, kProcesses, kNames, killed,
      static_cast<unsigned long long>(recovered),
      static_cast<unsigned long long>(begun));
  EXPECT_GT(killed, 0);
  EXPECT_GT(recovered, 0u) << "nobody was killed while it made something";
  ::munmap(shared, sizeof(Board));
}

}  // namespace
}  // namespace placid
