// SPDX-License-Identifier: Apache-2.0
//
// What is offered under the meeting name, in this order: the data, read-only;
// the data and the control, read-write. Whoever takes no part takes the first,
// whoever takes part all of them. So who serves need not know which of the two
// it is, and never has to read, let alone to trust, what it says.
#include "placid/segment/rendezvous.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/base/stop.h"
#include "placid/os/handover.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_id.h"
#include "placid/segment/segment_reader.h"
#include "segment/patience.h"
#include "segment/segment_errors.h"
#include "segment/segment_maker.h"

namespace placid {
namespace {

using os::Access;
using os::Gift;
using os::Name;
using os::Offered;
using os::SharedObject;
using Objects = std::vector<SharedObject>;

constexpr std::size_t kReadOnlyData = 0;
constexpr std::size_t kData = 1;
constexpr std::size_t kControl = 2;
constexpr std::size_t kGifts = 3;

// Of a handover, in this layer's terms.
Error Explained(Error error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      error.advice =
          "nobody serves it now: start the process that does, or try again "
          "where another takes that over";
      break;
    case ErrorCode::kTimedOut:
      error.field = "whoever serves it";
      error.advice =
          "it has not looked for all that time; if it is stopped, continue or "
          "end it, else have it poll more often";
      break;
    case ErrorCode::kAlreadyExists:
      error.advice = "a living process serves it: open it there";
      break;
    default: break;
  }
  return error;
}

// Whoever served has ended, or gave us what was retired: perhaps somebody else
// serves the name by now.
bool IsOver(const Error& error) {
  return error.code == ErrorCode::kPeerDied ||
         error.code == ErrorCode::kUnlinked;
}

// One attempt to be handed the first `count` objects, and what `adopt` makes of
// them.
template <typename Adopt>
auto TryMeet(const SegmentMaker& maker, std::size_t count,
             const Patience& patience, const Adopt& adopt)
    -> decltype(adopt(Objects())) {
  const auto meeting = maker.MeetingName();
  if (!meeting) return meeting.error();
  auto objects = os::TakeOffered(*meeting, count, patience.LeftMs());
  if (!objects) return Explained(objects.error());
  return adopt(*std::move(objects));
}

// The same until there is an answer or no time left. Where somebody served it a
// moment ago, somebody else may be about to.
template <typename Adopt>
auto Meet(const SegmentMaker& maker, std::size_t count,
          std::int64_t patience_ms, const Adopt& adopt)
    -> decltype(adopt(Objects())) {
  std::optional<Error> over;
  for (const Patience patience(patience_ms);;) {
    auto met = TryMeet(maker, count, patience, adopt);
    if (met) return met;
    if (IsOver(met.error())) {
      over = met.error();
    } else if (!over) {
      return met;
    } else if (met.error().code != ErrorCode::kNotFound) {
      return met.error().code == ErrorCode::kTimedOut ? *over : met.error();
    }
    if (!patience.Pause()) return *over;
  }
}

// That it is a segment which can be served.
Result<void> CheckServable(const Segment& segment) {
  if (segment.bytes().empty()) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .field = "segment",
                 .advice = "create or open it first"};
  }
  if (segment.has_name()) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .field = "a segment with a name",
                 .advice =
                     "whoever wants it opens its name: only what "
                     "Rendezvous::Create made needs to be served"};
  }
  return Ok();
}

Error Retired() {
  return {.code = ErrorCode::kUnlinked,
          .advice = "it was retired: create another one"};
}

}  // namespace

// ---- Segments ---------------------------------------------------------------

Result<Segment> Rendezvous::Create(const Name& name,
                                   const CreateSegmentOptions& options) {
  constexpr const char* kOperation = "Rendezvous::Create";
  auto made = SegmentMaker(kOperation, name).MakeUnnamed(options);
  if (!made) return Said(kOperation, name, made.error());
  return made;
}

Result<Segment> Rendezvous::Open(const Name& name,
                                 const OpenSegmentOptions& options) {
  constexpr const char* kOperation = "Rendezvous::Open";
  CreateSegmentOptions wanted;
  wanted.fingerprint = options.fingerprint;
  const SegmentMaker::Request request{.opens = true, .options = wanted};
  const SegmentMaker maker(kOperation, name);
  auto met = Meet(maker, kGifts, options.patience_ms, [&](Objects objects) {
    return maker.Adopt(std::move(objects[kData]), std::move(objects[kControl]),
                       request);
  });
  if (!met) return Said(kOperation, name, met.error());
  return met;
}

