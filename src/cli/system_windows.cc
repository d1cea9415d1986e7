// SPDX-License-Identifier: Apache-2.0
#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <fcntl.h>
#include <io.h>
#include <windows.h>
// After windows.h.
#include <shellapi.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/system.h"
#include "cli/system_facts.h"
#include "placid/base/atomic.h"

namespace placid::cli {
namespace {

HANDLE ToHandle(os::NativeHandle handle) {
  return reinterpret_cast<HANDLE>(handle);
}
// Some calls fail with a null handle, some with INVALID_HANDLE_VALUE.
os::NativeHandle FromHandle(HANDLE handle) {
  return handle == nullptr ? os::kNoHandle
                           : reinterpret_cast<os::NativeHandle>(handle);
}
static_assert(os::kNoHandle == -1, "INVALID_HANDLE_VALUE");

ErrorCode CodeOf(DWORD error) {
  switch (error) {
    case ERROR_OPERATION_ABORTED: return ErrorCode::kBusy;
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND: return ErrorCode::kNotFound;
    default: return ErrorCode::kSystem;
  }
}

Error Failed(const char* operation) {
  const DWORD error = ::GetLastError();
  return {.code = CodeOf(error),
          .operation = operation,
          .system_error = static_cast<std::int32_t>(error)};
}

constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;

std::wstring Widen(std::string_view text) {
  const int size = static_cast<int>(text.size());
  const int wide =
      ::MultiByteToWideChar(CP_UTF8, 0, text.data(), size, nullptr, 0);
  std::wstring result(static_cast<std::size_t>(wide), L'\0');
  ::MultiByteToWideChar(CP_UTF8, 0, text.data(), size, result.data(), wide);
  return result;
}

std::string Narrow(std::wstring_view text) {
  const int size = static_cast<int>(text.size());
  const int narrow = ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size,
                                           nullptr, 0, nullptr, nullptr);
  std::string result(static_cast<std::size_t>(narrow), '\0');
  ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size, result.data(), narrow,
                        nullptr, nullptr);
  return result;
}

HANDLE Open(const std::string& path, DWORD access, DWORD how) {
  constexpr DWORD kShare =
      FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  return ::CreateFileW(Widen(path).c_str(), access, kShare, nullptr, how,
                       FILE_ATTRIBUTE_NORMAL, nullptr);
}

bool IsOnDisk(os::NativeHandle handle) {
  return ::GetFileType(ToHandle(handle)) == FILE_TYPE_DISK;
}

bool IsConsole(DWORD which) {
  DWORD mode = 0;
  return ::GetConsoleMode(::GetStdHandle(which), &mode) != 0;
}

}  // namespace

// ---- Files ------------------------------------------------------------------

File::~File() {
  if (is_open() && !is_borrowed_) ::CloseHandle(ToHandle(handle_));
}

File File::StandardInput() {
  return Borrow(FromHandle(::GetStdHandle(STD_INPUT_HANDLE)));
}
File File::StandardOutput() {
  return Borrow(FromHandle(::GetStdHandle(STD_OUTPUT_HANDLE)));
}

Result<File> File::OpenToRead(const std::string& path) {
  const HANDLE handle = Open(path, GENERIC_READ, OPEN_EXISTING);
  if (handle == INVALID_HANDLE_VALUE) return Failed("CreateFile");
  return File(FromHandle(handle));
}

Result<File> File::OpenToWrite(const std::string& path) {
  HANDLE handle = Open(path, GENERIC_WRITE, CREATE_NEW);
  const bool was_created = handle != INVALID_HANDLE_VALUE;
  if (!was_created && ::GetLastError() == ERROR_FILE_EXISTS) {
    handle = Open(path, GENERIC_WRITE, OPEN_EXISTING);
  }
  if (handle == INVALID_HANDLE_VALUE) return Failed("CreateFile");
  File file(FromHandle(handle));
  file.was_created_ = was_created;
  return file;
}

Result<std::pair<File, File>> File::MakePipe() {
  constexpr DWORD kBytes = 64 * 1024;  // as on Linux
  HANDLE reading = nullptr;
  HANDLE writing = nullptr;
  if (::CreatePipe(&reading, &writing, nullptr, kBytes) == 0) {
    return Failed("CreatePipe");
  }
  return std::pair(File(FromHandle(reading)), File(FromHandle(writing)));
}

