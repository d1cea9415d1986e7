// SPDX-License-Identifier: Apache-2.0
//
// What <windows.h> leaves to who includes it, with the macros min and max,
// which mingw's keeps back in C++ but Microsoft's defines. mingw's own standard
// headers do not bear those, and so come first.
#ifndef PLACID_TESTS_OS_WINDOWS_WINDOWS_MACROS_H_
#define PLACID_TESTS_OS_WINDOWS_WINDOWS_MACROS_H_

#include <windows.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <charconv>
#include <chrono>
#include <concepts>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>
#include <version>

#undef min
#undef max
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))

#endif  // PLACID_TESTS_OS_WINDOWS_WINDOWS_MACROS_H_
