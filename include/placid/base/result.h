// SPDX-License-Identifier: Apache-2.0
//
// Result<T>: a value or the Error that says why there is none.
//
// The interface is std::expected's (P0323, C++23), so code reads the same the
// day a project moves on. It is a type of our own under every standard: were it
// an alias of std::expected under C++23 only, a program built as C++23 could
// not link with a library built as C++20. It converts to std::expected where
// that exists.
//
// Reading the value of a failed Result is the caller's own bug: it terminates
// with a message (never because of a peer's bytes).
#ifndef PLACID_BASE_RESULT_H_
#define PLACID_BASE_RESULT_H_

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <type_traits>
#include <utility>
#include <variant>
#include <version>

#ifdef __cpp_lib_expected
#include <expected>
#endif

#include "placid/base/error.h"

namespace placid {

template <typename T>
class Result;

namespace internal {
[[noreturn]] inline void DieOfBadAccess(const Error& error) {
  std::fprintf(stderr, "placid: the value of a failed Result was read: %s\n",
               error.Message().c_str());
  std::abort();
}
}  // namespace internal

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = Error;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(const Error& error) : state_(std::in_place_index<1>, error) {}

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return Get(); }
  const T& value() const& { return Get(); }
  T&& value() && { return std::move(Get()); }
  T& operator*() & { return Get(); }
  const T& operator*() const& { return Get(); }
  T&& operator*() && { return std::move(Get()); }
  T* operator->() { return &Get(); }
  const T* operator->() const { return &Get(); }

  // Requires !has_value().
  [[nodiscard]] const Error& error() const { return *std::get_if<1>(&state_); }

  template <typename U>
  [[nodiscard]] T value_or(U&& otherwise) && {
    return has_value() ? std::move(Get())
                       : static_cast<T>(std::forward<U>(otherwise));
  }
  // `f` takes a T and returns a Result; runs only on success.
  template <typename F>
  auto and_then(F&& f) && -> std::invoke_result_t<F, T&&> {
    if (!has_value()) return error();
    return std::forward<F>(f)(std::move(Get()));
  }
  // `f` takes a T and returns a plain value; runs only on success.
  template <typename F>
  auto transform(F&& f) && -> Result<std::invoke_result_t<F, T&&>> {
    if (!has_value()) return error();
    return std::forward<F>(f)(std::move(Get()));
  }

#ifdef __cpp_lib_expected
  operator std::expected<T, Error>() && {
    if (!has_value()) return std::unexpected(error());
    return std::move(Get());
  }
#endif

 private:
  T& Get() {
    if (!has_value()) internal::DieOfBadAccess(error());
    return *std::get_if<0>(&state_);
  }
  const T& Get() const {
    if (!has_value()) internal::DieOfBadAccess(error());
    return *std::get_if<0>(&state_);
  }

  std::variant<T, Error> state_;
};

// Success without a value: `return Ok();`.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  using error_type = Error;

  Result() = default;
  Result(const Error& error) : failed_(true), error_(error) {}

  [[nodiscard]] bool has_value() const { return !failed_; }
  explicit operator bool() const { return has_value(); }
  void value() const {
    if (failed_) internal::DieOfBadAccess(error_);
  }
  // Requires !has_value().
  [[nodiscard]] const Error& error() const { return error_; }

  template <typename F>
  auto and_then(F&& f) const -> std::invoke_result_t<F> {
    if (failed_) return error_;
    return std::forward<F>(f)();
  }

 private:
  bool failed_ = false;
  Error error_;
};

[[nodiscard]] inline Result<void> Ok() { return {}; }

}  // namespace placid

#endif  // PLACID_BASE_RESULT_H_
