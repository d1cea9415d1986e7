// SPDX-License-Identifier: Apache-2.0
//
// Eight processes create, join, leave and destroy segments and streams, and are
// killed at random moments, while another cleans without a pause. Whoever has
// joined finds what it has joined in its place for as long as it lives; in the
// end nothing is left, and a second cleaning finds nothing to do.
//
// PLACID_CLEAN_KILLS: how many processes are killed (40).
#include <gtest/gtest.h>
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
#include <new>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "cli/inventory.h"
#include "cli/stream.h"
#include "cli/stream_header.h"
#include "cli/stream_look.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/futex.h"
#include "placid/os/name.h"
#include "placid/primitives/dead_owner.h"
#include "placid/segment/discovery.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/membership.h"
#include "placid/segment/segment.h"
#include "tests/support/seed.h"

namespace placid::cli {
namespace {

constexpr std::size_t kProcesses = 8;
constexpr std::size_t kNames = 6;  // of each kind

// In memory that all share.
struct Board {
  std::atomic<std::uint64_t> joined;    // segments
  std::atomic<std::uint64_t> streamed;  // sides of streams taken
  std::atomic<std::uint64_t> touched;   // what a living one had was taken away
};

int Kills() {
  const char* given = std::getenv("PLACID_CLEAN_KILLS");
  return given != nullptr ? std::atoi(given) : 40;
}

// One of the eight.
class Player {
 public:
  Player(Board& board, const std::string& stem, std::uint64_t seed)
      : board_(board), stem_(stem), random_(seed) {}

  [[noreturn]] void Play() {
    ::alarm(300);
    for (;;) {
      switch (random_() % 8) {
        case 0:
        case 1:
        case 2:
          // Nobody here unlinks these, and they stay when all have closed
          // them: only the cleaning may take them away.
          JoinSegment(NameOf("kept"), /*is_ours_alone_to_clean=*/true);
          break;
        case 3:
        case 4:
          JoinSegment(NameOf("shared"), /*is_ours_alone_to_clean=*/false);
          break;
        case 5: JoinStream(NameOf("stream")); break;
        // Of names that nobody else comes to: what a death leaves here is the
        // cleaning's alone to find.
        case 6: JoinStream(OwnName("alone-stream")); break;
        default:
          JoinSegment(OwnName("alone"), /*is_ours_alone_to_clean=*/false);
          break;
      }
    }
  }

 private:
  os::Name OwnName(const char* kind) {
    return *os::Name::Parse(stem_ + kind + std::to_string(::getpid()));
  }
  os::Name NameOf(const char* kind) {
    return *os::Name::Parse(stem_ + kind + std::to_string(random_() % kNames));
  }
  void Linger() { ::usleep(static_cast<useconds_t>(random_() % 2000)); }

  void Complain(const os::Name& name, std::string_view what) {
    ++board_.touched;
    std::printf("%.*s: %.*s\n", static_cast<int>(name.text().size()),
                name.text().data(), static_cast<int>(what.size()), what.data());
    std::fflush(stdout);
  }

  void JoinSegment(const os::Name& name, bool is_ours_alone_to_clean) {
    CreateSegmentOptions options;
    options.size_bytes = 8192;
    options.participants = kProcesses;
    options.patience_ms = 20'000;
    if (is_ours_alone_to_clean) options.lifetime = Lifetime::kUntilUnlinked;
    options.place = [this](std::span<std::byte>) -> Result<void> {
      Linger();  // a while to die in
      return Ok();
    };
    const auto segment = Segment::OpenOrCreate(name, options);
    if (!segment) return;
    auto member = Membership::Join(
        *segment,
        {.recover = [](const DeadOwner&) -> Result<void> { return Ok(); }});
    if (!member) return;  // it was taken away before we had joined
    ++board_.joined;
    for (int look = 0; look < 3; ++look) {
      Linger();
      if (!is_ours_alone_to_clean) break;
      const auto checked = segment->Check();
      if (!checked) Complain(name, checked.error().Message().view());
    }
    if (!is_ours_alone_to_clean && random_() % 2 == 0) {
      (void)Segment::Unlink(name);
    }
  }

