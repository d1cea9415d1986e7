// SPDX-License-Identifier: Apache-2.0
//
// What the handle types of the os layer do alike on every system.
#include <cstdint>
#include <utility>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/handover.h"
#include "placid/os/mapping.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"

namespace placid::os {

// An object without a name that is closed at once: so its space is reserved,
// and a mirror works, like any other object's.
Result<Mapping> Mapping::Anonymous(std::uint64_t size_bytes,
                                   const MapOptions& options) {
  auto mapping =
      SharedObject::CreateAnonymous(size_bytes,
                                    {.huge_pages = options.huge_pages})
          .and_then([&](SharedObject&& object) { return object.Map(options); });
  if (mapping) return mapping;
  Error error = mapping.error();
  error.operation = "Mapping::Anonymous";
  return error;
}

void Mapping::swap(Mapping& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(access_, other.access_);
  std::swap(granted_, other.granted_);
}

void SharedObject::swap(SharedObject& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(size_, other.size_);
  std::swap(access_, other.access_);
  std::swap(was_created_, other.was_created_);
  std::swap(is_sealed_, other.is_sealed_);
  std::swap(name_, other.name_);
}

ShortText SharedObject::label() const {
  if (!name_.empty()) return name_;
  ErrorMessage text;
  text.Append("an object of ");
  text.Append(size_);
  text.Append(" bytes");
  return text.view();
}

void FileLock::swap(FileLock& other) noexcept {
  std::swap(handle_, other.handle_);
}

void ProcessWatch::swap(ProcessWatch& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(identity_, other.identity_);
  std::swap(is_dead_, other.is_dead_);
}

void HandoverListener::swap(HandoverListener& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(name_, other.name_);
}

}  // namespace placid::os
