// SPDX-License-Identifier: Apache-2.0
//
// WaitMask, Doorbells, WaitSet: with a peer that lies about bits, bells and whose
// doorbell it is, every operation ends in bounds, sleeps are for a slice at most
// and not past the deadline, and at most as many are rung as there are
// doorbells. With an honest one, whoever armed is rung, and nobody else.
//
// The system's part (os/bell.h, os/futex.h, os/peer_fence.h) is played here.
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "fuzz/harness.h"
#include "placid/os/bell.h"
#include "placid/os/futex.h"
#include "placid/os/peer_fence.h"
#include "placid/wait/doorbells.h"
#include "placid/wait/wait_mask.h"
#include "placid/wait/wait_set.h"

namespace placid::fuzz {
namespace {

constexpr std::int64_t kTickNs = 10'000;

struct System {
  Input* input = nullptr;
  HostilePeer* peer = nullptr;
  std::int64_t now_ns = 0;
  std::int64_t most_until_ns = 0;  // of the sleep that is asked for
  bool has_futex = true;
  bool can_fence = false;
  bool can_make_bells = true;
  std::uint64_t bells = 0;  // made so far: their numbers are 1 and up
  std::uint64_t rung = 0;   // bit i: bell i, since it was last silent
  std::uint64_t wakes = 0;  // system calls that wake
};
System played;

void CheckDeadline(std::int64_t deadline_ns) {
  PLACID_FUZZ_CHECK(deadline_ns <= played.now_ns + WaitSet::kSliceNs);
  PLACID_FUZZ_CHECK(deadline_ns <= played.most_until_ns);
}

// Whether a sleep that nothing ends is ended all the same.
bool IsInterrupted() { return played.input->TakeAtMost(4) < 2; }

}  // namespace
}  // namespace placid::fuzz

// ---- The system

namespace placid::os {

using fuzz::played;

bool HasFutex() { return played.has_futex; }

std::int64_t MonotonicNow() { return played.now_ns += fuzz::kTickNs; }

WaitResult FutexWait(const void* word, std::uint32_t expected,
                     std::int64_t deadline_ns, std::uint32_t) {
  PLACID_FUZZ_CHECK(played.peer->Contains(word, 4));
  fuzz::CheckDeadline(deadline_ns);
  if (played.peer->is_honest()) {
    const auto* rings = static_cast<const Atomic<std::uint32_t>*>(word);
    if (rings->load(kRelaxed) != expected) return WaitResult::kChanged;
  } else if (fuzz::IsInterrupted()) {
    return WaitResult::kWoken;
  }
  played.now_ns = std::max(played.now_ns, deadline_ns);
  return WaitResult::kTimedOut;
}

int FutexWake(const void*, int, std::uint32_t) { return 0; }

int FutexBumpAndWake(void* word, int) {
  PLACID_FUZZ_CHECK(played.peer->Contains(word, 4));
  ++played.wakes;
  static_cast<Atomic<std::uint32_t>*>(word)->fetch_add(1, kRelaxed);
  return 0;
}

void SleepUntil(std::int64_t) {}

bool JoinPeerFences() { return played.can_fence; }
bool FencePeers() { return played.can_fence; }

struct BellPort {
  static Bell Make(std::uint64_t number) {
    Bell bell;
    bell.handle_ = 1;
    bell.number_ = number;
    return bell;
  }
};
Result<Bell> Bell::Make() {
  if (!played.can_make_bells || played.bells == 63) {
    return Error{.code = ErrorCode::kSystem, .operation = "Bell::Make"};
  }
  return BellPort::Make(++played.bells);
}
Bell::~Bell() = default;
void Bell::Silence() { played.rung &= ~(std::uint64_t{1} << number_); }
bool Bell::Wait(std::int64_t deadline_ns) {
  fuzz::CheckDeadline(deadline_ns);
  const bool is_rung = (played.rung >> number_ & 1) != 0;
  if (is_rung || (!played.peer->is_honest() && fuzz::IsInterrupted())) {
    Silence();
    return is_rung;
  }
  played.now_ns = std::max(played.now_ns, deadline_ns);
  return false;
}
void Bell::Ring() const { played.rung |= std::uint64_t{1} << number_; }
BellRope::~BellRope() = default;
bool BellRope::Ring(std::uint64_t number) {
  ++played.wakes;
  if (number == 0 || number > played.bells) return false;
  played.rung |= std::uint64_t{1} << number;
  return true;
}

}  // namespace placid::os

