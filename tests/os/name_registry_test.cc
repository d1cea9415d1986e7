// SPDX-License-Identifier: Apache-2.0
#include "placid/os/name_registry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace placid::os {
namespace {

using Registry = NameRegistry<8>;

static_assert(Placeable<Registry>);
static_assert(NameRegistry<>::SizeFor() == 0x080 + 4096 * 0x100);

// They have one hash, and so one first entry.
constexpr std::array<std::string_view, 2> kTwins = {"gad-live", "kja-live"};

// Some bytes, and what the system would say.
template <std::uint64_t kCount>
class World {
 public:
  using Type = NameRegistry<kCount>;

  [[nodiscard]] std::span<std::byte> Bytes() {
    return std::as_writable_bytes(std::span(&storage_, 1));
  }
  [[nodiscard]] typename Type::Entry& Entry(std::size_t index) {
    return storage_.entries[index];
  }

  bool Enter(std::string_view name, std::uint64_t made_at = 0) {
    return Type::Attach(Bytes())->Enter(
        name, NameWriter(kSelf), made_at,
        [this](std::string_view asked) {
          return existing_.contains(std::string(asked));
        },
        [this](NameWriter writer) { return dead_.contains(writer.word()); });
  }
  // By who has it open.
  bool Make(std::string_view name, std::uint64_t made_at = 0) {
    existing_.emplace(name);
    return Enter(name, made_at);
  }
  void Close(std::string_view name) { existing_.erase(std::string(name)); }
  void Kill(std::uint64_t writer) { dead_.insert(writer); }

  // With the times at which they were made.
  [[nodiscard]] std::multimap<std::string, std::uint64_t> Listed() {
    std::multimap<std::string, std::uint64_t> listed;
    Type::AttachReadOnly(Bytes())->ForEach(
        [&](std::string_view name, std::uint64_t made_at) {
          listed.emplace(name, made_at);
        });
    return listed;
  }
  [[nodiscard]] std::size_t IndexOf(std::string_view name) {
    for (std::size_t i = 0; i < kCount; ++i) {
      if (std::memcmp(Entry(i).name.data(), name.data(), name.size()) == 0) {
        return i;
      }
    }
    return kCount;
  }

  static constexpr std::uint64_t kSelf = 77;

 private:
  struct alignas(kLineBytes) Storage {
    typename Type::Memory memory;
    std::array<typename Type::Entry, kCount> entries;
  };
  Storage storage_{};
  std::set<std::string> existing_;
  std::set<std::uint64_t> dead_;
};

class NameRegistryTest : public ::testing::Test {
 protected:
  using Names = std::multimap<std::string, std::uint64_t>;

  static std::string Numbered(int number) {
    return "name-" + std::to_string(number);
  }
  // All entries, with names that exist.
  void Fill() {
    for (int i = 0; i < 8; ++i) ASSERT_TRUE(world_.Make(Numbered(i)));
  }

