// SPDX-License-Identifier: Apache-2.0
//
// Directory: named, typed objects in the same bytes, each made once by the
// first of all who ask for its name.
//
//   auto directory = *Directory::Attach(segment.bytes());
//   auto ring = directory.FindOrCreate<SpscRing<Order>>("orders", me, 1024);
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field    writer   meaning
//   0x000      8  stamp    creator  type, version
//   0x008      8  count    creator  entries, 1 to 65,536
//   0x010      8  size     creator  bytes for objects, from the next line after
//                                   the entries on
//   0x018    104  pad0
//   0x080      N  entries  anybody  a word for each object; then the objects
//
// An entry's word (entry_state.h) says all: whose it is, the hash h of its
// name, and that its object takes n lines. Objects lie in the order of their
// entries, so the lines of one begin where those before it end. In them stands
// a record with name and type (object_record.h), then the object.
//
//   from             to               by
//   free             made by r, h, n  FindOrCreate: one swap takes entry, name
//                                     and lines, and says who takes them
//   made by r, h, n  ready h, n       FindOrCreate, when the object is whole
//   made by r, h, n  left h, n        FindOrCreate, when making has failed;
//                                     Recover, when r is dead
//   left h, n        made by r, h, n  FindOrCreate of a name of that hash
//   left h, n        left 0, n        FindOrCreate of a name of that hash that
//                                     needs more lines
//
// Invariant  No name is ready twice. Whoever looks for a name goes through the
//            entries from the first on, and past those alone that never will
//            be its own: ready under another name, of another hash, nobody's.
//            So all who look for one name come to one entry, and one swap
//            decides. No entry becomes free again, and what is ready stays.
// Threads    Anybody, in any processes.
// Progress   wait-free: every operation, apart from the caller's function that
//            makes an object. Who finds its name being made is told kBusy at
//            once: others than its maker need not wait for anything.
// Crash      recoverable: after Recover the name of an object that a dead one
//            was making is made anew, in the same lines, by the next who wants
//            it. Until somebody does, the entry and its lines are kept for it.
// Trust      guarded: a hostile peer can hide, rename and overlay objects, and
//            have a maker wait for ever; it can not aim us outside the bytes.
// Readers    store-free: Reader, on pages mapped read-only.
// Orders
//   edge      release                  acquire                    carries
//   create    Create: stamp            Attach: stamp              count, size
//   ready     Publish: entries         Advance, ForEach: entries  the object
//   handover  Recover, Leave: entries  Swap: entries              the end of
//                                                                 its maker
//   (death)   the dead one             DeadOwner                  all it did
#ifndef PLACID_SEGMENT_DIRECTORY_H_
#define PLACID_SEGMENT_DIRECTORY_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/fields.h"
#include "placid/base/guarantees.h"
#include "placid/base/placeable.h"
#include "placid/base/result.h"
#include "placid/base/shared_bytes.h"
#include "placid/base/stamp.h"
#include "placid/base/untrusted.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/role.h"
#include "placid/segment/entry_state.h"
#include "placid/segment/object_record.h"
#include "placid/segment/object_type.h"

namespace placid {

namespace internal {
// Capacities as SizeFor and Create take them.
template <typename G>
[[nodiscard]] constexpr auto Widen(G geometry) {
  if constexpr (std::is_integral_v<G>) {
    return static_cast<std::uint64_t>(geometry);
  } else {
    return geometry;
  }
}
}  // namespace internal

// An object in the directory's bytes.
struct PlacedObject {
  std::span<std::byte> bytes;
  bool was_created;  // by this call
};

// What an inspector sees of one entry.
struct DirectoryEntry {
  std::uint64_t index;  // from 0, in the order in which they were taken
  EntryState state;
  std::uint64_t offset;  // of its lines, from the directory's first byte
  // Of what is ready. The texts are private copies that end with the visit. A
  // name is empty where a peer has spoilt it.
  std::string_view name;
  ObjectType type;
  SharedBytes object;
};

class Directory {
 public:
  class Reader;

