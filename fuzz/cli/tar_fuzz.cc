// SPDX-License-Identifier: Apache-2.0
//
// TarReader: any bytes, in pieces of any size, against the format read a second
// time from the whole of it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "cli/tar.h"
#include "fuzz/check.h"
#include "fuzz/input.h"

namespace placid::fuzz {
namespace {

constexpr std::size_t kBlock = 512;

// The octal digits at the beginning of a field.
std::uint64_t Octal(std::span<const std::uint8_t> field) {
  std::uint64_t value = 0;
  for (const std::uint8_t c : field) {
    if (c < '0' || c > '7') break;
    value = value * 8 + (c - '0');
  }
  return value;
}
std::uint64_t SumOf(std::span<const std::uint8_t> block) {
  std::uint64_t sum = 8 * ' ';
  for (std::size_t i = 0; i < kBlock; ++i) {
    if (i < 148 || i >= 156) sum += block[i];
  }
  return sum;
}

struct Archive {
  std::uint64_t files = 0;
  std::uint64_t content_bytes = 0;
  bool is_ended = false;
  bool is_broken = false;
};

Archive Read(std::span<const std::uint8_t> bytes) {
  Archive archive;
  while (bytes.size() >= kBlock) {
    const auto block = bytes.first(kBlock);
    bytes = bytes.subspan(kBlock);
    if (std::ranges::all_of(block, [](std::uint8_t b) { return b == 0; })) {
      archive.is_ended = true;
      continue;
    }
    if (archive.is_ended || std::memcmp(&block[257], "ustar\00000", 8) != 0 ||
        block[156] != '0' || Octal(block.subspan(148, 8)) != SumOf(block)) {
      archive.is_broken = true;
      continue;
    }
    const std::uint64_t size = Octal(block.subspan(124, 12));
    ++archive.files;
    archive.content_bytes += size;
    const std::uint64_t skip = (size + kBlock - 1) / kBlock * kBlock;
    bytes = bytes.subspan(
        static_cast<std::size_t>(std::min<std::uint64_t>(skip, bytes.size())));
  }
  return archive;
}

// Any bytes; headers with what an input says of them; contents; the end.
std::vector<std::uint8_t> Draw(Input& input) {
  std::vector<std::uint8_t> bytes;
  const auto append = [&bytes](const void* from, std::size_t size) {
    const auto* at = static_cast<const std::uint8_t*>(from);
    bytes.insert(bytes.end(), at, at + size);
  };
  while (!input.is_spent() && bytes.size() < 64 * kBlock) {
    std::vector<std::uint8_t> block(kBlock);
    switch (input.TakeAtMost(7)) {
      case 0: append(block.data(), block.size()); break;
      case 1: {
        const auto any = input.TakeBytes(input.TakeAtMost(255));
        append(any.data(), any.size());
        break;
      }
      case 2: bytes.resize(bytes.size() + input.TakeAtMost(2 * kBlock)); break;
      default: {
        std::memcpy(&block[257], "ustar\00000", 8);
        block[156] = '0';
        const auto size = input.TakeBytes(input.TakeAtMost(12));
        std::memcpy(&block[124], size.data(), size.size());
        if (input.TakeAtMost(7) == 0) {
          block[input.TakeAtMost(kBlock - 1)] ^= input.Take<std::uint8_t>();
        }
        std::uint64_t sum = SumOf(block) + (input.TakeAtMost(15) == 1 ? 1 : 0);
        for (std::size_t at = 154; at > 148; --at, sum /= 8) {
          block[at] = static_cast<std::uint8_t>('0' + sum % 8);
        }
        append(block.data(), block.size());
      }
    }
  }
  return bytes;
}

void One(Input input) {
  const std::size_t piece = 1 + input.TakeAtMost(1023);
  const auto bytes = Draw(input);
  const Archive expected = Read(bytes);
  cli::TarReader reader;
  for (std::span left(bytes); !left.empty();) {
    const auto some = left.first(std::min(piece, left.size()));
    reader.Write(std::as_bytes(some));
    left = left.subspan(some.size());
  }
  PLACID_FUZZ_CHECK(reader.files() == expected.files);
  PLACID_FUZZ_CHECK(reader.content_bytes() == expected.content_bytes);
  PLACID_FUZZ_CHECK(reader.is_whole() ==
                    (expected.is_ended && !expected.is_broken));
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  placid::fuzz::One({data, size});
  return 0;
}
