// SPDX-License-Identifier: Apache-2.0
#include "placid/os/handover.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "deny.h"
#include "gtest/gtest.h"
#include "in_child.h"
#include "placid/base/error.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "tests/support/child.h"

namespace placid::os {
namespace {

using placid::testing::Child;

constexpr std::int64_t kLongMs = 10'000;

// The address that the library uses, written out.
struct Address {
  explicit Address(const Name& name) {
    const std::string text = "placid." + std::to_string(::geteuid()) + "." +
                             std::string(name.text());
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

int Socket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }

std::ptrdiff_t CountDescriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                       {});
}

class LinuxHandoverTest : public ::testing::Test {
 protected:
  const Name name_ =
      *Name::Parse("linux-handover-" + std::to_string(::getpid()));
  const SharedObject object_ = *SharedObject::CreateAnonymous(4096);
};

TEST_F(LinuxHandoverTest, AReceiverThatLeavesIsNotSaidToHaveReceived) {
  auto listener = *HandoverListener::Listen(name_);
  const Address address(name_);
  const int leaver = Socket();
  ASSERT_EQ(::connect(leaver, address.get(), address.size), 0);
  ::close(leaver);
  EXPECT_EQ(listener.GiveTo(object_, Access::kReadOnly, kLongMs).error().code,
            ErrorCode::kPeerDied);
  // One that stays but never answers.
  const int silent = Socket();
  ASSERT_EQ(::connect(silent, address.get(), address.size), 0);
  EXPECT_EQ(listener.GiveTo(object_, Access::kReadOnly, 20).error().code,
            ErrorCode::kTimedOut);
  ::close(silent);
}

// It has the descriptor by then, but says something else than that.
TEST_F(LinuxHandoverTest, AReceiverWithAnotherAnswerHasNotReceived) {
  auto listener = *HandoverListener::Listen(name_);
  const Address address(name_);
  const int rude = Socket();
  ASSERT_EQ(::connect(rude, address.get(), address.size), 0);
  ASSERT_EQ(::send(rude, "x", 1, 0), 1);
  EXPECT_EQ(listener.GiveTo(object_, Access::kReadOnly, kLongMs).error().code,
            ErrorCode::kPeerDied);
  ::close(rude);
}

// Silent, gone, and many: none of them holds up whoever offers.
TEST_F(LinuxHandoverTest, AnOfferWaitsForNobody) {
  auto listener = *HandoverListener::Listen(name_);
  const Address address(name_);
  const Gift gift{object_, Access::kReadWrite};
  const auto is_readable = [&] {
    pollfd event{.fd = static_cast<int>(listener.event()),
                 .events = POLLIN,
                 .revents = 0};
    return ::poll(&event, 1, 0) == 1;
  };
  EXPECT_FALSE(is_readable());
  std::vector<int> silent(100);
  for (int& socket : silent) {
    socket = Socket();
    ASSERT_EQ(::connect(socket, address.get(), address.size), 0);
  }
  EXPECT_TRUE(is_readable());
  for (std::size_t i = 0; i < silent.size(); ++i) {
    ASSERT_EQ(*listener.Offer({&gift, 1}, kLongMs), Offered::kGiven);
  }
  EXPECT_FALSE(is_readable());
  EXPECT_EQ(*listener.Offer({&gift, 1}, 0), Offered::kNobody);
  for (const int socket : silent) ::close(socket);
  const int leaver = Socket();
  ASSERT_EQ(::connect(leaver, address.get(), address.size), 0);
  ::close(leaver);
  EXPECT_EQ(*listener.Offer({&gift, 1}, 0), Offered::kLost);
}

// Without a descriptor left there is nobody accepted, and so nobody lost.
TEST_F(LinuxHandoverTest, WhoCannotBeServedYetGoesOnWaiting) {
  auto listener = *HandoverListener::Listen(name_);
  const Address address(name_);
  const int socket = Socket();
  ASSERT_EQ(::connect(socket, address.get(), address.size), 0);
  const Gift gift{object_, Access::kReadOnly};
  InChild([&] {
    const rlimit few{.rlim_cur = 3, .rlim_max = 3};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    const auto refused = listener.Offer({&gift, 1}, kLongMs);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kSystem);
    EXPECT_EQ(refused.error().system_error, EMFILE);
  });
  EXPECT_EQ(*listener.Offer({&gift, 1}, 0), Offered::kGiven);
  ::close(socket);
}

