// SPDX-License-Identifier: Apache-2.0
//
// Deaths at each instruction of an operation that others can tell from the one
// before: it has changed a byte of what lies in /dev/shm under a name. What only
// the kernel knows, as locks, changes at system calls: see
// tests/segment/linux.
#ifndef PLACID_TESTS_SEGMENT_STEPPED_KILLED_AT_CHANGE_H_
#define PLACID_TESTS_SEGMENT_STEPPED_KILLED_AT_CHANGE_H_

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "placid/os/name.h"
#include "tests/segment/linux/killed_at_stop.h"
#include "tests/segment/linux/shm.h"

namespace placid::testing {

// The bytes under a name, as they were at the last look.
class SharedFiles {
 public:
  explicit SharedFiles(const os::Name& name) : name_(name) { LookForFiles(); }

  // They come and go at system calls only.
  void LookForFiles() {
    std::map<std::string, File> now;
    for (const std::string& path : FilesOf(name_)) {
      const auto known = files_.find(path);
      now.emplace(
          path, known == files_.end() ? File(path) : std::move(known->second));
    }
    files_ = std::move(now);
  }
  // Since the last look.
  bool HaveChanged() {
    bool have_changed = false;
    for (auto& [path, file] : files_) {
      have_changed = file.HasChanged() || have_changed;
    }
    return have_changed;
  }

 private:
  class File {
   public:
    explicit File(const std::string& path) {
      const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      struct stat found = {};
      ::fstat(fd, &found);
      const auto size = static_cast<std::size_t>(found.st_size);
      void* const at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
      ::close(fd);
      if (at == MAP_FAILED) return;  // gone again, or empty
      bytes_ = {static_cast<std::byte*>(at), size};
      unmap_ = std::shared_ptr<void>(
          at, [size](void* mapped) { ::munmap(mapped, size); });
      copy_.assign(bytes_.begin(), bytes_.end());
    }
    bool HasChanged() {
      if (std::ranges::equal(bytes_, copy_)) return false;
      std::ranges::copy(bytes_, copy_.begin());
      return true;
    }

   private:
    std::span<const std::byte> bytes_;
    std::shared_ptr<void> unmap_;
    std::vector<std::byte> copy_;
  };

  os::Name name_;
  std::map<std::string, File> files_;
};

// One instruction of an operation that changes a byte there.
struct Change {
  int stop = 0;   // entries to and returns from system calls before it
  int since = 0;  // which change since that stop, from 1 on
};

// Stepped by instructions, too.
class Stepped : public Traced {
 public:
  using Traced::Traced;

  // True: that was a system call.
  bool Step() {
    const bool is_call = IsAtSystemCall();
    Continue(PTRACE_SINGLESTEP);
    return is_call;
  }

 private:
  [[nodiscard]] bool IsAtSystemCall() const {
    constexpr long kTwoBytes = 0xFFFF;
    constexpr long kSyscall = 0x050F;
    user_regs_struct registers{};
    ::ptrace(PTRACE_GETREGS, pid(), nullptr, &registers);
    return (::ptrace(PTRACE_PEEKTEXT, pid(), registers.rip, nullptr) &
            kTwoBytes) == kSyscall;
  }
};

// Of f(), which is run to its end, in a process of its own.
inline std::vector<Change> ChangesOf(const os::Name& name,
                                     const std::function<void()>& f) {
  std::vector<Change> changes;
  SharedFiles files(name);
  Stepped process(f);
  for (Change next{.stop = 0, .since = 1}; process.IsHere();) {
    const bool was_call = process.Step();
    if (was_call) files.LookForFiles();
    if (files.HaveChanged()) {
      changes.push_back(next);
      ++next.since;
    }
    if (was_call) next = {.stop = next.stop + 2, .since = 1};
  }
  return changes;
}

// Runs f() in a process that is killed behind that change; false: it ended
// before, for another run has made other system calls.
inline bool KilledAt(const Change& change, const os::Name& name,
                     const std::function<void()>& f) {
  Stepped process(f);
  process.GoToStop(change.stop);
  SharedFiles files(name);
  for (int seen = 0; seen < change.since && process.IsHere();) {
    if (process.Step()) files.LookForFiles();
    seen += files.HaveChanged() ? 1 : 0;
  }
  return process.IsHere();
}

}  // namespace placid::testing

#endif  // PLACID_TESTS_SEGMENT_STEPPED_KILLED_AT_CHANGE_H_
