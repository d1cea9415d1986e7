// SPDX-License-Identifier: Apache-2.0
//
// Peer: another process (tests/support/peer.h); Steps: what it can do here.
#ifndef PLACID_TESTS_CONFORMANCE_OS_PEER_H_
#define PLACID_TESTS_CONFORMANCE_OS_PEER_H_

#include <istream>
#include <string>
#include <vector>

#include "placid/os/bell.h"
#include "placid/os/file_lock.h"
#include "placid/os/handover.h"
#include "placid/os/locked_mapping.h"
#include "placid/os/mapping.h"
#include "placid/os/shared_object.h"
#include "tests/support/peer.h"

namespace placid::os::conformance {

using placid::testing::Peer;

// What a peer can do: it holds one object, one mapping and one listener, and
// any number of locks. An error is answered by its code's words ("not found").
class Steps {
 public:
  //   create NAME SIZE           created
  //   open NAME ro|rw            opened SIZE
  //   open_or_create NAME SIZE   created | opened
  //   map ro|rw                  mapped
  //   write OFFSET VALUE         written      32-bit words, atomic
  //   read OFFSET                VALUE
  //   close                      closed       object and mapping
  //   lock NAME INDEX            locked
  //   share NAME INDEX           shared       the lock
  //   map_locked NAME INDEX      mapped       the object, with its lock
  //   map_shared NAME INDEX      mapped       and with one that is shared
  //   probe NAME INDEX           free | held | shared
  //   unlock                     unlocked     all of them
  //   identity                   PID START HIGH LOW
  //   listen NAME                listening
  //   give ro|rw TIMEOUT_MS      given        the object
  //   receive NAME TIMEOUT_MS    received SIZE
  //   offer ro|rw TIMEOUT_MS     given | nobody | lost    the object
  //   take NAME COUNT TIMEOUT_MS took SIZE...  holds the last of them
  //   wake OFFSET                COUNT        through the futex
  //   bump OFFSET                COUNT        the same, the word moved on
  //   bell                       NUMBER       one that it has from now on
  //   ring NUMBER                rang | nobody
  //   at NANOSECONDS STEP        the step's, begun at that time of MonotonicNow
  //   exit                       bye
  std::string Do(const std::string& step);

 private:
  std::string DoVerb(const std::string& verb, std::istream& words);

  SharedObject object_;
  Mapping mapping_;
  HandoverListener listener_;
  std::vector<FileLock> locks_;
  std::vector<LockedMapping> locked_;
  Bell bell_;
  BellRope rope_;
};

}  // namespace placid::os::conformance

#endif  // PLACID_TESTS_CONFORMANCE_OS_PEER_H_
