// SPDX-License-Identifier: Apache-2.0
//
// Processes open, create and close one name as they please, and some are killed
// at a random moment of it. Whoever has it open has a whole segment that the
// name leads to, whoever closes beside him; and when all have come to their end
// nobody can open it, and of those that closed it nothing is left.
//
// PLACID_LIFETIME_ROUNDS: how many rounds (60).
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <random>
#include <span>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/name_list.h"
#include "placid/segment/segment.h"
#include "tests/support/scratch.h"
#include "tests/support/seed.h"

namespace placid {
namespace {

constexpr std::size_t kProcesses = 6;
constexpr int kCycles = 30;

// What all processes tell, in memory that they share.
struct Board {
  std::atomic<std::uint32_t> go;
  std::atomic<std::uint64_t> opened;
  std::atomic<std::uint64_t> created;
  std::atomic<std::uint64_t> refused;   // there was none, or one already
  std::atomic<std::uint64_t> together;  // opened while somebody else had it so
  std::atomic<std::int64_t> open_now;
  std::atomic<std::uint64_t> wrong;
};

int Rounds() {
  const char* given = std::getenv("PLACID_LIFETIME_ROUNDS");
  return given != nullptr ? std::atoi(given) : 60;
}

class Player {
 public:
  Player(Board& board, const os::Name& name, std::uint64_t seed)
      : board_(board), name_(name), random_(seed) {
    options_.size_bytes = 8192;
    options_.participants = 4;
    options_.patience_ms = 20'000;
    options_.place = [this](std::span<std::byte> bytes) -> Result<void> {
      const std::uint64_t token = random_() | 1;
      std::memcpy(bytes.data(), &token, sizeof(token));
      Linger();
      std::memcpy(bytes.last(8).data(), &token, sizeof(token));
      return Ok();
    };
  }

  void Play() {
    while (board_.go == 0) ::sched_yield();
    for (int i = 0; i < kCycles; ++i) {
      Result<Segment> segment = Get();
      if (segment) {
        ++(segment->was_created() ? board_.created : board_.opened);
        if (board_.open_now.fetch_add(1) > 0) ++board_.together;
        Use(*segment);
        --board_.open_now;
      } else if (const ErrorCode code = segment.error().code;
                 code == ErrorCode::kNotFound ||
                 code == ErrorCode::kAlreadyExists) {
        ++board_.refused;
      } else {
        Complain(segment.error());
      }
    }
  }

 private:
  Result<Segment> Get() {
    switch (random_() % 3) {
      case 0: return Segment::Create(name_, options_);
      case 1: return Segment::OpenOrCreate(name_, options_);
      default: {
        OpenSegmentOptions options;
        options.patience_ms = options_.patience_ms;
        return Segment::Open(name_, options);
      }
    }
  }
  void Use(const Segment& segment) {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::memcpy(&first, segment.bytes().data(), sizeof(first));
    std::memcpy(&last, segment.bytes().last(8).data(), sizeof(last));
    if (first == 0 || first != last) {
      Complain({.code = ErrorCode::kCorrupt, .operation = "half made"});
    }
    for (int look = 0; look < 2; ++look) {
      const auto checked = segment.Check();
      if (!checked) Complain(checked.error());
      Linger();
    }
  }
  void Linger() { ::usleep(static_cast<useconds_t>(random_() % 100)); }
  void Complain(const Error& error) {
    ++board_.wrong;
    std::printf("%s\n", error.Message().c_str());
    std::fflush(stdout);
  }

  Board& board_;
  const os::Name& name_;
  std::mt19937_64 random_;
  CreateSegmentOptions options_;
};

class LifetimeRaceStress : public ::testing::Test {
 protected:
  LifetimeRaceStress() {
    void* const at = ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) std::abort();
    board_ = new (at) Board{};
  }
  ~LifetimeRaceStress() override { ::munmap(board_, sizeof(Board)); }

  // How many were killed.
  std::uint64_t PlayRound(std::uint64_t kills) {
    board_->go = 0;
    board_->open_now = 0;
    std::array<pid_t, kProcesses> pids{};
    std::fflush(nullptr);
    for (pid_t& pid : pids) {
      const std::uint64_t seed = random_();
      pid = ::fork();
      if (pid == 0) {
        ::alarm(120);
        Player(*board_, name_, seed).Play();
        std::fflush(nullptr);
        ::_exit(0);
      }
    }
    board_->go = 1;
    for (std::uint64_t i = 0; i < kills; ++i) {
      ::usleep(static_cast<useconds_t>(random_() % 3000));
      ::kill(pids[random_() % kProcesses], SIGKILL);
    }
    std::uint64_t killed = 0;
    for (const pid_t pid : pids) {
      int status = 0;
      ::waitpid(pid, &status, 0);
      killed += WIFSIGNALED(status) ? 1 : 0;
    }
    return killed;
  }
  void ExpectNothingLeft() {
    const auto all = os::ListNames();
    ASSERT_TRUE(all) << all.error().Message().c_str();
    for (const os::ListedObject& listed : *all) {
      EXPECT_EQ(listed.name.find(name_.text()), std::string::npos)
          << listed.name;
    }
  }
  void Report() const {
    std::printf(
        "%llu opened, %llu of all beside others, %llu created, %llu "
        "refused\n",
        static_cast<unsigned long long>(board_->opened),
        static_cast<unsigned long long>(board_->together),
        static_cast<unsigned long long>(board_->created),
        static_cast<unsigned long long>(board_->refused));
    EXPECT_EQ(board_->wrong, 0u);
    EXPECT_GT(board_->together, 0u) << "nobody met anybody";
    EXPECT_GT(board_->created, 1u) << "it never went";
  }

  std::uint64_t seed_ = placid::testing::DrawSeed();
  std::mt19937_64 random_{seed_};
  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  Board* board_ = nullptr;
};

TEST_F(LifetimeRaceStress, TheLastOfAllWhoCloseLeavesNothing) {
  for (int i = 0; i < Rounds() && !HasFailure(); ++i) {
    PlayRound(0);
    ExpectNothingLeft();
  }
  Report();
}

TEST_F(LifetimeRaceStress, WhatTheKilledLeaveIsNobodysAndGoes) {
  std::uint64_t killed = 0;
  int left = 0;
  for (int i = 0; i < Rounds() && !HasFailure(); ++i) {
    killed += PlayRound(1 + random_() % (2 * kProcesses));
    const auto record = os::SharedObject::Open(name_, os::Access::kReadOnly);
    left += record ? 1 : 0;
    const auto opened = Segment::Open(name_);
    ASSERT_FALSE(opened) << "nobody living had it open";
    EXPECT_EQ(opened.error().code, ErrorCode::kNotFound)
        << opened.error().Message().c_str();
    ExpectNothingLeft();
  }
  std::printf("%llu killed, %d times something was left\n",
              static_cast<unsigned long long>(killed), left);
  Report();
  EXPECT_GT(killed, 0u);
}

}  // namespace
}  // namespace placid
