// SPDX-License-Identifier: Apache-2.0
//
// Act 2: rings beside what the kernel offers, in the same run: how many bytes
// pass in messages of 1 KiB, and how long a message of 64 bytes takes there and
// back.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "cli/crc32c.h"
#include "cli/demo_stage.h"
#include "cli/stream_header.h"
#include "cli/system.h"
#include "cli/text.h"
#include "placid/base/atomic.h"
#include "placid/base/result.h"
#include "placid/base/shared_bytes.h"
#include "placid/os/mapping.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/pace.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/spsc_byte_ring.h"

namespace placid::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Total = StreamHeader::Total;
using Message = std::array<std::byte, 1024>;
using Ping = std::array<std::byte, 64>;

constexpr auto kStreaming = std::chrono::milliseconds(700);
constexpr auto kPinging = std::chrono::milliseconds(700);
constexpr std::size_t kMostTrips = 200'000;
constexpr std::size_t kWarmUpTrips = 100;

double SecondsBetween(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Spins, but lets others run where there are fewer cores than spinners.
class Spin {
 public:
  // Spins for `peer`; nullptr: for who kills us when it dies.
  explicit Spin(os::ProcessWatch* peer) : peer_(peer) {}

  // False once the peer is dead.
  bool Wait() {
    constexpr std::uint32_t kPausesPerYield = 256;
    constexpr std::uint32_t kPausesPerLook = 16 * kPausesPerYield;
    machine::Pause();
    if (++pauses_ % kPausesPerYield == 0) std::this_thread::yield();
    return pauses_ % kPausesPerLook != 0 || peer_ == nullptr ||
           peer_->Poll() != os::Liveness::kDead;
  }

 private:
  os::ProcessWatch* peer_;
  std::uint32_t pauses_ = 0;
};

Result<os::ProcessWatch> Watch(std::uint64_t pid) {
  return os::IdentifyProcess(pid).and_then(os::ProcessWatch::Open);
}

// Two rings in one shared object: there and back.
class RingPair {
 public:
  static constexpr std::uint64_t kCapacity = std::uint64_t{1} << 20;
  static constexpr std::uint64_t kRingBytes =
      os::RoundUpToGranule(SpscByteRing::SizeFor(kCapacity));

  static Result<RingPair> Create() {
    auto object = os::SharedObject::CreateAnonymous(2 * kRingBytes);
    if (!object) return object.error();
    return Open(*std::move(object), [](std::span<std::byte> bytes) {
      return SpscByteRing::Create(bytes, kCapacity);
    });
  }
  // Takes the object that came as standard input.
  static Result<RingPair> Adopt() {
    auto object = os::SharedObject::Adopt(
        File::StandardInput().handle(), os::Access::kReadWrite, 2 * kRingBytes);
    if (!object) return object.error();
    return Open(*std::move(object), SpscByteRing::Attach);
  }

  [[nodiscard]] const SpscByteRing& there() const { return there_; }
  [[nodiscard]] const SpscByteRing& back() const { return back_; }
  [[nodiscard]] File handle() const { return File::Borrow(object_.handle()); }

 private:
  using Opener = Result<SpscByteRing> (*)(std::span<std::byte>);

  RingPair(os::SharedObject object, os::Mapping mapping, SpscByteRing there,
           SpscByteRing back)
      : object_(std::move(object)),
        mapping_(std::move(mapping)),
        there_(there),
        back_(back) {}

  static Result<RingPair> Open(os::SharedObject object, Opener open) {
    auto mapping = object.Map({.prefault = true});
    if (!mapping) return mapping.error();
    auto there = open(mapping->bytes().first(kRingBytes));
    auto back = open(mapping->bytes().subspan(kRingBytes));
    if (!there) return there.error();
    if (!back) return back.error();
    return RingPair(std::move(object), *std::move(mapping), *there, *back);
  }

  os::SharedObject object_;
  os::Mapping mapping_;
  SpscByteRing there_;
  SpscByteRing back_;
};

// ---- How one message goes, whatever carries it ------------------------------

// False: it cannot, and never will.
using SendMessage = std::function<bool(std::span<const std::byte>)>;
using ReceiveMessage = std::function<bool(std::span<std::byte>)>;

bool Push(SpscByteRing::Producer& producer, std::span<const std::byte> message,
          os::ProcessWatch* peer = nullptr) {
  Spin spin(peer);
  RingResult result = producer.TryPush(message);
  while (result == RingResult::kFull && spin.Wait()) {
    result = producer.TryPush(message);
  }
  return result == RingResult::kOk;
}

bool Pop(SpscByteRing::Consumer& consumer, SharedBytes& message,
         os::ProcessWatch* peer = nullptr) {
  Spin spin(peer);
  RingResult result = consumer.TryFront(message);
  while (result == RingResult::kEmpty && spin.Wait()) {
    result = consumer.TryFront(message);
  }
  return result == RingResult::kOk;
}

bool WriteAll(File& file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::size_t n = file.Write(bytes).value_or(0);
    if (n == 0) return false;
    bytes = bytes.subspan(n);
  }
  return true;
}

