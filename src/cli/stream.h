// SPDX-License-Identifier: Apache-2.0
//
// Stream: one side of a named stream, from joining to leaving.
//
// Both sides open or create the same object, whoever comes first, and hold
// their lock byte while they live. Whoever leaves takes the name away: a stream
// is over when one side is. What the dead left behind is recognised by its free
// locks and replaced by who comes next. All of joining, leaving and clearing
// away happens under lock byte 0, so that nobody unlinks what somebody else has
// just joined.
//
// A resumable stream outlives its receivers: one that was killed, was
// interrupted or could not go on is succeeded by the next that joins, as long as
// the sender lives.
#ifndef PLACID_SRC_CLI_STREAM_H_
#define PLACID_SRC_CLI_STREAM_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "cli/attended.h"
#include "cli/outcome.h"
#include "cli/stream_header.h"
#include "cli/until.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/futex.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "placid/wait/doorbells.h"
#include "placid/wait/publisher.h"
#include "placid/wait/wait_mask.h"
#include "placid/wait/wait_set.h"

namespace placid::cli {

// Whether a receiver may succeed another: both sides want it, or neither does.
struct Resumption {
  bool is_wanted = false;
  // The stream that a receiver has had a part of: no other will do.
  std::optional<StreamId> of{};
};

class Stream : public Attended {
 public:
  Stream(Stream&&) = default;
  // Its doorbell would be given back into bytes that are gone.
  Stream& operator=(Stream&&) = delete;
  ~Stream() override = default;

  // Joins the stream `name`, which gets a ring of `capacity` bytes if it is we
  // who create it. Waits up to two seconds for a former stream of that name to
  // come to its end.
  static OrOutcome<Stream> Join(
      const os::Name& name, Side side, std::uint64_t capacity,
      std::uint64_t expected_bytes = StreamHeader::kUnknownBytes,
      const Resumption& resumption = {});

  // Says how it ended, and takes the name away, unless a receiver leaves it to
  // its successor. Once.
  void Leave(StreamState how);

  // Says so to a peer that may be asleep.
  void Say(StreamState state) {
    header_.SetState(side_, state);
    MakeNotifier().Notify();
  }

  // Wakes the peer after what it may wait for. It fences, once for a piece,
  // which is less than the peer would pay to make us do so when it sleeps.
  [[nodiscard]] WaitMask::Notifier<Publisher::kFencing> MakeNotifier() const {
    return MaskOf(side_).MakeNotifier(doorbells_);
  }

  // Calls `attempt` until it is true, for the thread that moves bytes (until.h).
  template <typename Attempt>
  void Until(Attempt&& attempt) {
    cli::Until(waiting_, attempt);
  }

  // Ends a sleep of Until. Any thread's.
  void Wake() const override { waiting_.Waker()(); }

  // What Until sleeps by.
  [[nodiscard]] WaitSet& waiting() { return waiting_; }

  [[nodiscard]] PeerLife LookAtPeer() override;
  [[nodiscard]] os::NativeHandle DeathEvent() override {
    const os::NativeHandle event = watch_.event();
    const bool has_happened =
        event != os::kNoHandle && watch_.Poll() == os::Liveness::kDead;
    return has_happened ? os::kNoHandle : event;
  }
  // Only a sender does.
  [[nodiscard]] bool AwaitsSuccessor() const override {
    return side_ == Side::kSender && is_resumable_ &&
           MayBeSucceeded(header_.State(Side::kReceiver));
  }
  [[nodiscard]] bool HasPeerGivenUp() const {
    return HasGivenUp(header_.State(Other(side_))) && !AwaitsSuccessor();
  }
  // The peer's own word, for messages.
  [[nodiscard]] std::uint64_t peer_pid() const {
    return header_.IdentityOf(Other(side_)).pid;
  }
  [[nodiscard]] bool EndsWithPeer() const override {
    return side_ == Side::kSender;
  }
  [[nodiscard]] std::uint64_t ExpectedBytes() const override {
    return header_.ExpectedBytes();
  }
  [[nodiscard]] bool IsStillNamed() const override {
    const auto named = object_.StillNamed(name_);
    return named || named.error().code != ErrorCode::kUnlinked;
  }

  [[nodiscard]] StreamHeader& header() { return header_; }
  [[nodiscard]] const StreamHeader& header() const { return header_; }
  [[nodiscard]] const SpscByteRing& ring() const { return ring_; }
  [[nodiscard]] Side side() const { return side_; }
  [[nodiscard]] bool is_resumable() const { return is_resumable_; }
  // Whether there was a receiver before us, which is dead or has left.
  [[nodiscard]] bool is_successor() const { return is_successor_; }
  [[nodiscard]] const os::Name& name() const { return name_; }

 private:
  friend class StreamJoiner;

  Stream(const os::Name& name, Side side, bool is_resumable, bool is_successor,
         os::SharedObject object, os::Mapping mapping, os::FileLock lock,
         const SpscByteRing& ring, const Doorbells& doorbells,
         Doorbells::Doorbell doorbell)
      : name_(name),
        side_(side),
        is_resumable_(is_resumable),
        is_successor_(is_successor),
        object_(std::move(object)),
        mapping_(std::move(mapping)),
        lock_(std::move(lock)),
        header_(mapping_.data()),
        ring_(ring),
        doorbells_(doorbells),
        waiting_(std::move(doorbell)) {
    waiting_.Add(MaskOf(Other(side_)));
  }

  [[nodiscard]] bool IsLeftToSuccessor(StreamState how) const;
  [[nodiscard]] WaitMask MaskOf(Side side) const {
    return *WaitMask::Attach(header_.MaskOf(side));
  }

  os::Name name_;
  Side side_;
  bool is_resumable_;
  bool is_successor_;
  os::SharedObject object_;
  os::Mapping mapping_;
  os::FileLock lock_;
  StreamHeader header_;
  SpscByteRing ring_;
  Doorbells doorbells_;
  WaitSet waiting_;
  os::ProcessWatch watch_;
};

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_STREAM_H_
