// SPDX-License-Identifier: Apache-2.0
//
// Steps: what a thread's accesses mean, on the thread's own stack.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "tests/model/engine.h"

namespace placid::model {
namespace {

bool Acquires(MemoryOrder order) {
  return order == std::memory_order_acquire ||
         order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst ||
         order == std::memory_order_consume;
}
bool Releases(MemoryOrder order) {
  return order == std::memory_order_release ||
         order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

std::uint64_t Truncated(std::uint64_t value, std::size_t bytes) {
  return bytes >= 8 ? value : value & ((std::uint64_t{1} << (8 * bytes)) - 1);
}

}  // namespace

// ---- Common to all steps

void Engine::BeforeStep() {
  ++tally_.steps;
  me().has_stepped = true;
  if (++me().steps > options_.max_steps) {
    FailHere(
        "more than Options::max_steps steps: a livelock, or an unbounded "
        "loop");
  }
  SwitchAway();
}

void Engine::AfterStep() {
  if (deaths_left_ > 0 && SpecOf(running_).can_die &&
      chooser_->Choose(2, Kind::kDeath) == 1) {
    Die(running_);
    Leave();
  }
}

void Engine::SwitchAway() {
  me().fiber.Yield();
  if (has_failed_) Leave();
}

void Engine::Leave() {
  me().fiber.Yield();
  std::abort();  // nobody resumes it
}

void Engine::FailHere(std::string why) {
  Fail(std::move(why));
  Leave();
}

int Engine::Locate(const void* at, std::size_t bytes) {
  const int location = memory_.Find(at, bytes);
  if (location < 0) FailHere(memory_.error());
  return location;
}

MemoryOrder Engine::Weakened(int site, Operation operation, MemoryOrder order,
                             bool is_failure_order) {
  const OrderUse use{site, is_failure_order, operation, order};
  const auto index = static_cast<std::size_t>(site);
  if (is_use_known_.size() <= index) is_use_known_.resize(index + 1);
  const auto bit = static_cast<std::uint8_t>(is_failure_order ? 2 : 1);
  if ((is_use_known_[index] & bit) == 0 ||
      std::find(uses_.begin(), uses_.end(), use) == uses_.end()) {
    is_use_known_[index] |= bit;
    uses_.push_back(use);
  }
  const Mutant* mutant = options_.mutant;
  if (mutant != nullptr && !mutant->is_dropped && mutant->use == use) {
    return mutant->weaker;
  }
  return order;
}

bool Engine::IsDropped(int site, Operation operation, MemoryOrder order) const {
  const Mutant* mutant = options_.mutant;
  return mutant != nullptr && mutant->is_dropped &&
         mutant->use == OrderUse{site, false, operation, order};
}

void Engine::TakeIn(int location, const Message& message, MemoryOrder order) {
  View& view = me().current;
  view.seen[location] = std::max(view.seen[location], message.at);
  (Acquires(order) ? view : me().pending).Join(message.view, memory_.size());
}

Message& Engine::PutAfter(int location, int after, std::uint64_t value,
                          MemoryOrder order) {
  if (after != memory_[location].count - 1) ++tally_.early_stores;
  Message* message = memory_.Insert(location, after, value);
  if (message == nullptr) FailHere(memory_.error());
  me().current.seen[location] = message->at;
  message->view = Releases(order) ? me().current : me().released;
  message->view.seen[location] = message->at;
  ++stores_;
  return *message;
}

int Engine::PlacesFor(int location, Table<int, kMaxMessages>& after) {
  const Location& at = memory_[location];
  const Timestamp seen = me().current.seen[location];
  int count = 0;
  for (int i = at.count - 1; i >= 0; --i) {
    const Message& message = at.messages[i];
    if (message.at < seen) break;
    if (!message.is_followed) after[count++] = i;
  }
  return count;
}

void Engine::RecordAtomic(int location, bool is_write) {
  if (!memory_[location].is_plain) return;
  const int other = memory_.Record(
      location, is_write ? Access::kAtomicWrite : Access::kAtomicRead, running_,
      me().current);
  if (other < 0) return;
  FailHere("data race: an atomic access, and a plain one by " +
           SpecOf(other).name);
}

void Engine::RecordPlain(int location, bool is_write) {
  if (!memory_.MarkPlain(location)) must_relearn_ = true;
  const int other = memory_.Record(
      location, is_write ? Access::kPlainWrite : Access::kPlainRead, running_,
      me().current);
  if (other < 0) return;
  FailHere(std::string("data race: a plain ") + (is_write ? "write" : "read") +
           ", and an access by " + SpecOf(other).name);
}

// ---- Atomic accesses

std::uint64_t Engine::ReadMessage(int location, MemoryOrder order, int site,
                                  const char* what) {
  RecordAtomic(location, /*is_write=*/false);
  Location& at = memory_[location];
  int choices = at.count - memory_.OldestReadable(location, me().current);
  if (me().reads_newest) choices = 1;
  const int back = chooser_->Choose(choices, Kind::kMessage);
  if (back > 0) ++tally_.stale_loads;
  const Message& message = at.messages[at.count - 1 - back];
  TakeIn(location, message, order);
  Observe(message.value);
  Note({.thread = running_,
        .what = what,
        .at = reinterpret_cast<const void*>(at.address),
        .has_value = true,
        .value = message.value,
        .remark = back > 0 ? "STALE" : "",
        .site = site,
        .order = static_cast<int>(order)});
  return message.value;
}

std::uint64_t Engine::OnLoad(const void* at, std::size_t bytes,
                             MemoryOrder order, Site where) {
  const int site = AllSites().Find(where);
  order = Weakened(site, Operation::kLoad, order);
  BeforeStep();
  if (order == std::memory_order_seq_cst) {
    FailHere("a seq_cst load: not modelled, use a fence");
  }
  const std::uint64_t value =
      ReadMessage(Locate(at, bytes), order, site, "load");
  AfterStep();
  return value;
}

void Engine::OnStore(void* to, std::size_t bytes, std::uint64_t value,
                     MemoryOrder order, Site where) {
  const int site = AllSites().Find(where);
  const bool is_dropped = IsDropped(site, Operation::kStore, order);
  order = Weakened(site, Operation::kStore, order);
  BeforeStep();
  if (order == std::memory_order_seq_cst) {
    FailHere("a seq_cst store: not modelled, use a fence");
  }
  const int location = Locate(to, bytes);
  Event event{.thread = running_,
              .what = "store",
              .at = to,
              .has_value = true,
              .value = value,
              .site = site,
              .order = static_cast<int>(order)};
  if (is_dropped) {
    event.remark = "LEFT OUT";
    Note(event);
    return AfterStep();
  }
  RecordAtomic(location, /*is_write=*/true);
  Table<int, kMaxMessages> after;
  const int choice =
      chooser_->Choose(PlacesFor(location, after), Kind::kMessage);
  const int place = after[choice];
  if (place != memory_[location].count - 1) event.remark = "EARLIER IN ORDER";
  Observe(Mix(2, value));
  PutAfter(location, place, value, order);
  Note(event);
  AfterStep();
}

std::uint64_t Engine::OnRmw(void* to, std::size_t bytes, Rmw what,
                            std::uint64_t operand, MemoryOrder order,
                            Site where) {
  const int site = AllSites().Find(where);
  order = Weakened(site, Operation::kRmw, order);
  BeforeStep();
  if (order == std::memory_order_seq_cst) {
    FailHere("a seq_cst RMW: not modelled, use a fence");
  }
  const int location = Locate(to, bytes);
  RecordAtomic(location, /*is_write=*/true);
  Table<int, kMaxMessages> after;
  const int choice =
      chooser_->Choose(PlacesFor(location, after), Kind::kMessage);
  const int place = after[choice];
  Message& read = memory_[location].messages[place];
  const std::uint64_t old = read.value;
  std::uint64_t value = operand;
  switch (what) {
    case Rmw::kExchange: break;
    case Rmw::kAdd: value = old + operand; break;
    case Rmw::kOr: value = old | operand; break;
    case Rmw::kAnd: value = old & operand; break;
  }
  value = Truncated(value, bytes);
  TakeIn(location, read, order);
  read.is_followed = true;
  // The release sequence goes on through RMWs (P0982).
  PutAfter(location, place, value, order).view.Join(read.view, memory_.size());
  Observe(Mix(3, old));
  Note({.thread = running_,
        .what = "rmw",
        .at = to,
        .has_value = true,
        .value = value,
        .has_old = true,
        .old = old,
        .remark = choice > 0 ? "EARLIER IN ORDER" : "",
        .site = site,
        .order = static_cast<int>(order)});
  AfterStep();
  return old;
}

bool Engine::OnCompareExchange(void* to, std::size_t bytes,
                               std::uint64_t& expected, std::uint64_t desired,
                               MemoryOrder success, MemoryOrder failure,
                               bool is_weak, Site where) {
  const int site = AllSites().Find(where);
  success = Weakened(site, Operation::kCompareExchange, success);
  failure = Weakened(site, Operation::kCompareExchange, failure,
                     /*is_failure_order=*/true);
  BeforeStep();
  if (success == std::memory_order_seq_cst ||
      failure == std::memory_order_seq_cst) {
    FailHere("a seq_cst compare-exchange: not modelled, use a fence");
  }
  const int location = Locate(to, bytes);
  RecordAtomic(location, /*is_write=*/true);
  Location& at = memory_[location];
  // What it may find: a message it may swap, or a newer one, or a stale one
  // that makes it fail; a weak one also fails without cause.
  struct Option {
    int message;
    bool swaps;
  };
  Table<Option, 2 * kMaxMessages> options;
  int count = 0;
  const int oldest = memory_.OldestReadable(location, me().current);
  for (int i = at.count - 1; i >= oldest; --i) {
    const Message& message = at.messages[i];
    if (message.value != expected) {
      if (i == at.count - 1 || !me().reads_newest) {
        options[count++] = {i, false};
      }
      continue;
    }
    if (!message.is_followed) {
      options[count++] = {i, true};
    }
    if (is_weak && me().spurious_left > 0) {
      options[count++] = {i, false};
    }
  }
  if (count == 0) FailHere("a compare-exchange with nothing to find");
  const Option option = options[chooser_->Choose(count, Kind::kMessage)];
  Message& read = at.messages[option.message];
  const bool is_newest = option.message == at.count - 1;
  Event event{.thread = running_,
              .what = option.swaps ? "cas" : "cas fails",
              .at = to,
              .has_value = true,
              .value = option.swaps ? desired : read.value,
              .has_old = option.swaps,
              .old = read.value,
              .remark = is_newest ? "" : "STALE",
              .site = site,
              .order = static_cast<int>(option.swaps ? success : failure)};
  if (!option.swaps) {
    if (!is_newest) ++tally_.stale_failures;
    if (read.value == expected) {
      --me().spurious_left;
      event.remark = "SPURIOUSLY";
    }
    expected = read.value;
    TakeIn(location, read, failure);
    Observe(Mix(4, read.value));
    Note(event);
    AfterStep();
    return false;
  }
  TakeIn(location, read, success);
  read.is_followed = true;
  PutAfter(location, option.message, desired, success)
      .view.Join(read.view, memory_.size());
  Observe(Mix(5, expected));
  Note(event);
  AfterStep();
  return true;
}

void Engine::OnFence(MemoryOrder order, Site where) {
  const int site = AllSites().Find(where);
  order = Weakened(site, Operation::kFence, order);
  if (order == std::memory_order_seq_cst) BeforeStep();
  ApplyFence(me(), order);
  Observe(Mix(6, static_cast<std::uint64_t>(order)));
  Note({.thread = running_,
        .what = "fence",
        .site = site,
        .order = static_cast<int>(order)});
}

void Engine::ApplyFence(Thread& thread, MemoryOrder order) {
  if (Acquires(order)) {
    if (!uses_acquire_fence_) uses_acquire_fence_ = must_relearn_ = true;
    thread.current.Join(thread.pending, memory_.size());
  }
  // seq_cst fences have one order, and each has seen what those before it saw.
  // That is no happens-before edge: no clock moves.
  if (order == std::memory_order_seq_cst) {
    thread.current.JoinSeen(sequential_, memory_.size());
    sequential_.seen = thread.current.seen;
  }
  if (Releases(order)) thread.released = thread.current;
}

// No step: nobody else sees it before the store that it goes into.
bool Engine::OnBump(Site where) {
  const int site = AllSites().Find(where);
  const MemoryOrder order =
      Weakened(site, Operation::kBump, std::memory_order_relaxed);
  return !IsDropped(site, Operation::kBump, order);
}

void Engine::CountOperation() {
  tally_.thread_operations =
      std::max(tally_.thread_operations, ++me().operations);
}

}  // namespace placid::model
