// SPDX-License-Identifier: Apache-2.0
//
// ResumeRecord: how far the receiver of a resumable stream has come, as it
// stands in a file beside its output.
//
// Format     version 1, little-endian
//
//   offset  size  field   meaning
//   0x0000    52  slot 0  of the records with an even number
//   0x1000    52  slot 1  of those with an odd one
//
//   slot
//   0x00  8  magic     "plcdrs", version, zero
//   0x08  8  number    of records before this one
//   0x10  8  id high   of the stream
//   0x18  8  id low
//   0x20  8  bytes     of the stream that are in the output
//   0x28  4  crc32c    of those bytes
//   0x2c  4  end       1: these are all of them, and they were compared
//   0x30  4  checksum  CRC-32C of what is before it
//
// A new record goes into the slot that the last one is not in. So whatever is
// torn by a death or a loss of power, the one before it is whole.
#ifndef PLACID_SRC_CLI_RESUME_RECORD_H_
#define PLACID_SRC_CLI_RESUME_RECORD_H_

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "cli/stream_header.h"

namespace placid::cli {

struct ResumeRecord {
  static constexpr std::uint64_t kSlotOffset = 0x1000;
  static constexpr std::size_t kSlotBytes = 0x34;
  static constexpr std::size_t kFileBytes = kSlotOffset + kSlotBytes;

  std::uint64_t number = 0;
  StreamId id;
  StreamHeader::Total total;
  bool is_end = false;

  friend bool operator==(const ResumeRecord&, const ResumeRecord&) = default;

  // Where in the file it belongs, and what is to stand there.
  [[nodiscard]] constexpr std::uint64_t Offset() const {
    return number % 2 * kSlotOffset;
  }
  [[nodiscard]] constexpr std::array<std::byte, kSlotBytes> Encode() const;

  // The newest whole record of a file; nullopt: there is none.
  [[nodiscard]] static constexpr std::optional<ResumeRecord> Find(
      std::span<const std::byte> file);

 private:
  static constexpr std::uint64_t kMagic = 0x0001'7372'6463'6c70;
  static constexpr std::size_t kChecksumAt = 0x30;

  static constexpr std::optional<ResumeRecord> Decode(
      std::span<const std::byte, kSlotBytes> slot);
  static constexpr std::uint32_t Checksum(std::span<const std::byte> bytes);
};

// ---- Implementation ---------------------------------------------------------

// Bit by bit: it is short, and so needs no tables and no library.
constexpr std::uint32_t ResumeRecord::Checksum(
    std::span<const std::byte> bytes) {
  constexpr std::uint32_t kPolynomial = 0x82F6'3B78;  // reflected
  std::uint32_t crc = ~std::uint32_t{0};
  for (const std::byte byte : bytes) {
    crc ^= static_cast<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc >> 1 ^ (crc % 2 == 0 ? 0 : kPolynomial);
    }
  }
  return ~crc;
}

constexpr auto ResumeRecord::Encode() const
    -> std::array<std::byte, kSlotBytes> {
  std::array<std::byte, kSlotBytes> slot{};
  std::size_t at = 0;
  const auto put = [&](std::unsigned_integral auto value) {
    for (std::size_t i = 0; i < sizeof(value); ++i) {
      slot[at++] = static_cast<std::byte>(value >> (8 * i) & 0xFF);
    }
  };
  put(kMagic);
  put(number);
  put(id.high);
  put(id.low);
  put(total.bytes);
  put(total.crc32c);
  put(std::uint32_t{is_end});
  put(Checksum(std::span(slot).first(kChecksumAt)));
  return slot;
}

constexpr std::optional<ResumeRecord> ResumeRecord::Decode(
    std::span<const std::byte, kSlotBytes> slot) {
  const auto word = [&](std::size_t at, std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      value |= std::uint64_t{static_cast<std::uint8_t>(slot[at + i])}
               << (8 * i);
    }
    return value;
  };
  if (word(kChecksumAt, 4) != Checksum(slot.first(kChecksumAt)) ||
      word(0x00, 8) != kMagic || word(0x2c, 4) > 1) {
    return std::nullopt;
  }
  return ResumeRecord{
      .number = word(0x08, 8),
      .id = {.high = word(0x10, 8), .low = word(0x18, 8)},
      .total = {.bytes = word(0x20, 8),
                .crc32c = static_cast<std::uint32_t>(word(0x28, 4))},
      .is_end = word(0x2c, 4) == 1};
}

constexpr std::optional<ResumeRecord> ResumeRecord::Find(
    std::span<const std::byte> file) {
  std::optional<ResumeRecord> newest;
  for (const std::uint64_t at : {std::uint64_t{0}, kSlotOffset}) {
    if (file.size() < at + kSlotBytes) continue;
    const auto place = file.subspan(static_cast<std::size_t>(at));
    const auto found = Decode(place.first<kSlotBytes>());
    // One in the other's slot is nobody's doing of ours.
    if (!found || found->Offset() != at) continue;
    if (!newest || found->number > newest->number) newest = found;
  }
  return newest;
}

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_RESUME_RECORD_H_
