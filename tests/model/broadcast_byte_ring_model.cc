// SPDX-License-Identifier: Apache-2.0
//
// BroadcastByteRing: each reader is given each record whole and in order, or
// told that it lost it, across the padding at the end of data, whoever died.
//
// The ring has 256 bytes, of which a record of the two words n and ~n takes 32:
// seven fit, and the eighth makes room. Behind an empty one seven fit too, and
// before the eighth there is padding.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "placid/primitives/broadcast_byte_ring.h"
#include "tests/model/model.h"

namespace placid::model {
namespace {

constexpr std::uint64_t kCapacity = 256;
using Ring = BroadcastByteRing;
using Record = std::array<std::uint64_t, 2>;

struct Plan {
  std::uint64_t before = 7;   // records written in set-up
  std::uint64_t records = 9;  // in all
  bool is_shifted = false;    // the first of them is empty
  bool stages = false;        // and publishes all at once
  bool peeks = false;
  bool closes = false;
  StartAt again = StartAt::kOldest;
};

class Client {
 public:
  explicit Client(const Plan& plan) : plan_(plan) {}

  void SetUp() {
    bytes_ = {};
    ring_ = *Ring::Create(bytes_.bytes, kCapacity);
    written_ = 0;
    auto writer = ring_.ClaimWriter();
    if (plan_.is_shifted) {
      Check(writer->TryPush({}) == RingResult::kOk, "an empty record fits");
      ++written_;
    }
    Push(*writer, plan_.before);
    start_ = ring_.MakeReader(StartAt::kOldest, plan_.again);
  }

  // ---- Writing

  void Write(std::uint64_t up_to) {
    auto writer = ring_.ClaimWriter();
    while (!writer) {
      Pause();
      writer = ring_.ClaimWriter();
    }
    Push(*writer, up_to);
    if (plan_.closes) std::move(*writer).Close();
  }

  void WriteAfter(int dead, std::uint64_t up_to) {
    if (!AwaitEnd(dead)) return;
    const RoleHolder holder = ring_.WriterHolder();
    auto writer = holder.is_free()
                      ? ring_.ClaimWriter()
                      : ring_.TakeOverWriter(AttestedDeath(holder));
    if (!writer) {
      Check(writer.error().code == ErrorCode::kClosed && plan_.closes,
            "the dead one's role can be had");
      return See("the dead one had closed");
    }
    See("a writer took over");
    // The dead one may have written what it did not live to note, and noted what
    // it did not live to publish.
    Check(writer->number() >= written_ || plan_.stages,
          "what was written is there");
    written_ = writer->number();
    Push(*writer, up_to);
    if (plan_.closes) std::move(*writer).Close();
  }

  void Push(Ring::Writer& writer, std::uint64_t up_to) {
    while (written_ < up_to) {
      const Record record = RecordOf(written_);
      const auto bytes = std::as_bytes(std::span(record));
      if (plan_.stages && IsModelled()) {
        std::span<std::byte> payload;
        Check(writer.TryReserve(bytes.size(), payload) == RingResult::kOk,
              "there is always room");
        machine::RacyCopyIn(payload.data(), bytes.data(), bytes.size());
        Check(writer.Stage(bytes.size()), "what was reserved can be staged");
      } else {
        Check(writer.TryPush(bytes) == RingResult::kOk, "there is always room");
      }
      ++written_;
      if (IsModelled()) CountOperation();
    }
    writer.Publish();
  }

  // ---- Reading

  void Read(int times) {
    auto reader = start_;
    for (int i = 0; i < times; ++i) (void)ReadOnce(reader);
  }
  void Join(StartAt first) {
    auto reader = ring_.MakeReader(first, plan_.again);
    Check(reader.number() <= plan_.records,
          "a reader begins within what was written");
    (void)ReadOnce(reader);
  }
  void ReadToTheEnd() {
    auto reader = start_;
    for (;;) {
      const RingResult result = ReadOnce(reader);
      if (result == RingResult::kClosed) break;
      if (result == RingResult::kEmpty) Pause();
    }
    Check(reader.number() == plan_.records, "all was read or lost");
  }
  // When the writer is no more.
  void LookAfter(int dead) {
    const bool is_dead = AwaitEnd(dead);
    auto oldest = ring_.MakeReader(StartAt::kOldest);
    const std::uint64_t first = oldest.number();
    while (ReadOnce(oldest) == RingResult::kOk) {
    }
    const std::uint64_t end = oldest.number();
    Check(end == written_ || (is_dead && end == written_ + 1),
          "what was written last is read");
    Check(is_dead || ring_.MakeReader(StartAt::kNewest).number() == end - 1,
          "the newest is the last");
    const std::uint64_t middle = ring_.MakeReader(StartAt::kMiddle).number();
    Check(is_dead || (middle > first && middle < end - 1),
          "the middle is between");
    Check(ring_.MakeReader(StartAt::kNext).number() == end, "what comes next");
  }

