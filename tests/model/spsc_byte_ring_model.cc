// SPDX-License-Identifier: Apache-2.0
//
// SpscByteRing: each record committed is read, once, whole and in order,
// whoever dies, across the padding at the end of data.
//
// The ring has 64 bytes. Record n is the word n, or the words n and 2n, 24
// bytes with the header: two fit, and the third is preceded by 16 bytes of
// padding. What was a header once is payload later, so the race detector sees
// both uses of a word.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "placid/primitives/spsc_byte_ring.h"
#include "tests/model/model.h"

namespace placid::model {
namespace {

constexpr std::uint64_t kCapacity = 64;

struct Plan {
  int records = 3;
  std::size_t words = 2;    // of each
  bool is_shifted = false;  // by an empty record, written and read in set-up
  int before = 0;           // records written and read in set-up
  int left = 0;             // records more, written and not read
  bool stages = false;      // all that fit, and publishes them together
  Pace pace = Pace::kPrompt;
  bool closes = false;
  int consumer_leaves_at = 99;
};

class Client {
 public:
  explicit Client(const Plan& plan) : plan_(plan) {}

  void SetUp() {
    bytes_ = {};
    ring_ = *SpscByteRing::Create(bytes_.bytes, kCapacity);
    written_ = read_ = 0;
    is_done_ = false;
    auto producer = ring_.ClaimProducer();
    auto consumer = ring_.ClaimConsumer();
    if (plan_.is_shifted) {
      SharedBytes empty;
      Check(producer->TryPush({}) == RingResult::kOk, "an empty record fits");
      Check(consumer->TryFront(empty) == RingResult::kOk, "and is read");
    }
    while (read_ < plan_.before) {
      Check(WriteOne(*producer) == RingResult::kOk, "set-up fits");
      Check(ReadOne(*consumer, read_ + 1) == RingResult::kOk, "and is read");
    }
    consumer->Retire();
    consumer->Publish();
    for (int i = 0; i < plan_.left; ++i) {
      Check(WriteOne(*producer) == RingResult::kOk, "set-up fits");
    }
  }

  // ---- Producing

  void Produce(int up_to) {
    auto producer = ring_.ClaimProducer();
    while (!producer) {
      Pause();
      producer = ring_.ClaimProducer();
    }
    Write(*producer, up_to);
  }

  void ProduceAfter(int dead, int up_to) {
    if (!AwaitEnd(dead)) return;
    const RoleHolder holder = ring_.ProducerHolder();
    auto producer = holder.is_free()
                        ? ring_.ClaimProducer()
                        : ring_.TakeOverProducer(AttestedDeath(holder));
    Check(producer.has_value(), "the dead one's role can be had");
    See("a producer took over");
    // The dead one may have published what it did not live to note, and noted
    // what it staged and did not live to publish.
    const std::uint64_t tail = Memory().tail.load(kRelaxed);
    written_ = RecordsBelow(tail);
    if (Memory().producer_closed.load(kRelaxed) != 0) {
      See("the dead one had closed");
      Check(producer->TryPush({}) == RingResult::kClosed, "closed is for ever");
      return;
    }
    Write(*producer, up_to);
  }

  void Write(SpscByteRing::Producer& producer, int up_to) {
    while (written_ < up_to) {
      const RingResult result =
          plan_.stages ? Stage(producer) : WriteOne(producer);
      if (result == RingResult::kOk) CountOperation();
      if (result == RingResult::kOk) continue;
      if (result == RingResult::kClosed) {
        Check(plan_.consumer_leaves_at < 99, "the consumer has closed");
        return See("write: closed");
      }
      Check(result == RingResult::kFull, "full is the only other answer");
      See("full");
      Pause();
    }
    plan_.closes ? producer.Close() : producer.Publish();
  }

