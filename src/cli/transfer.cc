// SPDX-License-Identifier: Apache-2.0
#include "cli/transfer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cli/attendant.h"
#include "cli/crc32c.h"
#include "cli/input_output.h"
#include "cli/outcome.h"
#include "cli/progress.h"
#include "cli/resumable_output.h"
#include "cli/stream.h"
#include "cli/stream_header.h"
#include "cli/system.h"
#include "cli/text.h"
#include "placid/base/result.h"
#include "placid/base/shared_bytes.h"
#include "placid/os/process.h"
#include "placid/primitives/pace.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "placid/primitives/spsc_byte_ring.h"

namespace placid::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Total = StreamHeader::Total;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// As much is read, summed and written while it is in the second-level cache.
constexpr std::size_t kCachedBytes = std::size_t{256} << 10;

// A record, which is a piece and its offset. With the ring's own header it tiles
// the ring: no padding. The receiver of a resumable stream puts each on the disk
// before it gives it back, so there they are as long as the ring allows.
std::size_t RecordBytes(const Stream& stream) {
  constexpr std::uint64_t kMostResumable = std::uint64_t{16} << 20;
  const std::uint64_t most =
      stream.is_resumable() ? kMostResumable : kCachedBytes;
  return static_cast<std::size_t>(std::min(stream.ring().capacity() / 4, most) -
                                  SpscByteRing::kHeaderBytes);
}

std::uint64_t CapacityOf(const TransferOptions& options) {
  if (options.capacity != 0) return options.capacity;
  return options.is_resumable ? kDefaultResumableCapacity : kDefaultCapacity;
}

// A consumer that is dropped gives back what it has in hand. This one's
// successor is to have it, so this one is not dropped.
void LeaveToSuccessor(SpscByteRing::Consumer consumer) {
  alignas(SpscByteRing::Consumer)
      std::array<std::byte, sizeof(SpscByteRing::Consumer)>
          grave{};
  std::construct_at(reinterpret_cast<SpscByteRing::Consumer*>(grave.data()),
                    std::move(consumer));
}

StreamState StateAfter(ExitCode code) {
  switch (code) {
    case ExitCode::kOk: return StreamState::kComplete;
    case ExitCode::kInterrupted: return StreamState::kInterrupted;
    case ExitCode::kDamaged: return StreamState::kDamaged;
    case ExitCode::kPeerDied:
    case ExitCode::kPeerGaveUp: return StreamState::kPeerLost;
    default: return StreamState::kFailed;
  }
}

// One side at work. The first thread runs Send's or Receive's loop.
class Transfer {
 public:
  Transfer(Stream stream, const TransferOptions& options)
      : stream_(std::move(stream)),
        progress_(!options.is_quiet && IsErrorTerminal(), stream_.side(),
                  options.name.text()),
        attendant_(stream_, progress_,
                   {.end = [this](News news) { EndHere(news); },
                    .announce = [this](News news) { Announce(news); }}) {}

  TransferReport Send(const Source& source);
  TransferReport Receive(const Sink& sink,
                         const std::function<Result<void>()>& finish);
  // Of a resumable stream.
  TransferReport ReceiveInto(ResumableOutput& output);

 private:
  Outcome MoveFrom(const Source& source, SpscByteRing::Producer& producer);
  Outcome MoveInto(const Sink& sink, SpscByteRing::Consumer& consumer);
  Outcome Take(std::span<const std::byte> piece, const Sink& sink);
  Outcome Keep(bool is_end);
  Outcome WaitForVerdict();
  Outcome Verify(const std::function<Result<void>()>& finish);
  TransferReport Conclude(Outcome outcome);

  void Add(std::span<const std::byte> bytes) {
    total_.crc32c = ExtendCrc32c(total_.crc32c, bytes);
    total_.bytes += bytes.size();
    attendant_.SetMoved(total_.bytes);
  }

  // Until both sides are here no time passes.
  void StartClock() {
    if (total_.bytes == 0 ||
        stream_.header().State(Other(stream_.side())) == StreamState::kAbsent) {
      started_ = Clock::now();
    }
  }

