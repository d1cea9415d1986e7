// SPDX-License-Identifier: Apache-2.0
//
// Steps, continued: copies of bytes, pauses, sleep, and the end of others.
#include <algorithm>
#include <cstring>

#include "tests/model/engine.h"

namespace placid::model {

// ---- Copies

// The next piece of a copy: whole granules, less at a ragged end.
int Engine::Granules(const void* at, std::size_t bytes) const {
  const std::size_t granule = options_.copy_granule;
  const std::size_t into = reinterpret_cast<std::uintptr_t>(at) % granule;
  return static_cast<int>((into + bytes + granule - 1) / granule);
}

void Engine::CopyIn(void* to, const void* from, std::size_t bytes,
                    bool is_racy) {
  // Whoever dies in a copy has written some of it. (A racy copy is many steps,
  // and may die before each.)
  const int granules = Granules(to, bytes);
  int lives_for = granules;
  if (!is_racy && deaths_left_ > 0 && SpecOf(running_).can_die) {
    const int death = chooser_->Choose(granules + 1, Kind::kDeath);
    if (death > 0) lives_for = death - 1;
  }
  auto* out = static_cast<std::byte*>(to);
  const auto* in = static_cast<const std::byte*>(from);
  for (int i = 0; i < granules; ++i) {
    if (i == lives_for) {
      Die(running_);
      Leave();
    }
    const std::size_t into =
        reinterpret_cast<std::uintptr_t>(out) % options_.copy_granule;
    const std::size_t piece = std::min(options_.copy_granule - into, bytes);
    std::uint64_t value = 0;
    std::memcpy(&value, in, piece);
    if (is_racy) BeforeStep();
    const int location = Locate(out, piece);
    Note({.thread = running_,
          .what = is_racy ? "racy write" : "write",
          .at = out,
          .has_value = true,
          .value = value});
    if (is_racy) {
      RecordAtomic(location, /*is_write=*/true);
      Table<int, kMaxMessages> after;
      const int choice =
          chooser_->Choose(PlacesFor(location, after), Kind::kMessage);
      Observe(Mix(2, value));
      PutAfter(location, after[choice], value, std::memory_order_relaxed);
    } else {
      RecordPlain(location, /*is_write=*/true);
      // No one can read an older value without a race: forget it.
      Location& at = memory_[location];
      at.messages[0] = {value, at.newest().at, false, View{}};
      at.count = 1;
      me().current.seen[location] = at.messages[0].at;
    }
    out += piece;
    in += piece;
    bytes -= piece;
  }
}

void Engine::CopyOut(void* to, const void* from, std::size_t bytes,
                     bool is_racy) {
  auto* out = static_cast<std::byte*>(to);
  const auto* in = static_cast<const std::byte*>(from);
  while (bytes > 0) {
    const std::size_t into =
        reinterpret_cast<std::uintptr_t>(in) % options_.copy_granule;
    const std::size_t piece = std::min(options_.copy_granule - into, bytes);
    if (is_racy) BeforeStep();
    const int location = Locate(in, piece);
    std::uint64_t value = 0;
    if (is_racy) {
      value = ReadMessage(location, std::memory_order_relaxed, -1, "racy read");
    } else {
      Location& at = memory_[location];
      value = at.newest().value;
      Note({.thread = running_,
            .what = "read",
            .at = in,
            .has_value = true,
            .value = value});
      RecordPlain(location, /*is_write=*/false);
      auto& seen = me().current.seen[location];
      seen = std::max(seen, at.newest().at);
      Observe(value);
    }
    std::memcpy(out, &value, piece);
    out += piece;
    in += piece;
    bytes -= piece;
  }
}

// ---- Waiting

void Engine::Pause(bool by_library) {
  Thread& thread = me();
  // A longer pause is no fairer than a short one.
  if (by_library && (!options_.are_pauses_fair || !thread.has_stepped)) return;
  thread.has_stepped = false;
  const bool is_fruitless = thread.stores_at_pause == stores_;
  thread.fruitless =
      is_fruitless && thread.reads_newest ? thread.fruitless + 1 : 0;
  thread.stores_at_pause = stores_;
  thread.reads_newest = false;
  thread.paused_by_library = by_library;
  thread.status = Status::kPaused;
  if (++thread.steps > options_.max_steps) FailHere("it pauses for ever");
  Observe(8);
  SwitchAway();
}

bool Engine::AwaitEnd(int index, bool is_ordered) {
  if (!awaits_ends_) awaits_ends_ = must_relearn_ = true;
  Thread& thread = me();
  thread.awaited = index;
  thread.status = Status::kAwaiting;
  SwitchAway();
  const Thread& other = threads_[index];
  const bool is_dead = other.status == Status::kDead;
  if (is_ordered) thread.current.Join(other.current, memory_.size());
  Observe(Mix(other.observed, is_dead ? 1 : 0));
  Note({.thread = running_,
        .what = is_dead ? "sees a death" : "sees an end",
        .remark = SpecOf(index).name.c_str()});
  return is_dead;
}

bool Engine::Sleep(const void* word, std::size_t bytes, std::uint64_t expected,
                   std::uint32_t bits) {
  BeforeStep();
  const int location = Locate(word, bytes);
  const Message& newest = memory_[location].newest();
  TakeIn(location, newest, std::memory_order_relaxed);
  Observe(Mix(9, newest.value));
  const bool sleeps = newest.value == expected;
  Note({.thread = running_,
        .what = sleeps ? "sleeps" : "stays awake",
        .at = word,
        .has_value = true,
        .value = newest.value});
  if (!sleeps) return false;
  me().futex = word;
  me().futex_location = location;
  me().futex_bits = bits;
  me().status = Status::kAsleep;
  SwitchAway();
  return true;
}

int Engine::WakeSleepers(const void* word, int most, std::uint32_t bits) {
  int woken = 0;
  while (woken < most) {
    Table<int, kMaxThreads> asleep;
    int count = 0;
    for (int i = 0; i < thread_count_; ++i) {
      const Thread& thread = threads_[i];
      if (thread.status == Status::kAsleep && thread.futex == word &&
          (thread.futex_bits & bits) != 0) {
        asleep[count++] = i;
      }
    }
    if (count == 0) break;
    Thread& chosen = threads_[asleep[chooser_->Choose(count, Kind::kThread)]];
    chosen.status = Status::kReady;
    chosen.is_woken = true;
    auto& seen = chosen.current.seen[chosen.futex_location];
    seen = std::max(seen, me().current.seen[chosen.futex_location]);
    ++woken;
  }
  Observe(Mix(10, static_cast<std::uint64_t>(woken)));
  Note({.thread = running_,
        .what = "wakes",
        .at = word,
        .has_value = true,
        .value = static_cast<std::uint64_t>(woken)});
  return woken;
}

int Engine::Wake(const void* word, int most, std::uint32_t bits) {
  BeforeStep();
  const int woken = WakeSleepers(word, most, bits);
  AfterStep();
  return woken;
}

// Nobody sees the one without the other, or dies between them.
int Engine::BumpAndWake(void* word, int most) {
  BeforeStep();
  const int location = Locate(word, sizeof(std::uint32_t));
  RecordAtomic(location, /*is_write=*/true);
  Location& at = memory_[location];
  Message& read = at.newest();
  const auto bumped =
      static_cast<std::uint32_t>(static_cast<std::uint32_t>(read.value) + 1);
  TakeIn(location, read, std::memory_order_relaxed);
  read.is_followed = true;
  const View passed_on = read.view;
  PutAfter(location, at.count - 1, bumped, std::memory_order_relaxed)
      .view.Join(passed_on, memory_.size());
  Note({.thread = running_,
        .what = "bumps",
        .at = word,
        .has_value = true,
        .value = bumped});
  const int woken = WakeSleepers(word, most, UINT32_MAX);
  AfterStep();
  return woken;
}

void Engine::FenceOthers(std::uint32_t threads) {
  for (int i = 0; i < thread_count_; ++i) {
    if (i == running_ || (threads >> i & 1) == 0) continue;
    BeforeStep();
    // Who has ended was fenced when its processor went on to another.
    ApplyFence(threads_[i], std::memory_order_seq_cst);
    Note({.thread = running_,
          .what = "has fenced",
          .remark = SpecOf(i).name.c_str()});
    AfterStep();
  }
}

void Engine::Summarise(const void* data, std::size_t bytes, bool is_first) {
  Thread& thread = me();
  if (is_first) {
    thread.observed = static_cast<std::uint64_t>(running_) + 1;
    // A loop that comes back to the same state is cut by the cache.
    if (options_.cache && options_.search) thread.steps = 1;
  }
  const auto* from = static_cast<const std::byte*>(data);
  while (bytes > 0) {
    std::uint64_t word = 0;
    const std::size_t piece = std::min(sizeof(word), bytes);
    std::memcpy(&word, from, piece);
    Observe(word);
    from += piece;
    bytes -= piece;
  }
}

int Engine::ChooseOne(int count) {
  const int chosen = chooser_->Choose(count, Kind::kMessage);
  Observe(Mix(11, static_cast<std::uint64_t>(chosen)));
  return chosen;
}

}  // namespace placid::model