  struct Memory {
    Atomic<std::uint64_t> stamp;
    Atomic<std::uint64_t> count;
    Atomic<std::uint64_t> size;
    Padding<104> pad0;
  };
  static constexpr std::uint64_t kEntriesOffset = 0x080;

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = kLineBytes;
  static constexpr Guarantees kGuarantees{Progress::kWaitFree,
                                          Crash::kRecoverable, Trust::kGuarded,
                                          Readers::kStoreFree};

  static constexpr std::uint64_t kMostEntries = 65'536;
  static constexpr std::uint64_t kMostObjectBytes = std::uint64_t{1} << 38;

  // Bytes that a directory takes, with so many for objects.
  [[nodiscard]] static constexpr std::uint64_t SizeFor(
      std::uint64_t count, std::uint64_t object_bytes = kLineBytes) {
    return ObjectsOffset(count) + RoundUpToLine(object_bytes);
  }
  // Of those, what one object takes (ObjectRecord::SpaceFor); for a geometry
  // that is none, more than there are.
  template <Placed T, typename... Geometry>
  [[nodiscard]] static constexpr std::uint64_t SpaceFor(std::string_view name,
                                                        Geometry... geometry) {
    const std::uint64_t size = T::SizeFor(internal::Widen(geometry)...);
    if (size > kMostObjectBytes) return UINT64_MAX;
    return ObjectRecord::SpaceFor(name, ObjectType::Of<T>(), size);
  }

  // Writes a directory of `count` free entries; all bytes behind the entries
  // are for objects, and must be zero. The caller sees to it that nobody else
  // creates or attaches here meanwhile. Errors: kInvalidArgument (count),
  // kTooSmall, kMisaligned, kAlreadyExists.
  static Result<Directory> Create(std::span<std::byte> bytes,
                                  std::uint64_t count);

  // Checks and gives a view. Errors: kTooSmall, kMisaligned, kNotInitialized,
  // kNotPlacid, kWrongByteOrder, kWrongType, kWrongVersion, kCorrupt (more
  // entries, or more for objects, than there are bytes).
  static Result<Directory> Attach(std::span<std::byte> bytes);
  // The same for pages mapped read-only.
  static Result<Reader> AttachReadOnly(std::span<const std::byte> bytes);

  // Makes all the bytes zero, and so the objects too. Errors: kTooSmall,
  // kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, NobodyUsesIt token);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t object_bytes() const { return size_; }

  // The object of that name; where there is none, `make` makes one, in zeroed
  // bytes on a line: a function of a std::span<std::byte> that returns a
  // Result<void>. An owner has a row of its own, or none (Unowned), and then
  // nobody can tell when it dies. Errors:
  //   kInvalidArgument  the name is empty, too long, or has control characters;
  //                     the owner is nobody; no size, or far too large
  //   kBusy             somebody else is making it: try again later. Its row is
  //                     in `found`; if it is dead, recover it first
  //   kWrongType, kWrongVersion, kWrongElement
  //                     it is there, of another type, layout version, extent,
  //                     element or size. The subject names the element's field
  //                     and what it is on each side
  //   kNoSpace          no entry is left, or not so many bytes
  //   kCorrupt          the entries or the object's record contradict
  //                     themselves
  //   kRoleTaken        somebody took us for dead meanwhile: nothing was made
  //   and those of `make`, which leaves its lines to the next who wants them.
  template <typename Make>
  Result<PlacedObject> FindOrCreate(std::string_view name, OwnerId owner,
                                    const ObjectType& type,
                                    std::uint64_t size_bytes,
                                    Make&& make) const;

  // The same of a mapped type: FindOrCreate<SpscRing<Order>>("orders", me,
  // 1024), where what comes last is what its SizeFor and Create take. Errors:
  // also those of its Create and Attach.
  template <Placed T, typename... Geometry>
  Result<T> FindOrCreate(std::string_view name, OwnerId owner,
                         Geometry... geometry) const;

