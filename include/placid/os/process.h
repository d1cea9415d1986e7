// SPDX-License-Identifier: Apache-2.0
//
// ProcessIdentity, ProcessWatch: which process, and is it dead?
#ifndef PLACID_OS_PROCESS_H_
#define PLACID_OS_PROCESS_H_

#include <cstdint>
#include <utility>

#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/os/shared_object.h"

namespace placid::os {

// Names one process of one boot for ever: a pid alone is given out again. Four
// fixed-width words, so that it may lie in shared bytes. A pid means something
// only within one pid namespace: between containers rely on FileLock instead.
struct ProcessIdentity {
  std::uint64_t pid = 0;
  // Linux: clock ticks after boot. Windows: FILETIME. Darwin: microseconds.
  std::uint64_t start_time = 0;
  // Linux: the boot id; Darwin: the boot session's UUID: 128 bits. Windows: the
  // boot time and zero.
  std::uint64_t boot_high = 0;
  std::uint64_t boot_low = 0;

  friend bool operator==(const ProcessIdentity&,
                         const ProcessIdentity&) = default;
};

[[nodiscard]] PLACID_API Result<ProcessIdentity> ThisProcess();
// Errors: kNotFound.
[[nodiscard]] PLACID_API Result<ProcessIdentity> IdentifyProcess(
    std::uint64_t pid);

enum class Liveness : std::uint8_t {
  kAlive,    // a stopped process (SIGSTOP, a debugger) is alive
  kDead,     // a zombie is dead: none of its instructions will ever run
  kUnknown,  // the system would not say; never proof of anything
};

// Follows one process. Linux: a pidfd, opened and then checked against the
// start time, so that a reused pid cannot pass for it; /proc where pidfd is
// denied. Windows: a process handle. Darwin: kqueue with EVFILT_PROC.
class PLACID_API ProcessWatch {
 public:
  ProcessWatch() = default;
  ProcessWatch(ProcessWatch&& other) noexcept { swap(other); }
  ProcessWatch& operator=(ProcessWatch&& other) noexcept {
    ProcessWatch(std::move(other)).swap(*this);
    return *this;
  }
  ~ProcessWatch();

  // A process that is dead already, or of another boot, is no error: Poll()
  // says kDead. Errors: kInvalidArgument (pid 0), kSystem (out of descriptors).
  static Result<ProcessWatch> Open(const ProcessIdentity& identity);

  // One system call, never blocks. Once kDead, always kDead.
  [[nodiscard]] Liveness Poll();

  // Waits until the process is dead or `timeout_ms` have passed.
  [[nodiscard]] Liveness WaitForDeath(std::int64_t timeout_ms);

  // Becomes readable (Linux, Darwin) or signalled (Windows) at the death;
  // kNoHandle where there is none: then poll.
  [[nodiscard]] NativeHandle event() const { return handle_; }
  [[nodiscard]] const ProcessIdentity& identity() const { return identity_; }

  void swap(ProcessWatch& other) noexcept;

 private:
  friend struct ProcessPort;

  NativeHandle handle_ = kNoHandle;
  ProcessIdentity identity_;
  bool is_dead_ = false;
};

}  // namespace placid::os

#endif  // PLACID_OS_PROCESS_H_
