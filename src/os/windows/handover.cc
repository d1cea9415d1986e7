// SPDX-License-Identifier: Apache-2.0
//
// One object goes over a named pipe like this:
//
//   giver                               receiver
//   makes a duplicate with the rights
//   to be given, in its own process
//   Promise, with its number         →  duplicates it out of the giver
//                                    ←  one byte: received
//   ends the connection, and only
//   then closes the duplicate
//
// The receiver takes and the giver does not push, so that neither a death in
// between nor a message unread leaves a handle behind in the receiver, and a
// hostile giver cannot name one of the receiver's own. The number still meant
// what it should when it was duplicated if the byte could be sent after that.
// An offer is as many promises and then that byte.
#include "placid/os/handover.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "deadline.h"
#include "names.h"
#include "operation.h"
#include "pipe.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "port.h"
#include "security.h"
#include "system.h"

namespace placid::os {

using internal::Deadline;
using internal::Operation;
using internal::Security;
using internal::ToHandle;
using internal::UniqueHandle;

struct HandoverPort {
  static HandoverListener Make(UniqueHandle pipe, const Name& name) {
    HandoverListener listener;
    listener.handle_ = pipe.Release();
    listener.name_ = name;
    return listener;
  }
};

namespace {

constexpr std::uint64_t kMagic = 0x31766f6863616c70;  // "plachov1"
constexpr char kReceived = 'r';

struct Promise {
  std::uint64_t magic;
  std::uint64_t size_bytes;
  std::uint64_t handle;  // in the giver
  std::uint32_t is_writable;
  std::uint32_t reserved;
};
static_assert(std::has_unique_object_representations_v<Promise>);

// One operation at a time on a pipe, each with the time there is. It is over
// when its call returns: the system writes into memory that we then give up.
class Channel {
 public:
  Channel(HANDLE pipe, const Deadline& deadline)
      : pipe_(pipe),
        deadline_(deadline),
        event_(::CreateEventW(nullptr, /*bManualReset=*/TRUE,
                              /*bInitialState=*/FALSE, nullptr)) {}

  // All of these return ERROR_SUCCESS, WAIT_TIMEOUT, or the system's error.
  DWORD Connect() {
    OVERLAPPED operation = Begin();
    const BOOL is_done = ::ConnectNamedPipe(pipe_, &operation);
    if (!is_done && ::GetLastError() == ERROR_PIPE_CONNECTED) {
      return ERROR_SUCCESS;  // was there already
    }
    return End(is_done, operation, 0);
  }
  template <typename T>
  DWORD Send(const T& message) {
    OVERLAPPED operation = Begin();
    const BOOL is_done =
        ::WriteFile(pipe_, &message, sizeof(message), nullptr, &operation);
    return End(is_done, operation, sizeof(message));
  }
  // ERROR_INVALID_DATA: the message is of another length.
  template <typename T>
  DWORD Receive(T& message) {
    OVERLAPPED operation = Begin();
    const BOOL is_done =
        ::ReadFile(pipe_, &message, sizeof(message), nullptr, &operation);
    const DWORD error = End(is_done, operation, sizeof(message));
    return error == ERROR_MORE_DATA ? ERROR_INVALID_DATA : error;
  }

 private:
  [[nodiscard]] OVERLAPPED Begin() const {
    OVERLAPPED operation{};
    operation.hEvent = event_.get();
    return operation;
  }
  DWORD End(BOOL is_done, OVERLAPPED& operation, DWORD expected) {
    if (!is_done && ::GetLastError() != ERROR_IO_PENDING) {
      return ::GetLastError();
    }
    const bool is_late = ::WaitForSingleObject(
                             event_.get(), deadline_.LeftMs()) != WAIT_OBJECT_0;
    if (is_late) ::CancelIoEx(pipe_, &operation);
    DWORD transferred = 0;
    // It may yet have succeeded.
    if (::GetOverlappedResult(pipe_, &operation, &transferred, TRUE)) {
      return transferred == expected ? ERROR_SUCCESS : ERROR_INVALID_DATA;
    }
    const DWORD error = ::GetLastError();
    return is_late && error == ERROR_OPERATION_ABORTED ? WAIT_TIMEOUT : error;
  }

