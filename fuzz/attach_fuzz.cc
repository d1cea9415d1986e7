// SPDX-License-Identifier: Apache-2.0
//
// Attach: any bytes, of any size and alignment, taken for any placed type. What
// attaches is then used, each role and each reader, while the bytes keep
// changing. Every refusal is a documented one with something to say.
#include <array>
#include <string_view>

#include "fuzz/harness.h"
#include "placid/primitives/broadcast_byte_ring.h"
#include "placid/primitives/broadcast_ring.h"
#include "placid/primitives/counter.h"
#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/lane_ring.h"
#include "placid/primitives/latest.h"
#include "placid/primitives/mpmc_ring.h"
#include "placid/primitives/mpsc_byte_ring.h"
#include "placid/primitives/mpsc_ring.h"
#include "placid/primitives/seqlock.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "placid/primitives/spsc_ring.h"
#include "placid/segment/directory.h"

namespace placid::fuzz {
namespace {

struct Pose {
  double x;
  double y;
  std::uint64_t time_ns;
};
PLACID_FIELDS(Pose, x, y, time_ns)

constexpr std::size_t kMostBytes = 0x10000 * 3;
constexpr std::uint64_t kAccesses = 100;  // of any one operation here
constexpr std::uint64_t kOvertaken = 500;  // of a read that begins 16 times

void CheckError(const Error& error) {
  PLACID_FUZZ_CHECK(std::string_view(error.operation) != "");
  PLACID_FUZZ_CHECK(error.advice != nullptr && *error.advice != '\0');
  PLACID_FUZZ_CHECK(!error.Message().view().empty());
}
template <typename T>
bool IsThere(const Result<T>& result) {
  if (!result) CheckError(result.error());
  return result.has_value();
}

// ---- What there is of each type: how large it is, an image of it, a use for
// it

// Claims or takes over both roles of a ring and lets them work a while.
template <typename Ring, typename Push, typename Pop>
void UseRing(HostilePeer& peer, Input& input, const Ring& ring, Push push,
             Pop pop) {
  const RoleHolder producer_holder = ring.ProducerHolder();
  auto producer = producer_holder.is_free()
                      ? ring.ClaimProducer()
                      : ring.TakeOverProducer(AttestedDeath(producer_holder));
  const RoleHolder consumer_holder = ring.ConsumerHolder();
  auto consumer = consumer_holder.is_free()
                      ? ring.ClaimConsumer()
                      : ring.TakeOverConsumer(AttestedDeath(consumer_holder));
  const bool can_push = IsThere(producer);
  const bool can_pop = IsThere(consumer);
  for (int i = 0; i < 20 && !input.is_spent(); ++i) {
    peer.Allow(kAccesses);
    if (can_push) static_cast<void>(push(*producer));
    if (can_pop) static_cast<void>(pop(*consumer));
    if (input.TakeBool()) peer.Scribble();
  }
  peer.Allow(kAccesses);
  if (can_push && input.TakeBool()) producer->Close();
  if (can_pop && input.TakeBool()) consumer->Close();
}

struct ByteRings {
  using Type = SpscByteRing;
  static std::uint64_t SizeFor(std::uint64_t capacity) {
    return Type::SizeFor(capacity);
  }
  static bool Create(std::span<std::byte> bytes, std::uint64_t capacity) {
    return IsThere(Type::Create(bytes, capacity,
                                bytes.size() >= kMostBytes - 256
                                    ? Type::Wrap::kMirrored
                                    : Type::Wrap::kPadding));
  }
  static void Use(HostilePeer& peer, Input& input, const Type& ring) {
    UseRing(
        peer, input, ring,
        [&](Type::Producer& producer) {
          const std::array<std::byte, 100> record{};
          return producer.TryPush(
              std::span(record).first(input.TakeAtMost(record.size())));
        },
        [](Type::Consumer& consumer) {
          SharedBytes record;
          const RingResult result = consumer.TryFront(record);
          Touch(record.TrustPeer());
          return result;
        });
  }
};

template <typename T, std::uint64_t kExtent>
struct Rings {
  using Type = SpscRing<T, kExtent>;
  static std::uint64_t SizeFor(std::uint64_t capacity) {
    return Type::SizeFor(kExtent == kDynamic ? capacity : kExtent);
  }
  static bool Create(std::span<std::byte> bytes, std::uint64_t capacity) {
    return IsThere(Type::Create(bytes, capacity));
  }
  static void Use(HostilePeer& peer, Input& input, const Type& ring) {
    UseRing(
        peer, input, ring,
        [](typename Type::Producer& producer) { return producer.TryPush(T{}); },
        [](typename Type::Consumer& consumer) {
          T value;
          return consumer.TryPop(value);
        });
  }
};

// Anybody may produce. `one`: accesses of one operation.
template <typename Ring, typename Push, typename Pop>
void UseRingOfMany(HostilePeer& peer, Input& input, const Ring& ring,
                   std::uint64_t one, Push push, Pop pop) {
  constexpr OwnerId kOwner = *OwnerId::Of(1, 1);
  peer.Allow(2 * one);
  const RoleHolder holder = ring.ConsumerHolder();
  auto producer = ring.ClaimProducer(kOwner);
  auto consumer = holder.is_free()
                      ? ring.ClaimConsumer()
                      : ring.TakeOverConsumer(AttestedDeath(holder));
  const bool can_push = IsThere(producer);
  const bool can_pop = IsThere(consumer);
  for (int i = 0; i < 20 && !input.is_spent(); ++i) {
    peer.Allow(2 * one);
    if (can_push) static_cast<void>(push(*producer));
    if (can_pop) static_cast<void>(pop(*consumer));
    if (input.TakeBool()) peer.Scribble();
  }
  peer.Allow(2 * one + 3 * ring.capacity());
  if (can_push && input.TakeBool()) static_cast<void>(producer->Close());
  if (can_pop && input.TakeBool()) consumer->Close();
  static_cast<void>(ring.Recover(DeadOwner::Attested(kOwner)));
}

template <typename T, std::uint64_t kExtent>
struct ManyRings {
  using Type = MpscRing<T, kExtent>;