  World<8> world_;
};

// ---- Names ------------------------------------------------------------------

TEST_F(NameRegistryTest, ZeroHasNoNames) {
  EXPECT_EQ(world_.Listed(), Names());  // still virgin
  ASSERT_TRUE(Registry::Attach(world_.Bytes()));
  EXPECT_EQ(world_.Listed(), Names());
}

TEST_F(NameRegistryTest, WhatIsEnteredIsListedWithItsTime) {
  EXPECT_TRUE(world_.Make("one", 11));
  EXPECT_TRUE(world_.Make("other", 12));
  EXPECT_EQ(world_.Listed(), (Names{{"one", 11}, {"other", 12}}));
}

TEST_F(NameRegistryTest, ANameOfAnyLengthThatANameHasIsListed) {
  const std::string longest(Name::kMaxBytes, 'x');
  EXPECT_TRUE(world_.Make(longest));
  EXPECT_TRUE(world_.Make("y"));
  EXPECT_EQ(world_.Listed(), (Names{{longest, 0}, {"y", 0}}));
  EXPECT_FALSE(world_.Make(longest + "x"));
  EXPECT_FALSE(world_.Make(""));
  EXPECT_EQ(world_.Listed().size(), 2u);
}

// An opener does not know when it was made; who makes it anew does.
TEST_F(NameRegistryTest, EnteredAgainItHasOneEntryAndItsMakersTime) {
  EXPECT_TRUE(world_.Make("one", 11));
  EXPECT_TRUE(world_.Enter("one"));
  EXPECT_EQ(world_.Listed(), (Names{{"one", 11}}));
  EXPECT_TRUE(world_.Make("one", 12));
  EXPECT_EQ(world_.Listed(), (Names{{"one", 12}}));
}

// Were it not so, who had looked the name up before would take its entry.
TEST_F(NameRegistryTest, EnteredAgainItsStateIsAnother) {
  ASSERT_TRUE(world_.Make("one"));
  auto& state = world_.Entry(world_.IndexOf("one")).state;
  const std::uint64_t before = state.load(kRelaxed);
  ASSERT_TRUE(world_.Enter("one"));
  EXPECT_NE(state.load(kRelaxed), before);
}

TEST_F(NameRegistryTest, NamesOfOneHashLieSideBySide) {
  ASSERT_TRUE(world_.Make(kTwins[0]));
  ASSERT_TRUE(world_.Make(kTwins[1]));
  EXPECT_EQ((world_.IndexOf(kTwins[0]) + 1) % 8, world_.IndexOf(kTwins[1]));
  EXPECT_TRUE(world_.Enter(kTwins[1]));
  EXPECT_EQ(world_.Listed().size(), 2u);
}

// ---- Room -------------------------------------------------------------------

TEST_F(NameRegistryTest, FullOfNamesThatExistItRefusesAndKeepsThem) {
  Fill();
  EXPECT_FALSE(world_.Make("more"));
  EXPECT_EQ(world_.Listed().size(), 8u);
  EXPECT_FALSE(world_.Listed().contains("more"));
  EXPECT_TRUE(world_.Enter(Numbered(3))) << "what is there is no more";
}

TEST_F(NameRegistryTest, ANameThatIsGoneLeavesItsEntryToAnother) {
  Fill();
  world_.Close(Numbered(5));
  EXPECT_TRUE(world_.Make("more", 13));
  EXPECT_FALSE(world_.Listed().contains(Numbered(5)));
  EXPECT_EQ(world_.Listed().count("more"), 1u);
  EXPECT_EQ(world_.Listed().size(), 8u);
  EXPECT_FALSE(world_.Make("still more"));
}

// Nobody takes a name out: as long as there are entries without any, names that
// are gone stay there to be asked for.
TEST_F(NameRegistryTest, EntriesWithoutANameGoFirst) {
  ASSERT_TRUE(world_.Make(kTwins[0]));
  world_.Close(kTwins[0]);
  ASSERT_TRUE(world_.Make(kTwins[1]));
  EXPECT_EQ(world_.Listed().size(), 2u);
}

TEST_F(NameRegistryTest, TenThousandNamesOneAfterTheOtherFindRoom) {
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(world_.Make(Numbered(i)));
    ASSERT_TRUE(world_.Listed().contains(Numbered(i)));
    world_.Close(Numbered(i));
  }
}

// Of many more entries than one name looks at.
TEST_F(NameRegistryTest, WhatIsEnteredIsListedUntilItsWindowIsFull) {
  World<256> world;
  std::size_t entered = 0;
  for (int i = 0; i < 1000; ++i) {
    if (!world.Make(Numbered(i))) continue;
    ++entered;
    EXPECT_TRUE(world.Listed().contains(Numbered(i)));
  }
  EXPECT_EQ(world.Listed().size(), entered);
  EXPECT_GE(entered, 192u);
  EXPECT_LE(entered, 256u);
}

// ---- Deaths -----------------------------------------------------------------

TEST_F(NameRegistryTest, AnEntryInALivingHandIsPassedOver) {
  for (std::size_t i = 0; i < 8; ++i) {
    if (i != 4) world_.Entry(i).writer.store(5, kRelaxed);
  }
  EXPECT_TRUE(world_.Make("one"));
  EXPECT_EQ(world_.IndexOf("one"), 4u);
  EXPECT_FALSE(world_.Make("other"));
  EXPECT_EQ(world_.Entry(4).writer.load(kRelaxed), 0u);
}

// Whoever died in it had cleared its name, or not.
TEST_F(NameRegistryTest, AnEntryInADeadHandIsTheNextOnes) {
  Fill();
  for (std::size_t i = 0; i < 8; ++i) {
    world_.Entry(i).writer.store(i == 2 || i == 6 ? 5 : 6, kRelaxed);
  }
  world_.Entry(2).state.store(std::uint64_t{9} << 24, kRelaxed);
  EXPECT_FALSE(world_.Make("one"));
  world_.Kill(5);
  EXPECT_TRUE(world_.Make("one"));
  EXPECT_EQ(world_.IndexOf("one"), 2u);
  EXPECT_EQ(world_.Entry(2).writer.load(kRelaxed), 0u);
  EXPECT_FALSE(world_.Make("other")) << "the name of entry 6 exists";
  for (int i = 0; i < 8; ++i) world_.Close(Numbered(i));
  EXPECT_TRUE(world_.Make("other"));
  EXPECT_EQ(world_.IndexOf("other"), 6u);
}

