// SPDX-License-Identifier: Apache-2.0
//
// Die: the death of a role's holder, as the others see it.
#ifndef PLACID_TESTS_SUPPORT_DIE_H_
#define PLACID_TESTS_SUPPORT_DIE_H_

#include <utility>

namespace placid::testing {

// The holder keeps its role and never does anything again: its destructor,
// which would give the role back, does not run.
template <typename Role>
void Die(Role role) {
  union Grave {
    explicit Grave(Role& dead) : role(std::move(dead)) {}
    ~Grave() {}
    Role role;
  } grave(role);
}

}  // namespace placid::testing

#endif  // PLACID_TESTS_SUPPORT_DIE_H_
