// SPDX-License-Identifier: Apache-2.0
//
// Kinds: the types that are placed, and how one side sends values that can be
// checked and the other receives them.
//
//   kind            bytes to place, at least
//   ...::kName      as it stands in the names of cases and in steps
//   ...::kBytes     of the shared object
//   ...::kMirror    MapOptions::mirror_offset
//   Create          writes an empty one
//   ClaimSender     attaches and takes the sender's role, where there is one
//   Send            sends the values 1 to kCount and closes: kSent
//   Receive         takes them through a view of its own: kReceived
//
// Send and Receive answer with what went wrong where anything did.
#ifndef PLACID_TESTS_CONFORMANCE_PLACEMENT_KINDS_H_
#define PLACID_TESTS_CONFORMANCE_PLACEMENT_KINDS_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "placid/base/error.h"
#include "placid/base/fields.h"
#include "placid/base/result.h"
#include "placid/base/shared_bytes.h"
#include "placid/primitives/broadcast_byte_ring.h"
#include "placid/primitives/broadcast_ring.h"
#include "placid/primitives/counter.h"
#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/lane_ring.h"
#include "placid/primitives/latest.h"
#include "placid/primitives/mpmc_ring.h"
#include "placid/primitives/mpsc_byte_ring.h"
#include "placid/primitives/mpsc_ring.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "placid/primitives/seqlock.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "placid/primitives/spsc_ring.h"

namespace placid::placement {

// Some eighty laps of the smallest ring.
inline constexpr std::uint64_t kCount = 5000;

inline constexpr std::string_view kSent = "sent all";
inline constexpr std::string_view kReceived = "received all, then closed";

// ---- Values -----------------------------------------------------------------

struct Sample {
  std::uint64_t number;
  double half;
  std::int32_t negative;
  std::uint32_t mixed;
};
PLACID_FIELDS(Sample, number, half, negative, mixed)

inline constexpr std::uint64_t kMix = 0x9E37'79B9'7F4A'7C15;

template <typename T>
T ValueOf(std::uint64_t number);
template <>
inline std::uint64_t ValueOf(std::uint64_t number) {
  return number * kMix;
}
template <>
inline Sample ValueOf(std::uint64_t number) {
  return {.number = number,
          .half = static_cast<double>(number) / 2,
          .negative = -static_cast<std::int32_t>(number),
          .mixed = static_cast<std::uint32_t>(number * kMix >> 32)};
}
template <typename T>
bool IsValue(const T& value, std::uint64_t number) {
  const T expected = ValueOf<T>(number);
  return std::memcmp(&value, &expected, sizeof(T)) == 0;
}

// Of all lengths from 0 up to `longest`, so that its end falls anywhere.
inline std::vector<std::byte> RecordOf(std::uint64_t number,
                                       std::uint64_t longest) {
  std::vector<std::byte> record(
      static_cast<std::size_t>(number * 997 % longest));
  std::uint64_t at = number;
  std::ranges::generate(
      record, [&at] { return static_cast<std::byte>(++at * kMix >> 56); });
  return record;
}

// ---- Waiting for the other side ---------------------------------------------

// Lets the other side run, but not for ever: it may have failed.
class Patience {
 public:
  void Renew() { end_ = Clock::now() + std::chrono::seconds(20); }
  bool Lasts() const {
    std::this_thread::yield();
    return Clock::now() < end_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point end_ = Clock::now() + std::chrono::seconds(20);
};

// Calls attempt() until it says anything but that the other side has to act.
template <typename Attempt>
RingResult Await(const Attempt& attempt) {
  const Patience patience;
  for (;;) {
    const RingResult result = attempt();
    const bool may_change =
        result == RingResult::kFull || result == RingResult::kEmpty ||
        result == RingResult::kPending || result == RingResult::kContended;
    if (!may_change || !patience.Lasts()) return result;
  }
}

inline std::string Fault(std::uint64_t number, RingResult result) {
  return "value " + std::to_string(number) + ": " +
         std::string(ToString(result));
}
inline std::string Fault(const Error& error) {
  return std::string(error.Message().view());
}

// attempt(n) for each value; empty where all were kOk.
template <typename Attempt>
std::string ForEachValue(const Attempt& attempt) {
  for (std::uint64_t n = 1; n <= kCount; ++n) {
    const RingResult result = Await([&] { return attempt(n); });
    if (result != RingResult::kOk) return Fault(n, result);
  }
  return {};
}

// ---- Rings ------------------------------------------------------------------

// What all rings do alike. `Derived` names the ring, and pushes and pops the
// value of a number: Push says what the ring said, Pop too, but kCorrupt of
// another value.
template <typename Derived, typename Ring>
struct RingKind {
  static auto ClaimSender(std::span<std::byte> bytes) {
    return Ring::Attach(bytes).and_then(
        [](const Ring& ring) { return ring.ClaimProducer(); });
  }

