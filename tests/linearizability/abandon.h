// SPDX-License-Identifier: Apache-2.0
//
// Abandon: a role whose holder died: it is never used or dropped again.
#ifndef PLACID_TESTS_LINEARIZABILITY_ABANDON_H_
#define PLACID_TESTS_LINEARIZABILITY_ABANDON_H_

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace placid::linearizability {

template <typename Role>
void Abandon(Role role) {
  // Roles own nothing but their word in shared memory, so nothing leaks.
  alignas(Role) std::byte grave[sizeof(Role)];
  ::new (static_cast<void*>(grave)) Role(std::move(role));
}

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_ABANDON_H_
