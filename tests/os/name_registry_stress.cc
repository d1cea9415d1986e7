// SPDX-License-Identifier: Apache-2.0
//
// One registry through one mapping, far too small for the names that threads
// make and close in it while others read: what was entered, and exists, is
// listed; what is listed is whole. Of interest under ThreadSanitizer, so that a
// name exists is told by a relaxed word.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "placid/os/name_registry.h"
#include "tests/support/seed.h"

namespace placid::os {
namespace {

constexpr std::uint64_t kMakers = 3;
constexpr std::size_t kNamesOfEach = 4;
constexpr int kRounds = 20'000;

using Registry = NameRegistry<8>;

class World {
 public:
  World() : registry_(*Registry::Attach(Bytes())) {}

  // Makes and closes the names of its own. How often one was listed.
  std::uint64_t Make(std::uint64_t maker, std::uint64_t seed) {
    std::mt19937_64 random(seed + maker);
    std::uint64_t entered = 0;
    for (int i = 0; i < kRounds; ++i) {
      const std::size_t at = maker * kNamesOfEach + random() % kNamesOfEach;
      const bool was_there = existing_[at].load(std::memory_order_relaxed);
      if (was_there && random() % 2 == 0) {
        existing_[at].store(false, std::memory_order_relaxed);
        continue;
      }
      existing_[at].store(true, std::memory_order_relaxed);
      if (!Enter(maker, at)) continue;
      ++entered;
      EXPECT_TRUE(IsListed(at)) << NameOf(at) << ", which exists";
    }
    return entered;
  }
  // How many names it saw.
  std::uint64_t Read(const std::atomic<bool>& is_over) {
    std::uint64_t seen = 0;
    while (!is_over.load(std::memory_order_relaxed)) {
      ForEach([&](std::string_view name) {
        ++seen;
        EXPECT_LT(IndexOf(name), kAll) << name;
      });
    }
    return seen;
  }

 private:
  static constexpr std::size_t kAll = kMakers * kNamesOfEach;

  // Of different lengths, all of them longer than a word.
  static std::string NameOf(std::size_t index) {
    return std::string(10 + index * 7, static_cast<char>('a' + index));
  }
  static std::size_t IndexOf(std::string_view name) {
    for (std::size_t i = 0; i < kAll; ++i) {
      if (name == NameOf(i)) return i;
    }
    return kAll;
  }

  std::span<std::byte> Bytes() {
    return std::as_writable_bytes(std::span(&storage_, 1));
  }
  bool Enter(std::uint64_t maker, std::size_t at) {
    return registry_.Enter(
        NameOf(at), NameWriter(maker + 1), 0,
        [this](std::string_view name) {
          const std::size_t index = IndexOf(name);
          EXPECT_LT(index, kAll) << name;
          return index == kAll ||
                 existing_[index].load(std::memory_order_relaxed);
        },
        [](NameWriter) { return false; });
  }
  template <typename Visit>
  void ForEach(Visit visit) {
    Registry::AttachReadOnly(Bytes())->ForEach(
        [&](std::string_view name, std::uint64_t) { visit(name); });
  }
  // A reader passes over an entry that changes at each of its looks.
  bool IsListed(std::size_t at) {
    bool is_listed = false;
    for (int look = 0; look < 1000 && !is_listed; ++look) {
      ForEach([&](std::string_view name) { is_listed |= name == NameOf(at); });
    }
    return is_listed;
  }

  struct alignas(kLineBytes) Storage {
    Registry::Memory memory;
    std::array<Registry::Entry, 8> entries;
  };
  Storage storage_{};
  Registry registry_;
  std::array<std::atomic<bool>, kAll> existing_{};
};

TEST(NameRegistryStress, WhatExistsIsListedAndWhole) {
  const std::uint64_t seed = placid::testing::DrawSeed();
  World world;
  std::atomic<bool> is_over{false};
  std::array<std::uint64_t, kMakers> entered{};
  std::uint64_t seen = 0;
  std::thread reader([&] { seen = world.Read(is_over); });
  std::vector<std::thread> makers;
  for (std::uint64_t maker = 0; maker < kMakers; ++maker) {
    makers.emplace_back(
        [&, maker] { entered[maker] = world.Make(maker, seed); });
  }
  for (std::thread& maker : makers) maker.join();
  is_over.store(true, std::memory_order_relaxed);
  reader.join();
  for (const std::uint64_t count : entered) EXPECT_GT(count, 0u);
  EXPECT_GT(seen, 0u);
  std::printf("  %llu, %llu and %llu times entered, %llu names seen\n",
              static_cast<unsigned long long>(entered[0]),
              static_cast<unsigned long long>(entered[1]),
              static_cast<unsigned long long>(entered[2]),
              static_cast<unsigned long long>(seen));
}

}  // namespace
}  // namespace placid::os
