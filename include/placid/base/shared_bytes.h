// SPDX-License-Identifier: Apache-2.0
//
// SharedBytes, SharedRef<T>, SharedSpan<T>: bytes that a peer can change while we look.
//
// They are what a zero-copy read hands out, never a span or a T&: through those
// a program would read a length, check it, and read it again. Here each read is
// one relaxed access or one copy into private memory, and only the private copy
// can be worked on. Where the peer is one's own other half, TrustPeer() says so
// by name and gives the span.
#ifndef PLACID_BASE_SHARED_BYTES_H_
#define PLACID_BASE_SHARED_BYTES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

#include "placid/base/atomic.h"

namespace placid {

class SharedBytes {
 public:
  constexpr SharedBytes() = default;
  constexpr SharedBytes(const std::byte* data, std::size_t size)
      : data_(data), size_(size) {}

  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }

  // The bytes from `offset` on, at most `count`; empty past the end.
  [[nodiscard]] constexpr SharedBytes Subspan(
      std::size_t offset, std::size_t count = SIZE_MAX) const {
    const std::size_t from = (std::min)(offset, size_);
    return {data_ + from, (std::min)(count, size_ - from)};
  }

  // Copies min(to.size(), size()) bytes out and returns how many.
  std::size_t CopyOut(std::span<std::byte> to) const {
    const std::size_t n = (std::min)(to.size(), size_);
    machine::RacyCopyOut(to.data(), data_, n);
    return n;
  }

  // One value of T at `offset`, read once; nullopt where it does not lie within.
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::optional<T> Load(std::size_t offset) const {
    if (offset > size_ || size_ - offset < sizeof(T)) return std::nullopt;
    T value;
    machine::RacyCopyOut(&value, data_ + offset, sizeof(T));
    return value;
  }

  // The bytes as they are, for use with a peer that keeps the protocol.
  [[nodiscard]] constexpr std::span<const std::byte> TrustPeer() const {
    return {data_, size_};
  }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// One T in shared memory, never null.
template <typename T>
  requires std::is_trivially_copyable_v<T>
class SharedRef {
 public:
  explicit constexpr SharedRef(const T* at) : at_(at) {}

  // A private copy of the whole.
  [[nodiscard]] T Load() const {
    T value;
    machine::RacyCopyOut(&value, at_, sizeof(T));
    return value;
  }

  // The same into a value that is there already.
  void CopyOut(T& to) const { machine::RacyCopyOut(&to, at_, sizeof(T)); }

  // A private copy of one member: pose.Load(&Pose::x).
  template <typename Member, typename Class>
    requires std::is_base_of_v<Class, T>
  [[nodiscard]] Member Load(Member Class::* member) const {
    Member value;
    machine::RacyCopyOut(&value, &(at_->*member), sizeof(Member));
    return value;
  }

  [[nodiscard]] constexpr const T& TrustPeer() const { return *at_; }

 private:
  const T* at_;
};

// A run of Ts in shared memory.
template <typename T>
  requires std::is_trivially_copyable_v<T>
class SharedSpan {
 public:
  constexpr SharedSpan() = default;
  constexpr SharedSpan(const T* data, std::size_t size)
      : data_(data), size_(size) {}

  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
  // Requires index < size().
  [[nodiscard]] constexpr SharedRef<T> operator[](std::size_t index) const {
    return SharedRef<T>(data_ + index);
  }
  // Copies min(to.size(), size()) elements out and returns how many.
  std::size_t CopyOut(std::span<T> to) const {
    const std::size_t n = (std::min)(to.size(), size_);
    machine::RacyCopyOut(to.data(), data_, n * sizeof(T));
    return n;
  }
  [[nodiscard]] constexpr std::span<const T> TrustPeer() const {
    return {data_, size_};
  }

 private:
  const T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace placid

#endif  // PLACID_BASE_SHARED_BYTES_H_
