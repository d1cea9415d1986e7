// SPDX-License-Identifier: Apache-2.0
//
// Handover: any bytes and any descriptors, instead of a promise and one object.
// What is taken bears the promise out; what is refused leaves no descriptor.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "fuzz/check.h"
#include "fuzz/input.h"
#include "os/posix/fd.h"
#include "os/posix/operation.h"
#include "os/posix/promise.h"
#include "placid/base/error.h"
#include "placid/os/shared_object.h"

namespace placid::fuzz {
namespace {

using os::Access;
using os::SharedObject;
using os::internal::UniqueFd;

constexpr std::uint64_t kMagic = 0x31766f6863616c70;
constexpr std::size_t kPromiseBytes = 24;
constexpr std::uint64_t kObjectBytes = 3 * os::kGranuleBytes;
constexpr std::size_t kMostDescriptors = 4;

// What a liar may have at hand.
class Descriptors {
 public:
  Descriptors()
      : object_(*SharedObject::CreateAnonymous(kObjectBytes)),
        file_(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)),
        read_only_(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)),
        folder_(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        nothing_(::open("/dev/null", O_RDWR | O_CLOEXEC)) {}

  [[nodiscard]] int Draw(Input& input) const {
    return input.TakeOneOf({static_cast<int>(object_.handle()),
                            static_cast<int>(object_.handle()), file_.get(),
                            read_only_.get(), folder_.get(), nothing_.get()});
  }

 private:
  SharedObject object_;
  UniqueFd file_, read_only_, folder_, nothing_;
};

struct Message {
  std::array<std::byte, 2 * kPromiseBytes> bytes = {};
  std::size_t size = 0;
  bool is_promise = false;
  std::uint64_t size_bytes = 0;
  bool is_writable = false;
};

Message DrawMessage(Input& input) {
  Message message;
  message.is_promise = input.TakeAtMost(3) != 0;
  if (!message.is_promise) {
    const auto bytes = input.TakeBytes(input.TakeAtMost(message.bytes.size()));
    std::copy(bytes.begin(), bytes.end(), message.bytes.begin());
    message.size = bytes.size();
    return message;
  }
  message.size = kPromiseBytes;
  message.size_bytes = input.TakeBool()
                           ? input.Take<std::uint64_t>()
                           : input.TakeAtMost(kObjectBytes + os::kGranuleBytes);
  message.is_writable = input.TakeBool();
  const std::uint32_t writable = message.is_writable ? 1 : 0;
  std::memcpy(message.bytes.data(), &kMagic, 8);
  std::memcpy(&message.bytes[8], &message.size_bytes, 8);
  std::memcpy(&message.bytes[16], &writable, 4);
  return message;
}

void Send(int socket, const Message& message, const Descriptors& descriptors,
          Input& input, std::size_t count) {
  std::array<std::byte, 2 * kPromiseBytes> bytes = message.bytes;
  iovec part{.iov_base = bytes.data(), .iov_len = message.size};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostDescriptors * sizeof(int))>
      control{};
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (count > 0) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(count * sizeof(int));
    for (std::size_t i = 0; i < count; ++i) {
      const int fd = descriptors.Draw(input);
      std::memcpy(CMSG_DATA(rights) + i * sizeof(int), &fd, sizeof(fd));
    }
  }
  PLACID_FUZZ_CHECK(::sendmsg(socket, &header, MSG_NOSIGNAL) ==
                    static_cast<ssize_t>(message.size));
}

// The lowest number that is free: another one after a leak.
int NextDescriptor() {
  const UniqueFd next(::fcntl(0, F_DUPFD_CLOEXEC, 0));
  return next.get();
}

void One(Input& input) {
  static const Descriptors descriptors;
  const int next = NextDescriptor();
  {
    int ends[2];
    PLACID_FUZZ_CHECK(
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const UniqueFd receiver(ends[0]);
    UniqueFd sender(ends[1]);
    const Message message = DrawMessage(input);
    const auto count =
        static_cast<std::size_t>(input.TakeAtMost(kMostDescriptors));
    Send(sender.get(), message, descriptors, input, count);
    sender = UniqueFd();  // and is gone

    const os::internal::Operation operation{"handover_fuzz", "liar"};
    const auto object = os::internal::TakePromised(operation, receiver.get());
    if (object) {
      PLACID_FUZZ_CHECK(count == 1);
      if (message.is_promise) {
        const bool is_writable = object->access() == Access::kReadWrite;
        PLACID_FUZZ_CHECK(is_writable == message.is_writable);
        PLACID_FUZZ_CHECK(object->size_bytes() >= message.size_bytes);
      }
      os::MapOptions options;
      options.access = object->access();
      const auto mapping = object->Map(options);
      if (object->is_sealed()) PLACID_FUZZ_CHECK(mapping.has_value());
    } else {
      const Error& error = object.error();
      PLACID_FUZZ_CHECK(error.advice != nullptr && *error.advice != '\0');
      PLACID_FUZZ_CHECK(error.Message().view().find("liar") !=
                        std::string_view::npos);
    }
  }
  PLACID_FUZZ_CHECK(NextDescriptor() == next);
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  placid::fuzz::Input input(data, size);
  placid::fuzz::One(input);
  return 0;
}
