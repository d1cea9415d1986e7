// SPDX-License-Identifier: Apache-2.0
//
// A directory in bytes of its own, two who make objects in it, and one who dies
// of it.
#ifndef PLACID_TESTS_SEGMENT_DIRECTORY_FIXTURE_H_
#define PLACID_TESTS_SEGMENT_DIRECTORY_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "placid/segment/directory.h"

namespace placid::testing {

inline constexpr OwnerId kMe = *OwnerId::Of(1, 1);
inline constexpr OwnerId kOther = *OwnerId::Of(2, 7);
inline constexpr ObjectType kBlob{TypeId::kFirstForeign, 3, kDynamic, 0, {}};

inline Result<void> MakeNothing(std::span<std::byte>) { return Ok(); }

class DirectoryTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kEntries = 8;
  static constexpr std::uint64_t kObjects = 160 * kLineBytes;

  [[nodiscard]] std::span<std::byte> Bytes() {
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    const std::size_t skew = (kLineBytes - address % kLineBytes) % kLineBytes;
    return std::span(memory_).subspan(skew, kBytes);
  }
  Directory Create() { return *Directory::Create(Bytes(), kEntries); }
  Atomic<std::uint64_t>& Entry(std::uint64_t index) {
    return reinterpret_cast<Atomic<std::uint64_t>*>(
        Bytes().data() + Directory::kEntriesOffset)[index];
  }
  EntryState Look(std::uint64_t index) {
    return EntryState(Entry(index).load(kRelaxed));
  }
  // As one that dies in the midst of making it.
  void DieMaking(const Directory& directory, std::string_view name,
                 OwnerId owner, std::uint64_t size) {
    std::uint64_t index = 0;
    std::uint64_t word = 0;
    const auto died = directory.FindOrCreate(
        name, owner, kBlob, size,
        [&](std::span<std::byte> bytes) -> Result<void> {
          std::ranges::fill(bytes, std::byte{0xDD});
          while (Look(index + 1).phase() != EntryState::Phase::kFree) ++index;
          word = Look(index).word();
          return Error{.code = ErrorCode::kSystem};
        });
    ASSERT_EQ(died.error().code, ErrorCode::kSystem);
    Entry(index).store(word, kRelaxed);  // it has not said that it failed
  }

  static constexpr std::size_t kBytes = Directory::SizeFor(kEntries, kObjects);
  std::vector<std::byte> memory_ =
      std::vector<std::byte>(kBytes + kLineBytes, std::byte{0});
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_SEGMENT_DIRECTORY_FIXTURE_H_
