// SPDX-License-Identifier: Apache-2.0
//
// What `placid inspect` makes of bytes that others wrote.
#include "cli/decode.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "cli/report.h"
#include "gtest/gtest.h"
#include "placid/base/cache_line.h"
#include "placid/primitives/broadcast_byte_ring.h"
#include "placid/primitives/broadcast_ring.h"
#include "placid/primitives/counter.h"
#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/lane_ring.h"
#include "placid/primitives/latest.h"
#include "placid/primitives/mpmc_ring.h"
#include "placid/primitives/mpsc_byte_ring.h"
#include "placid/primitives/mpsc_ring.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/seqlock.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "placid/primitives/spsc_ring.h"
#include "placid/segment/directory.h"
#include "placid/wait/doorbells.h"
#include "placid/wait/event_count.h"
#include "placid/wait/wait_mask.h"
#include "placid/wait/wait_set.h"
#include "tests/support/checked_value.h"
#include "tests/support/guarded_bytes.h"
#include "tests/support/seed.h"

namespace placid::cli {
namespace {

struct alignas(kLineBytes) Line {
  std::array<std::byte, kLineBytes> bytes{};
};

class DecodeTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kLines = 192;

  [[nodiscard]] std::span<std::byte> From(std::size_t line) {
    return std::as_writable_bytes(std::span(lines_)).subspan(line * kLineBytes);
  }
  [[nodiscard]] Json Decode() { return DecodeObjects(From(0)); }

