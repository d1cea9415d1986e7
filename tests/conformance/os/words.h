// SPDX-License-Identifier: Apache-2.0
#ifndef PLACID_TESTS_CONFORMANCE_OS_WORDS_H_
#define PLACID_TESTS_CONFORMANCE_OS_WORDS_H_

#include <cstddef>
#include <cstdint>

#include "placid/base/atomic.h"
#include "placid/os/mapping.h"

namespace placid::os::conformance {

inline Atomic<std::uint32_t>& WordAt(const Mapping& mapping,
                                     std::size_t offset) {
  return *reinterpret_cast<Atomic<std::uint32_t>*>(mapping.data() + offset);
}

inline void StoreWord(const Mapping& mapping, std::size_t offset,
                      std::uint32_t value) {
  WordAt(mapping, offset).store(value, kRelease);  // sync: word (release)
}

inline std::uint32_t LoadWord(const Mapping& mapping, std::size_t offset) {
  return WordAt(mapping, offset).load(kAcquire);  // sync: word (acquire)
}

}  // namespace placid::os::conformance

#endif  // PLACID_TESTS_CONFORMANCE_OS_WORDS_H_
