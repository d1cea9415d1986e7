// SPDX-License-Identifier: Apache-2.0
#include "promise.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include "fd.h"
#include "port.h"

namespace placid::os::internal {
namespace {

constexpr std::uint64_t kMagic = 0x31766f6863616c70;  // "plachov1"

struct Promise {
  std::uint64_t magic;
  std::uint64_t size_bytes;
  std::uint32_t is_writable;
  std::uint32_t reserved;
};
static_assert(std::has_unique_object_representations_v<Promise>);

// Room for one descriptor and nothing else. The kernel closes what does not
// fit, but padding makes room for a second.
constexpr std::size_t kControlBytes = CMSG_SPACE(sizeof(int));

msghdr MessageOf(iovec& bytes, std::array<char, kControlBytes>& control) {
  msghdr message = {};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen =
      static_cast<decltype(message.msg_controllen)>(control.size());
  return message;
}

struct Received {
  Promise promise = {};
  UniqueFd fd;
};

// Takes every descriptor that came, so that a hostile sender fills no table.
Result<Received> Receive(const Operation& operation, int socket) {
  Received received;
  iovec bytes{.iov_base = &received.promise,
              .iov_len = sizeof(received.promise)};
  alignas(cmsghdr) std::array<char, kControlBytes> control{};
  msghdr message = MessageOf(bytes, control);
  const auto n =
      Retry([&] { return ::recvmsg(socket, &message, kReceiveFlags); });
  if (n == 0 || (n == -1 && errno == ECONNRESET)) return PeerDied(operation);
  if (n == -1) return operation.Failed(errno);
  int descriptors = 0;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i, ++descriptors) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(fd));
      received.fd = UniqueFd(fd);
    }
  }
  if (n != sizeof(received.promise) || received.promise.magic != kMagic ||
      descriptors != 1) {
    return operation.Failed(ErrorCode::kCorrupt, "the message",
                            "something else than placid listens under this "
                            "name: choose another");
  }
  return received;
}

}  // namespace

Error PeerDied(const Operation& operation) {
  return operation.Failed(ErrorCode::kPeerDied, nullptr,
                          "the other side ended before it was done: try "
                          "again with a new one");
}

int SendPromise(int socket, int fd, std::uint64_t size_bytes,
                bool is_writable) {
  Promise promise{.magic = kMagic,
                  .size_bytes = size_bytes,
                  .is_writable = is_writable ? 1U : 0U,
                  .reserved = 0};
  iovec bytes{.iov_base = &promise, .iov_len = sizeof(promise)};
  alignas(cmsghdr) std::array<char, kControlBytes> control{};
  msghdr message = MessageOf(bytes, control);
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
  const auto sent =
      Retry([&] { return ::sendmsg(socket, &message, kSendFlags); });
  return sent == -1 ? errno : 0;  // so small a message is never split
}

Result<SharedObject> TakePromised(const Operation& operation, int socket) {
  auto received = Receive(operation, socket);
  if (!received) return received.error();
  const Access access = received->promise.is_writable != 0 ? Access::kReadWrite
                                                           : Access::kReadOnly;
  auto object = SharedObject::Adopt(received->fd.get(), access,
                                    received->promise.size_bytes);
  if (!object) {
    Error error = object.error();
    error.operation = operation.name;
    error.subject = operation.subject;
    return error;
  }
  (void)received->fd.Release();  // the object's by now
  return object;
}

}  // namespace placid::os::internal
