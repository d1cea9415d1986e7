// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cli/attendant.h"
#include "cli/attended.h"
#include "cli/crc32c.h"
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
#include "placid/base/shared_bytes.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/pace.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "placid/segment/liveness.h"
#include "placid/segment/monitor.h"

namespace placid::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Consumer = MergeRing::Consumer;
using StateWriter = MergeStateCell::Writer;

// What is written at once, and what may be kept of a unit that is not whole.
constexpr std::size_t kMostHeld = std::size_t{256} << 10;
constexpr std::size_t kMostUnit = (std::size_t{64} << 20) + (std::size_t{1} << 20);

// What is known of the sender in one lane.
struct Book {
  bool is_open = false;  // it has come, and has not said its last word
  std::uint64_t sender = 0;
  std::uint64_t pid = 0;
  std::uint64_t bytes = 0;
  std::uint32_t crc32c = 0;
  std::vector<std::byte> unit;  // that has not ended
};

class MergeReceiver : private Attended {
 public:
  MergeReceiver(MergeSide& side, Consumer consumer, StateWriter writer,
                Monitor monitor, const MergeState& state,
                const MergeOptions& options)
      : side_(side),
        consumer_(std::move(consumer)),
        writer_(std::move(writer)),
        monitor_(std::move(monitor)),
        state_(state),
        options_(options),
        progress_(!options.is_quiet && IsErrorTerminal(), Side::kReceiver,
                  Concat("--merge ", options.name.text())),
        attendant_(*this, progress_,
                   {.end = [this](News news) { EndHere(news); },
                    .announce = [](News) {}}) {}

  Outcome Run(File& output);

 private:
  using Holders = std::array<std::uint64_t, kMergeLanes>;
  using Senders = std::array<std::uint64_t, kMergeLanes>;

  // ---- The attendant's

  [[nodiscard]] PeerLife LookAtPeer() override;
  [[nodiscard]] os::NativeHandle DeathEvent() override {
    return monitor_.event();
  }
  void Wake() const override { side_.Wake(); }
  [[nodiscard]] bool IsStillNamed() const override {
    return side_.IsStillNamed();
  }
  [[nodiscard]] bool EndsWithPeer() const override { return false; }
  [[noreturn]] void EndHere(News news);
  void SayNotes();

  // ---- The first thread's

  Outcome Move();
  // Looks through all lanes; whether that is the end.
  Outcome TakeAll(bool& is_end);
  Outcome Handle(const SharedBytes& record);
  Outcome HandleData(Book& book, bool is_end, const SharedBytes& shared);
  Outcome HandleEnd(Book& book, const MergeRecord& said);
  Outcome Emit(std::span<const std::byte> bytes);
  Outcome Flush();
  // Closes the books of those who held no lane before all was taken.
  void CloseBooks(const Holders& holders, const Senders& before);
  void Lose(Book& book);
  [[nodiscard]] Holders Look() const;
  void Wait(const Holders& holders);
  void Note(std::string text) {
    const std::lock_guard lock(notes_mutex_);
    notes_.push_back(std::move(text));
  }
  [[nodiscard]] Outcome Conclusion() const;
  static std::string Sender(const Book& book) {
    return Concat("a sender (process ", book.pid, ")");
  }
  [[nodiscard]] std::string Kept(const Book& book) const {
    const char* what =
        options_.framing == Framing::kLines ? "line" : "record";
    return Concat("; the whole ", what, "s that it had sent are kept, ",
                  FormatBytes(book.bytes - book.unit.size()),
                  book.unit.empty() ? "" : Concat("; its last ", what,
                                                  " has no end and is not"));
  }
  static Outcome Interrupted() {
    return {ExitCode::kInterrupted, "interrupted"};
  }
  static Outcome Contradiction() {
    return {ExitCode::kDamaged,
            "the shared memory contradicts itself: something else wrote to it"};
  }

  void Notify() {
    side_.views().taken.MakeNotifier(side_.views().bells).Notify();
  }
  void Leave(ExitCode code);

