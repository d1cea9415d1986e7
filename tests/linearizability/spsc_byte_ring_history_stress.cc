// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "placid/primitives/spsc_byte_ring.h"
#include "tests/linearizability/abandon.h"
#include "tests/linearizability/fifo.h"
#include "tests/linearizability/runner.h"

namespace placid::linearizability {
namespace {

using Ring = SpscByteRing;

// A record of 4 to 60 bytes is its number, again and again.
constexpr std::size_t kMostBytes = 60;
using Payload = std::array<std::uint32_t, kMostBytes / 4>;

constexpr std::uint32_t RingBytes(std::size_t length) {
  return static_cast<std::uint32_t>(8 + (length + 7) / 8 * 8);
}

class ByteRingScenario {
 public:
  using Spec = Fifo;

  void Prepare(Random& random) {
    producer_.reset();
    consumer_.reset();
    const std::uint32_t capacity = Draw(random, 2) == 0 ? 64 : 128;
    pace_ = Draw(random, 2) == 0 ? Pace::kPrompt : Pace::kStreaming;
    fifo_ = {.capacity = capacity,
             .lag = pace_ == Pace::kPrompt ? 0 : capacity / 8,
             .is_in_one_piece = true};
    memory().stamp.store(0, kRelaxed);  // sync: none, one thread
    ring_ = *Ring::Create(
        std::span(memory_.bytes).first(Ring::SizeFor(capacity)), capacity);
    const std::uint64_t start = DrawStart(random, 8);
    memory().tail.store(start, kRelaxed);  // sync: none, one thread
    memory().head.store(start, kRelaxed);  // sync: none, one thread
    producer_ = *ring_->ClaimProducer();
    consumer_ = *ring_->ClaimConsumer(pace_);
    is_producer_closed_ = is_consumer_closed_ = false;
    first_ = {};
    first_.tail = static_cast<std::uint32_t>(start % capacity);
    most_bytes_ = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(kMostBytes, ring_->MostRecordBytes()));
    for (auto& steps : steps_) {
      steps.resize(4 + Draw(random, 5));
      for (Step& step : steps) {
        step = {Draw(random, 32), DrawBytes(random), DrawBytes(random)};
      }
    }
  }

  const Fifo& spec() const { return fifo_; }
  const Fifo::State& initial() const { return first_; }

  void Act(int who, Recorder<Fifo::Event>& log) {
    for (const Step& step : steps_[static_cast<std::size_t>(who)]) {
      if (who == 0) {
        Produce(step, log);
      } else {
        Consume(step, log);
      }
    }
  }

 private:
  struct Step {
    std::uint32_t what;
    std::size_t length;
    std::size_t second_length;
  };

  Ring::Memory& memory() { return *reinterpret_cast<Ring::Memory*>(&memory_); }

  // Short ones and long ones; multiples of 4.
  std::size_t DrawBytes(Random& random) const {
    const std::uint32_t most = Draw(random, 2) == 0 ? 12 : most_bytes_;
    return (1 + Draw(random, most / 4)) * 4;
  }

  // ---- The producer's thread

  void Produce(const Step& step, Recorder<Fifo::Event>& log) {
    if (step.what == 0) {
      log.Time([&] { return producer_->Close(), 0; });
      log.Note({Fifo::kCloseProducer});
      is_producer_closed_ = true;
    } else if (step.what < 3) {
      log.Time([&] {
        const AttestedDeath death(ring_->ProducerHolder());
        Abandon(*std::move(producer_));
        producer_ = *ring_->TakeOverProducer(death);
        return 0;
      });
    } else if (step.what < 20) {
      Payload payload;
      payload.fill(next_);
      const RingResult result = log.Time([&] {
        return producer_->TryPush(
            std::as_bytes(std::span(payload)).first(step.length));
      });
      NotePut(result, step.length, log);
      log.Note({Fifo::kShow});
    } else {
      // Two at once, the second perhaps shorter than reserved.
      std::array<RingResult, 2> results = {RingResult::kOk, RingResult::kOk};
      const std::array<std::size_t, 2> lengths = {step.length,
                                                  step.second_length};
      log.Time([&] {
        std::uint32_t number = next_;
        for (std::size_t i = 0; i < 2 && results[0] == RingResult::kOk; ++i) {
          std::span<std::byte> bytes;
          results[i] = producer_->TryReserve(lengths[i], bytes);
          if (results[i] != RingResult::kOk) break;
          Payload payload;
          payload.fill(number++);
          std::memcpy(bytes.data(), payload.data(), lengths[i]);
          producer_->Stage(lengths[i]);
        }
        producer_->Publish();
        return 0;
      });
      NotePut(results[0], lengths[0], log);
      if (results[0] == RingResult::kOk) NotePut(results[1], lengths[1], log);
      log.Note({Fifo::kShow});
    }
  }

