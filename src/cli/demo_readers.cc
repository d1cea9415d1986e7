// SPDX-License-Identifier: Apache-2.0
//
// Acts 3 and 4: values that one process keeps up to date and ten read, from
// pages they cannot write: first in a seqlock with a writer in good health,
// then in a Latest whose writers are killed.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "cli/demo_stage.h"
#include "cli/system.h"
#include "cli/text.h"
#include "placid/base/fields.h"
#include "placid/base/result.h"
#include "placid/base/shared_bytes.h"
#include "placid/os/mapping.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/latest.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "placid/primitives/seqlock.h"

namespace placid::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

constexpr int kReaders = 10;
// No act takes as long: something is wedged.
constexpr auto kTooLong = std::chrono::seconds(20);

// Numbered values of which every word is the number: one that is torn shows two
// different words.
template <std::size_t kWords>
struct Numbered {
  std::array<std::uint64_t, kWords> words;

  void Set(std::uint64_t number) { words.fill(number); }
  [[nodiscard]] std::uint64_t number() const { return words.front(); }
  [[nodiscard]] bool IsTorn() const {
    return std::ranges::any_of(
        words, [this](std::uint64_t word) { return word != number(); });
  }
};

// 64 bytes; and 16 KiB, whose writer is inside Store most of the time.
using Small = Numbered<8>;
using Large = Numbered<2048>;
using SmallSeqlock = Seqlock<Small>;
using LargeLatest = Latest<Large>;

// ---- What helpers do --------------------------------------------------------

Result<os::Mapping> MapInput(os::Access access) {
  auto object = os::SharedObject::Adopt(File::StandardInput().handle(), access);
  if (!object) return object.error();
  return object->Map({.access = access});
}

// Stores numbered values for so long, goes on behind the last number, and makes
// the last one final.
template <typename Cell, typename Value>
int Write(Milliseconds duration) {
  const auto mapping = MapInput(os::Access::kReadWrite);
  if (!mapping) return 1;
  auto cell = Cell::Attach(mapping->bytes());
  if (!cell) return 1;
  // Whoever held the role was seen dead before we were started.
  const RoleHolder holder = cell->WriterHolder();
  auto writer = holder.is_free() ? cell->ClaimWriter()
                                 : cell->TakeOverWriter(AttestedDeath(holder));
  if (!writer) return 1;
  auto value = std::make_unique<Value>();
  std::uint64_t number = 0;
  if (cell->MakeReader().TryLoad(*value) == RingResult::kOk) {
    number = value->number();
  }
  const auto store = [&] {
    value->Set(++number);
    writer->Store(*value);
  };
  store();
  PrintLine("ready");
  const auto end = Clock::now() + duration;
  while (Clock::now() < end) {
    constexpr int kStoresPerLook = 16;
    for (int i = 0; i < kStoresPerLook; ++i) store();
  }
  std::move(*writer).Close();
  PrintReport({{"last_number", number}});
  return 0;
}

// Reads until the value is final.
template <typename Cell, typename Value>
int Read() {
  const auto mapping = MapInput(os::Access::kReadOnly);
  if (!mapping) return 1;
  auto reader = Cell::AttachReadOnly(mapping->bytes());
  if (!reader) return 1;
  PrintLine("ready");

  std::uint64_t reads = 0;
  std::uint64_t retries = 0;
  std::uint64_t torn = 0;
  std::uint64_t backwards = 0;
  std::uint64_t last = 0;
  auto value = std::make_unique<Value>();
  const auto end = Clock::now() + kTooLong;
  auto read_at = Clock::now();
  std::chrono::duration<double, std::milli> longest_gap{0};
  for (std::uint64_t n = 1;; ++n) {
    const bool is_final = reader->IsClosed();
    switch (reader->TryLoad(*value)) {
      case RingResult::kOk:
        ++reads;
        torn += value->IsTorn() ? 1 : 0;
        backwards += value->number() < last ? 1 : 0;
        last = value->number();
        break;
      case RingResult::kEmpty: break;
      case RingResult::kPending:
      case RingResult::kContended: ++retries; continue;
      default: return 1;
    }
    if (is_final) break;
    // Ten readers share the cores with the writer: let it run now and then.
    constexpr std::uint64_t kReadsPerTurn = 256;
    if (n % kReadsPerTurn == 0) {
      const auto now = Clock::now();
      if (now > end) return 1;
      if (last != 0) longest_gap = std::max(longest_gap, {now - read_at});
      read_at = now;
      std::this_thread::yield();
    }
  }
  PrintReport({{"reads", reads},
               {"retries", retries},
               {"torn", torn},
               {"backwards", backwards},
               {"last_number", last},
               {"longest_gap_ms", longest_gap.count()}});
  return 0;
}

