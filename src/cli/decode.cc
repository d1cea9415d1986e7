// SPDX-License-Identifier: Apache-2.0
#include "cli/decode.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "cli/report.h"
#include "cli/text.h"
#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/shared_bytes.h"
#include "placid/base/stamp.h"
#include "placid/base/untrusted.h"
#include "placid/primitives/counter.h"
#include "placid/primitives/latest.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/role.h"
#include "placid/primitives/seqlock.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "placid/primitives/spsc_ring.h"
#include "placid/segment/directory.h"
#include "placid/segment/entry_state.h"
#include "placid/wait/doorbells.h"
#include "placid/wait/event_count.h"
#include "placid/wait/wait_mask.h"

namespace placid::cli {
namespace {

// A stamp taken apart (base/stamp.h).
struct StampWord {
  TypeId type;
  std::uint64_t version;
  std::uint64_t element;

  static std::optional<StampWord> Read(std::uint64_t word) {
    if ((word & 0xFF) != 0xC1 || word >> 56 != 0x1C) return std::nullopt;
    return StampWord{static_cast<TypeId>(word >> 16 & 0xFFFF), word >> 8 & 0xFF,
                     word >> 32 & 0xFFFFFF};
  }
};

// The words at the start of an object: those of all elements lie alike.
template <typename Object>
auto CopyWords(SharedBytes bytes) {
  return bytes.Load<typename Object::Memory>(0);
}
template <typename T>
T Word(const Atomic<T>& word) {
  return word.load(kRelaxed);  // sync: none, a private copy
}

std::string Holder(std::uint64_t word) {
  const RoleHolder holder(word);
  if (holder.is_free()) return "nobody";
  if (holder.has_identity()) return Concat("participant ", holder.index());
  if (holder.index() == OwnerId::Unowned().index()) {
    return "somebody without an identity";
  }
  return "no holder that can be";
}

void DescribeWriter(std::uint64_t writer, std::uint32_t closed, Json& json) {
  json["writer"] = Holder(writer);
  json["closed"] = closed != 0;
}

template <typename Words>
void DescribeRing(const Words& words, std::optional<std::uint64_t> capacity,
                  const char* unit, Json& json) {
  const std::uint64_t tail = Word(words.tail);
  const std::uint64_t head = Word(words.head);
  json[Concat("tail", unit)] = tail;
  json[Concat("head", unit)] = head;
  const auto filled = Untrusted(tail).PastAtMost(
      head, capacity.value_or(std::uint64_t{1} << 62));
  if (filled) {
    json[Concat("filled", unit)] = *filled;
  } else {
    json["filled"] = "contradicts itself: tail and head cannot be";
  }
  json["producer"] = Holder(Word(words.producer));
  json["producer_closed"] = Word(words.producer_closed) != 0;
  json["consumer"] = Holder(Word(words.consumer));
  json["consumer_closed"] = Word(words.consumer_closed) != 0;
}

// Describes one, and says how many bytes it surely takes.
std::uint64_t DescribeSeqlock(SharedBytes bytes, Json& json) {
  using Object = Seqlock<std::uint64_t>;
  const auto words = CopyWords<Object>(bytes);
  if (!words) return 0;
  const std::uint64_t sequence = Word(words->sequence);
  json["version"] = sequence / 2;
  json["being_written"] = sequence % 2 != 0;
  DescribeWriter(Word(words->writer), Word(words->closed), json);
  return sizeof(Object::Memory);
}

std::uint64_t DescribeLatest(SharedBytes bytes, Json& json) {
  using Object = Latest<std::uint64_t>;
  const auto words = CopyWords<Object>(bytes);
  if (!words) return 0;
  json["newest"] = Word(words->newest);
  DescribeWriter(Word(words->writer), Word(words->closed), json);
  return sizeof(Object::Memory);
}

std::uint64_t DescribeRingOfValues(SharedBytes bytes, Json& json) {
  using Object = SpscRing<std::uint64_t>;
  const auto words = CopyWords<Object>(bytes);
  if (!words) return 0;
  const std::uint64_t stated = Word(words->capacity);
  std::optional<std::uint64_t> capacity;
  // A slot has a byte at least.
  if (stated == 0) {
    json["capacity"] = "fixed by its type";
  } else if (IsCapacity(stated) && stated <= bytes.size()) {
    json["capacity"] = stated;
    capacity = stated;
  } else {
    json["capacity"] = Concat("cannot be: ", stated);
  }
  DescribeRing(*words, capacity, "", json);
  return sizeof(Object::Memory);
}

std::uint64_t DescribeByteRing(std::span<std::byte> bytes, Json& json) {
  const auto words =
      CopyWords<SpscByteRing>(SharedBytes(bytes.data(), bytes.size()));
  if (!words) return 0;
  const auto ring = SpscByteRing::Attach(bytes);
  if (!ring) {
    json["capacity"] = Concat("cannot be: ", Word(words->capacity), " (",
                              ToString(ring.error().code), ")");
    DescribeRing(*words, std::nullopt, "_bytes", json);
    return sizeof(SpscByteRing::Memory);
  }
  json["capacity_bytes"] = ring->capacity();
  DescribeRing(*words, ring->capacity(), "_bytes", json);
  return SpscByteRing::SizeFor(ring->capacity(), ring->wrap());
}

std::uint64_t DescribeDoorbells(SharedBytes bytes, Json& json) {
  const auto words = CopyWords<Doorbells>(bytes);
  const std::uint32_t count =
      words ? Doorbells::CountIn(Word(words->stamp)) : 0;
  json["doorbells"] = count;
  Json taken = Json::array();
  for (std::uint64_t index = 0; index < count; ++index) {
    const auto row = bytes.Load<Doorbells::Row>(Doorbells::kRowsOffset +
                                                index * sizeof(Doorbells::Row));
    if (!row || RoleHolder(Word(row->waiter)).is_free()) continue;
    taken.push_back({{"index", index},
                     {"waiter", Holder(Word(row->waiter))},
                     {"woken_by", Word(row->bell) == 0 ? "futex" : "event"}});
  }
  json["taken"] = std::move(taken);
  return Doorbells::SizeFor(count);
}

const char* NameOf(TypeId type) {
  switch (type) {
    case TypeId::kSeqlock: return "Seqlock";
    case TypeId::kLatest: return "Latest";
    case TypeId::kSpscRing: return "SpscRing";
    case TypeId::kSpscByteRing: return "SpscByteRing";
    case TypeId::kParticipants: return "Participants";
    case TypeId::kNameRecord: return "NameRecord";
    case TypeId::kSegmentHeader: return "SegmentHeader";
    case TypeId::kDirectory: return "Directory";
    case TypeId::kCounter: return "Counter";
    case TypeId::kEventCount: return "EventCount";
    case TypeId::kWaitMask: return "WaitMask";
    case TypeId::kDoorbells: return "Doorbells";
    default: return nullptr;
  }
}

// Those that bear no stamp, of which a directory alone knows what they are.
void DescribeUnstamped(TypeId type, SharedBytes bytes, Json& json) {
  if (type == TypeId::kCounter) {
    if (const auto words = CopyWords<Counter>(bytes)) {
      json["count"] = Word(words->count);
    }
  } else if (type == TypeId::kEventCount) {
    if (const auto words = CopyWords<EventCount>(bytes)) {
      json["armed"] = Word(words->state) % 2 != 0;
      json["wakes"] = Word(words->state) / 2;
      json["some_publisher_does_not_fence"] = Word(words->mode) % 2 != 0;
      json["a_herd_has_slept_here"] = Word(words->mode) / 2 % 2 != 0;
    }
  } else if (type == TypeId::kWaitMask) {
    if (const auto words = CopyWords<WaitMask>(bytes)) {
      Json armed = Json::array();
      for (std::uint64_t bits = Word(words->armed); bits != 0;
           bits &= bits - 1) {
        armed.push_back(std::countr_zero(bits));
      }
      json["armed_doorbells"] = std::move(armed);
      json["some_publisher_does_not_fence"] = Word(words->mode) % 2 != 0;
    }
  } else {
    return;
  }
  json["type"] = NameOf(type);
}

std::string NameOf(const StampWord& stamp) {
  if (const char* name = NameOf(stamp.type)) return name;
  const auto number = static_cast<std::uint64_t>(stamp.type);
  constexpr auto kForeign = static_cast<std::uint64_t>(TypeId::kFirstForeign);
  return number >= kForeign ? Concat("a type of others, number ", number)
                            : Concat("unknown type ", number);
}

// Every layout so far has this version.
constexpr std::uint64_t kKnownVersion = 0;
static_assert(Seqlock<std::uint64_t>::kLayoutVersion == kKnownVersion);
static_assert(Latest<std::uint64_t>::kLayoutVersion == kKnownVersion);
static_assert(SpscRing<std::uint64_t>::kLayoutVersion == kKnownVersion);
static_assert(SpscByteRing::kLayoutVersion == kKnownVersion);
static_assert(Doorbells::kLayoutVersion == kKnownVersion);

// {description, bytes that it takes}.
std::pair<Json, std::uint64_t> Describe(const StampWord& stamp,
                                        std::size_t offset,
                                        std::span<std::byte> bytes) {
  const SharedBytes shared(bytes.data(), bytes.size());
  Json json;
  json["offset"] = offset;
  json["type"] = NameOf(stamp);
  json["layout_version"] = stamp.version;
  if (stamp.element != 0) json["element_hash"] = stamp.element;
  if (stamp.version != kKnownVersion) {
    json["note"] = "of a layout that this release does not know";
    return {json, 0};
  }
  std::uint64_t taken = 0;
  switch (stamp.type) {
    case TypeId::kSeqlock: taken = DescribeSeqlock(shared, json); break;
    case TypeId::kLatest: taken = DescribeLatest(shared, json); break;
    case TypeId::kSpscRing: taken = DescribeRingOfValues(shared, json); break;
    case TypeId::kSpscByteRing: taken = DescribeByteRing(bytes, json); break;
    case TypeId::kDoorbells: taken = DescribeDoorbells(shared, json); break;
    default: break;
  }
  return {json, taken};
}

const char* ToString(EntryState::Phase phase) {
  switch (phase) {
    case EntryState::Phase::kFree: return "free";
    case EntryState::Phase::kBeingMade: return "being made";
    case EntryState::Phase::kReady: return "ready";
    case EntryState::Phase::kLeft: return "left by its maker";
    case EntryState::Phase::kForeign: break;
  }
  return "cannot be";
}

class Decoder {
 public:
  explicit Decoder(std::span<std::byte> bytes) : bytes_(bytes) {}