  // The first thread's: what makes it stop.
  [[nodiscard]] News Look() const {
    if (WasInterrupted()) return News::kInterrupted;
    const News news = attendant_.news();
    if (news != News::kNone) return news;
    return stream_.HasPeerGivenUp() ? News::kPeerGaveUp : News::kNone;
  }

  // What the news mean for us. Either thread's.
  [[nodiscard]] Outcome OutcomeOf(News news, std::uint64_t moved) const;
  [[nodiscard]] Outcome PeerGaveUp(std::uint64_t moved) const;
  [[nodiscard]] std::string Peer() const {
    return Concat("the ", ToString(Other(stream_.side())), " (process ",
                  stream_.peer_pid(), ")");
  }
  [[nodiscard]] std::string Kept(std::uint64_t moved) const {
    if (stream_.side() == Side::kSender) {
      return Concat(" after ", FormatBytes(moved));
    }
    return moved == 0 ? "; nothing had arrived"
                      : Concat("; what had arrived, ", FormatBytes(moved),
                               ", was kept");
  }
  [[nodiscard]] const char* HowToGoOn() const {
    const bool can =
        stream_.is_resumable() && stream_.side() == Side::kReceiver;
    return can ? "; the same command goes on from there" : "";
  }
  static Outcome Contradiction() {
    return {ExitCode::kDamaged,
            "the shared memory contradicts itself: something else wrote to it"};
  }

  // The attendant's thread.
  [[noreturn]] void EndHere(News news);
  void Announce(News news);

  Stream stream_;
  Progress progress_;
  ResumableOutput* output_ = nullptr;  // where the stream is resumable
  Total total_;
  std::uint64_t resumed_bytes_ = 0;  // of the total: by those before us
  Clock::time_point started_ = Clock::now();
  Attendant attendant_;  // last: it uses all of the above
};

TransferReport Transfer::Send(const Source& source) {
  auto producer = stream_.ring().ClaimProducer();
  if (!producer) return Conclude(Contradiction());
  Outcome outcome = MoveFrom(source, *producer);
  if (outcome.is_ok()) {
    stream_.header().SetTotal(Side::kSender, total_);
    stream_.header().SetState(Side::kSender, StreamState::kComplete);
    producer->Close();
    stream_.MakeNotifier().Notify();
    outcome = WaitForVerdict();
  }
  return Conclude(std::move(outcome));
}

Outcome Transfer::MoveFrom(const Source& source,
                           SpscByteRing::Producer& producer) {
  constexpr std::size_t kOffsetBytes = StreamHeader::kOffsetBytes;
  const std::size_t bytes = RecordBytes(stream_);
  auto sent = stream_.MakeNotifier();
  for (;;) {
    News news = News::kNone;
    RingResult reserved = RingResult::kFull;
    std::span<std::byte> record;
    stream_.Until([&] {
      news = Look();
      if (news != News::kNone) return true;
      reserved = producer.TryReserve(bytes, record);
      StartClock();
      return reserved != RingResult::kFull;
    });
    if (news != News::kNone) return OutcomeOf(news, total_.bytes);
    if (reserved != RingResult::kOk) return Contradiction();
    const std::span<std::byte> piece = record.subspan(kOffsetBytes);
    const auto read = attendant_.Blocking([&] { return source(piece); });
    if (!read && read.error().code == ErrorCode::kBusy) continue;  // a signal
    if (!read) return InputOutput("cannot read the input", read.error());
    if (*read == 0) return {};
    // The receiver could write here too: then it fools itself.
    std::memcpy(record.data(), &total_.bytes, kOffsetBytes);
    Add(piece.first(*read));
    producer.Commit(kOffsetBytes + *read);
    sent.Notify();
  }
}

Outcome Transfer::WaitForVerdict() {
  News news = News::kNone;
  bool is_complete = false;
  stream_.Until([&] {
    // The news first: a receiver says how it ended before it is gone.
    news = Look();
    is_complete =
        stream_.header().State(Side::kReceiver) == StreamState::kComplete;
    StartClock();
    return is_complete || news != News::kNone;
  });
  if (!is_complete) return OutcomeOf(news, total_.bytes);
  return stream_.header().TotalOf(Side::kReceiver) == total_ ? Outcome{}
                                                             : Contradiction();
}

