// SPDX-License-Identifier: Apache-2.0
#include "placid/os/process.h"

#include <cstdint>

#include "../posix/operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "system.h"

namespace placid::os {

using fake::Guard;
using fake::System;
using internal::Operation;

struct ProcessPort {
  static ProcessWatch Make(const ProcessIdentity& identity) {
    ProcessWatch watch;
    watch.identity_ = identity;
    return watch;
  }
};

Result<ProcessIdentity> ThisProcess() {
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder({"ThisProcess", {}})) return *ordered;
  return system.processes.at(fake::current_pid).identity;
}

Result<ProcessIdentity> IdentifyProcess(std::uint64_t pid) {
  const Operation operation{"IdentifyProcess", {}};
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  const auto found = system.processes.find(pid);
  if (found == system.processes.end()) {
    return operation.Failed(ErrorCode::kNotFound, "the process",
                            "no process has this pid now");
  }
  return found->second.identity;
}

ProcessWatch::~ProcessWatch() = default;

Result<ProcessWatch> ProcessWatch::Open(const ProcessIdentity& identity) {
  const Operation operation{"ProcessWatch::Open", {}};
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  if (identity.pid == 0) {
    return operation.Failed(ErrorCode::kInvalidArgument, "a pid of 0",
                            "pass an identity that ThisProcess or "
                            "IdentifyProcess returned");
  }
  return ProcessPort::Make(identity);
}

namespace {
bool IsAlive(const System& system, const ProcessIdentity& identity) {
  const auto found = system.processes.find(identity.pid);
  return found != system.processes.end() && found->second.is_alive &&
         found->second.identity == identity;
}
}  // namespace

Liveness ProcessWatch::Poll() { return WaitForDeath(0); }

Liveness ProcessWatch::WaitForDeath(std::int64_t timeout_ms) {
  System& system = System::Get();
  Guard guard(system.mutex);
  is_dead_ = is_dead_ || system.changed.wait_until(
                             guard, fake::EndOf(timeout_ms),
                             [&] { return !IsAlive(system, identity_); });
  return is_dead_ ? Liveness::kDead : Liveness::kAlive;
}

}  // namespace placid::os