Result<std::pair<File, File>> File::MakeSocketPair() {
  return Error{.code = ErrorCode::kUnsupported, .operation = "socketpair"};
}

Result<std::size_t> File::Read(std::span<std::byte> to) {
  DWORD n = 0;
  const auto most = static_cast<DWORD>(std::min(to.size(), kMostAtOnce));
  if (::ReadFile(ToHandle(handle_), to.data(), most, &n, nullptr) == 0) {
    // The other end of a pipe is closed: that is the end.
    const DWORD error = ::GetLastError();
    if (error != ERROR_BROKEN_PIPE && error != ERROR_HANDLE_EOF) {
      return Failed("ReadFile");
    }
  }
  return std::size_t{n};
}

Result<std::size_t> File::Write(std::span<const std::byte> from) {
  DWORD n = 0;
  const auto most = static_cast<DWORD>(std::min(from.size(), kMostAtOnce));
  if (::WriteFile(ToHandle(handle_), from.data(), most, &n, nullptr) == 0) {
    return Failed("WriteFile");
  }
  return std::size_t{n};
}

bool File::HasMore() const {
  DWORD bytes = 0;
  return IsOnDisk(handle_) || (::PeekNamedPipe(ToHandle(handle_), nullptr, 0,
                                               nullptr, &bytes, nullptr) != 0 &&
                               bytes > 0);
}

Result<void> File::WriteAt(std::uint64_t offset,
                           std::span<const std::byte> from) {
  while (!from.empty()) {
    OVERLAPPED place{};
    place.Offset = static_cast<DWORD>(offset);
    place.OffsetHigh = static_cast<DWORD>(offset >> 32);
    const auto most = static_cast<DWORD>(std::min(from.size(), kMostAtOnce));
    DWORD n = 0;
    if (::WriteFile(ToHandle(handle_), from.data(), most, &n, &place) == 0) {
      return Failed("WriteFile");
    }
    from = from.subspan(n);
    offset += n;
  }
  return Ok();
}

Result<void> File::Truncate() { return IsOnDisk(handle_) ? Resize(0) : Ok(); }

Result<void> File::Resize(std::uint64_t bytes) {
  LARGE_INTEGER end{};
  end.QuadPart = static_cast<LONGLONG>(bytes);
  if (::SetFilePointerEx(ToHandle(handle_), end, nullptr, FILE_BEGIN) == 0 ||
      ::SetEndOfFile(ToHandle(handle_)) == 0) {
    return Failed("SetEndOfFile");
  }
  return Ok();
}

Result<void> File::Sync() {
  if (::FlushFileBuffers(ToHandle(handle_)) == 0) {
    return Failed("FlushFileBuffers");
  }
  return Ok();
}

Result<void> File::Close() {
  const os::NativeHandle handle = std::exchange(handle_, os::kNoHandle);
  if (::CloseHandle(ToHandle(handle)) == 0) return Failed("CloseHandle");
  return Ok();
}

std::optional<std::uint64_t> File::BytesLeft() const {
  LARGE_INTEGER size{};
  LARGE_INTEGER at{};
  if (!IsOnDisk(handle_) || ::GetFileSizeEx(ToHandle(handle_), &size) == 0 ||
      ::SetFilePointerEx(ToHandle(handle_), {}, &at, FILE_CURRENT) == 0) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(
      std::max<LONGLONG>(0, size.QuadPart - at.QuadPart));
}

void RemoveFile(const std::string& path) { ::DeleteFileW(Widen(path).c_str()); }

bool MayBeRegularFile(const std::string& path) {
  const auto file = File::OpenToRead(path);
  return file ? IsOnDisk(file->handle())
              : file.error().code == ErrorCode::kNotFound;
}

void SyncFolderOf(const std::string& /*path*/) {}  // they need none

bool IsErrorTerminal() { return IsConsole(STD_ERROR_HANDLE); }

