// SPDX-License-Identifier: Apache-2.0
//
// The header of a segment's object and the record that leads to it: what a dead
// creator, or unlinker, leaves is either ready and whole or is made anew by the
// next one, who has the creation lock.
//
// The ledger's values are generations: kBegin, who begins to make one; kDone, it
// was made ready; kDisown, its end begins; kRetired, it was taken away.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "placid/segment/name_record.h"
#include "placid/segment/segment_header.h"
#include "tests/crash/play.h"

namespace placid::crash {
namespace {

using Kind = SegmentHeader::Kind;

constexpr std::size_t kObjectBytes = 16;
constexpr std::uint64_t kFingerprint = 0xF1;
constexpr std::uint32_t kNonce = 5;

// The record, and the two objects of one segment behind it.
struct Place {
  explicit Place(Bytes all)
      : record(all.first(NameRecord::SizeFor())),
        objects{Part(all, 0), Part(all, 1)} {}

  static constexpr std::size_t kPartBytes = 2 * kLineBytes;
  static constexpr std::size_t kBytes =
      static_cast<std::size_t>(NameRecord::SizeFor()) + 2 * kPartBytes;

  // Of a whole number of lines, of which an object's bytes take a part.
  static Bytes Part(Bytes all, std::size_t index) {
    return all.subspan(
        static_cast<std::size_t>(NameRecord::SizeFor()) + index * kPartBytes,
        static_cast<std::size_t>(SegmentHeader::SizeFor(kObjectBytes)));
  }
  // As the segment layer does: control is ready first.
  static constexpr std::array<Kind, 2> kKinds = {Kind::kControl, Kind::kData};

  Bytes record;
  std::array<Bytes, 2> objects;
};

class SegmentPlay : public Play {
 public:
  enum class Does { kMake, kUnlink, kReplace };
  SegmentPlay(Does does, bool is_old_half_made)
      : does_(does), is_old_half_made_(is_old_half_made) {}

  void SetUp(Bytes bytes) override {
    if (does_ == Does::kMake && !is_old_half_made_) return;
    Make(bytes, !is_old_half_made_);
  }

  void Act(Bytes bytes) override {
    if (std::exchange(has_acted_, true)) return;
    if (does_ != Does::kMake) Unlink(bytes);
    if (does_ != Does::kUnlink) MakeUnlessWhole(bytes);
  }

  // Somebody who has been attached all the time, or tries to.
  bool Other(Bytes bytes) override {
    // The next object has the memory of the last one here: whoever runs freely
    // would see both in it.
    if (IsSoaking()) return false;
    Look(bytes);
    return true;
  }

  void Recover(Bytes bytes) override { MakeUnlessWhole(bytes); }

  void Check(Bytes bytes, bool) override {
    Look(bytes);
    MakeUnlessWhole(bytes);
    Expect(Look(bytes), "the next one cannot make it");
    Unlink(bytes);
    Expect(!Look(bytes), "it is there though it was unlinked");
  }

 private:
  static NameRecord Record(const Place& place) {
    return Need(NameRecord::Attach(place.record));
  }

  // What somebody finds who has no lock.
  static bool IsWhole(const Place& place, SegmentId id) {
    if (id.is_none()) return false;
    for (std::size_t i = 0; i < place.objects.size(); ++i) {
      const auto header =
          SegmentHeader::Attach(place.objects[i], id, Place::kKinds[i]);
      if (!header) {
        const ErrorCode why = header.error().code;
        Expect(why == ErrorCode::kNotInitialized || why == ErrorCode::kUnlinked,
               "half a header is taken for another's");
        return false;
      }
      std::uint64_t placed = 0;
      std::memcpy(&placed, header->bytes().data(), sizeof(placed));
      Expect(header->fingerprint() == kFingerprint &&
                 header->bytes().size() == kObjectBytes &&
                 placed == id.generation(),
             "what is ready is not whole");
    }
    return true;
  }
  // The same, which is to be as the ledger says.
  static bool Look(Bytes bytes) {
    const Place place(bytes);
    const SegmentId id = Record(place).Current();
    const bool is_whole = IsWhole(place, id);
    const std::vector<Event> events = Book().Events();
    const auto noted = [&](What what) {
      return std::ranges::any_of(events, [&](const Event& event) {
        return event.what == what && event.value == id.generation();
      });
    };
    if (is_whole) {
      Expect(noted(What::kBegin), "a segment that nobody made");
      Expect(!noted(What::kRetired), "a segment that was unlinked is whole");
    } else {
      Expect(!noted(What::kDone) || noted(What::kDisown),
             "a committed segment is lost");
    }
    return is_whole;
  }

  // The rest is with the creation lock.
  static void Make(Bytes bytes, bool is_finished) {
    const Place place(bytes);
    const NameRecord record = Record(place);
    const SegmentId id = record.Current().Next(kNonce);
    Book().Note(What::kBegin, id.generation());
    record.PointTo(id);
    const auto create = [&](std::size_t i) {
      auto header = Need(SegmentHeader::Create(place.objects[i], id,
                                               Place::kKinds[i], kFingerprint));
      const std::uint64_t generation = id.generation();
      std::memcpy(header.bytes().data(), &generation, sizeof(generation));
      return header;
    };
    const SegmentHeader control = create(0);
    const SegmentHeader data = create(1);
    if (!is_finished) return;
    control.SetReady();
    data.SetReady();
    Book().Note(What::kDone, id.generation());
  }
  static void MakeUnlessWhole(Bytes bytes) {
    const Place place(bytes);
    if (IsWhole(place, Record(place).Current())) return;
    Remove(bytes);
    Make(bytes, true);
  }
  static void Unlink(Bytes bytes) {
    const Place place(bytes);
    const SegmentId id = Record(place).Current();
    Book().Note(What::kDisown, id.generation());
    const auto data =
        SegmentHeader::Attach(place.objects[1], id, Place::kKinds[1]);
    if (data) {
      data->Retire();
      Expect(data->IsRetired(), "its end is not to be seen");
    }
    Remove(bytes);
    Book().Note(What::kRetired, id.generation());
  }
  // In place of taking the objects' names away.
  static void Remove(Bytes bytes) {
    const Place place(bytes);
    for (const Bytes object : place.objects) {
      Need(SegmentHeader::Reset(object, NobodyUsesIt()));
    }
    const NameRecord record = Record(place);
    record.PointTo(record.Current().Gone());
  }

  const Does does_;
  const bool is_old_half_made_;
  bool has_acted_ = false;
};

const Registration kSegmentHeader([](std::vector<Scenario>& scenarios) {
  using Does = SegmentPlay::Does;
  const auto add = [&](const char* type, const char* operation, Does does,
                       bool is_old_half_made) {
    scenarios.push_back({type, operation, Place::kBytes, [=] {
                           return std::make_unique<SegmentPlay>(
                               does, is_old_half_made);
                         }});
  };
  add("NameRecord", "NameRecord Attach, PointTo", Does::kMake, false);
  add("SegmentHeader", "SegmentHeader Create, SetReady", Does::kMake, true);
  add("SegmentHeader", "SegmentHeader Retire", Does::kUnlink, false);
  add("SegmentHeader", "SegmentHeader Retire, Create", Does::kReplace, false);
});

}  // namespace
}  // namespace placid::crash