  // The object of that name, of any size. Stores nothing. Errors: kNotFound,
  // and those of FindOrCreate.
  Result<PlacedObject> Find(std::string_view name,
                            const ObjectType& type) const;
  template <Placed T>
  Result<T> Find(std::string_view name) const;

  // Calls `visit` with a DirectoryEntry for each entry that was ever taken.
  // Stores nothing. False: from some entry on they contradict themselves.
  template <typename Visit>
  bool ForEach(Visit&& visit) const;

  // Gives up what a dead owner was making, for others to make it; how many
  // objects. Done again, it does nothing.
  std::uint64_t Recover(const DeadOwner& dead) const;

 private:
  static constexpr Stamp kStamp{TypeId::kDirectory, kLayoutVersion, 0};

  static_assert(offsetof(Memory, stamp) == 0x000);
  static_assert(offsetof(Memory, count) == 0x008);
  static_assert(offsetof(Memory, size) == 0x010);
  static_assert(offsetof(Memory, pad0) == 0x018);
  static_assert(sizeof(Memory) == 0x080);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  // What is asked for.
  struct Request {
    std::string_view name;
    std::uint64_t hash;
    const char* operation;
  };
  // A place on the way through the entries.
  struct Spot {
    std::uint64_t index = 0;
    std::uint64_t offset = 0;  // of its lines, from the first object's line
    EntryState state{0};
    bool was_left = false;  // before we took it
    ObjectRecord record;    // where it is ready
  };
  // An entry of ours: left, unless it was published.
  class Making;

  Directory(std::span<std::byte> bytes, std::uint64_t count, std::uint64_t size)
      : entries_(reinterpret_cast<Atomic<std::uint64_t>*>(bytes.data() +
                                                          kEntriesOffset)),
        objects_(bytes.data() + ObjectsOffset(count)),
        count_(count),
        size_(size) {}

  static constexpr std::uint64_t ObjectsOffset(std::uint64_t count) {
    return kEntriesOffset + RoundUpToLine(count * sizeof(std::uint64_t));
  }

  static Result<Request> MakeRequest(std::string_view name,
                                     const char* operation);
  [[nodiscard]] Atomic<std::uint64_t>& At(std::uint64_t index) const {
    return entries_[static_cast<std::size_t>(index)];
  }
  [[nodiscard]] std::span<std::byte> Lines(std::uint64_t offset,
                                           std::uint64_t bytes) const {
    return {objects_ + static_cast<std::size_t>(offset),
            static_cast<std::size_t>(bytes)};
  }
  // Moves an entry from the state that was seen to another, if it still is.
  [[nodiscard]] bool Swap(Spot& spot, EntryState to) const;
  // Goes on to the first entry that is the name's, may be, or is free; to
  // count_ if there is none.
  Result<void> Advance(const Request& request, Spot& spot) const;
  // The name's entry: ready and of that type and size, or taken for `owner`.
  Result<Spot> FindOrTake(const Request& request, OwnerId owner,
                          const ObjectType& type,
                          std::uint64_t size_bytes) const;
  // The object's bytes, zeroed, behind their record.
  std::span<std::byte> Prepare(const Request& request, const ObjectType& type,
                               std::uint64_t size_bytes,
                               const Spot& spot) const;
  Result<void> Publish(const Request& request, const Spot& spot) const;
  void Leave(const Spot& spot) const;

  static Error Failed(const Request& request, ErrorCode code, const char* field,
                      std::uint64_t expected, std::uint64_t found,
                      const char* advice);
  static Error Corrupt(const Request& request, const char* field,
                       std::uint64_t found);
  static Error Busy(const Request& request, EntryState state);

