// SPDX-License-Identifier: Apache-2.0
#include "placid/os/shared_object.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "../posix/check.h"
#include "../posix/map_file.h"
#include "../posix/operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "system.h"

namespace placid::os {

using fake::Guard;
using fake::KeyOf;
using fake::System;
using internal::Operation;

namespace {

Result<SharedObject> CreateAt(System& system, const Operation& operation,
                              const std::string& key, std::uint64_t size,
                              const CreateOptions& options) {
  if (auto valid = internal::CheckCreate(operation, size, options); !valid) {
    return valid.error();
  }
  if (system.files.contains(key)) return operation.Failed(EEXIST);
  auto object = system.MakeObject(operation, size);
  if (!object) return object.error();
  system.files[key] = *object;
  return system.HandleTo(operation, *object, Access::kReadWrite,
                         /*was_created=*/true);
}

Result<SharedObject> OpenAt(System& system, const Operation& operation,
                            std::string_view key, Access access) {
  const auto object = system.Find(operation, key);
  if (!object) return object.error();
  if (auto valid = internal::CheckSize(operation, 1, (*object)->size); !valid) {
    return valid.error();
  }
  return system.HandleTo(operation, *object, access, /*was_created=*/false);
}

}  // namespace

SharedObject::~SharedObject() { fake::CloseHandle(handle_); }

bool CanSealAnonymous() { return true; }
bool NamesPersist() { return true; }

Result<SharedObject> SharedObject::CreateAnonymous(
    std::uint64_t size_bytes, const CreateOptions& options) {
  const Operation operation{"SharedObject::CreateAnonymous", {}};
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  if (auto valid = internal::CheckCreate(operation, size_bytes, options);
      !valid) {
    return valid.error();
  }
  auto object = system.MakeObject(operation, size_bytes);
  if (!object) return object.error();
  (*object)->is_sealed = true;
  return system.HandleTo(operation, *object, Access::kReadWrite,
                         /*was_created=*/true);
}

Result<SharedObject> SharedObject::Create(const Name& name,
                                          std::uint64_t size_bytes,
                                          const CreateOptions& options) {
  const Operation operation{"SharedObject::Create", name.text()};
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  return CreateAt(system, operation, KeyOf(name), size_bytes, options);
}

Result<SharedObject> SharedObject::Open(const Name& name, Access access,
                                        Owner /*owner*/) {
  const Operation operation{"SharedObject::Open", name.text()};
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  return OpenAt(system, operation, KeyOf(name), access);
}

Result<SharedObject> SharedObject::OpenOrCreate(const Name& name,
                                                std::uint64_t size_bytes,
                                                const CreateOptions& options) {
  const Operation operation{"SharedObject::OpenOrCreate", name.text()};
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  if (auto valid = internal::CheckCreate(operation, size_bytes, options);
      !valid) {
    return valid.error();
  }
  if (system.files.contains(KeyOf(name))) {
    return OpenAt(system, operation, KeyOf(name), Access::kReadWrite);
  }
  return CreateAt(system, operation, KeyOf(name), size_bytes, options);
}

Result<void> SharedObject::Unlink(const Name& name) {
  const Operation operation{"SharedObject::Unlink", name.text()};
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  if (system.files.erase(KeyOf(name)) == 0) return operation.Failed(ENOENT);
  return Ok();
}

Result<SharedObject> SharedObject::CreateAtPath(std::string_view path,
                                                std::uint64_t size_bytes,
                                                const CreateOptions& options) {
  const Operation operation{"SharedObject::CreateAtPath", path};
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  if (auto valid = internal::CheckPath(operation); !valid) {
    return valid.error();
  }
  return CreateAt(system, operation, KeyOf(path), size_bytes, options);
}

Result<SharedObject> SharedObject::OpenAtPath(std::string_view path,
                                              Access access) {
  const Operation operation{"SharedObject::OpenAtPath", path};
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  if (auto valid = internal::CheckPath(operation); !valid) {
    return valid.error();
  }
  return OpenAt(system, operation, KeyOf(path), access);
}

Result<SharedObject> SharedObject::Adopt(NativeHandle handle, Access access,
                                         std::uint64_t size_bytes) {
  const Operation operation{"SharedObject::Adopt", {}};
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  const auto object = system.ObjectOf(operation, handle);
  if (!object) return object.error();
  if (access == Access::kReadWrite &&
      system.handles[handle].access == Access::kReadOnly) {
    return operation.Failed(EACCES);
  }
  const std::uint64_t size = size_bytes == 0 ? (*object)->size : size_bytes;
  if (auto valid = internal::CheckSize(
          operation, std::max<std::uint64_t>(size, 1), (*object)->size);
      !valid) {
    return valid.error();
  }
  return SharedObjectPort::Make(operation, handle, size, access,
                                /*was_created=*/false, (*object)->is_sealed);
}

Result<Mapping> SharedObject::Map(const MapOptions& options) const {
  const ShortText label = this->label();
  const Operation operation{"SharedObject::Map", label.view()};
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  if (auto valid = internal::CheckMap(operation, *this, options); !valid) {
    return valid.error();
  }
  const auto object = system.ObjectOf(operation, handle_);
  if (!object) return object.error();
  if (auto valid = internal::CheckSize(operation, size_, (*object)->size);
      !valid) {
    return valid.error();
  }
  auto mapping = internal::MapFile(operation, (*object)->memory.get(),
                                   {.size = size_,
                                    .mirror_offset = options.mirror_offset,
                                    .alignment = 1,
                                    .access = options.access,
                                    .flags = 0});
  if (!mapping) return mapping;
  ++system.mappings;
  Granted granted;
  const auto answer = [&](Wish wish, bool is_asked) {
    const std::int32_t error = system.refusals[static_cast<std::size_t>(wish)];
    if (is_asked) {
      granted.Set(wish, error == 0 ? Grant::kGranted : Grant::kRefused, error);
    }
  };
  answer(Wish::kPrefault, options.prefault);
  answer(Wish::kLock, options.lock);
  answer(Wish::kHugePages, options.huge_pages);
  answer(Wish::kDontDump, options.dont_dump);
  answer(Wish::kDontFork, options.dont_fork);
  answer(Wish::kNumaNode, options.numa_node >= 0);
  if (options.numa_node > 0) {  // there is one node here
    granted.Set(Wish::kNumaNode, Grant::kRefused, EINVAL);
  }
  MappingPort::SetGranted(*mapping, granted);
  return mapping;
}

Result<void> SharedObject::StillNamed(const Name& name) const {
  const Operation operation{"SharedObject::StillNamed", name.text()};
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  const auto ours = system.ObjectOf(operation, handle_);
  if (!ours) return ours.error();
  const auto there = system.Find(operation, KeyOf(name));
  if (there && *there == *ours) return Ok();
  return operation.Failed(ErrorCode::kUnlinked, nullptr,
                          "somebody removed or replaced the name: create it "
                          "anew, or open what is there now");
}

Mapping::~Mapping() {
  if (data_ == nullptr) return;
  ::munmap(data_, size_);
  System& system = System::Get();
  const Guard guard(system.mutex);
  --system.mappings;
}

}  // namespace placid::os
