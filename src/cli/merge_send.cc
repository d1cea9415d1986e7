// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "cli/attendant.h"
#include "cli/attended.h"
#include "cli/crc32c.h"
#include "cli/cutter.h"
#include "cli/input_output.h"
#include "cli/merge.h"
#include "cli/merge_objects.h"
#include "cli/merge_side.h"
#include "cli/outcome.h"
#include "cli/progress.h"
#include "cli/stream_header.h"
#include "cli/system.h"
#include "cli/text.h"
#include "cli/until.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "placid/segment/liveness.h"
#include "placid/wait/publisher.h"

namespace placid::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Producer = MergeRing::Producer;

// What a receiver may keep of one unit until it is whole.
constexpr std::uint64_t kMostUnitBytes = std::uint64_t{64} << 20;

class MergeSender : private Attended {
 public:
  MergeSender(MergeSide& side, Producer producer, const MergeOptions& options)
      : side_(side),
        producer_(std::move(producer)),
        framing_(options.framing),
        progress_(!options.is_quiet && IsErrorTerminal(), Side::kSender,
                  Concat("--merge ", options.name.text())),
        attendant_(*this, progress_,
                   {.end = [this](News news) { EndHere(news); },
                    .announce = {}}) {}

  Outcome Run(File& input);

 private:
  // ---- The attendant's

  [[nodiscard]] PeerLife LookAtPeer() override;
  [[nodiscard]] os::NativeHandle DeathEvent() override {
    const bool is_over = watch_.Poll() == os::Liveness::kDead;
    return is_over ? os::kNoHandle : watch_.event();
  }
  void Wake() const override { side_.Wake(); }
  [[nodiscard]] bool IsStillNamed() const override {
    return side_.IsStillNamed();
  }
  [[nodiscard]] bool EndsWithPeer() const override { return true; }
  [[noreturn]] void EndHere(News news);

  // ---- The first thread's

  Outcome Move(File& input);
  std::optional<Outcome> Put(MergeRecord::Kind kind,
                             std::span<const std::byte> bytes);
  std::optional<Outcome> PutCut(const Cut& cut);
  Outcome WaitForVerdict();
  [[nodiscard]] News Look() const {
    return WasInterrupted() ? News::kInterrupted : attendant_.news();
  }

  // ---- Either's

  [[nodiscard]] Outcome OutcomeOf(News news) const;
  [[nodiscard]] Outcome ReceiverEnded() const;
  [[nodiscard]] std::string Receiver() const {
    const auto state = side_.LoadState();
    return state && state->pid != 0
               ? Concat("the receiver (process ", state->pid, ")")
               : std::string("the receiver");
  }
  void Notify() { side_.views().sent.MakeNotifier(side_.views().bells).Notify(); }
  // The last word, where it is none that the receiver likes; then gives the lane
  // back and leaves.
  void Leave(ExitCode code);

  MergeSide& side_;
  std::optional<Producer> producer_;
  Framing framing_;
  std::uint64_t bytes_ = 0;
  std::uint32_t crc32c_ = 0;
  os::ProcessWatch watch_;
  Progress progress_;
  Attendant attendant_;  // last: it uses all of the above
};

PeerLife MergeSender::LookAtPeer() {
  const auto state = side_.LoadState();
  if (state && state->pid == 0) return PeerLife::kAbsent;
  if (state) {
    const os::ProcessIdentity identity{.pid = state->pid,
                                       .start_time = state->start_time,
                                       .boot_high = state->boot_high,
                                       .boot_low = state->boot_low};
    if (identity != watch_.identity()) {
      auto watch = os::ProcessWatch::Open(identity);
      if (watch) watch_ = *std::move(watch);
    }
  }
  // The holder before the state: what a receiver said before it let go is seen
  // behind it. Whether it lives is the system's word.
  const RoleHolder holder = side_.views().ring.ConsumerHolder();
  const auto death = holder.is_free()
                         ? Result<ProofOfDeath>(Error{
                               .code = ErrorCode::kNotFound, .operation = ""})
                         : ProveDeath(side_.segment(), holder.index());
  const bool is_gone =
      death || death.error().code == ErrorCode::kNotFound;
  if (!is_gone) return PeerLife::kPresent;
  const auto last = side_.LoadState();
  const bool has_said = last && last->end != 0;
  // Nobody is to come to a merge without a receiver.
  side_.views().ring.Seal();
  return has_said ? PeerLife::kGone : PeerLife::kDead;
}