  void NotePut(RingResult result, std::size_t length,
               Recorder<Fifo::Event>& log) {
    const auto note = [&](Fifo::Kind kind) {
      log.Note({.kind = kind, .value = next_, .size = RingBytes(length)});
    };
    if (is_producer_closed_) {
      note(result == RingResult::kClosed ? Fifo::kPushRefused
                                         : Fifo::kNonsense);
      return;
    }
    note(Fifo::kSkip);
    if (result == RingResult::kOk) {
      note(Fifo::kPutEarly);
      ++next_;
    } else if (result == RingResult::kFull) {
      note(Fifo::kNoRoom);
    } else if (result == RingResult::kClosed) {
      note(Fifo::kNoRoomEver);
      note(Fifo::kSeeConsumerClosed);
    } else {
      note(Fifo::kNonsense);
    }
  }

  // ---- The consumer's thread

  void Consume(const Step& step, Recorder<Fifo::Event>& log) {
    if (step.what == 0) {
      log.Time([&] { return consumer_->Close(), 0; });
      log.Note({Fifo::kGiveAll});
      log.Note({Fifo::kCloseConsumer});
      is_consumer_closed_ = true;
    } else if (step.what < 3) {
      log.Time([&] {
        const AttestedDeath death(ring_->ConsumerHolder());
        Abandon(*std::move(consumer_));
        consumer_ = *ring_->TakeOverConsumer(death, pace_);
        return 0;
      });
      log.Note({Fifo::kTakeOver});
    } else if (step.what < 7) {
      log.Time([&] {
        consumer_->Retire();
        consumer_->Publish();
        return 0;
      });
      log.Note({Fifo::kGiveAll});
    } else {
      Payload payload{};
      std::size_t length = 0;
      const RingResult result = log.Time([&] {
        SharedBytes record;
        const RingResult front = consumer_->TryFront(record);
        length = record.size();
        record.CopyOut(std::as_writable_bytes(std::span(payload)));
        return front;
      });
      NoteFront(result, payload, length, log);
    }
  }

  void NoteFront(RingResult result, const Payload& payload, std::size_t length,
                 Recorder<Fifo::Event>& log) {
    if (result == RingResult::kClosed && is_consumer_closed_) {
      log.Note({Fifo::kPopRefused});
      return;
    }
    log.Note({Fifo::kGiveBack});
    if (result == RingResult::kOk) {
      bool is_sound = length > 0 && length <= kMostBytes && length % 4 == 0;
      for (std::size_t i = 0; is_sound && i < length / 4; ++i) {
        is_sound = payload[i] == payload[0];
      }
      log.Note({.kind = is_sound ? Fifo::kTake : Fifo::kNonsense,
                .value = payload[0],
                .size = RingBytes(length)});
      log.Note({Fifo::kHaveGivenBack});
    } else if (result == RingResult::kEmpty || result == RingResult::kClosed) {
      log.Note({result == RingResult::kEmpty ? Fifo::kFindNothing
                                             : Fifo::kFindTheEnd});
      log.Note({Fifo::kGiveAll});
    } else {
      log.Note({Fifo::kNonsense});
    }
  }

  struct alignas(kLineBytes) Bytes {
    std::array<std::byte, Ring::SizeFor(128)> bytes;
  };
  Bytes memory_{};
  std::optional<Ring> ring_;
  std::optional<Ring::Producer> producer_;
  std::optional<Ring::Consumer> consumer_;
  Pace pace_ = Pace::kPrompt;
  Fifo fifo_{.capacity = 64};
  Fifo::State first_;
  std::uint32_t most_bytes_ = 0;
  std::array<std::vector<Step>, 2> steps_;
  std::uint32_t next_ = 1;
  bool is_producer_closed_ = false;
  bool is_consumer_closed_ = false;
};

// As for SpscRing; and padding that is missed, believed or left out, and a
// length that is not the record's. The seed is printed.
TEST(SpscByteRingHistoryStress, EveryHistoryIsThatOfABoundedFifo) {
  const std::uint64_t seed = Seed();
  RunHistories<ByteRingScenario>("SpscByteRing", seed);
}

}  // namespace
}  // namespace placid::linearizability
