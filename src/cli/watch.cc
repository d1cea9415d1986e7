// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cli/attendant.h"
#include "cli/attended.h"
#include "cli/input_output.h"
#include "cli/outcome.h"
#include "cli/progress.h"
#include "cli/stream_header.h"
#include "cli/system.h"
#include "cli/tee.h"
#include "cli/tee_objects.h"
#include "cli/text.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/broadcast_byte_ring.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/start_at.h"
#include "placid/segment/directory.h"
#include "placid/segment/discovery.h"
#include "placid/segment/object_type.h"
#include "placid/segment/segment_reader.h"

namespace placid::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestNap{25};

// What is looked at, on read-only pages.
struct Shown {
  SegmentReader segment;
  TeeStateCell::Reader state;
  BroadcastByteRing::Reader records;
  TeeState first;
};

Result<Shown> LookAtShown(const os::Name& name, StartAt start) {
  auto segment = SegmentReader::Open(
      name, {.fingerprint = kTeeFingerprint, .patience_ms = kSegmentWaitMs});
  if (!segment) return segment.error();
  const auto directory = Directory::AttachReadOnly(segment->bytes());
  if (!directory) return directory.error();
  auto state = directory->Find<TeeStateCell>(kTeeStateObject);
  if (!state) return state.error();
  TeeState first{};
  if (state->TryLoad(first) != RingResult::kOk ||
      first.end == static_cast<std::uint64_t>(TeeEnd::kStarting)) {
    return Error{.code = ErrorCode::kContended, .operation = "watch"};
  }
  const auto shown =
      directory->Find(kShownObject, ObjectType::Of<BroadcastByteRing>());
  if (!shown) return shown.error();
  auto records = BroadcastByteRing::AttachReadOnly(shown->TrustPeer(), start);
  if (!records) return records.error();
  return Shown{*std::move(segment), *std::move(state), *std::move(records),
               first};
}

class Watching : private Attended {
 public:
  Watching(Shown shown, const os::Name& name, File& output)
      : shown_(std::move(shown)), name_(name), output_(output) {}

  // Who waited for the tee counts what it has shown before we saw it, and what
  // is gone.
  void CountFromFirst() { lost_ = shown_.records.number(); }

  Outcome Run();

 private:
  [[nodiscard]] PeerLife LookAtPeer() override {
    const bool is_there = watch_.Poll() == os::Liveness::kAlive ||
                          IsTeeThere(name_, shown_.segment.id());
    return is_there ? PeerLife::kPresent : PeerLife::kDead;
  }
  [[nodiscard]] os::NativeHandle DeathEvent() override {
    return watch_.Poll() == os::Liveness::kDead ? os::kNoHandle
                                                : watch_.event();
  }
  void Wake() const override { bell_.Ring(); }
  [[nodiscard]] bool EndsWithPeer() const override { return false; }

  Outcome Follow();
  // What was read, to the output.
  std::optional<Outcome> Write();
  [[nodiscard]] News Look() const {
    return WasInterrupted() ? News::kInterrupted : attendant_.news();
  }
  [[nodiscard]] Outcome EndOfTee();
  [[nodiscard]] Outcome Died() const {
    return {ExitCode::kPeerDied, Concat(Who(), " died; what it had shown was "
                                        "written")};
  }
  static Outcome Interrupted() {
    return {ExitCode::kInterrupted, "interrupted"};
  }
  // With what was lost, which is the worst where nothing else has happened.
  [[nodiscard]] Outcome WithLosses(Outcome outcome) const;
  [[nodiscard]] std::string Who() const {
    return Concat("the tee (process ", shown_.first.pid, ")");
  }
  // It leaves its name, which nobody can use.
  void ClearAwayDead() const {
    const auto found = LookUp(name_);
    if (found && found->id == shown_.segment.id()) {
      (void)ClearAway(*found, Clear::kOrphans);
    }
  }
  [[noreturn]] void EndHere() const {
    const Outcome outcome = WithLosses(Interrupted());
    PrintMessage("watch", outcome.message);
    std::_Exit(static_cast<int>(outcome.code));
  }

  // The longest record of any tee fits twice.
  static constexpr std::size_t kMostRecord = std::size_t{64} << 10;

  Shown shown_;
  os::Name name_;
  File& output_;
  std::uint64_t lost_ = 0;
  std::uint64_t read_ = 0;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(2 * kMostRecord);
  std::size_t held_ = 0;
  os::ProcessWatch watch_ = [this] {
    auto watch = os::ProcessWatch::Open(shown_.first.process());
    return watch ? *std::move(watch) : os::ProcessWatch();
  }();
  mutable Bell bell_;
  Progress progress_{/*is_shown=*/false, Side::kReceiver, ""};
  Attendant attendant_{
      *this,
      progress_,
      {.end = [this](News) { EndHere(); },
       .announce = [this](News) {
         PrintMessage("watch",
                      Concat(Who(), " died; writing what it has shown"));
       }}};  // last: it uses all of the above
};

