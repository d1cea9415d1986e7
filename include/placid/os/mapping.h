// SPDX-License-Identifier: Apache-2.0
//
// Mapping: bytes of a shared object in this process's address space.
//
// A mapping outlives the SharedObject it came from (the system keeps the bytes
// while anyone maps them) and is unmapped by its destructor. Its bytes may be
// written by other processes at any moment: reach them through placid's types,
// or through SharedBytes.
#ifndef PLACID_OS_MAPPING_H_
#define PLACID_OS_MAPPING_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "placid/base/platform.h"
#include "placid/base/result.h"

namespace placid::os {

enum class Access : std::uint8_t { kReadOnly, kReadWrite };

// Sizes and offsets of shared objects are counted in granules where pages
// matter. 64 KiB is the granularity of views on Windows and the largest page
// size in common use on AArch64; it is an ABI constant, never the run-time
// page.
inline constexpr std::uint64_t kGranuleBytes = std::uint64_t{64} * 1024;

// Rounds up; 0 stays 0. The caller keeps `bytes` below 2^63.
[[nodiscard]] constexpr std::uint64_t RoundUpToGranule(std::uint64_t bytes) {
  return (bytes + kGranuleBytes - 1) / kGranuleBytes * kGranuleBytes;
}

// What may be asked of the memory behind a mapping, all in one request. None
// is needed for correctness, so none makes Map fail: Mapping::granted() says
// what became of each.
enum class Wish : std::uint8_t {
  kPrefault,   // no page fault at first use
  kLock,       // never swapped out
  kHugePages,  // fewer TLB misses
  kDontDump,   // left out of core dumps
  kDontFork,   // not in a child made by fork
  kNumaNode,   // pages from MapOptions::numa_node
};
inline constexpr std::size_t kWishes = 6;

enum class Grant : std::uint8_t {
  kNotAsked,
  kGranted,
  kRefused,      // the system said no: Granted::system_error says why
  kUnsupported,  // this system has no such thing
};

class Granted {
 public:
  [[nodiscard]] Grant operator[](Wish wish) const { return At(wish).grant; }
  // Why the wish was refused: the system's own number, else 0.
  [[nodiscard]] std::int32_t system_error(Wish wish) const {
    return At(wish).system_error;
  }
  void Set(Wish wish, Grant grant, std::int32_t system_error = 0) {
    answers_[static_cast<std::size_t>(wish)] = {grant, system_error};
  }

 private:
  struct Answer {
    Grant grant = Grant::kNotAsked;
    std::int32_t system_error = 0;
  };
  [[nodiscard]] const Answer& At(Wish wish) const {
    return answers_[static_cast<std::size_t>(wish)];
  }
  std::array<Answer, kWishes> answers_{};
};

struct MapOptions {
  Access access = Access::kReadWrite;
  bool prefault = false;
  bool lock = false;
  bool huge_pages = false;
  bool dont_dump = false;
  bool dont_fork = false;
  std::int32_t numa_node = -1;  // < 0: wherever the system likes

  // Double mapping: the bytes from `mirror_offset` to the end of the object are
  // mapped a second time right behind themselves, so that a ring whose data
  // begins there is contiguous across its end. Must be a multiple of
  // kGranuleBytes below the object's size, which must be one too. 0: none.
  std::uint64_t mirror_offset = 0;
};

class PLACID_API Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept { swap(other); }
  Mapping& operator=(Mapping&& other) noexcept {
    Mapping(std::move(other)).swap(*this);
    return *this;
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  // Memory shared with children made by fork, and with no one else. Elsewhere
  // than on systems with fork it is plain shared memory of this process.
  // Zero-filled. Errors: kInvalidArgument (size 0), kNoSpace.
  static Result<Mapping> Anonymous(std::uint64_t size_bytes,
                                   const MapOptions& options = {});

  // The whole mapped range, the mirror included. Writing through a read-only
  // mapping is a fault.
  [[nodiscard]] std::span<std::byte> bytes() const { return {data_, size_}; }
  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::uint64_t size_bytes() const { return size_; }
  [[nodiscard]] Access access() const { return access_; }
  [[nodiscard]] const Granted& granted() const { return granted_; }

  // Forgets the bytes without unmapping them: for a child made by fork, which
  // does not have those that kDontFork was granted for.
  void Abandon() {
    data_ = nullptr;
    size_ = 0;
  }

  void swap(Mapping& other) noexcept;

 private:
  friend struct MappingPort;  // src/os/<system>: makes them

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  Access access_ = Access::kReadOnly;
  Granted granted_;
};

}  // namespace placid::os

#endif  // PLACID_OS_MAPPING_H_