std::string SystemErrorText(std::int32_t system_error) {
  std::array<wchar_t, 512> text{};
  DWORD size = ::FormatMessageW(
      FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr,
      static_cast<DWORD>(system_error), 0, text.data(),
      static_cast<DWORD>(text.size()), nullptr);
  while (size > 0 && (text[size - 1] == L'\n' || text[size - 1] == L'\r' ||
                      text[size - 1] == L'.')) {
    --size;
  }
  if (size == 0) return "system error " + std::to_string(system_error);
  return Narrow({text.data(), size});
}

// The number is the last one of a SID, which alone has no name.
std::string UserName(std::uint64_t id) { return std::to_string(id); }

// ---- Interruptions ----------------------------------------------------------

namespace {

Atomic<std::uint32_t> was_interrupted{0};

// Signalled from the first interruption on. Made before the first handler.
HANDLE interruption = nullptr;

// The system calls it in a thread of its own.
BOOL WINAPI TakeInterruption(DWORD event) {
  const bool is_first =
      was_interrupted.exchange(1, kRelaxed) == 0;  // sync: none, only a flag
  ::SetEvent(interruption);
  // Once this returns, the closing of the console ends the program.
  constexpr DWORD kTimeToLeaveMs = 2000;
  if (event == CTRL_CLOSE_EVENT) ::Sleep(kTimeToLeaveMs);
  return is_first ? TRUE : FALSE;
}

}  // namespace

void CatchInterruptions() {
  if (interruption == nullptr) {
    interruption =
        ::CreateEventW(nullptr, /*bManualReset=*/TRUE, FALSE, nullptr);
  }
  ::SetConsoleCtrlHandler(TakeInterruption, TRUE);
}

bool WasInterrupted() {
  return was_interrupted.load(kRelaxed) != 0;  // sync: none, only a flag
}

void Terminate() { std::raise(SIGTERM); }

void SurviveBrokenPipes() {}  // they always are

void BlockInterruptionsHere() {}

Bell::Bell() {
  handles_[0] = FromHandle(
      ::CreateEventW(nullptr, /*bManualReset=*/FALSE, FALSE, nullptr));
}

Bell::~Bell() {
  if (handles_[0] != os::kNoHandle) ::CloseHandle(ToHandle(handles_[0]));
}

void Bell::Ring() { ::SetEvent(ToHandle(handles_[0])); }

void Bell::Wait(os::NativeHandle death, std::chrono::milliseconds most) {
  std::array<HANDLE, 3> handles{};
  DWORD count = 0;
  const auto add = [&](os::NativeHandle handle) {
    if (handle != os::kNoHandle) handles[count++] = ToHandle(handle);
  };
  add(handles_[0]);
  add(death);
  // It stays signalled: once is enough.
  if (!WasInterrupted()) add(FromHandle(interruption));
  const auto most_ms = static_cast<DWORD>(most.count());
  constexpr DWORD kWithoutBellMs = 20;
  if (handles_[0] == os::kNoHandle) {
    ::Sleep(std::min(most_ms, kWithoutBellMs));
  } else {
    ::WaitForMultipleObjects(count, handles.data(), FALSE, most_ms);
  }
}

// ---- Cores ------------------------------------------------------------------

void StayOnCore(unsigned index) {
  DWORD_PTR allowed = 0;
  DWORD_PTR of_system = 0;
  if (!::GetProcessAffinityMask(::GetCurrentProcess(), &allowed, &of_system)) {
    return;
  }
  // Without its lowest core, as often as it takes.
  const auto cores = static_cast<unsigned>(std::popcount(allowed));
  DWORD_PTR rest = allowed;
  for (unsigned i = 0; cores != 0 && i < index % cores; ++i) rest &= rest - 1;
  ::SetThreadAffinityMask(::GetCurrentThread(), rest & (~rest + 1));
}

// ---- Processes --------------------------------------------------------------