  static std::uint64_t SizeFor(std::uint64_t capacity) {
    return Type::SizeFor(kExtent == kDynamic ? capacity : kExtent);
  }
  static bool Create(std::span<std::byte> bytes, std::uint64_t capacity) {
    return IsThere(Type::Create(bytes, capacity));
  }
  static void Use(HostilePeer& peer, Input& input, const Type& ring) {
    UseRingOfMany(
        peer, input, ring, 20 + 8 * Type::kMostSteps,
        [](typename Type::Producer& producer) { return producer.TryPush(T{}); },
        [](typename Type::Consumer& consumer) {
          T value;
          return consumer.TryPop(value);
        });
  }
};

struct ManyByteRings {
  using Type = MpscByteRing;

  static std::uint64_t SizeFor(std::uint64_t capacity) {
    return Type::SizeFor(capacity);
  }
  static bool Create(std::span<std::byte> bytes, std::uint64_t capacity) {
    return IsThere(Type::Create(bytes, capacity));
  }
  static void Use(HostilePeer& peer, Input& input, const Type& ring) {
    UseRingOfMany(
        peer, input, ring, 20 + 8 * Type::kMostSteps + ring.capacity() / 64,
        [&](Type::Producer& producer) {
          const std::array<std::byte, 100> record{};
          return producer.TryPush(
              std::span(record).first(input.TakeAtMost(record.size())));
        },
        [](Type::Consumer& consumer) {
          SharedBytes record;
          const RingResult result = consumer.TryFront(record);
          Touch(record.TrustPeer());
          return result;
        });
  }
};

// Anybody may do either.
template <typename T, std::uint64_t kExtent>
struct SharedRings {
  using Type = MpmcRing<T, kExtent>;
  static std::uint64_t SizeFor(std::uint64_t capacity) {
    return Type::SizeFor(kExtent == kDynamic ? capacity : kExtent);
  }
  static bool Create(std::span<std::byte> bytes, std::uint64_t capacity) {
    return IsThere(Type::Create(bytes, capacity));
  }
  static void Use(HostilePeer& peer, Input& input, const Type& ring) {
    constexpr OwnerId kOwner = *OwnerId::Of(1, 1);
    // Each may look at every slot, and for its place at each of 64 tries.
    const std::uint64_t both = 2 * (20 + 64 * 110 + 6 * ring.capacity());
    peer.Allow(both);
    auto producer = *ring.ClaimProducer(kOwner);
    auto consumer = *ring.ClaimConsumer(
        input.TakeBool() ? Delivery::kAtLeastOnce : Delivery::kAtMostOnce);
    for (int i = 0; i < 20 && !input.is_spent(); ++i) {
      peer.Allow(both);
      static_cast<void>(producer.TryPush(T{}));
      T value;
      static_cast<void>(consumer.TryPop(value));
      if (input.TakeBool()) peer.Scribble();
    }
    peer.Allow(both);
    if (input.TakeBool()) static_cast<void>(producer.Close());
    if (input.TakeBool()) consumer.Close();
    static_cast<void>(ring.Recover(DeadOwner::Attested(kOwner)));
  }
};

template <typename Ring>
struct LaneRings {
  using Type = Ring;
  static std::uint64_t SizeFor(std::uint64_t capacity) {
    return Type::SizeFor(capacity);
  }
  static bool Create(std::span<std::byte> bytes, std::uint64_t capacity) {
    return IsThere(Type::Create(bytes, capacity));
  }
  static void Use(HostilePeer& peer, Input& input, const Type& ring) {
    auto producer = ring.ClaimProducer();
    peer.Allow(kAccesses);
    const RoleHolder holder = ring.ConsumerHolder();
    auto consumer = holder.is_free()
                        ? ring.ClaimConsumer()
                        : ring.TakeOverConsumer(AttestedDeath(holder));
    const bool can_push = IsThere(producer);
    const bool can_pop = IsThere(consumer);
    for (int i = 0; i < 20 && !input.is_spent(); ++i) {
      peer.Allow(kAccesses);
      if (can_push) static_cast<void>(Push(*producer, input));
      if (can_pop) static_cast<void>(Pop(*consumer));
      if (input.TakeBool()) peer.Scribble();
    }
    peer.Allow(kAccesses);
    ring.Recover(DeadOwner::Attested(*OwnerId::Of(1, 1)));
    if (input.TakeBool()) ring.Seal();
    peer.Allow(kAccesses);
    if (can_pop) static_cast<void>(Pop(*consumer));
    if (can_pop && input.TakeBool()) consumer->Close();
  }