  MergeSide& side_;
  std::optional<Consumer> consumer_;
  std::optional<StateWriter> writer_;
  Monitor monitor_;
  MergeState state_;
  MergeOptions options_;
  File* output_ = nullptr;
  std::array<Book, kMergeLanes> books_;
  std::vector<std::byte> held_;
  std::uint64_t came_ = 0;
  std::uint64_t died_ = 0;
  std::uint64_t gave_up_ = 0;
  std::uint64_t damaged_ = 0;
  std::uint64_t bytes_ = 0;
  // What was found while we waited; kEmpty: nothing.
  RingResult front_ = RingResult::kEmpty;
  SharedBytes record_;
  std::uint64_t last_lane_ = 0;
  int taken_since_notify_ = 0;
  std::mutex notes_mutex_;
  std::vector<std::string> notes_;
  Progress progress_;
  Attendant attendant_;  // last: it uses all of the above
};

PeerLife MergeReceiver::LookAtPeer() {
  SayNotes();
  // Those that somebody else recovers are dead as well.
  if (!monitor_.Poll(side_.segment()).empty()) {
    (void)side_.RecoverDead();
    side_.Wake();
  }
  const Holders holders = Look();
  const bool is_any = std::ranges::any_of(holders, [](std::uint64_t word) {
    return !RoleHolder(word).is_free();
  });
  return is_any ? PeerLife::kPresent : PeerLife::kAbsent;
}

void MergeReceiver::SayNotes() {
  const std::lock_guard lock(notes_mutex_);
  if (!notes_.empty()) progress_.End("");
  for (const std::string& note : std::exchange(notes_, {})) {
    PrintMessage("receive", note);
  }
}

Outcome MergeReceiver::Run(File& output) {
  output_ = &output;
  const auto started = Clock::now();
  Outcome outcome = Move();
  if (outcome.is_ok()) {
    if (auto closed = output.Close(); !closed) {
      outcome = InputOutput("cannot write the output", closed.error());
    }
  }
  const double seconds =
      std::chrono::duration<double>(Clock::now() - started).count();
  attendant_.Stop();
  SayNotes();
  Leave(outcome.code);
  if (outcome.is_ok()) outcome = Conclusion();
  progress_.End(outcome.is_ok()
                    ? Concat("received ", FormatBytes(bytes_), " of ", came_,
                             " senders in ", FormatSeconds(seconds),
                             "; each CRC-32C verified")
                    : "");
  return outcome;
}

auto MergeReceiver::Look() const -> Holders {
  Holders holders{};
  for (std::uint64_t lane = 0; lane < kMergeLanes; ++lane) {
    holders[static_cast<std::size_t>(lane)] =
        side_.views().ring.LaneHolder(lane).word();
  }
  return holders;
}

Outcome MergeReceiver::Move() {
  for (;;) {
    // Before the lanes are looked through: whoever has none then has put
    // nothing into any that is not seen.
    const Holders holders = Look();
    Senders before{};
    for (std::size_t lane = 0; lane < kMergeLanes; ++lane) {
      before[lane] = books_[lane].sender;
    }
    bool is_end = false;
    if (auto taken = TakeAll(is_end); !taken.is_ok()) return taken;
    if (auto flushed = Flush(); !flushed.is_ok()) return flushed;
    CloseBooks(holders, before);
    if (is_end) return {};
    const bool is_any_open = std::ranges::any_of(
        books_, [](const Book& book) { return book.is_open; });
    const bool is_any_held =
        std::ranges::any_of(holders, [](std::uint64_t word) {
          return !RoleHolder(word).is_free();
        });
    if (came_ >= options_.senders && !is_any_open && !is_any_held &&
        !side_.views().ring.IsSealed()) {
      side_.views().ring.Seal();  // who has come meanwhile has its turn
      continue;
    }
    Wait(holders);
    if (attendant_.news() == News::kNameRemoved) {
      return {ExitCode::kInputOutput,
              Concat("somebody removed the shared memory of '",
                     side_.name().text(), "' while we waited: start again")};
    }
  }
}

Outcome MergeReceiver::TakeAll(bool& is_end) {
  constexpr int kRecordsPerNotice = 16;
  for (;;) {
    if (WasInterrupted()) return Interrupted();
    SharedBytes record = record_;
    RingResult result = std::exchange(front_, RingResult::kEmpty);
    if (result != RingResult::kOk) result = consumer_->TryFront(record);
    // The call has given back what was in hand; of a lane whose turn is over,
    // all.
    const bool is_turn_over = consumer_->lane() != last_lane_;
    if (result != RingResult::kOk || is_turn_over ||
        ++taken_since_notify_ == kRecordsPerNotice) {
      last_lane_ = consumer_->lane();
      taken_since_notify_ = 0;
      Notify();
    }
    if (result == RingResult::kOk) {
      if (auto handled = Handle(record); !handled.is_ok()) return handled;
      continue;
    }
    is_end = result == RingResult::kClosed;
    return is_end || result == RingResult::kEmpty ? Outcome{}
                                                  : Contradiction();
  }
}

