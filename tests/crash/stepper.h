// SPDX-License-Identifier: Apache-2.0
//
// Stepper: kills the victim of a scenario at every instruction, and the
// recoverers of what it leaves, and has each image checked. README.md says how.
#ifndef PLACID_TESTS_CRASH_STEPPER_H_
#define PLACID_TESTS_CRASH_STEPPER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tests/crash/play.h"
#include "tests/crash/stage.h"
#include "tests/crash/victim.h"

namespace placid::crash {

struct Options {
  // How far the second party advances at most while the victim stands still.
  int most_advanced = 3;
  // How many recoverers die, one after the other.
  int most_recoverers = 2;
  // Whether each image is also made by a real SIGKILL.
  bool do_kill = true;
  unsigned check_seconds = 20;
  // No operation takes as many instructions.
  std::size_t most_steps = 100'000;
};

struct Counts {
  std::uint64_t kill_points = 0;    // instructions after which somebody died
  std::uint64_t accesses = 0;       // those executed from access to access
  std::uint64_t images = 0;         // distinct: object and ledger
  std::uint64_t checks = 0;         // images recovered and used to the end
  std::uint64_t recoveries = 0;     // recoverers stepped
  std::uint64_t unrecoverable = 0;  // checks that failed
  std::uint64_t sigkills = 0;       // real ones
  std::uint64_t system_calls = 0;   // in the victims' operations
  double seconds = 0;

  Counts& operator+=(const Counts& more);
};

struct Failure {
  std::string what;   // the verdict
  std::string where;  // who died at which step, and who else did what
  std::uint64_t pc;   // of the instruction that made the image
  std::string image;  // how it differs from what was there before
};

class Stepper {
 public:
  Stepper(const Scenario& scenario, const Options& options)
      : scenario_(scenario), options_(options) {}

  // Steps through all of it.
  void Run();
  // Kills a freely running victim at random moments, so many times.
  void Soak(std::uint64_t kills, std::uint64_t seed);

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] const std::vector<Failure>& failures() const {
    return failures_;
  }
  // The keys of all images.
  [[nodiscard]] const std::unordered_set<std::string>& images() const {
    return images_;
  }

 private:
  // What one run of an actor came to: the images that differ from those right
  // before them, and the steps that were accesses to the object.
  struct Run_ {
    std::vector<Image> images;
    std::vector<std::size_t> accesses;
    std::vector<std::size_t> system_calls;
  };
  // How the second party advances in it: before step `stop`, so often.
  struct Course {
    Pace pace = Pace::kAccesses;
    std::size_t stop = 0;
    int advanced = 0;
  };

  std::unique_ptr<Play> Begin();
  std::unique_ptr<Victim> Spawn(Pace pace, Play& play);
  bool Advance(Play& play, int times);
  bool Perform(const Course& course, Run_& run);
  void StepActor(Victim& victim, const Image& start, Run_& run);
  bool BringTo(Victim& victim, std::size_t step);
  void CheckSamePaces(const Run_& by_instruction, const Run_& by_access);
  void CheckAll(Play& play, const Run_& run);
  void Check(Play& play, const Image& image, bool is_other_dead,
             const std::string& where, const Image& before);
  void CheckHere(Play& play, bool is_other_dead, const std::string& where,
                 const Image& image, const Image& before);
  void KillAt(Pace pace, const Image& image);
  void Recover(Play& play, const Image& image, int generation,
               const std::string& history);
  void Report(std::string what, std::string where, const Image& image,
              const Image& before);
  bool IsNew(const Image& image);

  const Scenario& scenario_;
  const Options options_;
  Counts counts_;
  std::vector<Failure> failures_;
  std::unordered_set<std::string> images_;
  std::unordered_set<std::string> checked_;
  std::set<std::pair<int, std::vector<std::byte>>> recovered_;
  std::set<int> stepped_generations_;
  Image first_;  // after SetUp
};

}  // namespace placid::crash

#endif  // PLACID_TESTS_CRASH_STEPPER_H_
