// SPDX-License-Identifier: Apache-2.0
#include "map_file.h"

#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "operation.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"

namespace placid::os::internal {
namespace {

// Address space with nothing in it, until something is mapped over it. So both
// halves of a mirror find their place, nothing else can take it in between, and
// a failure half-way gives everything back.
class Reservation {
 public:
  Reservation(Reservation&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  Reservation& operator=(Reservation&&) = delete;
  ~Reservation() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }

  static Result<Reservation> Make(const Operation& operation,
                                  std::uint64_t size, std::uint64_t alignment) {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t pages = (size + page - 1) / page * page;
    const std::uint64_t slack = alignment <= page ? 0 : alignment;
    if (pages + slack > std::numeric_limits<std::size_t>::max()) {
      return operation.Failed(ENOMEM);
    }
    void* const data =
        ::mmap(nullptr, static_cast<std::size_t>(pages + slack), PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
               /*fd=*/-1, /*offset=*/0);
    if (data == MAP_FAILED) return operation.Failed(errno);
    auto* begin = static_cast<std::byte*>(data);
    if (slack != 0) {
      const std::uint64_t misaligned =
          reinterpret_cast<std::uintptr_t>(begin) % alignment;
      const std::uint64_t before = misaligned == 0 ? 0 : alignment - misaligned;
      if (before != 0) ::munmap(begin, static_cast<std::size_t>(before));
      begin += before;
      ::munmap(begin + pages, static_cast<std::size_t>(slack - before));
    }
    return Reservation(begin, static_cast<std::size_t>(pages));
  }

  [[nodiscard]] std::byte* data() const { return data_; }
  std::byte* Release() { return std::exchange(data_, nullptr); }

 private:
  Reservation(std::byte* data, std::size_t size) : data_(data), size_(size) {}

  std::byte* data_;
  std::size_t size_;
};

}  // namespace

Result<Mapping> MapFile(const Operation& operation, int fd,
                        const MapPlan& plan) {
  const std::uint64_t mirror =
      plan.mirror_offset == 0 ? 0 : plan.size - plan.mirror_offset;
  auto reservation =
      Reservation::Make(operation, plan.size + mirror, plan.alignment);
  if (!reservation) return reservation.error();

  const int protection =
      plan.access == Access::kReadWrite ? PROT_READ | PROT_WRITE : PROT_READ;
  const auto map_over = [&](std::uint64_t at, std::uint64_t size,
                            std::uint64_t offset) {
    return ::mmap(reservation->data() + at, static_cast<std::size_t>(size),
                  protection, MAP_SHARED | MAP_FIXED | plan.flags, fd,
                  static_cast<off_t>(offset)) != MAP_FAILED;
  };
  if (!map_over(0, plan.size, 0) ||
      (mirror != 0 && !map_over(plan.size, mirror, plan.mirror_offset))) {
    return operation.Failed(errno);
  }
  return MappingPort::Make(reservation->Release(),
                           static_cast<std::size_t>(plan.size + mirror),
                           plan.access);
}

}  // namespace placid::os::internal
