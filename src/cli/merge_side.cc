// SPDX-License-Identifier: Apache-2.0
#include "cli/merge_side.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "cli/cutter.h"
#include "cli/input_output.h"
#include "cli/merge.h"
#include "cli/merge_objects.h"
#include "cli/outcome.h"
#include "cli/text.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/ring_result.h"
#include "placid/segment/directory.h"
#include "placid/segment/membership.h"
#include "placid/segment/segment.h"
#include "placid/wait/doorbells.h"
#include "placid/wait/wait_mask.h"
#include "placid/wait/wait_set.h"

namespace placid::cli {
namespace {

constexpr std::uint64_t kDefaultLaneCapacity = std::uint64_t{256} << 10;
constexpr std::uint64_t kObjects = 5;
constexpr const char* kRing = "lanes";
constexpr const char* kState = "receiver";
constexpr const char* kBells = "bells";
constexpr const char* kSent = "sent";
constexpr const char* kTaken = "taken";

std::uint64_t CapacityOf(const MergeOptions& options) {
  return options.capacity == 0 ? kDefaultLaneCapacity : options.capacity;
}

// Finds all of it, or makes it, where nobody else can see it yet.
Result<MergeSide::Views> FindViews(const Directory& directory,
                               std::uint64_t capacity, bool is_new) {
  const auto get = [&]<typename T>(const char* name, auto... geometry) {
    return is_new ? directory.FindOrCreate<T>(name, OwnerId::Unowned(),
                                              geometry...)
                  : directory.Find<T>(name);
  };
  const auto ring = get.operator()<MergeRing>(kRing, capacity);
  if (!ring) return ring.error();
  const auto state = get.operator()<MergeStateCell>(kState);
  if (!state) return state.error();
  const auto bells = get.operator()<Doorbells>(kBells);
  if (!bells) return bells.error();
  const auto sent = get.operator()<WaitMask>(kSent);
  if (!sent) return sent.error();
  const auto taken = get.operator()<WaitMask>(kTaken);
  if (!taken) return taken.error();
  return MergeSide::Views{*ring, *state, *bells, *sent, *taken};
}

Result<void> Place(std::span<std::byte> bytes, std::uint64_t capacity) {
  const auto directory = Directory::Create(bytes, kObjects);
  if (!directory) return directory.error();
  const auto views = FindViews(*directory, capacity, /*is_new=*/true);
  if (!views) return views.error();
  auto writer = views->state.ClaimWriter();
  if (!writer) return writer.error();
  writer->Store(MergeState{});
  return Ok();
}

CreateSegmentOptions SegmentOptions(const MergeOptions& options) {
  const std::uint64_t capacity = CapacityOf(options);
  CreateSegmentOptions made;
  made.size_bytes = Directory::SizeFor(
      kObjects, Directory::SpaceFor<MergeRing>(kRing, capacity) +
                    Directory::SpaceFor<MergeStateCell>(kState) +
                    Directory::SpaceFor<Doorbells>(kBells) +
                    Directory::SpaceFor<WaitMask>(kSent) +
                    Directory::SpaceFor<WaitMask>(kTaken));
  made.participants = 2 * kMergeLanes;  // some wait, or leave
  made.fingerprint = MergeFingerprint(options.framing);
  made.patience_ms = kSegmentWaitMs;
  made.place = [capacity](std::span<std::byte> bytes) {
    return Place(bytes, capacity);
  };
  return made;
}

// Who comes first chooses the capacity.
Result<Segment> OpenOrCreate(const MergeOptions& options) {
  auto opened = Segment::Open(
      options.name, {.fingerprint = MergeFingerprint(options.framing),
                     .patience_ms = kSegmentWaitMs});
  if (opened || opened.error().code != ErrorCode::kNotFound) return opened;
  return Segment::Create(options.name, SegmentOptions(options));
}

Outcome CannotMerge(const MergeOptions& options, const Error& error) {
  if (error.code != ErrorCode::kWrongElement) {
    return CannotHave(options.name, error);
  }
  const bool is_framed = options.framing == Framing::kLengths;
  return {ExitCode::kNameInUse,
          Concat("'", options.name.text(),
                 "' is a merge that was started ",
                 is_framed ? "without" : "with",
                 " --frames, or no merge at all: start all sides alike, or "
                 "choose another name")};
}

}  // namespace

std::optional<Outcome> MergeSide::Join(const MergeOptions& options,
                                       const TakeRole& take) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kPatience = std::chrono::seconds(2);
  constexpr auto kPause = std::chrono::milliseconds(2);
  if (auto refused = RefuseLong(options.name)) return refused;
  const auto end = Clock::now() + kPatience;
  for (;;) {
    auto joined = TryJoin(options);
    if (joined && *joined) joined = take(*this);
    if (!joined) {
      Leave();
      return joined.outcome();
    }
    if (*joined) return std::nullopt;
    Leave();
    if (Clock::now() > end) {
      return Outcome{ExitCode::kNameInUse,
                     Concat("'", options.name.text(),
                            "' is in use by a former merge of that name, which "
                            "has not come to its end: end its senders first, "
                            "or choose another name")};
    }
    std::this_thread::sleep_for(kPause);
  }
}

OrOutcome<bool> MergeSide::TryJoin(const MergeOptions& options) {
  auto segment = OpenOrCreate(options);
  if (!segment) {
    const ErrorCode code = segment.error().code;
    const bool was_faster =
        code == ErrorCode::kAlreadyExists || code == ErrorCode::kNotFound ||
        code == ErrorCode::kUnlinked || code == ErrorCode::kContended;
    if (was_faster) return false;
    return CannotMerge(options, segment.error());
  }
  segment_ = *std::move(segment);
  const auto directory = Directory::Attach(segment_.bytes());
  if (!directory) return CannotMerge(options, directory.error());
  const auto views = FindViews(*directory, 0, /*is_new=*/false);
  if (!views) return CannotMerge(options, views.error());
  views_ = *views;
  if (views_->ring.IsSealed()) return false;
  auto member = Membership::Join(segment_, {.recover = Recovery()});
  if (!member) {
    if (member.error().code == ErrorCode::kNoSpace) {
      return Outcome{ExitCode::kNameInUse,
                     Concat("'", options.name.text(), "' has ", kMergeLanes,
                            " senders already, the most that there can be")};
    }
    return CannotMerge(options, member.error());
  }
  member_ = *std::move(member);
  return true;
}

RecoverOwner MergeSide::Recovery() const {
  return [views = *views_](const DeadOwner& dead) -> Result<void> {
    views.ring.Recover(dead);
    views.state.Recover(dead);
    views.bells.Recover(dead);
    return Ok();
  };
}

Result<void> MergeSide::Await(const WaitMask& source) {
  auto bell = views_->bells.Claim(member_.id());
  if (!bell) return bell.error();
  waiting_.emplace(*std::move(bell));
  waiting_->Add(source);
  return Ok();
}

std::uint64_t MergeSide::RecoverDead() {
  return member_.RecoverDead(segment_, Recovery()).value_or(0);
}

std::optional<MergeState> MergeSide::LoadState() const {
  MergeState state{};
  const bool is_whole =
      views_->state.MakeReader().TryLoad(state) == RingResult::kOk;
  return is_whole ? std::optional(state) : std::nullopt;
}

bool MergeSide::IsStillNamed() const {
  const auto checked = segment_.Check();
  return checked || checked.error().code != ErrorCode::kUnlinked;
}

void MergeSide::Leave() {
  waiting_.reset();
  member_ = Membership();
  views_.reset();
  segment_ = Segment();
}

}  // namespace placid::cli