namespace placid::fuzz {
namespace {

struct Shared {
  Doorbells::Storage rows;
  WaitMask::Storage masks[2];
};

constexpr std::array<OwnerId, 3> kOwners = {
    OwnerId::Unowned(), *OwnerId::Of(1, 5), *OwnerId::Of(4096, 0)};
constexpr std::uint64_t kRows = Doorbells::kMost;

class Session {
 public:
  Session(Input& input, HostilePeer& peer, Shared& shared)
      : input_(input), peer_(peer), shared_(shared) {}

  void Run() {
    peer_.Allow(1);
    auto doorbells = Doorbells::Attach(shared_.rows);
    if (!doorbells) {
      PLACID_FUZZ_CHECK(!peer_.is_honest());
      return;
    }
    doorbells_ = *doorbells;
    while (!input_.is_spent()) {
      Waiter& waiter = waiters_[input_.TakeAtMost(waiters_.size() - 1)];
      const std::size_t source = input_.TakeAtMost(1);
      switch (input_.TakeAtMost(8)) {
        case 0: Claim(waiter); break;
        case 1: TakeOver(waiter); break;
        case 2: waiter = Waiter(); break;
        case 3: Notify(source); break;
        case 4: NotifyAsymmetrically(source); break;
        case 5: Wait(waiter); break;
        case 6: Recover(); break;
        case 7: Until(waiter); break;
        default: peer_.Scribble();
      }
      peer_.Allow(kRows);
    }
  }

 private:
  struct Waiter {
    std::optional<WaitSet> set;
  };

  [[nodiscard]] WaitMask MaskOf(std::size_t source) {
    return *WaitMask::Attach(shared_.masks[source]);
  }
  void Use(Waiter& waiter, Result<Doorbells::Doorbell> doorbell) {
    if (!doorbell) return;
    PLACID_FUZZ_CHECK(doorbell->index() < kRows);
    PLACID_FUZZ_CHECK(played.has_futex || doorbell->event() != os::kNoHandle);
    waiter.set.emplace(std::move(*doorbell));
    for (std::size_t i : {0u, 1u}) waiter.set->Add(MaskOf(i));
  }
  WakeBy TakeWakeBy() {
    return input_.TakeBool() ? WakeBy::kEvent : WakeBy::kFutex;
  }
  OwnerId TakeOwner() { return kOwners[input_.TakeAtMost(2)]; }

  void Claim(Waiter& waiter) {
    const OwnerId owner = TakeOwner();
    played.can_make_bells = input_.TakeBool();
    peer_.Allow(2 * kRows + 3);
    auto doorbell = doorbells_->Claim(owner, TakeWakeBy());
    if (peer_.is_honest() && played.can_make_bells && played.bells < 63) {
      PLACID_FUZZ_CHECK(doorbell && "there are more than we have waiters");
    }
    Use(waiter, std::move(doorbell));
  }

  void TakeOver(Waiter& waiter) {
    const auto index = static_cast<std::uint32_t>(input_.TakeAtMost(70));
    const OwnerId owner = TakeOwner();
    peer_.Allow(6);
    const RoleHolder holder = doorbells_->Holder(index);
    // Not from one of our own who lives.
    if (peer_.is_honest()) return;
    Use(waiter, doorbells_->TakeOver(index, AttestedDeath(holder), owner,
                                     TakeWakeBy()));
  }

