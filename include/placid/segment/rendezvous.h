// SPDX-License-Identifier: Apache-2.0
//
// Rendezvous: segments that no name of the system leads to, found through a
// process that serves them.
//
// Both objects of such a segment are memory that nobody can make smaller
// (Linux: sealed memfds; Windows: sections), and goes with the last process
// that has it open. It takes no room in /dev/shm, so a container's limit on
// that does not bind, and nothing lies there for anybody to see, remove or
// leave behind. Its name is a meeting place alone: whoever asks there, and is
// of the same user, is handed both objects.
//
//   auto segment = *Rendezvous::Create(name, options);
//   auto rendezvous = *Rendezvous::Serve(segment);
//   for (;;) {
//     rendezvous.Wait(segment, 1000);  // or Poll, when event() is readable
//   }
//
//   auto segment = *Rendezvous::Open(name);  // in another process
//   auto member = *Membership::Join(segment);
//
// One process at a time serves a name. When it ends, in whatever way, the name
// is free and nothing of it is left; who has the segment open goes on, and any
// of them may Serve it from then on. In between whoever asks finds nothing.
// There is no hidden thread, and nobody who asks can hold up who serves: it
// reads no byte of theirs, and waits for none of them (Windows: for each at
// most os::HandoverListener::kTakeWithinMs).
//
// Everything else is as in segment.h, but: Check() asks for no name, and fails
// once the segment is retired; no tool lists such segments; a child made by
// fork serves no more than its parent does, but has the name, too, until it
// execs or ends. Linux: names are seen by whoever is in the same network
// namespace, and /proc must be mounted. Darwin: kUnsupported, since memory
// without a name can be made smaller there; its named objects are files, which
// no such limit binds.
#ifndef PLACID_SEGMENT_RENDEZVOUS_H_
#define PLACID_SEGMENT_RENDEZVOUS_H_

#include <cstdint>
#include <utility>

#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/base/stop.h"
#include "placid/os/handover.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_id.h"
#include "placid/segment/segment_reader.h"

namespace placid {

// By one thread.
class PLACID_API Rendezvous {
 public:
  static constexpr std::int64_t kPollEveryMs = 250;

  Rendezvous() = default;
  Rendezvous(Rendezvous&& other) noexcept { swap(other); }
  Rendezvous& operator=(Rendezvous&& other) noexcept {
    Rendezvous(std::move(other)).swap(*this);
    return *this;
  }
  // Serves no more; the segment stays.
  ~Rendezvous() = default;

  // ---- Segments

  // Makes one that nobody else finds until it is served. Its mode is 0600,
  // whatever the options say. Errors: kUnsupported (Darwin, no /proc, or a
  // segment that is to stay until it is unlinked), and as Segment::Create but
  // for those of names.
  static Result<Segment> Create(const os::Name& name,
                                const CreateSegmentOptions& options);

  // What is served under the name, to take part in. Errors: kNotFound (nobody
  // serves it now), kTimedOut (who serves it has not looked for patience_ms:
  // perhaps it is stopped), kPeerDied (it ended meanwhile, and nobody took over),
  // kPermissionDenied (another user has the name), kUnlinked (retired);
  // kNotPlacid and its kin, kTooSmall, kCorrupt, kTruncated (what was handed
  // over is not a segment: find out who listens there), kWrongElement,
  // kInvalidArgument, kSystem.
  static Result<Segment> Open(const os::Name& name,
                              const OpenSegmentOptions& options = {});
  // The same for somebody who takes no part: is handed the data alone, and
  // read-only.
  static Result<SegmentReader> OpenReader(
      const os::Name& name, const OpenSegmentOptions& options = {});

  // Opens what is served; where nothing is, makes a segment and has
  // `rendezvous` serve it: of all who ask at once exactly one does, which
  // was_created() tells. Errors: those of both.
  static Result<Segment> OpenOrCreate(const os::Name& name,
                                      const CreateSegmentOptions& options,
                                      Rendezvous& rendezvous);

  // Says to all who have it open that its time is over: IsRetired() from then
  // on. Nobody can be handed it any more. Errors: kInvalidArgument (not open,
  // or one with a name: Segment::Unlink that).
  static Result<void> Retire(const Segment& segment);

  // ---- Serving

  // Takes the name, of a segment that Create made or Open found. Errors:
  // kAlreadyExists (somebody serves it; of a process that is just ending it may
  // hold a moment longer than its death can be proven), kUnlinked (retired),
  // kInvalidArgument (as Retire), kSystem.
  static Result<Rendezvous> Serve(const Segment& segment);

  [[nodiscard]] bool is_serving() const { return !id_.is_none(); }

  // Readable (Linux, Darwin) when Poll has something to do; kNoHandle where
  // there is no such thing: then Poll every kPollEveryMs.
  [[nodiscard]] os::NativeHandle event() const { return listener_.event(); }

  // Hands the segment to those who are waiting, 64 at most; to how many.
  // Strangers, and those who are gone again, do not count. Errors: kUnlinked
  // (somebody has retired it: the name is given up), kInvalidArgument (it
  // serves another one, or none), kSystem, kPermissionDenied, kUnsupported (out
  // of descriptors, or no /proc: whoever waits goes on waiting).
  Result<std::uint64_t> Poll(const Segment& segment);

  // The same, once there is anybody or `timeout_ms` have passed.
  Result<std::uint64_t> Wait(const Segment& segment, std::int64_t timeout_ms);

  // Waits and hands out until asked to stop; it returns within kPollEveryMs, or
  // at an error that trying again does not help: kUnlinked, kInvalidArgument.
  Result<void> Run(const Segment& segment, const StopToken& stop);

  void swap(Rendezvous& other) noexcept {
    listener_.swap(other.listener_);
    std::swap(id_, other.id_);
  }

 private:
  os::HandoverListener listener_;
  SegmentId id_;  // of what it serves
};

}  // namespace placid

#endif  // PLACID_SEGMENT_RENDEZVOUS_H_
