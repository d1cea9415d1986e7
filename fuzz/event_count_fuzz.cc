// SPDX-License-Identifier: Apache-2.0
//
// EventCount and Waiter: with a peer that lies about state and mode, every
// sleep is asked for on a state that may be slept on, for a slice at most and
// not past the deadline; every operation ends in bounds; and a waiter ends by
// its deadline, whatever the system says of its sleeps. With an honest one, the
// words are what the deeds make them; a herd is woken by shares, and nobody who
// sleeps rightly.
//
// The system's part (os/futex.h, os/peer_fence.h) is played here: its clock
// moves on by a tick at each look, its sleeps end as the input says.
#include "fuzz/harness.h"
#include "placid/os/futex.h"
#include "placid/os/peer_fence.h"
#include "placid/wait/event_count.h"
#include "placid/wait/waiter.h"

namespace placid::fuzz {
namespace {

constexpr std::int64_t kTickNs = 10'000;

struct System {
  Input* input = nullptr;
  HostilePeer* peer = nullptr;
  std::int64_t now_ns = 0;
  std::int64_t most_until_ns = 0;  // of the sleep that is asked for
  bool can_fence = false;
  int most_woken = 0;           // whom the last publisher was to wake
  int woken = 0;                // whom it woke
  std::uint64_t passed_on = 0;  // wakes, by sleepers
  bool is_woken = false;        // whether the last sleep ended so
};
System played;

constexpr os::HerdShares kShares{.by_waker = 3, .by_woken = 2};

// Which bit those go by who sleep on a state.
std::uint32_t BitOf(std::uint32_t state) { return 1u << (state >> 1) % 32; }

}  // namespace
}  // namespace placid::fuzz

// ---- The system

namespace placid::os {

using fuzz::played;

bool HasFutex() { return true; }

std::int64_t MonotonicNow() { return played.now_ns += fuzz::kTickNs; }

WaitResult FutexWait(const void* word, std::uint32_t expected,
                     std::int64_t deadline_ns, std::uint32_t bits) {
  PLACID_FUZZ_CHECK(played.peer->Contains(word, 4));
  PLACID_FUZZ_CHECK(expected % 2 == 1 && "asleep on an armed state");
  PLACID_FUZZ_CHECK(bits == fuzz::BitOf(expected));
  PLACID_FUZZ_CHECK(deadline_ns <= played.now_ns + EventCount::kSliceNs);
  PLACID_FUZZ_CHECK(deadline_ns <= played.most_until_ns);
  if (played.peer->is_honest()) {
    const auto* state = static_cast<const Atomic<std::uint32_t>*>(word);
    if (state->load(kRelaxed) != expected) return WaitResult::kChanged;
    // By one who is behind and was woken while we were.
    if (played.input->TakeAtMost(3) == 3) {
      played.is_woken = true;
      return WaitResult::kWoken;
    }
    played.now_ns = std::max(played.now_ns, deadline_ns);
    return WaitResult::kTimedOut;
  }
  switch (played.input->TakeAtMost(4)) {
    case 0: return WaitResult::kWoken;
    case 1: return WaitResult::kChanged;
    case 2: return WaitResult::kInterrupted;
    case 3: return WaitResult::kUnsupported;
    default:
      played.now_ns = std::max(played.now_ns, deadline_ns);
      return WaitResult::kTimedOut;
  }
}

// Whoever sleeps rightly is let sleep.
int FutexWake(const void* word, int count, std::uint32_t bits) {
  PLACID_FUZZ_CHECK(played.peer->Contains(word, 4));
  PLACID_FUZZ_CHECK(count == fuzz::kShares.by_woken && bits != 0);
  if (played.peer->is_honest()) {
    const auto state =
        static_cast<const Atomic<std::uint32_t>*>(word)->load(kRelaxed);
    PLACID_FUZZ_CHECK(~bits == (state % 2 == 1 ? fuzz::BitOf(state) : 0));
  }
  ++played.passed_on;
  return 0;
}

int FutexBumpAndWake(void* word, int count) {
  PLACID_FUZZ_CHECK(played.peer->Contains(word, 4));
  static_cast<Atomic<std::uint32_t>*>(word)->fetch_add(1, kRelaxed);
  played.most_woken = count;
  played.woken = std::min(count, static_cast<int>(played.input->TakeAtMost(5)));
  return played.woken;
}

HerdShares SharesOfHerd() { return fuzz::kShares; }

void SleepUntil(std::int64_t deadline_ns) {
  PLACID_FUZZ_CHECK(deadline_ns <= played.most_until_ns);
  played.now_ns = std::max(played.now_ns, deadline_ns);
}

bool JoinPeerFences() { return played.can_fence; }
bool FencePeers() { return played.can_fence; }

}  // namespace placid::os

namespace placid::fuzz {
namespace {

class Session {
 public:
  Session(Input& input, HostilePeer& peer, EventCount::Storage& storage)
      : input_(input),
        peer_(peer),
        storage_(storage),
        event_(EventCount::Attach(storage).value()),
        sleeper_(event_.MakeSleeper()) {}

