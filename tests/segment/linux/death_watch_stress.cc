// SPDX-License-Identifier: Apache-2.0
//
// No false death: members of two segments are stopped, killed, and leave and
// come back, under more load than there are processors, while one watches the
// first segment with pidfds and another the second without. Each death is told
// once by both, and nobody who lives is ever called dead.
//
// PLACID_DEATH_WATCH_SECONDS: for how long (2).
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "placid/os/futex.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/primitives/owner_id.h"
#include "placid/segment/liveness.h"
#include "placid/segment/membership.h"
#include "placid/segment/monitor.h"
#include "placid/segment/participants.h"
#include "placid/segment/segment.h"
#include "tests/os/linux/deny.h"
#include "tests/support/child.h"
#include "tests/support/scratch.h"
#include "tests/support/seed.h"

namespace placid {
namespace {

using placid::testing::Child;
using placid::testing::DrawSeed;
using placid::testing::TwoViews;

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::size_t kWatches = 2;  // with pidfds, and without
constexpr std::size_t kMembers = 12;
constexpr std::size_t kRows = 32;
constexpr std::size_t kMostTimes = std::size_t{1} << 17;

std::int64_t Seconds() {
  const char* given = std::getenv("PLACID_DEATH_WATCH_SECONDS");
  return given != nullptr ? std::atoll(given) : 2;
}

// What all processes see. All zero is its beginning.
struct Table {
  struct Seat {
    // Of its member in either segment; 0 while it is coming or going.
    std::array<std::atomic<std::uint64_t>, kWatches> ids;
    std::atomic<std::uint32_t> must_leave;  // until it has come back
  };
  // Whose row it was when the director killed it.
  struct Doom {
    std::atomic<std::uint64_t> id;
    std::atomic<std::int64_t> when_ns;
  };
  struct Watch {
    std::array<Doom, kRows + 1> dooms;  // by row
    std::atomic<std::uint64_t> noticed;
    std::atomic<std::uint64_t> looks;
    std::atomic<std::uint64_t> false_deaths;
    std::array<std::atomic<std::int64_t>, kMostTimes> times_ns;
  };
  std::array<Seat, kMembers> seats;
  std::array<Watch, kWatches> watches;
  std::atomic<std::uint32_t> is_over;
};

using Names = std::array<os::Name, kWatches>;

// A child's life: as long as the test's, however that ends.
void LiveAsLongAsTheTest() {
  ::alarm(0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
}

// Joins both segments, and again whenever it is told to leave.
void TakePart(Table::Seat& seat, const Names& names) {
  for (;;) {
    std::array<Segment, kWatches> segments;
    std::array<Membership, kWatches> memberships;
    for (std::size_t i = 0; i < kWatches; ++i) {
      segments[i] = *Segment::Open(names[i]);
      memberships[i] = *Membership::Join(segments[i]);
    }
    for (std::size_t i = 0; i < kWatches; ++i) {
      seat.ids[i] = memberships[i].id().word();
    }
    seat.must_leave = 0;
    while (seat.must_leave == 0) ::usleep(1000);
    for (auto& id : seat.ids) id = 0;
  }
}

// Watches one segment until all is over.
class Watcher {
 public:
  Watcher(Table& table, std::size_t which, const os::Name& name)
      : table_(table),
        watch_(table.watches.at(which)),
        which_(which),
        segment_(*Segment::Open(name)) {}

  void Run() {
    auto self = *Membership::Join(segment_);
    auto monitor = *Monitor::Make();
    while (table_.is_over == 0) {
      for (const ProofOfDeath& death : monitor.Wait(segment_, 50)) {
        const RowState state(death.state());
        Hear(*OwnerId::Of(death.index(), state.generation()));
      }
      LookAround();
      // Its row is needed again. Who died since the Wait is heard of here.
      const auto recovered = self.RecoverDead(
          segment_, [this](const DeadOwner& dead) -> Result<void> {
            Hear(dead.id());
            return Ok();
          });
      EXPECT_TRUE(recovered);
    }
  }

 private:
  void Hear(OwnerId owner) {
    const std::int64_t now_ns = os::MonotonicNow();
    if (heard_.at(owner.index()) == owner.word()) return;
    heard_.at(owner.index()) = owner.word();
    const Table::Doom& doom = watch_.dooms.at(owner.index());
    if (doom.id != owner.word()) {
      return Cry("was told of the death of", owner.word());
    }
    const std::uint64_t number = watch_.noticed++;
    watch_.times_ns.at(number % kMostTimes) = now_ns - doom.when_ns;
  }

  void LookAround() {
    for (const Table::Seat& seat : table_.seats) {
      const std::uint64_t id = seat.ids.at(which_);
      if (id == 0) continue;
      const OwnerId owner = *OwnerId::FromWord(id);
      const os::Liveness liveness = LookAt(segment_, owner);
      ++watch_.looks;
      // It is neither leaving nor doomed even now, so it was not.
      if (liveness != os::Liveness::kAlive && seat.ids.at(which_) == id &&
          watch_.dooms.at(owner.index()).id != id) {
        Cry("took for dead", id);
      }
    }
  }

  void Cry(const char* how, std::uint64_t id) {
    ++watch_.false_deaths;
    std::printf("watch %zu %s member %#llx, which lives\n", which_, how,
                static_cast<unsigned long long>(id));
  }

  Table& table_;
  Table::Watch& watch_;
  std::size_t which_;
  Segment segment_;
  std::array<std::uint64_t, kRows + 1> heard_{};  // whom, by row
};

// Draws the members' lots.
class Director {
 public:
  Director(Table& table, const Names& names, std::uint64_t seed)
      : table_(table), names_(names), random_(seed) {
    for (std::size_t i = 0; i < kMembers; ++i) Start(i);
  }

  void Play(std::int64_t until_ns) {
    while (os::MonotonicNow() < until_ns) {
      ::usleep(static_cast<useconds_t>(random_() % 20'000));
      const std::size_t i = random_() % kMembers;
      switch (random_() % 10) {
        case 0: Kill(i); break;
        case 1: Leave(i); break;
        case 2:
        case 3:
        case 4: Stop(i); break;
        default: break;
      }
      GoOn(os::MonotonicNow());
    }
  }
  void KillAll() {
    for (std::size_t i = 0; i < kMembers; ++i) {
      while (!HasCome(i)) {
        GoOn(os::MonotonicNow());
        ::usleep(1000);
      }
      End(i);
    }
  }

  [[nodiscard]] std::uint64_t kills() const { return kills_; }
  [[nodiscard]] std::uint64_t stops() const { return stops_; }
  [[nodiscard]] std::uint64_t leaves() const { return leaves_; }

 private:
  struct Player {
    std::unique_ptr<Child> process;
    std::int64_t goes_on_ns = 0;  // 0: it runs
  };

  void Start(std::size_t i) {
    Table::Seat& seat = table_.seats.at(i);
    seat.must_leave = 1;  // until it has come
    players_.at(i) = {.process = std::make_unique<Child>([this, &seat] {
                        LiveAsLongAsTheTest();
                        TakePart(seat, names_);
                      })};
  }
  [[nodiscard]] bool HasCome(std::size_t i) const {
    return table_.seats.at(i).must_leave == 0;
  }
  void End(std::size_t i) {
    const std::int64_t now_ns = os::MonotonicNow();
    for (std::size_t which = 0; which < kWatches; ++which) {
      const std::uint64_t id = table_.seats.at(i).ids.at(which);
      auto& doom =
          table_.watches.at(which).dooms.at(OwnerId::FromWord(id)->index());
      doom.when_ns = now_ns;
      doom.id = id;
    }
    players_.at(i).process->Kill();
    for (auto& id : table_.seats.at(i).ids) id = 0;
    ++kills_;
  }

  // Running or stopped.
  void Kill(std::size_t i) {
    if (!HasCome(i)) return;
    End(i);
    Start(i);
  }
  void Leave(std::size_t i) {
    if (!HasCome(i)) return;
    table_.seats.at(i).must_leave = 1;
    ++leaves_;
  }
  // For some milliseconds or for seconds, wherever it is.
  void Stop(std::size_t i) {
    Player& player = players_.at(i);
    if (player.goes_on_ns != 0) return;
    const std::int64_t most_ns =
        random_() % 4 == 0 ? 4 * kSecondNs : 20'000'000;
    player.goes_on_ns = os::MonotonicNow() +
                        static_cast<std::int64_t>(
                            random_() % static_cast<std::uint64_t>(most_ns));
    player.process->Signal(SIGSTOP);
    ++stops_;
  }
  void GoOn(std::int64_t now_ns) {
    for (Player& player : players_) {
      if (player.goes_on_ns == 0 || player.goes_on_ns > now_ns) continue;
      player.goes_on_ns = 0;
      player.process->Signal(SIGCONT);
    }
  }

  Table& table_;
  const Names& names_;
  std::mt19937_64 random_;
  std::array<Player, kMembers> players_;
  std::uint64_t kills_ = 0;
  std::uint64_t stops_ = 0;
  std::uint64_t leaves_ = 0;
};

void Print(const char* how, const Table::Watch& watch) {
  std::vector<std::int64_t> times;
  const std::size_t count =
      (std::min)(static_cast<std::size_t>(watch.noticed), kMostTimes);
  for (std::size_t i = 0; i < count; ++i) times.push_back(watch.times_ns[i]);
  std::sort(times.begin(), times.end());
  const auto at = [&](std::size_t percent) {
    return times.empty() ? 0.0
                         : static_cast<double>(
                               times[(times.size() - 1) * percent / 100]) /
                               1e6;
  };
  std::printf(
      "%s: %zu deaths noticed, p50 %.2f ms, p99 %.2f ms, max %.2f ms; "
      "%llu looks at the living\n",
      how, times.size(), at(50), at(99), at(100),
      static_cast<unsigned long long>(watch.looks));
}

TEST(DeathWatchStress, WhoeverIsStoppedOrStarvedLives) {
  const TwoViews views(sizeof(Table));
  Table& table = *reinterpret_cast<Table*>(views.first().data());
  placid::testing::Scratch scratch;
  const Names names{scratch.NewName(), scratch.NewName()};
  std::vector<Segment> segments;
  for (const os::Name& name : names) {
    CreateSegmentOptions options;
    options.size_bytes = 4096;
    options.participants = kRows;
    segments.push_back(*Segment::Create(name, options));
  }

  const auto watch = [&](std::size_t which) {
    return std::make_unique<Child>([&table, &names, which] {
      LiveAsLongAsTheTest();
      if (which == 1) os::Deny(SYS_pidfd_open, EPERM);
      Watcher(table, which, names[which]).Run();
    });
  };
  const std::array watchers{watch(0), watch(1)};
  std::vector<std::unique_ptr<Child>> load;
  for (unsigned i = 0; i < 2 * std::thread::hardware_concurrency(); ++i) {
    load.push_back(std::make_unique<Child>([] {
      LiveAsLongAsTheTest();
      for (std::atomic<std::uint64_t> turns{0};;) ++turns;
    }));
  }

  Director director(table, names, DrawSeed());
  director.Play(os::MonotonicNow() + Seconds() * kSecondNs);
  director.KillAll();
  const auto has_heard_all = [&](const Table::Watch& of) {
    return of.noticed >= director.kills() || of.false_deaths != 0;
  };
  for (int i = 0; i < 30'000; ++i) {
    if (has_heard_all(table.watches[0]) && has_heard_all(table.watches[1])) {
      break;
    }
    ::usleep(1000);
  }
  table.is_over = 1;
  for (const auto& watcher : watchers) EXPECT_TRUE(watcher->EndsWell());

  std::printf("%llu kills, %llu stops, %llu leaves\n",
              static_cast<unsigned long long>(director.kills()),
              static_cast<unsigned long long>(director.stops()),
              static_cast<unsigned long long>(director.leaves()));
  Print("with pidfds", table.watches[0]);
  Print("without", table.watches[1]);
  for (const Table::Watch& of : table.watches) {
    EXPECT_EQ(of.false_deaths, 0u);
    EXPECT_EQ(of.noticed, director.kills());
    EXPECT_GT(of.looks, 0u);
  }
  EXPECT_GT(director.stops(), 0u);
  for (const os::Name& name : names) (void)Segment::Unlink(name);
}

}  // namespace
}  // namespace placid