// Who was there when poll looked is gone again, and the next may take its time.
TEST_F(LinuxHandoverTest, AReceiverThatIsGoneAgainIsNotTheLast) {
  InChild([this] {
    auto listener = *HandoverListener::Listen(name_);
    const Address address(name_);
    const int socket = Socket();
    ASSERT_EQ(::connect(socket, address.get(), address.size), 0);
    for (const int error : {EAGAIN, ECONNABORTED, EINTR}) {
      Deny(SYS_accept4, error);
      EXPECT_EQ(listener.GiveTo(object_, Access::kReadOnly, 5).error().code,
                ErrorCode::kTimedOut)
          << error;
    }
    ::close(socket);
  });
}

// Its queue is full: there may be room in time.
TEST_F(LinuxHandoverTest, AGiverWithTooManyReceiversIsWaitedFor) {
  const Address address(name_);
  const int listener = Socket();
  ASSERT_EQ(::bind(listener, address.get(), address.size), 0);
  ASSERT_EQ(::listen(listener, 0), 0);
  const int first = Socket();
  ASSERT_EQ(::connect(first, address.get(), address.size), 0);
  EXPECT_EQ(ReceiveHandover(name_, 5).error().code, ErrorCode::kTimedOut);
  ::close(first);
  ::close(listener);
}

TEST_F(LinuxHandoverTest, WhoMayOnlyReadCannotGiveMore) {
  auto listener = *HandoverListener::Listen(name_);
  const auto reader = *SharedObject::Adopt(
      ::fcntl(static_cast<int>(object_.handle()), F_DUPFD_CLOEXEC, 0),
      Access::kReadOnly);
  std::thread giver([&] {
    EXPECT_TRUE(listener.GiveTo(reader, Access::kReadWrite, kLongMs));
  });
  const auto received = ReceiveHandover(name_, kLongMs);
  giver.join();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->access(), Access::kReadOnly);
  EXPECT_EQ(::fcntl(static_cast<int>(received->handle()), F_GETFL) & O_ACCMODE,
            O_RDONLY);
}

// A raw name is the whole address.
TEST_F(LinuxHandoverTest, ARawNameIsTheAddressItself) {
  const std::string text = "raw-" + std::string(name_.text());
  const auto listener = HandoverListener::Listen(*Name::Raw(text));
  ASSERT_TRUE(listener);
  sockaddr_un bytes = {};
  bytes.sun_family = AF_UNIX;
  std::copy(text.begin(), text.end(), &bytes.sun_path[1]);
  const int socket = Socket();
  EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&bytes),
                      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) +
                                             1 + text.size())),
            0);
  ::close(socket);
}

// Says whatever it likes: the bytes of a promise, and any descriptors.
ErrorCode ReceiveFromLiar(const Name& name, std::string_view promise,
                          const std::vector<int>& descriptors) {
  const int listener = Socket();
  const Address address(name);
  EXPECT_EQ(::bind(listener, address.get(), address.size), 0);
  EXPECT_EQ(::listen(listener, 1), 0);
  std::thread liar([&] {
    const int socket = ::accept(listener, nullptr, nullptr);
    iovec bytes{const_cast<char*>(promise.data()), promise.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(8 * sizeof(int))> control{};
    msghdr message = {};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
      const std::size_t size = descriptors.size() * sizeof(int);
      message.msg_control = control.data();
      message.msg_controllen = CMSG_SPACE(size);
      cmsghdr* const header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(size);
      std::memcpy(CMSG_DATA(header), descriptors.data(), size);
    }
    EXPECT_GE(::sendmsg(socket, &message, MSG_NOSIGNAL), 0);
    char answer = 0;
    (void)!::read(socket, &answer, 1);  // until the receiver has given up
    ::close(socket);
  });
  const auto received = ReceiveHandover(name, kLongMs);
  liar.join();
  ::close(listener);
  EXPECT_FALSE(received);
  return received ? ErrorCode::kSystem : received.error().code;
}

