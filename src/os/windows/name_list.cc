// SPDX-License-Identifier: Apache-2.0
#include "placid/os/name_list.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "names.h"
#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/name_registry.h"
#include "placid/os/shared_object.h"
#include "port.h"
#include "section.h"
#include "security.h"
#include "session_names.h"
#include "system.h"

namespace placid::os {
namespace {

using internal::Operation;
using internal::UniqueHandle;

using Registry = NameRegistry<>;
using MadeAt = std::map<std::string, std::uint64_t, std::less<>>;

// What the registry says there is, each once: nothing, where nobody has made
// one.
Result<MadeAt> Read(const Operation& operation) {
  const auto object =
      SharedObject::Open(internal::RegistryName(), Access::kReadOnly);
  if (!object && object.error().code == ErrorCode::kNotFound) return MadeAt();
  if (!object) return object.error();
  if (!object->is_sealed()) {
    return operation.Failed(ErrorCode::kNotPlacid, "the registry of names",
                            "another program has the name of our registry: "
                            "end that program, and ask by name meanwhile");
  }
  const auto mapping = object->Map({.access = Access::kReadOnly});
  if (!mapping) return mapping.error();
  const auto registry = Registry::AttachReadOnly(mapping->bytes());
  if (!registry) return registry.error();
  MadeAt found;
  registry->ForEach([&](std::string_view name, std::uint64_t made_at) {
    found.emplace(name, made_at);
  });
  return found;
}

// The object under that name. nullopt: there is none any more.
std::optional<ListedObject> Find(const Operation& operation,
                                 std::string_view text) {
  const auto name = Name::Parse(text);
  if (!name) return std::nullopt;  // a peer's lie
  const auto section = internal::SectionName(operation, *name);
  if (!section) return std::nullopt;
  ListedObject found;
  found.name = text;
  const UniqueHandle object(
      ::OpenFileMappingW(internal::RightsOf(Access::kReadOnly) | READ_CONTROL,
                         FALSE, section->c_str()));
  if (!object) {
    const DWORD error = ::GetLastError();
    if (error == ERROR_FILE_NOT_FOUND) return std::nullopt;
    if (error == ERROR_ACCESS_DENIED) {
      found.kind = ListedObject::Kind::kObject;  // another user's
    }
    return found;
  }
  const auto permissions = internal::PermissionsOf(object.get());
  found.owner = permissions.owner;
  found.mode = permissions.mode;
  const auto facts =
      internal::Inspect(operation, object.get(), Access::kReadOnly);
  if (!facts) return found;
  found.kind = ListedObject::Kind::kObject;
  found.size_bytes = facts->size;
  found.allocated_bytes = facts->size;
  return found;
}

}  // namespace

bool CanListNames() { return true; }

Result<std::vector<ListedObject>> ListNames() {
  const Operation operation{"ListNames", {}};
  const auto names = Read(operation);
  if (!names) return names.error();
  std::vector<ListedObject> all;
  for (const auto& [name, made_at] : *names) {
    auto found = Find(operation, name);
    if (!found) continue;
    found->made_at = static_cast<std::int64_t>(made_at);
    all.push_back(*std::move(found));
  }
  return all;
}

}  // namespace placid::os