 private:
  static RingResult Push(typename Type::Producer& producer, Input& input) {
    if constexpr (requires { producer.TryPush(Pose{}); }) {
      return producer.TryPush(Pose{});
    } else {
      const std::array<std::byte, 100> record{};
      return producer.TryPush(
          std::span(record).first(input.TakeAtMost(record.size())));
    }
  }
  static RingResult Pop(typename Type::Consumer& consumer) {
    if constexpr (requires(Pose pose) { consumer.TryPop(pose); }) {
      Pose pose;
      return consumer.TryPop(pose);
    } else {
      SharedBytes record;
      const RingResult result = consumer.TryFront(record);
      Touch(record.TrustPeer());
      return result;
    }
  }
};

// One writes, if the role is to be had, and one reads. `claim`: accesses of
// whoever takes the role.
template <typename Ring, typename Push, typename Read>
void UseBroadcast(HostilePeer& peer, Input& input, const Ring& ring,
                  std::uint64_t claim, Push push, Read read) {
  auto reader = ring.MakeReader();
  peer.Allow(claim);
  const RoleHolder holder = ring.WriterHolder();
  auto writer = holder.is_free() ? ring.ClaimWriter()
                                 : ring.TakeOverWriter(AttestedDeath(holder));
  const bool can_push = IsThere(writer);
  for (int i = 0; i < 20 && !input.is_spent(); ++i) {
    peer.Allow(kAccesses);
    if (can_push) push(*writer);
    peer.Allow(kOvertaken);
    read(reader);
    if (input.TakeBool()) peer.Scribble();
  }
  peer.Allow(kAccesses);
  if (can_push && input.TakeBool()) std::move(*writer).Close();
}

template <typename T, std::uint64_t kExtent>
struct Broadcasts {
  using Type = BroadcastRing<T, kExtent>;
  static std::uint64_t SizeFor(std::uint64_t capacity) {
    return Type::SizeFor(kExtent == kDynamic ? capacity : kExtent);
  }
  static bool Create(std::span<std::byte> bytes, std::uint64_t capacity) {
    return IsThere(Type::Create(bytes, capacity));
  }
  static void Read(typename Type::Reader reader) {
    T value;
    std::uint64_t lost = 0;
    static_cast<void>(reader.TryRead(value, lost));
  }
  static void Use(HostilePeer& peer, Input& input, const Type& ring) {
    UseBroadcast(
        peer, input, ring, kAccesses,
        [](typename Type::Writer& writer) { writer.Push(T{}); },
        [](typename Type::Reader& reader) {
          T value;
          std::uint64_t lost = 0;
          static_cast<void>(reader.TryRead(value, lost));
        });
  }
};

struct ByteBroadcasts {
  using Type = BroadcastByteRing;
  static std::uint64_t SizeFor(std::uint64_t capacity) {
    return Type::SizeFor(capacity);
  }
  static bool Create(std::span<std::byte> bytes, std::uint64_t capacity) {
    return IsThere(Type::Create(bytes, capacity));
  }
  static void Read(Type::Reader reader) {
    HostilePeer::Current()->AllowReads(kOvertaken);
    Look(reader);
  }
  static void Use(HostilePeer& peer, Input& input, const Type& ring) {
    UseBroadcast(
        peer, input, ring, kAccesses + ring.capacity() / Type::kHeaderBytes,
        [&](Type::Writer& writer) {
          const std::array<std::byte, 100> record{};
          static_cast<void>(writer.TryPush(
              std::span(record).first(input.TakeAtMost(record.size()))));
        },
        Look);
  }

