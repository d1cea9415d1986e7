// SPDX-License-Identifier: Apache-2.0
//
// The demo's helpers with memory that somebody spoils: a reader of act 3 must
// see what the act claims never to happen, or its report proves nothing.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cli/demo.h"
#include "cli/demo_stage.h"
#include "cli/system.h"
#include "placid/os/mapping.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/latest.h"
#include "placid/primitives/seqlock.h"
#include "placid/primitives/spsc_byte_ring.h"

namespace placid::cli {
namespace {

// What demo_readers.cc keeps up to date, and demo_rings.cc passes.
template <std::size_t kWords>
struct Numbered {
  std::array<std::uint64_t, kWords> words;
};
using Small = Numbered<8>;
using SmallSeqlock = Seqlock<Small>;
using LargeLatest = Latest<Numbered<2048>>;
constexpr std::uint64_t kRingCapacity = std::uint64_t{1} << 20;
constexpr std::uint64_t kRingBytes =
    os::RoundUpToGranule(SpscByteRing::SizeFor(kRingCapacity));

Small Of(std::uint64_t number) {
  Small value;
  value.words.fill(number);
  return value;
}

// A helper in a process of its own, with `object` as its standard input.
class Running {
 public:
  Running(const os::SharedObject& object, std::vector<std::string> role) {
    role.insert(role.begin(), "0");
    auto pipe = *File::MakePipe();
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::alarm(60);
      ::dup2(static_cast<int>(object.handle()), STDIN_FILENO);
      ::dup2(static_cast<int>(pipe.second.handle()), STDOUT_FILENO);
      const int exit_code = RunDemoHelper(role);
      std::fflush(nullptr);
      ::_exit(exit_code);
    }
    output_ = std::move(pipe.first);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (pid_ != 0) (void)Fails();
  }

  // Returns once it has said that it is ready.
  void AwaitReady() { EXPECT_EQ(Read(6), "ready\n"); }

  // Returns once it has run for a tenth of a second more.
  void AwaitWork() {
    const auto run_time = [this] {
      clockid_t clock{};
      timespec time{};
      EXPECT_EQ(::clock_getcpuclockid(pid_, &clock), 0);
      EXPECT_EQ(::clock_gettime(clock, &time), 0);
      return static_cast<double>(time.tv_sec) +
             static_cast<double>(time.tv_nsec) * 1e-9;
    };
    const double end = run_time() + 0.1;
    while (run_time() < end) ::usleep(1000);
  }

  // What it reports in the end.
  Json Report() {
    const std::string text = Read(4096);
    EXPECT_FALSE(Fails());
    return Json::parse(text, nullptr, /*allow_exceptions=*/false);
  }
  // Whether it ends with another exit code than 0.
  bool Fails() {
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    return status != 0;
  }

 private:
  // Up to `most` bytes; less at its end only.
  std::string Read(std::size_t most) {
    std::string text(most, '\0');
    std::size_t size = 0;
    while (size < most) {
      const auto rest = std::as_writable_bytes(std::span(text).subspan(size));
      const std::size_t n = output_.Read(rest).value_or(0);
      if (n == 0) break;
      size += n;
    }
    return text.substr(0, size);
  }