bool ReadAll(File& file, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const std::size_t n = file.Read(bytes).value_or(0);
    if (n == 0) return false;
    bytes = bytes.subspan(n);
  }
  return true;
}

// ---- Throughput -------------------------------------------------------------

void Add(Total& total, std::span<const std::byte> bytes) {
  total.bytes += bytes.size();
  total.crc32c = ExtendCrc32c(total.crc32c, bytes);
}

Json JsonOf(const Total& total) {
  return {{"bytes", total.bytes}, {"crc32c", total.crc32c}};
}

int SinkOfRing() {
  auto rings = RingPair::Adopt();
  if (!rings) return 1;
  auto consumer = rings->there().ClaimConsumer(Pace::kStreaming);
  if (!consumer) return 1;
  PrintLine("ready");
  Total total;
  SharedBytes message;
  while (Pop(*consumer, message)) Add(total, message.TrustPeer());
  PrintReport(JsonOf(total));
  return 0;
}

int SinkOfFile() {
  File input = File::StandardInput();
  PrintLine("ready");
  Total total;
  std::vector<std::byte> buffer(std::size_t{64} << 10);
  for (;;) {
    const auto read = input.Read(buffer);
    if (!read) return 1;
    if (*read == 0) break;
    Add(total, std::span(buffer).first(*read));
  }
  PrintReport(JsonOf(total));
  return 0;
}

// Sends numbered messages for a while; bytes per second until the other side
// has counted them all, nullopt if it counted something else.
std::optional<double> Stream(Helper& sink, const SendMessage& send,
                             const std::function<void()>& close) {
  if (sink.ReadLine() != "ready") return std::nullopt;
  Message message{};
  Total sent;
  const auto start = Clock::now();
  for (std::uint64_t n = 0;; ++n) {
    constexpr std::uint64_t kMessagesPerLook = 256;
    if (n % kMessagesPerLook == 0 && Clock::now() - start > kStreaming) break;
    std::memcpy(message.data(), &n, sizeof(n));
    if (!send(message)) return std::nullopt;
    Add(sent, message);
  }
  close();
  const Json received = sink.Report();
  const double seconds = SecondsBetween(start, Clock::now());
  if (received != JsonOf(sent)) return std::nullopt;
  return static_cast<double>(sent.bytes) / seconds;
}

std::optional<double> StreamThroughRing() {
  auto rings = RingPair::Create();
  if (!rings) return std::nullopt;
  auto producer = *rings->there().ClaimProducer();  // ours alone so far
  const File input = rings->handle();
  auto sink = Helper::Start({"sink-of-ring"}, &input);
  if (!sink) return std::nullopt;
  auto watch = Watch(sink->pid());
  if (!watch) return std::nullopt;
  return Stream(
      *sink,
      [&](std::span<const std::byte> message) {
        return Push(producer, message, &*watch);
      },
      [&] { producer.Close(); });
}

std::optional<double> StreamThrough(Result<std::pair<File, File>> ends) {
  if (!ends) return std::nullopt;
  auto sink = Helper::Start({"sink-of-file"}, &ends->first);
  if (!sink) return std::nullopt;
  ends->first = File();
  return Stream(
      *sink,
      [&](std::span<const std::byte> message) {
        return WriteAll(ends->second, message);
      },
      [&] { ends->second = File(); });
}

// ---- Round trips ------------------------------------------------------------

struct RoundTrips {
  double p50_us = 0;
  double p99_us = 0;
  std::size_t count = 0;
};

// Each of the two that spin has a core of its own. A system may well leave them
// on one, where they pass it to and fro: they look busy, not waiting.
constexpr unsigned kPingCore = 0;
constexpr unsigned kEchoCore = 1;

// An echo goes on until it is killed, or has no more to read.
int EchoOfRing() {
  StayOnCore(kEchoCore);
  auto rings = RingPair::Adopt();
  if (!rings) return 1;
  auto consumer = rings->there().ClaimConsumer();
  auto producer = rings->back().ClaimProducer();
  if (!consumer || !producer) return 1;
  SharedBytes message;
  while (Pop(*consumer, message)) {
    if (!Push(*producer, message.TrustPeer())) return 1;
  }
  return 0;
}

int EchoOfFile() {
  File input = File::StandardInput();
  File output = File::StandardOutput();
  Ping ping;
  while (ReadAll(input, ping)) {
    if (!WriteAll(output, ping)) return 1;
  }
  return 0;
}

// nullopt: something else came back than was sent.
std::optional<RoundTrips> PingPong(const SendMessage& send,
                                   const ReceiveMessage& receive) {
  std::vector<double> trips;
  trips.reserve(kMostTrips);
  const auto end = Clock::now() + kPinging;
  Ping ping{};
  Ping pong{};
  for (std::uint64_t n = 0; trips.size() < kMostTrips; ++n) {
    std::memcpy(ping.data(), &n, sizeof(n));
    const auto start = Clock::now();
    if (!send(ping) || !receive(pong) || ping != pong) return std::nullopt;
    const auto now = Clock::now();
    if (n >= kWarmUpTrips) trips.push_back(SecondsBetween(start, now) * 1e6);
    if (n > 2 * kWarmUpTrips && now > end) break;
  }
  const auto percentile = [&trips](std::size_t percent) {
    const auto at = trips.begin() +
                    static_cast<std::ptrdiff_t>(trips.size() * percent / 100);
    std::nth_element(trips.begin(), at, trips.end());
    return *at;
  };
  return RoundTrips{percentile(50), percentile(99), trips.size()};
}

