// SPDX-License-Identifier: Apache-2.0
//
// BroadcastClient<R>: programs about a BroadcastRing. Value n is {n, 2n} and lies
// at position n - 1 after the first: a reader that knows its position knows what
// it must be given, and so whether it was told rightly what it lost.
#ifndef PLACID_TESTS_MODEL_BROADCAST_CLIENT_H_
#define PLACID_TESTS_MODEL_BROADCAST_CLIENT_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "placid/primitives/broadcast_ring.h"
#include "tests/model/model.h"
#include "tests/model/value_client.h"

namespace placid::model {

enum class Way { kSingle, kBatch, kInPlace };

struct BroadcastPlan {
  int values = 3;           // ever pushed
  int before = 0;           // of them in set-up
  std::uint64_t start = 0;  // the position of the first
  Way way = Way::kSingle;
  bool closes = false;
  StartAt again = StartAt::kOldest;
};

template <std::uint64_t kCapacity>
class BroadcastClient {
 public:
  using Ring = BroadcastRing<Twice, kCapacity>;
  using Writer = typename Ring::Writer;
  using Reader = typename Ring::Reader;

  explicit BroadcastClient(const BroadcastPlan& plan) : plan_(plan) {}

  void SetUp(bool is_virgin = false) {
    storage_ = {};
    pushed_ = 0;
    if (is_virgin) return;
    ring_ = *Ring::Attach(storage_);
    storage_.memory.tail.store(plan_.start, kRelaxed);
    storage_.memory.oldest.store(plan_.start, kRelaxed);
    auto writer = ring_.ClaimWriter();
    Push(*writer, plan_.before);
  }

  // ---- Writing

  void Write(int up_to) {
    auto writer = ring_.ClaimWriter();
    while (!writer) {
      Pause();
      writer = ring_.ClaimWriter();
    }
    Push(*writer, up_to);
    if (plan_.closes) std::move(*writer).Close();
  }
  void AttachAndWrite(int up_to) {
    ring_ = *Ring::Attach(storage_);
    Write(up_to);
  }

  void WriteAfter(int dead, int up_to) {
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
    // The dead one may have pushed what it did not live to note.
    const int found = static_cast<int>(writer->position() - plan_.start);
    Check(found >= pushed_, "what was pushed is there");
    pushed_ = found;
    Push(*writer, up_to);
    if (plan_.closes) std::move(*writer).Close();
  }

  void Push(Writer& writer, int up_to) {
    while (pushed_ < up_to) {
      if (IsModelled()) CountOperation();
      if (plan_.way == Way::kSingle) {
        writer.Push(Value(pushed_ + 1));
        ++pushed_;
        continue;
      }
      std::array<Twice, 4> values{};
      const auto count = static_cast<std::size_t>(
          std::min(up_to - pushed_, static_cast<int>(values.size())));
      for (std::size_t i = 0; i < count; ++i) {
        values[i] = Value(pushed_ + 1 + static_cast<int>(i));
      }
      if (plan_.way == Way::kBatch) {
        writer.PushSome(std::span(values).first(count));
        pushed_ += static_cast<int>(count);
      } else {
        const auto slots = writer.Reserve(count);
        machine::RacyCopyIn(slots.data(), values.data(), slots.size_bytes());
        pushed_ += static_cast<int>(writer.Commit(slots.size()));
      }
    }
  }

  // ---- Reading

  void Read(int times, StartAt first = StartAt::kOldest) {
    auto reader = ring_.MakeReader(first, plan_.again);
    CheckStart(reader);
    for (int i = 0; i < times; ++i) (void)ReadOnce(reader);
  }
  // One that has read nothing of what set-up pushed, and knows of it.
  void ReadFromStart(int times) {
    auto reader = start_;
    for (int i = 0; i < times; ++i) (void)ReadOnce(reader);
  }
  void ReadOnly(int times) {
    auto reader = *Ring::AttachReadOnly(
        std::as_bytes(std::span(&storage_, 1)), StartAt::kOldest, plan_.again);
    for (int i = 0; i < times; ++i) (void)ReadOnce(reader);
  }

