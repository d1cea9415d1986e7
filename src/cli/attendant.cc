// SPDX-License-Identifier: Apache-2.0
#include "cli/attendant.h"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>

#include "cli/progress.h"
#include "cli/stream.h"
#include "cli/stream_header.h"
#include "cli/system.h"
#include "placid/base/atomic.h"

namespace placid::cli {

Attendant::Attendant(Stream& stream, Progress& progress, Calls calls)
    : stream_(stream),
      progress_(progress),
      calls_(std::move(calls)),
      thread_([this] { Run(); }) {}

void Attendant::Stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  stopped_.notify_one();
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
  constexpr auto kInterval = std::chrono::milliseconds(20);
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    lock.unlock();
    const News before = news();
    const News found =
        before == News::kNone || WasInterrupted() ? LookAround() : before;
    if (found != before) {
      news_.store(static_cast<std::uint32_t>(found),
                  kRelease);  // sync: news (release)
    }
    if (found != News::kNone) ActOn(found);
    lock.lock();
    stopped_.wait_for(lock, kInterval, [this] { return is_stopping_; });
  }
}

News Attendant::LookAround() {
  if (WasInterrupted()) return News::kInterrupted;
  const PeerLife peer = stream_.LookAtPeer();
  const bool is_peer_here = peer == PeerLife::kPresent;
  progress_.Update(moved(), stream_.header().ExpectedBytes(), is_peer_here);
  switch (peer) {
    case PeerLife::kAbsent:
      return stream_.IsStillNamed() ? News::kNone : News::kNameRemoved;
    case PeerLife::kPresent: return News::kNone;
    case PeerLife::kGone: return News::kPeerGaveUp;
    case PeerLife::kDead: break;
  }
  return News::kPeerDied;
}

void Attendant::ActOn(News news) {
  // A receiver still has to write what has arrived, unless a person is tired of
  // waiting for that.
  const bool may_abandon =
      stream_.side() == Side::kSender || news == News::kInterrupted;
  if (may_abandon) {
    if (Abandon()) calls_.end(news);
    return;
  }
  // Half a second: most of the time all is written by then, and said.
  constexpr int kTicksBeforeWord = 25;
  if (++ticks_with_news_ == kTicksBeforeWord) calls_.announce(news);
}

}  // namespace placid::cli
