// SPDX-License-Identifier: Apache-2.0
#include "cli/tee.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "cli/attendant.h"
#include "cli/attended.h"
#include "cli/cutter.h"
#include "cli/input_output.h"
#include "cli/outcome.h"
#include "cli/progress.h"
#include "cli/stream_header.h"
#include "cli/system.h"
#include "cli/tee_objects.h"
#include "cli/text.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/broadcast_byte_ring.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/ring_result.h"
#include "placid/segment/directory.h"
#include "placid/segment/membership.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_reader.h"

namespace placid::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kDefaultTeeCapacity = std::uint64_t{4} << 20;
constexpr std::uint64_t kObjects = 2;

// ---- The segment ------------------------------------------------------------

Result<void> Place(std::span<std::byte> bytes, std::uint64_t capacity) {
  const auto directory = Directory::Create(bytes, kObjects);
  if (!directory) return directory.error();
  const auto process = os::ThisProcess();
  if (!process) return process.error();
  const auto nobody = OwnerId::Unowned();
  const auto state =
      directory->FindOrCreate<TeeStateCell>(kTeeStateObject, nobody);
  if (!state) return state.error();
  auto writer = state->ClaimWriter();
  if (!writer) return writer.error();
  writer->Store(TeeState::Of(*process));
  const auto shown = directory->FindOrCreate<BroadcastByteRing>(
      kShownObject, nobody, capacity);
  if (!shown) return shown.error();
  return Ok();
}

CreateSegmentOptions OptionsFor(std::uint64_t capacity) {
  CreateSegmentOptions options;
  options.size_bytes = Directory::SizeFor(
      kObjects,
      Directory::SpaceFor<TeeStateCell>(kTeeStateObject) +
          Directory::SpaceFor<BroadcastByteRing>(kShownObject, capacity));
  options.participants = 1;
  options.fingerprint = kTeeFingerprint;
  options.patience_ms = kSegmentWaitMs;
  options.place = [capacity](std::span<std::byte> bytes) {
    return Place(bytes, capacity);
  };
  return options;
}

struct Shower {
  TeeState state;
  bool is_dead;
};

// Who has the name now; nothing: nobody any more.
Result<std::optional<Shower>> WhoShows(const os::Name& name) {
  using Found = std::optional<Shower>;
  const auto segment = SegmentReader::Open(
      name, {.fingerprint = kTeeFingerprint, .patience_ms = kSegmentWaitMs});
  if (!segment) {
    if (segment.error().code == ErrorCode::kNotFound) return Found();
    return segment.error();
  }
  const auto directory = Directory::AttachReadOnly(segment->bytes());
  if (!directory) return directory.error();
  auto cell = directory->Find<TeeStateCell>(kTeeStateObject);
  if (!cell) return cell.error();
  TeeState state{};
  if (cell->TryLoad(state) != RingResult::kOk) return Found();
  const bool is_starting =
      state.end == static_cast<std::uint64_t>(TeeEnd::kStarting);
  return Found({state, !is_starting && !IsTeeThere(name, segment->id())});
}

