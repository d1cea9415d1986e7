// SPDX-License-Identifier: Apache-2.0
//
// Latest: see newest_value.h. Two cells, where a read can only be whole if the
// writer did nothing, four and eight.
#include "fuzz/harness.h"
#include "fuzz/newest_value.h"
#include "placid/primitives/latest.h"

namespace placid::fuzz {
namespace {

template <std::size_t kMiddle, std::uint64_t kCells>
void One(Input& input) {
  using Value = Bracketed<kMiddle>;
  using Type = Latest<Value, kCells>;
  const std::uint64_t start =
      input.TakeOneOf<std::uint64_t>({0, std::uint64_t{1} << 32, 0}) -
      input.TakeAtMost(8);
  RunNewestValue<Type, Value>(input, &Type::Memory::newest, start);
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace placid::fuzz;  // NOLINT
  Input input(data, size);
  constexpr std::array kKinds = {One<1, 2>, One<1, 4>, One<30, 8>};
  kKinds[input.TakeAtMost(kKinds.size() - 1)](input);
  return 0;
}
