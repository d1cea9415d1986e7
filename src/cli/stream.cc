// SPDX-License-Identifier: Apache-2.0
#include "cli/stream.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "cli/outcome.h"
#include "cli/stream_header.h"
#include "cli/text.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/role.h"
#include "placid/primitives/spsc_byte_ring.h"

namespace placid::cli {
namespace {

using os::FileLock;
using os::LockState;
using os::SharedObject;

constexpr std::uint32_t kSetupByte = 0;
constexpr std::uint32_t ByteOf(Side side) {
  return side == Side::kSender ? 1 : 2;
}

// By the object where the system can, so that a name that leads elsewhere by
// now is not looked at; else by name: there an object in use keeps its name.
Result<FileLock> Lock(const SharedObject& object, const os::Name& name,
                      std::uint32_t byte) {
  auto lock = FileLock::TryLock(object, byte);
  if (lock || lock.error().code != ErrorCode::kUnsupported) return lock;
  return FileLock::TryLock(name, byte);
}

Result<LockState> Probe(const SharedObject& object, const os::Name& name,
                        std::uint32_t byte) {
  auto state = FileLock::Probe(object, byte);
  if (state || state.error().code != ErrorCode::kUnsupported) return state;
  return FileLock::Probe(name, byte);
}

bool IsAllZero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes,
                             [](std::byte b) { return b == std::byte{}; });
}

// Whether one side has ended it, so that the other will end it now.
bool IsOver(const StreamHeader& header) {
  const StreamState receiver = header.State(Side::kReceiver);
  return HasGivenUp(header.State(Side::kSender)) || HasGivenUp(receiver) ||
         receiver == StreamState::kComplete;
}

Outcome Foreign(const os::Name& name, const Error& error) {
  return {ExitCode::kNameInUse,
          Concat("'", name.text(),
                 "' is the name of shared memory that is no stream of "
                 "ours (",
                 ToString(error.code),
                 "); it was left alone: choose another name")};
}

}  // namespace

// One look at what has the name now; lock byte 0 holds it still.
class StreamJoiner {
 public:
  StreamJoiner(const os::Name& name, Side side, std::uint64_t capacity,
               std::uint64_t expected_bytes)
      : name_(name),
        side_(side),
        capacity_(capacity),
        expected_bytes_(expected_bytes) {}

  // Nothing: somebody else is at it, or a stale object was removed; try again.
  std::optional<OrOutcome<Stream>> Try();

  // Why it was not possible yet.
  [[nodiscard]] Outcome StillBusy() const {
    return InUse(in_the_way_,
                 "a former stream of that name, which has not "
                 "come to its end");
  }

 private:
  // The ring of an object that is ours, made if the object is new.
  Result<SpscByteRing> PrepareRing(std::span<std::byte> bytes);
  Result<SpscByteRing> CreateRing(std::span<std::byte> bytes);

  bool IsLocked(std::uint32_t byte) {
    const auto state = Probe(object_, name_, byte);
    return !state || *state == LockState::kHeld;  // when in doubt, it is
  }
  void Remove() { (void)SharedObject::Unlink(name_); }

  [[nodiscard]] Outcome InUse(std::uint64_t pid, const char* by) const {
    return {ExitCode::kNameInUse,
            Concat("'", name_.text(), "' is in use by ", by,
                   pid == 0 ? "" : Concat(" (process ", pid, ")"),
                   ": end that one first, or choose another name")};
  }

  os::Name name_;
  Side side_;
  std::uint64_t capacity_;
  std::uint64_t expected_bytes_;
  SharedObject object_;
  std::uint64_t in_the_way_ = 0;
};

std::optional<OrOutcome<Stream>> StreamJoiner::Try() {
  auto opened =
      SharedObject::OpenOrCreate(name_, StreamHeader::kDataOffset + capacity_);
  if (!opened) {
    switch (opened.error().code) {
      case ErrorCode::kContended: return std::nullopt;
      case ErrorCode::kInvalidArgument:
      case ErrorCode::kTruncated:
      case ErrorCode::kPermissionDenied: return Foreign(name_, opened.error());
      default:
        return InputOutput("cannot make the shared memory", opened.error());
    }
  }
  object_ = *std::move(opened);

  const auto setup = Lock(object_, name_, kSetupByte);
  if (!setup) {
    const ErrorCode code = setup.error().code;
    if (code == ErrorCode::kBusy || code == ErrorCode::kNotFound) {
      return std::nullopt;
    }
    return InputOutput("cannot lock the shared memory", setup.error());
  }
  if (!object_.StillNamed(name_)) return std::nullopt;

  auto mapping = object_.Map({.prefault = true});
  if (!mapping) {
    return InputOutput("cannot map the shared memory", mapping.error());
  }
  const auto ring = PrepareRing(mapping->bytes());
  const bool is_peer_alive = IsLocked(ByteOf(Other(side_)));
  if (!ring) {
    const ErrorCode code = ring.error().code;
    if (code == ErrorCode::kNotPlacid || code == ErrorCode::kWrongType ||
        code == ErrorCode::kTooSmall) {
      return Foreign(name_, ring.error());
    }
    if (is_peer_alive || IsLocked(ByteOf(side_))) {
      return InUse(0, code == ErrorCode::kWrongVersion
                          ? "another release of placid"
                          : "a stream that is damaged");
    }
    Remove();  // of another release, or damaged, and nobody's any more
    return std::nullopt;
  }

  StreamHeader header(mapping->data());
  auto role = Lock(object_, name_, ByteOf(side_));
  if (!role) {
    if (role.error().code != ErrorCode::kBusy) {
      return InputOutput("cannot lock the shared memory", role.error());
    }
    in_the_way_ = header.IdentityOf(side_).pid;
    if (IsOver(header)) return std::nullopt;
    return InUse(in_the_way_, side_ == Side::kSender ? "another sender"
                                                     : "another receiver");
  }
  const StreamState peer = header.State(Other(side_));
  const bool is_fresh =
      header.State(side_) == StreamState::kAbsent &&
      (peer == StreamState::kAbsent || (IsPresent(peer) && is_peer_alive));
  if (!is_fresh) {
    in_the_way_ = header.IdentityOf(Other(side_)).pid;
    if (!is_peer_alive) Remove();
    return std::nullopt;
  }
  header.SetIdentity(side_, os::ThisProcess().value_or(os::ProcessIdentity{}));
  if (side_ == Side::kSender) header.SetExpectedBytes(expected_bytes_);
  header.SetState(side_, StreamState::kJoined);
  return Stream(name_, side_, std::move(object_), *std::move(mapping),
                *std::move(role), *ring);
}

