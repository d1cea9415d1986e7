// SPDX-License-Identifier: Apache-2.0
#include "file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

#include "../hash.h"
#include "port.h"

namespace placid::os::internal {
namespace {

std::string DirectoryOf(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return path.substr(0, slash == 0 ? 1 : slash);
}

// In the same directory, so that it can be renamed; not a name that a Name can
// have, since it begins with a dot.
std::string TemporaryFor(const std::string& path) {
  constexpr std::size_t kKept = 200;  // of 255, the rest is for what we add
  std::random_device random;
  const auto digits = ToHex(std::uint64_t{random()} << 32 | random());
  const auto slash = path.rfind('/');
  const std::string file =
      slash == std::string::npos ? path : path.substr(slash + 1);
  return DirectoryOf(path) + "/." + file.substr(0, kKept) + "." +
         std::string(digits.data(), digits.size());
}

// 0 or an errno.
int Fill(int fd, std::uint64_t size, std::uint32_t mode) {
  if (const int error = ReserveSpace(fd, size); error != 0) return error;
  // The mode asked for, whatever the umask says.
  return Retry([&] { return ::fchmod(fd, static_cast<mode_t>(mode)); }) == 0
             ? 0
             : errno;
}

// Where files cannot be without a name at first: a temporary one. A death
// between here and the rename leaves that behind, but never a half-made file
// under `path`.
Result<UniqueFd> CreateByRename(const Operation& operation,
                                const std::string& path, std::uint64_t size,
                                std::uint32_t mode) {
  const std::string temporary = TemporaryFor(path);
  UniqueFd fd(Retry([&] {
    return ::open(temporary.c_str(),
                  O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  }));
  if (!fd) return operation.Failed(errno);
  int error = Fill(fd.get(), size, mode);
  if (error == 0) error = RenameNoReplace(temporary, path);
  if (error == 0) return fd;
  ::unlink(temporary.c_str());
  return operation.Failed(error);
}

}  // namespace

Result<UniqueFd> CreateWhole(const Operation& operation,
                             const std::string& path, std::uint64_t size,
                             std::uint32_t mode) {
  // Only to say so before all the space is reserved in vain.
  struct stat there;
  if (::lstat(path.c_str(), &there) == 0) return operation.Failed(EEXIST);

  UniqueFd fd = OpenUnnamed(DirectoryOf(path));
  if (!fd && (errno == ENOENT || errno == EMFILE || errno == ENFILE)) {
    return operation.Failed(errno);
  }
  if (!fd) return CreateByRename(operation, path, size, mode);
  if (const int error = Fill(fd.get(), size, mode); error != 0) {
    return operation.Failed(error);
  }
  const int error = LinkUnnamed(fd.get(), path);
  if (error == 0) return fd;
  if (error == EEXIST) return operation.Failed(error);
  // No /proc to link through, or the link is denied. The space goes back first.
  fd = UniqueFd();
  return CreateByRename(operation, path, size, mode);
}

Result<UniqueFd> OpenExisting(const Operation& operation,
                              const std::string& path, Access access,
                              int flags) {
  // O_NONBLOCK: a FIFO of that name must not make us wait for its other end.
  const int mode = access == Access::kReadWrite ? O_RDWR : O_RDONLY;
  UniqueFd fd(Retry([&] {
    return ::open(path.c_str(),
                  mode | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
  }));
  if (!fd) return operation.Failed(errno);
  return fd;
}

Result<FileFacts> Inspect(const Operation& operation, int fd) {
  struct stat status;
  if (::fstat(fd, &status) != 0) return operation.Failed(errno);
  if (!S_ISREG(status.st_mode)) {
    return operation.Failed(ErrorCode::kInvalidArgument, "the kind of file",
                            "only regular files and memory files can be "
                            "shared: choose another");
  }
  if (status.st_size <= 0) {
    return operation.Failed(ErrorCode::kTruncated, "a size of 0 bytes",
                            "its creator has not sized it yet, or somebody "
                            "emptied it: try later, or remove it");
  }
  return FileFacts{.size = static_cast<std::uint64_t>(status.st_size),
                   .owner = status.st_uid};
}

}  // namespace placid::os::internal
