// SPDX-License-Identifier: Apache-2.0
//
// A system without /proc: the names are found in a /dev/shm all the same.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "cli/outcome.h"
#include "cli/stream.h"
#include "cli/stream_header.h"
#include "cli/transfer.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/handover.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "tests/os/linux/in_child.h"

namespace placid::cli {
namespace {

namespace fs = std::filesystem;

class NoProcTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(root_ / "dev" / "shm");
    fs::create_directories(root_ / "tmp");
  }
  void TearDown() override { fs::remove_all(root_); }

  // Runs f() where there is nothing else. Only the superuser may go there.
  template <typename F>
  void InThere(F f) const {
    if (::geteuid() != 0) return;
    os::InChild([&] {
      ASSERT_EQ(::chroot(root_.c_str()), 0);
      ASSERT_EQ(::chdir("/"), 0);
      f();
      EXPECT_TRUE(fs::is_empty("/dev/shm"));
    });
  }

  const fs::path root_ = fs::path(::testing::TempDir()) /
                         ("no-proc-" + std::to_string(::getpid()));
  const os::Name name_ = *os::Name::Parse("no-proc");
};

// Locks go by name then, and new files appear by a rename.
TEST_F(NoProcTest, AStreamArrives) {
  InThere([this] {
    const TransferOptions options{.name = name_,
                                  .file = {},
                                  .capacity = StreamHeader::kLeastCapacity,
                                  .most_bytes = UINT64_MAX,
                                  .is_quiet = true};
    const std::vector<std::byte> bytes(300'000, std::byte{7});
    TransferReport sent;
    std::thread sender([&] {
      std::span<const std::byte> rest(bytes);
      sent = SendFrom(
          options,
          [&](std::span<std::byte> to) -> Result<std::size_t> {
            const std::size_t n = std::min(to.size(), rest.size());
            std::ranges::copy(rest.first(n), to.begin());
            rest = rest.subspan(n);
            return n;
          },
          bytes.size());
    });
    std::vector<std::byte> got;
    const auto received = ReceiveInto(
        options,
        [&](std::span<const std::byte> from) {
          got.insert(got.end(), from.begin(), from.end());
          return Ok();
        },
        [] { return Ok(); });
    sender.join();
    EXPECT_TRUE(sent.outcome.is_ok()) << sent.outcome.message;
    EXPECT_TRUE(received.outcome.is_ok()) << received.outcome.message;
    EXPECT_EQ(got, bytes);
  });
}

// And the death of the other side is seen by its lock.
TEST_F(NoProcTest, ADeathIsSeen) {
  InThere([this] {
    auto sender =
        Stream::Join(name_, Side::kSender, StreamHeader::kLeastCapacity);
    ASSERT_TRUE(sender) << sender.outcome().message;
    {
      const auto receiver =
          Stream::Join(name_, Side::kReceiver, StreamHeader::kLeastCapacity);
      ASSERT_TRUE(receiver) << receiver.outcome().message;
      EXPECT_EQ(sender->LookAtPeer(), PeerLife::kPresent);
    }
    EXPECT_EQ(sender->LookAtPeer(), PeerLife::kDead);
    sender->Leave(StreamState::kPeerLost);
  });
}

// What cannot be had there says so, and what to do.
TEST_F(NoProcTest, WhatNeedsItSaysSo) {
  InThere([this] {
    const auto unsupported = [](const auto& result) {
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().code, ErrorCode::kUnsupported);
      EXPECT_NE(std::string_view(result.error().advice).find("mount /proc"),
                std::string_view::npos);
    };
    const auto object = *os::SharedObject::CreateAnonymous(4096);
    unsupported(os::FileLock::TryLock(object, 0));
    unsupported(os::FileLock::Probe(object, 0));
    unsupported(os::ThisProcess());
    auto listener = *os::HandoverListener::Listen(name_);
    unsupported(listener.GiveTo(object, os::Access::kReadOnly, 0));
  });
}

}  // namespace
}  // namespace placid::cli
