// SPDX-License-Identifier: Apache-2.0
#include "placid/os/bell.h"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>

#include "../hash.h"
#include "deadline.h"
#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/futex.h"
#include "security.h"
#include "system.h"

namespace placid::os {

using internal::Operation;
using internal::Security;
using internal::ToHandle;
using internal::UniqueHandle;

struct BellPort {
  static Bell Make(UniqueHandle event, std::uint64_t number) {
    Bell bell;
    bell.handle_ = event.Release();
    bell.number_ = number;
    return bell;
  }
};

namespace {

constexpr int kDraws = 16;
// Handles that a rope keeps, to be opened anew beyond: as many as one table of
// doorbells has.
constexpr std::size_t kMostLines = 64;

std::wstring EventName(std::uint64_t number) {
  const internal::HexDigits digits = internal::ToHex(number);
  return L"Local\\placid.bell." + std::wstring(digits.begin(), digits.end());
}

}  // namespace

Result<Bell> Bell::Make() {
  const Operation operation{"Bell::Make", {}};
  const auto security = Security::Of(operation, 0600);
  if (!security) return security.error();
  SECURITY_ATTRIBUTES attributes = security->attributes();
  std::random_device random;
  for (int draw = 0; draw < kDraws; ++draw) {
    const std::uint64_t number = std::uint64_t{random()} << 32 | random();
    if (number == 0) continue;
    UniqueHandle event(::CreateEventW(&attributes, /*bManualReset=*/FALSE,
                                      /*bInitialState=*/FALSE,
                                      EventName(number).c_str()));
    const DWORD error = ::GetLastError();
    // Somebody sits on the number, with an event that we may use or may not.
    if (error == ERROR_ALREADY_EXISTS || error == ERROR_ACCESS_DENIED) continue;
    if (!event) return operation.Failed(error);
    return BellPort::Make(std::move(event), number);
  }
  return operation.Failed(ErrorCode::kContended, "number of the bell",
                          "each of those drawn at random was taken: try again");
}

Bell::~Bell() { const UniqueHandle closing(ToHandle(handle_)); }

bool Bell::Wait(std::int64_t deadline_ns) {
  constexpr std::int64_t kMillisecond = 1'000'000;
  const std::int64_t left_ns = deadline_ns - MonotonicNow();
  const internal::Deadline deadline((left_ns + kMillisecond - 1) /
                                    kMillisecond);
  return ::WaitForSingleObject(ToHandle(handle_), deadline.LeftMs()) ==
         WAIT_OBJECT_0;
}

void Bell::Silence() { ::ResetEvent(ToHandle(handle_)); }

void Bell::Ring() const { ::SetEvent(ToHandle(handle_)); }

BellRope::~BellRope() {
  for (const Line& line : lines_) {
    const UniqueHandle closing(ToHandle(line.handle));
  }
}

bool BellRope::Ring(std::uint64_t number) {
  for (const Line& line : lines_) {
    if (line.number == number) return ::SetEvent(ToHandle(line.handle)) != 0;
  }
  UniqueHandle event(
      ::OpenEventW(EVENT_MODIFY_STATE, FALSE, EventName(number).c_str()));
  if (!event) return false;
  const bool is_rung = ::SetEvent(event.get()) != 0;
  if (lines_.size() >= kMostLines) {
    const UniqueHandle closing(ToHandle(lines_.front().handle));
    lines_.erase(lines_.begin());
  }
  lines_.push_back({number, event.Release()});
  return is_rung;
}

}  // namespace placid::os