// Waits up to two seconds for one of that name that is at its end.
OrOutcome<Segment> MakeSegment(const os::Name& name, std::uint64_t capacity) {
  constexpr auto kPatience = std::chrono::seconds(2);
  const auto end = Clock::now() + kPatience;
  for (;;) {
    auto made = Segment::Create(name, OptionsFor(capacity));
    if (made) return *std::move(made);
    if (made.error().code != ErrorCode::kAlreadyExists) {
      return CannotHave(name, made.error());
    }
    const auto who = WhoShows(name);
    if (!who) return CannotHave(name, who.error());
    const bool is_dead = *who && (*who)->is_dead;
    const auto how = *who ? static_cast<TeeEnd>((*who)->state.end)
                          : TeeEnd::kNot;
    const bool is_leaving = !*who || is_dead || how != TeeEnd::kNot;
    if (!is_leaving || Clock::now() > end) {
      const std::uint64_t pid = *who ? (*who)->state.pid : 0;
      return Outcome{ExitCode::kNameInUse,
                     Concat("'", name.text(), "' is in use by another tee",
                            pid == 0 ? "" : Concat(" (process ", pid, ")"),
                            ": end that one first, or choose another name")};
    }
    // Where names do not persist, those who still look at a dead one have it.
    if (is_dead && !os::NamesPersist()) (void)Segment::Unlink(name);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

// ---- Tee --------------------------------------------------------------------

// Nobody is waited for, and nobody's death ends it.
class TeeSide : public Attended {
 public:
  [[nodiscard]] PeerLife LookAtPeer() override { return PeerLife::kPresent; }
  [[nodiscard]] bool EndsWithPeer() const override { return true; }
};

class Showing {
 public:
  Showing(Segment segment, Membership member, TeeStateCell::Writer state,
          BroadcastByteRing::Writer writer, const TeeState& first)
      : segment_(std::move(segment)),
        member_(std::move(member)),
        state_(std::move(state)),
        writer_(std::move(writer)),
        said_(first),
        attendant_(side_, progress_,
                   {.end = [this](News) { EndHere(); }, .announce = {}}) {}

  Outcome Run(File& input, File& output);

 private:
  Outcome Pass(File& input, File& output);
  void Show(Cutter& cutter, bool is_over) {
    while (const auto cut = cutter.Next(is_over)) {
      (void)writer_.TryPush(cut->bytes);  // never too long
    }
  }
  void End(TeeEnd how) {
    said_.end = static_cast<std::uint64_t>(how);
    state_.Store(said_);
    std::move(writer_).Close();
  }
  static Outcome Interrupted() {
    return {ExitCode::kInterrupted, "interrupted"};
  }
  // The attendant's: the first thread sits in a system call and will not come
  // back.
  [[noreturn]] void EndHere() {
    End(TeeEnd::kInterrupted);
    member_ = Membership();
    segment_ = Segment();
    PrintMessage("tee", Interrupted().message);
    std::_Exit(static_cast<int>(ExitCode::kInterrupted));
  }

  Segment segment_;
  Membership member_;  // by which others know that we live
  TeeStateCell::Writer state_;
  BroadcastByteRing::Writer writer_;
  TeeState said_;
  TeeSide side_;
  Progress progress_{/*is_shown=*/false, Side::kSender, ""};
  Attendant attendant_;  // last: it uses all of the above
};

Outcome Showing::Run(File& input, File& output) {
  Outcome outcome = Pass(input, output);
  attendant_.Stop();
  End(outcome.is_ok()                                 ? TeeEnd::kComplete
      : outcome.code == ExitCode::kInterrupted ? TeeEnd::kInterrupted
                                               : TeeEnd::kFailed);
  return outcome;
}

Outcome Showing::Pass(File& input, File& output) {
  constexpr std::uint64_t kMostAtOnce = std::uint64_t{64} << 10;
  const auto most = static_cast<std::size_t>(
      std::min(writer_.MostRecordBytes(), kMostAtOnce));
  Cutter cutter(Framing::kLines, Cutter::Share::kOneUnit, most);
  for (;;) {
    if (WasInterrupted()) return Interrupted();
    const auto room = cutter.Room();
    const auto read = attendant_.Blocking([&] { return input.Read(room); });
    if (!read && read.error().code == ErrorCode::kBusy) continue;  // a signal
    if (!read) return InputOutput("cannot read the input", read.error());
    cutter.Fill(*read);
    Show(cutter, /*is_over=*/*read == 0);
    if (*read == 0) return {};
    const auto written = attendant_.Blocking(
        [&] { return WriteAll(output, room.first(*read)); });
    if (written) continue;
    return written.error().code == ErrorCode::kBusy
               ? Interrupted()
               : InputOutput("cannot write the output", written.error());
  }
}

}  // namespace

Outcome Tee(const TeeOptions& options) {
  if (auto refused = RefuseLong(options.name)) return *std::move(refused);
  auto input = OpenInput(options.file);
  if (!input) return input.outcome();
  auto segment = MakeSegment(
      options.name,
      options.capacity == 0 ? kDefaultTeeCapacity : options.capacity);
  if (!segment) return segment.outcome();
  const auto failed = [&](const Error& error) {
    return CannotHave(options.name, error);
  };
  auto member = Membership::Join(*segment);
  if (!member) return failed(member.error());
  const auto directory = Directory::Attach(segment->bytes());
  if (!directory) return failed(directory.error());
  const auto cell = directory->Find<TeeStateCell>(kTeeStateObject);
  if (!cell) return failed(cell.error());
  TeeState first{};
  (void)cell->MakeReader().TryLoad(first);
  auto state = cell->ClaimWriter();
  if (!state) return failed(state.error());
  first.end = static_cast<std::uint64_t>(TeeEnd::kNot);
  state->Store(first);
  const auto shown = directory->Find<BroadcastByteRing>(kShownObject);
  if (!shown) return failed(shown.error());
  auto writer = shown->ClaimWriter();
  if (!writer) return failed(writer.error());
  File output = File::StandardOutput();
  Showing showing(*std::move(segment), *std::move(member), *std::move(state),
                  *std::move(writer), first);
  return showing.Run(*input, output);
}

}  // namespace placid::cli