  Atomic<std::uint64_t>* entries_;
  std::byte* objects_;
  std::uint64_t count_;
  std::uint64_t size_;
};

// For pages mapped read-only: all that stores nothing.
class Directory::Reader {
 public:
  [[nodiscard]] std::uint64_t count() const { return view_.count(); }
  [[nodiscard]] std::uint64_t object_bytes() const {
    return view_.object_bytes();
  }
  // As Directory's.
  Result<SharedBytes> Find(std::string_view name,
                           const ObjectType& type) const {
    const auto found = view_.Find(name, type);
    if (!found) return found.error();
    return SharedBytes(found->bytes.data(), found->bytes.size());
  }
  // Of a type that has readers for such pages.
  template <Placed T>
  auto Find(std::string_view name) const
      -> decltype(T::AttachReadOnly(std::span<const std::byte>())) {
    const auto found = view_.Find(name, ObjectType::Of<T>());
    if (!found) return found.error();
    return T::AttachReadOnly(found->bytes);
  }
  template <typename Visit>
  bool ForEach(Visit&& visit) const {
    return view_.ForEach(std::forward<Visit>(visit));
  }

 private:
  friend class Directory;
  explicit Reader(const Directory& view) : view_(view) {}

  Directory view_;
};

template <>
struct ObjectTraits<Directory> {
  static constexpr TypeId kType = TypeId::kDirectory;
  static constexpr std::uint64_t kExtent = kDynamic;
  using Element = void;
};

// ---- Implementation ---------------------------------------------------------

class Directory::Making {
 public:
  Making(const Directory& directory, const Spot& spot)
      : directory_(directory), spot_(spot) {}
  Making(const Making&) = delete;
  Making& operator=(const Making&) = delete;
  ~Making() {
    if (!is_over_) directory_.Leave(spot_);
  }
  Result<void> Publish(const Request& request) {
    is_over_ = true;
    return directory_.Publish(request, spot_);
  }

 private:
  const Directory& directory_;
  const Spot& spot_;
  bool is_over_ = false;
};

inline Result<Directory> Directory::Create(std::span<std::byte> bytes,
                                           std::uint64_t count) {
  constexpr const char* kOperation = "Directory::Create";
  if (count == 0 || count > kMostEntries) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .operation = kOperation,
                 .field = "number of entries",
                 .expected = kMostEntries,
                 .found = count,
                 .advice = "a directory has 1 to 65,536 entries"};
  }
  if (auto place = CheckPlace(bytes, SizeFor(count), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto virgin = RefuseStamped(memory->stamp, kOperation); !virgin) {
    return virgin.error();
  }
  *memory = Memory{};
  const std::uint64_t size =
      (bytes.size() - ObjectsOffset(count)) / kLineBytes * kLineBytes;
  const Directory directory(bytes, count, size);
  std::fill_n(directory.entries_, count, Atomic<std::uint64_t>(0));
  memory->count.store(count, kRelaxed);  // sync: none, see the stamp
  memory->size.store(size, kRelaxed);    // sync: none, see the stamp
  SetStamp(memory->stamp, kStamp);
  return directory;
}

