// SPDX-License-Identifier: Apache-2.0
//
// Error: why an operation on the control path failed, without an allocation.
//
// An Error is a plain value of a fixed size: it can be made inside a signal
// handler, in a process out of memory, and with exceptions off. It keeps what a
// person needs in order to act: which operation, on which object, which field
// held what where something else was expected, what the system said, and what
// to do about it.
//
// Hot paths never return an Error; they return RingResult (primitives).
#ifndef PLACID_BASE_ERROR_H_
#define PLACID_BASE_ERROR_H_

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace placid {

enum class ErrorCode : std::uint8_t {
  kInvalidArgument,   // the caller's own value is out of range
  kTooSmall,          // the bytes given cannot hold the type
  kMisaligned,        // the bytes given do not start on the type's alignment
  kNotInitialized,    // all zero: nobody has created the object yet
  kAlreadyExists,     // created before, or the name is taken
  kNotFound,          // no object of that name
  kNotPlacid,         // the first word is no stamp of ours
  kWrongByteOrder,    // written on a machine of the other byte order
  kWrongType,         // another of our types lies here
  kWrongVersion,      // our type, in a layout this build does not read
  kWrongElement,      // our type, but of other elements or another extent
  kCorrupt,           // the bytes contradict themselves: a peer lied or broke
  kRoleTaken,         // somebody holds the role
  kPermissionDenied,  // the system or the mapping does not let us
  kNoSpace,           // the file system, quota or memory is full
  kTruncated,         // the object is smaller than it was, or than it says
  kUnlinked,          // the name is gone or names another object by now
  kBusy,              // somebody else is at it; later may succeed
  kContended,         // gave up after a bounded number of attempts
  kClosed,            // the other side has finished
  kPeerDied,          // the process at the other end is dead
  kTimedOut,          // the deadline passed
  kUnsupported,       // this system cannot do it
  kSystem,            // any other failure of a system call
};

// The code in lower-case words, as it stands in messages.
[[nodiscard]] constexpr std::string_view ToString(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return "invalid argument";
    case ErrorCode::kTooSmall: return "too small";
    case ErrorCode::kMisaligned: return "misaligned";
    case ErrorCode::kNotInitialized: return "not initialized";
    case ErrorCode::kAlreadyExists: return "already exists";
    case ErrorCode::kNotFound: return "not found";
    case ErrorCode::kNotPlacid: return "not a placid object";
    case ErrorCode::kWrongByteOrder: return "wrong byte order";
    case ErrorCode::kWrongType: return "wrong type";
    case ErrorCode::kWrongVersion: return "wrong layout version";
    case ErrorCode::kWrongElement: return "wrong element type or extent";
    case ErrorCode::kCorrupt: return "corrupt";
    case ErrorCode::kRoleTaken: return "role taken";
    case ErrorCode::kPermissionDenied: return "permission denied";
    case ErrorCode::kNoSpace: return "no space";
    case ErrorCode::kTruncated: return "truncated";
    case ErrorCode::kUnlinked: return "unlinked";
    case ErrorCode::kBusy: return "busy";
    case ErrorCode::kContended: return "contended";
    case ErrorCode::kClosed: return "closed";
    case ErrorCode::kPeerDied: return "peer died";
    case ErrorCode::kTimedOut: return "timed out";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kSystem: return "system error";
  }
  return "unknown error";
}

// A short text kept in place: the name of the object an Error is about. What
// does not fit is cut at the end.
class ShortText {
 public:
  static constexpr std::size_t kCapacity = 95;

  constexpr ShortText() = default;
  constexpr ShortText(std::string_view text)  // NOLINT: a text is a text
      : size_(static_cast<std::uint8_t>((std::min)(text.size(), kCapacity))) {
    std::copy_n(text.data(), size_, bytes_.data());
  }
  [[nodiscard]] constexpr std::string_view view() const {
    return {bytes_.data(), size_};
  }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }

 private:
  std::array<char, kCapacity> bytes_{};
  std::uint8_t size_ = 0;
};

// A message of bounded length, zero-terminated.
class ErrorMessage {
 public:
  [[nodiscard]] constexpr const char* c_str() const { return bytes_.data(); }
  [[nodiscard]] constexpr std::string_view view() const {
    return {bytes_.data(), size_};
  }
  constexpr void Append(std::string_view text) {
    const std::size_t n = (std::min)(text.size(), bytes_.size() - 1 - size_);
    std::copy_n(text.data(), n, bytes_.data() + size_);
    size_ += n;
  }
  constexpr void Append(std::uint64_t number, int base = 10) {
    std::array<char, 20> digits{};
    std::size_t n = 0;
    do {
      digits[n++] = "0123456789abcdef"[number % static_cast<unsigned>(base)];
      number /= static_cast<unsigned>(base);
    } while (number != 0);
    while (n > 0) Append(std::string_view(&digits[--n], 1));
  }

 private:
  std::array<char, 512> bytes_{};
  std::size_t size_ = 0;
};

// The pointers must be to string literals: an Error owns no memory.
struct Error {
  ErrorCode code = ErrorCode::kSystem;
  // What was being done, as the function's name: "SpscRing::Attach".
  const char* operation = "";
  // Which value was wrong: "capacity"; nullptr where the code says it all.
  const char* field = nullptr;
  // What `field` should have been and what it was. Shown where field is set.
  std::uint64_t expected = 0;
  std::uint64_t found = 0;
  // errno, GetLastError() or kern_return_t; 0 where the system said nothing.
  std::int32_t system_error = 0;
  // What the caller can do about it: one sentence without a full stop.
  const char* advice = nullptr;
  // The segment, file or name concerned; empty where there is none.
  ShortText subject{};

  // "Mapping::Open 'prices': not found (system error 2); start the writer
  // first". The number of the system error is left to the caller's own
  // strerror or FormatMessage, which may allocate.
  [[nodiscard]] constexpr ErrorMessage Message() const {
    ErrorMessage message;
    message.Append(operation);
    if (!subject.empty()) {
      message.Append(" '");
      message.Append(subject.view());
      message.Append("'");
    }
    message.Append(": ");
    message.Append(ToString(code));
    if (field != nullptr) {
      message.Append(": ");
      message.Append(field);
      AppendValues(message);
    }
    if (system_error != 0) {
      message.Append(" (system error ");
      if (system_error < 0) message.Append("-");
      message.Append(static_cast<std::uint64_t>(
          system_error < 0 ? -static_cast<std::int64_t>(system_error)
                           : static_cast<std::int64_t>(system_error)));
      message.Append(")");
    }
    if (advice != nullptr) {
      message.Append("; ");
      message.Append(advice);
    }
    return message;
  }

 private:
  constexpr void AppendValues(ErrorMessage& message) const {
    if (expected == found) return;
    message.Append(" is ");
    AppendNumber(message, found);
    message.Append(", expected ");
    AppendNumber(message, expected);
  }
  // Stamps and hashes read better in hexadecimal, counts in decimal.
  static constexpr void AppendNumber(ErrorMessage& message,
                                     std::uint64_t number) {
    constexpr std::uint64_t kLargestCount = std::uint64_t{1} << 48;
    if (number < kLargestCount) {
      message.Append(number);
    } else {
      message.Append("0x");
      message.Append(number, 16);
    }
  }
};

}  // namespace placid

#endif  // PLACID_BASE_ERROR_H_
