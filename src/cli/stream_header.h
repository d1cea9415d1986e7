// SPDX-License-Identifier: Apache-2.0
//
// StreamHeader: what a sender and a receiver tell each other about a stream,
// beside the ring that carries it.
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field            writer    meaning
//   0x000      8  stamp            creator   type, version
//   0x008     16  stream_id        first     drawn by whoever joins first
//   0x018      4  is_resumable     first     1: a receiver may succeed another
//   0x01c    100  pad0
//   0x080      4  sender_state     sender    a StreamState
//   0x084      4  sender_crc32c    sender    of all bytes; with kComplete
//   0x088     32  sender           sender    its ProcessIdentity
//   0x0a8      8  expected_bytes   sender    of the stream; ~0: unknown
//   0x0b0      8  sent_bytes       sender    with kComplete
//   0x0b8     16  sender_mask      both      WaitMask: whether the receiver sleeps
//   0x0c8     56  pad1
//   0x100      4  receiver_state   receiver  a StreamState
//   0x104      4  receiver_crc32c  receiver  of all bytes; with kComplete
//   0x108     32  receiver         receiver  its ProcessIdentity
//   0x128      8  received_bytes   receiver  with kComplete
//   0x130      8  recorded_bytes   receiver  in a record that outlives it
//   0x138     16  receiver_mask    both      WaitMask: whether the sender sleeps
//   0x148     56  pad2
//   0x180    384  doorbells        both      Doorbells, 2: where each is woken
//
// The shared object:
//
//   0x00000  this header
//   0x0fe80  SpscByteRing, whose data so begin at 0x10000; the object is 64 KiB
//            larger than the ring's capacity
//
// A record of the ring is a piece of the stream: its offset in the stream, 8
// bytes, and then at least one byte of it. So who takes over from a dead
// receiver sees what it has had already.
//
// And three lock bytes (os::FileLock): 0 whoever joins, leaves or clears away,
// for a moment; 1 the sender and 2 the receiver, while they live.
//
// Invariant  A state only moves down the list of StreamState, but for a
//            receiver's that has a successor: that begins again at kJoined. An
//            object whose stamp is zero is all zero in front of its ring.
//            recorded_bytes is no more than what the receiver's record says.
//            The doorbell of each side is claimed as OwnerOf it, under byte 0 and
//            its own.
// Threads    One sender, one receiver; each writes its own line. Who sleeps sets
//            its bit in the other's mask.
// Progress   wait-free: every access.
// Crash      clean: whoever holds byte 0 sees by bytes 1 and 2 who is dead, and
//            replaces an object that is of no use to the living. A successor
//            recovers the doorbell of whoever was the receiver before it.
// Trust      guarded: the peer's words are shown and compared, never used as an
//            address, a size or a bound.
// Readers    storing: none is read-only.
// Orders
//   edge      release          acquire       carries
//   join      SetState: state  State: state  identity, expected_bytes, stream_id
//   complete  SetState: state  State: state  sums and numbers of bytes
#ifndef PLACID_SRC_CLI_STREAM_HEADER_H_
#define PLACID_SRC_CLI_STREAM_HEADER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/guarantees.h"
#include "placid/base/stamp.h"
#include "placid/os/process.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "placid/wait/doorbells.h"
#include "placid/wait/wait_mask.h"

namespace placid::cli {

enum class Side : std::uint8_t { kSender, kReceiver };

[[nodiscard]] constexpr Side Other(Side side) {
  return side == Side::kSender ? Side::kReceiver : Side::kSender;
}
[[nodiscard]] constexpr const char* ToString(Side side) {
  return side == Side::kSender ? "sender" : "receiver";
}
// As whom a side has its doorbell: that of a dead one is known by it.
[[nodiscard]] constexpr OwnerId OwnerOf(Side side) {
  return *OwnerId::Of(side == Side::kSender ? 1 : 2, 0);
}

enum class StreamState : std::uint32_t {
  kAbsent = 0,       // nobody has taken this side yet
  kJoined = 1,       // at work
  kComplete = 2,     // sender: all is in the ring; receiver: all is written
  kInterrupted = 3,  // ended by a signal
  kFailed = 4,       // could not read its input, or write its output
  kDamaged = 5,      // found that the bytes are not those that were sent
  kPeerLost = 6,     // found the other side dead
};

// A peer may have written any number: what we do not know is kFailed.
[[nodiscard]] constexpr StreamState ToStreamState(std::uint32_t word) {
  return word <= static_cast<std::uint32_t>(StreamState::kPeerLost)
             ? static_cast<StreamState>(word)
             : StreamState::kFailed;
}

// Whether there is something to be had from a living peer in this state.
[[nodiscard]] constexpr bool IsPresent(StreamState state) {
  return state == StreamState::kJoined || state == StreamState::kComplete;
}
[[nodiscard]] constexpr bool HasGivenUp(StreamState state) {
  return state > StreamState::kComplete;
}
// Whether, of a resumable stream, another receiver may go on where one stopped
// in this state.
[[nodiscard]] constexpr bool MayBeSucceeded(StreamState receiver) {
  return receiver != StreamState::kAbsent &&
         receiver != StreamState::kComplete &&
         receiver != StreamState::kDamaged;
}

// Which stream, of all that ever had the name: 128 random bits. Zero: none.
struct StreamId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend bool operator==(const StreamId&, const StreamId&) = default;
};