// ---- What the acts have in common -------------------------------------------

// A cell in memory that nobody else can see, and its ten readers.
class Theatre {
 public:
  static Result<Theatre> Open(const char* reader_role, std::uint64_t bytes) {
    auto object = os::SharedObject::CreateAnonymous(bytes);
    if (!object) return object.error();
    auto mapping = object->Map();
    if (!mapping) return mapping.error();
    Theatre theatre(*std::move(object), *std::move(mapping));
    const File input = theatre.handle();
    for (int i = 0; i < kReaders; ++i) {
      auto reader = Helper::Start({reader_role}, &input);
      if (!reader) return reader.error();
      theatre.readers_.push_back(*std::move(reader));
    }
    for (Helper& reader : theatre.readers_) {
      if (reader.ReadLine() != "ready") {
        return Error{.code = ErrorCode::kPeerDied, .operation = "a reader"};
      }
    }
    return theatre;
  }

  Result<Helper> StartWriter(const char* role, Milliseconds duration) {
    const File input = handle();
    return Helper::Start({role, std::to_string(duration.count())}, &input);
  }

  // All readers' reports together, once the value is final.
  void Conclude(Stage& stage, std::uint64_t last_number) {
    std::uint64_t reads = 0;
    std::uint64_t retries = 0;
    std::uint64_t torn = 0;
    std::uint64_t backwards = 0;
    std::uint64_t finals = 0;
    double longest_gap_ms = 0;
    for (Helper& reader : readers_) {
      const Json report = reader.Report();
      if (report.is_null()) {
        stage.Fail("a reader was wedged or failed");
        continue;
      }
      reads += report["reads"].get<std::uint64_t>();
      retries += report["retries"].get<std::uint64_t>();
      torn += report["torn"].get<std::uint64_t>();
      backwards += report["backwards"].get<std::uint64_t>();
      finals += report["last_number"] == last_number ? 1 : 0;
      longest_gap_ms =
          std::max(longest_gap_ms, report["longest_gap_ms"].get<double>());
    }
    stage.facts.update({{"readers", kReaders},
                        {"stores", last_number},
                        {"reads", reads},
                        {"reads_given_up", retries},
                        {"torn", torn},
                        {"backwards", backwards},
                        {"readers_at_the_end", finals},
                        {"longest_gap_ms", longest_gap_ms}});
    stage.Print(Concat("     stores   ", FormatCount(last_number)));
    stage.Print(Concat("     reads    ", FormatCount(reads), " by ", kReaders,
                       " processes whose pages are read-only"));
    stage.Print(Concat("     torn     ", torn, ", out of order ", backwards,
                       ", disturbed and tried again ", FormatCount(retries)));
    stage.Print(Concat("     ", finals, " of ", kReaders,
                       " readers saw the very last value"));
    if (torn != 0) stage.Fail("a reader saw a torn value");
    if (backwards != 0) stage.Fail("a reader saw an older value after a newer");
    if (finals != kReaders) stage.Fail("a reader missed the last value");
    if (reads == 0) stage.Fail("nobody read anything");
  }

  [[nodiscard]] std::span<std::byte> bytes() const { return mapping_.bytes(); }

 private:
  Theatre(os::SharedObject object, os::Mapping mapping)
      : object_(std::move(object)), mapping_(std::move(mapping)) {}
  [[nodiscard]] File handle() const { return File::Borrow(object_.handle()); }

  os::SharedObject object_;
  os::Mapping mapping_;
  std::vector<Helper> readers_;
};