std::optional<RoundTrips> PingPongThroughRings() {
  auto rings = RingPair::Create();
  if (!rings) return std::nullopt;
  auto producer = *rings->there().ClaimProducer();  // ours alone so far
  auto consumer = *rings->back().ClaimConsumer();
  const File input = rings->handle();
  auto echo = Child::Start(HelperArguments({"echo-of-ring"}), &input, nullptr);
  if (!echo) return std::nullopt;
  auto watch = Watch(echo->pid());
  if (!watch) return std::nullopt;
  std::optional<RoundTrips> trips;
  std::thread([&] {
    StayOnCore(kPingCore);
    trips = PingPong(
        [&](std::span<const std::byte> ping) {
          return Push(producer, ping, &*watch);
        },
        [&](std::span<std::byte> pong) {
          SharedBytes message;
          return Pop(consumer, message, &*watch) &&
                 message.CopyOut(pong) == pong.size();
        });
  }).join();
  return trips;
}

std::optional<RoundTrips> PingPongThroughFiles(File& to, File& from) {
  return PingPong(
      [&](std::span<const std::byte> ping) { return WriteAll(to, ping); },
      [&](std::span<std::byte> pong) { return ReadAll(from, pong); });
}

std::optional<RoundTrips> PingPongThroughPipes() {
  auto there = File::MakePipe();
  auto back = File::MakePipe();
  if (!there || !back) return std::nullopt;
  auto echo = Child::Start(HelperArguments({"echo-of-file"}), &there->first,
                           &back->second);
  if (!echo) return std::nullopt;
  there->first = File();
  back->second = File();
  return PingPongThroughFiles(there->second, back->first);
}

std::optional<RoundTrips> PingPongThroughSocket() {
  auto ends = File::MakeSocketPair();
  if (!ends) return std::nullopt;
  auto echo = Child::Start(HelperArguments({"echo-of-file"}), &ends->first,
                           &ends->first);
  if (!echo) return std::nullopt;
  ends->first = File();
  return PingPongThroughFiles(ends->second, ends->second);
}

// ---- The table --------------------------------------------------------------

struct Row {
  const char* key;
  const char* name;
  const char* how;
  std::optional<double> bytes_per_second;
  std::optional<RoundTrips> trips;
};

void Note(Stage& stage, const Row& row, const Row& pipe) {
  if (!row.bytes_per_second || !row.trips) {
    return stage.Fail(Concat("not all messages came through the ", row.name));
  }
  stage.facts[row.key] = {{"waits_by", row.how},
                          {"bytes_per_second", *row.bytes_per_second},
                          {"round_trip_p50_us", row.trips->p50_us},
                          {"round_trip_p99_us", row.trips->p99_us},
                          {"round_trips", row.trips->count}};
  stage.Print(
      absl::StrFormat("     %-13s%-11s%10s %6.1f x%10.2f us%10.2f us", row.name,
                      row.how, FormatRate(*row.bytes_per_second),
                      *row.bytes_per_second / pipe.bytes_per_second.value_or(1),
                      row.trips->p50_us, row.trips->p99_us));
}

}  // namespace

void ShowRings(Stage& stage) {
  stage.Print(
      "                             1 KiB messages          64-byte round "
      "trips");
  stage.Print(
      "                  waits by   bytes passed            median        99 "
      "%");
  const Row pipe{"pipe", "pipe", "sleeping", StreamThrough(File::MakePipe()),
                 PingPongThroughPipes()};
  const Row ring{"ring", "placid ring", "spinning", StreamThroughRing(),
                 PingPongThroughRings()};
  Note(stage, ring, pipe);
  Note(stage, pipe, pipe);
  const auto has_sockets = File::MakeSocketPair();
  if (has_sockets || has_sockets.error().code != ErrorCode::kUnsupported) {
    const Row socket{"unix_socket", "Unix socket", "sleeping",
                     StreamThrough(File::MakeSocketPair()),
                     PingPongThroughSocket()};
    Note(stage, socket, pipe);
  }
  stage.Print(
      "   Both sides of a ring spin: no system call, a core each. A pipe");
  stage.Print(
      "   sleeps and is woken by the kernel. Every message was checked.");
}

std::optional<int> HelpRings(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1) return std::nullopt;
  if (arguments[0] == "sink-of-ring") return SinkOfRing();
  if (arguments[0] == "sink-of-file") return SinkOfFile();
  if (arguments[0] == "echo-of-ring") return EchoOfRing();
  if (arguments[0] == "echo-of-file") return EchoOfFile();
  return std::nullopt;
}

}  // namespace placid::cli
