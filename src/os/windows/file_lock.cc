// SPDX-License-Identifier: Apache-2.0
//
// A lock is a pipe that nobody ever talks through: it is there exactly while
// its holder has it open, and so goes with a process that dies. It is not a
// mutex, since that belongs to a thread: the holder's other threads could not
// release it, and the end of that thread would. Nor is it an event that exists
// while it is held: whoever finds that taken, or looks at it, has it open for a
// moment too, and when the holder goes in that moment others see a lock that
// nobody holds.
//
// There are none to be shared: they are for telling whether anybody has an
// object open, and here its name goes with the last that has.
#include "placid/os/file_lock.h"

#include <cstdint>
#include <string>
#include <utility>

#include "names.h"
#include "operation.h"
#include "pipe.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "security.h"
#include "system.h"

namespace placid::os {

using internal::Operation;
using internal::Security;
using internal::UniqueHandle;

struct FileLockPort {
  static FileLock Make(UniqueHandle pipe) {
    FileLock lock;
    lock.handle_ = pipe.Release();
    return lock;
  }
};

namespace {

// The name of the lock, once it is known that the object is there.
Result<std::wstring> LockName(const Operation& operation, const Name& name,
                              std::uint32_t index) {
  const auto section = internal::SectionName(operation, name);
  if (!section) return section.error();
  const UniqueHandle object(
      ::OpenFileMappingW(SECTION_MAP_READ, FALSE, section->c_str()));
  if (!object) return operation.Failed(::GetLastError());
  return internal::PipeName(operation, name, L"lock." + std::to_wstring(index));
}

Error NeedsName(const Operation& operation) {
  return operation.Failed(ErrorCode::kUnsupported, nullptr,
                          "on Windows a lock has a name: lock by the object's "
                          "name, or one that both sides know");
}

}  // namespace

FileLock::~FileLock() {
  const UniqueHandle closing(internal::ToHandle(handle_));
}

Result<FileLock> FileLock::TryLock(const Name& name, std::uint32_t index,
                                   LockMode mode) {
  const Operation operation{"FileLock::TryLock", name.text()};
  if (mode == LockMode::kShared) {
    return operation.Failed(ErrorCode::kUnsupported, nullptr,
                            "on Windows a lock is its holder's alone: an "
                            "object is there for as long as anybody has it "
                            "open");
  }
  const auto text = LockName(operation, name, index);
  if (!text) return text.error();
  const auto security = Security::Of(operation, 0600);
  if (!security) return security.error();
  UniqueHandle pipe = internal::MakeOnlyPipe(*text, *security);
  if (pipe) return FileLockPort::Make(std::move(pipe));
  const DWORD error = ::GetLastError();
  if (error != ERROR_ALREADY_EXISTS) return operation.Failed(error);
  return operation.Failed(ErrorCode::kBusy, nullptr,
                          "a living process holds it: end that one first");
}

Result<FileLock> FileLock::TryLock(const SharedObject& /*object*/,
                                   std::uint32_t /*index*/, LockMode /*mode*/) {
  return NeedsName({"FileLock::TryLock", {}});
}

Result<LockState> FileLock::Probe(const Name& name, std::uint32_t index) {
  const Operation operation{"FileLock::Probe", name.text()};
  const auto text = LockName(operation, name, index);
  if (!text) return text.error();
  return internal::PipeExists(*text) ? LockState::kHeld : LockState::kFree;
}

Result<LockState> FileLock::Probe(const SharedObject& /*object*/,
                                  std::uint32_t /*index*/) {
  return NeedsName({"FileLock::Probe", {}});
}

}  // namespace placid::os
