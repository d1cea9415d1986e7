// SPDX-License-Identifier: Apache-2.0
//
// Attendant: the second thread of a transfer. While the first does nothing but
// move bytes, it waits for the peer's death and for signals, sees to it that the
// name still leads here, and draws the progress line.
//
// The system tells it of a death and of a signal, so that it may sleep: it looks
// around once or twice a second for what nobody tells, and more often only where
// it draws, or where a death has no event.
//
// The first thread learns of it by News(), for which it is woken. It may sit in
// a read or a write that does not return (a quiet pipe, a full one): where that
// is no reason to stay, the attendant ends the program in its stead.
//
// Orders
//   edge   release          acquire          carries
//   news   Run: news        news: news       what the peer did before
//   place  SetPlace: place  SetPlace: place  what the first thread did before
#ifndef PLACID_SRC_CLI_ATTENDANT_H_
#define PLACID_SRC_CLI_ATTENDANT_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>

#include "cli/attended.h"
#include "cli/progress.h"
#include "cli/system.h"
#include "placid/base/atomic.h"
#include "placid/os/shared_object.h"

namespace placid::cli {

enum class News : std::uint32_t {
  kNone,
  kPeerDied,
  kPeerGaveUp,
  kInterrupted,
  kNameRemoved,  // nobody can come any more
};

class Attendant {
 public:
  // Both are called in the attendant's thread.
  struct Calls {
    // Ends the program because of some news.
    std::function<void(News)> end;
    // Says why, where that is no reason to end yet: a receiver is still writing
    // what has arrived, a sender waits for another receiver.
    std::function<void(News)> announce;
  };

  Attendant(Attended& attended, Progress& progress, Calls calls);
  Attendant(const Attendant&) = delete;
  Attendant& operator=(const Attendant&) = delete;
  ~Attendant() { Stop(); }

  // Comes back once its thread is at an end.
  void Stop();

  // Never kNone again once it is something else.
  [[nodiscard]] News news() const {
    return static_cast<News>(news_.load(kAcquire));  // sync: news (acquire)
  }

  // The first thread's: how many bytes have passed.
  void SetMoved(std::uint64_t bytes) {
    moved_.store(bytes, kRelaxed);  // sync: none, only shown
  }
  [[nodiscard]] std::uint64_t moved() const {
    return moved_.load(kRelaxed);  // sync: none, only shown
  }

  // Runs `io`, a system call that may take for ever. Does not come back if the
  // attendant ends the program meanwhile.
  template <typename Io>
  auto Blocking(Io&& io) {
    SetPlace(Place::kMoving, Place::kBlocked);
    auto result = std::forward<Io>(io)();
    SetPlace(Place::kBlocked, Place::kMoving);
    return result;
  }

 private:
  enum class Place : std::uint32_t {
    kMoving,     // between system calls: will see the news
    kBlocked,    // in one
    kAbandoned,  // in one, and will not come back
  };

  void SetPlace(Place from, Place to);
  // Whether the first thread was caught in a system call and stays there.
  bool Abandon();
  void Run();
  [[nodiscard]] News LookAround();
  void ActOn(News news);
  // How long nothing may happen before the next look.
  [[nodiscard]] std::chrono::milliseconds Patience(
      os::NativeHandle death) const;

  Attended& attended_;
  Progress& progress_;
  Calls calls_;
  bool is_peer_here_ = false;
  bool is_deserted_ = false;  // by a receiver that may have a successor
  int ticks_with_news_ = 0;
  Atomic<std::uint32_t> news_{0};
  Atomic<std::uint32_t> place_{0};
  Atomic<std::uint64_t> moved_{0};
  Atomic<std::uint32_t> is_stopping_{0};
  Bell bell_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_ATTENDANT_H_