  Program MakeProgram(std::vector<ThreadSpec> threads) {
    Program program;
    program.set_up = [this] { SetUp(); };
    program.threads = std::move(threads);
    program.regions = {{"ring", &bytes_, sizeof(bytes_)}};
    return program;
  }
  std::uint64_t records() const { return plan_.records; }

 private:
  static Record RecordOf(std::uint64_t n) { return {n, ~n}; }

  RingResult ReadOnce(Ring::Reader& reader) {
    const std::uint64_t before = reader.number();
    Record record{};
    std::size_t length = 0;
    std::uint64_t lost = 0;
    bool is_whole = true;
    RingResult result = RingResult::kOk;
    const auto to = std::as_writable_bytes(std::span(record));
    if (plan_.peeks) {
      SharedBytes shared;
      result = reader.TryPeek(shared, lost);
      length = shared.CopyOut(to);
      is_whole = reader.Validate();
      if (!is_whole) See("overwritten while it was looked at");
    } else {
      result = reader.TryRead(to, length, lost);
    }
    CountOperation();
    See(std::string(ToString(result)));
    if (lost > 0) See("lost");
    if (result != RingResult::kOk) {
      Check(result != RingResult::kCorrupt, "nothing is corrupt");
      Check(lost == 0 || result == RingResult::kClosed,
            "what was lost is told with the next record");
      return result;
    }
    if (!is_whole) return result;
    const std::uint64_t number = before + lost;
    Check(reader.number() == number + 1, "one was read");
    if (plan_.is_shifted && number == 0) {
      Check(length == 0, "the first is empty");
      return result;
    }
    Check(length == sizeof(Record), "it has its length");
    Check(record[1] == ~record[0], "the record is whole");
    Check(record[0] == number, "it is the next after those that were lost");
    return result;
  }