  static std::string Send(std::span<std::byte> bytes) {
    auto producer = ClaimSender(bytes);
    if (!producer) return Fault(producer.error());
    std::string fault = ForEachValue(
        [&](std::uint64_t n) { return Derived::Push(*producer, n); });
    const RingResult end = Await([&] { return Close(*producer); });
    if (fault.empty() && end != RingResult::kOk) fault = Fault(kCount + 1, end);
    return fault.empty() ? std::string(kSent) : fault;
  }

  static std::string Receive(std::span<std::byte> bytes) {
    auto consumer = Ring::Attach(bytes).and_then(
        [](const Ring& ring) { return ring.ClaimConsumer(); });
    if (!consumer) return Fault(consumer.error());
    std::string fault = ForEachValue(
        [&](std::uint64_t n) { return Derived::Pop(*consumer, n); });
    if (!fault.empty()) return fault;
    const RingResult end =
        Await([&] { return Derived::Pop(*consumer, kCount + 1); });
    return end == RingResult::kClosed ? std::string(kReceived)
                                      : Fault(kCount + 1, end);
  }

 private:
  // Where there are several producers, closing has its place among the values.
  template <typename Producer>
  static RingResult Close(Producer& producer) {
    if constexpr (std::is_void_v<decltype(producer.Close())>) {
      producer.Close();
      return RingResult::kOk;
    } else {
      return producer.Close();
    }
  }
};

template <typename Derived, typename T, typename OneRing>
struct ValueRing : RingKind<Derived, OneRing> {
  using Ring = OneRing;
  static constexpr std::uint64_t kCapacity = 64;
  static constexpr std::uint64_t kBytes = Ring::SizeFor(kCapacity);
  static constexpr std::uint64_t kMirror = 0;

  static Result<Ring> Create(std::span<std::byte> bytes) {
    return Ring::Create(bytes, kCapacity);
  }
  static RingResult Push(typename Ring::Producer& producer, std::uint64_t n) {
    return producer.TryPush(ValueOf<T>(n));
  }
  static RingResult Pop(typename Ring::Consumer& consumer, std::uint64_t n) {
    T value;
    const RingResult result = consumer.TryPop(value);
    const bool is_wrong = result == RingResult::kOk && !IsValue(value, n);
    return is_wrong ? RingResult::kCorrupt : result;
  }
};

struct NumberRing
    : ValueRing<NumberRing, std::uint64_t, SpscRing<std::uint64_t>> {
  static constexpr std::string_view kName = "SpscRingOfNumbers";
};
struct SampleRing : ValueRing<SampleRing, Sample, SpscRing<Sample, 64>> {
  static constexpr std::string_view kName = "SpscRingOfStructs";
};
struct ManyRing : ValueRing<ManyRing, Sample, MpscRing<Sample>> {
  static constexpr std::string_view kName = "MpscRingOfStructs";
  static constexpr bool kHasManySenders = true;
};
struct SharedRing : ValueRing<SharedRing, Sample, MpmcRing<Sample>> {
  static constexpr std::string_view kName = "MpmcRingOfStructs";
  static constexpr bool kHasManySenders = true;
};

template <typename Derived, typename OneRing, std::uint64_t kNumber = 0x1000>
struct RecordRing : RingKind<Derived, OneRing> {
  using Ring = OneRing;
  static constexpr std::uint64_t kCapacity = kNumber;
  static constexpr std::uint64_t kBytes = Ring::SizeFor(kCapacity);
  static constexpr std::uint64_t kMirror = 0;

