// SPDX-License-Identifier: Apache-2.0
#include "placid/os/name_list.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "port.h"

namespace placid::os {
namespace {

using internal::Operation;

constexpr std::uint64_t kBlockBytes = 512;  // of stat, whatever the file system

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// What a file is called by those who named it. nullopt: not of ours.
struct Called {
  std::string_view name;
  bool is_unfinished = false;
};
std::optional<Called> ReadName(std::string_view file, std::string_view prefix) {
  // A lock that lies beside its object; and the directory itself.
  if (file.starts_with(".lock.") || file == "." || file == "..") {
    return std::nullopt;
  }
  Called called;
  if (file.starts_with('.')) {  // see TemporaryFor in file.cc
    called.is_unfinished = true;
    file.remove_prefix(1);
  }
  if (!file.starts_with(prefix) || file.size() == prefix.size()) {
    return std::nullopt;
  }
  called.name = file.substr(prefix.size());
  return called;
}

ListedObject::Kind KindOf(const Called& called, mode_t mode) {
  if (!S_ISREG(mode)) return ListedObject::Kind::kForeign;
  return called.is_unfinished ? ListedObject::Kind::kUnfinished
                              : ListedObject::Kind::kObject;
}

}  // namespace

bool CanListNames() { return true; }

Result<std::vector<ListedObject>> ListNames() {
  const Operation operation{"ListNames", {}};
  const auto place = internal::PlaceOfNames(operation);
  if (!place) return place.error();
  const Operation listing{operation.name, place->directory};
  const std::unique_ptr<DIR, CloseDirectory> directory(
      ::opendir(place->directory.c_str()));
  if (!directory) return listing.Failed(errno);

  const uid_t self = ::geteuid();
  std::vector<ListedObject> found;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr && errno != 0) return listing.Failed(errno);
    if (entry == nullptr) break;
    const auto called = ReadName(entry->d_name, place->prefix);
    struct stat status;
    if (!called || ::fstatat(::dirfd(directory.get()), entry->d_name, &status,
                             AT_SYMLINK_NOFOLLOW) != 0) {
      continue;  // not ours, or gone by now
    }
    found.push_back(
        {.name = std::string(called->name),
         .kind = KindOf(*called, status.st_mode),
         .size_bytes = static_cast<std::uint64_t>(status.st_size),
         .allocated_bytes =
             static_cast<std::uint64_t>(status.st_blocks) * kBlockBytes,
         .owner = status.st_uid,
         .mode = static_cast<std::uint32_t>(status.st_mode & 07777),
         .may_unlink = status.st_uid == self || self == 0,
         .made_at = status.st_mtime});
  }
  std::ranges::sort(found, {}, &ListedObject::name);
  return found;
}

}  // namespace placid::os