Outcome Watching::Run() {
  Outcome outcome = Follow();
  attendant_.Stop();
  if (outcome.code == ExitCode::kPeerDied) ClearAwayDead();
  return WithLosses(std::move(outcome));
}

Outcome Watching::Follow() {
  milliseconds nap{1};
  for (;;) {
    // The news first: what a tee had shown before it died is seen behind them.
    const News news = Look();
    if (news == News::kInterrupted) return Interrupted();
    std::size_t length = 0;
    std::uint64_t lost = 0;
    const RingResult result = shown_.records.TryRead(
        std::span(buffer_).subspan(held_), length, lost);
    lost_ += lost;
    if (result == RingResult::kCorrupt || length > kMostRecord) {
      return {ExitCode::kDamaged,
              "the shared memory contradicts itself: something else wrote to "
              "it"};
    }
    if (result == RingResult::kOk) {
      ++read_;
      held_ += length;
      nap = milliseconds(1);
      if (held_ <= kMostRecord) continue;
    }
    if (auto ended = Write()) return *std::move(ended);
    if (result == RingResult::kClosed) return EndOfTee();
    if (result != RingResult::kEmpty) continue;
    if (news != News::kNone) return Died();
    bell_.Wait(os::kNoHandle, nap);
    nap = std::min(2 * nap, kLongestNap);
  }
}

std::optional<Outcome> Watching::Write() {
  const auto bytes =
      std::span<const std::byte>(buffer_).first(std::exchange(held_, 0));
  if (bytes.empty()) return std::nullopt;
  const auto written =
      attendant_.Blocking([&] { return WriteAll(output_, bytes); });
  if (written) return std::nullopt;
  return written.error().code == ErrorCode::kBusy
             ? Interrupted()
             : InputOutput("cannot write the output", written.error());
}

Outcome Watching::EndOfTee() {
  TeeState state{};
  const RingResult loaded = shown_.state.TryLoad(state);
  if (loaded != RingResult::kOk) return Died();
  switch (static_cast<TeeEnd>(state.end)) {
    case TeeEnd::kComplete: return {};
    case TeeEnd::kInterrupted:
      return {ExitCode::kPeerGaveUp, Concat(Who(), " was interrupted")};
    default:
      return {ExitCode::kPeerGaveUp,
              Concat(Who(), " could not read its input or write its output")};
  }
}

Outcome Watching::WithLosses(Outcome outcome) const {
  if (lost_ == 0) return outcome;
  const std::string losses = Concat(
      FormatCount(lost_), " of ", FormatCount(lost_ + read_),
      " records were lost, for the tee waits for nobody: a larger --capacity "
      "there helps, if it is not always faster");
  if (!outcome.is_ok()) {
    outcome.message += Concat("; ", losses);
    return outcome;
  }
  return {ExitCode::kLost, losses};
}

}  // namespace

Outcome Watch(const TeeOptions& options) {
  if (auto refused = RefuseLong(options.name)) return *std::move(refused);
  auto output = OpenOutput(options.file);
  if (!output) return output.outcome();
  StartAt start =
      options.is_from_oldest ? StartAt::kOldest : StartAt::kNext;
  Bell bell;
  bool has_waited = false;
  for (;;) {
    auto shown = LookAtShown(options.name, start);
    if (shown) {
      if (!IsStandard(options.file)) {
        if (auto emptied = output->Truncate(); !emptied) {
          return InputOutput("cannot empty the output", emptied.error());
        }
      }
      Watching watching(*std::move(shown), options.name, *output);
      if (has_waited) watching.CountFromFirst();
      return watching.Run();
    }
    const ErrorCode code = shown.error().code;
    const bool is_to_come =
        code == ErrorCode::kNotFound || code == ErrorCode::kContended;
    if (!is_to_come) return CannotHave(options.name, shown.error());
    if (!std::exchange(has_waited, true) && IsErrorTerminal()) {
      PrintMessage("watch", Concat("waiting for `placid tee ",
                                   options.name.text(), "`"));
    }
    // Who was there first sees all of it.
    start = StartAt::kOldest;
    bell.Wait(os::kNoHandle, kLongestNap);
    if (WasInterrupted()) return {ExitCode::kInterrupted, "interrupted"};
  }
}

}  // namespace placid::cli
