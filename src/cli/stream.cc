// SPDX-License-Identifier: Apache-2.0
#include "cli/stream.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
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
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/role.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "placid/wait/doorbells.h"

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

// Whether whoever has this side is about to leave it: one side has ended the
// stream, and the other will now, unless it waits for another receiver.
bool IsOver(const StreamHeader& header, Side side) {
  const StreamState receiver = header.State(Side::kReceiver);
  const bool is_awaited =
      side == Side::kSender && header.IsResumable() && MayBeSucceeded(receiver);
  return HasGivenUp(header.State(Side::kSender)) ||
         (HasGivenUp(receiver) && !is_awaited) ||
         receiver == StreamState::kComplete;
}

StreamId DrawId() {
  std::random_device random;
  const auto word = [&] { return std::uint64_t{random()} << 32 | random(); };
  const std::uint64_t high = word();
  return {.high = high, .low = word()};
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
               std::uint64_t expected_bytes, const Resumption& resumption)
      : name_(name),
        side_(side),
        capacity_(capacity),
        expected_bytes_(expected_bytes),
        resumption_(resumption) {}

  // Nothing: somebody else is at it, or a stale object was removed; try again.
  std::optional<OrOutcome<Stream>> Try();

  // Why it was not possible yet.
  [[nodiscard]] Outcome StillBusy() const {
    return InUse(in_the_way_,
                 "a former stream of that name, which has not "
                 "come to its end");
  }

 private:
  struct Parts {
    SpscByteRing ring;
    Doorbells doorbells;
  };
  // Those of an object that is ours, made if the object is new.
  Result<Parts> Prepare(std::span<std::byte> bytes);
  Result<void> Create(std::span<std::byte> bytes);

  bool IsLocked(std::uint32_t byte) {
    const auto state = Probe(object_, name_, byte);
    return !state || *state != LockState::kFree;  // when in doubt, it is
  }
  void Remove() { (void)SharedObject::Unlink(name_); }

  [[nodiscard]] Outcome InUse(std::uint64_t pid, const char* by) const {
    return {ExitCode::kNameInUse,
            Concat("'", name_.text(), "' is in use by ", by,
                   pid == 0 ? "" : Concat(" (process ", pid, ")"),
                   ": end that one first, or choose another name")};
  }

  // Why we cannot be the other side of this one, if we cannot.
  [[nodiscard]] std::optional<Outcome> Mismatch(
      const StreamHeader& header) const;
  [[nodiscard]] Outcome NoSuchStream() const {
    return {ExitCode::kInputOutput,
            Concat("the stream that FILE is a part of is not, or no longer, "
                   "sent as '",
                   name_.text(),
                   "'; nothing was changed: give the NAME of its sender, or "
                   "remove FILE.placid-resume and receive anew")};
  }

  os::Name name_;
  Side side_;
  std::uint64_t capacity_;
  std::uint64_t expected_bytes_;
  Resumption resumption_;
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
  const auto parts = Prepare(mapping->bytes());
  const bool is_peer_alive = IsLocked(ByteOf(Other(side_)));
  if (!parts) {
    const ErrorCode code = parts.error().code;
    if (code == ErrorCode::kNotPlacid || code == ErrorCode::kWrongType ||
        code == ErrorCode::kTooSmall) {
      return Foreign(name_, parts.error());
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
    if (IsOver(header, side_)) return std::nullopt;
    return InUse(in_the_way_, side_ == Side::kSender ? "another sender"
                                                     : "another receiver");
  }
  const StreamState own = header.State(side_);
  const StreamState peer = header.State(Other(side_));
  const bool is_first =
      own == StreamState::kAbsent && peer == StreamState::kAbsent;
  const bool is_successor =
      side_ == Side::kReceiver && header.IsResumable() && MayBeSucceeded(own);
  const bool is_awaited = IsPresent(peer) && is_peer_alive &&
                          (own == StreamState::kAbsent || is_successor);
  if (!is_first && !is_awaited) {
    in_the_way_ = header.IdentityOf(Other(side_)).pid;
    if (!is_peer_alive) Remove();
    return std::nullopt;
  }
  if (is_first) {
    if (resumption_.of) {
      Remove();  // nobody has joined it, and nobody can while we are here
      return NoSuchStream();
    }
    header.SetId(DrawId(), resumption_.is_wanted);
  } else if (auto mismatch = Mismatch(header)) {
    return *std::move(mismatch);
  }
  // Whoever had our side before us is dead or has left; it may have been about
  // to wake the other.
  parts->doorbells.Recover(DeadOwner::Attested(OwnerOf(side_)));
  auto doorbell = parts->doorbells.Claim(OwnerOf(side_));
  if (!doorbell) {
    return InputOutput("cannot wait for the other side", doorbell.error());
  }
  header.SetIdentity(side_, os::ThisProcess().value_or(os::ProcessIdentity{}));
  if (side_ == Side::kSender) header.SetExpectedBytes(expected_bytes_);
  Stream joined(name_, side_, resumption_.is_wanted, is_successor,
                std::move(object_), *std::move(mapping), *std::move(role),
                parts->ring, parts->doorbells, *std::move(doorbell));
  joined.Say(StreamState::kJoined);
  return joined;
}