  void ReadToTheEnd() {
    auto reader = ring_.MakeReader(StartAt::kOldest, plan_.again);
    for (;;) {
      const RingResult result = ReadOnce(reader);
      if (result == RingResult::kClosed) break;
      if (result == RingResult::kEmpty) Pause();
    }
    Check(Position(reader) == plan_.values,
          "all that was pushed was read or lost");
  }

  // When the writer is no more: all it pushed, and nothing it did not.
  void ReadAfter(int dead) {
    const bool is_dead = AwaitEnd(dead);
    auto reader = ring_.MakeReader(StartAt::kOldest, StartAt::kOldest);
    CheckStart(reader);
    while (ReadOnce(reader) == RingResult::kOk) {
    }
    const int read = Position(reader);
    Check(read == pushed_ || (is_dead && read == pushed_ + 1),
          "what was pushed last is read");
  }

  Program MakeProgram(std::vector<ThreadSpec> threads) {
    Program program;
    program.set_up = [this] {
      SetUp();
      start_ = ring_.MakeReader(StartAt::kOldest, plan_.again);
    };
    program.threads = std::move(threads);
    program.regions = {{"ring", &storage_, sizeof(storage_)}};
    return program;
  }
  int values() const { return plan_.values; }

 private:
  static Twice Value(int number) {
    const auto n = static_cast<std::uint64_t>(number);
    return {n, 2 * n};
  }
  [[nodiscard]] int Position(const Reader& reader) const {
    return static_cast<int>(reader.position() - plan_.start);
  }
  void CheckStart(const Reader& reader) const {
    Check(Position(reader) >= 0 && Position(reader) <= plan_.values,
          "a reader begins within what was pushed");
  }

  RingResult ReadOnce(Reader& reader) {
    const int before = Position(reader);
    std::array<Twice, 3> values{};
    std::size_t count = 0;
    std::uint64_t lost = 0;
    const RingResult result = ReadSome(reader, values, count, lost);
    CountOperation();
    See(std::string(ToString(result)));
    const int first = before + static_cast<int>(lost);
    if (lost > 0) {
      See("lost");
      Check(first <= MostOldest() || plan_.again != StartAt::kOldest,
            "no more is lost than was overwritten");
    }
    if (result != RingResult::kOk) {
      Check(result != RingResult::kCorrupt, "nothing is corrupt");
      Check(lost == 0 || result == RingResult::kClosed,
            "what was lost is told with the next value");
      return result;
    }
    if (count > 1) See("several read at once");
    for (std::size_t i = 0; i < count; ++i) {
      Check(values[i].twice == 2 * values[i].number, "the value is whole");
      Check(static_cast<int>(values[i].number) ==
                first + 1 + static_cast<int>(i),
            "it is the next after those that were lost");
    }
    return result;
  }

  RingResult ReadSome(Reader& reader, std::array<Twice, 3>& values,
                      std::size_t& count, std::uint64_t& lost) {
    if (plan_.way == Way::kSingle) {
      count = 1;
      return reader.TryRead(values[0], lost);
    }
    if (plan_.way == Way::kBatch) {
      return reader.TryReadSome(values, count, lost);
    }
    SharedSpan<Twice> some;
    const RingResult result = reader.TryPeek(2, some, lost);
    if (result != RingResult::kOk) return result;
    count = some.CopyOut(values);
    if (reader.Validate(count)) return result;
    See("overwritten while it was looked at");
    // The loss was told all the same.
    count = 0;
    return result;
  }

  // The furthest that the writer ever moves oldest.
  [[nodiscard]] int MostOldest() const {
    constexpr auto kStep = static_cast<int>(std::max<std::uint64_t>(
        kCapacity / 8, 1));
    return plan_.values + kStep - 1 - static_cast<int>(kCapacity);
  }

  typename Ring::Storage storage_{};
  Ring ring_ = *Ring::Attach(storage_);
  Reader start_ = ring_.MakeReader();
  BroadcastPlan plan_;
  int pushed_ = 0;
};

// The one client of a program; programs follow one another.
template <std::uint64_t kCapacity>
BroadcastClient<kCapacity>* NewBroadcastClient(const BroadcastPlan& plan) {
  static std::unique_ptr<BroadcastClient<kCapacity>> client;
  client = std::make_unique<BroadcastClient<kCapacity>>(plan);
  return client.get();
}

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_BROADCAST_CLIENT_H_