TEST_F(LinuxHandoverTest, ALiarIsRefusedAndLeavesNoDescriptor) {
  // magic, size, is_writable, reserved: as in src/os/posix/handover.cc.
  const auto promise = [](std::uint64_t size, std::uint32_t is_writable) {
    std::string text(24, '\0');
    const std::uint64_t magic = 0x31766f6863616c70;
    std::memcpy(&text[0], &magic, 8);
    std::memcpy(&text[8], &size, 8);
    std::memcpy(&text[16], &is_writable, 4);
    return text;
  };
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const int good = static_cast<int>(object_.handle());
  const int empty = ::memfd_create("placid-test", MFD_CLOEXEC);
  const std::string path = "/proc/self/fd/" + std::to_string(good);
  const int read_only = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const auto before = CountDescriptors();

  struct Lie {
    const char* what;
    std::string promise;
    std::vector<int> descriptors;
    ErrorCode expected;
  };
  const std::vector<Lie> lies = {
      {"no magic", std::string(24, 'x'), {good}, ErrorCode::kCorrupt},
      {"short", promise(4096, 1).substr(0, 23), {good}, ErrorCode::kCorrupt},
      {"no descriptor", promise(4096, 1), {}, ErrorCode::kCorrupt},
      {"two", promise(4096, 1), {good, good}, ErrorCode::kCorrupt},
      {"eight", promise(4096, 1), std::vector<int>(8, good),
       ErrorCode::kCorrupt},
      {"too large", promise(8192, 1), {good}, ErrorCode::kTruncated},
      {"far too large", promise(~0ULL, 1), {good}, ErrorCode::kTruncated},
      {"empty", promise(0, 1), {empty}, ErrorCode::kTruncated},
      {"a pipe", promise(4096, 0), {pipe[0]}, ErrorCode::kInvalidArgument},
      {"not writable",
       promise(4096, 1),
       {read_only},
       ErrorCode::kPermissionDenied},
  };
  for (const Lie& lie : lies) {
    EXPECT_EQ(ReceiveFromLiar(name_, lie.promise, lie.descriptors),
              lie.expected)
        << lie.what;
    EXPECT_EQ(CountDescriptors(), before) << lie.what;
  }
  for (const int fd : {pipe[0], pipe[1], empty, read_only}) ::close(fd);
}

// Names may be longer than addresses; what is cut must still tell them apart.
TEST_F(LinuxHandoverTest, LongNamesDoNotMeet) {
  const std::string text(Name::kMaxBytes - 1, 'n');
  const auto one = HandoverListener::Listen(*Name::Parse(text + "1"));
  const auto other = HandoverListener::Listen(*Name::Parse(text + "2"));
  EXPECT_TRUE(one);
  EXPECT_TRUE(other);
  EXPECT_EQ(HandoverListener::Listen(*Name::Parse(text + "1")).error().code,
            ErrorCode::kAlreadyExists);
}

// Only the superuser can become somebody else to try it.
TEST_F(LinuxHandoverTest, AnotherUserGetsNothing) {
  constexpr uid_t kStranger = 54321;
  auto listener = *HandoverListener::Listen(name_);
  const Address address(name_);
  if (::geteuid() != 0) return;
  Child stranger([&address] {
    ASSERT_EQ(::setuid(kStranger), 0);
    const int socket = Socket();
    ASSERT_EQ(::connect(socket, address.get(), address.size), 0);
    char byte = 0;
    EXPECT_EQ(::read(socket, &byte, 1), 0);  // hung up on
  });
  const auto given = listener.GiveTo(object_, Access::kReadOnly, kLongMs);
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(given.error().found, kStranger);
  EXPECT_TRUE(stranger.EndsWell());
  Child another([&address] {
    ASSERT_EQ(::setuid(kStranger), 0);
    const int socket = Socket();
    ASSERT_EQ(::connect(socket, address.get(), address.size), 0);
    char byte = 0;
    EXPECT_EQ(::read(socket, &byte, 1), 0);
  });
  const Gift gift{object_, Access::kReadOnly};
  EXPECT_EQ(*listener.Offer({&gift, 1}, kLongMs), Offered::kLost);
  EXPECT_TRUE(another.EndsWell());
}

}  // namespace
}  // namespace placid::os
