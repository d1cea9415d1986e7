// SPDX-License-Identifier: Apache-2.0
//
// What the program needs of the system beyond placid::os: plain files, whether
// somebody is looking, interruptions, and helper processes. One source for each
// family of systems, chosen by CMake.
#ifndef PLACID_SRC_CLI_SYSTEM_H_
#define PLACID_SRC_CLI_SYSTEM_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "placid/base/result.h"
#include "placid/os/shared_object.h"

namespace placid::cli {

// ---- Files ------------------------------------------------------------------

// An open file, pipe, socket, terminal or device. Closes itself, unless it is
// standard input, standard output or borrowed.
class File {
 public:
  File() = default;
  File(File&& other) noexcept { swap(other); }
  File& operator=(File&& other) noexcept {
    File(std::move(other)).swap(*this);
    return *this;
  }
  ~File();

  static File StandardInput();
  static File StandardOutput();
  // Somebody else's handle, which stays theirs.
  static File Borrow(os::NativeHandle handle) { return File(handle, true); }

  // Paths are UTF-8. Errors of all here: kNotFound (no such file), kSystem,
  // with the system's number.
  static Result<File> OpenToRead(const std::string& path);
  // Makes the file if there is none; leaves what is in it until Truncate or
  // Resize.
  static Result<File> OpenToWrite(const std::string& path);

  // Two ends that carry bytes: .first to read, .second to write; of a socket
  // pair both do both.
  static Result<std::pair<File, File>> MakePipe();
  // Errors: kUnsupported (Windows).
  static Result<std::pair<File, File>> MakeSocketPair();

  // Some bytes, at least one; 0 is the end. Errors: kBusy (a signal came, try
  // again), kSystem.
  Result<std::size_t> Read(std::span<std::byte> to);
  Result<std::size_t> Write(std::span<const std::byte> from);
  // Whether Read would find something at once, or the end. False where the
  // system does not say.
  [[nodiscard]] bool HasMore() const;
  // All of it, at a place of a regular file; Write goes on where it was, or on
  // Windows behind it. Errors: kSystem.
  Result<void> WriteAt(std::uint64_t offset, std::span<const std::byte> from);
  // Empties a regular file; does nothing to anything else.
  Result<void> Truncate();
  // Makes a regular file so long, and goes on writing at its end.
  Result<void> Resize(std::uint64_t bytes);
  // What was written is on the disk once this returns.
  Result<void> Sync();
  // Closes and says whether everything was written.
  Result<void> Close();

  // Bytes from here to the end, of a regular file.
  [[nodiscard]] std::optional<std::uint64_t> BytesLeft() const;
  // Whether OpenToWrite made the file.
  [[nodiscard]] bool was_created() const { return was_created_; }

  [[nodiscard]] os::NativeHandle handle() const { return handle_; }
  [[nodiscard]] bool is_open() const { return handle_ != os::kNoHandle; }

  void swap(File& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(is_borrowed_, other.is_borrowed_);
    std::swap(was_created_, other.was_created_);
  }

 private:
  explicit File(os::NativeHandle handle, bool is_borrowed = false)
      : handle_(handle), is_borrowed_(is_borrowed) {}

  os::NativeHandle handle_ = os::kNoHandle;
  bool is_borrowed_ = false;
  bool was_created_ = false;
};

void RemoveFile(const std::string& path);

// Whether there is a regular file, or nothing.
[[nodiscard]] bool MayBeRegularFile(const std::string& path);

// Files that were made or removed in the folder of `path` stay so after a loss
// of power, where the system has folders that need it.
void SyncFolderOf(const std::string& path);

// Whether a person reads standard error.
[[nodiscard]] bool IsErrorTerminal();

// "No space left on device", of an Error's system_error.
[[nodiscard]] std::string SystemErrorText(std::int32_t system_error);

// What the system calls user number `id`, or the number where it has no name.
[[nodiscard]] std::string UserName(std::uint64_t id);

// ---- Interruptions ----------------------------------------------------------

// From now on SIGINT, SIGTERM and SIGHUP (Ctrl-C, Ctrl-Break and the closing of
// the console) are remembered instead of ending the program; a second one ends
// it. Broken pipes are survived; a shared object that somebody truncates ends
// the program with a message.
void CatchInterruptions();
[[nodiscard]] bool WasInterrupted();

// Ends this program as SIGTERM from outside would; any thread's. Windows: at
// once even where they are remembered, for nothing is left behind there.
void Terminate();

// From now on, writing to a pipe or a socket that nobody reads is an error
// instead of a death.
void SurviveBrokenPipes();

// For threads that should not be the one that a signal wakes.
void BlockInterruptionsHere();

// What a thread sleeps beside that waits for other things than bytes.
class Bell {
 public:
  Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;
  ~Bell();

  // Ends a Wait, this one or the next. Any thread's.
  void Ring();

  // Sleeps until somebody rings, an interruption comes that was caught, the
  // process has ended whose os::ProcessWatch::event() `death` is (kNoHandle:
  // none), or so much time has passed; or for less.
  void Wait(os::NativeHandle death, std::chrono::milliseconds most);

 private:
  // The two ends of a pipe; Windows: an event.
  std::array<os::NativeHandle, 2> handles_{os::kNoHandle, os::kNoHandle};
};

// ---- Cores ------------------------------------------------------------------

// Keeps the calling thread on one core: the `index`th of those it may use,
// modulo their number. Does nothing where the system has no such thing (macOS).
void StayOnCore(unsigned index);

// ---- Processes --------------------------------------------------------------

// The command line in UTF-8, without the program.
[[nodiscard]] std::vector<std::string> Arguments(int argc, char** argv);

// Where this program lies, in UTF-8. Valid after Arguments.
[[nodiscard]] std::string OwnProgram();

// A process of this same program.
class Child {
 public:
  Child() = default;
  Child(Child&& other) noexcept { swap(other); }
  Child& operator=(Child&& other) noexcept {
    Child(std::move(other)).swap(*this);
    return *this;
  }
  // Kills it if it still runs.
  ~Child();

  // Standard error is ours; standard input and output are `input` and `output`
  // where they are given, else nothing. The input may be a shared object, too.
  static Result<Child> Start(const std::vector<std::string>& arguments,
                             const File* input, const File* output);

  [[nodiscard]] std::uint64_t pid() const { return pid_; }
  // At once, wherever it stands: SIGKILL, TerminateProcess.
  void Kill();
  // Waits for its end; whether that was its own, with exit code 0.
  bool Wait();

  void swap(Child& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(pid_, other.pid_);
  }

 private:
  os::NativeHandle handle_ = os::kNoHandle;
  std::uint64_t pid_ = 0;
};

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_SYSTEM_H_