  RingResult Stage(SpscByteRing::Producer& producer) {
    std::span<std::byte> payload;
    const RingResult result = producer.TryReserve(bytes(), payload);
    if (result != RingResult::kOk) return result;
    const Record record = RecordOf(written_ + 1);
    machine::CopyIn(payload.data(), record.data(), bytes());
    Check(producer.Stage(bytes()), "what was reserved can be staged");
    ++written_;
    return result;
  }

  RingResult WriteOne(SpscByteRing::Producer& producer) {
    const Record record = RecordOf(written_ + 1);
    const RingResult result =
        producer.TryPush(std::as_bytes(std::span(record)).first(bytes()));
    if (result == RingResult::kOk) ++written_;
    return result;
  }

  // ---- Consuming

  void Consume(int up_to) {
    auto consumer = ring_.ClaimConsumer(plan_.pace);
    while (!consumer) {
      Pause();
      consumer = ring_.ClaimConsumer(plan_.pace);
    }
    Read(*consumer, up_to, read_ + 1);
  }

  void ConsumeAfter(int dead, int up_to) {
    if (!AwaitEnd(dead)) return;
    const RoleHolder holder = ring_.ConsumerHolder();
    auto consumer = holder.is_free()
                        ? ring_.ClaimConsumer()
                        : ring_.TakeOverConsumer(AttestedDeath(holder));
    Check(consumer.has_value(), "the dead one's role can be had");
    See("a consumer took over");
    Read(*consumer, up_to, /*least=*/read_);
  }

  // The first record is at least `least` and at most the next one.
  void Read(SpscByteRing::Consumer& consumer, int up_to, int least) {
    while (read_ < up_to || plan_.closes) {
      const RingResult result = ReadOne(consumer, least);
      if (result == RingResult::kOk) CountOperation();
      if (result == RingResult::kOk) {
        least = read_ + 1;
        if (read_ < plan_.consumer_leaves_at) continue;
        return consumer.Close();
      }
      if (result == RingResult::kClosed) {
        See("read: closed");
        Check(plan_.closes, "the producer has closed");
        break;
      }
      Check(result == RingResult::kEmpty, "empty is the only other answer");
      See("empty");
      Pause();
    }
    is_done_ = true;
  }

  RingResult ReadOne(SpscByteRing::Consumer& consumer, int least) {
    SharedBytes shared;
    const RingResult result = consumer.TryFront(shared);
    if (result != RingResult::kOk) return result;
    Check(shared.size() == bytes(), "the record has its length");
    Record record{};
    shared.CopyOut(std::as_writable_bytes(std::span(record)));
    const int number = static_cast<int>(record[0]);
    Check(plan_.words == 1 || record[1] == 2 * record[0],
          "the record is whole");
    Check(number >= least && number <= read_ + 1, "the next record comes next");
    if (number <= read_) See("delivered again");
    read_ = number;
    return result;
  }

  // ---- Afterwards

  Program MakeProgram(std::vector<ThreadSpec> threads) {
    Program program;
    program.set_up = [this] { SetUp(); };
    program.threads = std::move(threads);
    program.finish = [this] {
      if (plan_.consumer_leaves_at < 99) return;
      Check(is_done_, "somebody read to the end");
      Check(read_ == plan_.records, "all that was committed was read");
    };
    program.regions = {{"ring", &bytes_, sizeof(bytes_)}};
    return program;
  }

 private:
  using Record = std::array<std::uint64_t, 2>;

  static Record RecordOf(int number) {
    const auto n = static_cast<std::uint64_t>(number);
    return {n, 2 * n};
  }

  [[nodiscard]] std::size_t bytes() const { return 8 * plan_.words; }

  [[nodiscard]] int RecordsBelow(std::uint64_t tail) const {
    const std::uint64_t size = SpscByteRing::kHeaderBytes + bytes();
    int records = 0;
    std::uint64_t at = plan_.is_shifted ? SpscByteRing::kHeaderBytes : 0;
    while (at < tail) {
      const std::uint64_t in_one_piece = kCapacity - at % kCapacity;
      at += in_one_piece < size ? in_one_piece : size;
      records += in_one_piece < size ? 0 : 1;
    }
    return records;
  }

