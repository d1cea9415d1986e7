// SPDX-License-Identifier: Apache-2.0
//
// PLACID_FIELDS: tells placid what an element type is made of.
//
//   struct Pose { double x, y, z; std::uint64_t time_ns; };
//   PLACID_FIELDS(Pose, x, y, z, time_ns)
//
// Written beside the type, in its namespace. It asserts at compile time that the
// fields follow one another without a gap, each on its natural alignment (so
// that 32-bit and 64-bit compilers agree), and feeds name, offset, size and kind
// of each to the type's fingerprint, so that a reader built against another
// Pose is refused instead of reading nonsense.
//
// What may be an element, and the text of its layout (layout_text.h):
//   kind      text     C++                                  rule
//   unsigned  u64      std::uint8_t ... std::uint64_t       8 bytes at most
//   signed    i64      std::int8_t ... std::int64_t, char   8 bytes at most
//   float     f64      float, double                        IEEE 754
//   array     f32[4]   std::array<Element, N>, Element[N]
//   struct    {x:f64}  a class with PLACID_FIELDS           trivially copyable
//   opaque    o24      any other trivially copyable class   no padding; known
//                                                           by its size
// Not bool and not an enum (but std::byte): a peer may write any bit pattern.
// Into an opaque class nobody can look: its author vouches for its members.
#ifndef PLACID_BASE_FIELDS_H_
#define PLACID_BASE_FIELDS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace placid {

enum class FieldKind : std::uint8_t {
  kUnsigned,
  kSigned,
  kFloat,
  kArray,
  kStruct,
  kOpaque,
};

struct Field {
  const char* name;
  std::uint64_t offset;
  std::uint64_t size_bytes;
  std::uint64_t alignment;  // natural: the largest scalar's size
  FieldKind kind;
  std::uint64_t fingerprint;  // of the field's type
  std::string_view layout;    // of the field's type, as text
};

namespace internal {

// FNV-1a, 64 bits (Fowler, Noll, Vo): small, constexpr, the same everywhere. It
// guards against mistakes, not against people.
class Fingerprint {
 public:
  constexpr Fingerprint& Add(std::string_view text) {
    for (const char c : text) AddByte(static_cast<unsigned char>(c));
    AddByte(0);
    return *this;
  }
  constexpr Fingerprint& Add(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) {
      AddByte(static_cast<unsigned char>(number >> shift));
    }
    return *this;
  }
  [[nodiscard]] constexpr std::uint64_t value() const { return hash_; }

 private:
  constexpr void AddByte(unsigned char byte) {
    hash_ = (hash_ ^ byte) * 0x100000001b3u;
  }
  std::uint64_t hash_ = 0xcbf29ce484222325u;
};

// Writes a layout as text; into nothing, to learn how long it is.
class LayoutWriter {
 public:
  explicit constexpr LayoutWriter(char* to) : to_(to) {}

  constexpr LayoutWriter& Add(std::string_view text) {
    for (const char c : text) {
      if (to_ != nullptr) to_[size_] = c;
      ++size_;
    }
    return *this;
  }
  constexpr LayoutWriter& Add(std::uint64_t number) {
    if (number >= 10) Add(number / 10);
    const char digit = static_cast<char>('0' + number % 10);
    return Add(std::string_view(&digit, 1));
  }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }

 private:
  char* to_;
  std::size_t size_ = 0;
};

template <typename T>
concept HasFields = requires(const T* t) { PlacidFieldsOf(t); };

template <typename T>
struct ElementTraits;  // undefined: not an element

template <typename T>
concept Scalar =
    (std::is_integral_v<T> && !std::is_same_v<T, bool> && sizeof(T) <= 8) ||
    std::is_same_v<T, float> || std::is_same_v<T, double> ||
    std::is_same_v<T, std::byte>;

