// SPDX-License-Identifier: Apache-2.0
//
// Rendezvous: any two objects as those of a segment that was handed over. What
// is opened lies within them, can be used and joined; what is refused says why,
// and leaves no descriptor.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/check.h"
#include "fuzz/input.h"
#include "os/posix/fd.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/dead_owner.h"
#include "placid/segment/membership.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_header.h"
#include "placid/segment/segment_reader.h"
#include "segment/segment_maker.h"

namespace placid::fuzz {
namespace {

using os::SharedObject;
using os::internal::UniqueFd;
using Bytes = std::vector<std::byte>;

constexpr std::uint64_t kFingerprint = 7;
constexpr std::uint64_t kMostBytes = 0x1000;

Bytes ImageOf(const SharedObject& object) {
  const auto mapping = *object.Map();
  return Bytes(mapping.bytes().begin(), mapping.bytes().end());
}

// The objects of one segment that nobody has spoilt.
struct Honest {
  explicit Honest(const SegmentMaker& maker) {
    CreateSegmentOptions options;
    options.size_bytes = 256;
    options.participants = 3;
    options.fingerprint = kFingerprint;
    const auto segment = *maker.MakeUnnamed(options);
    data = ImageOf(segment.data());
    control = ImageOf(segment.control());
  }
  Bytes data, control;
};

SharedObject Copied(std::span<const std::byte> bytes) {
  auto object = *SharedObject::CreateAnonymous(bytes.size());
  std::ranges::copy(bytes, object.Map()->bytes().begin());
  return object;
}

SharedObject Unsealed() {
  UniqueFd fd(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  PLACID_FUZZ_CHECK(::ftruncate(fd.get(), kMostBytes) == 0);
  return *SharedObject::Adopt(fd.Release(), os::Access::kReadWrite);
}

// An honest one's bytes with some words replaced, or any at all; and now and
// then something that is not sealed.
SharedObject Draw(Input& input, const Bytes& likely, const Bytes& other) {
  Bytes bytes = input.TakeAtMost(7) == 0 ? other : likely;
  switch (input.TakeAtMost(7)) {
    case 0: bytes.resize(1 + input.TakeAtMost(kMostBytes - 1)); break;
    case 1: {
      const auto any = input.TakeBytes(bytes.size());
      std::ranges::copy(any, bytes.begin());
      break;
    }
    case 2: return Unsealed();
    default:
      for (auto changes = input.TakeAtMost(7); changes > 0; --changes) {
        if (bytes.size() < 8) break;
        const auto word = input.Take<std::uint64_t>();
        const auto at =
            static_cast<std::size_t>(input.TakeAtMost(bytes.size() / 8 - 1));
        std::memcpy(bytes.data() + at * 8, &word, 8);
      }
  }
  return Copied(bytes);
}

template <typename T>
bool IsThere(const Result<T>& result) {
  if (result) return true;
  PLACID_FUZZ_CHECK(result.error().advice != nullptr);
  PLACID_FUZZ_CHECK(!result.error().Message().view().empty());
  return false;
}

void Use(const Segment& segment) {
  const std::span<std::byte> bytes = segment.bytes();
  PLACID_FUZZ_CHECK(!segment.id().is_none());
  PLACID_FUZZ_CHECK(!segment.has_name());
  PLACID_FUZZ_CHECK(segment.data().is_sealed() &&
                    segment.control().is_sealed());
  PLACID_FUZZ_CHECK(SegmentHeader::SizeFor(bytes.size()) <=
                    segment.data().size_bytes());
  PLACID_FUZZ_CHECK(Participants::SizeFor(segment.participants().count()) <=
                    segment.control().size_bytes());
  for (std::byte& byte : bytes) byte = std::byte{1};
  PLACID_FUZZ_CHECK(segment.Check().has_value());
  const auto recover = [](const DeadOwner&) -> Result<void> { return Ok(); };
  auto member = Membership::Join(segment, {.recover = recover});
  if (IsThere(member)) IsThere(member->RecoverDead(segment, recover));
}

// The lowest number that is free: another one after a leak.
int NextDescriptor() {
  const UniqueFd next(::fcntl(0, F_DUPFD_CLOEXEC, 0));
  return next.get();
}

void One(Input& input) {
  static const os::Name name = *os::Name::Parse("rendezvous-fuzz");
  static const SegmentMaker maker("rendezvous_fuzz", name);
  static const Honest honest(maker);
  const int next = NextDescriptor();
  const std::uint64_t fingerprint =
      input.TakeBool() ? kFingerprint : input.TakeAtMost(kFingerprint);
  if (input.TakeBool()) {
    const auto reader = maker.AdoptReader(
        Draw(input, honest.data, honest.control), fingerprint);
    if (IsThere(reader)) {
      PLACID_FUZZ_CHECK(!reader->id().is_none());
      std::byte sum{};
      for (const std::byte byte : reader->bytes()) sum ^= byte;
      PLACID_FUZZ_CHECK(sum == sum && reader->Check().has_value());
    }
  } else {
    CreateSegmentOptions options;
    options.fingerprint = fingerprint;
    auto data = Draw(input, honest.data, honest.control);
    auto control = Draw(input, honest.control, honest.data);
    const auto segment = maker.Adopt(std::move(data), std::move(control),
                                     {.opens = true, .options = options});
    if (IsThere(segment)) Use(*segment);
  }
  PLACID_FUZZ_CHECK(NextDescriptor() == next);
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  placid::fuzz::Input input(data, size);
  placid::fuzz::One(input);
  return 0;
}