  SpscByteRing::Memory& Memory() {
    return *reinterpret_cast<SpscByteRing::Memory*>(bytes_.bytes.data());
  }

  struct alignas(kLineBytes) Bytes {
    std::array<std::byte, SpscByteRing::SizeFor(kCapacity)> bytes;
  };

  Bytes bytes_{};
  SpscByteRing ring_ = *SpscByteRing::Create(bytes_.bytes, kCapacity);
  Plan plan_;
  int written_ = 0;
  int read_ = 0;
  bool is_done_ = false;
};

// The one client of a program; programs follow one another.
Client* NewClient(const Plan& plan) {
  static std::unique_ptr<Client> client;
  client = std::make_unique<Client>(plan);
  return client.get();
}

Program Pair(const Plan& plan) {
  auto* c = NewClient(plan);
  const int n = plan.records;
  return c->MakeProgram({{"producer", [c, n] { c->Produce(n); }},
                         {"consumer", [c, n] { c->Consume(n); }}});
}
Program ProducerDies(const Plan& plan) {
  auto* c = NewClient(plan);
  const int n = plan.records;
  return c->MakeProgram({{"producer", [c, n] { c->Produce(n); }, true},
                         {"consumer", [c, n] { c->Consume(n); }},
                         {"successor", [c, n] { c->ProduceAfter(0, n); }}});
}
Program ConsumerDies(const Plan& plan) {
  auto* c = NewClient(plan);
  const int n = plan.records;
  return c->MakeProgram({{"producer", [c, n] { c->Produce(n); }},
                         {"consumer", [c, n] { c->Consume(n); }, true},
                         {"successor", [c, n] { c->ConsumeAfter(1, n); }}});
}

constexpr const char* kHeader = "primitives/spsc_byte_ring.h";

const Registration kFits({
    .type = "SpscByteRing",
    .header = kHeader,
    .name = "RecordsGoRound",
    .program = [] { return Pair({.records = 3}); },
    .options = {},
    .must_see = {"full", "empty"},
});
// The next record does not fit before the end of data.
const Registration kPadding({
    .type = "SpscByteRing",
    .header = kHeader,
    .name = "PaddingIsSkipped",
    .program = [] { return Pair({.records = 4, .before = 2}); },
    .options = {},
    .must_see = {"empty"},
});
const Registration kPaddingFull({
    .type = "SpscByteRing",
    .header = kHeader,
    .name = "PaddingWaitsForRoom",
    .program = [] { return Pair({.records = 4, .before = 1, .left = 1}); },
    .options = {},
    .must_see = {"full", "empty"},
});
// The last record but for eight bytes would fit.
const Registration kTight({
    .type = "SpscByteRing",
    .header = kHeader,
    .name = "AlmostEnoughRoomIsNotEnough",
    .program =
        [] {
          return Pair(
              {.records = 4, .words = 1, .is_shifted = true, .left = 3});
        },
    .options = {},
    .must_see = {"full", "empty"},
});
const Registration kStages({
    .type = "SpscByteRing",
    .header = kHeader,
    .name = "StagedRecordsComeTogether",
    .program = [] { return Pair({.records = 3, .stages = true}); },
    .options = {},
    .must_see = {"full", "empty"},
});
const Registration kStreaming({
    .type = "SpscByteRing",
    .header = kHeader,
    .name = "StreamingConsumerGivesBackBeforeItWaits",
    .program =
        [] {
          return Pair({.records = 4, .left = 2, .pace = Pace::kStreaming});
        },
    .options = {},
    .must_see = {"full", "empty"},
});
const Registration kFinish({
    .type = "SpscByteRing",
    .header = kHeader,
    .name = "ClosedProducerLosesNothing",
    .program =
        [] { return Pair({.records = 2, .stages = true, .closes = true}); },
    .options = {},
    .must_see = {"read: closed"},
});
const Registration kLeave({
    .type = "SpscByteRing",
    .header = kHeader,
    .name = "ClosedConsumerIsNoticed",
    .program =
        [] { return Pair({.records = 5, .left = 2, .consumer_leaves_at = 1}); },
    .options = {},
    .must_see = {"write: closed"},
});
const Registration kProducerDies({
    .type = "SpscByteRing",
    .header = kHeader,
    .name = "SuccessorOfProducerGoesOn",
    .program = [] { return ProducerDies({.records = 3, .before = 1}); },
    .options = {.deaths = 1},
    .must_see = {"a producer took over"},
});
const Registration kClosingProducerDies({
    .type = "SpscByteRing",
    .header = kHeader,
    .name = "SuccessorOfClosingProducerKeepsItClosed",
    .program = [] { return ProducerDies({.records = 1, .closes = true}); },
    .options = {.deaths = 1},
    .must_see = {"a producer took over", "the dead one had closed"},
});
const Registration kStagingProducerDies({
    .type = "SpscByteRing",
    .header = kHeader,
    .name = "SuccessorOfStagingProducerGoesOn",
    .program = [] { return ProducerDies({.records = 2, .stages = true}); },
    .options = {.deaths = 1},
    .must_see = {"a producer took over"},
});
const Registration kConsumerDies({
    .type = "SpscByteRing",
    .header = kHeader,
    .name = "SuccessorOfConsumerGetsWhatWasInHand",
    .program = [] { return ConsumerDies({.records = 3, .before = 1}); },
    .options = {.deaths = 1},
    .must_see = {"a consumer took over", "delivered again"},
});
const Registration kProducersInTurn({
    .type = "SpscByteRing",
    .header = kHeader,
    .name = "ProducersHandTheirRoleOver",
    .program =
        [] {
          auto* c = NewClient({.records = 2});
          return c->MakeProgram({{"first", [c] { c->Produce(1); }},
                                 {"second", [c] { c->Produce(2); }},
                                 {"consumer", [c] { c->Consume(2); }}});
        },
    .options = {},
    .must_see = {"empty"},
});
const Registration kConsumersInTurn({
    .type = "SpscByteRing",
    .header = kHeader,
    .name = "ConsumersHandTheirRoleOver",
    .program =
        [] {
          auto* c = NewClient({.records = 3, .left = 2});
          return c->MakeProgram({{"producer", [c] { c->Produce(3); }},
                                 {"first", [c] { c->Consume(1); }},
                                 {"second", [c] { c->Consume(3); }}});
        },
    .options = {},
    .must_see = {"empty"},
});

// Create and Attach themselves.
struct alignas(kLineBytes) CreatedBytes {
  std::array<std::byte, SpscByteRing::SizeFor(kCapacity)> bytes;
};
CreatedBytes created;

const Registration kCreated({
    .type = "SpscByteRing",
    .header = kHeader,
    .name = "CreatedRingIsAttachedWholeOrNotAtAll",
    .program =
        [] {
          Program program;
          program.set_up = [] { created = {}; };
          program.threads = {
              {"creator",
               [] {
                 Check(
                     SpscByteRing::Create(created.bytes, kCapacity).has_value(),
                     "created");
                 CountOperation();
               },
               true},
              {"attacher", [] {
                 const auto attached = SpscByteRing::Attach(created.bytes);
                 CountOperation();
                 if (!attached) {
                   See("not yet");
                   Check(attached.error().code == ErrorCode::kNotInitialized,
                         "it is virgin until it is whole");
                   return;
                 }
                 See("attached");
                 Check(attached->capacity() == kCapacity &&
                           attached->MostRecordBytes() > 0,
                       "its geometry is seen");
               }}};
          program.regions = {{"ring", &created, sizeof(created)}};
          return program;
        },
    .options = {.deaths = 1},
    .must_see = {"not yet", "attached"},
});

}  // namespace
}  // namespace placid::model
