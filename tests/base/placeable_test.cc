// SPDX-License-Identifier: Apache-2.0
#include "placid/base/placeable.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/guarantees.h"

namespace placid {
namespace {

// The least that a mapped type offers.
struct Lamp {
  struct Memory {
    Atomic<std::uint32_t> is_lit;
    Padding<4> pad0;
  };
  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = kLineBytes;
  static constexpr Guarantees kGuarantees{Progress::kWaitFree, Crash::kClean,
                                          Trust::kTrusting, Readers::kStoring};
  static Result<Lamp> Attach(std::span<std::byte>) { return Lamp{}; }
};
static_assert(Placeable<Lamp>);

struct WithPadding : Lamp {
  struct Memory {
    Atomic<std::uint32_t> narrow;
    Atomic<std::uint64_t> wide;
  };
  static Result<WithPadding> Attach(std::span<std::byte>);
};
static_assert(!Placeable<WithPadding>, "bytes between fields are nobody's");

struct WithPointer : Lamp {
  struct Memory {
    std::unique_ptr<int> anywhere;
    virtual void Run();
  };
  static Result<WithPointer> Attach(std::span<std::byte>);
};
static_assert(!Placeable<WithPointer>, "means nothing in another process");

struct Throwing : Lamp {
  static Throwing Attach(std::span<std::byte>);
};
static_assert(!Placeable<Throwing>, "Attach must be able to refuse");

struct Pinned : Lamp {
  Pinned(const Pinned&) = delete;
  static Result<Pinned> Attach(std::span<std::byte>);
};
static_assert(!Placeable<Pinned>, "a view is copied like a span");

// A directory or an inspector reads the guarantees of a type it has never seen.
TEST(PlaceableTest, GenericCodeReadsTheGuaranteesOfAnyMappedType) {
  const auto survives_a_death = []<Placeable R>(const R&) {
    return R::kGuarantees.crash != Crash::kFatal;
  };
  EXPECT_TRUE(survives_a_death(Lamp{}));
}

}  // namespace
}  // namespace placid