TransferReport Transfer::Receive(const Sink& sink,
                                 const std::function<Result<void>()>& finish) {
  auto consumer = stream_.ring().ClaimConsumer(Pace::kStreaming);
  if (!consumer) return Conclude(Contradiction());
  Outcome outcome = MoveInto(sink, *consumer);
  if (outcome.is_ok()) outcome = Verify(finish);
  return Conclude(std::move(outcome));
}

TransferReport Transfer::ReceiveInto(ResumableOutput& output) {
  output_ = &output;
  auto start =
      output.GoOn(stream_.header().Id(), stream_.header().RecordedBytes());
  if (!start) return Conclude(start.outcome());
  total_ = *start;
  resumed_bytes_ = total_.bytes;
  attendant_.SetMoved(total_.bytes);
  // We hold the lock of whoever was the receiver before us.
  const SpscByteRing& ring = stream_.ring();
  const RoleHolder before = ring.ConsumerHolder();
  auto consumer = stream_.is_successor() && !before.is_free()
                      ? ring.TakeOverConsumer(AttestedDeath(before))
                      : ring.ClaimConsumer();
  if (!consumer) return Conclude(Contradiction());
  const Sink sink = [&output](std::span<const std::byte> from) {
    return output.Write(from);
  };
  Outcome outcome = MoveInto(sink, *consumer);
  if (outcome.is_ok()) outcome = Verify([] { return Ok(); });
  if (outcome.code == ExitCode::kInputOutput) outcome.message += HowToGoOn();
  if (!outcome.is_ok()) LeaveToSuccessor(*std::move(consumer));
  auto report = Conclude(std::move(outcome));
  if (report.outcome.is_ok()) output.RemoveRecord();
  return report;
}

Outcome Transfer::MoveInto(const Sink& sink, SpscByteRing::Consumer& consumer) {
  auto received = stream_.MakeNotifier();
  for (;;) {
    News news = News::kNone;
    RingResult front = RingResult::kEmpty;
    SharedBytes record;
    stream_.Until([&] {
      // The news first: what a sender had committed before it was gone is seen
      // behind them.
      news = Look();
      if (news == News::kInterrupted) return true;
      front = consumer.TryFront(record);
      received.Notify();  // it has given back what was in hand
      return front != RingResult::kEmpty || news != News::kNone;
    });
    if (news == News::kInterrupted) return OutcomeOf(news, total_.bytes);
    switch (front) {
      case RingResult::kOk: break;
      case RingResult::kClosed: return {};
      case RingResult::kEmpty: return OutcomeOf(news, total_.bytes);
      default: return Contradiction();
    }
    StartClock();
    // A sender that changes the bytes between the sum and the write deceives us
    // no more than one that sends the wrong ones at once.
    const Outcome taken = Take(record.TrustPeer(), sink);
    if (!taken.is_ok()) return taken;
  }
}

// One record: a piece behind its offset in the stream.
Outcome Transfer::Take(std::span<const std::byte> piece, const Sink& sink) {
  std::uint64_t offset = 0;
  if (piece.size() <= sizeof(offset)) return Contradiction();
  std::memcpy(&offset, piece.data(), sizeof(offset));
  piece = piece.subspan(sizeof(offset));
  // What a receiver before us has kept, but not given back.
  const std::uint64_t had = total_.bytes - offset;
  const bool is_repeated = output_ != nullptr && offset < total_.bytes;
  if (offset != total_.bytes && !is_repeated) return Contradiction();
  if (had >= piece.size()) return {};
  piece = piece.subspan(static_cast<std::size_t>(had));

  while (!piece.empty()) {
    const auto bytes = piece.first(std::min(piece.size(), kCachedBytes));
    piece = piece.subspan(bytes.size());
    Add(bytes);
    const auto written = attendant_.Blocking([&] { return sink(bytes); });
    if (!written) {
      // The attendant may not have seen the signal yet that ended the write.
      return written.error().code == ErrorCode::kBusy
                 ? OutcomeOf(News::kInterrupted, total_.bytes)
                 : InputOutput("cannot write the output", written.error());
    }
  }
  return output_ == nullptr ? Outcome{} : Keep(/*is_end=*/false);
}