inline Result<Directory> Directory::Attach(std::span<std::byte> bytes) {
  constexpr const char* kOperation = "Directory::Attach";
  if (auto place = CheckPlace(bytes, SizeFor(1), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  const auto* memory = reinterpret_cast<const Memory*>(bytes.data());
  if (auto stamped = CheckStamp(memory->stamp, kStamp, kOperation); !stamped) {
    return stamped.error();
  }
  const Untrusted count(
      memory->count.load(kRelaxed));  // sync: none, ordered by the stamp
  const Untrusted size(
      memory->size.load(kRelaxed));  // sync: none, ordered by the stamp
  const auto valid = count.AtMost(kMostEntries);
  const bool fits =
      valid && *valid > 0 && ObjectsOffset(*valid) <= bytes.size();
  const std::uint64_t room = fits ? bytes.size() - ObjectsOffset(*valid) : 0;
  const auto valid_size = size.AtMost(room);
  if (!fits || !valid_size) {
    return Error{.code = ErrorCode::kCorrupt,
                 .operation = kOperation,
                 .field = fits ? "bytes for objects" : "number of entries",
                 .expected = fits ? room : kMostEntries,
                 .found = fits ? size.ForDisplay() : count.ForDisplay(),
                 .advice =
                     "the directory claims more than the bytes there are; "
                     "attach to all its bytes, or create it anew"};
  }
  return Directory(bytes, *valid, *valid_size);
}

inline auto Directory::AttachReadOnly(std::span<const std::byte> bytes)
    -> Result<Reader> {
  const auto view =
      Attach({const_cast<std::byte*>(bytes.data()), bytes.size()});
  if (!view) return view.error();
  return Reader(*view);
}

inline Result<void> Directory::Reset(std::span<std::byte> bytes, NobodyUsesIt) {
  auto place = CheckPlace(bytes, SizeFor(1), kAlignment, "Directory::Reset");
  if (place) std::ranges::fill(bytes, std::byte{0});
  return place;
}

// ---- Finding

inline auto Directory::MakeRequest(std::string_view name, const char* operation)
    -> Result<Request> {
  const bool is_text = std::ranges::none_of(name, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  if (name.empty() || name.size() > ObjectRecord::kMostNameBytes || !is_text) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .operation = operation,
                 .field = is_text ? "length of the name" : "name",
                 .expected = is_text ? ObjectRecord::kMostNameBytes : 0,
                 .found = is_text ? name.size() : 0,
                 .advice =
                     "give it a name of 1 to 64 bytes, without control "
                     "characters"};
  }
  const std::uint64_t all = internal::Fingerprint().Add(name).value();
  const std::uint64_t hash = (all ^ all >> 16 ^ all >> 32 ^ all >> 48) & 0xFFFF;
  return Request{name, hash == 0 ? 1 : hash, operation};
}

inline Result<void> Directory::Advance(const Request& request,
                                       Spot& spot) const {
  using Phase = EntryState::Phase;
  for (; spot.index < count_; ++spot.index) {
    spot.state =
        EntryState(At(spot.index).load(kAcquire));  // sync: ready (acquire)
    const Phase phase = spot.state.phase();
    if (phase == Phase::kFree) return Ok();
    const std::uint64_t bytes = spot.state.bytes();
    if (phase == Phase::kForeign || bytes > size_ - spot.offset) {
      return Corrupt(request, "entry", spot.state.word());
    }
    if (spot.state.hash() == request.hash) {
      if (phase != Phase::kReady) return Ok();
      const auto record = ObjectRecord::Read(Lines(spot.offset, bytes));
      if (!record) return Corrupt(request, "record of entry", spot.index);
      spot.record = *record;
      if (record->name() == request.name) return Ok();
    }
    spot.offset += bytes;
  }
  return Ok();
}

inline Result<PlacedObject> Directory::Find(std::string_view name,
                                            const ObjectType& type) const {
  using Phase = EntryState::Phase;
  const auto request = MakeRequest(name, "Directory::Find");
  if (!request) return request.error();
  Spot spot;
  if (auto found = Advance(*request, spot); !found) return found.error();
  if (spot.index < count_ && spot.state.phase() == Phase::kBeingMade) {
    return Busy(*request, spot.state);
  }
  if (spot.index == count_ || spot.state.phase() != Phase::kReady) {
    return Failed(*request, ErrorCode::kNotFound, nullptr, 0, 0,
                  "nobody has made it yet: FindOrCreate it, or wait for who "
                  "does");
  }
  const auto is = spot.record.Check(type, request->operation);
  if (!is) return is.error();
  return PlacedObject{spot.record.object(), false};
}

template <Placed T>
Result<T> Directory::Find(std::string_view name) const {
  const auto found = Find(name, ObjectType::Of<T>());
  if (!found) return found.error();
  return T::Attach(found->bytes);
}

template <typename Visit>
bool Directory::ForEach(Visit&& visit) const {
  using Phase = EntryState::Phase;
  std::uint64_t offset = 0;
  for (std::uint64_t index = 0; index < count_; ++index) {
    const EntryState state(At(index).load(kAcquire));  // sync: ready (acquire)
    if (state.phase() == Phase::kFree) return true;
    if (state.phase() == Phase::kForeign || state.bytes() > size_ - offset) {
      return false;
    }
    DirectoryEntry entry{index, state, ObjectsOffset(count_) + offset,
                         {},    {},    {}};
    std::optional<ObjectRecord> record;
    ObjectRecord::LayoutBuffer buffer;
    if (state.phase() == Phase::kReady) {
      record = ObjectRecord::Read(Lines(offset, state.bytes()));
    }
    if (record) {
      entry.name = record->name();
      entry.type = record->TypeIn(buffer);
      entry.object = {record->object().data(), record->object().size()};
    }
    visit(std::as_const(entry));
    offset += state.bytes();
  }
  return true;
}

// ---- Making

inline bool Directory::Swap(Spot& spot, EntryState to) const {
  std::uint64_t expected = spot.state.word();
  if (!At(spot.index)
           .compare_exchange(expected, to.word(), kAcquire,
                             kRelaxed)) {  // sync: handover (acquire)
    return false;
  }
  spot.state = to;
  return true;
}

// Whoever is faster at an entry takes it, or makes it nobody's: so a try either
// ends, or goes on to the next entry after at most two more.
inline auto Directory::FindOrTake(const Request& request, OwnerId owner,
                                  const ObjectType& type,
                                  std::uint64_t size_bytes) const
    -> Result<Spot> {
  using Phase = EntryState::Phase;
  if (owner.is_nobody()) {
    return Failed(request, ErrorCode::kInvalidArgument, "owner", 0, 0,
                  "make it as a participant, or as Unowned()");
  }
  if (size_bytes == 0 || size_bytes > kMostObjectBytes) {
    return Failed(request, ErrorCode::kInvalidArgument, "size in bytes",
                  kMostObjectBytes, size_bytes,
                  "no object has that size: look at its capacity");
  }
  const std::uint64_t need =
      ObjectRecord::SpaceFor(request.name, type, size_bytes);
  Spot spot;
  for (std::uint64_t tries = 0; tries <= 3 * count_; ++tries) {
    if (auto found = Advance(request, spot); !found) return found.error();
    if (spot.index == count_) {
      return Failed(request, ErrorCode::kNoSpace, "number of entries",
                    count_ + 1, count_,
                    "create the directory with more entries");
    }
    switch (spot.state.phase()) {
      case Phase::kReady: {
        const auto is = spot.record.Check(type, request.operation);
        if (!is) return is.error();
        const std::uint64_t found = spot.record.object().size();
        if (found == size_bytes) return spot;
        return Failed(request, ErrorCode::kWrongElement, "size in bytes",
                      size_bytes, found,
                      "it was made with another capacity: ask for the same, "
                      "or find it whatever it is");
      }
      case Phase::kBeingMade: return Busy(request, spot.state);
      case Phase::kLeft:
        if (need <= spot.state.bytes()) {
          spot.was_left = true;
          if (Swap(spot, spot.state.MadeBy(owner))) return spot;
        } else {
          (void)Swap(spot, spot.state.Nobodys());
        }
        break;
      default:
        if (need > size_ - spot.offset) {
          return Failed(request, ErrorCode::kNoSpace, "bytes left for objects",
                        need, size_ - spot.offset,
                        "create the directory in more bytes");
        }
        spot.was_left = false;
        if (Swap(spot, EntryState::Claim(owner, request.hash, need))) {
          return spot;
        }
    }
  }
  return Failed(request, ErrorCode::kContended, nullptr, 0, 0,
                "others changed entries all the time: try again");
}

inline std::span<std::byte> Directory::Prepare(const Request& request,
                                               const ObjectType& type,
                                               std::uint64_t size_bytes,
                                               const Spot& spot) const {
  std::byte* lines = Lines(spot.offset, spot.state.bytes()).data();
  const auto object =
      ObjectRecord::Write(lines, request.name, type, size_bytes);
  // What nobody had is zero.
  static constexpr std::array<std::byte, kLineBytes> kZeros{};
  for (auto rest = object; spot.was_left && !rest.empty();) {
    const std::size_t some = (std::min)(rest.size(), kZeros.size());
    machine::CopyIn(rest.data(), kZeros.data(), some);
    rest = rest.subspan(some);
  }
  return object;
}

inline Result<void> Directory::Publish(const Request& request,
                                       const Spot& spot) const {
  std::uint64_t mine = spot.state.word();
  if (At(spot.index)
          .compare_exchange(mine, spot.state.Ready().word(), kRelease,
                            kRelaxed)) {  // sync: ready (release)
    return Ok();
  }
  return Failed(request, ErrorCode::kRoleTaken, "entry", spot.state.word(),
                mine,
                "somebody took us for dead and gave the name to others: ask "
                "for it again");
}

inline void Directory::Leave(const Spot& spot) const {
  std::uint64_t mine = spot.state.word();
  At(spot.index)
      .compare_exchange(mine, spot.state.Left().word(), kRelease,
                        kRelaxed);  // sync: handover (release)
}

template <typename Make>
Result<PlacedObject> Directory::FindOrCreate(std::string_view name,
                                             OwnerId owner,
                                             const ObjectType& type,
                                             std::uint64_t size_bytes,
                                             Make&& make) const {
  const auto request = MakeRequest(name, "Directory::FindOrCreate");
  if (!request) return request.error();
  const auto spot = FindOrTake(*request, owner, type, size_bytes);
  if (!spot) return spot.error();
  if (spot->state.phase() == EntryState::Phase::kReady) {
    return PlacedObject{spot->record.object(), false};
  }
  Making making(*this, *spot);
  const auto bytes = Prepare(*request, type, size_bytes, *spot);
  if (const Result<void> made = make(bytes); !made) return made.error();
  if (auto done = making.Publish(*request); !done) return done.error();
  return PlacedObject{bytes, true};
}

template <Placed T, typename... Geometry>
Result<T> Directory::FindOrCreate(std::string_view name, OwnerId owner,
                                  Geometry... geometry) const {
  const auto make = [&](std::span<std::byte> bytes) -> Result<void> {
    if constexpr (requires {
                    T::Create(bytes, internal::Widen(geometry)...);
                  }) {
      const auto made = T::Create(bytes, internal::Widen(geometry)...);
      if (!made) return made.error();
    }
    return Ok();
  };
  const auto found =
      FindOrCreate(name, owner, ObjectType::Of<T>(),
                   T::SizeFor(internal::Widen(geometry)...), make);
  if (!found) return found.error();
  return T::Attach(found->bytes);
}

// What the dead one did is known with its death, and goes on to the next maker.
inline std::uint64_t Directory::Recover(const DeadOwner& dead) const {
  std::uint64_t left = 0;
  for (std::uint64_t index = 0; index < count_; ++index) {
    const EntryState state(
        At(index).load(kRelaxed));  // sync: none, the proof of death orders it
    if (state.phase() == EntryState::Phase::kFree) break;
    if (state.phase() != EntryState::Phase::kBeingMade ||
        state.hand() != dead.id().index()) {
      continue;
    }
    std::uint64_t expected = state.word();
    if (At(index).compare_exchange(expected, state.Left().word(), kRelease,
                                   kRelaxed)) {  // sync: handover (release)
      ++left;
    }
  }
  return left;
}

// ---- Saying what is wrong

inline Error Directory::Failed(const Request& request, ErrorCode code,
                               const char* field, std::uint64_t expected,
                               std::uint64_t found, const char* advice) {
  return {.code = code,
          .operation = request.operation,
          .field = field,
          .expected = expected,
          .found = found,
          .advice = advice,
          .subject = request.name};
}

inline Error Directory::Corrupt(const Request& request, const char* field,
                                std::uint64_t found) {
  return Failed(request, ErrorCode::kCorrupt, field, 0, found,
                "a peer has written over the directory: create the segment "
                "anew");
}

inline Error Directory::Busy(const Request& request, EntryState state) {
  return Failed(request, ErrorCode::kBusy, "row of who makes it", 0,
                state.hand(),
                "try again once it is made; if its maker is dead, recover it "
                "first");
}

}  // namespace placid

#endif  // PLACID_SEGMENT_DIRECTORY_H_
