// SPDX-License-Identifier: Apache-2.0
//
// BroadcastRing: each reader is given each value whole and in order, or told
// that it lost it, and never more than was overwritten; whoever died.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "placid/primitives/broadcast_ring.h"
#include "tests/model/broadcast_client.h"
#include "tests/model/model.h"

namespace placid::model {
namespace {

constexpr const char* kHeader = "primitives/broadcast_ring.h";

Model Of(const char* name, Program (*program)(), Options options,
         std::vector<std::string> must_see) {
  return {.type = "BroadcastRing",
          .header = kHeader,
          .name = name,
          .program = program,
          .options = options,
          .must_see = std::move(must_see)};
}

// One writer, one reader that is there from the start.
template <std::uint64_t kCapacity>
Program Pair(const BroadcastPlan& plan, int reads) {
  auto* c = NewBroadcastClient<kCapacity>(plan);
  return c->MakeProgram(
      {{"writer", [c] { c->Write(c->values()); }},
       {"reader", [c, reads] { c->ReadFromStart(reads); }}});
}

const Registration kOneSlot(Of(
    "OneSlotIsUsedAgainAndAgain", [] { return Pair<1>({.values = 3}, 2); }, {},
    {"ok", "empty", "lost"}));
const Registration kTwoSlots(Of(
    "TwoSlotsGoRound", [] { return Pair<2>({.values = 4}, 2); }, {},
    {"ok", "empty", "lost"}));
const Registration kNewest(Of(
    "LappedReaderGoesOnWithTheNewest",
    [] {
      return Pair<2>({.values = 4, .again = StartAt::kNewest}, 2);
    },
    {}, {"ok", "lost"}));
const Registration kNext(Of(
    "LappedReaderGoesOnWithTheNext",
    [] {
      return Pair<1>({.values = 3, .again = StartAt::kNext}, 3);
    },
    {}, {"ok", "empty", "lost"}));
const Registration kWrap(Of(
    "PositionsWrap",
    [] {
      return Pair<1>({.values = 3, .start = UINT64_MAX - 1}, 2);
    },
    {}, {"ok", "lost"}));
// Of sixteen slots the writer makes room of two at once.
const Registration kBatches(Of(
    "BatchesAreReadAsFarAsTheyAreWhole",
    [] {
      return Pair<16>({.values = 18, .before = 16, .way = Way::kBatch}, 1);
    },
    {}, {"ok", "lost", "several read at once"}));
const Registration kInPlace(Of(
    "ValuesAreWrittenAndReadInPlace",
    [] { return Pair<2>({.values = 4, .way = Way::kInPlace}, 2); }, {},
    {"ok", "overwritten while it was looked at", "several read at once"}));

const Registration kReaders(Of(
    "TwoReadersReadTwice",
    [] {
      auto* c = NewBroadcastClient<1>({.values = 2});
      return c->MakeProgram({{"writer", [c] { c->Write(2); }},
                             {"reader", [c] { c->ReadFromStart(2); }},
                             {"other reader", [c] { c->ReadFromStart(2); }}});
    },
    {.max_switches = 3}, {"ok", "empty", "lost"}));
const Registration kReadersLapped(Of(
    "TwoReadersAreLapped",
    [] {
      auto* c = NewBroadcastClient<1>({.values = 3});
      return c->MakeProgram({{"writer", [c] { c->Write(3); }},
                             {"reader", [c] { c->ReadFromStart(1); }},
                             {"other reader", [c] { c->ReadFromStart(1); }}});
    },
    {.max_switches = 2}, {"ok", "empty", "lost"}));
const Registration kJoiners(Of(
    "ReadersJoinWhileItWrites",
    [] {
      auto* c = NewBroadcastClient<2>({.values = 4, .before = 1});
      return c->MakeProgram(
          {{"writer", [c] { c->Write(4); }},
           {"reader", [c] {
              c->Read(1, ChooseOne(2) == 0 ? StartAt::kOldest
                                           : StartAt::kNewest);
            }}});
    },
    {}, {"ok"}));
const Registration kCloses(Of(
    "AllIsReadOrLostBeforeClosed",
    [] {
      auto* c = NewBroadcastClient<1>({.values = 2, .closes = true});
      return c->MakeProgram({{"writer", [c] { c->Write(2); }},
                             {"reader", [c] { c->ReadToTheEnd(); }}});
    },
    {}, {"ok", "closed", "lost"}));

const Registration kDiesWhileRead(Of(
    "WriterDiesWhileItIsRead",
    [] {
      auto* c = NewBroadcastClient<1>({.values = 3});
      return c->MakeProgram({{"writer", [c] { c->Write(3); }, true},
                             {"reader", [c] {
                                c->ReadFromStart(2);
                                c->ReadAfter(0);
                              }}});
    },
    {.deaths = 1}, {"ok", "empty", "lost"}));
const Registration kSucceeded(Of(
    "SuccessorGoesOn",
    [] {
      auto* c = NewBroadcastClient<1>({.values = 3, .before = 1});
      return c->MakeProgram({{"writer", [c] { c->Write(2); }, true},
                             {"successor", [c] { c->WriteAfter(0, 3); }},
                             {"reader", [c] { c->ReadFromStart(2); }}});
    },
    {.deaths = 1}, {"ok", "lost", "a writer took over"}));
const Registration kClosingDies(Of(
    "SuccessorOfAClosingWriterFindsItClosedOrCloses",
    [] {
      auto* c = NewBroadcastClient<1>({.values = 1, .closes = true});
      return c->MakeProgram({{"writer", [c] { c->Write(1); }, true},
                             {"successor", [c] { c->WriteAfter(0, 1); }},
                             {"reader", [c] { c->ReadToTheEnd(); }}});
    },
    {.deaths = 1}, {"closed", "a writer took over", "the dead one had closed"}));
const Registration kInTurn(Of(
    "WritersHandTheirRoleOver",
    [] {
      auto* c = NewBroadcastClient<1>({.values = 3, .before = 1});
      return c->MakeProgram({{"first", [c] { c->Write(2); }},
                             {"second", [c] { c->Write(3); }},
                             {"reader", [c] { c->ReadFromStart(2); }}});
    },
    {.max_switches = 4}, {"ok", "lost"}));

// The first user of all-zero bytes may be a reader.
const Registration kVirgin(Of(
    "VirginIsEmptyUntilPushed",
    [] {
      auto* c = NewBroadcastClient<2>({.values = 2});
      Program program =
          c->MakeProgram({{"writer", [c] { c->AttachAndWrite(2); }},
                          {"reader", [c] { c->ReadOnly(2); }}});
      program.set_up = [c] { c->SetUp(/*is_virgin=*/true); };
      return program;
    },
    {}, {"ok", "empty"}));

// Of a run-time capacity: Create and Attach themselves.
using Created = BroadcastRing<std::uint64_t>;
struct alignas(kLineBytes) CreatedBytes {
  std::array<std::byte, Created::SizeFor(2)> bytes;
};
CreatedBytes created;

const Registration kCreated(Of(
    "CreatedRingIsAttachedWholeOrNotAtAll",
    [] {
      Program program;
      program.set_up = [] { created = {}; };
      program.threads = {
          {"creator",
           [] {
             Check(Created::Create(created.bytes, 2).has_value(), "created");
             CountOperation();
           },
           true},
          {"attacher", [] {
             const auto attached = Created::Attach(created.bytes);
             const auto reader = Created::AttachReadOnly(created.bytes);
             CountOperation();
             // Without its capacity it would be corrupt.
             const auto is_right = [](const auto& result) {
               return result.has_value() ||
                      result.error().code == ErrorCode::kNotInitialized;
             };
             Check(is_right(attached) && is_right(reader),
                   "it is virgin until it is whole");
             See(attached ? "attached" : "not yet");
             Check(!attached || reader, "it stays attachable");
           }}};
      program.regions = {{"ring", &created, sizeof(created)}};
      return program;
    },
    {.deaths = 1}, {"not yet", "attached"}));

}  // namespace
}  // namespace placid::model