// Only then may the ring's next call give back what is in it.
Outcome Transfer::Keep(bool is_end) {
  const auto kept =
      attendant_.Blocking([&] { return output_->Keep(total_, is_end); });
  if (!kept) return InputOutput("cannot keep the output", kept.error());
  stream_.header().SetRecordedBytes(total_.bytes);
  return {};
}

Outcome Transfer::Verify(const std::function<Result<void>()>& finish) {
  if (auto finished = finish(); !finished) {
    return InputOutput("cannot write the output", finished.error());
  }
  if (stream_.header().State(Side::kSender) != StreamState::kComplete) {
    return Contradiction();
  }
  const Total sent = stream_.header().TotalOf(Side::kSender);
  if (sent != total_) {
    return {ExitCode::kDamaged,
            Concat("the bytes are not those that were sent: ", total_.bytes,
                   " bytes with CRC-32C ", FormatCrc(total_.crc32c),
                   " arrived, ", sent.bytes, " with ", FormatCrc(sent.crc32c),
                   " were sent; do not use the output")};
  }
  if (output_ != nullptr) {
    if (auto kept = Keep(/*is_end=*/true); !kept.is_ok()) return kept;
  }
  stream_.header().SetTotal(Side::kReceiver, total_);
  return {};
}

TransferReport Transfer::Conclude(Outcome outcome) {
  const double seconds = SecondsSince(started_);
  stream_.Say(StateAfter(outcome.code));
  attendant_.Stop();
  stream_.Leave(StateAfter(outcome.code));
  const char* done = stream_.side() == Side::kSender ? "sent " : "received ";
  progress_.End(
      outcome.is_ok()
          ? Concat(
                done, FormatBytes(total_.bytes), " in ", FormatSeconds(seconds),
                ", ",
                FormatRate(static_cast<double>(total_.bytes - resumed_bytes_) /
                           std::max(seconds, 1e-9)),
                "; CRC-32C ", FormatCrc(total_.crc32c), " verified")
          : "");
  return {std::move(outcome), total_, seconds};
}

Outcome Transfer::OutcomeOf(News news, std::uint64_t moved) const {
  switch (news) {
    case News::kInterrupted:
      return {ExitCode::kInterrupted, Concat("interrupted", Kept(moved),
                                             moved == 0 ? "" : HowToGoOn())};
    case News::kNameRemoved:
      return {ExitCode::kInputOutput,
              Concat("somebody removed the shared memory of '",
                     stream_.name().text(), "' while we waited: start again")};
    case News::kPeerGaveUp: return PeerGaveUp(moved);
    case News::kPeerDied:
    case News::kNone: break;
  }
  return {ExitCode::kPeerDied, Concat(Peer(), " died", Kept(moved))};
}

Outcome Transfer::PeerGaveUp(std::uint64_t moved) const {
  const bool is_sender = stream_.side() == Side::kSender;
  switch (stream_.header().State(Other(stream_.side()))) {
    case StreamState::kDamaged:
      return {ExitCode::kDamaged,
              Concat(Peer(),
                     " found that the bytes are not those that "
                     "were sent; do not use its output")};
    case StreamState::kInterrupted:
      return {ExitCode::kPeerGaveUp,
              Concat(Peer(), " was interrupted", Kept(moved))};
    case StreamState::kFailed:
      return {ExitCode::kPeerGaveUp,
              Concat(Peer(),
                     is_sender ? " could not write its output"
                               : " could not read its input",
                     Kept(moved))};
    default:
      return {ExitCode::kPeerGaveUp, Concat(Peer(), " has left", Kept(moved))};
  }
}

// The first thread sits in a system call and will not come back.
void Transfer::EndHere(News news) {
  const Outcome outcome = OutcomeOf(news, attendant_.moved());
  stream_.Leave(StateAfter(outcome.code));
  progress_.End("");
  PrintMessage(stream_.side() == Side::kSender ? "send" : "receive",
               outcome.message);
  std::_Exit(static_cast<int>(outcome.code));
}

void Transfer::Announce(News news) {
  progress_.End("");
  const char* what = news == News::kPeerDied ? " died" : " has left";
  if (stream_.side() == Side::kReceiver) {
    PrintMessage("receive", Concat(Peer(), what, "; writing what has arrived"));
  } else {
    PrintMessage(
        "send",
        Concat(Peer(), what, "; waiting for another `placid receive --resume ",
               stream_.name().text(), "`"));
  }
}

}  // namespace