template <Scalar T>
struct ElementTraits<T> {
  static constexpr FieldKind kKind = std::is_floating_point_v<T>
                                         ? FieldKind::kFloat
                                     : std::is_signed_v<T>
                                         ? FieldKind::kSigned
                                         : FieldKind::kUnsigned;
  static constexpr std::uint64_t kAlignment = sizeof(T);
  static constexpr std::uint64_t kFingerprint =
      Fingerprint()
          .Add(static_cast<std::uint64_t>(kKind))
          .Add(sizeof(T))
          .value();
  static constexpr void WriteLayout(LayoutWriter& to) {
    to.Add(kKind == FieldKind::kFloat    ? "f"
           : kKind == FieldKind::kSigned ? "i"
                                         : "u");
    to.Add(sizeof(T) * 8);
  }
};

// The layout of T as text, one for the whole program.
template <typename T>
class LayoutTextOf {
 public:
  static constexpr std::size_t kSize = [] {
    LayoutWriter counter(nullptr);
    ElementTraits<T>::WriteLayout(counter);
    return counter.size();
  }();

 private:
  static constexpr auto kChars = [] {
    std::array<char, kSize> chars{};
    LayoutWriter writer(chars.data());
    ElementTraits<T>::WriteLayout(writer);
    return chars;
  }();

 public:
  static constexpr std::string_view kText{kChars.data(), kSize};
};

template <typename T>
concept Described = requires {
  { ElementTraits<T>::kFingerprint };
};

// Of what is no element an array is none either.
template <typename T, std::size_t kCount>
struct ArrayTraits {};
template <Described T, std::size_t kCount>
struct ArrayTraits<T, kCount> {
  static constexpr FieldKind kKind = FieldKind::kArray;
  static constexpr std::uint64_t kAlignment = ElementTraits<T>::kAlignment;
  static constexpr std::uint64_t kFingerprint =
      Fingerprint()
          .Add(static_cast<std::uint64_t>(kKind))
          .Add(kCount)
          .Add(ElementTraits<T>::kFingerprint)
          .value();
  static constexpr void WriteLayout(LayoutWriter& to) {
    to.Add(LayoutTextOf<T>::kText).Add("[").Add(kCount).Add("]");
  }
};
template <typename T, std::size_t kCount>
struct ElementTraits<std::array<T, kCount>> : ArrayTraits<T, kCount> {};
template <typename T, std::size_t kCount>
struct ElementTraits<T[kCount]> : ArrayTraits<T, kCount> {};

template <HasFields T>
struct ElementTraits<T> {
  static constexpr FieldKind kKind = FieldKind::kStruct;
  static constexpr auto kFields = PlacidFieldsOf(static_cast<const T*>(nullptr));
  static constexpr std::uint64_t kAlignment = [] {
    std::uint64_t largest = 1;
    for (const Field& field : kFields) {
      if (field.alignment > largest) largest = field.alignment;
    }
    return largest;
  }();
  static constexpr std::uint64_t kFingerprint = [] {
    Fingerprint fingerprint;
    fingerprint.Add(static_cast<std::uint64_t>(kKind));
    for (const Field& field : kFields) {
      fingerprint.Add(field.name).Add(field.offset).Add(field.size_bytes);
      fingerprint.Add(field.fingerprint);
    }
    return fingerprint.value();
  }();
  static constexpr void WriteLayout(LayoutWriter& to) {
    std::string_view before = "{";
    for (const Field& field : kFields) {
      to.Add(before).Add(field.name).Add(":").Add(field.layout);
      before = ",";
    }
    to.Add("}");
  }
};

template <typename T>
concept Opaque = std::is_class_v<T> && !HasFields<T> &&
                 std::is_trivially_copyable_v<T> &&
                 std::has_unique_object_representations_v<T>;

template <Opaque T>
struct ElementTraits<T> {
  static constexpr FieldKind kKind = FieldKind::kOpaque;
  static constexpr std::uint64_t kAlignment = alignof(T);
  static constexpr std::uint64_t kFingerprint =
      Fingerprint()
          .Add(static_cast<std::uint64_t>(kKind))
          .Add(sizeof(T))
          .value();
  static constexpr void WriteLayout(LayoutWriter& to) {
    to.Add("o").Add(sizeof(T));
  }
};

template <typename Member>
constexpr Field MakeField(const char* name, std::uint64_t offset) {
  using Traits = ElementTraits<Member>;
  return {name,
          offset,
          sizeof(Member),
          Traits::kAlignment,
          Traits::kKind,
          Traits::kFingerprint,
          LayoutTextOf<Member>::kText};
}