// Waits for the last writer and gives the number of its last value.
std::optional<std::uint64_t> LastNumber(Result<Helper> writer) {
  if (!writer) return std::nullopt;
  const Json report = writer->Report();
  if (report.is_null()) return std::nullopt;
  return report["last_number"].get<std::uint64_t>();
}

// Whether the cell that the next value goes into holds half of it.
bool IsHalfWritten(std::span<const std::byte> bytes, std::uint64_t newest) {
  constexpr std::uint64_t kCells = 4;
  const std::size_t at = LargeLatest::kCellsOffset +
                         (newest + 1) % kCells * sizeof(LargeLatest::Cell);
  auto value = std::make_unique<Large>();
  const SharedBytes cell(bytes.data() + at, sizeof(Large));
  cell.CopyOut(std::as_writable_bytes(std::span(value.get(), 1)));
  return value->IsTorn();
}

}  // namespace

void ShowReaders(Stage& stage) {
  constexpr Milliseconds kDuration{1000};
  stage.Print(
      "   64 bytes, written as fast as it goes; all words must be equal");
  auto theatre = Theatre::Open("read-seqlock", SmallSeqlock::SizeFor());
  if (!theatre) return stage.Fail("the readers could not be started");
  const auto last =
      LastNumber(theatre->StartWriter("write-seqlock", kDuration));
  if (!last) return stage.Fail("the writer failed");
  theatre->Conclude(stage, *last);
}

void ShowDeath(Stage& stage) {
  constexpr Milliseconds kBeforeDeath{200};
  constexpr Milliseconds kInterregnum{300};
  constexpr Milliseconds kLastReign{500};
  constexpr int kMostDeaths = 8;
  stage.Print(
      "   16 KiB that always have a newest whole value, whoever dies when");
  auto theatre = Theatre::Open("read-latest", LargeLatest::SizeFor());
  if (!theatre) return stage.Fail("the readers could not be started");

  // Killed wherever they stand: until one was caught with half a value written.
  int deaths = 0;
  bool was_half_way = false;
  std::uint64_t number = 0;
  auto latest = LargeLatest::Attach(theatre->bytes());
  if (!latest) return stage.Fail("the value could not be attached to");
  auto reader = latest->MakeReader();
  auto value = std::make_unique<Large>();
  while (deaths < kMostDeaths && !was_half_way) {
    auto writer = theatre->StartWriter("write-latest", kTooLong);
    if (!writer || writer->ReadLine() != "ready") {
      return stage.Fail("a writer could not be started");
    }
    std::this_thread::sleep_for(kBeforeDeath);
    writer->Kill();
    ++deaths;
    if (reader.TryLoad(*value) != RingResult::kOk || value->IsTorn() ||
        value->number() <= number) {
      return stage.Fail("after the death there is no whole new value");
    }
    number = value->number();
    was_half_way = IsHalfWritten(theatre->bytes(), reader.Version());
  }
  std::this_thread::sleep_for(kInterregnum);
  stage.Print(
      Concat("     killed   ", deaths,
             deaths == 1 ? " writer, " : " writers, the last ",
             was_half_way ? "half-way through a value" : "between two values"));
  stage.Print(
      Concat("              the readers go on with the last whole one, ",
             "number ", FormatCount(number)));
  const auto last =
      LastNumber(theatre->StartWriter("write-latest", kLastReign));
  if (!last) return stage.Fail("the successor failed");
  if (*last <= number) stage.Fail("the successor did not go on");
  stage.Print("              a successor takes over and goes on from there");
  stage.facts.update({{"writers_killed", deaths},
                      {"killed_half_way", was_half_way},
                      {"last_number_of_the_dead", number}});
  theatre->Conclude(stage, *last);
}

std::optional<int> HelpReaders(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return std::nullopt;
  const std::string& role = arguments[0];
  if (role == "read-seqlock") return Read<SmallSeqlock, Small>();
  if (role == "read-latest") return Read<LargeLatest, Large>();
  if (arguments.size() != 2) return std::nullopt;
  const Milliseconds duration(std::atoi(arguments[1].c_str()));
  if (role == "write-seqlock") return Write<SmallSeqlock, Small>(duration);
  if (role == "write-latest") return Write<LargeLatest, Large>(duration);
  return std::nullopt;
}

}  // namespace placid::cli