class StreamHeader {
 public:
  struct Identity {
    Atomic<std::uint64_t> pid;
    Atomic<std::uint64_t> start_time;
    Atomic<std::uint64_t> boot_high;
    Atomic<std::uint64_t> boot_low;
  };
  struct Memory {
    Atomic<std::uint64_t> stamp;
    // Written by whoever joins first.
    std::array<Atomic<std::uint64_t>, 2> stream_id;
    Atomic<std::uint32_t> is_resumable;
    Padding<100> pad0;
    // Written by the sender.
    Atomic<std::uint32_t> sender_state;
    Atomic<std::uint32_t> sender_crc32c;
    Identity sender;
    Atomic<std::uint64_t> expected_bytes;
    Atomic<std::uint64_t> sent_bytes;
    WaitMask::Storage sender_mask;
    Padding<56> pad1;
    // Written by the receiver.
    Atomic<std::uint32_t> receiver_state;
    Atomic<std::uint32_t> receiver_crc32c;
    Identity receiver;
    Atomic<std::uint64_t> received_bytes;
    Atomic<std::uint64_t> recorded_bytes;
    WaitMask::Storage receiver_mask;
    Padding<56> pad2;
    // Written by both.
    Doorbells::StorageOf<2> doorbells;
  };

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = kLineBytes;
  static constexpr Guarantees kGuarantees{Progress::kWaitFree, Crash::kClean,
                                          Trust::kGuarded, Readers::kStoring};
  static constexpr Stamp kStamp{TypeId::kFirstForeign, kLayoutVersion, 0};
  static constexpr std::uint64_t kUnknownBytes = UINT64_MAX;

  static constexpr std::uint64_t kDataOffset = 0x10000;
  static constexpr std::uint64_t kRingOffset =
      kDataOffset - SpscByteRing::kDataOffset;
  static constexpr std::uint64_t kLeastCapacity = std::uint64_t{64} << 10;
  static constexpr std::uint64_t kMostCapacity = std::uint64_t{1} << 30;

  // In front of a piece.
  static constexpr std::size_t kOffsetBytes = sizeof(std::uint64_t);

  // What one side has to say of the whole stream.
  struct Total {
    std::uint64_t bytes = 0;
    std::uint32_t crc32c = 0;
    friend bool operator==(const Total&, const Total&) = default;
  };

  explicit StreamHeader(std::byte* at)
      : memory_(reinterpret_cast<Memory*>(at)) {}

  [[nodiscard]] StreamState State(Side side) const {
    return ToStreamState(
        StateWord(side).load(kAcquire));  // sync: join, complete (acquire)
  }
  void SetState(Side side, StreamState state) {
    StateWord(side).store(static_cast<std::uint32_t>(state),
                          kRelease);  // sync: join, complete (release)
  }

  // Valid from kJoined on.
  [[nodiscard]] os::ProcessIdentity IdentityOf(Side side) const;
  void SetIdentity(Side side, const os::ProcessIdentity& identity);

  // Valid from the sender's kJoined on.
  [[nodiscard]] std::uint64_t ExpectedBytes() const {
    return memory_->expected_bytes.load(
        kRelaxed);  // sync: none, ordered by the state
  }
  void SetExpectedBytes(std::uint64_t bytes) {
    memory_->expected_bytes.store(bytes,
                                  kRelaxed);  // sync: none, see the state
  }

  // Valid once the side is kComplete, or kDamaged.
  [[nodiscard]] Total TotalOf(Side side) const;
  void SetTotal(Side side, const Total& total);

  // Valid from the first kJoined on.
  [[nodiscard]] StreamId Id() const {
    return {.high = memory_->stream_id[0].load(
                kRelaxed),  // sync: none, ordered by the state
            .low = memory_->stream_id[1].load(kRelaxed)};
  }
  [[nodiscard]] bool IsResumable() const {
    return memory_->is_resumable.load(kRelaxed) ==
           1;  // sync: none, ordered by the state
  }
  void SetId(const StreamId& id, bool is_resumable);

  // How much of the stream a receiver's record, which outlives it, has. What
  // is in the record may be gone from the ring.
  [[nodiscard]] std::uint64_t RecordedBytes() const {
    return memory_->recorded_bytes.load(
        kRelaxed);  // sync: none, handed over with the receiver's lock
  }
  void SetRecordedBytes(std::uint64_t bytes) {
    memory_->recorded_bytes.store(bytes, kRelaxed);  // sync: none, see above
  }