  void JoinStream(const os::Name& name) {
    auto stream =
        Stream::Join(name, Side::kSender, StreamHeader::kLeastCapacity);
    if (!stream) return;  // somebody else sends
    ++board_.streamed;
    Linger();
    const auto look = LookAtStream(name);
    if (!look || !look->sender.is_alive ||
        look->sender.identity.pid != static_cast<std::uint64_t>(::getpid())) {
      Complain(name, "the stream is not there any more");
    }
    stream->Leave(StreamState::kInterrupted);
  }

  Board& board_;
  const std::string& stem_;
  std::mt19937_64 random_;
};

class CleanStress : public ::testing::Test {
 protected:
  CleanStress() {
    void* at = ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) std::abort();
    board_ = new (at) Board{};
  }
  ~CleanStress() override {
    for (const pid_t pid : pids_) End(pid);
    ::munmap(board_, sizeof(Board));
  }

  void Start(std::size_t index) {
    const std::uint64_t seed = random_();
    std::fflush(nullptr);
    pids_[index] = ::fork();
    if (pids_[index] == 0) Player(*board_, stem_, seed).Play();
  }
  static void End(pid_t pid) {
    if (pid <= 0) return;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }

  // What of ours goes. Others use the same folder.
  int CleanOnce(Clear what) {
    const auto entries = TakeInventory();
    if (!entries) {
      ADD_FAILURE() << entries.error().Message().c_str();
      return 0;
    }
    int removed = 0;
    for (const Entry& entry : *entries) {
      if (!entry.found.name.starts_with(stem_)) continue;
      const auto done = ClearEntry(entry, what);
      if (done) {
        removed += *done ? 1 : 0;
      } else if (done.error().code != ErrorCode::kNotFound) {
        ADD_FAILURE() << entry.found.name << ": "
                      << done.error().Message().c_str();
      }
    }
    return removed;
  }
  int CountLeft() {
    const auto entries = TakeInventory();
    int left = 0;
    for (const Entry& entry : *entries) {
      if (!entry.found.name.starts_with(stem_)) continue;
      ++left;
      std::printf("left: %s: %s\n", entry.found.name.c_str(), entry.found.why);
    }
    return left;
  }

  std::mt19937_64 random_{placid::testing::DrawSeed()};
  const std::string stem_ = "clean-" + std::to_string(::getpid()) + "-" +
                            std::to_string(os::MonotonicNow()) + "-";
  Board* board_ = nullptr;
  std::array<pid_t, kProcesses> pids_{};
};

TEST_F(CleanStress, NothingThatLivesIsTouchedAndNothingDeadIsLeft) {
  for (std::size_t i = 0; i < kProcesses; ++i) Start(i);
  const int kills = Kills();
  int orphans = 0;
  int unused = 0;
  for (int killed = 0; killed < kills; ++killed) {
    for (int cleaning = 0; cleaning < 3; ++cleaning) {
      if (random_() % 2 == 0) {
        orphans += CleanOnce(Clear::kOrphans);
      } else {
        unused += CleanOnce(Clear::kUnused);
      }
    }
    const std::size_t victim = random_() % kProcesses;
    ::usleep(static_cast<useconds_t>(random_() % 3000));
    End(pids_[victim]);
    Start(victim);
  }
  for (pid_t& pid : pids_) {
    End(pid);
    pid = 0;
  }
  std::printf(
      "%d killed; %llu joined, %llu streamed; removed %d orphans, %d unused\n",
      kills, static_cast<unsigned long long>(board_->joined.load()),
      static_cast<unsigned long long>(board_->streamed.load()), orphans,
      unused);
  EXPECT_EQ(board_->touched, 0u);
  EXPECT_GT(board_->joined, 0u);
  EXPECT_GT(board_->streamed, 0u);
  EXPECT_GT(orphans + unused, 0) << "there was nothing to clean";
  CleanOnce(Clear::kUnused);
  EXPECT_EQ(CountLeft(), 0);
  EXPECT_EQ(CleanOnce(Clear::kUnused), 0) << "the second has nothing to do";
}

}  // namespace
}  // namespace placid::cli
