// SPDX-License-Identifier: Apache-2.0
//
// OffsetPtr: any number a peer may have left in one, resolved in a region of
// any size. What it gives lies wholly within, is aligned, and is there whenever
// the header says so; it is written to from end to end.
#include <array>

#include "fuzz/harness.h"
#include "placid/base/offset_ptr.h"

namespace placid::fuzz {
namespace {

struct Word {
  std::uint64_t value;
};
struct alignas(64) Line {
  std::array<std::byte, 64> bytes;
};
struct Odd {
  std::array<std::byte, 7> bytes;
};

constexpr std::size_t kMostBytes = 4096;

template <typename T>
void One(Input& input) {
  static GuardedArena arena(kMostBytes);
  const auto size = static_cast<std::size_t>(input.TakeAtMost(kMostBytes - 1));
  const auto region = arena.Place(size, 64, input.TakeAtMost(7));
  while (!input.is_spent()) {
    // Around both ends, around the wrap of an address, and anything.
    const std::uint64_t offset =
        input.TakeOneOf<std::uint64_t>(
            {0, size, size - sizeof(T),
             std::uint64_t{0} - reinterpret_cast<std::uintptr_t>(region.data()),
             input.Take<std::uint64_t>()}) +
        input.TakeAtMost(255) - 128;
    const OffsetPtr<T> pointer(offset);
    PLACID_FUZZ_CHECK(pointer.offset() == offset);
    PLACID_FUZZ_CHECK(pointer.is_null() == (offset == 0));
    T* const resolved = pointer.ResolveIn(region);
    const bool is_within = offset != 0 && offset <= size &&
                           size - static_cast<std::size_t>(offset) >= sizeof(T);
    const bool is_aligned =
        (reinterpret_cast<std::uintptr_t>(region.data()) + offset) %
            alignof(T) ==
        0;
    PLACID_FUZZ_CHECK((resolved != nullptr) == (is_within && is_aligned));
    if (resolved == nullptr) continue;
    std::memset(static_cast<void*>(resolved), 0x5A, sizeof(T));
    PLACID_FUZZ_CHECK(OffsetPtr<T>::To(region, resolved) == pointer);
  }
  arena.CheckSurroundings();
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace placid::fuzz;  // NOLINT
  Input input(data, size);
  constexpr std::array kTypes = {One<std::byte>, One<Word>, One<Line>,
                                 One<Odd>};
  kTypes[input.TakeAtMost(kTypes.size() - 1)](input);
  return 0;
}