  void Run() {
    while (!input_.is_spent()) {
      switch (input_.TakeAtMost(6)) {
        case 0:
          peer_.Allow(4);
          event_.MakeNotifier().Notify();
          Wake(state_ % 2 == 1);
          break;
        case 1: NotifyAsymmetrically(); break;
        case 2:
          peer_.Allow(3);
          sleeper_.Arm();
          if (state_ % 2 == 0) ++state_;
          armed_ = state_;
          break;
        case 3: Sleep(); break;
        case 4:
          peer_.Allow(1);
          event_.WakeAll();
          PLACID_FUZZ_CHECK(played.most_woken == os::kAllSleepers);
          ++state_;
          break;
        case 5: Wait(); break;
        default: peer_.Scribble();
      }
      if (!peer_.is_honest()) continue;
      PLACID_FUZZ_CHECK(Word(0) == state_ && Word(4) == mode_);
    }
  }
  // As it was left by others.
  void StartFrom(std::uint32_t state) {
    storage_.state = Atomic<std::uint32_t>(state);
    state_ = state;
  }

 private:
  [[nodiscard]] std::uint32_t Word(std::size_t at) const {
    std::uint32_t word = 0;
    std::memcpy(&word, reinterpret_cast<const std::byte*>(&storage_) + at, 4);
    return word;
  }
  // By a publisher, if it found the state armed.
  void Wake(bool is_woken) {
    if (!is_woken || !peer_.is_honest()) return;
    ++state_;
    const bool is_herd = (mode_ & 2) != 0;
    PLACID_FUZZ_CHECK(played.most_woken ==
                      (is_herd ? kShares.by_waker : os::kAllSleepers));
    if (played.woken > kShares.by_waker) mode_ |= 2;
  }

  void NotifyAsymmetrically() {
    played.can_fence = input_.TakeBool();
    peer_.Allow(1);
    auto notifier = event_.MakeAsymmetricNotifier();
    PLACID_FUZZ_CHECK(notifier.fences() == !played.can_fence);
    if (!played.can_fence)
      return;  // it has Notify's fence, and a word of its own
    mode_ |= 1;
    peer_.Allow(4);
    notifier.Notify();
    Wake(state_ % 2 == 1);
  }

  void Sleep() {
    const std::int64_t until =
        played.now_ns + static_cast<std::int64_t>(input_.Take<std::uint32_t>());
    played.most_until_ns = until;
    peer_.Allow(4);
    played.is_woken = false;
    const std::uint64_t passed_on = played.passed_on;
    const bool was_woken = sleeper_.Sleep(until);
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(was_woken == (armed_ % 2 == 0 || armed_ != state_ ||
                                    played.is_woken));
    PLACID_FUZZ_CHECK((played.passed_on != passed_on) ==
                      (played.is_woken && (mode_ & 2) != 0));
  }

  // In vain, or until the input says so.
  void Wait() {
    const auto answer = static_cast<RingAnswer>(input_.TakeAtMost(3));
    const std::int64_t time_ns = input_.Take<std::uint16_t>() * 10;
    auto tries_left = input_.Take<std::uint16_t>();
    WaitPolicy policy{.most_spin_ns = input_.Take<std::uint16_t>(),
                      .is_adaptive = input_.TakeBool()};
    policy.yields = input_.TakeBool() ? 1 : 0;
    const std::int64_t deadline_ns = played.now_ns + time_ns;
    played.most_until_ns = deadline_ns;
    // A round is at most a look at the clock, seven accesses and two tries.
    const auto rounds = static_cast<std::uint64_t>(time_ns / kTickNs + 2);
    peer_.Allow(8 * rounds);
    std::uint64_t tries = 0;
    Waiter waiter(event_, policy);
    const auto waited = waiter.Until(
        [&] {
          ++tries;
          return tries_left-- == 0 ? RingAnswer::kDone : answer;
        },
        Deadline::At(deadline_ns));
    PLACID_FUZZ_CHECK(tries <= 4 * rounds + 1);
    if (waited.end == WaitEnd::kTimedOut) {
      PLACID_FUZZ_CHECK(played.now_ns >= deadline_ns);
      PLACID_FUZZ_CHECK(played.now_ns <= deadline_ns + 4 * kTickNs);
      PLACID_FUZZ_CHECK(waited.result == answer);
    } else {
      PLACID_FUZZ_CHECK(waited.end == WaitEnd::kAnswered);
      PLACID_FUZZ_CHECK(waited.result == RingAnswer::kDone ||
                        answer == RingAnswer::kRefused);
    }
    if (peer_.is_honest()) state_ = Word(0);  // armed, perhaps
  }

  // As another library's type of results might be.
  enum class RingAnswer : std::uint8_t { kDone, kNothing, kOutrun, kRefused };
  friend Retry RetryAfter(RingAnswer answer) {
    switch (answer) {
      case RingAnswer::kNothing: return Retry::kOnChange;
      case RingAnswer::kOutrun: return Retry::kSoon;
      default: return Retry::kNever;
    }
  }

  Input& input_;
  HostilePeer& peer_;
  EventCount::Storage& storage_;
  const EventCount event_;
  EventCount::Sleeper sleeper_;
  std::uint32_t state_ = 0;
  std::uint32_t mode_ = 0;
  std::uint32_t armed_ = 0;
};

void One(Input input) {
  static GuardedArena arena(64);
  const auto bytes = arena.Place(EventCount::SizeFor(), EventCount::kAlignment);
  const Honesty honesty =
      input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  HostilePeer peer(input, bytes, honesty);
  played = {.input = &input, .peer = &peer};
  Session session(input, peer,
                  *reinterpret_cast<EventCount::Storage*>(bytes.data()));
  if (input.TakeBool()) session.StartFrom(UINT32_MAX - 3);
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
