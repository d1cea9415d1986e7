// SPDX-License-Identifier: Apache-2.0
#include "cli/transfer.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cli/attendant.h"
#include "cli/crc32c.h"
#include "cli/idle.h"
#include "cli/outcome.h"
#include "cli/progress.h"
#include "cli/stream.h"
#include "cli/stream_header.h"
#include "cli/system.h"
#include "cli/text.h"
#include "placid/base/result.h"
#include "placid/base/shared_bytes.h"
#include "placid/os/process.h"
#include "placid/primitives/consumer_pace.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/spsc_byte_ring.h"

namespace placid::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Total = StreamHeader::Total;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A piece is read, summed and written while it is in the second-level cache. It
// and the header of its record tile the ring: no padding.
std::size_t PieceBytes(std::uint64_t capacity) {
  constexpr std::uint64_t kMost = std::uint64_t{256} << 10;
  return static_cast<std::size_t>(std::min(capacity / 4, kMost) -
                                  SpscByteRing::kHeaderBytes);
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

 private:
  Outcome MoveFrom(const Source& source, SpscByteRing::Producer& producer);
  Outcome MoveInto(const Sink& sink, SpscByteRing::Consumer& consumer);
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
  static Outcome Contradiction() {
    return {ExitCode::kDamaged,
            "the shared memory contradicts itself: something else wrote to it"};
  }

  // The attendant's thread.
  [[noreturn]] void EndHere(News news);
  void Announce(News news);

  Stream stream_;
  Progress progress_;
  Total total_;
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
    outcome = WaitForVerdict();
  }
  return Conclude(std::move(outcome));
}

Outcome Transfer::MoveFrom(const Source& source,
                           SpscByteRing::Producer& producer) {
  const std::size_t piece = PieceBytes(stream_.ring().capacity());
  Idle idle;
  for (;;) {
    if (const News news = attendant_.news(); news != News::kNone) {
      return OutcomeOf(news, total_.bytes);
    }
    std::span<std::byte> room;
    const RingResult reserved = producer.TryReserve(piece, room);
    StartClock();
    if (reserved == RingResult::kFull) {
      idle.Wait();
      continue;
    }
    if (reserved != RingResult::kOk) return Contradiction();
    idle.Reset();
    const auto read = attendant_.Blocking([&] { return source(room); });
    if (!read && read.error().code == ErrorCode::kBusy) continue;  // a signal
    if (!read) return InputOutput("cannot read the input", read.error());
    if (*read == 0) return {};
    // The receiver could write here too: then it fools itself.
    Add(room.first(*read));
    producer.Commit(*read);
  }
}

Outcome Transfer::WaitForVerdict() {
  Idle idle;
  for (;;) {
    // The news first: a receiver says how it ended before it is gone.
    const News news = attendant_.news();
    const StreamState receiver = stream_.header().State(Side::kReceiver);
    if (receiver == StreamState::kComplete) {
      return stream_.header().TotalOf(Side::kReceiver) == total_
                 ? Outcome{}
                 : Contradiction();
    }
    if (HasGivenUp(receiver)) return PeerGaveUp(total_.bytes);
    if (news != News::kNone) return OutcomeOf(news, total_.bytes);
    StartClock();
    idle.Wait();
  }
}

TransferReport Transfer::Receive(const Sink& sink,
                                 const std::function<Result<void>()>& finish) {
  auto consumer = stream_.ring().ClaimConsumer(Pace::kStreaming);
  if (!consumer) return Conclude(Contradiction());
  Outcome outcome = MoveInto(sink, *consumer);
  if (outcome.is_ok()) outcome = Verify(finish);
  return Conclude(std::move(outcome));
}

Outcome Transfer::MoveInto(const Sink& sink, SpscByteRing::Consumer& consumer) {
  Idle idle;
  for (;;) {
    // The news first: what a sender had committed before it was gone is seen
    // behind them.
    const News news = attendant_.news();
    if (news == News::kInterrupted) return OutcomeOf(news, total_.bytes);
    SharedBytes record;
    switch (consumer.TryFront(record)) {
      case RingResult::kOk: break;
      case RingResult::kClosed: return {};
      case RingResult::kEmpty:
        if (news != News::kNone) return OutcomeOf(news, total_.bytes);
        idle.Wait();
        continue;
      default: return Contradiction();
    }
    idle.Reset();
    StartClock();
    // A sender that changes the bytes between the sum and the write deceives us
    // no more than one that sends the wrong ones at once.
    const std::span<const std::byte> bytes = record.TrustPeer();
    Add(bytes);
    const auto written = attendant_.Blocking([&] { return sink(bytes); });
    if (!written) {
      // The attendant may not have seen the signal yet that ended the write.
      return written.error().code == ErrorCode::kBusy
                 ? OutcomeOf(News::kInterrupted, total_.bytes)
                 : InputOutput("cannot write the output", written.error());
    }
  }
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
  stream_.header().SetTotal(Side::kReceiver, total_);
  return {};
}