template <typename T, std::size_t kCount>
constexpr bool FieldsTile(const std::array<Field, kCount>& fields) {
  std::uint64_t end = 0;
  for (const Field& field : fields) {
    if (field.offset != end || field.offset % field.alignment != 0) return false;
    end += field.size_bytes;
  }
  return end == sizeof(T);
}

}  // namespace internal

// What rings, seqlocks and the like can carry between processes.
template <typename T>
concept Element = std::is_trivially_copyable_v<T> && internal::Described<T>;

template <Element T>
inline constexpr std::uint64_t kElementFingerprint =
    internal::ElementTraits<T>::kFingerprint;

// The layout of T as text, to be stored beside its values: what a fingerprint
// tells apart, this can name.
template <Element T>
inline constexpr std::string_view kElementLayout =
    internal::LayoutTextOf<T>::kText;

// The declared fields of T, for inspection. Empty where none are declared.
template <Element T>
[[nodiscard]] constexpr auto FieldsOf() {
  if constexpr (internal::HasFields<T>) {
    return internal::ElementTraits<T>::kFields;
  } else {
    return std::array<Field, 0>{};
  }
}

}  // namespace placid

// Calls macro(type, field) for each of up to 256 fields, with commas between.
#define PLACID_INTERNAL_PARENS ()
#define PLACID_INTERNAL_EXPAND(...) \
  PLACID_INTERNAL_EXPAND4(          \
      PLACID_INTERNAL_EXPAND4(      \
          PLACID_INTERNAL_EXPAND4(PLACID_INTERNAL_EXPAND4(__VA_ARGS__))))
#define PLACID_INTERNAL_EXPAND4(...) \
  PLACID_INTERNAL_EXPAND3(           \
      PLACID_INTERNAL_EXPAND3(       \
          PLACID_INTERNAL_EXPAND3(PLACID_INTERNAL_EXPAND3(__VA_ARGS__))))
#define PLACID_INTERNAL_EXPAND3(...) \
  PLACID_INTERNAL_EXPAND2(           \
      PLACID_INTERNAL_EXPAND2(       \
          PLACID_INTERNAL_EXPAND2(PLACID_INTERNAL_EXPAND2(__VA_ARGS__))))
#define PLACID_INTERNAL_EXPAND2(...) \
  PLACID_INTERNAL_EXPAND1(           \
      PLACID_INTERNAL_EXPAND1(       \
          PLACID_INTERNAL_EXPAND1(PLACID_INTERNAL_EXPAND1(__VA_ARGS__))))
#define PLACID_INTERNAL_EXPAND1(...) __VA_ARGS__
#define PLACID_INTERNAL_EACH(macro, type, field, ...) \
  macro(type, field) __VA_OPT__(                      \
      , PLACID_INTERNAL_AGAIN PLACID_INTERNAL_PARENS(macro, type, __VA_ARGS__))
#define PLACID_INTERNAL_AGAIN() PLACID_INTERNAL_EACH

#define PLACID_INTERNAL_FIELD(type, field)               \
  ::placid::internal::MakeField<decltype(type::field)>( \
      #field, offsetof(type, field))

#define PLACID_FIELDS(type, ...)                                               \
  [[maybe_unused]] constexpr auto PlacidFieldsOf(const type*) {                \
    static_assert(std::is_trivially_copyable_v<type> &&                        \
                      std::is_standard_layout_v<type>,                         \
                  #type " must be trivially copyable and of standard layout"); \
    constexpr std::array fields{PLACID_INTERNAL_EXPAND(                        \
        PLACID_INTERNAL_EACH(PLACID_INTERNAL_FIELD, type, __VA_ARGS__))};      \
    static_assert(::placid::internal::FieldsTile<type>(fields),                \
                  "the fields of " #type                                       \
                  " must be listed in order, all of them, without padding, "   \
                  "each on a multiple of its size");                           \
    return fields;                                                             \
  }

#endif  // PLACID_BASE_FIELDS_H_
