// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/outcome.h"
#include "cli/system.h"
#include "placid/base/atomic.h"

extern char** environ;  // NOLINT: not every system declares it

namespace placid::cli {
namespace {

ErrorCode CodeOf(int error) {
  switch (error) {
    case EINTR: return ErrorCode::kBusy;
    case ENOENT: return ErrorCode::kNotFound;
    default: return ErrorCode::kSystem;
  }
}

Error Failed(const char* operation) {
  return {.code = CodeOf(errno), .operation = operation, .system_error = errno};
}

int ToFd(os::NativeHandle handle) { return static_cast<int>(handle); }

Result<void> OpenPipe(std::array<int, 2>& fds) {
  if (::pipe(fds.data()) != 0) return Failed("pipe");
  for (const int fd : fds) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return Ok();
}

// Larger calls are cut short by the system anyway, at some 2 GiB.
constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;

}  // namespace

// ---- Files ------------------------------------------------------------------

File::~File() {
  if (is_open() && !is_borrowed_) ::close(ToFd(handle_));
}

File File::StandardInput() { return File(STDIN_FILENO, true); }
File File::StandardOutput() { return File(STDOUT_FILENO, true); }

Result<File> File::OpenToRead(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd == -1) return Failed("open");
  File file(fd);
  struct stat status;
  if (::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
    errno = EISDIR;
    return Failed("open");
  }
  return file;
}

Result<File> File::OpenToWrite(const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY;
  constexpr mode_t kMode = 0666;  // less the umask, as every program's output
  int fd = ::open(path.c_str(), kFlags | O_EXCL, kMode);
  const bool was_created = fd != -1;
  if (fd == -1 && errno == EEXIST) fd = ::open(path.c_str(), kFlags, kMode);
  if (fd == -1) return Failed("open");
  File file(fd);
  file.was_created_ = was_created;
  return file;
}

Result<std::pair<File, File>> File::MakePipe() {
  std::array<int, 2> fds{};
  if (auto made = OpenPipe(fds); !made) return made.error();
  return std::pair(File(fds[0]), File(fds[1]));
}

Result<std::pair<File, File>> File::MakeSocketPair() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()) != 0) {
    return Failed("socketpair");
  }
  for (const int fd : fds) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return std::pair(File(fds[0]), File(fds[1]));
}

Result<std::size_t> File::Read(std::span<std::byte> to) {
  const ssize_t n =
      ::read(ToFd(handle_), to.data(), std::min(to.size(), kMostAtOnce));
  if (n < 0) return Failed("read");
  return static_cast<std::size_t>(n);
}

Result<std::size_t> File::Write(std::span<const std::byte> from) {
  const ssize_t n =
      ::write(ToFd(handle_), from.data(), std::min(from.size(), kMostAtOnce));
  if (n < 0) return Failed("write");
  return static_cast<std::size_t>(n);
}

bool File::HasMore() const {
  pollfd event{.fd = ToFd(handle_), .events = POLLIN, .revents = 0};
  return ::poll(&event, 1, 0) == 1;
}

Result<void> File::WriteAt(std::uint64_t offset,
                           std::span<const std::byte> from) {
  while (!from.empty()) {
    const ssize_t n = ::pwrite(ToFd(handle_), from.data(), from.size(),
                               static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("pwrite");
    from = from.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return Ok();
}

Result<void> File::Truncate() {
  struct stat status;
  if (::fstat(ToFd(handle_), &status) != 0) return Failed("fstat");
  if (S_ISREG(status.st_mode) && status.st_size != 0 &&
      ::ftruncate(ToFd(handle_), 0) != 0) {
    return Failed("ftruncate");
  }
  return Ok();
}

Result<void> File::Resize(std::uint64_t bytes) {
  if (::ftruncate(ToFd(handle_), static_cast<off_t>(bytes)) != 0) {
    return Failed("ftruncate");
  }
  if (::lseek(ToFd(handle_), 0, SEEK_END) < 0) return Failed("lseek");
  return Ok();
}

Result<void> File::Close() {
  // Network file systems say only now that the disk was full.
  const int fd = ToFd(std::exchange(handle_, os::kNoHandle));
  if (::close(fd) != 0 && errno != EINTR) return Failed("close");
  return Ok();
}

std::optional<std::uint64_t> File::BytesLeft() const {
  struct stat status;
  if (::fstat(ToFd(handle_), &status) != 0 || !S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  const off_t at = ::lseek(ToFd(handle_), 0, SEEK_CUR);
  // Those of /proc and /sys say 0 and have content all the same.
  if (at < 0 || status.st_size == 0) return std::nullopt;
  return static_cast<std::uint64_t>(std::max<off_t>(0, status.st_size - at));
}

void RemoveFile(const std::string& path) { ::unlink(path.c_str()); }

bool MayBeRegularFile(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode);
}

void SyncFolderOf(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd == -1) return;
  ::fsync(fd);
  ::close(fd);
}

bool IsErrorTerminal() { return ::isatty(STDERR_FILENO) == 1; }

std::string SystemErrorText(std::int32_t system_error) {
  return std::generic_category().message(system_error);
}

std::string UserName(std::uint64_t id) {
  std::array<char, 4096> buffer{};
  struct passwd entry;
  struct passwd* found = nullptr;
  const int error = ::getpwuid_r(static_cast<uid_t>(id), &entry, buffer.data(),
                                 buffer.size(), &found);
  return error == 0 && found != nullptr ? found->pw_name : std::to_string(id);
}

// ---- Interruptions ----------------------------------------------------------

namespace {

// The handler writes it, and not only its own thread reads it.
Atomic<std::uint32_t> was_interrupted{0};

constexpr std::array kInterruptions = {SIGINT, SIGTERM, SIGHUP};

// Readable from the first interruption on, for whoever sleeps in poll. Made
// before the first handler and kept for good.
std::array<int, 2> interruption_pipe = {-1, -1};

// Nobody is to wait in a pipe that only says "look".
void MakeBellPipe(std::array<int, 2>& fds) {
  if (!OpenPipe(fds)) return;
  for (const int fd : fds) ::fcntl(fd, F_SETFL, O_NONBLOCK);
}

void RingPipe(int fd) {
  const char ring = 0;
  // A full pipe is as good: it is readable.
  if (::write(fd, &ring, 1) != 1) return;
}

// Only what a signal handler may do.
[[noreturn]] void EndOfBusError(int /*signal*/) {
  constexpr std::string_view kText =
      "placid: somebody cut the shared memory short while it was in use\n";
  const auto written = ::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(static_cast<int>(written < 0 ? ExitCode::kInternal
                                       : ExitCode::kInputOutput));
}

}  // namespace

void CatchInterruptions() {
  struct sigaction action = {};
  sigemptyset(&action.sa_mask);
  if (interruption_pipe[0] == -1) MakeBellPipe(interruption_pipe);
  action.sa_handler = [](int) {
    const int error = errno;
    was_interrupted.store(1, kRelaxed);  // sync: none, only a flag
    RingPipe(interruption_pipe[1]);
    errno = error;
  };
  // Without SA_RESTART a blocked read or write ends, with it gone a second
  // signal kills.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : kInterruptions) {
    struct sigaction before = {};
    ::sigaction(signal, nullptr, &before);
    // nohup, and shells that start us in the background, want them ignored.
    if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
  }
  action.sa_flags = 0;
  action.sa_handler = EndOfBusError;
  ::sigaction(SIGBUS, &action, nullptr);
  SurviveBrokenPipes();
}