void MergeReceiver::Wait(const Holders& holders) {
  Until(side_.waiting(), [&] {
    if (WasInterrupted() || attendant_.news() != News::kNone) return true;
    front_ = consumer_->TryFront(record_);
    return front_ != RingResult::kEmpty || Look() != holders;
  });
}

Outcome MergeReceiver::Handle(const SharedBytes& record) {
  Book& book = books_[static_cast<std::size_t>(consumer_->lane())];
  const auto kind = record.Load<std::uint64_t>(0);
  if (!kind) return Contradiction();
  const bool is_data =
      *kind == MergeRecord::kPiece || *kind == MergeRecord::kUnits;
  if (is_data) {
    return HandleData(book, *kind == MergeRecord::kUnits,
                      record.Subspan(sizeof(*kind)));
  }
  const auto said = record.Load<MergeRecord>(0);
  if (!said) return Contradiction();
  if (said->kind == MergeRecord::kHello) {
    Lose(book);
    book = Book();
    book.is_open = true;
    book.sender = said->first;
    book.pid = said->second;
    ++came_;
    return {};
  }
  if (!book.is_open) return Contradiction();
  if (said->kind == MergeRecord::kEnd) return HandleEnd(book, *said);
  ++gave_up_;
  const bool was_interrupted =
      said->first == static_cast<std::uint64_t>(MergeEnd::kInterrupted);
  Note(Concat(Sender(book),
              was_interrupted ? " was interrupted" : " could not go on",
              Kept(book)));
  book = Book{};
  return {};
}

// A sender that changes the bytes between the sum and the copy deceives us no
// more than one that sends the wrong ones at once.
Outcome MergeReceiver::HandleData(Book& book, bool is_end,
                                  const SharedBytes& shared) {
  if (!book.is_open) return Contradiction();
  const auto bytes = shared.TrustPeer();
  book.crc32c = ExtendCrc32c(book.crc32c, bytes);
  book.bytes += bytes.size();
  bytes_ += bytes.size();
  attendant_.SetMoved(bytes_);
  if (is_end && book.unit.empty()) return Emit(bytes);
  if (book.unit.size() + bytes.size() > kMostUnit) return Contradiction();
  book.unit.insert(book.unit.end(), bytes.begin(), bytes.end());
  if (!is_end) return {};
  return Emit(std::exchange(book.unit, {}));
}

// It is written before its sender is told so.
Outcome MergeReceiver::HandleEnd(Book& book, const MergeRecord& said) {
  if (auto flushed = Flush(); !flushed.is_ok()) return flushed;
  const bool is_same =
      said.first == book.bytes && said.second == book.crc32c;
  if (!is_same) {
    ++damaged_;
    Note(Concat(Sender(book), " sent other bytes than those that arrived"));
  }
  state_.verdicts[static_cast<std::size_t>(consumer_->lane())] = {
      .sender = book.sender,
      .end = static_cast<std::uint64_t>(is_same ? MergeEnd::kComplete
                                                : MergeEnd::kDamaged)};
  writer_->Store(state_);
  Notify();
  book = Book{};
  return {};
}

Outcome MergeReceiver::Emit(std::span<const std::byte> bytes) {
  held_.insert(held_.end(), bytes.begin(), bytes.end());
  return held_.size() < kMostHeld ? Outcome{} : Flush();
}

Outcome MergeReceiver::Flush() {
  if (held_.empty()) return {};
  const auto written =
      attendant_.Blocking([&] { return WriteAll(*output_, held_); });
  held_.clear();
  if (written) return {};
  return written.error().code == ErrorCode::kBusy
             ? Interrupted()
             : InputOutput("cannot write the output", written.error());
}

void MergeReceiver::CloseBooks(const Holders& holders, const Senders& before) {
  for (std::size_t lane = 0; lane < kMergeLanes; ++lane) {
    Book& book = books_[lane];
    const auto sender = OwnerId::FromWord(book.sender);
    const bool has_lane =
        sender && RoleHolder(holders[lane]).index() == sender->index();
    if (book.is_open && book.sender == before[lane] && !has_lane) Lose(book);
  }
}