  void Notify(std::size_t source) {
    const std::uint64_t armed = Armed(source);
    auto notifier = MaskOf(source).MakeNotifier(*doorbells_);
    peer_.Allow(2 + 2 * kRows);
    played.wakes = 0;
    notifier.Notify();
    PLACID_FUZZ_CHECK(played.wakes <= kRows);
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(played.wakes ==
                      static_cast<std::uint64_t>(std::popcount(armed)));
    PLACID_FUZZ_CHECK(Armed(source) == 0);
  }

  void NotifyAsymmetrically(std::size_t source) {
    played.can_fence = input_.TakeBool();
    peer_.Allow(1);
    auto notifier = MaskOf(source).MakeAsymmetricNotifier(*doorbells_);
    PLACID_FUZZ_CHECK(notifier.fences() == !played.can_fence);
    // What it looks at instead is a word of its own, which nobody shares.
    if (!played.can_fence) return;
    const std::uint64_t armed = Armed(source);
    peer_.Allow(2 + 2 * kRows);
    played.wakes = 0;
    notifier.Notify();
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(played.wakes ==
                      static_cast<std::uint64_t>(std::popcount(armed)));
  }

  // Armed, perhaps notified, asleep, disarmed.
  void Wait(Waiter& waiter) {
    if (!waiter.set) return;
    const std::size_t source = input_.TakeAtMost(1);
    const bool is_notified = input_.TakeBool();
    peer_.Allow(1 + 2 + 2);
    waiter.set->Arm();
    if (is_notified) Notify(source);
    const std::int64_t until =
        played.now_ns + static_cast<std::int64_t>(input_.Take<std::uint32_t>());
    played.most_until_ns = until;
    peer_.Allow(1);
    const bool was_woken = waiter.set->Sleep(until);
    if (peer_.is_honest()) PLACID_FUZZ_CHECK(was_woken || !is_notified);
    peer_.Allow(4);
    waiter.set->Disarm();
  }

  void Until(Waiter& waiter) {
    if (!waiter.set) return;
    const std::int64_t time_ns = input_.Take<std::uint16_t>() * 10;
    auto tries_left = input_.Take<std::uint16_t>();
    const std::int64_t deadline_ns = played.now_ns + time_ns;
    played.most_until_ns = deadline_ns;
    const auto rounds = static_cast<std::uint64_t>(time_ns / kTickNs + 2);
    peer_.Allow(10 * rounds);
    const auto waited = waiter.set->Until([&] { return tries_left-- == 0; },
                                          Deadline::At(deadline_ns));
    if (waited.end == WaitEnd::kTimedOut) {
      PLACID_FUZZ_CHECK(played.now_ns >= deadline_ns && !waited.result);
    } else {
      PLACID_FUZZ_CHECK(waited.end == WaitEnd::kAnswered && waited.result);
    }
  }

  void Recover() {
    const OwnerId dead = TakeOwner();
    // Nobody of ours who lives.
    if (peer_.is_honest()) return;
    peer_.Allow(5 * kRows);
    played.wakes = 0;
    PLACID_FUZZ_CHECK(doorbells_->Recover(DeadOwner::Attested(dead)) <= kRows);
    PLACID_FUZZ_CHECK(played.wakes <= kRows);
  }

  [[nodiscard]] std::uint64_t Armed(std::size_t source) const {
    std::uint64_t armed = 0;
    std::memcpy(&armed, &shared_.masks[source], sizeof(armed));
    return armed;
  }

  Input& input_;
  HostilePeer& peer_;
  Shared& shared_;
  std::optional<Doorbells> doorbells_;
  std::array<Waiter, 3> waiters_;
};

void One(Input input) {
  static GuardedArena arena(sizeof(Shared));
  const auto bytes = arena.Place(sizeof(Shared), kLineBytes);
  const Honesty honesty =
      input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  HostilePeer peer(input, bytes, honesty);
  played = {.input = &input, .peer = &peer};
  played.has_futex = input.TakeBool();
  Session session(input, peer, *reinterpret_cast<Shared*>(bytes.data()));
  session.Run();
  arena.CheckSurroundings();
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  placid::fuzz::One({data, size});
  return 0;
}