  // Notified by `side` after whatever the other may wait for.
  [[nodiscard]] WaitMask::Storage& MaskOf(Side side) const {
    return side == Side::kSender ? memory_->sender_mask
                                 : memory_->receiver_mask;
  }
  // Virgin until somebody attaches to them behind a stamp.
  [[nodiscard]] Doorbells::StorageOf<2>& doorbells() const {
    return memory_->doorbells;
  }

  [[nodiscard]] Atomic<std::uint64_t>& stamp() { return memory_->stamp; }

 private:
  static_assert(offsetof(Memory, stamp) == 0x000);
  static_assert(offsetof(Memory, stream_id) == 0x008);
  static_assert(offsetof(Memory, is_resumable) == 0x018);
  static_assert(offsetof(Memory, pad0) == 0x01c);
  static_assert(offsetof(Memory, sender_state) == 0x080);
  static_assert(offsetof(Memory, sender_crc32c) == 0x084);
  static_assert(offsetof(Memory, sender) == 0x088);
  static_assert(offsetof(Memory, expected_bytes) == 0x0a8);
  static_assert(offsetof(Memory, sent_bytes) == 0x0b0);
  static_assert(offsetof(Memory, sender_mask) == 0x0b8);
  static_assert(offsetof(Memory, pad1) == 0x0c8);
  static_assert(offsetof(Memory, receiver_state) == 0x100);
  static_assert(offsetof(Memory, receiver_crc32c) == 0x104);
  static_assert(offsetof(Memory, receiver) == 0x108);
  static_assert(offsetof(Memory, received_bytes) == 0x128);
  static_assert(offsetof(Memory, recorded_bytes) == 0x130);
  static_assert(offsetof(Memory, receiver_mask) == 0x138);
  static_assert(offsetof(Memory, pad2) == 0x148);
  static_assert(offsetof(Memory, doorbells) == 0x180);
  static_assert(sizeof(Memory) == 0x300);
  static_assert(sizeof(Memory) <= kRingOffset);
  static_assert(kRingOffset % SpscByteRing::kAlignment == 0);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  [[nodiscard]] Atomic<std::uint32_t>& StateWord(Side side) const {
    return side == Side::kSender ? memory_->sender_state
                                 : memory_->receiver_state;
  }
  [[nodiscard]] Identity& IdentityWords(Side side) const {
    return side == Side::kSender ? memory_->sender : memory_->receiver;
  }

  Memory* memory_;
};

// ---- Implementation ---------------------------------------------------------

inline os::ProcessIdentity StreamHeader::IdentityOf(Side side) const {
  const Identity& words = IdentityWords(side);
  return {.pid = words.pid.load(kRelaxed),  // sync: none, ordered by the state
          .start_time = words.start_time.load(kRelaxed),
          .boot_high = words.boot_high.load(kRelaxed),
          .boot_low = words.boot_low.load(kRelaxed)};
}

inline void StreamHeader::SetIdentity(Side side,
                                      const os::ProcessIdentity& identity) {
  Identity& words = IdentityWords(side);
  words.pid.store(identity.pid, kRelaxed);  // sync: none, see the state
  words.start_time.store(identity.start_time,
                         kRelaxed);  // sync: none, see the state
  words.boot_high.store(identity.boot_high,
                        kRelaxed);  // sync: none, see the state
  words.boot_low.store(identity.boot_low,
                       kRelaxed);  // sync: none, see the state
}

inline void StreamHeader::SetId(const StreamId& id, bool is_resumable) {
  memory_->stream_id[0].store(id.high, kRelaxed);  // sync: none, see the state
  memory_->stream_id[1].store(id.low, kRelaxed);   // sync: none, see the state
  memory_->is_resumable.store(is_resumable ? 1 : 0,
                              kRelaxed);  // sync: none, see the state
}

inline StreamHeader::Total StreamHeader::TotalOf(Side side) const {
  const bool is_sender = side == Side::kSender;
  const auto& bytes = is_sender ? memory_->sent_bytes : memory_->received_bytes;
  const auto& crc32c =
      is_sender ? memory_->sender_crc32c : memory_->receiver_crc32c;
  return {.bytes = bytes.load(kRelaxed),  // sync: none, ordered by the state
          .crc32c = crc32c.load(kRelaxed)};
}

inline void StreamHeader::SetTotal(Side side, const Total& total) {
  const bool is_sender = side == Side::kSender;
  (is_sender ? memory_->sent_bytes : memory_->received_bytes)
      .store(total.bytes, kRelaxed);  // sync: none, see the state
  (is_sender ? memory_->sender_crc32c : memory_->receiver_crc32c)
      .store(total.crc32c, kRelaxed);  // sync: none, see the state
}

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_STREAM_HEADER_H_