namespace {

// As CommandLineToArgvW takes it apart: backslashes count only before a quote.
std::wstring Quoted(const std::string& argument) {
  std::wstring quoted = L"\"";
  std::size_t backslashes = 0;
  for (const wchar_t c : Widen(argument)) {
    if (c == L'"') quoted.append(backslashes + 1, L'\\');
    backslashes = c == L'\\' ? backslashes + 1 : 0;
    quoted += c;
  }
  quoted.append(backslashes, L'\\');
  return quoted + L'"';
}

std::wstring ProgramPath() {
  std::wstring path(MAX_PATH, L'\0');
  for (;;) {
    const DWORD size = ::GetModuleFileNameW(nullptr, path.data(),
                                            static_cast<DWORD>(path.size()));
    if (size < path.size()) return path.substr(0, size);
    path.resize(path.size() * 2);
  }
}

// A handle that a child gets, for as long as it takes to start it.
class Inheritable {
 public:
  Inheritable(const File* file, DWORD access) {
    if (file != nullptr) {
      ::DuplicateHandle(::GetCurrentProcess(), ToHandle(file->handle()),
                        ::GetCurrentProcess(), &handle_, 0, TRUE,
                        DUPLICATE_SAME_ACCESS);
    } else {
      SECURITY_ATTRIBUTES inherit{sizeof(inherit), nullptr, TRUE};
      handle_ =
          ::CreateFileW(L"NUL", access, FILE_SHARE_READ | FILE_SHARE_WRITE,
                        &inherit, OPEN_EXISTING, 0, nullptr);
    }
  }
  Inheritable(const Inheritable&) = delete;
  Inheritable& operator=(const Inheritable&) = delete;
  ~Inheritable() { ::CloseHandle(handle_); }
  [[nodiscard]] HANDLE get() const { return handle_; }

 private:
  HANDLE handle_ = nullptr;
};

}  // namespace

std::vector<std::string> Arguments(int /*argc*/, char** /*argv*/) {
  // What we print is read by programs as well: lines end in \n alone.
  ::_setmode(::_fileno(stdout), _O_BINARY);
  ::_setmode(::_fileno(stderr), _O_BINARY);
  int count = 0;
  const std::unique_ptr<LPWSTR[], decltype(&::LocalFree)> wide(
      ::CommandLineToArgvW(::GetCommandLineW(), &count), &::LocalFree);
  std::vector<std::string> arguments;
  for (int i = 1; i < count; ++i) {
    arguments.push_back(Narrow(wide[static_cast<std::size_t>(i)]));
  }
  return arguments;
}

std::string OwnProgram() { return Narrow(ProgramPath()); }

Child::~Child() {
  if (handle_ == os::kNoHandle) return;
  Kill();
  Wait();
}

Result<Child> Child::Start(const std::vector<std::string>& arguments,
                           const File* input, const File* output) {
  const std::wstring program = ProgramPath();
  std::wstring command = L"\"" + program + L"\"";
  for (const std::string& argument : arguments) {
    command += L" " + Quoted(argument);
  }
  const Inheritable in(input, GENERIC_READ);
  const Inheritable out(output, GENERIC_WRITE);
  const File own_error =
      File::Borrow(FromHandle(::GetStdHandle(STD_ERROR_HANDLE)));
  const Inheritable error(&own_error, GENERIC_WRITE);

  STARTUPINFOW startup{};
  startup.cb = sizeof(startup);
  startup.dwFlags = STARTF_USESTDHANDLES;
  startup.hStdInput = in.get();
  startup.hStdOutput = out.get();
  startup.hStdError = error.get();
  PROCESS_INFORMATION process{};
  if (::CreateProcessW(program.c_str(), command.data(), nullptr, nullptr, TRUE,
                       0, nullptr, nullptr, &startup, &process) == 0) {
    return Failed("CreateProcess");
  }
  ::CloseHandle(process.hThread);
  Child child;
  child.handle_ = FromHandle(process.hProcess);
  child.pid_ = process.dwProcessId;
  return child;
}

void Child::Kill() {
  if (handle_ == os::kNoHandle) return;
  ::TerminateProcess(ToHandle(handle_), static_cast<UINT>(-1));
}

bool Child::Wait() {
  const HANDLE process = ToHandle(std::exchange(handle_, os::kNoHandle));
  ::WaitForSingleObject(process, INFINITE);
  DWORD code = 1;
  ::GetExitCodeProcess(process, &code);
  ::CloseHandle(process);
  return code == 0;
}

// ---- What the doctor asks ---------------------------------------------------

SystemFacts AskSystem() {
  SystemFacts facts;
  facts.unasked = {
      "a quota of the session's: Windows has none for sections but memory"};
  return facts;
}

}  // namespace placid::cli
