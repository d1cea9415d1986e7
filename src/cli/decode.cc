// SPDX-License-Identifier: Apache-2.0
#include "cli/decode.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "cli/report.h"
#include "cli/text.h"
#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/result.h"
#include "placid/base/shared_bytes.h"
#include "placid/base/stamp.h"
#include "placid/base/untrusted.h"
#include "placid/primitives/broadcast_byte_ring.h"
#include "placid/primitives/broadcast_ring.h"
#include "placid/primitives/counter.h"
#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/lane_ring.h"
#include "placid/primitives/latest.h"
#include "placid/primitives/mpmc_ring.h"
#include "placid/primitives/mpsc_byte_ring.h"
#include "placid/primitives/mpsc_ring.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/role.h"
#include "placid/primitives/seqlock.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "placid/primitives/spsc_ring.h"
#include "placid/segment/directory.h"
#include "placid/segment/entry_state.h"
#include "placid/segment/object_record.h"
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

// The capacity of a ring of values, if it says one that can be.
std::optional<std::uint64_t> DescribeCapacity(std::uint64_t stated,
                                              SharedBytes bytes, Json& json) {
  // A slot has a byte at least.
  if (stated == 0) {
    json["capacity"] = "fixed by its type";
  } else if (IsCapacity(stated) && stated <= bytes.size()) {
    json["capacity"] = stated;
    return stated;
  } else {
    json["capacity"] = Concat("cannot be: ", stated);
  }
  return std::nullopt;
}

std::uint64_t DescribeRingOfValues(SharedBytes bytes, Json& json) {
  using Object = SpscRing<std::uint64_t>;
  const auto words = CopyWords<Object>(bytes);
  if (!words) return 0;
  const auto capacity = DescribeCapacity(Word(words->capacity), bytes, json);
  DescribeRing(*words, capacity, "", json);
  return sizeof(Object::Memory);
}

// What readers find: from `oldest` to `tail`.
template <typename Words>
void DescribeBroadcast(const Words& words,
                       std::optional<std::uint64_t> capacity, const char* unit,
                       Json& json) {
  const std::uint64_t tail = Word(words.tail);
  const std::uint64_t oldest = Word(words.oldest);
  json[Concat("tail", unit)] = tail;
  json[Concat("oldest", unit)] = oldest;
  const auto kept = Untrusted(tail).PastAtMost(
      oldest, capacity.value_or(std::uint64_t{1} << 62));
  if (kept) {
    json[Concat("kept", unit)] = *kept;
  } else {
    json["kept"] = "contradicts itself: tail and oldest cannot be";
  }
  DescribeWriter(Word(words.writer), Word(words.closed), json);
}

std::uint64_t DescribeBroadcastOfValues(SharedBytes bytes, Json& json) {
  using Object = BroadcastRing<std::uint64_t>;
  const auto words = CopyWords<Object>(bytes);
  if (!words) return 0;
  const auto capacity = DescribeCapacity(Word(words->capacity), bytes, json);
  DescribeBroadcast(*words, capacity, "", json);
  return sizeof(Object::Memory);
}

// How far it is filled only its slots know, whose size depends on the element.
std::uint64_t DescribeRingOfMany(SharedBytes bytes, Json& json) {
  using Object = MpscRing<std::uint64_t>;
  const auto words = CopyWords<Object>(bytes);
  if (!words) return 0;
  DescribeCapacity(Word(words->capacity), bytes, json);
  json["head"] = Word(words->head);
  json["consumer"] = Holder(Word(words->consumer));
  json["consumer_closed"] = Word(words->consumer_closed) != 0;
  return sizeof(Object::Memory);
}

// Its slots know all but this.
std::uint64_t DescribeRingOfManyToMany(SharedBytes bytes, Json& json) {
  using Object = MpmcRing<std::uint64_t>;
  const auto words = CopyWords<Object>(bytes);
  if (!words) return 0;
  DescribeCapacity(Word(words->capacity), bytes, json);
  json["rounds_of_offers"] = Word(words->offers);
  json["consumers_closed"] = Word(words->consumers_closed) != 0;
  return sizeof(Object::Memory);
}

