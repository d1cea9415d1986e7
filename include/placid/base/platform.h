// SPDX-License-Identifier: Apache-2.0
//
// What the compiler and the processor are, as values. The only header, with the
// seam in machine.h, in which a platform macro may appear.
#ifndef PLACID_BASE_PLATFORM_H_
#define PLACID_BASE_PLATFORM_H_

#include <bit>
#include <climits>

// GCC and Clang understand the same builtins and the same inline assembly.
#if defined(__GNUC__) || defined(__clang__)
#define PLACID_GNU_COMPILER 1
#else
#define PLACID_GNU_COMPILER 0
#endif

#if defined(__x86_64__) || defined(__i386__)
#define PLACID_X86 1
#else
#define PLACID_X86 0
#endif

#if defined(__SANITIZE_THREAD__)
#define PLACID_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PLACID_TSAN 1
#endif
#endif
#ifndef PLACID_TSAN
#define PLACID_TSAN 0
#endif

// A hot path's calls are inlined, a rare one's kept out of its way.
// PLACID_NEVER_INLINE is for templates: GCC refuses it on what is inline.
#if PLACID_GNU_COMPILER
#define PLACID_ALWAYS_INLINE inline __attribute__((always_inline))
#define PLACID_COLD __attribute__((cold))
#define PLACID_NEVER_INLINE __attribute__((cold, noinline))
#else
#define PLACID_ALWAYS_INLINE __forceinline
#define PLACID_COLD __declspec(noinline)
#define PLACID_NEVER_INLINE __declspec(noinline)
#endif

// What the shared library shows; it hides all else. On Windows the linker's
// export of everything serves, and no user needs a macro of ours.
#if PLACID_GNU_COMPILER && !defined(_WIN32)
#define PLACID_API __attribute__((visibility("default")))
#else
#define PLACID_API
#endif

namespace placid {

static_assert(CHAR_BIT == 8);
static_assert(std::endian::native == std::endian::little ||
                  std::endian::native == std::endian::big,
              "placid does not know machines of mixed byte order");

inline constexpr bool kIsX86 = PLACID_X86 != 0;
inline constexpr bool kIsTsan = PLACID_TSAN != 0;

}  // namespace placid

#endif  // PLACID_BASE_PLATFORM_H_
