// SPDX-License-Identifier: Apache-2.0
//
// ObjectType: what a directory says of the type of an object, in full, so that
// two programs that disagree about it learn on what.
//
// The mapped types of this library are known. For one of your own:
//
//   template <>
//   struct placid::ObjectTraits<Mailbox> {
//     static constexpr auto kType = static_cast<TypeId>(0x8001);  // your own
//     static constexpr std::uint64_t kExtent = kDynamic;
//     using Element = Letter;  // with PLACID_FIELDS; or void
//   };
#ifndef PLACID_SEGMENT_OBJECT_TYPE_H_
#define PLACID_SEGMENT_OBJECT_TYPE_H_

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "placid/base/cache_line.h"
#include "placid/base/extent.h"
#include "placid/base/fields.h"
#include "placid/base/placeable.h"
#include "placid/base/stamp.h"

namespace placid {

template <typename T>
struct ObjectTraits;  // undefined: nothing that a directory knows

struct ObjectType {
  TypeId type;
  std::uint8_t version;     // of the type's layout
  std::uint64_t extent;     // kDynamic: chosen at run time
  std::uint64_t element;    // the fingerprint of its elements; 0: none
  std::string_view layout;  // of an element, as text; empty: none

  template <typename T>
  [[nodiscard]] static constexpr ObjectType Of() {
    using Traits = ObjectTraits<T>;
    ObjectType type{Traits::kType, T::kLayoutVersion, Traits::kExtent, 0, {}};
    if constexpr (!std::is_void_v<typename Traits::Element>) {
      type.element = kElementFingerprint<typename Traits::Element>;
      type.layout = kElementLayout<typename Traits::Element>;
    }
    return type;
  }

  [[nodiscard]] constexpr std::uint64_t fingerprint() const {
    return internal::Fingerprint()
        .Add(static_cast<std::uint64_t>(type))
        .Add(std::uint64_t{version})
        .Add(extent)
        .Add(element)
        .value();
  }
};

namespace internal {
template <typename T>
concept HasObjectTraits = requires {
  ObjectTraits<T>::kType;
};
}  // namespace internal

// A mapped type that a directory can place.
template <typename T>
concept Placed = Placeable<T> && internal::HasObjectTraits<T> &&
    (T::kAlignment <= kLineBytes);

// Of all that a program places in a segment, for the fingerprint that its
// creator and all who open it give (CreateSegmentOptions): who was built with
// other types is refused at the door. Who opens with 0 is told by the directory
// in which object, and in which field of it, they differ.
template <typename... Ts>
inline constexpr std::uint64_t kPlacedFingerprint = [] {
  internal::Fingerprint all;
  (all.Add(ObjectType::Of<Ts>().fingerprint()), ...);
  return all.value();
}();

// ---- What this library has --------------------------------------------------

template <Element T>
class Seqlock;
template <Element T, std::uint64_t kCells>
class Latest;
template <Element T, std::uint64_t kExtent>
class SpscRing;
class SpscByteRing;
template <Element T, std::uint64_t kLanes, std::uint64_t kExtent>
class LaneRing;
template <std::uint64_t kLanes>
class LaneByteRing;
template <Element T, std::uint64_t kExtent>
class BroadcastRing;
template <Element T, std::uint64_t kExtent>
class MpscRing;
class MpscByteRing;
template <Element T, std::uint64_t kExtent>
class MpmcRing;
class BroadcastByteRing;
class Counter;
class EventCount;
class WaitMask;
class Doorbells;

template <Element T>
struct ObjectTraits<Seqlock<T>> {
  static constexpr TypeId kType = TypeId::kSeqlock;
  static constexpr std::uint64_t kExtent = 1;
  using Element = T;
};
template <Element T, std::uint64_t kCells>
struct ObjectTraits<Latest<T, kCells>> {
  static constexpr TypeId kType = TypeId::kLatest;
  static constexpr std::uint64_t kExtent = kCells;
  using Element = T;
};
template <Element T, std::uint64_t kCapacity>
struct ObjectTraits<SpscRing<T, kCapacity>> {
  static constexpr TypeId kType = TypeId::kSpscRing;
  static constexpr std::uint64_t kExtent = kCapacity;
  using Element = T;
};
template <>
struct ObjectTraits<SpscByteRing> {
  static constexpr TypeId kType = TypeId::kSpscByteRing;
  static constexpr std::uint64_t kExtent = kDynamic;
  using Element = void;
};
// In how many lanes two programs differ the stamps tell.
template <Element T, std::uint64_t kLanes, std::uint64_t kCapacity>
struct ObjectTraits<LaneRing<T, kLanes, kCapacity>> {
  static constexpr TypeId kType = TypeId::kLaneRing;
  static constexpr std::uint64_t kExtent = kCapacity;
  using Element = T;
};
template <std::uint64_t kLanes>
struct ObjectTraits<LaneByteRing<kLanes>> {
  static constexpr TypeId kType = TypeId::kLaneByteRing;
  static constexpr std::uint64_t kExtent = kDynamic;
  using Element = void;
};
template <Element T, std::uint64_t kCapacity>
struct ObjectTraits<BroadcastRing<T, kCapacity>> {
  static constexpr TypeId kType = TypeId::kBroadcastRing;
  static constexpr std::uint64_t kExtent = kCapacity;
  using Element = T;
};
template <Element T, std::uint64_t kCapacity>
struct ObjectTraits<MpscRing<T, kCapacity>> {
  static constexpr TypeId kType = TypeId::kMpscRing;
  static constexpr std::uint64_t kExtent = kCapacity;
  using Element = T;
};
template <>
struct ObjectTraits<MpscByteRing> {
  static constexpr TypeId kType = TypeId::kMpscByteRing;
  static constexpr std::uint64_t kExtent = kDynamic;
  using Element = void;
};
template <Element T, std::uint64_t kCapacity>
struct ObjectTraits<MpmcRing<T, kCapacity>> {
  static constexpr TypeId kType = TypeId::kMpmcRing;
  static constexpr std::uint64_t kExtent = kCapacity;
  using Element = T;
};
template <>
struct ObjectTraits<BroadcastByteRing> {
  static constexpr TypeId kType = TypeId::kBroadcastByteRing;
  static constexpr std::uint64_t kExtent = kDynamic;
  using Element = void;
};
template <>
struct ObjectTraits<Counter> {
  static constexpr TypeId kType = TypeId::kCounter;
  static constexpr std::uint64_t kExtent = 1;
  using Element = void;
};
template <>
struct ObjectTraits<EventCount> {
  static constexpr TypeId kType = TypeId::kEventCount;
  static constexpr std::uint64_t kExtent = 1;
  using Element = void;
};
template <>
struct ObjectTraits<WaitMask> {
  static constexpr TypeId kType = TypeId::kWaitMask;
  static constexpr std::uint64_t kExtent = 1;
  using Element = void;
};
template <>
struct ObjectTraits<Doorbells> {
  static constexpr TypeId kType = TypeId::kDoorbells;
  static constexpr std::uint64_t kExtent = 64;
  using Element = void;
};

}  // namespace placid

#endif  // PLACID_SEGMENT_OBJECT_TYPE_H_