Outcome MergeSender::Run(File& input) {
  const auto started = Clock::now();
  Outcome outcome = Move(input);
  const double seconds =
      std::chrono::duration<double>(Clock::now() - started).count();
  attendant_.Stop();
  Leave(outcome.code);
  progress_.End(outcome.is_ok()
                    ? Concat("sent ", FormatBytes(bytes_), " in ",
                             FormatSeconds(seconds), "; CRC-32C ",
                             FormatCrc(crc32c_), " verified")
                    : "");
  return outcome;
}

Outcome MergeSender::Move(File& input) {
  const auto process = os::ThisProcess();
  const MergeRecord hello{.kind = MergeRecord::kHello,
                          .first = side_.id().word(),
                          .second = process ? process->pid : 0};
  if (auto ended = Put(MergeRecord::kHello, std::as_bytes(std::span(&hello, 1)))) {
    return *std::move(ended);
  }
  constexpr std::uint64_t kMostAtOnce = std::uint64_t{64} << 10;
  const auto most = static_cast<std::size_t>(
      std::min(side_.views().ring.capacity() / 8, kMostAtOnce));
  Cutter cutter(framing_, Cutter::Share::kManyUnits, most);
  for (bool is_over = false; !is_over;) {
    if (const News news = Look(); news != News::kNone) return OutcomeOf(news);
    const auto room = cutter.Room();
    const auto read = attendant_.Blocking([&] { return input.Read(room); });
    if (!read && read.error().code == ErrorCode::kBusy) continue;  // a signal
    if (!read) return InputOutput("cannot read the input", read.error());
    cutter.Fill(*read);
    is_over = *read == 0;
    const bool has_lines = framing_ == Framing::kLines;
    // Or the next line of another would go on with it.
    if (is_over && has_lines) cutter.EndLine();
    while (const auto cut = cutter.Next(is_over)) {
      if (auto ended = PutCut(*cut)) return *std::move(ended);
    }
    if (cutter.unit_bytes() > kMostUnitBytes) {
      return {ExitCode::kInputOutput,
              Concat(has_lines ? "a line" : "a record", " of the input has ",
                     FormatBytes(cutter.unit_bytes()), " or more: ",
                     FormatBytes(kMostUnitBytes), " are the most")};
    }
    if (is_over && cutter.IsWithinUnit()) {
      return {ExitCode::kInputOutput,
              "the input ends within a record; those before it were sent"};
    }
  }
  const MergeRecord end{
      .kind = MergeRecord::kEnd, .first = bytes_, .second = crc32c_};
  if (auto ended = Put(MergeRecord::kEnd, std::as_bytes(std::span(&end, 1)))) {
    return *std::move(ended);
  }
  return WaitForVerdict();
}

std::optional<Outcome> MergeSender::PutCut(const Cut& cut) {
  crc32c_ = ExtendCrc32c(crc32c_, cut.bytes);
  bytes_ += cut.bytes.size();
  attendant_.SetMoved(bytes_);
  return Put(cut.is_end ? MergeRecord::kUnits : MergeRecord::kPiece,
             cut.bytes);
}

// One record: its kind, and what follows it; what is a MergeRecord has its kind
// already.
std::optional<Outcome> MergeSender::Put(MergeRecord::Kind kind,
                                        std::span<const std::byte> bytes) {
  const bool is_data =
      kind == MergeRecord::kPiece || kind == MergeRecord::kUnits;
  const std::size_t before = is_data ? sizeof(kind) : 0;
  News news = News::kNone;
  RingResult reserved = RingResult::kFull;
  std::span<std::byte> record;
  Until(side_.waiting(), [&] {
    news = Look();
    if (news != News::kNone) return true;
    reserved = producer_->TryReserve(before + bytes.size(), record);
    return reserved != RingResult::kFull;
  });
  if (news != News::kNone) return OutcomeOf(news);
  // The receiver has closed: it has said why before.
  if (reserved != RingResult::kOk) return ReceiverEnded();
  if (is_data) std::memcpy(record.data(), &kind, sizeof(kind));
  std::memcpy(record.data() + before, bytes.data(), bytes.size());
  producer_->Commit(record.size());
  Notify();
  return std::nullopt;
}