// Another thread of ours is at it.
TEST_F(NameRegistryTest, AnEntryInOurOwnHandIsPassedOver) {
  for (std::size_t i = 0; i < 8; ++i) {
    world_.Entry(i).writer.store(World<8>::kSelf, kRelaxed);
  }
  EXPECT_FALSE(world_.Make("one"));
}

TEST_F(NameRegistryTest, AWriterIsAProcessAndItsStart) {
  const NameWriter writer(ProcessIdentity{
      .pid = 1234, .start_time = 0x1'2345'6789, .boot_high = 3, .boot_low = 4});
  EXPECT_EQ(writer.pid(), 1234u);
  EXPECT_EQ(writer.word(), 0x2345'6789'0000'04D2u);
  EXPECT_FALSE(writer.is_nobody());
  EXPECT_TRUE(NameWriter(ProcessIdentity{}).is_nobody());
}

// ---- Counters at their end --------------------------------------------------

TEST_F(NameRegistryTest, LapsGoOnFromTheirEnd) {
  ASSERT_TRUE(world_.Make("one"));
  auto& state = world_.Entry(world_.IndexOf("one")).state;
  const std::uint64_t name = state.load(kRelaxed) & 0xFF'FFFF;
  constexpr std::uint64_t kEnd = std::uint64_t{1} << 40;
  state.store((kEnd - 8) << 24 | name, kRelaxed);
  for (std::uint64_t i = 1; i <= 16; ++i) {
    ASSERT_TRUE(world_.Enter("one"));
    ASSERT_EQ(state.load(kRelaxed), (kEnd - 8 + i) % kEnd << 24 | name);
    ASSERT_EQ(world_.Listed().size(), 1u);
  }
}

TEST_F(NameRegistryTest, LapsGoOnFromTheirEndFromNameToName) {
  Fill();
  for (std::size_t i = 0; i < 8; ++i) {
    auto& state = world_.Entry(i).state;
    state.store(state.load(kRelaxed) | ~std::uint64_t{0xFF'FFFF}, kRelaxed);
  }
  world_.Close(Numbered(1));
  ASSERT_TRUE(world_.Make("one"));
  EXPECT_EQ(world_.Entry(world_.IndexOf("one")).state.load(kRelaxed) >> 24, 0u);
  EXPECT_EQ(world_.Listed().count("one"), 1u);
}

// ---- Lies -------------------------------------------------------------------

TEST_F(NameRegistryTest, ALengthThatNoNameHasIsNoName) {
  for (std::size_t i = 0; i < 8; ++i) {
    world_.Entry(i).state.store(Name::kMaxBytes + 1 + i * 10, kRelaxed);
  }
  EXPECT_EQ(world_.Listed(), Names());
  EXPECT_TRUE(world_.Make("one"));
  EXPECT_EQ(world_.Listed().size(), 1u);
}

TEST_F(NameRegistryTest, ForeignBytesAreRefusedByName) {
  const auto error = [&](std::uint64_t stamp) {
    std::memcpy(world_.Bytes().data(), &stamp, sizeof(stamp));
    const auto attached = Registry::Attach(world_.Bytes());
    const auto looked = Registry::AttachReadOnly(world_.Bytes());
    EXPECT_FALSE(attached.has_value());
    EXPECT_FALSE(looked.has_value());
    EXPECT_EQ(attached.error().code, looked.error().code);
    return attached.error().code;
  };
  EXPECT_EQ(error(1), ErrorCode::kNotPlacid);
  EXPECT_EQ(error(Stamp(TypeId::kCounter, 0, 8).word()), ErrorCode::kWrongType);
  EXPECT_EQ(error(Stamp(TypeId::kNameRegistry, 1, 8).word()),
            ErrorCode::kWrongVersion);
  EXPECT_EQ(error(Stamp(TypeId::kNameRegistry, 0, 16).word()),
            ErrorCode::kWrongElement);
}

TEST_F(NameRegistryTest, TooFewOrMisplacedBytesAreRefused) {
  const auto bytes = world_.Bytes();
  const auto most = bytes.first(bytes.size() - 1);
  EXPECT_EQ(Registry::Attach(most).error().code, ErrorCode::kTooSmall);
  EXPECT_EQ(Registry::AttachReadOnly(most).error().code, ErrorCode::kTooSmall);
  World<16> larger;
  const auto skewed = larger.Bytes().subspan(8);
  EXPECT_EQ(Registry::Attach(skewed).error().code, ErrorCode::kMisaligned);
  EXPECT_EQ(Registry::AttachReadOnly(skewed).error().code,
            ErrorCode::kMisaligned);
}

}  // namespace
}  // namespace placid::os
