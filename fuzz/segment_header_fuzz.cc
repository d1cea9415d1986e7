// SPDX-License-Identifier: Apache-2.0
//
// SegmentHeader, NameRecord: any bytes as an object of a segment, or as what
// lies under its name, and as a table of participants behind that, while a peer
// writes to all of it. With an honest one what was created is found as it was.
#include <array>

#include "fuzz/harness.h"
#include "placid/segment/name_record.h"
#include "placid/segment/participants.h"
#include "placid/segment/segment_header.h"

namespace placid::fuzz {
namespace {

using Kind = SegmentHeader::Kind;

constexpr std::size_t kMostBytes = 0x400;
constexpr std::uint64_t kAccesses = 40;  // of any one operation here

template <typename T>
bool IsThere(const Result<T>& result) {
  if (result) return true;
  PLACID_FUZZ_CHECK(result.error().operation != nullptr);
  PLACID_FUZZ_CHECK(result.error().advice != nullptr);
  PLACID_FUZZ_CHECK(!result.error().Message().view().empty());
  return false;
}

// An image with some of its words replaced, or any bytes at all.
void Spoil(std::span<std::byte> bytes, Input& input) {
  for (auto changes = input.TakeAtMost(7); changes > 0; --changes) {
    if (bytes.size() < 8) return;
    const auto word = input.Take<std::uint64_t>();
    const auto at =
        static_cast<std::size_t>(input.TakeAtMost(bytes.size() / 8 - 1));
    std::memcpy(bytes.data() + at * 8, &word, 8);
  }
}

void UseTable(std::span<std::byte> bytes, HostilePeer& peer) {
  peer.Allow(kAccesses);
  const auto table = Participants::Attach(bytes);
  if (!IsThere(table)) return;
  for (std::uint64_t index = 0; index <= 4; ++index) {
    peer.Allow(kAccesses);
    auto joined = table->Join(index, {1, 2, 3, 4});
    if (!IsThere(joined)) continue;
    static_cast<void>(table->IdentityOf(joined->id()));
    peer.Allow(kAccesses);
  }
}

void UseHeader(std::span<std::byte> bytes, Input& input, HostilePeer& peer,
               SegmentId id, Kind kind) {
  const bool is_retired = input.TakeBool();
  if (peer.is_honest()) {
    const std::uint64_t fingerprint = input.Take<std::uint64_t>();
    peer.Allow(kAccesses);
    const auto made = SegmentHeader::Create(bytes, id, kind, fingerprint);
    PLACID_FUZZ_CHECK(IsThere(made) ==
                      (bytes.size() > sizeof(SegmentHeader::Memory)));
    if (!made) return;
    PLACID_FUZZ_CHECK(!SegmentHeader::Attach(bytes, id, kind));
    made->SetReady();
    const auto found = SegmentHeader::Attach(bytes, id, kind);
    PLACID_FUZZ_CHECK(IsThere(found));
    PLACID_FUZZ_CHECK(found->fingerprint() == fingerprint);
    PLACID_FUZZ_CHECK(found->bytes().size() == made->bytes().size());
    PLACID_FUZZ_CHECK(!SegmentHeader::Attach(bytes, id.Next(1), kind));
    PLACID_FUZZ_CHECK(!found->IsRetired());
    if (is_retired) made->Retire();
    PLACID_FUZZ_CHECK(found->IsRetired() == is_retired);
    return;
  }
  peer.AllowReads(kAccesses);
  const auto header = SegmentHeader::Attach(bytes, id, kind);
  if (!IsThere(header)) return;
  PLACID_FUZZ_CHECK(LiesIn(bytes, header->bytes()));
  Touch(header->bytes());
  static_cast<void>(header->IsRetired());
  UseTable(header->bytes(), peer);
  peer.Allow(kAccesses);
  if (is_retired) header->Retire();
}

void UseRecord(std::span<std::byte> bytes, Input& input, HostilePeer& peer) {
  peer.Allow(kAccesses);
  const auto record = NameRecord::Attach(bytes);
  if (!IsThere(record)) return;
  for (int i = 0; i < 8 && !input.is_spent(); ++i) {
    const SegmentId before = record->Current();
    const SegmentId next = before.Next(1 + input.Take<std::uint16_t>());
    PLACID_FUZZ_CHECK(next != before && !next.is_none());
    record->PointTo(next);
    PLACID_FUZZ_CHECK(!peer.is_honest() || record->Current() == next);
    PLACID_FUZZ_CHECK(next.Gone().is_none());
    peer.Scribble();
  }
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace placid;        // NOLINT
  using namespace placid::fuzz;  // NOLINT
  static GuardedArena arena(kMostBytes);
  Input input(data, size);
  const auto honesty = input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  const auto bytes = arena.Place(
      static_cast<std::size_t>(input.TakeAtMost(kMostBytes)), kLineBytes);
  const SegmentId id(input.Take<std::uint64_t>());
  const Kind kind = input.TakeBool() ? Kind::kControl : Kind::kData;
  const bool is_record = input.TakeBool();
  if (honesty == Honesty::kHostile) {
    if (is_record) {
      static_cast<void>(NameRecord::Create(bytes));
    } else if (const auto made = SegmentHeader::Create(bytes, id, kind, 5)) {
      if (made->bytes().size() >= Participants::SizeFor(2)) {
        static_cast<void>(Participants::Create(made->bytes(), 2));
      }
      if (input.TakeBool()) made->SetReady();
    }
    Spoil(bytes, input);
  }
  {
    HostilePeer peer(input, bytes, honesty);
    if (is_record) {
      UseRecord(bytes, input, peer);
    } else {
      UseHeader(bytes, input, peer, id, kind);
    }
  }
  arena.CheckSurroundings();
  return 0;
}
