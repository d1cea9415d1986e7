// SPDX-License-Identifier: Apache-2.0
#include "cli/attendant.h"

#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>

#include "cli/attended.h"
#include "cli/progress.h"
#include "cli/system.h"
#include "placid/base/atomic.h"
#include "placid/os/shared_object.h"

namespace placid::cli {
namespace {

using std::chrono::milliseconds;

// Between looks while there is news: until the first thread has seen it, and
// for how many of them it is given time before others hear of it.
constexpr milliseconds kWithNews{20};
// Half a second: most of the time all is written by then, and said.
constexpr int kTicksBeforeWord = 25;

}  // namespace

Attendant::Attendant(Attended& attended, Progress& progress, Calls calls)
    : attended_(attended),
      progress_(progress),
      calls_(std::move(calls)),
      thread_([this] { Run(); }) {}

void Attendant::Stop() {
  is_stopping_.store(1, kRelaxed);  // sync: none, only a flag
  bell_.Ring();
  if (thread_.joinable()) thread_.join();
}

// One of two threads wins: either the first is back in time, or it is not to
// come back.
void Attendant::SetPlace(Place from, Place to) {
  auto expected = static_cast<std::uint32_t>(from);
  if (!place_.compare_exchange(expected, static_cast<std::uint32_t>(to),
                               kAcqRel,
                               kRelaxed)) {  // sync: place (acq_rel)
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
}

bool Attendant::Abandon() {
  auto expected = static_cast<std::uint32_t>(Place::kBlocked);
  return place_.compare_exchange(
      expected, static_cast<std::uint32_t>(Place::kAbandoned), kAcqRel,
      kRelaxed);  // sync: place (acq_rel)
}

void Attendant::Run() {
  BlockInterruptionsHere();
  while (is_stopping_.load(kRelaxed) == 0) {  // sync: none, only a flag
    const News before = news();
    const News found =
        before == News::kNone || WasInterrupted() ? LookAround() : before;
    if (found != before) {
      news_.store(static_cast<std::uint32_t>(found),
                  kRelease);  // sync: news (release)
      attended_.Wake();
    }
    if (found != News::kNone) ActOn(found);
    const os::NativeHandle death = attended_.DeathEvent();
    bell_.Wait(death, Patience(death));
  }
}

milliseconds Attendant::Patience(os::NativeHandle death) const {
  constexpr milliseconds kDrawing{100};
  constexpr milliseconds kWithoutEvent{100};
  constexpr milliseconds kAlone{500};
  constexpr milliseconds kWithEvent{1000};
  if (news() != News::kNone && ticks_with_news_ < kTicksBeforeWord) {
    return kWithNews;
  }
  if (progress_.is_shown()) return kDrawing;
  if (!is_peer_here_) return kAlone;
  return death == os::kNoHandle ? kWithoutEvent : kWithEvent;
}

News Attendant::LookAround() {
  if (WasInterrupted()) return News::kInterrupted;
  // The name before the peer: one that has come, ended and taken it away since
  // the last look has said so first.
  const News without_peer =
      attended_.IsStillNamed() ? News::kNone : News::kNameRemoved;
  const PeerLife peer = attended_.LookAtPeer();
  is_peer_here_ = peer == PeerLife::kPresent;
  progress_.Update(moved(), attended_.ExpectedBytes(), is_peer_here_);
  News found = News::kPeerDied;
  switch (peer) {
    case PeerLife::kAbsent: return without_peer;
    case PeerLife::kPresent: is_deserted_ = false; return News::kNone;
    case PeerLife::kGone: found = News::kPeerGaveUp; break;
    case PeerLife::kDead: break;
  }
  if (!attended_.AwaitsSuccessor()) return found;
  if (!std::exchange(is_deserted_, true)) {
    calls_.announce(found);
    attended_.Wake();  // the receiver may have died before it could
  }
  return without_peer;
}

void Attendant::ActOn(News news) {
  // A receiver still has to write what has arrived, unless a person is tired of
  // waiting for that.
  const bool may_abandon =
      attended_.EndsWithPeer() || news == News::kInterrupted;
  if (may_abandon) {
    if (Abandon()) calls_.end(news);
    return;
  }
  if (++ticks_with_news_ == kTicksBeforeWord) calls_.announce(news);
}

}  // namespace placid::cli
