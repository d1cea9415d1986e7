// SPDX-License-Identifier: Apache-2.0
//
// Scheduling: who takes the next step, who dies, and what a state is. The steps
// themselves are in steps.cc.
#include "tests/model/engine.h"

#include <utility>

namespace placid::model {
namespace {

Engine* current = nullptr;
Engine* active = nullptr;

// A thread may look again so often, with the newest values, before it is stuck.
constexpr int kFruitlessLooks = 3;

}  // namespace

Engine* Engine::Current() { return current; }
Engine* Engine::Active() { return active; }

void Engine::Load(const Program& program, const Options& options) {
  program_ = &program;
  options_ = options;
  memory_.ForgetProgram();
  uses_acquire_fence_ = false;
  awaits_ends_ = false;
  tally_ = {};
  seen_.clear();
  uses_.clear();
  is_use_known_.clear();
}

void Engine::RunThread(void* engine) {
  auto* self = static_cast<Engine*>(engine);
  self->SpecOf(self->running_).run();
  self->me().status = Status::kEnded;
  self->me().fiber.Yield();
}

Ending Engine::Run(Chooser& chooser, std::unordered_set<std::uint64_t>* states,
                   Trace* trace) {
  chooser_ = &chooser;
  trace_ = trace;
  if (trace_ != nullptr) trace_->Clear();
  has_failed_ = false;
  must_relearn_ = false;
  failure_.clear();
  memory_.Clear();
  sequential_ = {};
  stores_ = 0;
  deaths_left_ = options_.deaths;
  switches_left_ = options_.max_switches;
  last_run_ = -1;
  thread_count_ = static_cast<int>(program_->threads.size());
  active = this;
  if (thread_count_ > kMaxThreads) {
    Fail("more than kMaxThreads threads");
    return Ending::kFailed;
  }
  chooser.StartExecution();
  program_->set_up();
  for (int i = 0; i < thread_count_; ++i) {
    Thread& thread = threads_[i];
    thread.fiber.Reset(&RunThread, this);
    thread.status = Status::kReady;
    thread.current = thread.pending = thread.released = View{};
    thread.observed = static_cast<std::uint64_t>(i) + 1;
    thread.steps = 0;
    thread.stores_at_pause = 0;
    thread.paused_by_library = false;
    thread.has_stepped = false;
    thread.reads_newest = false;
    thread.is_woken = false;
    thread.fruitless = 0;
    thread.spurious_left = options_.spurious_failures;
    thread.operations = 0;
  }
  const Ending ending = Schedule(states);
  active = nullptr;
  if (ending != Ending::kFailed && must_relearn_) return Ending::kRelearn;
  return ending;
}

Ending Engine::Schedule(std::unordered_set<std::uint64_t>* states) {
  // Up to its first step a thread does nothing that another could see.
  for (int i = 0; i < thread_count_ && !has_failed_; ++i) Resume(i);
  last_run_ = -1;
  for (;;) {
    if (has_failed_) return Ending::kFailed;
    Table<int, kMaxThreads> enabled;
    Table<int, kMaxThreads> mortal;
    int enabled_count = 0;
    int mortal_count = 0;
    int live = 0;
    // Whoever ran last comes first: choice 0 is to go on.
    for (int turn = 0; turn < thread_count_; ++turn) {
      int i = turn;
      if (last_run_ >= 0) i = (last_run_ + turn) % thread_count_;
      const Thread& thread = threads_[i];
      if (thread.status >= Status::kEnded) continue;
      ++live;
      if (IsEnabled(thread)) enabled[enabled_count++] = i;
      if (MayDieNow(i)) mortal[mortal_count++] = i;
    }
    if (live == 0) return Finish();
    if (enabled_count == 0 && mortal_count == 0) {
      if (WakeTheWaiting()) continue;
      Fail(
          "stuck: nobody can go on (a deadlock, a lost wake-up, or a wait for "
          "what never comes)");
      return Ending::kFailed;
    }
    if (states != nullptr && enabled_count + mortal_count > 1 &&
        chooser_->IsAtFrontier() && !states->insert(HashState()).second) {
      return Ending::kSeen;
    }
    int dead = 0;
    for (int i = 0; i < mortal_count && deaths_left_ > 0; ++i) {
      if (chooser_->Choose(2, Kind::kDeath) == 0) continue;
      Die(mortal[i]);
      ++dead;
    }
    if (dead > 0 || enabled_count == 0) {
      last_run_ = -1;
      // Let be: the mortal one that nobody waits for is asked no second time.
      if (dead == 0 && !WakeTheWaiting()) {
        Fail(
            "stuck: nobody can go on (a deadlock, a lost wake-up, or a wait "
            "for what never comes)");
        return Ending::kFailed;
      }
      continue;
    }
    // To go on is choice 0, where it is one.
    const bool may_go_on = enabled[0] == last_run_;
    if (may_go_on && switches_left_ == 0) enabled_count = 1;
    const int choice = chooser_->Choose(enabled_count, Kind::kThread);
    if (may_go_on && choice > 0 && switches_left_ > 0) --switches_left_;
    Resume(enabled[choice]);
  }
}

bool Engine::IsEnabled(const Thread& thread) const {
  switch (thread.status) {
    case Status::kReady: return true;
    case Status::kPaused: return stores_ != thread.stores_at_pause;
    case Status::kAwaiting:
      return threads_[thread.awaited].status >= Status::kEnded;
    case Status::kAsleep:
    case Status::kEnded:
    case Status::kDead: return false;
  }
  return false;
}

// Right after a step of its own; or after another woke it: a wake-up can be
// wasted on the dead.
bool Engine::MayDieNow(int index) const {
  const Thread& thread = threads_[index];
  return deaths_left_ > 0 && SpecOf(index).can_die && thread.steps > 0 &&
         (index == last_run_ || thread.is_woken);
}

// All wait: whoever polls looks again, and sees the newest. Stores do become
// visible in finite time.
bool Engine::WakeTheWaiting() {
  bool is_anyone = false;
  for (int i = 0; i < thread_count_; ++i) {
    Thread& thread = threads_[i];
    if (thread.status != Status::kPaused) continue;
    if (!thread.paused_by_library && thread.fruitless >= kFruitlessLooks) {
      continue;
    }
    thread.status = Status::kReady;
    thread.reads_newest = true;
    is_anyone = true;
  }
  return is_anyone;
}

void Engine::Resume(int index) {
  Thread& thread = threads_[index];
  thread.status = Status::kReady;
  thread.is_woken = false;
  // It leaves where it stood. Else a step that teaches it nothing would lead to
  // the same state, and the search would end there as if it had been before.
  thread.observed = Mix(thread.observed, 1);
  running_ = index;
  last_run_ = index;
  current = this;
  thread.fiber.Resume();
  current = nullptr;
  running_ = -1;
  if (!thread.fiber.IsStackSound()) Fail("a thread overflowed its stack");
}

void Engine::Die(int index) {
  threads_[index].status = Status::kDead;
  --deaths_left_;
  ++tally_.deaths;
  Note({.thread = index, .what = "DIES"});
}

Ending Engine::Finish() {
  memory_.WriteBack();
  program_->finish();
  return has_failed_ ? Ending::kFailed : Ending::kFinished;
}

void Engine::Fail(std::string why) {
  if (has_failed_) return;
  has_failed_ = true;
  failure_ = std::move(why);
}

void Engine::Note(Event event) {
  if (trace_ != nullptr) trace_->Add(event);
}

// All that the future depends on: what each thread has learnt (threads are
// deterministic), what each may yet see, and what the race detector remembers.
// 64 bits of it: with 10^7 states two collide with probability 3 in 10^6.
std::uint64_t Engine::HashState() {
  Table<const View*, kMaxThreads> live;
  int live_count = 0;
  for (int i = 0; i < thread_count_; ++i) {
    const Thread& thread = threads_[i];
    if (thread.status < Status::kEnded) live[live_count++] = &thread.current;
  }
  memory_.StartHash({live.items, static_cast<std::size_t>(live_count)});
  auto hash = static_cast<std::uint64_t>(deaths_left_);
  if (options_.max_switches >= 0) {  // who goes on for free
    hash = Mix(hash, static_cast<std::uint64_t>(switches_left_));
    hash = Mix(hash, static_cast<std::uint64_t>(last_run_ + 1));
  }
  for (int i = 0; i < thread_count_; ++i) {
    const Thread& thread = threads_[i];
    hash = Mix(hash, thread.observed);
    hash = Mix(hash, static_cast<std::uint64_t>(thread.status));
    if (thread.status >= Status::kEnded) {
      if (awaits_ends_) {
        hash = Mix(hash, memory_.HashView(thread.current, thread_count_));
      }
      continue;
    }
    hash = Mix(hash, (thread.reads_newest ? 1u : 0u) |
                         (thread.is_woken ? 2u : 0u) |
                         (thread.paused_by_library ? 4u : 0u) |
                         (stores_ != thread.stores_at_pause ? 8u : 0u));
    hash = Mix(hash, static_cast<std::uint64_t>(thread.fruitless));
    hash = Mix(hash, static_cast<std::uint64_t>(thread.spurious_left));
    hash = Mix(hash, memory_.HashView(thread.current, thread_count_));
    hash = Mix(hash, memory_.HashView(thread.released, thread_count_));
    if (uses_acquire_fence_) {
      hash = Mix(hash, memory_.HashJoined(thread.current, thread.pending,
                                          thread_count_));
    }
  }
  hash = Mix(hash, memory_.HashMessages(thread_count_));
  return Mix(hash, memory_.HashView(sequential_, thread_count_));
}

}  // namespace placid::model
