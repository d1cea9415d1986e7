// SPDX-License-Identifier: Apache-2.0
//
// `placid ls` and `placid inspect` while another process cuts short what they
// look at, and writes it anew: each run ends well, and shows what there was.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>

#include "cli/housekeeping.h"
#include "cli/outcome.h"
#include "cli/report.h"
#include "cli/stream.h"
#include "cli/stream_header.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/seqlock.h"
#include "placid/segment/directory.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/segment.h"
#include "tests/segment/linux/cutter.h"
#include "tests/segment/linux/segment_files.h"
#include "tests/support/child.h"
#include "tests/support/scratch.h"
#include "tests/support/seed.h"

namespace placid::cli {
namespace {

using placid::testing::Child;
using placid::testing::Cutter;
using placid::testing::SegmentFiles;
using Command = Outcome (*)(const HousekeepingOptions&);

class CliCutShortStress : public ::testing::Test {
 protected:
  static constexpr int kLooks = 300;

  Json Run(Command command) const {
    ::testing::internal::CaptureStdout();
    const Outcome outcome =
        command({.is_json = true, .names = {std::string(name_.text())}});
    std::fflush(stdout);
    const std::string text = ::testing::internal::GetCapturedStdout();
    EXPECT_TRUE(outcome.is_ok()) << outcome.message;
    return Json::parse(text);
  }
  // Until each was seen both whole and otherwise.
  void LookAgainAndAgain(const char* whole) const {
    int seen_whole = 0;
    int seen_cut = 0;
    for (int look = 0; look < kLooks || seen_whole == 0 || seen_cut == 0;
         ++look) {
      const Json json = Run(RunInspect);
      ++(json.contains(whole) ? seen_whole : seen_cut);
      EXPECT_TRUE(json.contains("why"));
      if (look % 10 == 0) (void)Run(RunLs);
    }
  }

  const std::uint64_t seed_ = placid::testing::DrawSeed();
  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  SegmentFiles files_{name_};
};

TEST_F(CliCutShortStress, ASegmentIsShownOrSaidToBeSpoilt) {
  CreateSegmentOptions options;
  options.size_bytes = 300'000;
  options.lifetime = Lifetime::kUntilUnlinked;
  options.place = [](std::span<std::byte> bytes) -> Result<void> {
    const auto directory = *Directory::Create(bytes, 16);
    const auto made = directory.FindOrCreate<Seqlock<std::uint64_t>>(
        "here", OwnerId::Unowned());
    return made ? Ok() : Result<void>(made.error());
  };
  ASSERT_TRUE(Segment::Create(name_, options));
  const Cutter cutter({files_.Record(), files_.Data(), files_.Control()},
                      seed_);
  LookAgainAndAgain("objects");
}

TEST_F(CliCutShortStress, AStreamIsShownOrSaidToBeNone) {
  Child sender([this] {
    (void)Stream::Join(name_, Side::kSender, StreamHeader::kLeastCapacity);
    ::_exit(0);  // without a word
  });
  ASSERT_TRUE(sender.EndsWell());
  const Cutter cutter({files_.Record()}, seed_);
  LookAgainAndAgain("ring");
}

}  // namespace
}  // namespace placid::cli
