// SPDX-License-Identifier: Apache-2.0
//
// Segments without names where /dev/shm has no room, where somebody is killed
// between two system calls, and where others do not behave.
#include "placid/segment/rendezvous.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "killed_at_stop.h"
#include "placid/base/error.h"
#include "placid/os/futex.h"
#include "placid/os/name.h"
#include "placid/primitives/dead_owner.h"
#include "placid/segment/membership.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_reader.h"
#include "shm.h"
#include "tests/support/child.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

using placid::testing::Child;
using placid::testing::FilesOf;
using placid::testing::KilledAtStop;
using ::testing::IsEmpty;

constexpr std::int64_t kLongMs = 30'000;
constexpr OpenSegmentOptions kPatient{.patience_ms = kLongMs};
constexpr uid_t kStranger = 54321;

std::ptrdiff_t CountDescriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                       {});
}

// Linux shows memory files by their label.
std::ptrdiff_t CountMappings() {
  std::FILE* const maps = std::fopen("/proc/self/maps", "r");
  std::array<char, 512> line{};
  std::ptrdiff_t count = 0;
  while (std::fgets(line.data(), line.size(), maps) != nullptr) {
    count += std::string_view(line.data()).find("memfd:placid") !=
                     std::string_view::npos
                 ? 1
                 : 0;
  }
  std::fclose(maps);
  return count;
}

// A socket at the place where a name is served, or that asks there.
class Socket {
 public:
  Socket() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] bool Listen(const os::Name& name, uid_t user) const {
    const Address address(name, user);
    return ::bind(fd_, address.get(), address.size) == 0 &&
           ::listen(fd_, 8) == 0;
  }
  [[nodiscard]] bool Ask(const os::Name& name, uid_t user) const {
    const Address address(name, user);
    return ::connect(fd_, address.get(), address.size) == 0;
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  struct Address {
    Address(const os::Name& name, uid_t user) {
      const std::string text = "placid." + std::to_string(user) + "." +
                               std::string(name.text()) + ".rendezvous";
      bytes.sun_family = AF_UNIX;
      std::copy(text.begin(), text.end(), &bytes.sun_path[1]);
      size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 +
                                    text.size());
    }
    [[nodiscard]] const sockaddr* get() const {
      return reinterpret_cast<const sockaddr*>(&bytes);
    }
    sockaddr_un bytes = {};
    socklen_t size = 0;
  };

  int fd_;
};

class LinuxRendezvousTest : public ::testing::Test {
 protected:
  static CreateSegmentOptions Options(std::uint64_t size_bytes = 5000) {
    CreateSegmentOptions options;
    options.size_bytes = size_bytes;
    options.participants = 4;
    return options;
  }
  static Result<void> NothingToRecover(const DeadOwner&) { return Ok(); }