  void Walk() {
    const SharedBytes shared(bytes_.data(), bytes_.size());
    for (std::size_t at = 0; at < bytes_.size();) {
      const auto word = shared.Load<std::uint64_t>(at);
      if (!word) break;
      std::uint64_t taken = 0;
      if (const auto stamp = StampWord::Read(*word)) {
        auto [json, bytes_taken] = Describe(*stamp, at, bytes_.subspan(at));
        taken = bytes_taken;
        Add(std::move(json));
        if (stamp->type == TypeId::kDirectory) taken = WalkDirectory(at);
      }
      // To the next line behind it: what it carries is not looked at.
      at += static_cast<std::size_t>(
          (std::max<std::uint64_t>(taken, 1) + kLineBytes - 1) / kLineBytes *
          kLineBytes);
    }
  }

  Json Take() { return {{"objects", std::move(objects_)}, {"more", more_}}; }

 private:
  void Add(Json json) {
    if (objects_.size() < kMostDecoded) {
      objects_.push_back(std::move(json));
    } else {
      ++more_;
    }
  }

  // What a directory names, and how many bytes it all takes.
  std::uint64_t WalkDirectory(std::size_t at) {
    const auto directory = Directory::AttachReadOnly(bytes_.subspan(at));
    if (!directory) return 0;
    const bool is_sound = directory->ForEach([&](const DirectoryEntry& entry) {
      Json json;
      json["name"] = Escaped(entry.name);
      json["entry"] = ToString(entry.state.phase());
      json["offset"] = at + entry.offset;
      const auto word = entry.object.Load<std::uint64_t>(0);
      const auto stamp = word ? StampWord::Read(*word) : std::nullopt;
      if (stamp) {
        const auto offset = static_cast<std::size_t>(
            entry.object.TrustPeer().data() - bytes_.data());
        json.update(Describe(*stamp, offset,
                             bytes_.subspan(offset, entry.object.size()))
                        .first);
      } else {
        DescribeUnstamped(entry.type.type, entry.object, json);
      }
      if (!entry.type.layout.empty()) {
        json["element"] = Escaped(entry.type.layout);
      }
      Add(std::move(json));
    });
    if (!is_sound) {
      Add({{"offset", at}, {"note", "the directory contradicts itself"}});
    }
    return Directory::SizeFor(directory->count(), directory->object_bytes());
  }

  std::span<std::byte> bytes_;
  Json objects_ = Json::array();
  std::uint64_t more_ = 0;
};

}  // namespace

Json DecodeObjects(std::span<std::byte> bytes) {
  Decoder decoder(bytes);
  decoder.Walk();
  return decoder.Take();
}

}  // namespace placid::cli