std::optional<Outcome> StreamJoiner::Mismatch(
    const StreamHeader& header) const {
  if (header.IsResumable() != resumption_.is_wanted) {
    return Outcome{
        ExitCode::kUsage,
        Concat("the ", ToString(Other(side_)), " of '", name_.text(), "' was ",
               resumption_.is_wanted ? "not started" : "started",
               " with --resume: start both sides with it, or neither")};
  }
  if (resumption_.of && header.Id() != *resumption_.of) return NoSuchStream();
  if (side_ == Side::kReceiver && !resumption_.of &&
      header.RecordedBytes() > 0) {
    return Outcome{
        ExitCode::kInputOutput,
        Concat("another receiver has had the first ",
               FormatBytes(header.RecordedBytes()), " of '", name_.text(),
               "' and has left a record of it beside its output, but there is "
               "none beside this one: give the same FILE")};
  }
  return std::nullopt;
}

auto StreamJoiner::Prepare(std::span<std::byte> bytes) -> Result<Parts> {
  constexpr const char* kOperation = "joining";
  if (bytes.size() < sizeof(StreamHeader::Memory)) {
    return Error{.code = ErrorCode::kTooSmall, .operation = kOperation};
  }
  StreamHeader header(bytes.data());
  auto stamp = CheckStamp(header.stamp(), StreamHeader::kStamp, kOperation);
  if (!stamp && stamp.error().code == ErrorCode::kNotInitialized) {
    stamp = Create(bytes);
  }
  if (!stamp) return stamp.error();
  // Ours: whatever is wrong within, it is damaged and not another's.
  if (bytes.size() >= StreamHeader::kDataOffset) {
    const auto ring =
        SpscByteRing::Attach(bytes.subspan(StreamHeader::kRingOffset));
    const auto doorbells = Doorbells::Attach(header.doorbells());
    if (ring && doorbells) return Parts{.ring = *ring, .doorbells = *doorbells};
  }
  return Error{.code = ErrorCode::kCorrupt, .operation = kOperation};
}

// The object may be another's who has not written to it yet: only one of the
// size of a stream is taken for ours.
Result<void> StreamJoiner::Create(std::span<std::byte> bytes) {
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
  if (!ring) return ring.error();
  SetStamp(StreamHeader(bytes.data()).stamp(), StreamHeader::kStamp);
  return Ok();
}

OrOutcome<Stream> Stream::Join(const os::Name& name, Side side,
                               std::uint64_t capacity,
                               std::uint64_t expected_bytes,
                               const Resumption& resumption) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kPatience = std::chrono::seconds(2);
  constexpr auto kPause = std::chrono::milliseconds(2);
  const auto end = Clock::now() + kPatience;
  StreamJoiner joiner(name, side, capacity, expected_bytes, resumption);
  for (;;) {
    if (auto joined = joiner.Try()) return *std::move(joined);
    if (Clock::now() > end) return joiner.StillBusy();
    std::this_thread::sleep_for(kPause);
  }
}

bool Stream::IsLeftToSuccessor(StreamState how) const {
  if (side_ != Side::kReceiver || !is_resumable_ || !MayBeSucceeded(how) ||
      !IsPresent(header_.State(Side::kSender))) {
    return false;
  }
  const auto lock = Probe(object_, name_, ByteOf(Side::kSender));
  return !lock || *lock != LockState::kFree;
}

void Stream::Leave(StreamState how) {
  Say(how);
  constexpr int kTries = 100;
  constexpr auto kPause = std::chrono::milliseconds(2);
  for (int i = 0; i < kTries; ++i) {
    const auto setup = Lock(object_, name_, kSetupByte);
    if (setup) {
      if (!IsLeftToSuccessor(how) && object_.StillNamed(name_)) {
        (void)SharedObject::Unlink(name_);
      }
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
  if (IsPresent(header_.State(other))) {
    // A receiver may have a successor.
    const os::ProcessIdentity identity = header_.IdentityOf(other);
    if (identity != watch_.identity()) {
      auto watch = os::ProcessWatch::Open(identity);
      if (watch) watch_ = *std::move(watch);
    }
  }
  if (header_.State(other) == StreamState::kAbsent) return PeerLife::kAbsent;
  // The lock first: what a peer said before it let go is seen behind it. The
  // lock is the system's word; the identity is only the peer's own.
  const auto lock = Probe(object_, name_, ByteOf(other));
  const bool is_alive =
      lock ? *lock != LockState::kFree : watch_.Poll() != os::Liveness::kDead;
  const StreamState state = header_.State(other);
  if (HasGivenUp(state)) return PeerLife::kGone;
  if (is_alive) return PeerLife::kPresent;
  const bool is_done =
      other == Side::kReceiver && state == StreamState::kComplete;
  return is_done ? PeerLife::kGone : PeerLife::kDead;
}

}  // namespace placid::cli