void MergeReceiver::Lose(Book& book) {
  if (!book.is_open) return;
  ++died_;
  Note(Concat(Sender(book), " died", Kept(book)));
  book = Book{};
}

Outcome MergeReceiver::Conclusion() const {
  const auto of_senders = [&](std::uint64_t some) {
    return Concat(some, " of ", came_, came_ == 1 ? " sender" : " senders");
  };
  if (damaged_ > 0) {
    return {ExitCode::kDamaged,
            Concat("the bytes of ", of_senders(damaged_),
                   " are not those that were sent; do not use the output")};
  }
  if (died_ > 0) {
    return {ExitCode::kPeerDied, Concat(of_senders(died_), " died")};
  }
  if (gave_up_ > 0) {
    return {ExitCode::kPeerGaveUp, Concat(of_senders(gave_up_), " ended early")};
  }
  return {};
}

void MergeReceiver::Leave(ExitCode code) {
  MergeEnd end = MergeEnd::kFailed;
  if (code == ExitCode::kOk) end = MergeEnd::kComplete;
  if (code == ExitCode::kInterrupted) end = MergeEnd::kInterrupted;
  if (code == ExitCode::kDamaged) end = MergeEnd::kDamaged;
  state_.end = static_cast<std::uint64_t>(end);
  writer_->Store(state_);
  side_.views().ring.Seal();
  consumer_->Close();
  Notify();
  consumer_.reset();
  writer_.reset();
  side_.Leave();
}

// The first thread sits in a write and will not come back.
void MergeReceiver::EndHere(News) {
  const Outcome outcome = Interrupted();
  SayNotes();
  Leave(outcome.code);
  progress_.End("");
  PrintMessage("receive", outcome.message);
  std::_Exit(static_cast<int>(outcome.code));
}

}  // namespace

Outcome ReceiveMerged(const MergeOptions& options) {
  auto output = OpenOutput(options.file);
  if (!output) return output.outcome();
  MergeSide side;
  std::optional<Consumer> consumer;
  std::optional<StateWriter> writer;
  std::optional<MergeState> state;
  const auto take = [&](MergeSide& joined) -> OrOutcome<bool> {
    const MergeRing& ring = joined.views().ring;
    const RoleHolder before = ring.ConsumerHolder();
    auto claimed = ring.ClaimConsumer(Pace::kPrompt, joined.id());
    state = joined.LoadState();
    const bool was_there = !state || state->pid != 0;
    if (!claimed) {
      const bool is_dead =
          !before.is_free() &&
          ProveDeath(joined.segment(), before.index()).has_value();
      if (is_dead) ring.Seal();
      if (is_dead || !was_there || (state && state->end != 0)) return false;
      return Outcome{ExitCode::kNameInUse,
                     Concat("'", options.name.text(),
                            "' is in use by another receiver (process ",
                            state ? state->pid : 0,
                            "): end that one first, or choose another name")};
    }
    if (was_there) {  // and is dead, or has ended
      ring.Seal();
      return false;
    }
    auto says = joined.views().state.ClaimWriter(joined.id());
    if (!says) return false;
    if (auto can = joined.Await(joined.views().sent); !can) {
      return InputOutput("cannot wait for the other side", can.error());
    }
    const auto process = os::ThisProcess().value_or(os::ProcessIdentity{});
    state->pid = process.pid;
    state->start_time = process.start_time;
    state->boot_high = process.boot_high;
    state->boot_low = process.boot_low;
    says->Store(*state);
    consumer = *std::move(claimed);
    writer = *std::move(says);
    return true;
  };
  auto failed = side.Join(options, take);
  auto monitor = Monitor::Make();
  if (!failed && !monitor) {
    failed = InputOutput("cannot follow the senders", monitor.error());
  }
  if (failed) {
    if (output->was_created()) RemoveFile(options.file);
    return *std::move(failed);
  }
  if (!IsStandard(options.file)) {
    if (auto emptied = output->Truncate(); !emptied) {
      return InputOutput("cannot empty the output", emptied.error());
    }
  }
  return MergeReceiver(side, *std::move(consumer), *std::move(writer),
                       *std::move(monitor), *state, options)
      .Run(*output);
}

}  // namespace placid::cli