 private:
  static void Look(Type::Reader& reader) {
    SharedBytes record;
    std::uint64_t lost = 0;
    static_cast<void>(reader.TryPeek(record, lost));
    Touch(record.TrustPeer());
    static_cast<void>(reader.Validate());
  }
};

template <typename T>
struct NewestValues {
  using Type = T;
  static std::uint64_t SizeFor(std::uint64_t) { return Type::SizeFor(); }
  static bool Create(std::span<std::byte> bytes, std::uint64_t) {
    return IsThere(Type::Create(bytes));
  }
  static void Use(HostilePeer& peer, Input& input, const Type& type) {
    const RoleHolder holder = type.WriterHolder();
    auto writer = holder.is_free() ? type.ClaimWriter()
                                   : type.TakeOverWriter(AttestedDeath(holder));
    const bool can_write = IsThere(writer);
    for (int i = 0; i < 20 && !input.is_spent(); ++i) {
      peer.Allow(kAccesses);
      if (can_write && input.TakeBool()) writer->Store(Pose{});
      if (input.TakeBool()) peer.Scribble();
      Read(type.MakeReader());
    }
    peer.Allow(kAccesses);
  }
  static void Read(typename Type::Reader reader) {
    Pose pose;
    static_cast<void>(reader.TryLoad(pose));
    static_cast<void>(reader.IsClosed());
  }
};

struct Counters {
  using Type = Counter;
  static std::uint64_t SizeFor(std::uint64_t) { return Type::SizeFor(); }
  static bool Create(std::span<std::byte>, std::uint64_t) { return true; }
  static void Use(HostilePeer&, Input& input, const Counter& counter) {
    std::int32_t count = 0;
    static_cast<void>(counter.Add(
        static_cast<std::int32_t>(input.Take<std::uint32_t>()), count));
  }
  static void Read(Counter::Reader reader) { static_cast<void>(reader.Load()); }
};

struct Directories {
  using Type = Directory;
  static std::uint64_t SizeFor(std::uint64_t capacity) {
    return Type::SizeFor(Count(capacity), 64 * kLineBytes);
  }
  static bool Create(std::span<std::byte> bytes, std::uint64_t capacity) {
    const auto directory = Type::Create(bytes, Count(capacity));
    return IsThere(directory) && IsThere(directory->FindOrCreate<Counter>(
                                     "counter", OwnerId::Unowned()));
  }
  static void Use(HostilePeer& peer, Input& input, const Type& directory) {
    const std::uint64_t accesses = kAccesses + 12 * directory.count();
    for (int i = 0; i < 20 && !input.is_spent(); ++i) {
      peer.Allow(accesses);
      static_cast<void>(IsThere(directory.FindOrCreate<SpscRing<Pose>>(
          input.TakeBool() ? "ring" : "other", OwnerId::Unowned(), 4)));
      peer.Allow(accesses);
      static_cast<void>(IsThere(directory.Find<Counter>("counter")));
      peer.Allow(accesses);
      directory.Recover(DeadOwner::Attested(OwnerId::Unowned()));
      if (input.TakeBool()) peer.Scribble();
    }
  }
  static void Read(const Type::Reader& reader) {
    HostilePeer::Current()->AllowReads(kAccesses + 4 * reader.count());
    static_cast<void>(reader.ForEach(
        [](const DirectoryEntry& entry) { Touch(entry.object.TrustPeer()); }));
  }

