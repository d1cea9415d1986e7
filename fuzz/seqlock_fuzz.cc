// SPDX-License-Identifier: Apache-2.0
//
// Seqlock: see newest_value.h. Values of 24 bytes lie beside the sequence,
// those of 256 bytes on lines of their own.
#include "fuzz/harness.h"
#include "fuzz/newest_value.h"
#include "placid/primitives/seqlock.h"

namespace placid::fuzz {
namespace {

template <std::size_t kMiddle>
void One(Input& input) {
  using Value = Bracketed<kMiddle>;
  using Type = Seqlock<Value>;
  // Even: nobody is writing. The last even number is followed by 2.
  const std::uint64_t start =
      input.TakeOneOf<std::uint64_t>({0, std::uint64_t{1} << 32, 0}) -
      input.TakeAtMost(8) / 2 * 2;
  RunNewestValue<Type, Value>(input, &Type::Memory::sequence, start);
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  placid::fuzz::Input input(data, size);
  input.TakeBool() ? placid::fuzz::One<1>(input) : placid::fuzz::One<30>(input);
  return 0;
}