  static Result<Ring> Create(std::span<std::byte> bytes) {
    return Ring::Create(bytes, kCapacity);
  }
  static RingResult Push(typename Ring::Producer& producer, std::uint64_t n) {
    return producer.TryPush(RecordOf(n, kLongest));
  }
  static RingResult Pop(typename Ring::Consumer& consumer, std::uint64_t n) {
    SharedBytes record;
    const RingResult result = consumer.TryFront(record);
    if (result != RingResult::kOk) return result;
    std::vector<std::byte> copy(record.size());
    record.CopyOut(copy);
    return copy == RecordOf(n, kLongest) ? result : RingResult::kCorrupt;
  }

 private:
  static constexpr std::uint64_t kLongest =
      std::min<std::uint64_t>(kCapacity / 7, 1024);
};

struct PaddedRing : RecordRing<PaddedRing, SpscByteRing> {
  static constexpr std::string_view kName = "SpscByteRing";
};
struct ManyRecordRing : RecordRing<ManyRecordRing, MpscByteRing> {
  static constexpr std::string_view kName = "MpscByteRing";
  static constexpr bool kHasManySenders = true;
};
struct MirroredRing : RecordRing<MirroredRing, SpscByteRing, 0x10000> {
  static constexpr std::string_view kName = "MirroredSpscByteRing";
  static constexpr SpscByteRing::Wrap kWrap = SpscByteRing::Wrap::kMirrored;
  static constexpr std::uint64_t kBytes =
      SpscByteRing::SizeFor(kCapacity, kWrap);
  static constexpr std::uint64_t kMirror = SpscByteRing::kMirroredDataOffset;

  static Result<SpscByteRing> Create(std::span<std::byte> bytes) {
    return SpscByteRing::Create(bytes, kCapacity, kWrap);
  }
};

// ---- Lanes ------------------------------------------------------------------

// The only sender seals the lanes, that the receiver may see the end.
template <typename RingOfLanes>
struct Lanes : RingOfLanes {
  static constexpr bool kHasManySenders = true;

  static std::string Send(std::span<std::byte> bytes) {
    const auto ring = RingOfLanes::Ring::Attach(bytes);
    if (!ring) return Fault(ring.error());
    auto producer = ring->ClaimProducer();
    if (!producer) return Fault(producer.error());
    ring->Seal();
    std::string fault = ForEachValue([&](std::uint64_t n) {
      return RingOfLanes::Push(*producer, n);
    });
    return fault.empty() ? std::string(kSent) : fault;
  }
};

struct LanesOfSamples
    : Lanes<ValueRing<LanesOfSamples, Sample, LaneRing<Sample, 3>>> {
  static constexpr std::string_view kName = "LaneRing";
};
struct LanesOfRecords : Lanes<RecordRing<LanesOfRecords, LaneByteRing<3>>> {
  static constexpr std::string_view kName = "LaneByteRing";
};

// ---- Broadcasts -------------------------------------------------------------

// Not every value arrives, but whose turn it is, and how many were lost, is
// always right. `Derived` names the ring, and pushes the value of a number; its
// Read takes the next one, whose number is Position of the reader then: kCorrupt
// if it is another.
template <typename Derived, typename OneRing>
struct BroadcastKind {
  using Ring = OneRing;
  static constexpr std::uint64_t kMirror = 0;

  static Result<Ring> Create(std::span<std::byte> bytes) {
    return Ring::Create(bytes, Derived::kCapacity);
  }
  static auto ClaimSender(std::span<std::byte> bytes) {
    return Ring::Attach(bytes).and_then(
        [](const Ring& ring) { return ring.ClaimWriter(); });
  }

  static std::string Send(std::span<std::byte> bytes) {
    auto writer = ClaimSender(bytes);
    if (!writer) return Fault(writer.error());
    for (std::uint64_t n = 1; n <= kCount; ++n) {
      Derived::Push(*writer, n);
      if (n % 16 == 0) std::this_thread::yield();
    }
    std::move(*writer).Close();
    return std::string(kSent);
  }