std::uint64_t DescribeRecordsOfMany(std::span<std::byte> bytes, Json& json) {
  const auto words =
      CopyWords<MpscByteRing>(SharedBytes(bytes.data(), bytes.size()));
  if (!words) return 0;
  json["head_bytes"] = Word(words->head) * MpscByteRing::kGranuleBytes;
  json["consumer"] = Holder(Word(words->consumer));
  json["consumer_closed"] = Word(words->consumer_closed) != 0;
  const auto ring = MpscByteRing::Attach(bytes);
  if (!ring) {
    json["capacity"] = Concat("cannot be: ", Word(words->capacity), " (",
                              ToString(ring.error().code), ")");
    return sizeof(MpscByteRing::Memory);
  }
  json["capacity_bytes"] = ring->capacity();
  return MpscByteRing::SizeFor(ring->capacity());
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

// An object, and a way to have more of it brought than its beginning.
struct Subject {
  std::span<std::byte> bytes;
  bool is_whole;  // nothing but the object: a directory says where it ends
  std::function<bool(std::uint64_t offset, std::uint64_t size)> bring;

  [[nodiscard]] SharedBytes shared() const {
    return {bytes.data(), bytes.size()};
  }
};

// Who has which lane, and how much is in it: of those that are held or hold
// something.
template <typename Lane>
Json DescribeUsedLanes(const Subject& subject, std::uint64_t lanes,
                       std::uint64_t capacity, std::uint64_t stride,
                       const char* unit) {
  Json used = Json::array();
  for (std::uint64_t lane = 0; lane < lanes; ++lane) {
    const std::uint64_t at = sizeof(typename LaneByteRing<1>::Memory) +
                             lane * stride;
    constexpr std::uint64_t kSize = sizeof(typename Lane::Memory);
    if (at + kSize > subject.bytes.size() || !subject.bring(at, kSize)) break;
    const auto words = CopyWords<Lane>(
        subject.shared().Subspan(static_cast<std::size_t>(at)));
    if (RoleHolder(Word(words->producer)).is_free() &&
        Word(words->tail) == Word(words->head)) {
      continue;
    }
    Json one{{"lane", lane}};
    DescribeRing(*words, capacity, unit, one);
    // One consumer has them all.
    for (const char* name : {"producer_closed", "consumer", "consumer_closed"})
      one.erase(name);
    used.push_back(std::move(one));
  }
  return used;
}

// The lanes' own words lie where the element's size says, which is not known
// here: but for records of bytes, and where the size of the whole is.
std::uint64_t DescribeLanes(TypeId type, const Subject& subject, Json& json) {
  using Object = LaneByteRing<1>;
  const auto words = CopyWords<Object>(subject.shared());
  if (!words) return 0;
  constexpr std::uint64_t kHeader = sizeof(Object::Memory);
  const std::uint64_t lanes = Word(words->lane_count);
  if (lanes == 0) {
    json["lanes"] = "fixed by its type";
  } else {
    json["lanes"] = lanes;
  }
  const auto capacity =
      DescribeCapacity(Word(words->capacity), subject.shared(), json);
  json["sealed"] = Word(words->sealed) != 0;
  json["consumer"] = Holder(Word(words->consumer));
  json["consumer_closed"] = Word(words->consumer_closed) != 0;
  if (!capacity || lanes == 0 || lanes > kMostLanes) return kHeader;
  const std::uint64_t most = (subject.bytes.size() - kHeader) / lanes;
  if (type == TypeId::kLaneByteRing) {
    const std::uint64_t stride = Object::SizeFor(*capacity) - kHeader;
    if (stride > most) return kHeader;
    json["lanes_in_use"] = DescribeUsedLanes<SpscByteRing>(
        subject, lanes, *capacity, stride, "_bytes");
    return kHeader + lanes * stride;
  }
  if (!subject.is_whole) return kHeader;
  json["lanes_in_use"] = DescribeUsedLanes<SpscRing<std::uint64_t>>(
      subject, lanes, *capacity, most, "");
  return kHeader + lanes * most;
}

std::uint64_t DescribeByteBroadcast(std::span<std::byte> bytes, Json& json) {
  const auto words =
      CopyWords<BroadcastByteRing>(SharedBytes(bytes.data(), bytes.size()));
  if (!words) return 0;
  const auto ring = BroadcastByteRing::Attach(bytes);
  if (!ring) {
    json["capacity"] = Concat("cannot be: ", Word(words->capacity), " (",
                              ToString(ring.error().code), ")");
    DescribeBroadcast(*words, std::nullopt, "_bytes", json);
    return sizeof(BroadcastByteRing::Memory);
  }
  json["capacity_bytes"] = ring->capacity();
  DescribeBroadcast(*words, ring->capacity(), "_bytes", json);
  return BroadcastByteRing::SizeFor(ring->capacity());
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
    case TypeId::kLaneRing: return "LaneRing";
    case TypeId::kLaneByteRing: return "LaneByteRing";
    case TypeId::kBroadcastRing: return "BroadcastRing";
    case TypeId::kMpscRing: return "MpscRing";
    case TypeId::kMpscByteRing: return "MpscByteRing";
    case TypeId::kMpmcRing: return "MpmcRing";
    case TypeId::kBroadcastByteRing: return "BroadcastByteRing";
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
static_assert(LaneByteRing<1>::kLayoutVersion == kKnownVersion);
static_assert(BroadcastRing<std::uint64_t>::kLayoutVersion == kKnownVersion);
static_assert(MpscRing<std::uint64_t>::kLayoutVersion == kKnownVersion);
static_assert(MpscByteRing::kLayoutVersion == kKnownVersion);
static_assert(MpmcRing<std::uint64_t>::kLayoutVersion == kKnownVersion);
static_assert(BroadcastByteRing::kLayoutVersion == kKnownVersion);
static_assert(Doorbells::kLayoutVersion == kKnownVersion);

// {description, bytes that it takes}.
std::pair<Json, std::uint64_t> Describe(const StampWord& stamp,
                                        std::size_t offset,
                                        const Subject& subject) {
  const std::span<std::byte> bytes = subject.bytes;
  const SharedBytes shared = subject.shared();
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
    case TypeId::kLaneRing:
    case TypeId::kLaneByteRing:
      taken = DescribeLanes(stamp.type, subject, json);
      break;
    case TypeId::kBroadcastRing:
      taken = DescribeBroadcastOfValues(shared, json);
      break;
    case TypeId::kMpscRing: taken = DescribeRingOfMany(shared, json); break;
    case TypeId::kMpscByteRing:
      taken = DescribeRecordsOfMany(bytes, json);
      break;
    case TypeId::kMpmcRing:
      taken = DescribeRingOfManyToMany(shared, json);
      break;
    case TypeId::kBroadcastByteRing:
      taken = DescribeByteBroadcast(bytes, json);
      break;
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
  Decoder(std::span<std::byte> bytes, const BringBytes& bring)
      : bytes_(bytes), bring_(bring) {}

  void Walk() {
    const SharedBytes shared(bytes_.data(), bytes_.size());
    for (std::size_t at = 0; at < bytes_.size();) {
      if (!Need(at, sizeof(std::uint64_t))) return;
      const auto word = shared.Load<std::uint64_t>(at);
      if (!word) break;
      std::uint64_t taken = 0;
      if (const auto stamp = StampWord::Read(*word)) {
        const bool is_directory = stamp->type == TypeId::kDirectory;
        if (!Need(at, is_directory ? kMostOfEntries : kMostOfObject)) return;
        auto [json, bytes_taken] =
            Describe(*stamp, at, SubjectAt(at, LeftAt(at), false));
        taken = bytes_taken;
        Add(std::move(json));
        if (is_directory) taken = WalkDirectory(at);
      }
      // To the next line behind it: what it carries is not looked at.
      at += static_cast<std::size_t>(
          (std::max<std::uint64_t>(taken, 1) + kLineBytes - 1) / kLineBytes *
          kLineBytes);
    }
  }

  Json Take() {
    Json json{{"objects", std::move(objects_)}, {"more", more_}};
    if (!ended_.empty()) json["ended"] = ended_;
    return json;
  }

 private:
  // All that is looked at of one object, its record in a directory included;
  // and of a directory itself.
  static constexpr std::uint64_t kMostOfObject = std::uint64_t{16} << 10;
  static constexpr std::uint64_t kMostOfEntries =
      Directory::SizeFor(Directory::kMostEntries);
  static constexpr std::uint64_t kWindow = std::uint64_t{1} << 20;
  static_assert(kMostOfEntries <= kWindow);
  static_assert(ObjectRecord::kMostLayoutBytes + ObjectRecord::kMostNameBytes +
                    Doorbells::SizeFor(Doorbells::kMost) + 2 * kLineBytes <=
                kMostOfObject);

  [[nodiscard]] Subject SubjectAt(std::size_t at, std::uint64_t size,
                                  bool is_whole) {
    return {bytes_.subspan(at, static_cast<std::size_t>(size)), is_whole,
            [this, at](std::uint64_t offset, std::uint64_t some) {
              return IsBrought(at + offset, some) || Bring(at + offset, some);
            }};
  }

  void Add(Json json) {
    if (objects_.size() < kMostDecoded) {
      objects_.push_back(std::move(json));
    } else {
      ++more_;
    }
  }

  [[nodiscard]] std::uint64_t LeftAt(std::uint64_t offset) const {
    return bytes_.size() - offset;
  }
  [[nodiscard]] bool IsBrought(std::uint64_t offset, std::uint64_t size) const {
    return offset >= begin_ && offset + size <= end_;
  }

  // Has these bytes brought, and some more, unless they were: false where that
  // ends it.
  bool Need(std::uint64_t offset, std::uint64_t size) {
    if (IsBrought(offset, std::min(size, LeftAt(offset)))) return true;
    const std::uint64_t some = std::min(kWindow, LeftAt(offset));
    if (!Bring(offset, some)) return false;
    begin_ = offset;
    end_ = offset + some;
    return true;
  }

  bool Bring(std::uint64_t offset, std::uint64_t size) {
    if (!ended_.empty()) return false;
    if (size > kMostLookedAt - looked_at_) {
      ended_ =
          Concat("at offset ", offset, ": so much is looked at, and no more");
      return false;
    }
    looked_at_ += size;
    const auto brought = bring_ ? bring_(offset, size) : Ok();
    if (!brought) {
      ended_ = Concat("at offset ", offset, ": ", Explain(brought.error()));
    }
    return brought.has_value();
  }

  // What a directory names, and how many bytes it all takes. What it names can
  // lie anywhere in it: that is brought when it is known where.
  std::uint64_t WalkDirectory(std::size_t at) {
    const auto directory = Directory::AttachReadOnly(bytes_.subspan(at));
    if (!directory) return 0;
    std::size_t known = objects_.size();
    (void)directory->ForEach([&](const DirectoryEntry& entry) {
      const std::uint64_t offset = at + entry.offset;
      const std::uint64_t size = std::min(kMostOfObject, LeftAt(offset));
      if (known++ < kMostDecoded && !IsBrought(offset, size)) {
        (void)Bring(offset, size);
      }
    });
    const bool is_sound = directory->ForEach(
        [&](const DirectoryEntry& entry) { Add(DescribeEntry(at, entry)); });
    if (!is_sound) {
      Add({{"offset", at}, {"note", "the directory contradicts itself"}});
    }
    return Directory::SizeFor(directory->count(), directory->object_bytes());
  }

  [[nodiscard]] Json DescribeEntry(std::size_t at,
                                   const DirectoryEntry& entry) {
    Json json;
    json["name"] = Escaped(entry.name);
    json["entry"] = ToString(entry.state.phase());
    json["offset"] = at + entry.offset;
    const auto word = entry.object.Load<std::uint64_t>(0);
    const auto stamp = word ? StampWord::Read(*word) : std::nullopt;
    if (stamp) {
      const auto offset = static_cast<std::size_t>(
          entry.object.TrustPeer().data() - bytes_.data());
      json.update(
          Describe(*stamp, offset,
                   SubjectAt(offset, entry.object.size(), true))
              .first);
    } else {
      DescribeUnstamped(entry.type.type, entry.object, json);
    }
    if (!entry.type.layout.empty()) {
      json["element"] = Escaped(entry.type.layout);
    }
    return json;
  }

  std::span<std::byte> bytes_;
  const BringBytes& bring_;
  std::uint64_t begin_ = 0;  // brought, from here
  std::uint64_t end_ = 0;    // to here
  std::uint64_t looked_at_ = 0;
  std::string ended_;  // why
  Json objects_ = Json::array();
  std::uint64_t more_ = 0;
};

}  // namespace

Json DecodeObjects(std::span<std::byte> bytes, const BringBytes& bring) {
  Decoder decoder(bytes, bring);
  decoder.Walk();
  return decoder.Take();
}

}  // namespace placid::cli
