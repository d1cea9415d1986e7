// SPDX-License-Identifier: Apache-2.0
//
// ResumeRecord: any bytes as the file beside a receiver's output. What is found
// is what some receiver wrote: encoded again, it stands there byte for byte. And
// what a receiver writes is found again, whatever is in the other slot.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cli/resume_record.h"
#include "fuzz/check.h"
#include "fuzz/input.h"

namespace placid::fuzz {
namespace {

using cli::ResumeRecord;

void CheckFound(std::span<const std::byte> file) {
  const auto found = ResumeRecord::Find(file);
  if (!found) return;
  const auto slot = found->Encode();
  const auto at = static_cast<std::size_t>(found->Offset());
  PLACID_FUZZ_CHECK(file.size() >= at + slot.size());
  PLACID_FUZZ_CHECK(std::ranges::equal(file.subspan(at, slot.size()), slot));
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace placid::fuzz;  // NOLINT
  CheckFound(std::as_bytes(std::span(data, size)));

  Input input(data, size);
  std::vector<std::byte> file(input.TakeAtMost(ResumeRecord::kFileBytes));
  std::optional<ResumeRecord> last;
  while (!input.is_spent()) {
    if (input.TakeBool()) {
      // One receiver after another goes on from what it finds.
      last = ResumeRecord{
          .number = last ? last->number + 1 : input.Take<std::uint64_t>() / 2,
          .id = {input.Take<std::uint64_t>(), input.Take<std::uint64_t>()},
          .total = {input.Take<std::uint64_t>(), input.Take<std::uint32_t>()},
          .is_end = input.TakeBool()};
      const auto slot = last->Encode();
      const auto at = static_cast<std::size_t>(last->Offset());
      file.resize(std::max(file.size(), at + slot.size()));
      std::ranges::copy(slot, file.begin() + static_cast<std::ptrdiff_t>(at));
      PLACID_FUZZ_CHECK(ResumeRecord::Find(file) == last);
    } else if (!file.empty()) {
      // Any byte becomes any other; the file is cut anywhere.
      file[input.TakeAtMost(file.size() - 1)] ^=
          std::byte{input.Take<std::uint8_t>()};
      if (input.TakeBool()) file.resize(input.TakeAtMost(file.size()));
      CheckFound(file);
      last = ResumeRecord::Find(file);
    }
  }
  return 0;
}