  static std::string Receive(std::span<std::byte> bytes) {
    auto reader = Ring::AttachReadOnly(bytes);
    if (!reader) return Fault(reader.error());
    std::uint64_t last = 0;
    bool is_first = true;  // it may begin anywhere
    for (Patience patience; patience.Lasts();) {
      std::uint64_t lost = 0;
      const RingResult result = Derived::Read(*reader, lost);
      const std::uint64_t now = Derived::Position(*reader);
      if (result == RingResult::kEmpty || result == RingResult::kContended) {
        continue;
      }
      if (result != RingResult::kOk && result != RingResult::kClosed) {
        return Fault(now, result);
      }
      const std::uint64_t read = result == RingResult::kOk ? 1 : 0;
      if (!is_first && now != last + lost + read) {
        return "after value " + std::to_string(last) + " so many were lost: " +
               std::to_string(lost) + ", not those up to " +
               std::to_string(now);
      }
      if (result == RingResult::kClosed) {
        return now == kCount ? std::string(kReceived) : Fault(now, result);
      }
      last = now;
      is_first = false;
      patience.Renew();
    }
    return Fault(last + 1, RingResult::kEmpty);
  }
};

struct BroadcastSamples
    : BroadcastKind<BroadcastSamples, BroadcastRing<Sample>> {
  static constexpr std::string_view kName = "BroadcastRing";
  static constexpr std::uint64_t kCapacity = 64;
  static constexpr std::uint64_t kBytes = Ring::SizeFor(kCapacity);

  static void Push(Ring::Writer& writer, std::uint64_t n) {
    writer.Push(ValueOf<Sample>(n));
  }
  static std::uint64_t Position(const Ring::Reader& reader) {
    return reader.position();
  }
  static RingResult Read(Ring::Reader& reader, std::uint64_t& lost) {
    Sample sample;
    const RingResult result = reader.TryRead(sample, lost);
    const bool is_wrong =
        result == RingResult::kOk && !IsValue(sample, Position(reader));
    return is_wrong ? RingResult::kCorrupt : result;
  }
};

struct BroadcastRecords : BroadcastKind<BroadcastRecords, BroadcastByteRing> {
  static constexpr std::string_view kName = "BroadcastByteRing";
  static constexpr std::uint64_t kCapacity = 0x1000;
  static constexpr std::uint64_t kBytes = Ring::SizeFor(kCapacity);

  static void Push(Ring::Writer& writer, std::uint64_t n) {
    // What did not fit is missed by the reader.
    static_cast<void>(writer.TryPush(RecordOf(n, kLongest)));
  }
  static std::uint64_t Position(const Ring::Reader& reader) {
    return reader.number();
  }
  static RingResult Read(Ring::Reader& reader, std::uint64_t& lost) {
    std::vector<std::byte> record(kLongest);
    std::size_t length = 0;
    const RingResult result = reader.TryRead(record, length, lost);
    if (result != RingResult::kOk) return result;
    if (length > record.size()) return RingResult::kCorrupt;
    record.resize(length);
    return record == RecordOf(Position(reader), kLongest)
               ? result
               : RingResult::kCorrupt;
  }

 private:
  // An eighth of data takes it, with its header.
  static constexpr std::size_t kLongest = kCapacity / 8 - 16;
};

// ---- The newest value -------------------------------------------------------

// Seqlock and Latest: not every value arrives, but each is whole, none older
// than the one before, and the final one is the last.
template <typename Newest>
struct NewestKind {
  static constexpr std::uint64_t kBytes = Newest::SizeFor();
  static constexpr std::uint64_t kMirror = 0;

  static Result<Newest> Create(std::span<std::byte> bytes) {
    return Newest::Create(bytes);
  }
  static auto ClaimSender(std::span<std::byte> bytes) {
    return Newest::Attach(bytes).and_then(
        [](const Newest& newest) { return newest.ClaimWriter(); });
  }

  static std::string Send(std::span<std::byte> bytes) {
    auto writer = ClaimSender(bytes);
    if (!writer) return Fault(writer.error());
    for (std::uint64_t n = 1; n <= kCount; ++n) {
      writer->Store(ValueOf<Sample>(n));
      if (n % 16 == 0) std::this_thread::yield();
    }
    std::move(*writer).Close();
    return std::string(kSent);
  }

