// SPDX-License-Identifier: Apache-2.0
//
// Whoever is stopped in the middle of a broadcast is not dead. A writer keeps
// its role and goes on where it was; killed while it is stopped, it is
// recovered. A reader delays nobody, is known to nobody, and learns what it
// lost.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "member.h"
#include "placid/base/error.h"
#include "placid/base/shared_bytes.h"
#include "placid/primitives/broadcast_byte_ring.h"
#include "placid/primitives/broadcast_ring.h"
#include "stopped_member.h"

namespace placid {
namespace {

using placid::testing::Member;
using Numbers = BroadcastRing<std::uint64_t>;
using Records = BroadcastByteRing;

std::span<std::byte> Reserve(Numbers::Writer& writer) {
  return std::as_writable_bytes(writer.Reserve(1));
}
std::span<std::byte> Reserve(Records::Writer& writer) {
  std::span<std::byte> payload;
  if (writer.TryReserve(sizeof(std::uint64_t), payload) != RingResult::kOk) {
    ::_exit(1);
  }
  return payload;
}
void Commit(Numbers::Writer& writer) { (void)writer.Commit(1); }
void Commit(Records::Writer& writer) {
  (void)writer.Commit(sizeof(std::uint64_t));
}
template <typename Writer>
void Push(Writer& writer, std::uint64_t value, bool stops_before = false) {
  const std::span<std::byte> room = Reserve(writer);
  if (stops_before) ::raise(SIGSTOP);
  std::memcpy(room.data(), &value, sizeof(value));
  Commit(writer);
}

// Is stopped between looking at the next value and asking whether it was whole,
// which it was not: then reads the next one that is left.
RingResult ReadStopped(Numbers::Reader& reader, std::uint64_t& value,
                       std::uint64_t& lost) {
  SharedSpan<std::uint64_t> found;
  if (reader.TryPeek(1, found, lost) != RingResult::kOk) ::_exit(2);
  ::raise(SIGSTOP);
  if (reader.Validate(1)) ::_exit(3);
  return reader.TryRead(value, lost);
}
RingResult Read(Numbers::Reader& reader, std::uint64_t& value,
                std::uint64_t& lost) {
  return reader.TryRead(value, lost);
}
RingResult Read(Records::Reader& reader, std::uint64_t& value,
                std::uint64_t& lost) {
  std::size_t length = 0;
  return reader.TryRead(std::as_writable_bytes(std::span(&value, 1)), length,
                        lost);
}
RingResult ReadStopped(Records::Reader& reader, std::uint64_t& value,
                       std::uint64_t& lost) {
  SharedBytes found;
  if (reader.TryPeek(found, lost) != RingResult::kOk) ::_exit(2);
  ::raise(SIGSTOP);
  if (reader.Validate()) ::_exit(3);
  return Read(reader, value, lost);
}

template <typename Ring>
class StoppedBroadcastTest
    : public placid::testing::StoppedMemberTest<Ring, 256> {
 protected:
  static constexpr std::uint64_t kPushed = 1000;  // more than fit

  // Writes 1, is stopped, and writes 2 when it goes on.
  static void WriteAndWait(const Segment& segment, Membership& member) {
    const Ring ring = *Ring::Attach(segment.bytes());
    auto writer = *ring.ClaimWriter(member.id());
    Push(writer, 1);
    Push(writer, 2, /*stops_before=*/true);
    for (;;) ::pause();
  }
  // Looks at 1 and is stopped; then reads to the end, and ends with 0 if it was
  // told of each value that it was lost, or was given it.
  static void ReadAndWait(const Segment& segment, Membership&) {
    const Ring ring = *Ring::Attach(segment.bytes());
    auto reader = ring.MakeReader(StartAt::kOldest, StartAt::kOldest);
    std::uint64_t last = 0;
    std::uint64_t value = 0;
    std::uint64_t lost = 0;
    RingResult result = ReadStopped(reader, value, lost);
    if (lost == 0) ::_exit(4);
    while (result == RingResult::kOk) {
      if (value != last + lost + 1) ::_exit(5);
      last = value;
      result = Read(reader, value, lost);
    }
    ::_exit(result == RingResult::kEmpty && last == kPushed ? 0 : 6);
  }
  static int EndOf(const Member& member) {
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(member.pid()), &info, WEXITED | WNOWAIT);
    return info.si_code == CLD_EXITED ? info.si_status : -1;
  }
};
using Rings = ::testing::Types<Numbers, Records>;
TYPED_TEST_SUITE(StoppedBroadcastTest, Rings);

TYPED_TEST(StoppedBroadcastTest, AWriterKeepsItsRoleAndGoesOn) {
  const Member member(this->name_, TestFixture::WriteAndWait);
  this->AwaitStop(member);
  auto reader = this->ring_->MakeReader();
  std::uint64_t lost = 0;
  const auto read = [&](std::uint64_t& value) {
    return Read(reader, value, lost);
  };
  std::uint64_t value = 0;
  EXPECT_EQ(read(value), RingResult::kOk);
  EXPECT_EQ(value, 1u);
  EXPECT_EQ(read(value), RingResult::kEmpty);
  EXPECT_EQ(this->RecoverDead(), 0u) << "a stopped one was taken for dead";
  EXPECT_EQ(this->ring_->ClaimWriter(this->me_.id()).error().code,
            ErrorCode::kRoleTaken);
  this->GoOn(member);
  EXPECT_EQ(this->GetSoon(read), 2u);
  EXPECT_EQ(lost, 0u);
}

TYPED_TEST(StoppedBroadcastTest, AWriterKilledWhileItIsStoppedIsSucceeded) {
  const Member member(this->name_, TestFixture::WriteAndWait);
  this->AwaitStop(member);
  EXPECT_EQ(this->RecoverDead(), 0u);
  member.Kill();
  EXPECT_FALSE(this->ring_->ClaimWriter(this->me_.id()));
  EXPECT_EQ(this->RecoverDead(), 1u);
  auto writer = this->ring_->ClaimWriter(this->me_.id());
  ASSERT_TRUE(writer);
  Push(*writer, 3);
  auto reader = this->ring_->MakeReader();
  for (const std::uint64_t expected : {1u, 3u}) {
    std::uint64_t value = 0;
    std::uint64_t lost = 9;
    EXPECT_EQ(Read(reader, value, lost), RingResult::kOk);
    EXPECT_EQ(value, expected);
    EXPECT_EQ(lost, 0u);
  }
}

TYPED_TEST(StoppedBroadcastTest, AReaderDelaysNobodyAndLearnsWhatItLost) {
  auto writer = *this->ring_->ClaimWriter(this->me_.id());
  Push(writer, 1);
  const Member member(this->name_, TestFixture::ReadAndWait);
  this->AwaitStop(member);
  for (std::uint64_t n = 2; n <= TestFixture::kPushed; ++n) Push(writer, n);
  EXPECT_EQ(this->RecoverDead(), 0u) << "a stopped one was taken for dead";
  this->GoOn(member);
  EXPECT_EQ(this->EndOf(member), 0) << "see ReadAndWait";
}

TYPED_TEST(StoppedBroadcastTest, AReaderKilledWhileItIsStoppedLeavesNothing) {
  auto writer = *this->ring_->ClaimWriter(this->me_.id());
  Push(writer, 1);
  const Member member(this->name_, TestFixture::ReadAndWait);
  this->AwaitStop(member);
  EXPECT_EQ(this->RecoverDead(), 0u);
  member.Kill();
  Push(writer, 2);
  EXPECT_EQ(this->RecoverDead(), 1u);
  Push(writer, 3);
  EXPECT_FALSE(this->ring_->ClaimWriter(this->me_.id())) << "it is still mine";
}

}  // namespace
}  // namespace placid