  struct alignas(kLineBytes) Bytes {
    std::array<std::byte, Ring::SizeFor(kCapacity)> bytes;
  };
  Bytes bytes_{};
  Ring ring_ = *Ring::Create(bytes_.bytes, kCapacity);
  Ring::Reader start_ = ring_.MakeReader();
  Plan plan_;
  std::uint64_t written_ = 0;
};

Client* NewClient(const Plan& plan) {
  static std::unique_ptr<Client> client;
  client = std::make_unique<Client>(plan);
  return client.get();
}

Program Pair(const Plan& plan, int reads) {
  Client* c = NewClient(plan);
  return c->MakeProgram({{"writer", [c] { c->Write(c->records()); }},
                         {"reader", [c, reads] { c->Read(reads); }}});
}

Model Of(const char* name, Program (*program)(), Options options,
         std::vector<std::string> must_see) {
  return {.type = "BroadcastByteRing",
          .header = "primitives/broadcast_byte_ring.h",
          .name = name,
          .program = program,
          .options = options,
          .must_see = std::move(must_see)};
}

const Registration kPair(Of(
    "RecordsAreReadOrLost", [] { return Pair({}, 2); }, {}, {"ok", "lost"}));
const Registration kPadding(Of(
    "PaddingIsSkipped",
    [] {
      return Pair({.before = 8, .records = 10, .is_shifted = true}, 2);
    },
    {}, {"ok", "lost"}));
const Registration kFromMiddle(Of(
    "LappedReaderGoesOnInTheMiddle",
    [] { return Pair({.again = StartAt::kMiddle}, 2); }, {}, {"ok", "lost"}));
const Registration kFromNewest(Of(
    "LappedReaderGoesOnWithTheNewest",
    [] { return Pair({.again = StartAt::kNewest}, 2); }, {}, {"ok", "lost"}));
const Registration kEmptyAtFirst(Of(
    "TheFirstRecordsAreSeenWhole",
    [] { return Pair({.before = 0, .records = 2}, 3); }, {}, {"ok", "empty"}));
const Registration kStaged(Of(
    "StagedRecordsAreSeenTogether",
    [] {
      return Pair({.before = 6, .records = 8, .stages = true}, 2);
    },
    {}, {"ok"}));
const Registration kPeeked(Of(
    "PeekedRecordsAreValidated", [] { return Pair({.peeks = true}, 2); }, {},
    {"ok", "lost", "overwritten while it was looked at"}));
const Registration kCloses(Of(
    "AllIsReadOrLostBeforeClosed",
    [] {
      Client* c = NewClient({.before = 0, .records = 2, .closes = true});
      return c->MakeProgram({{"writer", [c] { c->Write(2); }},
                             {"reader", [c] { c->ReadToTheEnd(); }}});
    },
    {}, {"ok", "closed"}));
const Registration kJoins(Of(
    "ReadersJoinWhileItWrites",
    [] {
      Client* c = NewClient({});
      return c->MakeProgram({{"writer", [c] { c->Write(9); }},
                             {"reader", [c] {
                                c->Join(static_cast<StartAt>(ChooseOne(4)));
                              }}});
    },
    {}, {"ok"}));
// The oldest is then past the first tail.
const Registration kJoinsLap(Of(
    "ReadersJoinInTheCourseOfALap",
    [] {
      Client* c = NewClient({.before = 0, .records = 8});
      return c->MakeProgram({{"writer", [c] { c->Write(8); }},
                             {"reader", [c] { c->Join(StartAt::kOldest); }}});
    },
    {}, {"ok", "empty"}));
const Registration kDies(Of(
    "DeadWriterLeavesWholeRecords",
    [] {
      Client* c = NewClient({.before = 8, .records = 10, .is_shifted = true});
      return c->MakeProgram({{"writer", [c] { c->Write(10); }, true},
                             {"reader", [c] {
                                c->Read(1);
                                c->LookAfter(0);
                              }}});
    },
    {.deaths = 1}, {"ok"}));
const Registration kSucceeded(Of(
    "SuccessorGoesOn",
    [] {
      Client* c = NewClient({});
      return c->MakeProgram({{"writer", [c] { c->Write(8); }, true},
                             {"successor", [c] { c->WriteAfter(0, 9); }},
                             {"reader", [c] { c->Read(1); }}});
    },
    {.deaths = 1, .max_switches = 2}, {"ok", "lost", "a writer took over"}));
const Registration kInTurn(Of(
    "WritersHandTheirRoleOver",
    [] {
      Client* c = NewClient({.before = 0, .records = 2});
      return c->MakeProgram({{"first", [c] { c->Write(1); }},
                             {"second", [c] { c->Write(2); }},
                             {"reader", [c] { c->Read(1); }}});
    },
    {.max_switches = 3}, {"ok", "empty"}));
const Registration kReaders(Of(
    "TwoReadersAreLapped",
    [] {
      Client* c = NewClient({.records = 8});
      return c->MakeProgram({{"writer", [c] { c->Write(8); }},
                             {"reader", [c] { c->Read(1); }},
                             {"other reader", [c] { c->Read(1); }}});
    },
    {.max_switches = 2}, {"ok", "lost"}));

// In bytes that need not be zero.
struct alignas(kLineBytes) CreatedBytes {
  std::array<std::byte, Ring::SizeFor(kCapacity)> bytes;
};
CreatedBytes created;

const Registration kCreated(Of(
    "CreatedRingIsAttachedWholeOrNotAtAll",
    [] {
      Program program;
      program.set_up = [] {
        created.bytes.fill(std::byte{0xA5});
        std::ranges::fill(std::span(created.bytes).first(8), std::byte{0});
      };
      program.threads = {
          {"creator",
           [] {
             Check(Ring::Create(created.bytes, kCapacity).has_value(),
                   "created");
             CountOperation();
           },
           true},
          {"attacher", [] {
             const auto attached = Ring::Attach(created.bytes);
             const auto reader = Ring::AttachReadOnly(created.bytes);
             CountOperation();
             const auto is_right = [](const auto& result) {
               return result.has_value() ||
                      result.error().code == ErrorCode::kNotInitialized;
             };
             Check(is_right(attached) && is_right(reader),
                   "it is virgin until it is whole");
             See(attached ? "attached" : "not yet");
             Check(!reader || reader->number() == 0, "the first is number 0");
           }}};
      program.regions = {{"ring", &created, sizeof(created)}};
      return program;
    },
    {.deaths = 1}, {"not yet", "attached"}));

}  // namespace
}  // namespace placid::model
