// SPDX-License-Identifier: Apache-2.0
//
// ObjectRecord: what stands in front of an object in a directory: its name, its
// type, and the layout of its elements as text.
//
//   offset  size  field         meaning
//   0x000      4  type          a TypeId
//   0x004      4  version       of the type's layout
//   0x008      8  extent        as in ObjectType
//   0x010      8  element       fingerprint; 0: no elements
//   0x018      8  object_bytes
//   0x020      4  name_bytes    1 to 64
//   0x024      4  layout_bytes  at most 2,048; 0: no elements
//   0x028      N  the name, then the layout; the object on the next line
//
// It is written once, by who makes the object, and published with it. What is
// read is a private copy, and is believed as far as it stays within its lines.
#ifndef PLACID_SEGMENT_OBJECT_RECORD_H_
#define PLACID_SEGMENT_OBJECT_RECORD_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/layout_text.h"
#include "placid/base/result.h"
#include "placid/base/stamp.h"
#include "placid/base/untrusted.h"
#include "placid/segment/object_type.h"

namespace placid {

class ObjectRecord {
 public:
  static constexpr std::size_t kMostNameBytes = 64;
  // Of a longer layout the beginning is kept: a difference is noticed all the
  // same, and named if it is there.
  static constexpr std::size_t kMostLayoutBytes = 2048;
  using LayoutBuffer = std::array<char, kMostLayoutBytes>;

  // Bytes of the lines that an object takes with its record.
  [[nodiscard]] static constexpr std::uint64_t SpaceFor(
      std::string_view name, const ObjectType& type,
      std::uint64_t object_bytes) {
    return ObjectOffset(name.size(), Stored(type.layout).size()) +
           RoundUpToLine(object_bytes);
  }

  // Writes one at the beginning of so much, and says where the object lies.
  static std::span<std::byte> Write(std::byte* lines, std::string_view name,
                                    const ObjectType& type,
                                    std::uint64_t object_bytes);

  // nullopt: it contradicts itself, or its lines.
  static std::optional<ObjectRecord> Read(std::span<std::byte> lines);

  ObjectRecord() = default;  // of no object
  [[nodiscard]] std::string_view name() const {
    return {name_.data(), head_.name_bytes};
  }
  [[nodiscard]] std::span<std::byte> object() const { return object_; }
  // The type, its text in `buffer`.
  [[nodiscard]] ObjectType TypeIn(LayoutBuffer& buffer) const;

  // That the object is of this type. Errors: kWrongType, kWrongVersion,
  // kWrongElement (the subject says in which field the elements differ).
  Result<void> Check(const ObjectType& type, const char* operation) const;

 private:
  struct Head {
    std::uint32_t type;
    std::uint32_t version;
    std::uint64_t extent;
    std::uint64_t element;
    std::uint64_t object_bytes;
    std::uint32_t name_bytes;
    std::uint32_t layout_bytes;
  };
  static_assert(offsetof(Head, type) == 0x00);
  static_assert(offsetof(Head, version) == 0x04);
  static_assert(offsetof(Head, extent) == 0x08);
  static_assert(offsetof(Head, element) == 0x10);
  static_assert(offsetof(Head, object_bytes) == 0x18);
  static_assert(offsetof(Head, name_bytes) == 0x20);
  static_assert(offsetof(Head, layout_bytes) == 0x24);
  static_assert(sizeof(Head) == 0x28);
  static_assert(std::has_unique_object_representations_v<Head>);

  static constexpr std::uint64_t ObjectOffset(std::uint64_t name_bytes,
                                              std::uint64_t layout_bytes) {
    return RoundUpToLine(sizeof(Head) + name_bytes + layout_bytes);
  }
  static constexpr std::string_view Stored(std::string_view layout) {
    return layout.substr(0, kMostLayoutBytes);
  }

  [[nodiscard]] Error Differs(const char* operation, ErrorCode code,
                              const char* field, std::uint64_t expected,
                              std::uint64_t found, const char* advice) const {
    return {.code = code,
            .operation = operation,
            .field = field,
            .expected = expected,
            .found = found,
            .advice = advice,
            .subject = name()};
  }
  [[nodiscard]] Error ElementDiffers(const ObjectType& type,
                                     const char* operation) const;

