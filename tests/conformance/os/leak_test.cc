// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>

#include "fixture.h"
#include "gtest/gtest.h"
#include "placid/os/bell.h"
#include "placid/os/file_lock.h"
#include "placid/os/handover.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/os/snapshot.h"
#include "port.h"

namespace placid::os::conformance {
namespace {

class LeakConformance : public Conformance {
 protected:
  static constexpr std::uint64_t kBytes = 2 * kGranuleBytes;

  // Every path that takes something from the system, and most that fail.
  void Round(const Name& name, const Name& nobody, const std::string& path,
             bool with_file) {
    const auto object = SharedObject::Create(name, kBytes);
    ASSERT_TRUE(Succeeds(object));
    const auto opened = SharedObject::Open(name, Access::kReadOnly);
    const auto again = SharedObject::OpenOrCreate(name, kBytes);
    const auto anonymous = SharedObject::CreateAnonymous(kBytes);
    const auto mirrored = anonymous->Map({.mirror_offset = kGranuleBytes});
    const auto mapping = again->Map();
    const auto view = opened->Map({.access = Access::kReadOnly});
    const auto snapshot = Snapshot::Of(*opened);
    const auto lock = FileLock::TryLock(name, 1);
    const auto watch = ProcessWatch::Open(*ThisProcess());
    const auto listener = HandoverListener::Listen(name);
    const auto bell = Bell::Make();
    ASSERT_TRUE(mirrored && mapping && view && lock && watch && listener);
    ASSERT_TRUE(Succeeds(bell));
    ASSERT_TRUE(Succeeds(snapshot));
    EXPECT_TRUE(BellRope().Ring(bell->number()));

    EXPECT_FALSE(SharedObject::Create(name, kBytes));
    EXPECT_FALSE(SharedObject::Create(nobody, SharedObject::kMaxBytes));
    EXPECT_FALSE(SharedObject::CreateAnonymous(SharedObject::kMaxBytes));
    EXPECT_FALSE(SharedObject::Open(nobody, Access::kReadOnly));
    EXPECT_FALSE(opened->Map());
    EXPECT_FALSE(anonymous->Map({.mirror_offset = 1}));
    EXPECT_FALSE(FileLock::TryLock(name, 1));
    EXPECT_FALSE(FileLock::TryLock(nobody, 1));
    EXPECT_TRUE(FileLock::Probe(name, 1));
    EXPECT_FALSE(HandoverListener::Listen(name));
    EXPECT_FALSE(ReceiveHandover(nobody, 0));
    EXPECT_FALSE(IdentifyProcess(0x7ffffff0));
    EXPECT_FALSE(SharedObject::OpenAtPath(path, Access::kReadOnly));
    if (with_file) {
      EXPECT_TRUE(SharedObject::CreateAtPath(path, kBytes));
      EXPECT_FALSE(SharedObject::CreateAtPath(path, kBytes));
      EXPECT_TRUE(SharedObject::OpenAtPath(path, Access::kReadOnly)
                      ->Map({.access = Access::kReadOnly}));
    }
    (void)SharedObject::Unlink(name);
  }
};

TEST_F(LeakConformance, RoundsOfEverythingLeaveNothingOpen) {
  const Name name = NewName();
  const Name nobody = NewName();
  Round(name, nobody, NewPath(), true);  // whatever is made once for all
  const std::size_t handles = CountOpenHandles();
  const std::size_t mappings = CountMappings();
  const std::string unused = NewPath();
  for (int i = 1; i < LeakRounds() && !HasFailure(); ++i) {
    Round(name, nobody, unused, false);
  }
  Round(name, nobody, NewPath(), true);
  EXPECT_EQ(CountOpenHandles(), handles);
  EXPECT_EQ(CountMappings(), mappings);
}

}  // namespace
}  // namespace placid::os::conformance