 private:
  static std::uint64_t Count(std::uint64_t capacity) {
    return std::min<std::uint64_t>(capacity, 64);
  }
};

// ---- The bytes

// A span of any size, often about right, aligned or not.
std::span<std::byte> Place(GuardedArena& arena, std::uint64_t right,
                           Input& input) {
  constexpr std::size_t kMost = kMostBytes - 256;
  const auto about =
      static_cast<std::size_t>(std::min<std::uint64_t>(right, kMost));
  const auto draw = input.Take<std::uint8_t>();
  std::size_t size = about;
  if (draw < 32) size = std::min<std::size_t>(about + draw, kMost);
  if (draw >= 32 && draw < 64) size -= std::min<std::size_t>(size, draw - 31u);
  if (draw >= 64 && draw < 96) size = draw - 64u;
  if (draw >= 240) size = kMost;
  const std::size_t skew = draw % 8 == 1 ? input.TakeAtMost(130) : 0;
  return arena.Place(size, kLineBytes, skew);
}

// An object's image with some of its words replaced, or any bytes at all.
template <typename Kind>
void Fill(std::span<std::byte> bytes, std::uint64_t capacity, Input& input) {
  if (input.TakeAtMost(3) == 3) {
    const auto image = input.TakeBytes(std::min<std::size_t>(
        bytes.size(), input.Take<std::uint8_t>() * std::size_t{4}));
    std::copy(image.begin(), image.end(), bytes.begin());
    return;
  }
  if (!Kind::Create(bytes, capacity) || bytes.size() < 8) return;
  for (auto changes = input.TakeAtMost(7); changes > 0; --changes) {
    const auto word = input.Take<std::uint64_t>();
    const auto at = static_cast<std::size_t>(
        input.TakeAtMost(std::min<std::size_t>(bytes.size() - 8, 0x200)));
    std::memcpy(bytes.data() + at / 8 * 8, &word, 8);
  }
}

template <typename Kind>
void One(Input& input) {
  using Type = typename Kind::Type;
  static GuardedArena arena(kMostBytes);
  const std::uint64_t capacity = std::uint64_t{1} << input.TakeAtMost(17);
  const auto bytes = Place(arena, Kind::SizeFor(capacity), input);
  Fill<Kind>(bytes, capacity, input);

  HostilePeer peer(input, bytes, Honesty::kHostile);
  if constexpr (requires { Type::AttachReadOnly(bytes); }) {
    peer.AllowReads(kAccesses);
    const auto reader = Type::AttachReadOnly(bytes);
    if (IsThere(reader)) Kind::Read(*reader);
  }
  peer.Allow(kAccesses);
  const auto type = Type::Attach(bytes);
  if (IsThere(type)) Kind::Use(peer, input, *type);

  // Whatever it was, it can be made new, where there is room for one.
  peer.Allow(kAccesses);
  if (IsThere(Type::Reset(bytes, NobodyUsesIt()))) {
    for (const std::byte byte : bytes.first(sizeof(typename Type::Memory))) {
      PLACID_FUZZ_CHECK(byte == std::byte{0});
    }
  }
  arena.CheckSurroundings();
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace placid;        // NOLINT
  using namespace placid::fuzz;  // NOLINT
  Input input(data, size);
  constexpr std::array kTypes = {
      One<ByteRings>,
      One<Rings<std::uint64_t, 8>>,
      One<Rings<Pose, kDynamic>>,
      One<NewestValues<Seqlock<Pose>>>,
      One<NewestValues<Latest<Pose>>>,
      One<Counters>,
      One<Directories>,
      One<ManyRings<std::uint64_t, 8>>,
      One<ManyRings<Pose, kDynamic>>,
      One<LaneRings<LaneRing<Pose, 3>>>,
      One<LaneRings<LaneByteRing<2>>>,
      One<Broadcasts<Pose, 8>>,
      One<Broadcasts<std::uint64_t, kDynamic>>,
      One<SharedRings<std::uint64_t, 8>>,
      One<SharedRings<Pose, kDynamic>>,
      One<ManyByteRings>,
      One<ByteBroadcasts>,
  };
  kTypes[input.TakeAtMost(kTypes.size() - 1)](input);
  return 0;
}
