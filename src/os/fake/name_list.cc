// SPDX-License-Identifier: Apache-2.0
#include "placid/os/name_list.h"

#include <string_view>
#include <vector>

#include "../posix/operation.h"
#include "placid/base/result.h"
#include "system.h"

namespace placid::os {

using fake::Guard;
using fake::System;

bool CanListNames() { return true; }

Result<std::vector<ListedObject>> ListNames() {
  constexpr std::string_view kNamed = "name:";  // see KeyOf
  const internal::Operation operation{"ListNames", {}};
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  std::vector<ListedObject> found;
  for (const auto& [key, object] : system.files) {
    if (!key.starts_with(kNamed)) continue;
    found.push_back({.name = key.substr(kNamed.size()),
                     .kind = ListedObject::Kind::kObject,
                     .size_bytes = object->size,
                     .allocated_bytes = object->size,
                     .mode = 0600,
                     .may_unlink = true});
  }
  return found;
}

}  // namespace placid::os
