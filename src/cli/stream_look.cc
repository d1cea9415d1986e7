// SPDX-License-Identifier: Apache-2.0
#include "cli/stream_look.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "cli/stream_header.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/base/stamp.h"
#include "placid/base/untrusted.h"
#include "placid/os/file_lock.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/os/snapshot.h"
#include "placid/primitives/spsc_byte_ring.h"

namespace placid::cli {
namespace {

using os::FileLock;
using os::LockState;
using os::SharedObject;

constexpr const char* kOperation = "LookAtStream";

// The lock bytes, as stream_header.h has them.
constexpr std::uint32_t kSetupByte = 0;
constexpr std::uint32_t kSenderByte = 1;
constexpr std::uint32_t kReceiverByte = 2;

// When in doubt it is.
bool IsLocked(const SharedObject& object, const os::Name& name,
              std::uint32_t byte) {
  auto state = FileLock::Probe(object, byte);
  if (!state && state.error().code == ErrorCode::kUnsupported) {
    state = FileLock::Probe(name, byte);
  }
  return !state || *state != LockState::kFree;
}

bool HasSizeOfStream(std::uint64_t size) {
  const std::uint64_t capacity = size - StreamHeader::kDataOffset;
  return size > StreamHeader::kDataOffset && std::has_single_bit(capacity) &&
         capacity >= StreamHeader::kLeastCapacity &&
         capacity <= StreamHeader::kMostCapacity;
}

bool IsAllZero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes,
                             [](std::byte b) { return b == std::byte{}; });
}

SideLook LookAtSide(const StreamHeader& header, Side side, bool is_alive) {
  SideLook look{
      .state = header.State(side), .identity = {}, .is_alive = is_alive};
  if (look.state != StreamState::kAbsent) {
    look.identity = header.IdentityOf(side);
  }
  return look;
}

void LookAtRing(std::span<std::byte> bytes, StreamLook& look) {
  const auto ring =
      SpscByteRing::Attach(bytes.subspan(StreamHeader::kRingOffset));
  if (!ring) return;
  const auto& words = *reinterpret_cast<const SpscByteRing::Memory*>(
      bytes.data() + StreamHeader::kRingOffset);
  look.capacity_bytes = ring->capacity();
  const std::uint64_t head = words.head.load(kRelaxed);  // sync: none, a look
  const Untrusted tail(words.tail.load(kRelaxed));       // sync: none, a look
  look.sent_bytes = tail.ForDisplay();
  look.held_bytes = tail.PastAtMost(head, ring->capacity()).value_or(0);
}

}  // namespace

Result<StreamLook> LookAtStream(const os::Name& name) {
  const auto object =
      SharedObject::Open(name, os::Access::kReadOnly, os::Owner::kAnyone);
  if (!object) return object.error();
  // All that comes before the data.
  auto snapshot = os::Snapshot::Of(*object);
  if (!snapshot) return snapshot.error();
  if (auto copied = snapshot->Copy(*object, 0, StreamHeader::kDataOffset);
      !copied) {
    return copied.error();
  }
  const auto bytes = snapshot->bytes();
  StreamLook look;
  look.size_bytes = bytes.size();
  const Error no_stream{.code = ErrorCode::kNotPlacid,
                        .operation = kOperation,
                        .subject = name.text()};
  if (bytes.size() < StreamHeader::kDataOffset) return no_stream;
  StreamHeader header(bytes.data());
  const auto stamp =
      CheckStamp(header.stamp(), StreamHeader::kStamp, kOperation);
  if (!stamp) {
    look.is_virgin = stamp.error().code == ErrorCode::kNotInitialized &&
                     HasSizeOfStream(bytes.size()) &&
                     IsAllZero(bytes.first(StreamHeader::kRingOffset));
    if (!look.is_virgin) {
      return stamp.error().code == ErrorCode::kWrongVersion ? stamp.error()
                                                            : no_stream;
    }
  }
  look.is_being_changed = IsLocked(*object, name, kSetupByte);
  look.sender =
      LookAtSide(header, Side::kSender, IsLocked(*object, name, kSenderByte));
  look.receiver = LookAtSide(header, Side::kReceiver,
                             IsLocked(*object, name, kReceiverByte));
  if (!look.is_virgin) {
    look.id = header.Id();
    look.is_resumable = header.IsResumable();
    look.recorded_bytes = header.RecordedBytes();
  }
  LookAtRing(bytes, look);
  return look;
}

Result<bool> ClearStream(const os::Name& name, bool may_be_virgin) {
  const auto object =
      SharedObject::Open(name, os::Access::kReadOnly, os::Owner::kAnyone);
  if (!object) {
    if (object.error().code == ErrorCode::kNotFound) return false;
    return object.error();
  }
  // Of the very object that was looked at, not of what has its name by now.
  const auto setup = FileLock::TryLock(*object, kSetupByte);
  if (!setup) {
    if (setup.error().code == ErrorCode::kBusy) return false;
    return setup.error();
  }
  if (!object->StillNamed(name)) return false;
  const auto look = LookAtStream(name);
  if (!look) return look.error();
  // The setup byte is ours: nobody takes one of the others before we are done.
  if (look->IsAlive() || (look->is_virgin && !may_be_virgin)) return false;
  const auto done = SharedObject::Unlink(name);
  if (!done && done.error().code != ErrorCode::kNotFound) return done.error();
  return done.has_value();
}

}  // namespace placid::cli