  std::vector<Line> lines_{kLines};
};

TEST_F(DecodeTest, EmptyBytesHoldNothing) {
  EXPECT_EQ(Decode(), Json({{"objects", Json::array()}, {"more", 0}}));
  EXPECT_EQ(DecodeObjects({})["objects"].size(), 0u);
}

TEST_F(DecodeTest, EachTypeIsToldByItsStampAndShownByItsWords) {
  const auto seqlock = *Seqlock<std::uint64_t>::Create(From(1));
  auto writer = *seqlock.ClaimWriter();
  for (std::uint64_t i = 0; i < 5; ++i) writer.Store(i);

  const auto latest = *Latest<std::uint64_t>::Create(From(8));
  (*latest.ClaimWriter()).Store(9);

  const auto ring = *SpscRing<std::uint32_t>::Create(From(20), 8);
  auto producer = *ring.ClaimProducer(*OwnerId::Of(3, 1));
  for (std::uint32_t i = 0; i < 6; ++i) {
    ASSERT_EQ(producer.TryPush(i), RingResult::kOk);
  }
  const auto byte_ring = *SpscByteRing::Create(From(40), 1024);
  auto sender = *byte_ring.ClaimProducer();
  std::span<std::byte> payload;
  ASSERT_EQ(sender.TryReserve(100, payload), RingResult::kOk);
  sender.Commit(payload.size());

  const auto many = *MpscRing<std::uint32_t>::Create(From(60), 16);
  ASSERT_EQ(many.ClaimProducer()->TryPush(5), RingResult::kOk);
  const auto taker = *many.ClaimConsumer(Pace::kPrompt, *OwnerId::Of(4, 1));
  const auto shared = *MpmcRing<std::uint32_t>::Create(From(80), 16);
  shared.ClaimConsumer()->Close();

  const Json objects = Decode()["objects"];
  ASSERT_EQ(objects.size(), 6u) << objects.dump(2);
  EXPECT_EQ(objects[0]["type"], "Seqlock");
  EXPECT_EQ(objects[0]["offset"], 1 * kLineBytes);
  EXPECT_EQ(objects[0]["version"], 5);
  EXPECT_EQ(objects[0]["being_written"], false);
  EXPECT_EQ(objects[0]["writer"], "somebody without an identity");
  EXPECT_EQ(objects[1]["type"], "Latest");
  EXPECT_EQ(objects[1]["newest"], 1);
  EXPECT_EQ(objects[1]["writer"], "nobody");
  EXPECT_EQ(objects[2]["type"], "SpscRing");
  EXPECT_EQ(objects[2]["capacity"], 8);
  EXPECT_EQ(objects[2]["tail"], 6);
  EXPECT_EQ(objects[2]["filled"], 6);
  EXPECT_EQ(objects[2]["producer"], "participant 3");
  EXPECT_EQ(objects[3]["type"], "SpscByteRing");
  EXPECT_EQ(objects[3]["capacity_bytes"], 1024);
  EXPECT_EQ(objects[3]["filled_bytes"], 112) << "a header, 100, a pad of 4";
  EXPECT_EQ(objects[4]["type"], "MpscRing");
  EXPECT_EQ(objects[4]["capacity"], 16);
  EXPECT_EQ(objects[4]["head"], 0);
  EXPECT_EQ(objects[4]["consumer"], "participant 4");
  EXPECT_EQ(objects[5]["type"], "MpmcRing");
  EXPECT_EQ(objects[5]["capacity"], 16);
  EXPECT_EQ(objects[5]["rounds_of_offers"], 0);
  EXPECT_EQ(objects[5]["consumers_closed"], true);
}

TEST_F(DecodeTest, RecordsOfManyAreShownByTheirBytes) {
  const auto ring = *MpscByteRing::Create(From(1), 1024);
  auto producer = *ring.ClaimProducer();
  // What they carry is not taken for an object.
  std::span<std::byte> payload;
  ASSERT_EQ(producer.TryReserve(300, payload), RingResult::kOk);
  ASSERT_TRUE(Seqlock<std::uint64_t>::Create(From(4)));
  ASSERT_TRUE(producer.Commit(300));
  auto consumer = *ring.ClaimConsumer(Pace::kPrompt, *OwnerId::Of(4, 1));
  SharedBytes record;
  ASSERT_EQ(consumer.TryFront(record), RingResult::kOk);
  ASSERT_EQ(consumer.TryFront(record), RingResult::kEmpty);
  Json objects = Decode()["objects"];
  ASSERT_EQ(objects.size(), 1u) << objects.dump(2);
  EXPECT_EQ(objects[0]["type"], "MpscByteRing");
  EXPECT_EQ(objects[0]["capacity_bytes"], 1024);
  EXPECT_EQ(objects[0]["head_bytes"], 320);
  EXPECT_EQ(objects[0]["consumer"], "participant 4");

  auto& words = *reinterpret_cast<MpscByteRing::Memory*>(From(1).data());
  words.capacity.store(3, kRelaxed);
  objects = Decode()["objects"];
  EXPECT_NE(objects[0]["capacity"].get<std::string>().find("cannot be: 3"),
            std::string::npos);
}

TEST_F(DecodeTest, ABroadcastIsShownByWhatReadersFind) {
  auto writer =
      *BroadcastRing<std::uint32_t>::Create(From(1), 8)->ClaimWriter();
  for (std::uint32_t i = 0; i < 9; ++i) writer.Push(i);
  ASSERT_TRUE((BroadcastRing<std::uint32_t, 4>::Attach(From(20))));
  Json objects = Decode()["objects"];
  ASSERT_EQ(objects.size(), 2u) << objects.dump(2);
  EXPECT_EQ(objects[0]["type"], "BroadcastRing");
  EXPECT_EQ(objects[0]["capacity"], 8);
  EXPECT_EQ(objects[0]["tail"], 9);
  EXPECT_EQ(objects[0]["oldest"], 1);
  EXPECT_EQ(objects[0]["kept"], 8);
  EXPECT_EQ(objects[0]["writer"], "somebody without an identity");
  EXPECT_EQ(objects[0]["closed"], false);
  EXPECT_EQ(objects[1]["capacity"], "fixed by its type");

  auto& words =
      *reinterpret_cast<BroadcastRing<std::uint32_t>::Memory*>(From(1).data());
  words.oldest.store(10, kRelaxed);
  objects = Decode()["objects"];
  EXPECT_NE(objects[0]["kept"].get<std::string>().find("contradicts"),
            std::string::npos);
}

TEST_F(DecodeTest, RingsWithLanesAreShownLaneByLaneWhereThatCanBeKnown) {
  const auto ring = *LaneRing<std::uint32_t, 2>::Create(From(1), 8);
  const auto consumer = *ring.ClaimConsumer(Pace::kPrompt, *OwnerId::Of(3, 1));
  ring.Seal();
  const auto bytes = *LaneByteRing<4>::Create(From(40), 64);
  auto producer = *bytes.ClaimProducer(*OwnerId::Of(6, 1));
  ASSERT_EQ(producer.TryPush({}), RingResult::kOk);
  const Json objects = Decode()["objects"];
  ASSERT_EQ(objects.size(), 2u) << objects.dump(2);
  EXPECT_EQ(objects[0]["type"], "LaneRing");
  EXPECT_EQ(objects[0]["lanes"], 2);
  EXPECT_EQ(objects[0]["capacity"], 8);
  EXPECT_EQ(objects[0]["sealed"], true);
  EXPECT_EQ(objects[0]["consumer"], "participant 3");
  EXPECT_EQ(objects[1]["type"], "LaneByteRing");
  EXPECT_EQ(objects[1]["lanes"], 4);
  ASSERT_EQ(objects[1]["lanes_in_use"].size(), 1u);
  const Json& lane = objects[1]["lanes_in_use"][0];
  EXPECT_EQ(lane["lane"], 2);
  EXPECT_EQ(lane["producer"], "participant 6");
  EXPECT_EQ(lane["filled_bytes"], 8);
  EXPECT_FALSE(objects[0].contains("lanes_in_use")) << "how large are they?";
}

TEST_F(DecodeTest, LanesOfValuesAreShownWhereADirectorySaysHowLargeTheyAre) {
  using Wide = placid::testing::CheckedValue<5>;
  const auto directory = Directory::Create(From(0), 8);
  ASSERT_TRUE(directory);
  using Ring = LaneRing<Wide, 3>;
  const auto ring =
      *directory->FindOrCreate<Ring>("ring", OwnerId::Unowned(), 4);
  auto producer = *ring.ClaimProducer(*OwnerId::Of(5, 1));
  ASSERT_EQ(producer.TryPush({}), RingResult::kOk);
  ASSERT_EQ(producer.TryPush({}), RingResult::kOk);
  {
    auto gone = *ring.ClaimProducer(*OwnerId::Of(3, 1));
    ASSERT_EQ(gone.TryPush({}), RingResult::kOk);
  }
  const Json object = Decode()["objects"][1];
  EXPECT_EQ(object["type"], "LaneRing");
  EXPECT_EQ(object["lanes"], 3);
  const Json& lanes = object["lanes_in_use"];
  ASSERT_EQ(lanes.size(), 2u) << object.dump(2);
  EXPECT_EQ(lanes[0]["lane"], 0);
  EXPECT_EQ(lanes[0]["producer"], "nobody");
  EXPECT_EQ(lanes[0]["filled"], 1);
  EXPECT_EQ(lanes[1]["lane"], 2);
  EXPECT_EQ(lanes[1]["producer"], "participant 5");
  EXPECT_EQ(lanes[1]["filled"], 2);
}

// More lanes than there can be, or larger ones than there is room for.
TEST_F(DecodeTest, LanesThatCannotBeAreNotShown) {
  ASSERT_TRUE(LaneByteRing<4>::Create(From(0), 64));
  auto& words = *reinterpret_cast<LaneByteRing<4>::Memory*>(From(0).data());
  for (const std::uint64_t lanes : {std::uint64_t{65}, ~std::uint64_t{0}}) {
    words.lane_count.store(lanes, kRelaxed);
    EXPECT_FALSE(Decode()["objects"][0].contains("lanes_in_use"));
  }
  words.lane_count.store(4, kRelaxed);
  for (const std::uint64_t capacity : {1u, 3u, 0x2000u}) {
    words.capacity.store(capacity, kRelaxed);
    EXPECT_FALSE(Decode()["objects"][0].contains("lanes_in_use"));
  }
}

TEST_F(DecodeTest, ABroadcastOfRecordsIsShownByItsBytes) {
  auto writer = *BroadcastByteRing::Create(From(1), 1024)->ClaimWriter();
  const std::array<std::byte, 20> record{};
  ASSERT_EQ(writer.TryPush(record), RingResult::kOk);
  // What it carries is not taken for an object.
  ASSERT_TRUE(Seqlock<std::uint64_t>::Create(From(6)));
  Json objects = Decode()["objects"];
  ASSERT_EQ(objects.size(), 1u) << objects.dump(2);
  EXPECT_EQ(objects[0]["type"], "BroadcastByteRing");
  EXPECT_EQ(objects[0]["capacity_bytes"], 1024);
  EXPECT_EQ(objects[0]["kept_bytes"], 48) << "a header, 20, a pad of 12";
  auto& words = *reinterpret_cast<BroadcastByteRing::Memory*>(From(1).data());
  words.capacity.store(100, kRelaxed);
  objects = Decode()["objects"];
  EXPECT_NE(objects[0]["capacity"].get<std::string>().find("cannot be"),
            std::string::npos);
}

TEST_F(DecodeTest, WhatADirectoryNamesIsShownByItsName) {
  constexpr std::uint64_t kEntries = 8;
  const auto directory = Directory::Create(From(0), kEntries);
  ASSERT_TRUE(directory);
  const OwnerId me = OwnerId::Unowned();
  const auto price =
      directory->FindOrCreate<Seqlock<std::uint64_t>>("price", me);
  ASSERT_TRUE(price);
  (*price->ClaimWriter()).Store(7);
  ASSERT_TRUE(directory->FindOrCreate<SpscByteRing>("log", me, 512));
  const Json objects = Decode()["objects"];
  ASSERT_EQ(objects.size(), 3u) << objects.dump(2);
  EXPECT_EQ(objects[0]["type"], "Directory");
  EXPECT_EQ(objects[1]["name"], "price");
  EXPECT_EQ(objects[1]["entry"], "ready");
  EXPECT_EQ(objects[1]["type"], "Seqlock");
  EXPECT_EQ(objects[1]["version"], 1);
  EXPECT_EQ(objects[2]["name"], "log");
  EXPECT_EQ(objects[2]["type"], "SpscByteRing");
  EXPECT_EQ(objects[2]["capacity_bytes"], 512);
}

// They have no stamp: the directory alone knows what they are.
TEST_F(DecodeTest, WhatBearsNoStampIsDecodedWhereADirectoryNamesIt) {
  const auto directory = Directory::Create(From(0), 8);
  ASSERT_TRUE(directory);
  const OwnerId me = *OwnerId::Of(3, 1);
  std::int32_t count = 0;
  EXPECT_EQ(directory->FindOrCreate<Counter>("count", me)->Add(5, count),
            RingResult::kOk);
  directory->FindOrCreate<EventCount>("event", me)->MakeSleeper().Arm();
  const auto mask = *directory->FindOrCreate<WaitMask>("mask", me);
  const auto doorbells = *directory->FindOrCreate<Doorbells>("doorbells", me);
  WaitSet set(*doorbells.Claim(me, WakeBy::kEvent));
  set.Add(mask);
  set.Arm();
  const Json objects = Decode()["objects"];
  ASSERT_EQ(objects.size(), 5u) << objects.dump(2);
  EXPECT_EQ(objects[1]["type"], "Counter");
  EXPECT_EQ(objects[1]["count"], 5);
  EXPECT_EQ(objects[2]["type"], "EventCount");
  EXPECT_EQ(objects[2]["armed"], true);
  EXPECT_EQ(objects[2]["a_herd_has_slept_here"], false);
  EXPECT_EQ(objects[3]["type"], "WaitMask");
  EXPECT_EQ(objects[3]["armed_doorbells"], Json::array({0}));
  EXPECT_EQ(objects[4]["type"], "Doorbells");
  ASSERT_EQ(objects[4]["taken"].size(), 1u);
  EXPECT_EQ(objects[4]["taken"][0]["waiter"], "participant 3");
  EXPECT_EQ(objects[4]["taken"][0]["woken_by"], "event");
}

// Of a ring the extent is known: what it carries is not taken for an object.
TEST_F(DecodeTest, WhatAByteRingCarriesIsNotDecoded) {
  ASSERT_TRUE(SpscByteRing::Create(From(0), 4096));
  ASSERT_TRUE(Seqlock<std::uint64_t>::Create(From(10)));
  EXPECT_EQ(Decode()["objects"].size(), 1u);
}

TEST_F(DecodeTest, LiesAreShownAsSuch) {
  ASSERT_TRUE(SpscByteRing::Create(From(0), 1024));
  auto& words = *reinterpret_cast<SpscByteRing::Memory*>(From(0).data());
  words.capacity.store(std::uint64_t{1} << 60, kRelaxed);
  words.tail.store(5, kRelaxed);
  words.head.store(6, kRelaxed);
  words.producer.store(std::uint64_t{5000} << 48, kRelaxed);
  const Json ring = Decode()["objects"][0];
  EXPECT_NE(ring["capacity"].get<std::string>().find("cannot be"),
            std::string::npos);
  EXPECT_NE(ring["filled"].get<std::string>().find("contradicts"),
            std::string::npos);
  EXPECT_EQ(ring["producer"], "no holder that can be");
}

TEST_F(DecodeTest, UnknownVersionsAndTypesAreNamed) {
  ASSERT_TRUE(Seqlock<std::uint64_t>::Create(From(0)));
  From(0)[1] = std::byte{7};
  constexpr std::uint64_t kOwnType = 0x1C00'0000'8005'00C1;
  std::memcpy(From(5).data(), &kOwnType, sizeof(kOwnType));
  const Json objects = Decode()["objects"];
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(objects[0]["layout_version"], 7);
  EXPECT_TRUE(objects[0].contains("note"));
  EXPECT_FALSE(objects[0].contains("version"));
  EXPECT_EQ(objects[1]["type"], "a type of others, number 32773");
}

TEST_F(DecodeTest, TheOutputIsBounded) {
  lines_.resize(4 * kMostDecoded);
  for (std::size_t line = 0; line + 2 < lines_.size(); line += 2) {
    ASSERT_TRUE(Seqlock<std::uint64_t>::Create(From(line)));
  }
  const Json json = Decode();
  EXPECT_EQ(json["objects"].size(), kMostDecoded);
  EXPECT_GT(json["more"].get<int>(), 0);
}

// A stamp at the very end, and random words behind stamps: nothing beyond the
// bytes is touched (a page without access lies there), and it comes to an end.
TEST_F(DecodeTest, RandomBytesAreSurvived) {
  std::mt19937_64 random(placid::testing::DrawSeed());
  for (int round = 0; round < 500; ++round) {
    const std::size_t size = 1 + random() % 2048;
    placid::testing::GuardedBytes guarded(size, kLineBytes);
    const auto bytes = guarded.bytes();
    for (std::byte& byte : bytes) {
      byte = random() % 3 == 0 ? static_cast<std::byte>(random()) : std::byte{};
    }
    for (std::size_t at = 0; at + 8 <= size; at += kLineBytes) {
      const std::uint64_t stamp = 0x1C00'0000'0000'00C1 | (1 + random() % 5)
                                                              << 16;
      if (random() % 2 == 0) std::memcpy(&bytes[at], &stamp, sizeof(stamp));
    }
    (void)FormatTree(DecodeObjects(bytes));
  }
}

TEST(ReportTest, WhatOthersNamedIsPrintedSafely) {
  EXPECT_EQ(Escaped("plain-name.1"), "plain-name.1");
  EXPECT_EQ(Escaped("a\n\x1b[31m\xff\\"), "a\\x0a\\x1b[31m\\xff\\x5c");
  EXPECT_EQ(Escaped(""), "");
}

TEST(ReportTest, AgesHaveOneUnit) {
  EXPECT_EQ(FormatAge(-5), "0 s");
  EXPECT_EQ(FormatAge(119), "119 s");
  EXPECT_EQ(FormatAge(120), "2 min");
  EXPECT_EQ(FormatAge(3 * 3600), "3 h");
  EXPECT_EQ(FormatAge(40 * 86400), "40 d");
}

TEST(ReportTest, ColumnsAreAsWideAsWhatIsInThem) {
  EXPECT_EQ(FormatTable({{"NAME", ">SIZE"}, {"a", "1"}, {"longer", "12345"}}),
            "NAME     SIZE\n"
            "a           1\n"
            "longer  12345\n");
}

TEST(ReportTest, ATreeIsIndentedAndItsArraysAreTables) {
  const Json json{{"name", "x"},
                  {"size_bytes", 2048},
                  {"inner", {{"is_it", true}}},
                  {"rows", {{{"row", 1}, {"pid", nullptr}}}}};
  EXPECT_EQ(FormatTree(json),
            "name  x\n"
            "size  2.00 KiB\n"
            "inner\n"
            "  is it  yes\n"
            "rows\n"
            "  ROW  PID\n"
            "    1  -\n");
}

TEST(ReportTest, WhatIsATableWithinATableStandsBelowIt) {
  const Json json{
      {"objects",
       {{{"offset", 0}, {"type", "a"}, {"lanes_in_use", Json::array()}},
        {{"offset", 128},
         {"lanes_in_use", {{{"lane", 2}, {"filled_bytes", 8}}}}}}}};
  EXPECT_EQ(FormatTree(json),
            "objects\n"
            "  OFFSET  TYPE  LANES IN USE\n"
            "       0  a                0\n"
            "     128                   1\n"
            "  lanes in use, offset 128\n"
            "    LANE   FILLED\n"
            "       2  8 bytes\n");
}

}  // namespace
}  // namespace placid::cli