TransferReport SendFrom(const TransferOptions& options, const Source& source,
                        std::uint64_t expected_bytes) {
  auto stream =
      Stream::Join(options.name, Side::kSender, CapacityOf(options),
                   expected_bytes, {.is_wanted = options.is_resumable});
  if (!stream) return {stream.outcome(), {}, 0};
  return Transfer(*std::move(stream), options).Send(source);
}

TransferReport ReceiveInto(const TransferOptions& options, const Sink& sink,
                           const std::function<Result<void>()>& finish) {
  auto stream =
      Stream::Join(options.name, Side::kReceiver, CapacityOf(options));
  if (!stream) return {stream.outcome(), {}, 0};
  return Transfer(*std::move(stream), options).Receive(sink, finish);
}

Outcome Send(const TransferOptions& options) {
  auto opened = OpenInput(options.file);
  if (!opened) return opened.outcome();
  File input = *std::move(opened);
  std::uint64_t expected = input.BytesLeft().value_or(options.most_bytes);
  expected = std::min(expected, options.most_bytes);
  std::uint64_t left = options.most_bytes;
  const Source source = [&](std::span<std::byte> to) -> Result<std::size_t> {
    to = to.first(
        static_cast<std::size_t>(std::min<std::uint64_t>(to.size(), left)));
    std::size_t filled = 0;
    bool is_end = false;
    // Where each piece takes the receiver a while, what is there at once goes
    // into one.
    while (filled < to.size() &&
           (filled == 0 || (options.is_resumable && input.HasMore()))) {
      const auto read = input.Read(to.subspan(filled));
      if (!read && filled == 0) return read;
      if (!read) break;  // the error comes again
      is_end = *read == 0;
      if (is_end) break;
      filled += *read;
    }
    left = is_end ? 0 : left - filled;
    return filled;
  };
  return SendFrom(options, source, expected).outcome;
}

namespace {

Outcome ReceiveResumable(const TransferOptions& options) {
  if (IsStandard(options.file)) {
    return {ExitCode::kUsage,
            "--resume needs a FILE that it can go on writing later"};
  }
  auto output = ResumableOutput::Open(options.file);
  if (!output) return output.outcome();
  const auto& record = output->record();
  Resumption resumption{.is_wanted = true};
  if (record) resumption.of = record->id;
  auto stream = Stream::Join(options.name, Side::kReceiver, CapacityOf(options),
                             StreamHeader::kUnknownBytes, resumption);
  if (stream) {
    return Transfer(*std::move(stream), options).ReceiveInto(*output).outcome;
  }
  // The one before us had done all but to remove its record.
  if (record && record->is_end) {
    output->RemoveRecord();
    return {ExitCode::kOk,
            Concat("'", options.file,
                   "' was complete already: ", FormatBytes(record->total.bytes),
                   "; CRC-32C ", FormatCrc(record->total.crc32c), " verified")};
  }
  output->Withdraw();
  return stream.outcome();
}

}  // namespace

Outcome Receive(const TransferOptions& options) {
  if (options.is_resumable) return ReceiveResumable(options);
  auto opened = OpenOutput(options.file);
  if (!opened) return opened.outcome();
  File output = *std::move(opened);
  // What was in the file stays in it until there is something new to come.
  auto stream =
      Stream::Join(options.name, Side::kReceiver, CapacityOf(options));
  if (!stream) {
    if (output.was_created()) RemoveFile(options.file);
    return stream.outcome();
  }
  bool is_empty = IsStandard(options.file);
  const auto empty = [&]() -> Result<void> {
    return std::exchange(is_empty, true) ? Ok() : output.Truncate();
  };
  const Sink sink = [&](std::span<const std::byte> from) -> Result<void> {
    if (auto emptied = empty(); !emptied) return emptied;
    return WriteAll(output, from);
  };
  const auto finish = [&]() -> Result<void> {
    auto emptied = empty();
    return emptied ? output.Close() : emptied;
  };
  return Transfer(*std::move(stream), options).Receive(sink, finish).outcome;
}

}  // namespace placid::cli