  pid_t pid_ = 0;
  File output_;
};

class DemoHelpersTest : public ::testing::Test {
 protected:
  const os::SharedObject object_ =
      *os::SharedObject::CreateAnonymous(2 * kRingBytes);
  const os::Mapping mapping_ = *object_.Map();
  const std::span<std::byte> bytes_ = mapping_.bytes();
};

TEST_F(DemoHelpersTest, AReaderReportsATornValue) {
  auto writer = SmallSeqlock::Attach(bytes_)->ClaimWriter();
  Small torn = Of(7);
  torn.words.back() = 8;
  writer->Store(torn);
  std::move(*writer).Close();
  Running reader(object_, {"read-seqlock"});
  reader.AwaitReady();
  const Json report = reader.Report();
  EXPECT_EQ(report["torn"], 1);
  EXPECT_EQ(report["backwards"], 0);
  EXPECT_EQ(report["last_number"], 7);
}

TEST_F(DemoHelpersTest, AReaderReportsAValueThatIsOlderThanTheLast) {
  auto writer = SmallSeqlock::Attach(bytes_)->ClaimWriter();
  Running reader(object_, {"read-seqlock"});
  reader.AwaitReady();
  writer->Store(Of(5));
  reader.AwaitWork();
  writer->Store(Of(4));
  std::move(*writer).Close();
  const Json report = reader.Report();
  EXPECT_EQ(report["torn"], 0);
  EXPECT_EQ(report["backwards"], 1);
  EXPECT_EQ(report["last_number"], 4);
}

// Virgin memory that somebody else makes something else of.
TEST_F(DemoHelpersTest, AReaderOfSomethingElseFails) {
  Running reader(object_, {"read-seqlock"});
  reader.AwaitReady();
  ASSERT_TRUE(LargeLatest::Attach(bytes_));
  EXPECT_TRUE(reader.Fails());
}

TEST_F(DemoHelpersTest, NobodyWorksInSomethingElse) {
  bytes_.front() = std::byte{0xAB};
  for (const char* role :
       {"read-seqlock", "read-latest", "sink-of-ring", "echo-of-ring"}) {
    EXPECT_TRUE(Running(object_, {role}).Fails()) << role;
  }
  for (const char* role : {"write-seqlock", "write-latest"}) {
    EXPECT_TRUE(Running(object_, {role, "10"}).Fails()) << role;
  }
}

// The value is final: a second writer must not go on.
TEST_F(DemoHelpersTest, AWriterAfterTheLastOneFails) {
  Running writer(object_, {"write-seqlock", "0"});
  writer.AwaitReady();
  EXPECT_GT(writer.Report()["last_number"], 0);
  EXPECT_TRUE(Running(object_, {"write-seqlock", "0"}).Fails());
}

// It attaches to both rings, and each has one consumer and one producer.
TEST_F(DemoHelpersTest, AHelperWithoutItsRingsOrItsRolesFails) {
  const auto fails = [this](const char* role) {
    return Running(object_, {role}).Fails();
  };
  const auto there = bytes_.first(kRingBytes);
  const auto back = bytes_.subspan(kRingBytes);
  const auto ring = SpscByteRing::Create(there, kRingCapacity);
  ASSERT_TRUE(ring);
  EXPECT_TRUE(fails("sink-of-ring")) << "there is no second ring";
  const auto other = SpscByteRing::Create(back, kRingCapacity);
  ASSERT_TRUE(other);
  {
    const auto consumer = ring->ClaimConsumer();
    EXPECT_TRUE(fails("sink-of-ring"));
    EXPECT_TRUE(fails("echo-of-ring"));
  }
  const auto producer = other->ClaimProducer();
  EXPECT_TRUE(fails("echo-of-ring"));
}

// Memory that is too small for what should be in it.
TEST_F(DemoHelpersTest, RingsInLessThanTheirMemoryAreRefused) {
  const auto small = *os::SharedObject::CreateAnonymous(kRingBytes);
  ASSERT_TRUE(SpscByteRing::Create(small.Map()->bytes(), kRingCapacity));
  EXPECT_TRUE(Running(small, {"sink-of-ring"}).Fails());
  EXPECT_TRUE(Running(small, {"echo-of-ring"}).Fails());
}

class EchoTest : public DemoHelpersTest {
 protected:
  const SpscByteRing there_ =
      *SpscByteRing::Create(bytes_.first(kRingBytes), kRingCapacity);
  const SpscByteRing back_ =
      *SpscByteRing::Create(bytes_.subspan(kRingBytes), kRingCapacity);
  const std::array<std::byte, 64> ping_{std::byte{1}, std::byte{2}};
};

TEST_F(EchoTest, SendsBackWhatItGetsUntilThereIsNoMore) {
  auto producer = *there_.ClaimProducer();
  auto consumer = *back_.ClaimConsumer();
  Running echo(object_, {"echo-of-ring"});
  SharedBytes pong;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(producer.TryPush(ping_), RingResult::kOk);
    while (consumer.TryFront(pong) == RingResult::kEmpty) ::usleep(100);
    std::array<std::byte, 64> bytes{};
    EXPECT_EQ(pong.CopyOut(bytes), bytes.size());
    EXPECT_EQ(bytes, ping_);
  }
  producer.Close();
  EXPECT_FALSE(echo.Fails());
}

// It lacks room, and nobody will ever make some.
TEST_F(EchoTest, FailsIfNobodyTakesIt) {
  auto producer = *there_.ClaimProducer();
  ASSERT_EQ(producer.TryPush(ping_), RingResult::kOk);
  {
    auto full = *back_.ClaimProducer();
    while (full.TryPush(ping_) == RingResult::kOk) {
    }
  }
  back_.ClaimConsumer()->Close();
  EXPECT_TRUE(Running(object_, {"echo-of-ring"}).Fails());
}

}  // namespace
}  // namespace placid::cli
