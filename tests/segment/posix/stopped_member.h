// SPDX-License-Identifier: Apache-2.0
//
// StoppedMemberTest<Ring, kCapacity>: a ring in a segment, of which another
// process has a role and is stopped in the middle of it: not dead, so nobody may
// recover it.
#ifndef PLACID_TESTS_SEGMENT_POSIX_STOPPED_MEMBER_H_
#define PLACID_TESTS_SEGMENT_POSIX_STOPPED_MEMBER_H_

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <thread>

#include "member.h"
#include "placid/base/result.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/ring_result.h"
#include "placid/segment/membership.h"
#include "placid/segment/segment.h"
#include "tests/support/scratch.h"

namespace placid::testing {

template <typename Ring, std::uint64_t kCapacity>
class StoppedMemberTest : public ::testing::Test {
 protected:
  StoppedMemberTest() {
    CreateSegmentOptions options;
    options.size_bytes = Ring::SizeFor(kCapacity);
    options.participants = 4;
    options.place = [](std::span<std::byte> bytes) -> Result<void> {
      const auto ring = Ring::Create(bytes, kCapacity);
      if (!ring) return ring.error();
      return Ok();
    };
    segment_ = *Segment::Create(name_, options);
    ring_.emplace(*Ring::Attach(segment_.bytes()));
    me_ = *Membership::Join(segment_);
  }
  ~StoppedMemberTest() override { (void)Segment::Unlink(name_); }

  // How many were found dead.
  std::uint64_t RecoverDead() {
    return *me_.RecoverDead(segment_,
                            [this](const DeadOwner& dead) -> Result<void> {
                              ring_->Recover(dead);
                              return Ok();
                            });
  }
  // Until it stands where it stops itself.
  static void AwaitStop(const Member& member) {
    siginfo_t info;
    ::waitid(P_PID, static_cast<id_t>(member.pid()), &info, WSTOPPED | WNOWAIT);
  }
  static void GoOn(const Member& member) { ::kill(member.pid(), SIGCONT); }
  // attempt(value) until it is kOk, which it soon must be; 0: it never was.
  template <typename Attempt>
  static std::uint64_t GetSoon(const Attempt& attempt) {
    std::uint64_t value = 0;
    for (int i = 0; i < 10'000; ++i) {
      if (attempt(value) == RingResult::kOk) return value;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return 0;
  }

  Scratch scratch_;
  const os::Name name_ = scratch_.NewName();
  Segment segment_;
  std::optional<Ring> ring_;
  Membership me_;
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_SEGMENT_POSIX_STOPPED_MEMBER_H_