Result<SegmentReader> Rendezvous::OpenReader(
    const Name& name, const OpenSegmentOptions& options) {
  constexpr const char* kOperation = "Rendezvous::OpenReader";
  const SegmentMaker maker(kOperation, name);
  auto met =
      Meet(maker, kReadOnlyData + 1, options.patience_ms, [&](Objects objects) {
        return maker.AdoptReader(std::move(objects[kReadOnlyData]),
                                 options.fingerprint);
      });
  if (!met) return Said(kOperation, name, met.error());
  return met;
}

Result<Segment> Rendezvous::OpenOrCreate(const Name& name,
                                         const CreateSegmentOptions& options,
                                         Rendezvous& rendezvous) {
  constexpr const char* kOperation = "Rendezvous::OpenOrCreate";
  const SegmentMaker maker(kOperation, name);
  const auto meeting = maker.MeetingName();
  if (!meeting) return Said(kOperation, name, meeting.error());
  const SegmentMaker::Request request{
      .creates = true, .opens = true, .options = options};
  for (const Patience patience(options.patience_ms);;) {
    auto met = TryMeet(maker, kGifts, patience, [&](Objects objects) {
      return maker.Adopt(std::move(objects[kData]),
                         std::move(objects[kControl]), request);
    });
    if (met) return met;
    const bool is_served =
        !IsOver(met.error()) && met.error().code != ErrorCode::kNotFound;
    if (is_served) return Said(kOperation, name, met.error());
    // The name before the segment: who comes second makes none.
    auto listener = os::HandoverListener::Listen(*meeting);
    if (listener) {
      auto made = maker.MakeUnnamed(options);
      if (!made) return Said(kOperation, name, made.error());
      rendezvous.listener_ = *std::move(listener);
      rendezvous.id_ = made->id();
      return made;
    }
    if (listener.error().code != ErrorCode::kAlreadyExists) {
      return Said(kOperation, name, listener.error());
    }
    if (!patience.Pause()) return Said(kOperation, name, met.error());
  }
}

Result<void> Rendezvous::Retire(const Segment& segment) {
  if (auto servable = CheckServable(segment); !servable) {
    return Said("Rendezvous::Retire", segment.name(), servable.error());
  }
  SegmentMaker::Retire(segment);
  return Ok();
}

// ---- Serving ----------------------------------------------------------------

Result<Rendezvous> Rendezvous::Serve(const Segment& segment) {
  constexpr const char* kOperation = "Rendezvous::Serve";
  const Name& name = segment.name();
  if (auto servable = CheckServable(segment); !servable) {
    return Said(kOperation, name, servable.error());
  }
  if (segment.IsRetired()) return Said(kOperation, name, Retired());
  const auto meeting = SegmentMaker(kOperation, name).MeetingName();
  if (!meeting) return Said(kOperation, name, meeting.error());
  auto listener = os::HandoverListener::Listen(*meeting);
  if (!listener) return Said(kOperation, name, Explained(listener.error()));
  Rendezvous rendezvous;
  rendezvous.listener_ = *std::move(listener);
  rendezvous.id_ = segment.id();
  return rendezvous;
}

Result<std::uint64_t> Rendezvous::Poll(const Segment& segment) {
  return Wait(segment, 0);
}

Result<std::uint64_t> Rendezvous::Wait(const Segment& segment,
                                       std::int64_t timeout_ms) {
  constexpr const char* kOperation = "Rendezvous::Wait";
  constexpr int kMostAtOnce = 64;  // whoever polls has other things to do
  if (!is_serving() || segment.id() != id_) {
    return Said(kOperation, segment.name(),
                {.code = ErrorCode::kInvalidArgument,
                 .field = "segment",
                 .advice = "pass the segment that it serves"});
  }
  if (segment.IsRetired()) {
    *this = Rendezvous();
    return Said(kOperation, segment.name(), Retired());
  }
  const std::array<Gift, kGifts> gifts{
      {{segment.data(), Access::kReadOnly},
       {segment.data(), Access::kReadWrite},
       {segment.control(), Access::kReadWrite}}};
  std::uint64_t served = 0;
  for (int i = 0; i < kMostAtOnce; ++i) {
    const auto offered = listener_.Offer(gifts, i == 0 ? timeout_ms : 0);
    if (!offered) return Said(kOperation, segment.name(), offered.error());
    if (*offered == Offered::kNobody) break;
    if (*offered == Offered::kGiven) ++served;
  }
  return served;
}

Result<void> Rendezvous::Run(const Segment& segment, const StopToken& stop) {
  while (!stop.stop_requested()) {
    const auto served = Wait(segment, kPollEveryMs);
    if (served) continue;
    if (!is_serving() || served.error().code == ErrorCode::kInvalidArgument) {
      return served.error();
    }
    // Out of descriptors, say: there may be some by and by.
    std::this_thread::sleep_for(std::chrono::milliseconds(kPollEveryMs));
  }
  return Ok();
}

}  // namespace placid
