// SPDX-License-Identifier: Apache-2.0
//
// That a side of a stream sleeps until it is woken, on every system.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "cli/outcome.h"
#include "cli/stream.h"
#include "cli/stream_header.h"
#include "placid/base/atomic.h"
#include "placid/os/futex.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/wait/wait_set.h"

namespace placid::cli {
namespace {

class StreamWaitTest : public ::testing::Test {
 protected:
  void TearDown() override { (void)os::SharedObject::Unlink(name_); }

  [[nodiscard]] Stream Join(Side side, bool is_resumable = false) const {
    auto joined = Stream::Join(name_, side, StreamHeader::kLeastCapacity,
                               StreamHeader::kUnknownBytes,
                               {.is_wanted = is_resumable, .of = std::nullopt});
    EXPECT_TRUE(joined) << joined.outcome().message;
    return *std::move(joined);
  }

  // Whether `wake`, after it has armed, ends the sleep of `stream`.
  template <typename Wake>
  [[nodiscard]] static bool IsWoken(Stream& stream, Wake wake) {
    constexpr std::int64_t kSliceNs = 5'000'000'000;
    WaitSet& waiting = stream.waiting();
    waiting.Arm();
    wake();
    const bool is_woken = waiting.Sleep(INT64_MAX, kSliceNs);
    waiting.Disarm();
    return is_woken;
  }

  const os::Name name_ =
      *os::Name::Parse("stream-wait-" + std::to_string(os::ThisProcess()->pid));
};

// One that rings nobody, or itself, would cost a slice each time.
TEST_F(StreamWaitTest, EachSideIsWokenByTheOtherAndByItself) {
  Stream sender = Join(Side::kSender);
  Stream receiver = Join(Side::kReceiver);
  for (const auto& [sleeper, peer] :
       {std::pair(&sender, &receiver), std::pair(&receiver, &sender)}) {
    EXPECT_TRUE(IsWoken(*sleeper, [&] { peer->Say(StreamState::kJoined); }));
    EXPECT_TRUE(IsWoken(*sleeper, [&] { peer->MakeNotifier().Notify(); }));
    EXPECT_TRUE(IsWoken(*sleeper, [&] { sleeper->Wake(); }));
    EXPECT_EQ(sleeper->header().MaskOf(peer->side()).armed.load(kRelaxed), 0U);
  }
}

// The one before it still has its doorbell, as one that was killed has, and may
// have been about to ring.
TEST_F(StreamWaitTest, AReceiverTakesTheDoorbellOfTheOneBeforeIt) {
  Stream sender = Join(Side::kSender, /*is_resumable=*/true);
  std::optional<Stream> before(Join(Side::kReceiver, /*is_resumable=*/true));
  before->Leave(StreamState::kInterrupted);
  std::optional<Stream> after;
  EXPECT_TRUE(IsWoken(sender, [&] {
    after.emplace(Join(Side::kReceiver, /*is_resumable=*/true));
  }));
  before.reset();
  EXPECT_TRUE(IsWoken(*after, [&] { sender.Say(StreamState::kJoined); }));
  EXPECT_TRUE(IsWoken(sender, [&] { after->Say(StreamState::kJoined); }));
}

// One that naps between two looks has a hundred of them a second at least. A
// loaded machine only makes them fewer.
TEST_F(StreamWaitTest, WhoIsIdleHardlyLooks) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  Stream receiver = Join(Side::kReceiver);
  const std::int64_t began_ns = os::MonotonicNow();
  int looks = 0;
  receiver.Until([&] {
    const std::int64_t idle_ns = os::MonotonicNow() - began_ns;
    // The shorter sleeps that come first are over by then.
    if (idle_ns > kSecond) ++looks;
    return idle_ns > 2 * kSecond;
  });
  EXPECT_LE(looks, 20);
}

}  // namespace
}  // namespace placid::cli