bool WasInterrupted() {
  return was_interrupted.load(kRelaxed) != 0;  // sync: none, only a flag
}

// To the process: a caller that has blocked it is not the one that takes it.
void Terminate() { ::kill(::getpid(), SIGTERM); }

void SurviveBrokenPipes() { ::signal(SIGPIPE, SIG_IGN); }

void BlockInterruptionsHere() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : kInterruptions) sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

Bell::Bell() {
  std::array<int, 2> fds = {-1, -1};
  MakeBellPipe(fds);
  handles_ = {fds[0], fds[1]};
}

Bell::~Bell() {
  for (const os::NativeHandle handle : handles_) {
    if (handle != os::kNoHandle) ::close(ToFd(handle));
  }
}

void Bell::Ring() { RingPipe(ToFd(handles_[1])); }

void Bell::Wait(os::NativeHandle death, std::chrono::milliseconds most) {
  // Nobody can ring where there was no descriptor left.
  constexpr std::chrono::milliseconds kWithoutBell{20};
  if (handles_[0] == os::kNoHandle) most = std::min(most, kWithoutBell);
  const auto of = [](int fd) {
    return pollfd{.fd = fd, .events = POLLIN, .revents = 0};
  };
  // Those of -1 do not count. An interruption rings for ever: once is enough.
  std::array events = {of(ToFd(handles_[0])), of(ToFd(death)),
                       of(WasInterrupted() ? -1 : interruption_pipe[0])};
  ::poll(events.data(), events.size(), static_cast<int>(most.count()));
  std::array<char, 64> rings{};
  if (events[0].revents != 0 &&
      ::read(events[0].fd, rings.data(), rings.size()) < 0) {
    return;  // somebody else was faster
  }
}

// ---- Processes --------------------------------------------------------------

namespace {

std::string own_program;  // NOLINT: set once, before there is a second thread

}  // namespace

std::vector<std::string> Arguments(int argc, char** argv) {
  std::error_code error;
  own_program = std::filesystem::read_symlink("/proc/self/exe", error).string();
  if (error) own_program = argv[0];
  return {argv + 1, argv + argc};
}

std::string OwnProgram() { return own_program; }

Child::~Child() {
  if (handle_ == os::kNoHandle) return;
  Kill();
  Wait();
}

Result<Child> Child::Start(const std::vector<std::string>& arguments,
                           const File* input, const File* output) {
  std::vector<char*> argv = {own_program.data()};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  const auto use = [&actions](const File* file, int as, int flags) {
    if (file == nullptr) {
      ::posix_spawn_file_actions_addopen(&actions, as, "/dev/null", flags, 0);
    } else {
      ::posix_spawn_file_actions_adddup2(&actions, ToFd(file->handle()), as);
    }
  };
  use(input, STDIN_FILENO, O_RDONLY);
  use(output, STDOUT_FILENO, O_WRONLY);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, own_program.c_str(), &actions, nullptr,
                                   argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    errno = error;
    return Failed("spawn");
  }
  Child child;
  child.handle_ = pid;
  child.pid_ = static_cast<std::uint64_t>(pid);
  return child;
}

void Child::Kill() {
  if (handle_ != os::kNoHandle) ::kill(static_cast<pid_t>(handle_), SIGKILL);
}

bool Child::Wait() {
  int status = 0;
  while (::waitpid(static_cast<pid_t>(handle_), &status, 0) == -1 &&
         errno == EINTR) {
  }
  handle_ = os::kNoHandle;
  return status == 0;
}

}  // namespace placid::cli
