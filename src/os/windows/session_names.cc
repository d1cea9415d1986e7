// SPDX-License-Identifier: Apache-2.0
#include "session_names.h"

#include <cstdint>
#include <ctime>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "names.h"
#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/name_registry.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "system.h"

namespace placid::os::internal {
namespace {

using Registry = NameRegistry<>;

// This process's part in it.
class SessionNames {
 public:
  // Never destroyed: objects may be made until the very end.
  static SessionNames& Get() {
    static SessionNames& names = *new SessionNames;
    return names;
  }

  // nullopt: something else has its name, or there is no room for it. It is
  // asked for again the next time.
  std::optional<Registry> Open(bool may_create) {
    const std::lock_guard guard(mutex_);
    if (registry_) return registry_;
    auto object = may_create
                      ? SharedObject::OpenOrCreate(
                            RegistryName(), Registry::SizeFor(), {.mode = 0666})
                      : SharedObject::Open(RegistryName(), Access::kReadWrite);
    // Of the page file alone: a file's pages may fail under us.
    if (!object || !object->is_sealed()) return std::nullopt;
    auto mapping = object->Map();
    if (!mapping) return std::nullopt;
    const auto registry = Registry::Attach(mapping->bytes());
    if (!registry) return std::nullopt;
    object_ = *std::move(object);
    mapping_ = *std::move(mapping);
    registry_ = *registry;
    return registry_;
  }

  // Nobody, where the system would not say: then nothing is written down.
  NameWriter self() const { return self_; }

 private:
  SessionNames() = default;

  const NameWriter self_{ThisProcess().value_or(ProcessIdentity{})};
  std::mutex mutex_;
  SharedObject object_;  // a view alone would not keep the name
  Mapping mapping_;
  std::optional<Registry> registry_;
};

// When in doubt it does.
bool Exists(std::string_view text) {
  const Operation operation{"Exists", text};
  const auto name = Name::Parse(text);
  if (!name) return false;  // nobody of ours wrote that
  const auto section = SectionName(operation, *name);
  if (!section) return false;
  const UniqueHandle object(
      ::OpenFileMappingW(SECTION_QUERY, FALSE, section->c_str()));
  return object || ::GetLastError() != ERROR_FILE_NOT_FOUND;
}

bool IsDead(NameWriter writer) {
  const auto process = IdentifyProcess(writer.pid());
  if (process) return NameWriter(*process) != writer;
  return process.error().code == ErrorCode::kNotFound;
}

}  // namespace

// Portable names have no exclamation marks.
Name RegistryName() { return *Name::Raw("Local\\placid!names"); }

void Announce(const Name& name, bool was_created) {
  if (name.is_raw()) return;
  SessionNames& names = SessionNames::Get();
  const auto registry = names.Open(/*may_create=*/true);
  if (!registry || names.self().is_nobody()) return;
  const auto made_at =
      was_created ? static_cast<std::uint64_t>(std::time(nullptr)) : 0;
  registry->Enter(name.text(), names.self(), made_at, Exists, IsDead);
}

void KeepRegistry() { SessionNames::Get().Open(/*may_create=*/false); }

}  // namespace placid::os::internal
