// SPDX-License-Identifier: Apache-2.0
//
// Stamp: any word where a stamp belongs, against the rules of the header
// written a second time, byte by byte. With a hostile peer every look may see
// another word; each answer is still one that some word has.
#include <array>
#include <string_view>

#include "fuzz/harness.h"
#include "placid/base/stamp.h"

namespace placid::fuzz {
namespace {

// Its bytes as they lie in memory, the lowest first.
std::array<std::uint8_t, 8> BytesOf(std::uint64_t word) {
  std::array<std::uint8_t, 8> bytes;
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(word >> 8 * i);
  }
  return bytes;
}

// What is to be said of `found` where `wanted` belongs and is not.
ErrorCode Verdict(std::uint64_t found, std::uint64_t wanted) {
  if (found == 0) return ErrorCode::kNotInitialized;
  const auto a = BytesOf(found);
  const auto b = BytesOf(wanted);
  if (a[0] == 0x1C && a[7] == 0xC1) return ErrorCode::kWrongByteOrder;
  if (a[0] != 0xC1 || a[7] != 0x1C) return ErrorCode::kNotPlacid;
  if (a[2] != b[2] || a[3] != b[3]) return ErrorCode::kWrongType;
  if (a[1] != b[1]) return ErrorCode::kWrongVersion;
  return ErrorCode::kWrongElement;
}

void CheckError(const Error& error, bool is_honest, std::uint64_t found,
                ErrorCode expected) {
  PLACID_FUZZ_CHECK(error.operation == std::string_view("stamp_fuzz"));
  PLACID_FUZZ_CHECK(error.advice != nullptr && *error.advice != '\0');
  PLACID_FUZZ_CHECK(!error.Message().view().empty());
  if (!is_honest) return;
  PLACID_FUZZ_CHECK(error.code == expected);
  PLACID_FUZZ_CHECK(error.found != error.expected || found == 0);
}

// The stamp itself, one with a byte or two changed or swapped, or any word.
std::uint64_t Draw(Input& input, std::uint64_t stamp) {
  std::uint64_t word = stamp;
  switch (input.TakeAtMost(4)) {
    case 0: return 0;
    case 1: return input.Take<std::uint64_t>();
    case 2: {
      word = 0;
      for (const std::uint8_t byte : BytesOf(stamp)) word = word << 8 | byte;
      break;
    }
    default: break;
  }
  for (auto changes = input.TakeAtMost(2); changes > 0; --changes) {
    word ^= std::uint64_t{input.Take<std::uint8_t>()}
            << 8 * input.TakeAtMost(7);
  }
  return word;
}

void One(Input input) {
  static GuardedArena arena(8);
  constexpr const char* kOperation = "stamp_fuzz";
  const auto honesty = input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  const Stamp stamp(static_cast<TypeId>(input.Take<std::uint16_t>()),
                    input.Take<std::uint8_t>(), input.Take<std::uint64_t>());
  PLACID_FUZZ_CHECK(BytesOf(stamp.word())[0] == 0xC1);
  PLACID_FUZZ_CHECK(BytesOf(stamp.word())[7] == 0x1C);
  const auto bytes = arena.Place(8, 8);
  auto& word = *reinterpret_cast<Atomic<std::uint64_t>*>(bytes.data());

  while (!input.is_spent()) {
    const std::uint64_t found = Draw(input, stamp.word());
    word.store(found, kRelaxed);
    HostilePeer peer(input, bytes, honesty);
    const bool is_honest = peer.is_honest();
    const bool is_right = found == stamp.word();
    const ErrorCode verdict = Verdict(found, stamp.word());

    peer.AllowReads(1);
    const auto checked = CheckStamp(word, stamp, kOperation);
    PLACID_FUZZ_CHECK(!is_honest || checked.has_value() == is_right);
    if (!checked) CheckError(checked.error(), is_honest, found, verdict);

    peer.AllowReads(1);
    const auto read_only = CheckUnlessVirgin(word, stamp, kOperation);
    PLACID_FUZZ_CHECK(!is_honest ||
                      read_only.has_value() == (is_right || found == 0));
    PLACID_FUZZ_CHECK(!is_honest || !read_only || *read_only == is_right);
    if (!read_only) CheckError(read_only.error(), is_honest, found, verdict);

    peer.AllowReads(1);
    const auto refused = RefuseStamped(word, kOperation);
    PLACID_FUZZ_CHECK(!is_honest || refused.has_value() == (found == 0));
    if (!refused) {
      CheckError(refused.error(), is_honest, found, ErrorCode::kAlreadyExists);
    }

    peer.Allow(1);
    const auto attached = StampOrCheck(word, stamp, kOperation);
    PLACID_FUZZ_CHECK(!is_honest ||
                      attached.has_value() == (is_right || found == 0));
    if (!attached) CheckError(attached.error(), is_honest, found, verdict);
    if (!is_honest) continue;
    // Only what was virgin is written to.
    peer.AllowReads(1);
    PLACID_FUZZ_CHECK(word.load(kRelaxed) ==
                      (found == 0 ? stamp.word() : found));
  }
  arena.CheckSurroundings();
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  placid::fuzz::One({data, size});
  return 0;
}
