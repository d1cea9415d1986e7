// SPDX-License-Identifier: Apache-2.0
#include "cli/crc32c.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace placid::cli {
namespace {

std::vector<std::byte> BytesOf(std::string_view text) {
  std::vector<std::byte> bytes(text.size());
  std::ranges::transform(text, bytes.begin(),
                         [](char c) { return static_cast<std::byte>(c); });
  return bytes;
}

// Bit by bit, straight from the polynomial.
std::uint32_t ByDefinition(std::span<const std::byte> bytes) {
  constexpr std::uint32_t kReversedPolynomial = 0x82F63B78;
  std::uint32_t state = 0xFFFFFFFF;
  for (const std::byte byte : bytes) {
    state ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      state = state >> 1 ^ ((state & 1) != 0 ? kReversedPolynomial : 0);
    }
  }
  return ~state;
}

// Another polynomial, a missing inversion or the other order of bits fails
// here.
TEST(Crc32cTest, GivesTheKnownAnswersOfRfc3720) {
  EXPECT_EQ(ExtendCrc32c(0, {}), 0U);
  EXPECT_EQ(ExtendCrc32c(0, BytesOf("123456789")), 0xE3069283U);
  std::vector<std::byte> bytes(32, std::byte{0x00});
  EXPECT_EQ(ExtendCrc32c(0, bytes), 0x8A9136AAU);
  std::ranges::fill(bytes, std::byte{0xFF});
  EXPECT_EQ(ExtendCrc32c(0, bytes), 0x62A8AB43U);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(i);
  }
  EXPECT_EQ(ExtendCrc32c(0, bytes), 0x46DD794EU);
}

// Vector code has a head, a body of blocks and a tail: each length and each
// misalignment takes another way through it.
TEST(Crc32cTest, AgreesWithItsDefinitionAtEachLengthAndAlignment) {
  std::mt19937 random(1);
  std::vector<std::byte> bytes(4200);
  std::ranges::generate(bytes,
                        [&] { return static_cast<std::byte>(random()); });
  for (std::size_t offset = 0; offset < 16; ++offset) {
    for (const std::size_t size : std::initializer_list<std::size_t>{
             0, 1, 7, 8, 9, 63, 64, 65, 255, 256, 257, 511, 512, 1023, 1025,
             3071, 3073, 4096, 4184}) {
      const auto piece = std::span(bytes).subspan(offset, size);
      ASSERT_EQ(ExtendCrc32c(0, piece), ByDefinition(piece))
          << size << " bytes at " << offset;
    }
  }
}

// A stream is summed piece by piece: where it is cut must not matter.
TEST(Crc32cTest, ExtendedPieceByPieceEqualsTheWhole) {
  std::vector<std::byte> bytes(10'000);
  std::mt19937 random(2);
  std::ranges::generate(bytes,
                        [&] { return static_cast<std::byte>(random()); });
  const std::uint32_t whole = ExtendCrc32c(0, bytes);
  for (const std::size_t piece :
       std::initializer_list<std::size_t>{1, 13, 64, 4096, 9999}) {
    std::uint32_t crc = 0;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      const std::size_t size = std::min(piece, bytes.size() - at);
      crc = ExtendCrc32c(crc, std::span(bytes).subspan(at, size));
    }
    EXPECT_EQ(crc, whole) << "in pieces of " << piece;
  }
}

}  // namespace
}  // namespace placid::cli