  Head head_{};
  std::array<char, kMostNameBytes> name_{};
  const std::byte* layout_ = nullptr;  // shared
  std::span<std::byte> object_;        // shared
};

// ---- Implementation ---------------------------------------------------------

inline std::span<std::byte> ObjectRecord::Write(std::byte* lines,
                                                std::string_view name,
                                                const ObjectType& type,
                                                std::uint64_t object_bytes) {
  const std::string_view layout = Stored(type.layout);
  const Head head{static_cast<std::uint32_t>(type.type),
                  type.version,
                  type.extent,
                  type.element,
                  object_bytes,
                  static_cast<std::uint32_t>(name.size()),
                  static_cast<std::uint32_t>(layout.size())};
  std::byte* text = lines + sizeof(head);
  machine::CopyIn(lines, &head, sizeof(head));
  machine::CopyIn(text, name.data(), name.size());
  machine::CopyIn(text + name.size(), layout.data(), layout.size());
  const std::uint64_t offset = ObjectOffset(name.size(), layout.size());
  return {lines + static_cast<std::size_t>(offset),
          static_cast<std::size_t>(object_bytes)};
}

inline std::optional<ObjectRecord> ObjectRecord::Read(
    std::span<std::byte> lines) {
  if (lines.size() < sizeof(Head)) return std::nullopt;
  ObjectRecord record;
  Head& head = record.head_;
  machine::CopyOut(&head, lines.data(), sizeof(head));
  const auto name = Untrusted(head.name_bytes).AtMost(kMostNameBytes);
  const auto layout = Untrusted(head.layout_bytes).AtMost(kMostLayoutBytes);
  if (!name || !layout) return std::nullopt;
  const std::uint64_t offset = ObjectOffset(*name, *layout);
  if (offset > lines.size() || head.object_bytes > lines.size() - offset) {
    return std::nullopt;
  }
  const std::byte* text = lines.data() + sizeof(head);
  machine::CopyOut(record.name_.data(), text, *name);
  record.layout_ = text + *name;
  record.object_ = lines.subspan(static_cast<std::size_t>(offset),
                                 static_cast<std::size_t>(head.object_bytes));
  return record;
}

inline ObjectType ObjectRecord::TypeIn(LayoutBuffer& buffer) const {
  machine::CopyOut(buffer.data(), layout_, head_.layout_bytes);
  return {static_cast<TypeId>(head_.type),
          static_cast<std::uint8_t>(head_.version),
          head_.extent,
          head_.element,
          {buffer.data(), head_.layout_bytes}};
}

inline Result<void> ObjectRecord::Check(const ObjectType& type,
                                        const char* operation) const {
  if (head_.type != static_cast<std::uint32_t>(type.type)) {
    return Differs(operation, ErrorCode::kWrongType, "type",
                   static_cast<std::uint64_t>(type.type), head_.type,
                   "another of the types (stamp.h) has this name: ask for it "
                   "as that, or for another name");
  }
  if (head_.version != type.version) {
    return Differs(operation, ErrorCode::kWrongVersion, "layout version",
                   type.version, head_.version,
                   "run both sides with the same release of placid");
  }
  if (head_.extent != type.extent) {
    return Differs(operation, ErrorCode::kWrongElement, "extent", type.extent,
                   head_.extent,
                   "build both sides with the same capacity, or both with one "
                   "chosen at run time");
  }
  if (head_.element == type.element) return Ok();
  return ElementDiffers(type, operation);
}

// The subject: "pose.yaw at 16: f64 here, f32 there".
inline Error ObjectRecord::ElementDiffers(const ObjectType& type,
                                          const char* operation) const {
  using What = LayoutDifference::What;
  LayoutBuffer buffer;
  const LayoutDifference found =
      CompareLayouts(Stored(type.layout), TypeIn(buffer).layout);
  Error error = Differs(operation, ErrorCode::kWrongElement,
                        "layout of the element", 0, 0,
                        "build both sides with the same declaration of the "
                        "element");
  if (found.what == What::kNothing) return error;
  if (found.what == What::kName) error.field = "name of the field";
  if (found.what == What::kKind) error.field = "kind of the field";
  if (found.what == What::kCount) error.field = "number of fields";
  if (found.what == What::kSize) {
    error.field = "size of the field";
    error.expected = LayoutSize(found.ours).value_or(0);
    error.found = LayoutSize(found.theirs).value_or(0);
  }
  ErrorMessage detail;
  // What fits of a layout or a name; a peer's may be anything.
  const auto append = [&](std::string_view text) {
    if (text.empty()) return detail.Append("nothing");
    for (const char c : text.substr(0, 24)) {
      const bool is_shown = c >= 0x20 && c < 0x7F;
      detail.Append(is_shown ? std::string_view(&c, 1) : "?");
    }
    if (text.size() > 24) detail.Append("...");
  };
  if (!found.path.empty()) detail.Append(".");
  detail.Append(found.path.view());
  detail.Append(" at ");
  detail.Append(found.offset);
  detail.Append(": ");
  append(found.ours);
  detail.Append(" here, ");
  append(found.theirs);
  detail.Append(" there");
  const std::size_t room =
      ShortText::kCapacity -
      (std::min)(detail.view().size(), ShortText::kCapacity);
  ErrorMessage subject;
  subject.Append(name().substr(0, room));
  subject.Append(detail.view());
  error.subject = subject.view();
  return error;
}

}  // namespace placid

#endif  // PLACID_SEGMENT_OBJECT_RECORD_H_
