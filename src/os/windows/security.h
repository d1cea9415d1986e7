// SPDX-License-Identifier: Apache-2.0
//
// Who may reach an object, and who is at the other end.
#ifndef PLACID_SRC_OS_WINDOWS_SECURITY_H_
#define PLACID_SRC_OS_WINDOWS_SECURITY_H_

#include <cstdint>
#include <memory>

#include "operation.h"
#include "placid/base/result.h"
#include "system.h"

namespace placid::os::internal {

struct FreeLocal {
  void operator()(void* memory) const { ::LocalFree(memory); }
};

// A security descriptor: our user may do everything, and nobody else anything
// but what a mode grants.
class Security {
 public:
  // 0600: nobody else; 0660 and 0666: everybody may read and write. Other modes
  // are kInvalidArgument.
  static Result<Security> Of(const Operation& operation, std::uint32_t mode);

  // For the calls that create. Handles made so are not inherited.
  [[nodiscard]] SECURITY_ATTRIBUTES attributes() const {
    return {sizeof(SECURITY_ATTRIBUTES), descriptor_.get(), FALSE};
  }

 private:
  explicit Security(PSECURITY_DESCRIPTOR descriptor)
      : descriptor_(descriptor) {}

  std::unique_ptr<void, FreeLocal> descriptor_;
};

// As the system has them of an object that is open with READ_CONTROL; 0 where it
// does not tell.
struct Permissions {
  std::uint32_t mode = 0;   // 0600 or 0666, by whether everybody may read it
  std::uint64_t owner = 0;  // the last number of the owner's SID
};
Permissions PermissionsOf(HANDLE object);

// Whether the process runs as our user. ERROR_SUCCESS, ERROR_ACCESS_DENIED if
// it is another's, or why that cannot be told.
DWORD CheckSameUser(DWORD pid);

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_WINDOWS_SECURITY_H_