Result<SpscByteRing> StreamJoiner::PrepareRing(std::span<std::byte> bytes) {
  constexpr const char* kOperation = "joining";
  if (bytes.size() < sizeof(StreamHeader::Memory)) {
    return Error{.code = ErrorCode::kTooSmall, .operation = kOperation};
  }
  const auto stamp = CheckStamp(StreamHeader(bytes.data()).stamp(),
                                StreamHeader::kStamp, kOperation);
  if (!stamp && stamp.error().code == ErrorCode::kNotInitialized) {
    return CreateRing(bytes);
  }
  if (!stamp) return stamp.error();
  // Ours: whatever is wrong with its ring, it is damaged and not another's.
  if (bytes.size() >= StreamHeader::kDataOffset) {
    auto ring = SpscByteRing::Attach(bytes.subspan(StreamHeader::kRingOffset));
    if (ring) return ring;
  }
  return Error{.code = ErrorCode::kCorrupt, .operation = kOperation};
}

// The object may be another's who has not written to it yet: only one of the
// size of a stream is taken for ours.
Result<SpscByteRing> StreamJoiner::CreateRing(std::span<std::byte> bytes) {
  const std::uint64_t capacity = bytes.size() < StreamHeader::kDataOffset
                                     ? 0
                                     : bytes.size() - StreamHeader::kDataOffset;
  if (!std::has_single_bit(capacity) ||
      capacity < StreamHeader::kLeastCapacity ||
      capacity > StreamHeader::kMostCapacity ||
      !IsAllZero(bytes.first(StreamHeader::kRingOffset))) {
    return Error{.code = ErrorCode::kNotPlacid, .operation = "joining"};
  }
  const auto place = bytes.subspan(StreamHeader::kRingOffset);
  // A creator may have died between the ring's stamp and ours.
  auto ring = SpscByteRing::Reset(place, NobodyUsesIt{}).and_then([&] {
    return SpscByteRing::Create(place, capacity);
  });
  if (ring) SetStamp(StreamHeader(bytes.data()).stamp(), StreamHeader::kStamp);
  return ring;
}

OrOutcome<Stream> Stream::Join(const os::Name& name, Side side,
                               std::uint64_t capacity,
                               std::uint64_t expected_bytes) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kPatience = std::chrono::seconds(2);
  constexpr auto kPause = std::chrono::milliseconds(2);
  const auto end = Clock::now() + kPatience;
  StreamJoiner joiner(name, side, capacity, expected_bytes);
  for (;;) {
    if (auto joined = joiner.Try()) return *std::move(joined);
    if (Clock::now() > end) return joiner.StillBusy();
    std::this_thread::sleep_for(kPause);
  }
}

void Stream::Leave(StreamState how) {
  header_.SetState(side_, how);
  constexpr int kTries = 100;
  constexpr auto kPause = std::chrono::milliseconds(2);
  for (int i = 0; i < kTries; ++i) {
    const auto setup = Lock(object_, name_, kSetupByte);
    if (setup) {
      if (object_.StillNamed(name_)) (void)SharedObject::Unlink(name_);
      break;
    }
    if (setup.error().code != ErrorCode::kBusy) break;
    // Who joins at this moment may clear away instead of us.
    std::this_thread::sleep_for(kPause);
  }
  lock_ = FileLock();
}

PeerLife Stream::LookAtPeer() {
  const Side other = Other(side_);
  if (watch_.identity().pid == 0 && IsPresent(header_.State(other))) {
    auto watch = os::ProcessWatch::Open(header_.IdentityOf(other));
    if (watch) watch_ = *std::move(watch);
  }
  // The lock first: what a peer said before it let go is seen behind it. The
  // lock is the system's word; the identity is only the peer's own.
  const auto lock = Probe(object_, name_, ByteOf(other));
  const bool is_alive =
      lock ? *lock == LockState::kHeld : watch_.Poll() != os::Liveness::kDead;
  const StreamState state = header_.State(other);
  if (state == StreamState::kAbsent) return PeerLife::kAbsent;
  if (HasGivenUp(state)) return PeerLife::kGone;
  if (is_alive) return PeerLife::kPresent;
  const bool is_done =
      other == Side::kReceiver && state == StreamState::kComplete;
  return is_done ? PeerLife::kGone : PeerLife::kDead;
}

}  // namespace placid::cli
