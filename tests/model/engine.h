// SPDX-License-Identifier: Apache-2.0
//
// Engine: runs one execution of a program, step by step.
//
// A step is one access to shared memory, or a seq_cst fence. A thread stands
// before its next step; the engine picks who takes theirs; whatever the thread
// then does up to its next step only it can see. Everything undecided (who,
// which message, whether it dies) is asked of the Chooser.
//
// Deaths. A thread dies before a step of its own, and it is enough to let it
// die right after its last one: nobody can tell how long it has been dead
// before they ask. It also dies in the middle of a copy.
#ifndef PLACID_TESTS_MODEL_ENGINE_H_
#define PLACID_TESTS_MODEL_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "tests/model/chooser.h"
#include "tests/model/fiber.h"
#include "tests/model/memory.h"
#include "tests/model/program.h"
#include "tests/model/site.h"
#include "tests/model/trace.h"

namespace placid::model {

struct Options {
  int deaths = 0;       // at most so many threads die in an execution
  int max_steps = 400;  // of one thread; more is taken for a livelock
  // At most so many switches away from a thread that could have gone on: the
  // context bound of Musuvathi and Qadeer (PLDI 2007). Negative: no bound.
  int max_switches = -1;
  int spurious_failures = 1;     // of weak compare-exchanges, for each thread
  std::size_t copy_granule = 8;  // bytes that a copy moves in one piece
  // The library's pauses mean "until someone stored"; else they mean nothing.
  bool are_pauses_fair = true;
  // Bounds of an exploration.
  bool cache = true;
  double seconds = 60;  // of the processor
  std::uint64_t max_executions = UINT64_MAX;
  std::uint64_t walks = 0;  // random executions, before the search
  std::uint64_t seed = 1;
  bool search = true;
  const Mutant* mutant = nullptr;
};

// What the executions of an exploration had in them.
struct Tally {
  std::uint64_t steps = 0;
  std::uint64_t deaths = 0;
  std::uint64_t stale_loads = 0;     // not the newest message
  std::uint64_t early_stores = 0;    // not to the end of modification order
  std::uint64_t stale_failures = 0;  // of compare-exchanges
  // The most by one thread in one execution.
  int thread_operations = 0;
};

enum class Ending : std::uint8_t {
  kFinished,
  kFailed,
  kSeen,     // went on from a state that another execution went on from
  kRelearn,  // learnt what all executions before should have known
};

class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Another program, or the same with another mutant: forgets all that was.
  void Load(const Program& program, const Options& options);

