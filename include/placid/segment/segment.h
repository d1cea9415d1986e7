// SPDX-License-Identifier: Apache-2.0
//
// Segment: bytes under a name, made by exactly one of all who ask for them.
//
// A segment is two shared objects: `data`, the bytes that a program places its
// types in, and `control`, which knows who takes part. Its public name leads to
// a small record, the record to both objects, whose own names no two segments
// ever share (segment_id.h).
//
//   object   called                         holds
//   record   name                           NameRecord
//   data     name.generation.nonce.data     SegmentHeader, then your bytes
//   control  name.generation.nonce.control  SegmentHeader, then Participants
//
// Whoever creates or unlinks holds a lock of the system's on the record, which
// goes with its holder, and says "ready" last. So a creator may be killed at
// any step: the next one who wants the name takes the lock, finds what the
// record leads to unready or incomplete, removes it and makes a new generation.
// Those who only open need no lock. All space is reserved before anything is
// ready.
//
// To create is not to own: a segment is there for as long as anybody has it
// open or, where its creator asks for it and the system can, until it is
// unlinked (lifetime.h). Unlink takes the name away at once from whoever has it
// open.
//
// Who is attached when somebody unlinks goes on undisturbed and learns of it
// by IsRetired(). Check() also notices what goes past this library: `rm`, and a
// file cut short, which kills whoever touches the lost pages (SIGBUS); use
// names only among users who trust one another (os/shared_object.h).
#ifndef PLACID_SEGMENT_SEGMENT_H_
#define PLACID_SEGMENT_SEGMENT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>

#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/os/locked_mapping.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/participants.h"
#include "placid/segment/segment_header.h"
#include "placid/segment/segment_id.h"

namespace placid {

// How long to wait for others who create or unlink the same name. None of them
// waits for anybody, so only one that is stopped takes so long.
inline constexpr std::int64_t kSegmentPatienceMs = 1000;

struct CreateSegmentOptions {
  // Bytes for you, from 1; the system rounds up to its pages.
  std::uint64_t size_bytes = 0;
  // How many can take part at a time, 1 to 4,096: 128 bytes each.
  std::uint64_t participants = 64;
  // Of what lies in the bytes, compared with that of whoever opens; 0: unknown.
  std::uint64_t fingerprint = 0;
  // Windows has kWhileOpen alone: see os::NamesPersist().
  Lifetime lifetime = Lifetime::kWhileOpen;
  // Unix permission bits, as in os::CreateOptions.
  std::uint32_t mode = 0600;
  std::int64_t patience_ms = kSegmentPatienceMs;
  // Places what the segment begins with, in bytes that are all zero, before
  // anyone else can see them. If it fails so does the creation, and leaves
  // nothing behind.
  std::function<Result<void>(std::span<std::byte>)> place;
};

struct OpenSegmentOptions {
  // As given by the creator; 0: any.
  std::uint64_t fingerprint = 0;
  os::Owner owner = os::Owner::kSelf;
  std::int64_t patience_ms = kSegmentPatienceMs;
};

class PLACID_API Segment {
 public:
  // Of a public name: our own are longer.
  static constexpr std::size_t kMostNameBytes = 150;

  Segment() = default;
  Segment(Segment&& other) noexcept { swap(other); }
  Segment& operator=(Segment&& other) noexcept {
    Segment(std::move(other)).swap(*this);
    return *this;
  }
  // Closes. The last that had it open takes the names away, if that is the
  // segment's lifetime; it waits for nobody. In a child made by fork it only
  // unmaps.
  ~Segment();

  // Errors of all three: kInvalidArgument (a raw or too long name, a size or a
  // number of participants out of range), kTimedOut (a living process has held
  // the creation lock for patience_ms: perhaps it is stopped),
  // kPermissionDenied (another user has the name, or owns it), kNoSpace
  // (nothing is left behind), kNotPlacid and its kin, kCorrupt, kTruncated
  // (something else has the name, or somebody spoilt it: unlink it),
  // kWrongElement (another fingerprint), kSystem. Each names the segment.

  // Errors: kAlreadyExists, kUnsupported (the lifetime).
  static Result<Segment> Create(const os::Name& name,
                                const CreateSegmentOptions& options);
  // Errors: kNotFound.
  static Result<Segment> Open(const os::Name& name,
                              const OpenSegmentOptions& options = {});
  // was_created() tells which, lifetime() whose wish was first. Errors:
  // kTooSmall (what is there has fewer bytes), kUnsupported (the lifetime).
  static Result<Segment> OpenOrCreate(const os::Name& name,
                                      const CreateSegmentOptions& options);

  // Retires the segment and takes its names away. Whoever opens the name next
  // finds nothing, whoever creates makes the next generation. Removes what dead
  // creators left, too. Errors: kNotFound, kTimedOut, kPermissionDenied,
  // kSystem.
  static Result<void> Unlink(const os::Name& name,
                             std::int64_t patience_ms = kSegmentPatienceMs);

  // How many bytes of shared memory one made with these options takes, all of
  // them reserved when it is created, where the system's pages have so many (4
  // KiB on x86-64; up to 64 KiB elsewhere). It never grows. One that was
  // unlinked takes its own as long as somebody has it open.
  [[nodiscard]] static std::uint64_t SpaceFor(
      const CreateSegmentOptions& options, std::uint64_t page_bytes = 4096);

  // Your bytes. They begin on a line (128 bytes).
  [[nodiscard]] std::span<std::byte> bytes() const {
    return data_.header ? data_.header->bytes() : std::span<std::byte>();
  }
  [[nodiscard]] bool was_created() const { return was_created_; }
  [[nodiscard]] SegmentId id() const { return id_; }
  [[nodiscard]] Lifetime lifetime() const {
    return data_.header ? data_.header->lifetime() : Lifetime::kWhileOpen;
  }
  [[nodiscard]] const os::Name& name() const { return name_; }

  // Whether it was unlinked: one look at shared memory.
  [[nodiscard]] bool IsRetired() const;

  // Asks the system whether the name still leads here and all bytes are there.
  // Errors: kUnlinked (by us, by a foreign `rm`, or the name leads to another
  // segment: what is attached goes on), kTruncated (touch no more of it).
  [[nodiscard]] Result<void> Check() const;

  // ---- For the rest of this layer. Only where one is open.

  // Who takes part.
  [[nodiscard]] const Participants& participants() const {
    return *participants_;
  }
  [[nodiscard]] const os::SharedObject& data() const { return data_.object; }
  [[nodiscard]] const os::SharedObject& control() const {
    return control_.object;
  }
  // Whether its name leads to it; else whoever serves it does (rendezvous.h).
  [[nodiscard]] bool has_name() const { return record_.is_open(); }
  [[nodiscard]] os::Name control_name() const;

  void swap(Segment& other) noexcept;

 private:
  friend class SegmentMaker;  // src/segment/segment_maker.h

  // An object, mapped whole.
  struct Part {
    os::SharedObject object;
    os::Mapping mapping;
    std::optional<SegmentHeader> header;
  };

  os::Name name_ = *os::Name::Parse("none");
  SegmentId id_;
  bool was_created_ = false;
  // Windows: the name lives as long as this is open.
  os::SharedObject record_;
  os::Mapping record_mapping_;
  Part data_;
  Part control_;
  std::optional<Participants> participants_;
  // That we have it open. None where names do not persist.
  os::LockedMapping hold_;
};

}  // namespace placid

#endif  // PLACID_SEGMENT_SEGMENT_H_