TransferReport Transfer::Conclude(Outcome outcome) {
  const double seconds = SecondsSince(started_);
  stream_.header().SetState(stream_.side(), StateAfter(outcome.code));
  attendant_.Stop();
  stream_.Leave(StateAfter(outcome.code));
  const char* done = stream_.side() == Side::kSender ? "sent " : "received ";
  progress_.End(outcome.is_ok()
                    ? Concat(done, FormatBytes(total_.bytes), " in ",
                             FormatSeconds(seconds), ", ",
                             FormatRate(static_cast<double>(total_.bytes) /
                                        std::max(seconds, 1e-9)),
                             "; CRC-32C ", FormatCrc(total_.crc32c),
                             " verified")
                    : "");
  return {std::move(outcome), total_, seconds};
}

Outcome Transfer::OutcomeOf(News news, std::uint64_t moved) const {
  switch (news) {
    case News::kInterrupted:
      return {ExitCode::kInterrupted, Concat("interrupted", Kept(moved))};
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
  PrintMessage("receive",
               Concat(Peer(), news == News::kPeerDied ? " died" : " has left",
                      "; writing what has arrived"));
}

// ---- Files ------------------------------------------------------------------

bool IsStandard(const std::string& file) { return file.empty() || file == "-"; }

Outcome CannotOpen(const std::string& file, const Error& error) {
  return InputOutput(Concat("cannot open '", file, "'"), error);
}

}  // namespace

TransferReport SendFrom(const TransferOptions& options, const Source& source,
                        std::uint64_t expected_bytes) {
  auto stream = Stream::Join(options.name, Side::kSender, options.capacity,
                             expected_bytes);
  if (!stream) return {stream.outcome(), {}, 0};
  return Transfer(*std::move(stream), options).Send(source);
}

TransferReport ReceiveInto(const TransferOptions& options, const Sink& sink,
                           const std::function<Result<void>()>& finish) {
  auto stream = Stream::Join(options.name, Side::kReceiver, options.capacity);
  if (!stream) return {stream.outcome(), {}, 0};
  return Transfer(*std::move(stream), options).Receive(sink, finish);
}

Outcome Send(const TransferOptions& options) {
  File input = File::StandardInput();
  if (!IsStandard(options.file)) {
    auto opened = File::OpenToRead(options.file);
    if (!opened) return CannotOpen(options.file, opened.error());
    input = *std::move(opened);
  }
  std::uint64_t expected = input.BytesLeft().value_or(options.most_bytes);
  expected = std::min(expected, options.most_bytes);
  std::uint64_t left = options.most_bytes;
  const Source source = [&](std::span<std::byte> to) -> Result<std::size_t> {
    const auto most =
        static_cast<std::size_t>(std::min<std::uint64_t>(to.size(), left));
    if (most == 0) return std::size_t{0};
    auto read = input.Read(to.first(most));
    if (read) left -= *read;
    return read;
  };
  return SendFrom(options, source, expected).outcome;
}

Outcome Receive(const TransferOptions& options) {
  File output = File::StandardOutput();
  if (!IsStandard(options.file)) {
    auto opened = File::OpenToWrite(options.file);
    if (!opened) return CannotOpen(options.file, opened.error());
    output = *std::move(opened);
  }
  // What was in the file stays in it until there is something new to come.
  auto stream = Stream::Join(options.name, Side::kReceiver, options.capacity);
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
    while (!from.empty()) {
      const auto written = output.Write(from);
      if (written) {
        from = from.subspan(*written);
      } else if (written.error().code != ErrorCode::kBusy || WasInterrupted()) {
        return written.error();
      }
    }
    return Ok();
  };
  const auto finish = [&]() -> Result<void> {
    auto emptied = empty();
    return emptied ? output.Close() : emptied;
  };
  return Transfer(*std::move(stream), options).Receive(sink, finish).outcome;
}

}  // namespace placid::cli
