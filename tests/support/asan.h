// SPDX-License-Identifier: Apache-2.0
//
// Whether AddressSanitizer watches this build; each compiler says so otherwise.
#ifndef PLACID_TESTS_SUPPORT_ASAN_H_
#define PLACID_TESTS_SUPPORT_ASAN_H_

#if defined(__SANITIZE_ADDRESS__)
#define PLACID_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PLACID_ASAN 1
#endif
#endif
#ifndef PLACID_ASAN
#define PLACID_ASAN 0
#endif

namespace placid::testing {

inline constexpr bool kIsAsan = PLACID_ASAN != 0;

}  // namespace placid::testing

#endif  // PLACID_TESTS_SUPPORT_ASAN_H_
