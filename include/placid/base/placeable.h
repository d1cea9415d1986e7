// SPDX-License-Identifier: Apache-2.0
//
// Placeable: what every mapped type offers, so that tests, fuzzers, directories
// and inspectors can treat them alike.
//
// A mapped type `R` is a view: a small process-local handle, like std::span,
// over bytes that lie anywhere. Where the extent is fixed, `R::Storage` is the
// struct of those bytes and may be a member of a struct of one's own.
//
//   R::Memory          the words at their start, as the Layout table draws them
//   R::Storage         all of them, where the extent is fixed
//   R::kAlignment      of their first byte
//   R::SizeFor(...)    how many bytes, given the geometry
//   R::Create(...)     writes; refuses a stamped object
//   R::Attach(bytes)   checks; where the geometry is fixed, stamps the virgin
//   R::kGuarantees     as the header's contract says
#ifndef PLACID_BASE_PLACEABLE_H_
#define PLACID_BASE_PLACEABLE_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "placid/base/extent.h"
#include "placid/base/guarantees.h"
#include "placid/base/result.h"

namespace placid {

template <typename R>
concept Placeable =
    std::copyable<R> && std::is_standard_layout_v<typename R::Memory> &&
    std::has_unique_object_representations_v<typename R::Memory> &&
    requires(std::span<std::byte> bytes) {
      { R::kLayoutVersion } -> std::convertible_to<std::uint8_t>;
      { R::kAlignment } -> std::convertible_to<std::uint64_t>;
      { R::kGuarantees } -> std::convertible_to<Guarantees>;
      { R::Attach(bytes) } -> std::same_as<Result<R>>;
    };

}  // namespace placid

#endif  // PLACID_BASE_PLACEABLE_H_
