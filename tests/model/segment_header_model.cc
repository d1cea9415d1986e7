// SPDX-License-Identifier: Apache-2.0
//
// SegmentHeader, NameRecord: who attaches sees a header that is whole and all
// that its creator placed; who is told of a retirement sees what came before
// it. What a dead creator left is not ready, and the next one makes another.
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "placid/segment/name_record.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/segment_header.h"
#include "tests/model/model.h"

namespace placid::model {
namespace {

using Kind = SegmentHeader::Kind;
constexpr SegmentId kId(0x0000'0007'1234'5678);

struct alignas(kLineBytes) Object {
  SegmentHeader::Memory header;
  std::uint64_t placed;  // plain bytes of the creator's
  std::uint64_t last;    // and of whoever retires it
};
Object object;
alignas(kLineBytes) NameRecord::Memory record;

std::span<std::byte> Bytes() {
  return std::as_writable_bytes(std::span(&object, 1));
}
std::span<std::byte> RecordBytes() {
  return std::as_writable_bytes(std::span(&record, 1));
}
std::uint64_t Read(const std::uint64_t& from) {
  std::uint64_t value = 0;
  machine::CopyOut(value, from);
  return value;
}

Program MakeProgram(std::vector<ThreadSpec> threads) {
  Program program;
  program.set_up = [] {
    object = {};
    record = {};
  };
  program.threads = std::move(threads);
  program.regions = {{"object", &object, sizeof(object)},
                     {"record", &record, sizeof(record)}};
  return program;
}

// Anything but ready is told apart, and what is ready is whole.
bool AttachWhole() {
  auto found = SegmentHeader::Attach(Bytes(), kId, Kind::kData);
  CountOperation();
  if (!found) {
    const ErrorCode code = found.error().code;
    Check(code == ErrorCode::kNotInitialized || code == ErrorCode::kUnlinked,
          "not ready, or retired, and nothing else");
    See(code == ErrorCode::kUnlinked ? "retired" : "not ready");
    return false;
  }
  See("attached");
  Check(found->bytes().size() == sizeof(Object) - sizeof(object.header),
        "the size is known");
  Check(found->fingerprint() == 99, "and the fingerprint");
  Check(found->lifetime() == Lifetime::kUntilUnlinked, "and the lifetime");
  Check(Read(object.placed) == 42, "what the creator placed is seen");
  if (found->IsRetired()) {
    See("told of the retirement");
    Check(Read(object.last) == 43, "and what came before the retirement");
  }
  return true;
}

void MakeReady() {
  const auto header = SegmentHeader::Create(Bytes(), kId, Kind::kData, 99,
                                            Lifetime::kUntilUnlinked);
  Check(header.has_value(), "it is virgin");
  machine::CopyIn(object.placed, std::uint64_t{42});
  header->SetReady();
  CountOperation();
}

const Registration kReady({
    .type = "SegmentHeader",
    .header = "segment/segment_header.h",
    .name = "WhatIsReadyIsWhole",
    .program =
        [] {
          return MakeProgram({{"creator", MakeReady, true},
                              {"a", [] { AttachWhole(); }},
                              {"b", [] { AttachWhole(); }}});
        },
    .options = {.deaths = 1},
    .must_see = {"attached", "not ready"},
});

// What is not ready yet may be looked into: its words come before its stamp.
const Registration kStamped({
    .type = "SegmentHeader",
    .header = "segment/segment_header.h",
    .name = "AHeaderOfAnotherSegmentIsRefused",
    .program =
        [] {
          return MakeProgram(
              {{"creator", MakeReady},
               {"stranger", [] {
                  const auto found =
                      SegmentHeader::Attach(Bytes(), kId.Next(5), Kind::kData);
                  Check(!found.has_value(), "another's");
                  if (found.error().code == ErrorCode::kCorrupt) {
                    See("of another");
                  }
                  const auto control =
                      SegmentHeader::Attach(Bytes(), kId, Kind::kControl);
                  Check(!control.has_value(), "another kind");
                  CountOperation();
                }}});
        },
    .options = {},
    .must_see = {"of another"},
});

const Registration kRetired({
    .type = "SegmentHeader",
    .header = "segment/segment_header.h",
    .name = "WhoIsAttachedLearnsOfTheRetirement",
    .program =
        [] {
          return MakeProgram(
              {{"creator",
                [] {
                  MakeReady();
                  const auto header =
                      SegmentHeader::Attach(Bytes(), kId, Kind::kData);
                  Check(header.has_value(), "it is ready");
                  machine::CopyIn(object.last, std::uint64_t{43});
                  header->Retire();
                  CountOperation();
                }},
               {"a", [] {
                  const bool was_there = AttachWhole();
                  AwaitEnd(0);
                  Check(!AttachWhole(), "retired for good");
                  if (was_there) See("gone by now");
                }}});
        },
    .options = {},
    .must_see = {"retired", "told of the retirement", "gone by now"},
});

// Under the creation lock, which is played by one dying before the next begins.
const Registration kRecord({
    .type = "NameRecord",
    .header = "segment/name_record.h",
    .name = "TheNextCreatorFindsWhatTheDeadOneBegan",
    .program =
        [] {
          return MakeProgram(
              {{"mortal",
                [] {
                  const auto name = NameRecord::Attach(RecordBytes());
                  Check(name.has_value(), "virgin is no error");
                  name->PointTo(name->Current().Next(1));
                  CountOperation();
                },
                true},
               {"next", [] {
                  const bool died = AwaitEnd(0);
                  const auto name = NameRecord::Attach(RecordBytes());
                  Check(name.has_value(), "it can be had");
                  const SegmentId found = name->Current();
                  Check(died || !found.is_none(), "it was pointed to");
                  See(found.is_none() ? "nothing begun" : "begun");
                  const SegmentId mine = found.Next(1);
                  Check(mine != found, "each segment is another");
                  name->PointTo(mine);
                  Check(name->Current() == mine, "and it leads there");
                  name->PointTo(mine.Gone());
                  Check(name->Current().is_none() &&
                            name->Current().generation() == mine.generation(),
                        "gone, and its generation is remembered");
                  CountOperation();
                }}});
        },
    .options = {.deaths = 1},
    .must_see = {"nothing begun", "begun"},
});

}  // namespace
}  // namespace placid::model
