// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/ledger.h"

#include "tests/crash/play.h"

namespace placid::crash {

void Ledger::Note(What what, std::uint64_t value, std::uint64_t count) {
  // The type's stores stay on their side of the note, as compiled.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  Lane& lane = memory_->lanes[who_ == Who::kOther ? 1 : 0];
  volatile std::uint64_t& used = lane.count;
  if (used == Lane::kMost) Fail("the ledger is full: note less");
  lane.events[used] = {
      memory_->clock.fetch_add(1, std::memory_order_relaxed),
      who_,
      what,
      static_cast<std::uint16_t>(count),
      std::uint64_t{static_cast<std::uint8_t>(who_)} << 32 | Mine().op,
      value};
  std::atomic_signal_fence(std::memory_order_seq_cst);
  used = used + 1;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (has_trap_) asm volatile("int3");
}

std::vector<Event> Ledger::Events() const {
  std::vector<Event> events;
  for (const Lane& lane : memory_->lanes) {
    events.insert(
        events.end(), lane.events.begin(),
        lane.events.begin() + static_cast<std::ptrdiff_t>(lane.count));
  }
  std::sort(events.begin(), events.end(),
            [](const Event& a, const Event& b) { return a.time < b.time; });
  return events;
}

std::uint64_t Ledger::LastDone() const {
  std::uint64_t most = 0;
  std::array<std::uint64_t, std::tuple_size_v<decltype(parties_)>> begun{};
  for (const Event& event : Events()) {
    std::uint64_t& mine = begun[static_cast<std::size_t>(event.who)];
    if (event.what == What::kBegin) mine = event.value;
    if (event.what == What::kDone) most = std::max(most, mine);
  }
  return most;
}

bool Ledger::IsNearlyFull() const {
  constexpr std::size_t kSpare = Lane::kMost / 2;
  return memory_->lanes[who_ == Who::kOther ? 1 : 0].count > kSpare;
}

Ledger::Copy Ledger::Save() const {
  Copy copy;
  copy.clock = memory_->clock.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < copy.lanes.size(); ++i) {
    const Lane& lane = memory_->lanes[i];
    copy.lanes[i].assign(
        lane.events.begin(),
        lane.events.begin() + static_cast<std::ptrdiff_t>(lane.count));
  }
  return copy;
}

void Ledger::Restore(const Copy& copy) {
  memory_->clock.store(copy.clock, std::memory_order_relaxed);
  for (std::size_t i = 0; i < copy.lanes.size(); ++i) {
    Lane& lane = memory_->lanes[i];
    lane.count = copy.lanes[i].size();
    std::copy(copy.lanes[i].begin(), copy.lanes[i].end(), lane.events.begin());
  }
}

}  // namespace placid::crash