  // One execution. If `states` is given, ends where one of them comes up again.
  Ending Run(Chooser& chooser, std::unordered_set<std::uint64_t>* states,
             Trace* trace);

  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] const Tally& tally() const { return tally_; }
  [[nodiscard]] const std::set<std::string>& seen() const { return seen_; }
  [[nodiscard]] const std::vector<OrderUse>& uses() const { return uses_; }

  // The engine whose thread is running, or null.
  static Engine* Current();
  // The engine whose finish or thread is running, or null.
  static Engine* Active();

  // ---- The machine: called by the running thread

  std::uint64_t OnLoad(const void* at, std::size_t bytes, MemoryOrder, Site);
  void OnStore(void* at, std::size_t bytes, std::uint64_t value, MemoryOrder,
               Site);
  std::uint64_t OnRmw(void* at, std::size_t bytes, Rmw what,
                      std::uint64_t operand, MemoryOrder, Site);
  bool OnCompareExchange(void* at, std::size_t bytes, std::uint64_t& expected,
                         std::uint64_t desired, MemoryOrder success,
                         MemoryOrder failure, bool is_weak, Site);
  void OnFence(MemoryOrder, Site);
  bool OnBump(Site);
  void CopyIn(void* to, const void* from, std::size_t bytes, bool is_racy);
  void CopyOut(void* to, const void* from, std::size_t bytes, bool is_racy);

  void Pause(bool by_library);
  bool AwaitEnd(int thread, bool is_ordered);
  bool Sleep(const void* word, std::size_t bytes, std::uint64_t expected,
             std::uint32_t bits);
  int Wake(const void* word, int most, std::uint32_t bits);
  int BumpAndWake(void* word, int most);
  void FenceOthers(std::uint32_t threads);
  void Summarise(const void* data, std::size_t bytes, bool is_first);
  int ChooseOne(int count);
  void CountOperation();
  void Fail(std::string why);
  // Never comes back: the running thread is left as it stands.
  [[noreturn]] void Leave();
  void See(std::string what) { seen_.insert(std::move(what)); }

 private:
  enum class Status : std::uint8_t {
    kReady,
    kPaused,
    kAsleep,
    kAwaiting,
    kEnded,
    kDead,
  };
  struct Thread {
    Fiber fiber;
    Status status;
    View current;            // what it has seen
    View pending;            // what an acquire fence would add: read relaxed
    View released;           // what it had seen at its last release fence
    std::uint64_t observed;  // a hash of all that it ever learnt
    int steps;
    std::uint64_t stores_at_pause;
    bool paused_by_library;
    bool has_stepped;   // since its last pause
    bool reads_newest;  // woken because all waited: sees the newest now
    bool is_woken;      // from a futex, and has not run since
    int fruitless;      // pauses in a row while nobody stored
    const void* futex;
    int futex_location;
    std::uint32_t futex_bits;
    int awaited;
    int spurious_left;
    int operations;
  };

  static void RunThread(void* engine);

  // ---- Scheduling (on the scheduler's stack)
  Ending Schedule(std::unordered_set<std::uint64_t>* states);
  [[nodiscard]] bool IsEnabled(const Thread& thread) const;
  [[nodiscard]] bool MayDieNow(int thread) const;
  bool WakeTheWaiting();
  void Resume(int thread);
  void Die(int thread);
  Ending Finish();
  [[nodiscard]] std::uint64_t HashState();

  // ---- Steps (on a thread's stack)
  void BeforeStep();
  void AfterStep();
  void SwitchAway();
  [[noreturn]] void FailHere(std::string why);
  Thread& me() { return threads_[running_]; }
  [[nodiscard]] const ThreadSpec& SpecOf(int thread) const {
    return program_->threads[static_cast<std::size_t>(thread)];
  }
  int Locate(const void* at, std::size_t bytes);
  void Observe(std::uint64_t value) {
    me().observed = Mix(me().observed, value);
  }
  // The order that the mutant leaves of this one; notes that it was used.
  MemoryOrder Weakened(int site, Operation, MemoryOrder,
                       bool is_failure_order = false);
  [[nodiscard]] bool IsDropped(int site, Operation, MemoryOrder) const;
  void TakeIn(int location, const Message& message, MemoryOrder);
  Message& PutAfter(int location, int after, std::uint64_t value, MemoryOrder);
  std::uint64_t ReadMessage(int location, MemoryOrder, int site,
                            const char* what);
  void ApplyFence(Thread& thread, MemoryOrder);
  int WakeSleepers(const void* word, int most, std::uint32_t bits);
  void RecordAtomic(int location, bool is_write);
  void RecordPlain(int location, bool is_write);
  // Where a new message may go, newest place first: after which messages.
  int PlacesFor(int location, Table<int, kMaxMessages>& after);
  int Granules(const void* at, std::size_t bytes) const;
  void Note(Event event);

  const Program* program_ = nullptr;
  Options options_;
  Chooser* chooser_ = nullptr;
  Trace* trace_ = nullptr;

  Memory memory_;
  Table<Thread, kMaxThreads> threads_;
  int thread_count_ = 0;
  int running_ = -1;
  int last_run_ = -1;
  View sequential_;  // of seq_cst fences, in their one order
  std::uint64_t stores_ = 0;
  int deaths_left_ = 0;
  int switches_left_ = 0;
  bool has_failed_ = false;
  bool must_relearn_ = false;
  std::string failure_;

  // Facts about the program that make states coarser; one learnt late makes the
  // exploration start again.
  bool uses_acquire_fence_ = false;
  bool awaits_ends_ = false;

  Tally tally_;
  std::set<std::string> seen_;
  std::vector<OrderUse> uses_;
  std::vector<std::uint8_t> is_use_known_;  // by site: bits of (kind, order)
};

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_ENGINE_H_