  HANDLE pipe_;
  Deadline deadline_;
  UniqueHandle event_;
};

// Ends whatever connection there is, so that the next receiver can come.
class Connection {
 public:
  explicit Connection(HANDLE pipe) : pipe_(pipe) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { ::DisconnectNamedPipe(pipe_); }

 private:
  HANDLE pipe_;
};

Error TimedOut(const Operation& operation) {
  return operation.Failed(ErrorCode::kTimedOut, nullptr,
                          "the other side was not ready in time: wait longer");
}

Error FailedTalk(const Operation& operation, DWORD error) {
  switch (error) {
    case WAIT_TIMEOUT: return TimedOut(operation);
    case ERROR_BROKEN_PIPE:
    case ERROR_NO_DATA:
    case ERROR_PIPE_NOT_CONNECTED: {
      Error failed = operation.Failed(ErrorCode::kPeerDied, nullptr,
                                      "the other side ended before it was "
                                      "done: try again with a new one");
      failed.system_error = static_cast<std::int32_t>(error);
      return failed;
    }
    case ERROR_INVALID_DATA:
      return operation.Failed(ErrorCode::kCorrupt, "the message",
                              "something else than placid is at the other end "
                              "of this name: choose another");
    default: return operation.Failed(error);
  }
}

Result<void> CheckUser(const Operation& operation, DWORD pid) {
  const DWORD error = internal::CheckSameUser(pid);
  if (error == ERROR_SUCCESS) return Ok();
  // No such process: it went since it told us its number.
  if (error == ERROR_INVALID_PARAMETER) {
    return FailedTalk(operation, ERROR_BROKEN_PIPE);
  }
  if (error != ERROR_ACCESS_DENIED) return operation.Failed(error);
  Error failed = operation.Failed(ErrorCode::kPermissionDenied,
                                  "the user at the other end",
                                  "both sides must run as the same user");
  failed.system_error = ERROR_ACCESS_DENIED;
  return failed;
}

// The receiver's end of the pipe.
Result<UniqueHandle> ConnectTo(const Operation& operation,
                               const std::wstring& name,
                               const Deadline& deadline) {
  for (;;) {
    // Whoever listens may know who we are, but not act as us.
    UniqueHandle pipe(::CreateFileW(
        name.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING,
        FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION,
        nullptr));
    if (pipe) {
      DWORD mode = PIPE_READMODE_MESSAGE;
      if (::SetNamedPipeHandleState(pipe.get(), &mode, nullptr, nullptr)) {
        return pipe;
      }
    }
    const DWORD error = ::GetLastError();
    if (error != ERROR_PIPE_BUSY) return operation.Failed(error);
    const DWORD left = deadline.LeftMs();
    // A wait of 0 would be the listener's choice. If there is nobody any more,
    // the next attempt to open will say so.
    if (left == 0) return TimedOut(operation);
    ::WaitNamedPipeW(name.c_str(), left);
  }
}

// A handle that may do no more than it is given for, in our own process.
Result<UniqueHandle> Duplicate(const Operation& operation,
                               const SharedObject& object, bool is_writable) {
  const HANDLE self = ::GetCurrentProcess();
  HANDLE duplicate = nullptr;
  if (!::DuplicateHandle(self, ToHandle(object.handle()), self, &duplicate,
                         internal::RightsOf(is_writable ? Access::kReadWrite
                                                        : Access::kReadOnly),
                         FALSE, 0)) {
    return operation.Failed(::GetLastError());
  }
  return UniqueHandle(duplicate);
}

bool IsWritable(const SharedObject& object, Access access) {
  return access == Access::kReadWrite && object.access() == Access::kReadWrite;
}

Promise PromiseOf(const SharedObject& object, const UniqueHandle& given,
                  bool is_writable) {
  return {.magic = kMagic,
          .size_bytes = object.size_bytes(),
          .handle = reinterpret_cast<std::uintptr_t>(given.get()),
          .is_writable = is_writable ? 1U : 0U,
          .reserved = 0};
}

// That whoever is connected to `pipe` is our own user's.
Result<void> CheckReceiver(const Operation& operation, HANDLE pipe) {
  ULONG receiver = 0;
  if (!::GetNamedPipeClientProcessId(pipe, &receiver)) {
    return FailedTalk(operation, ::GetLastError());
  }
  return CheckUser(operation, receiver);
}

// The giver's handle, in this process.
Result<UniqueHandle> Take(const Operation& operation, DWORD giver,
                          const Promise& promise) {
  const UniqueHandle process(::OpenProcess(PROCESS_DUP_HANDLE, FALSE, giver));
  HANDLE taken = nullptr;
  if (!process ||
      !::DuplicateHandle(
          process.get(), ToHandle(static_cast<NativeHandle>(promise.handle)),
          ::GetCurrentProcess(), &taken, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
    return operation.Failed(::GetLastError());
  }
  return UniqueHandle(taken);
}

// One object, promised by whoever has the number `giver`.
Result<SharedObject> TakePromised(const Operation& operation, Channel& channel,
                                  DWORD giver) {
  Promise promise{};
  if (const DWORD error = channel.Receive(promise); error != ERROR_SUCCESS) {
    return FailedTalk(operation, error);
  }
  if (promise.magic != kMagic || promise.size_bytes == 0) {
    return FailedTalk(operation, ERROR_INVALID_DATA);
  }
  auto taken = Take(operation, giver, promise);
  if (!taken) return taken.error();
  const Access access =
      promise.is_writable != 0 ? Access::kReadWrite : Access::kReadOnly;
  const NativeHandle handle = reinterpret_cast<NativeHandle>(taken->get());
  auto object = SharedObject::Adopt(handle, access, promise.size_bytes);
  if (!object) {
    Error error = object.error();
    error.operation = operation.name;
    error.subject = operation.subject;
    return error;
  }
  (void)taken->Release();  // the object's by now
  return object;
}

// The first `count` of what is given under a name.
Result<std::vector<SharedObject>> TakeAll(const Operation& operation,
                                          const Name& name, std::size_t count,
                                          const Deadline& deadline) {
  const auto text = internal::PipeName(operation, name, L"handover");
  if (!text) return text.error();
  const auto pipe = ConnectTo(operation, *text, deadline);
  if (!pipe) return pipe.error();
  ULONG giver = 0;
  if (!::GetNamedPipeServerProcessId(pipe->get(), &giver)) {
    return FailedTalk(operation, ::GetLastError());
  }
  if (auto same = CheckUser(operation, giver); !same) return same.error();
  Channel channel(pipe->get(), deadline);
  std::vector<SharedObject> objects;
  while (objects.size() < count) {
    auto object = TakePromised(operation, channel, giver);
    if (!object) return object.error();
    objects.push_back(std::move(*object));
  }
  if (const DWORD error = channel.Send(kReceived); error != ERROR_SUCCESS) {
    return FailedTalk(operation, error);
  }
  return objects;
}

}  // namespace

HandoverListener::~HandoverListener() {
  const UniqueHandle closing(ToHandle(handle_));
}

bool CanGiveAnonymousReadOnly() { return true; }

Result<HandoverListener> HandoverListener::Listen(const Name& name) {
  const Operation operation{"HandoverListener::Listen", name.text()};
  const auto text = internal::PipeName(operation, name, L"handover");
  if (!text) return text.error();
  const auto security = Security::Of(operation, 0600);
  if (!security) return security.error();
  UniqueHandle pipe = internal::MakeOnlyPipe(*text, *security);
  if (pipe) return HandoverPort::Make(std::move(pipe), name);
  const DWORD error = ::GetLastError();
  if (error != ERROR_ALREADY_EXISTS) return operation.Failed(error);
  return operation.Failed(ErrorCode::kAlreadyExists, nullptr,
                          "a living process listens under this name: end it, "
                          "or choose another name");
}

Result<void> HandoverListener::GiveTo(const SharedObject& object, Access access,
                                      std::int64_t timeout_ms) {
  const Operation operation{"HandoverListener::GiveTo", name_.text()};
  const Deadline deadline(timeout_ms);
  const bool is_writable = IsWritable(object, access);
  const auto given = Duplicate(operation, object, is_writable);
  if (!given) return given.error();

  const HANDLE pipe = ToHandle(handle_);
  Channel channel(pipe, deadline);
  const Connection connection(pipe);  // ended before `given` is closed
  if (const DWORD error = channel.Connect(); error != ERROR_SUCCESS) {
    return FailedTalk(operation, error);
  }
  if (auto same = CheckReceiver(operation, pipe); !same) return same;
  const Promise promise = PromiseOf(object, *given, is_writable);
  if (const DWORD error = channel.Send(promise); error != ERROR_SUCCESS) {
    return FailedTalk(operation, error);
  }
  char answer = 0;
  if (const DWORD error = channel.Receive(answer); error != ERROR_SUCCESS) {
    return FailedTalk(operation, error);
  }
  if (answer != kReceived) return FailedTalk(operation, ERROR_INVALID_DATA);
  return Ok();
}

Result<Offered> HandoverListener::Offer(std::span<const Gift> gifts,
                                        std::int64_t wait_ms) {
  const Operation operation{"HandoverListener::Offer", name_.text()};
  std::vector<UniqueHandle> given;
  std::vector<Promise> promises;
  for (const Gift& gift : gifts) {
    const bool is_writable = IsWritable(gift.object, gift.access);
    auto duplicate = Duplicate(operation, gift.object, is_writable);
    if (!duplicate) return duplicate.error();
    promises.push_back(PromiseOf(gift.object, *duplicate, is_writable));
    given.push_back(std::move(*duplicate));
  }

  const HANDLE pipe = ToHandle(handle_);
  // Where nobody came the pipe goes on listening: whoever comes before the next
  // call finds it open.
  const DWORD met = Channel(pipe, Deadline(wait_ms)).Connect();
  if (met == WAIT_TIMEOUT) return Offered::kNobody;
  const Connection connection(pipe);  // ended before `given` is closed
  if (met != ERROR_SUCCESS || !CheckReceiver(operation, pipe)) {
    return Offered::kLost;
  }
  Channel channel(pipe, Deadline(kTakeWithinMs));
  auto result = Offered::kLost;
  for (const Promise& promise : promises) {
    if (channel.Send(promise) != ERROR_SUCCESS) return result;
    result = Offered::kGiven;  // whoever goes now has what it came for
  }
  char answer = 0;
  const bool is_taken =
      channel.Receive(answer) == ERROR_SUCCESS && answer == kReceived;
  return is_taken ? Offered::kGiven : Offered::kLost;
}

NativeHandle HandoverListener::event() const { return kNoHandle; }

Result<SharedObject> ReceiveHandover(const Name& name,
                                     std::int64_t timeout_ms) {
  auto objects =
      TakeAll({"ReceiveHandover", name.text()}, name, 1, Deadline(timeout_ms));
  if (!objects) return objects.error();
  return std::move(objects->front());
}

Result<std::vector<SharedObject>> TakeOffered(const Name& name,
                                              std::size_t count,
                                              std::int64_t timeout_ms) {
  return TakeAll({"TakeOffered", name.text()}, name, count,
                 Deadline(timeout_ms));
}

}  // namespace placid::os