Outcome MergeSender::WaitForVerdict() {
  const auto lane = static_cast<std::size_t>(producer_->lane());
  News news = News::kNone;
  MergeEnd verdict = MergeEnd::kNot;
  Until(side_.waiting(), [&] {
    // The news first: a receiver says what it found before it is gone.
    news = Look();
    const auto state = side_.LoadState();
    if (state && state->verdicts[lane].sender == side_.id().word()) {
      verdict = static_cast<MergeEnd>(state->verdicts[lane].end);
    }
    return verdict != MergeEnd::kNot || news != News::kNone;
  });
  if (verdict == MergeEnd::kNot) return OutcomeOf(news);
  if (verdict == MergeEnd::kComplete) return {};
  return {ExitCode::kDamaged,
          Concat(Receiver(),
                 " found that the bytes are not those that were sent; do not "
                 "use its output")};
}

Outcome MergeSender::OutcomeOf(News news) const {
  switch (news) {
    case News::kInterrupted:
      return {ExitCode::kInterrupted, "interrupted"};
    case News::kNameRemoved:
      return {ExitCode::kInputOutput,
              Concat("somebody removed the shared memory of '",
                     side_.name().text(), "' while we waited: start again")};
    case News::kPeerGaveUp: return ReceiverEnded();
    case News::kPeerDied:
    case News::kNone: break;
  }
  return {ExitCode::kPeerDied, Concat(Receiver(), " died")};
}

Outcome MergeSender::ReceiverEnded() const {
  const auto state = side_.LoadState();
  const auto end = static_cast<MergeEnd>(state ? state->end : 0);
  const char* how = " has left";
  if (end == MergeEnd::kInterrupted) how = " was interrupted";
  if (end == MergeEnd::kFailed) how = " could not write its output";
  if (end == MergeEnd::kDamaged) {
    how = " found that the shared memory contradicts itself";
  }
  return {ExitCode::kPeerGaveUp, Concat(Receiver(), how)};
}

void MergeSender::Leave(ExitCode code) {
  const bool is_said = code == ExitCode::kOk || code == ExitCode::kPeerDied ||
                       code == ExitCode::kPeerGaveUp;
  if (!is_said) {
    const MergeEnd end = code == ExitCode::kInterrupted
                             ? MergeEnd::kInterrupted
                             : MergeEnd::kFailed;
    const MergeRecord last{.kind = MergeRecord::kGaveUp,
                           .first = static_cast<std::uint64_t>(end),
                           .second = 0};
    // A receiver that does not take it for so long takes us for dead.
    constexpr int kTries = 50;
    for (int i = 0; i < kTries; ++i) {
      if (producer_->TryPush(std::as_bytes(std::span(&last, 1))) !=
          RingResult::kFull) {
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  producer_.reset();
  Notify();
  side_.Leave();
}

// The first thread sits in a read and will not come back.
void MergeSender::EndHere(News news) {
  const Outcome outcome = OutcomeOf(news);
  Leave(outcome.code);
  progress_.End("");
  PrintMessage("send", outcome.message);
  std::_Exit(static_cast<int>(outcome.code));
}

}  // namespace

Outcome SendMerged(const MergeOptions& options) {
  auto input = OpenInput(options.file);
  if (!input) return input.outcome();
  MergeSide side;
  std::optional<Producer> producer;
  const auto take = [&](MergeSide& joined) -> OrOutcome<bool> {
    const MergeRing& ring = joined.views().ring;
    // What a dead receiver leaves is of no use to us. The state first: one that
    // says who receives does so once it holds the role.
    const auto state = joined.LoadState();
    const RoleHolder receiver = ring.ConsumerHolder();
    const bool has_come = !state || state->pid != 0;
    const bool is_left =
        has_come && (receiver.is_free() ||
                     ProveDeath(joined.segment(), receiver.index()).has_value());
    if (is_left) {
      ring.Seal();
      return false;
    }
    auto claimed = ring.ClaimProducer(joined.id());
    if (!claimed && claimed.error().code == ErrorCode::kRoleTaken &&
        joined.RecoverDead() > 0) {
      claimed = ring.ClaimProducer(joined.id());
    }
    if (!claimed) {
      if (claimed.error().code == ErrorCode::kClosed) return false;
      return Outcome{ExitCode::kNameInUse,
                     Concat("'", options.name.text(), "' has ", kMergeLanes,
                            " senders already, the most that there can be")};
    }
    if (auto can = joined.Await(joined.views().taken); !can) {
      return InputOutput("cannot wait for the other side", can.error());
    }
    producer = *std::move(claimed);
    return true;
  };
  if (auto failed = side.Join(options, take)) return *std::move(failed);
  return MergeSender(side, *std::move(producer), options).Run(*input);
}

}  // namespace placid::cli
