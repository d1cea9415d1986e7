// SPDX-License-Identifier: Apache-2.0
#include "placid/os/snapshot.h"

#include <cstdint>
#include <utility>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/shared_object.h"

namespace placid::os {

Result<Snapshot> Snapshot::Of(const SharedObject& object) {
  auto view = object.Map({.access = Access::kReadOnly});
  if (view) return Snapshot(*std::move(view));
  Error error = view.error();
  error.operation = "Snapshot::Of";
  return error;
}

// All of it is there, and stays.
Result<void> Snapshot::Copy(const SharedObject& /*object*/,
                            std::uint64_t /*offset*/, std::uint64_t /*size*/) {
  return Ok();
}

}  // namespace placid::os