  // Serves it until it is retired, in a process of its own.
  static void ServeOn(const Segment& segment) {
    ::alarm(250);  // a busy machine may take its time
    auto rendezvous = Rendezvous::Serve(segment);
    ASSERT_TRUE(rendezvous) << rendezvous.error().Message().c_str();
    EXPECT_EQ(rendezvous->Run(segment, StopToken()).error().code,
              ErrorCode::kUnlinked);
  }
  // Once a process that was begun serves it.
  Result<Segment> OpenSoon() {
    const std::int64_t end = os::MonotonicNow() + kLongMs * 1'000'000;
    for (;;) {
      auto opened = Rendezvous::Open(name_, kPatient);
      const bool is_early =
          !opened && opened.error().code == ErrorCode::kNotFound;
      if (!is_early || os::MonotonicNow() > end) return opened;
      ::usleep(100);
    }
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
};

// ---- What /dev/shm has no say in --------------------------------------------

// A /dev/shm of one megabyte, as containers have one of 64. Who may not mount
// has a segment larger than what is free there, if memory has room for it.
TEST_F(LinuxRendezvousTest, ASmallDevShmIsNoLimit) {
  Child child([&] {
    const int flags =
        ::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
    const bool is_small =
        ::unshare(flags) == 0 &&
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
        ::mount("none", "/dev/shm", "tmpfs", 0, "size=1m") == 0;
    struct statvfs shm {};
    ASSERT_EQ(::statvfs("/dev/shm", &shm), 0);
    const std::uint64_t room = shm.f_bfree * shm.f_frsize;
    std::printf("/dev/shm has room for %llu bytes%s\n",
                static_cast<unsigned long long>(room),
                is_small ? "" : ": nobody lets us mount another");
    const std::uint64_t more = room + 4096;
    EXPECT_EQ(Segment::Create(name_, Options(more)).error().code,
              ErrorCode::kNoSpace);
    const auto segment = Rendezvous::Create(name_, Options(more));
    if (!is_small && !segment) {
      EXPECT_EQ(segment.error().code, ErrorCode::kNoSpace);
      return;
    }
    ASSERT_TRUE(segment) << segment.error().Message().c_str();
    std::ranges::fill(segment->bytes(), std::byte{1});  // or SIGBUS
    Child server([&] { ServeOn(*segment); });
    const auto opened = OpenSoon();
    ASSERT_TRUE(opened) << opened.error().Message().c_str();
    EXPECT_EQ(opened->bytes().size(), more);
    EXPECT_EQ(opened->bytes().back(), std::byte{1});
    ASSERT_TRUE(Membership::Join(*opened));
    EXPECT_TRUE(Rendezvous::Retire(*opened));
    EXPECT_TRUE(server.EndsWell());
    EXPECT_THAT(FilesOf(name_), IsEmpty());
  });
  EXPECT_TRUE(child.EndsWell());
}

// ---- Deaths -----------------------------------------------------------------

// At whatever system call it dies, the name is free and nothing of it is left.
TEST_F(LinuxRendezvousTest, AKilledCreatorLeavesNothing) {
  int killed = 0;
  const auto create = [&] {
    Rendezvous rendezvous;
    const auto made = Rendezvous::OpenOrCreate(name_, Options(), rendezvous);
    if (made) (void)rendezvous.Poll(*made);
  };
  for (; KilledAtStop(killed + 1, create); ++killed) {
    EXPECT_EQ(Rendezvous::Open(name_).error().code, ErrorCode::kNotFound)
        << killed;
    Rendezvous rendezvous;
    const auto next = Rendezvous::OpenOrCreate(name_, Options(), rendezvous);
    ASSERT_TRUE(next) << killed << next.error().Message().c_str();
    EXPECT_TRUE(next->was_created()) << killed;
    ASSERT_THAT(FilesOf(name_), IsEmpty()) << killed;
  }
  std::printf("killed at %d stops\n", killed);
  EXPECT_GT(killed, 30);
}

// Two openers wait while whoever serves is killed, and replaced.
TEST_F(LinuxRendezvousTest, AKilledServerIsReplacedAndNobodyIsLost) {
  const auto segment = Rendezvous::Create(name_, Options());
  ASSERT_TRUE(segment);
  int killed = 0;
  int served_by_the_dead = 0;
  for (bool was_killed = true; was_killed; ++killed) {
    const Socket early;  // is there when it first looks
    const auto serve = [&] {
      auto rendezvous = Rendezvous::Serve(*segment);
      if (!rendezvous || !early.Ask(name_, ::geteuid())) ::_exit(1);
      (void)rendezvous->Poll(*segment);
    };
    was_killed = KilledAtStop(killed + 1, serve);
    char byte = 0;
    const ssize_t got = ::recv(early.fd(), &byte, sizeof(byte), MSG_DONTWAIT);
    served_by_the_dead += got == 1 ? 1 : 0;
    auto heir = Rendezvous::Serve(*segment);
    ASSERT_TRUE(heir) << killed << heir.error().Message().c_str();
    Child opener([&] {
      const auto opened = Rendezvous::Open(name_, kPatient);
      ASSERT_TRUE(opened) << opened.error().Message().c_str();
      EXPECT_EQ(opened->id(), segment->id());
    });
    EXPECT_EQ(*heir->Wait(*segment, kLongMs), 1u) << killed;
    EXPECT_TRUE(opener.EndsWell()) << killed;
  }
  std::printf("killed at %d stops, served before at %d\n", killed - 1,
              served_by_the_dead);
  EXPECT_GT(killed, 15);
  EXPECT_GT(served_by_the_dead, 0);
  EXPECT_LT(served_by_the_dead, killed);
}

// It dies with somebody at its door, and another takes over later on.
TEST_F(LinuxRendezvousTest, WhoWaitedForTheDeadIsServedByTheHeir) {
  const auto segment = Rendezvous::Create(name_, Options());
  ASSERT_TRUE(segment);
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  Child dying([&] {
    const auto rendezvous = *Rendezvous::Serve(*segment);
    ASSERT_EQ(::write(pipe[1], "x", 1), 1);
    pollfd event{.fd = static_cast<int>(rendezvous.event()),
                 .events = POLLIN,
                 .revents = 0};
    ASSERT_EQ(::poll(&event, 1, -1), 1);
    ::raise(SIGKILL);
  });
  char byte = 0;
  ASSERT_EQ(::read(pipe[0], &byte, 1), 1);
  Child opener([&] {
    const auto opened = Rendezvous::Open(name_, kPatient);
    ASSERT_TRUE(opened) << opened.error().Message().c_str();
    EXPECT_EQ(opened->id(), segment->id());
  });
  EXPECT_FALSE(dying.EndsWell());
  ::usleep(5000);  // for it to find nobody
  auto heir = Rendezvous::Serve(*segment);
  ASSERT_TRUE(heir) << heir.error().Message().c_str();
  EXPECT_EQ(*heir->Wait(*segment, kLongMs), 1u);
  EXPECT_TRUE(opener.EndsWell());
  for (const int fd : pipe) ::close(fd);
}

// Whoever serves never notices, and what it held by then is recovered.
TEST_F(LinuxRendezvousTest, AKilledOpenerCostsNobodyAnything) {
  const auto segment = Rendezvous::Create(name_, Options());
  ASSERT_TRUE(segment);
  Child server([&] { ServeOn(*segment); });
  ASSERT_TRUE(OpenSoon());
  const auto take_part = [&] {
    const auto opened = Rendezvous::Open(name_, kPatient);
    if (opened) (void)Membership::Join(*opened);
  };
  int killed = 0;
  std::uint64_t recovered = 0;
  for (; KilledAtStop(killed + 1, take_part); ++killed) {
    ASSERT_TRUE(Rendezvous::Open(name_, kPatient)) << killed;
    auto self = Membership::Join(*segment, {.recover = NothingToRecover});
    ASSERT_TRUE(self) << killed << self.error().Message().c_str();
    const auto dead = self->RecoverDead(*segment, NothingToRecover);
    ASSERT_TRUE(dead) << killed;
    recovered += *dead;
    for (std::uint64_t i = 1; i <= segment->participants().count(); ++i) {
      ASSERT_TRUE(i == self->id().index() ||
                  segment->participants().Look(i).phase() ==
                      RowState::Phase::kFree)
          << "a row is lost, killed at " << killed;
    }
  }
  std::printf("killed at %d stops, recovered %llu\n", killed,
              static_cast<unsigned long long>(recovered));
  EXPECT_GT(killed, 40);
  EXPECT_GT(recovered, 0u);
  EXPECT_TRUE(Rendezvous::Retire(*segment));
  EXPECT_TRUE(server.EndsWell());
}

// A child has the name for as long as it lives, as it has its parent's other
// descriptors.
TEST_F(LinuxRendezvousTest, AChildKeepsTheNameUntilItEnds) {
  const auto segment = Rendezvous::Create(name_, Options());
  auto rendezvous = *Rendezvous::Serve(*segment);
  {
    Child child([] { ::pause(); });
    rendezvous = Rendezvous();
    EXPECT_EQ(Rendezvous::Serve(*segment).error().code,
              ErrorCode::kAlreadyExists);
    child.Kill();
  }
  EXPECT_TRUE(Rendezvous::Serve(*segment));
}

// ---- Others who do not behave -----------------------------------------------

TEST_F(LinuxRendezvousTest, OpenersThatStallLieOrDieHoldUpNobody) {
  const auto segment = Rendezvous::Create(name_, Options());
  auto rendezvous = *Rendezvous::Serve(*segment);
  const auto before = CountDescriptors();
  const auto is_readable = [&] {
    pollfd event{.fd = static_cast<int>(rendezvous.event()),
                 .events = POLLIN,
                 .revents = 0};
    return ::poll(&event, 1, 0) == 1;
  };
  EXPECT_FALSE(is_readable());
  EXPECT_EQ(*rendezvous.Poll(*segment), 0u);
  {
    constexpr std::size_t kSilent = 100;
    std::vector<Socket> sockets(kSilent + 2);
    for (const Socket& socket : sockets) {
      ASSERT_TRUE(socket.Ask(name_, ::geteuid()));
    }
    const std::string lies(1000, 'x');
    ASSERT_EQ(::send(sockets[kSilent].fd(), lies.data(), lies.size(), 0), 1000);
    ::shutdown(sockets[kSilent + 1].fd(), SHUT_RDWR);
    { Socket dead(std::move(sockets[0])); }
    EXPECT_TRUE(is_readable());
    EXPECT_EQ(*rendezvous.Poll(*segment), 63u) << "64 at most, and one is dead";
    EXPECT_EQ(*rendezvous.Poll(*segment), kSilent + 1 - 64);
    EXPECT_FALSE(is_readable());
    Child opener([&] { EXPECT_TRUE(Rendezvous::Open(name_, kPatient)); });
    EXPECT_EQ(*rendezvous.Wait(*segment, kLongMs), 1u);
    EXPECT_TRUE(opener.EndsWell());
  }
  EXPECT_EQ(CountDescriptors(), before);
}

// Only the superuser can become somebody else to try it.
TEST_F(LinuxRendezvousTest, AnotherUserGetsNothingAndGivesNothing) {
  if (::geteuid() != 0) return;
  const auto segment = Rendezvous::Create(name_, Options());
  auto rendezvous = *Rendezvous::Serve(*segment);
  Child stranger([&] {
    ASSERT_EQ(::setuid(kStranger), 0);
    EXPECT_EQ(Rendezvous::Open(name_).error().code, ErrorCode::kNotFound)
        << "each user's names are his own";
    const Socket socket;
    ASSERT_TRUE(socket.Ask(name_, 0));
    char byte = 0;
    EXPECT_EQ(::read(socket.fd(), &byte, 1), 0);  // hung up on
  });
  EXPECT_EQ(*rendezvous.Wait(*segment, kLongMs), 0u);
  EXPECT_TRUE(stranger.EndsWell());

  // He can take a name, and is found out.
  const os::Name squatted = scratch_.NewName();
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  Child squatter([&] {
    ASSERT_EQ(::setuid(kStranger), 0);
    const Socket socket;
    ASSERT_TRUE(socket.Listen(squatted, 0));
    ASSERT_EQ(::write(pipe[1], "x", 1), 1);
    ::pause();
  });
  char byte = 0;
  ASSERT_EQ(::read(pipe[0], &byte, 1), 1);
  const auto opened = Rendezvous::Open(squatted, kPatient);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(opened.error().found, kStranger);
  const auto own = Rendezvous::Create(squatted, Options());
  EXPECT_EQ(Rendezvous::Serve(*own).error().code, ErrorCode::kAlreadyExists);
  for (const int fd : pipe) ::close(fd);
}

// Something else than placid listens there, and says so in its own words.
TEST_F(LinuxRendezvousTest, AForeignServerIsToldFromOurs) {
  const Socket listener;
  ASSERT_TRUE(listener.Listen(name_, ::geteuid()));
  Child server([&] {
    const int socket = ::accept(listener.fd(), nullptr, nullptr);
    const std::string greeting = "220 welcome to something else entirely";
    ASSERT_EQ(::send(socket, greeting.data(), greeting.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(greeting.size()));
    char byte = 0;
    (void)!::read(socket, &byte, 1);
  });
  const auto opened = Rendezvous::Open(name_, kPatient);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(opened.error().advice, nullptr);
  EXPECT_TRUE(server.EndsWell());
}

// Who has no descriptor left says so, and serves whoever waited once it has.
TEST_F(LinuxRendezvousTest, WithoutDescriptorsNobodyIsTurnedAway) {
  const auto segment = Rendezvous::Create(name_, Options());
  auto rendezvous = *Rendezvous::Serve(*segment);
  const Socket waiting;
  ASSERT_TRUE(waiting.Ask(name_, ::geteuid()));
  Child child([&] {
    const rlimit few{.rlim_cur = 3, .rlim_max = 3};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    const auto refused = rendezvous.Poll(*segment);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().system_error, EMFILE);
    EXPECT_TRUE(rendezvous.is_serving());
  });
  EXPECT_TRUE(child.EndsWell());
  EXPECT_EQ(*rendezvous.Poll(*segment), 1u);
}

// ---- Leaks ------------------------------------------------------------------

TEST_F(LinuxRendezvousTest, RoundsOfEverythingLeaveNothingOpen) {
  constexpr int kRounds = 100;
  const auto keeper = Rendezvous::Create(name_, Options());
  Child server([&] { ServeOn(*keeper); });
  ASSERT_TRUE(OpenSoon());
  const os::Name other = scratch_.NewName();
  const auto round = [&] {
    const auto opened = Rendezvous::Open(name_, kPatient);
    const auto reader = Rendezvous::OpenReader(name_, kPatient);
    ASSERT_TRUE(opened && reader);
    const auto member =
        Membership::Join(*opened, {.recover = NothingToRecover});
    ASSERT_TRUE(member);
    EXPECT_FALSE(Rendezvous::Serve(*opened));
    EXPECT_FALSE(Rendezvous::Open(other));
    Rendezvous rendezvous;
    const auto made = Rendezvous::OpenOrCreate(other, Options(), rendezvous);
    ASSERT_TRUE(made);
    {
      const Socket leaver;
      ASSERT_TRUE(leaver.Ask(other, ::geteuid()));
    }
    EXPECT_EQ(*rendezvous.Poll(*made), 0u);
    OpenSegmentOptions wrong = kPatient;
    wrong.fingerprint = 1;
    EXPECT_FALSE(Rendezvous::Open(name_, wrong));
    EXPECT_FALSE(Rendezvous::OpenReader(name_, wrong));
  };
  round();
  const auto descriptors = CountDescriptors();
  const auto mappings = CountMappings();
  for (int i = 0; i < kRounds && !HasFailure(); ++i) round();
  EXPECT_EQ(CountDescriptors(), descriptors);
  EXPECT_EQ(CountMappings(), mappings);
  EXPECT_THAT(FilesOf(name_), IsEmpty());
  EXPECT_THAT(FilesOf(other), IsEmpty());
  EXPECT_TRUE(Rendezvous::Retire(*keeper));
  EXPECT_TRUE(server.EndsWell());
}

}  // namespace
}  // namespace placid
