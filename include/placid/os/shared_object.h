// SPDX-License-Identifier: Apache-2.0
//
// SharedObject: an open handle to bytes that several processes can map.
//
//   kind       made by               Linux          Windows          Darwin
//   named      Create, OpenOrCreate  /dev/shm file  named section    file
//                                                   (Local\...)
//   file       CreateAtPath          file           file section     file
//   anonymous  CreateAnonymous       sealed memfd   unnamed section  unlinked
//
// Darwin's named objects are files in a directory of mode 0700, its anonymous
// ones files that were unlinked.
//
// A name appears all at once: whoever can open it sees the full size, its space
// reserved and zero-filled, its mode 0600. A creator that dies before that
// leaves nothing behind. Handles are not inherited by programs started with
// exec or CreateProcess. Everybody's own effective user is the only one let in
// unless CreateOptions says otherwise.
//
// Who may shrink it: no one, of a sealed memfd or a Windows section. A named
// object or file can be truncated by every user that may write it, and the
// process that then touches a lost page dies of SIGBUS: use such names only
// among users who trust one another.
//
// Lifetime: a name lives on Linux and Darwin until Unlink; on Windows until the
// last handle is closed: a view keeps the bytes alone. StillNamed tells whether
// the name leads to this very object.
#ifndef PLACID_OS_SHARED_OBJECT_H_
#define PLACID_OS_SHARED_OBJECT_H_

#include <cstdint>
#include <string_view>
#include <utility>

#include "placid/base/error.h"
#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"

namespace placid::os {

// A file descriptor, or a HANDLE as an integer. kNoHandle: none.
using NativeHandle = std::intptr_t;
inline constexpr NativeHandle kNoHandle = -1;

// Whose object Open accepts. The superuser's is always accepted.
enum class Owner : std::uint8_t {
  kSelf,    // our effective user's: nobody can lie in wait under a name
  kAnyone,  // whoever made it can read, change and truncate it
};

// Whether anonymous objects are sealed here. A value, not a macro: Darwin's are
// files without a name, which whoever they were given to can truncate.
[[nodiscard]] PLACID_API bool CanSealAnonymous();

// Whether a name stays until Unlink. A value, not a macro: on Windows it goes by
// itself, with the last handle and view, and cannot be taken away before.
[[nodiscard]] PLACID_API bool NamesPersist();

struct CreateOptions {
  // Unix permission bits. On Windows: 0600 owner only, 0660 and 0666 everybody
  // in the session; other values are kInvalidArgument there.
  std::uint32_t mode = 0600;
  // Linux, anonymous only: ask for huge pages of the system's pool. Falls back
  // to plain pages; Mapping::granted() of a map that wished for them tells.
  bool huge_pages = false;
};

class PLACID_API SharedObject {
 public:
  // From one byte up; anonymous and named sizes are rounded up to the page by
  // the system, size_bytes() gives what was asked for where it can.
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 46;

  SharedObject() = default;
  SharedObject(SharedObject&& other) noexcept { swap(other); }
  SharedObject& operator=(SharedObject&& other) noexcept {
    SharedObject(std::move(other)).swap(*this);
    return *this;
  }
  SharedObject(const SharedObject&) = delete;
  SharedObject& operator=(const SharedObject&) = delete;
  ~SharedObject();

  // Errors of all that create: kInvalidArgument (size 0 or above kMaxBytes, bad
  // mode), kNoSpace (with nothing left behind), kPermissionDenied, kSystem.

  static Result<SharedObject> CreateAnonymous(
      std::uint64_t size_bytes, const CreateOptions& options = {});
  // Errors: kAlreadyExists.
  static Result<SharedObject> Create(const Name& name, std::uint64_t size_bytes,
                                     const CreateOptions& options = {});
  // Errors: kNotFound, kPermissionDenied (its mode, or another user made it:
  // see Owner), kTruncated (a foreign object of no bytes yet), kInvalidArgument
  // (something else than a regular file has that name). Windows: `owner` is
  // not looked at, the name lies in our own session.
  static Result<SharedObject> Open(const Name& name, Access access,
                                   Owner owner = Owner::kSelf);
  // Creates, or opens read-write what is there, whatever its size:
  // was_created() tells. Never fails because another process creates or unlinks
  // meanwhile, but with kContended after a bounded number of tries.
  // size_bytes() is never 0: a name made by us has its full size from its first
  // moment. Where options.mode lets others in, an object of any owner is
  // accepted.
  static Result<SharedObject> OpenOrCreate(const Name& name,
                                           std::uint64_t size_bytes,
                                           const CreateOptions& options = {});
  // Takes the name away; who has it open goes on. Errors: kNotFound,
  // kPermissionDenied. Windows: kUnsupported (the name goes with the last
  // handle), so callers treat that code as done.
  static Result<void> Unlink(const Name& name);

  // A regular file at a path in UTF-8. CreateAtPath refuses what exists.
  static Result<SharedObject> CreateAtPath(std::string_view path,
                                           std::uint64_t size_bytes,
                                           const CreateOptions& options = {});
  // The object's size is the file's. Errors: kNotFound, kTruncated (empty
  // file).
  static Result<SharedObject> OpenAtPath(std::string_view path, Access access);

  // Adopts a handle that came from elsewhere (a descriptor received from a
  // socket, an inherited handle) and checks what it is. Takes ownership on
  // success only. `size_bytes` 0: ask the system (Windows sections round up to
  // the page). An object without seals against shrinking is accepted;
  // is_sealed() tells.
  static Result<SharedObject> Adopt(NativeHandle handle, Access access,
                                    std::uint64_t size_bytes = 0);

  // The mapped range is size_bytes(), plus the mirror if one is asked for.
  // Errors: kTruncated (the object became smaller than size_bytes()),
  // kPermissionDenied (read-write of a read-only object), kInvalidArgument
  // (mirror not on a granule), kNoSpace (address space).
  [[nodiscard]] Result<Mapping> Map(const MapOptions& options = {}) const;

  // Whether `name` still leads to this object. Errors: kUnlinked.
  [[nodiscard]] Result<void> StillNamed(const Name& name) const;

  [[nodiscard]] std::uint64_t size_bytes() const { return size_; }
  [[nodiscard]] Access access() const { return access_; }
  [[nodiscard]] bool was_created() const { return was_created_; }
  // Nobody can make it smaller or larger.
  [[nodiscard]] bool is_sealed() const { return is_sealed_; }
  [[nodiscard]] NativeHandle handle() const { return handle_; }
  [[nodiscard]] bool is_open() const { return handle_ != kNoHandle; }
  // What errors call it: its name or path, cut to fit, or its size.
  [[nodiscard]] ShortText label() const;

  void swap(SharedObject& other) noexcept;

 private:
  friend struct SharedObjectPort;  // src/os/<system>: makes them

  NativeHandle handle_ = kNoHandle;
  std::uint64_t size_ = 0;
  Access access_ = Access::kReadOnly;
  bool was_created_ = false;
  bool is_sealed_ = false;
  ShortText name_;  // or path; empty where there is none
};

}  // namespace placid::os

#endif  // PLACID_OS_SHARED_OBJECT_H_