  static std::string Receive(std::span<std::byte> bytes) {
    auto reader = Newest::AttachReadOnly(bytes);
    if (!reader) return Fault(reader.error());
    std::uint64_t last = 0;
    for (Patience patience; patience.Lasts();) {
      const bool is_final = reader->IsClosed();
      Sample sample;
      const RingResult result = reader->TryLoad(sample);
      if (result == RingResult::kCorrupt) return Fault(last + 1, result);
      if (result != RingResult::kOk) continue;
      if (!IsValue(sample, sample.number) || sample.number < last) {
        return "after value " + std::to_string(last) + " came a wrong one";
      }
      if (sample.number != last) patience.Renew();
      last = sample.number;
      if (is_final) break;
    }
    return last == kCount ? std::string(kReceived)
                          : "the last value was " + std::to_string(last);
  }
};

struct SampleSeqlock : NewestKind<Seqlock<Sample>> {
  static constexpr std::string_view kName = "Seqlock";
};
struct LatestSample : NewestKind<Latest<Sample>> {
  static constexpr std::string_view kName = "Latest";
};

// ---- Counter ----------------------------------------------------------------

// No values, but one for each: the sender adds and in the end waits until the
// receiver has taken all away.
struct PlainCounter {
  static constexpr std::string_view kName = "Counter";
  static constexpr std::uint64_t kBytes = Counter::SizeFor();
  static constexpr std::uint64_t kMirror = 0;

  static Result<void> Create(std::span<std::byte> bytes) {
    return Counter::Reset(bytes, NobodyUsesIt());
  }
  static std::string Send(std::span<std::byte> bytes) {
    const auto counter = Counter::Attach(bytes);
    if (!counter) return Fault(counter.error());
    std::string fault = ForEachValue([&](std::uint64_t) {
      std::int32_t count = 0;
      return counter->Increment(count);
    });
    const RingResult end = Await([&] {
      return counter->Load() == 0 ? RingResult::kOk : RingResult::kFull;
    });
    if (end != RingResult::kOk) return Fault(kCount, end);
    return fault.empty() ? std::string(kSent) : fault;
  }
  static std::string Receive(std::span<std::byte> bytes) {
    const auto counter = Counter::Attach(bytes);
    if (!counter) return Fault(counter.error());
    std::string fault = ForEachValue([&](std::uint64_t) {
      std::int32_t count = counter->Load();
      return count > 0 ? counter->Decrement(count) : RingResult::kEmpty;
    });
    return fault.empty() ? std::string(kReceived) : fault;
  }
};

// ---- All of them ------------------------------------------------------------

template <typename... Kinds>
struct KindList {};

// For any bytes, and for those that a port can map twice in a row.
using PlainKinds =
    KindList<NumberRing, SampleRing, ManyRing, ManyRecordRing, SharedRing,
             LanesOfSamples, LanesOfRecords, PaddedRing, BroadcastSamples,
             BroadcastRecords, SampleSeqlock, LatestSample, PlainCounter>;
using AllKinds =
    KindList<NumberRing, SampleRing, ManyRing, ManyRecordRing, SharedRing,
             LanesOfSamples, LanesOfRecords, PaddedRing, BroadcastSamples,
             BroadcastRecords, SampleSeqlock, LatestSample, PlainCounter,
             MirroredRing>;

// Those that one party at a time may write.
template <typename Kind>
concept HasRoles = requires(std::span<std::byte> bytes) {
  Kind::ClaimSender(bytes);
}
&&!requires { Kind::kHasManySenders; };

// What either side does by name; the answer is "created", or as above.
template <typename Kind>
std::string Perform(std::string_view verb, std::span<std::byte> bytes) {
  if (verb == "send") return Kind::Send(bytes);
  if (verb == "receive") return Kind::Receive(bytes);
  if (verb != "create") return "no such verb";
  const auto created = Kind::Create(bytes);
  return created ? "created" : Fault(created.error());
}

}  // namespace placid::placement

#endif  // PLACID_TESTS_CONFORMANCE_PLACEMENT_KINDS_H_
