// SPDX-License-Identifier: Apache-2.0
//
// The output of `placid receive --resume` and its record where the disk, or
// somebody else, is in the way: what is in the record stays so, and is in the
// file.
#include "cli/resumable_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

#include "cli/outcome.h"
#include "cli/resume_record.h"
#include "cli/stream_header.h"
#include "cli/system.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "tests/os/linux/refused_calls.h"
#include "tests/support/scratch.h"

namespace placid::cli {
namespace {

using os::Call;
using os::InChild;
using ::testing::HasSubstr;
using Total = StreamHeader::Total;

constexpr StreamId kStream{.high = 1, .low = 2};
constexpr std::string_view kFirst = "first";
constexpr std::string_view kSecond = "second";

Result<void> Write(ResumableOutput& output, std::string_view text) {
  return output.Write(std::as_bytes(std::span(text)));
}
std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class ResumableOutputTest : public ::testing::Test {
 protected:
  ~ResumableOutputTest() override {
    std::filesystem::remove_all(path_);
    std::filesystem::remove_all(record_);
  }

  // What a receiver had received and recorded when it was killed.
  void ReceiveFirst() const {
    auto output = ResumableOutput::Open(path_);
    ASSERT_TRUE(output) << output.outcome().message;
    ASSERT_TRUE(output->GoOn(kStream, 0));
    ASSERT_TRUE(Write(*output, kFirst));
    ASSERT_TRUE(output->Keep({.bytes = kFirst.size(), .crc32c = 1}, false));
  }
  // Where the next one goes on.
  [[nodiscard]] Total Recorded() const {
    auto output = ResumableOutput::Open(path_);
    EXPECT_TRUE(output) << output.outcome().message;
    return output && output->record() ? output->record()->total : Total{};
  }
  [[nodiscard]] Outcome OpenFails() const {
    auto output = ResumableOutput::Open(path_);
    EXPECT_FALSE(output);
    return output ? Outcome{} : output.outcome();
  }

  placid::testing::Scratch scratch_;
  const std::string path_ = scratch_.NewPath();
  const std::string record_ = path_ + ".placid-resume";
};

TEST_F(ResumableOutputTest, WhatWasKeptIsWhereTheNextGoesOn) {
  ReceiveFirst();
  std::ofstream(path_, std::ios::app) << "not recorded";
  auto output = ResumableOutput::Open(path_);
  ASSERT_TRUE(output);
  const auto total = output->GoOn(kStream, kFirst.size());
  ASSERT_TRUE(total);
  ASSERT_TRUE(Write(*output, kSecond));
  EXPECT_EQ(Read(path_), "firstsecond") << "what was not recorded is cut off";
}

// Its maker died before it wrote: nothing was received.
TEST_F(ResumableOutputTest, AnEmptyRecordIsNone) {
  std::ofstream(record_) << "";
  auto output = ResumableOutput::Open(path_);
  ASSERT_TRUE(output) << output.outcome().message;
  EXPECT_FALSE(output->record());
  output->Withdraw();
  EXPECT_FALSE(std::filesystem::exists(path_)) << "it had made it";
}

TEST_F(ResumableOutputTest, ARecordThatCannotBeReadEndsIt) {
  std::filesystem::create_directory(record_);
  const Outcome outcome = OpenFails();
  EXPECT_EQ(outcome.code, ExitCode::kInputOutput);
  EXPECT_THAT(outcome.message, HasSubstr("cannot read '" + record_));
  EXPECT_FALSE(std::filesystem::exists(path_)) << "nothing is left behind";
}

TEST_F(ResumableOutputTest, AFileThatCannotBeMadeEndsIt) {
  const auto output = ResumableOutput::Open(path_ + "/no/such/folder");
  ASSERT_FALSE(output);
  EXPECT_EQ(output.outcome().code, ExitCode::kInputOutput);
  EXPECT_THAT(output.outcome().message, HasSubstr("cannot open '"));
}

// Between the two looks it waited for its turn, and another receiver wrote.
TEST_F(ResumableOutputTest, TheRecordIsLookedAtAgainWhenItIsItsTurn) {
  ReceiveFirst();
  auto output = ResumableOutput::Open(path_);
  ASSERT_TRUE(output);
  const auto fails = [&](StreamId id, std::uint64_t given, const char* words) {
    const auto total = output->GoOn(id, given);
    ASSERT_FALSE(total) << words;
    EXPECT_EQ(total.outcome().code, ExitCode::kInputOutput);
    EXPECT_THAT(total.outcome().message, HasSubstr(words));
  };
  fails(StreamId{.high = 1, .low = 3}, 0, "no longer the newest record");
  fails(kStream, kFirst.size() + 1, "no longer the newest record");
  const std::string record = Read(record_);
  std::ofstream(record_) << "spoilt";
  fails(kStream, 0, "is damaged");
  std::ofstream(record_) << record;
  std::filesystem::resize_file(path_, kFirst.size() - 1);
  fails(kStream, 0, "fewer than the 5");
  std::ofstream(path_) << kFirst;
  const auto total = output->GoOn(kStream, kFirst.size());
  ASSERT_TRUE(total);
  EXPECT_EQ(Read(path_), kFirst);
}

// Whatever step fails, the record says what it said, and the file has it.
TEST_F(ResumableOutputTest, AFailedStepLeavesTheLastRecord) {
  ReceiveFirst();
  for (const Call& call :
       {Call{"openat", SYS_openat}, Call{"write", SYS_write},
        Call{"ftruncate", SYS_ftruncate}, Call{"lseek", SYS_lseek},
        Call{"fdatasync", SYS_fdatasync}, Call{"pwrite64", SYS_pwrite64}}) {
    for (const int error : {EIO, ENOSPC, EDQUOT}) {
      InChild([&] {
        auto output = ResumableOutput::Open(path_);
        ASSERT_TRUE(output->GoOn(kStream, kFirst.size()));
        os::Deny(call.number, error);
        auto kept = Write(*output, kSecond);
        if (kept) {
          kept = output->Keep(
              {.bytes = kFirst.size() + kSecond.size(), .crc32c = 2}, false);
        }
        ASSERT_FALSE(kept);
        EXPECT_EQ(kept.error().system_error, error);
      });
      EXPECT_EQ(Recorded(), (Total{.bytes = kFirst.size(), .crc32c = 1}))
          << call.name;
      EXPECT_TRUE(Read(path_).starts_with(kFirst)) << call.name;
    }
  }
}

TEST_F(ResumableOutputTest, WhatCannotBeReadIsNotTakenForNoRecord) {
  ReceiveFirst();
  for (const long call : {SYS_openat, SYS_read}) {
    InChild([&] {
      auto output = ResumableOutput::Open(path_);
      ASSERT_TRUE(output);
      os::Deny(call, EIO);
      const auto total = output->GoOn(kStream, kFirst.size());
      ASSERT_FALSE(total);
      EXPECT_EQ(total.outcome().code, ExitCode::kInputOutput);
      EXPECT_THAT(total.outcome().message, HasSubstr("cannot read '"));
      EXPECT_EQ(OpenFails().code, ExitCode::kInputOutput);
    });
  }
}

// As a write to a slow disk that a signal cuts short.
TEST_F(ResumableOutputTest, AnInterruptedWriteIsTriedAgainOnlyUntilWeAreTold) {
  ReceiveFirst();
  InChild([this] {
    auto output = ResumableOutput::Open(path_);
    ASSERT_TRUE(output->GoOn(kStream, 0));
    CatchInterruptions();
    os::Deny(SYS_write, EINTR);
    ::raise(SIGTERM);
    const auto written = Write(*output, kSecond);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().system_error, EINTR);
  });
}

}  // namespace
}  // namespace placid::cli
