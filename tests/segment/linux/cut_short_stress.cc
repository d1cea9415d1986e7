// SPDX-License-Identifier: Apache-2.0
//
// Whoever looks at segments while another process cuts their objects short, and
// lets them grow again, sees them whole or hears why not, and lives.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cutter.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/segment/discovery.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_view.h"
#include "segment_files.h"
#include "tests/segment/posix/member.h"
#include "tests/support/scratch.h"
#include "tests/support/seed.h"

namespace placid {
namespace {

using placid::testing::Cutter;
using placid::testing::Member;
using placid::testing::SegmentFiles;

class CutShortStress : public ::testing::Test {
 protected:
  static constexpr int kLooks = 3000;
  static constexpr std::uint64_t kBytes = 20'000;

  // One that a dead process has joined, and that nobody has mapped.
  void Leave() const {
    CreateSegmentOptions options;
    options.size_bytes = kBytes;
    options.participants = 4;
    options.lifetime = Lifetime::kUntilUnlinked;
    ASSERT_TRUE(Segment::Create(name_, options));
    const Member dead(name_);
  }
  [[nodiscard]] std::vector<std::string> Files() const {
    return {files_.Record(), files_.Data(), files_.Control()};
  }

  const std::uint64_t seed_ = placid::testing::DrawSeed();
  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  SegmentFiles files_{name_};
};

TEST_F(CutShortStress, DiscoveryOutlivesIt) {
  Leave();
  const Cutter cutter(Files(), seed_);
  int whole = 0;
  int spoilt = 0;
  for (int look = 0; look < kLooks || whole == 0 || spoilt == 0; ++look) {
    const auto found = LookUp(name_);
    ASSERT_TRUE(found) << found.error().Message().c_str();
    EXPECT_STRNE(found->why, "");
    ++(found->state == Found::State::kReady ? whole : spoilt);
    if (look % 100 == 0) {
      EXPECT_TRUE(Discover());
    }
  }
}

TEST_F(CutShortStress, AViewOutlivesIt) {
  Leave();
  const Cutter cutter(Files(), seed_);
  int whole = 0;
  int cut = 0;
  for (int look = 0; look < kLooks || whole == 0 || cut == 0; ++look) {
    auto view = SegmentView::Open(name_);
    if (!view || view->data().state != PartView::State::kReady) {
      ++cut;
      continue;
    }
    const Result<void> copied = view->CopyData(0, kBytes);
    ++(copied ? whole : cut);
    const auto bytes = view->data().bytes();
    for (std::uint64_t at = 0; at + 8 <= bytes.size(); at += 512) {
      EXPECT_TRUE(bytes.Load<std::uint64_t>(at));
    }
    if (!view->participants()) continue;
    for (std::uint64_t row = 1; row <= view->participants()->count(); ++row) {
      EXPECT_NE(view->LifeOf(row), os::Liveness::kAlive);
      (void)view->IdentityOf(row);
    }
  }
}

}  // namespace
}  // namespace placid
