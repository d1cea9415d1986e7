// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/stepper.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

namespace placid::crash {
namespace {

std::uint64_t Hash(const std::vector<std::byte>& bytes) {
  return std::hash<std::string_view>()(
      {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string Steps(Pace pace, std::size_t count) {
  return std::to_string(count) +
         (pace == Pace::kAccesses ? " accesses and notes" : " instructions");
}

std::string Where(const Image& image, Pace pace = Pace::kAccesses) {
  std::string text = "the victim died after " + Steps(pace, image.way.step);
  if (image.way.advanced > 0) {
    text += "; after " + std::to_string(image.way.from) +
            " of them the second party did " +
            std::to_string(image.way.advanced) +
            (image.way.advanced == 1 ? " operation" : " operations");
  }
  return text;
}

}  // namespace

Counts& Counts::operator+=(const Counts& more) {
  kill_points += more.kill_points;
  accesses += more.accesses;
  images += more.images;
  checks += more.checks;
  recoveries += more.recoveries;
  unrecoverable += more.unrecoverable;
  sigkills += more.sigkills;
  system_calls += more.system_calls;
  seconds += more.seconds;
  return *this;
}

void Stepper::Run() try {
  Run_ by_instruction;
  Perform({.pace = Pace::kInstructions}, by_instruction);
  Run_ by_access;
  Perform({}, by_access);
  CheckSamePaces(by_instruction, by_access);
  counts_.system_calls = by_instruction.system_calls.size();
  // What the kernel did may be in no byte: death before each call and after.
  for (const std::size_t step : by_instruction.system_calls) {
    for (const std::size_t at : {step, step + 1}) {
      const auto last = std::find_if(
          by_instruction.images.rbegin(), by_instruction.images.rend(),
          [at](const Image& image) { return image.way.step <= at; });
      Image image = *last;
      image.way.step = at;
      KillAt(Pace::kInstructions, image);
    }
  }
  for (const std::size_t stop : by_access.accesses) {
    for (int advanced = 1; advanced <= options_.most_advanced; ++advanced) {
      Run_ run;
      if (!Perform({.stop = stop, .advanced = advanced}, run)) return;
    }
  }
} catch (const std::string& what) {
  const Image here = Stage::Get().Save();
  Report("outside the victim: " + what, "nobody died yet", here, first_);
}

// The short cut that all other runs take leaves nothing out.
void Stepper::CheckSamePaces(const Run_& by_instruction,
                             const Run_& by_access) {
  const auto is_same = [](const Image& a, const Image& b) {
    return a.Key() == b.Key();
  };
  if (std::equal(by_instruction.images.begin(), by_instruction.images.end(),
                 by_access.images.begin(), by_access.images.end(), is_same)) {
    return;
  }
  Fail("from access to access it left " +
       std::to_string(by_access.images.size()) +
       " images, by instructions others: " +
       std::to_string(by_instruction.images.size()));
}

std::unique_ptr<Play> Stepper::Begin() {
  Stage& stage = Stage::Get();
  stage.Clear(scenario_.bytes);
  std::unique_ptr<Play> play = scenario_.make();
  Book().Speak(Who::kSetUp);
  play->SetUp(stage.Here());
  first_ = stage.Save();
  return play;
}

// False where the play has no second party.
bool Stepper::Advance(Play& play, int times) {
  Book().Speak(Who::kOther);
  for (int i = 0; i < times; ++i) {
    if (!play.Other(Stage::Get().Here())) return false;
  }
  return true;
}

std::unique_ptr<Victim> Stepper::Spawn(Pace pace, Play& play) {
  Stage& stage = Stage::Get();
  Book().Speak(Who::kVictim);
  return std::make_unique<Victim>(
      pace, [&] { play.Prepare(stage.Here()); },
      [&] { play.Act(stage.Here()); });
}

// Until the victim has made so many steps. False: it ended before.
bool Stepper::BringTo(Victim& victim, std::size_t step) {
  for (std::size_t i = 0; i < step; ++i) {
    if (!victim.Approach() || !victim.Execute()) return false;
  }
  return true;
}

// From where it stands to its end. `start` is what there is now and how the
// second party has got there.
void Stepper::StepActor(Victim& victim, const Image& start, Run_& run) {
  const Stage& stage = Stage::Get();
  run.images.push_back(start);
  std::size_t step = start.way.step;
  while (victim.Approach()) {
    if (victim.is_access()) {
      run.accesses.push_back(step);
      ++counts_.accesses;
    } else if (victim.IsSystemCall()) {
      run.system_calls.push_back(step);
    }
    const bool goes_on = victim.Execute();
    ++step;
    ++counts_.kill_points;
    if (stage.HasChangedSince(run.images.back())) {
      const Image& last = run.images.back();
      Image image = stage.Save();
      image.way = last.way;
      image.way.step = step;
      image.way.pc = victim.pc();
      run.images.push_back(std::move(image));
    }
    if (!goes_on) break;
    if (step > options_.most_steps) {
      Report("wedged: the operation did not end in " + std::to_string(step) +
                 " steps",
             Where(run.images.back()), run.images.back(), start);
      victim.Kill();
      return;
    }
  }
  if (!victim.why().empty()) {
    Report("the operation failed: " + victim.why(), Where(run.images.back()),
           run.images.back(), start);
  }
}

// One performance and all its checks. False: there is no second party.
bool Stepper::Perform(const Course& course, Run_& run) {
  Stage& stage = Stage::Get();
  const std::unique_ptr<Play> play = Begin();
  {
    const std::unique_ptr<Victim> victim = Spawn(course.pace, *play);
    if (!BringTo(*victim, course.stop)) {
      Fail("it did not come as far a second time: " + victim->why());
    }
    Image start = stage.Save();
    start.way.step = course.stop;
    start.way.from = course.stop;
    start.way.advanced = course.advanced;
    start.way.seen = course.advanced == 0 ? 0 : Hash(start.object);
    if (!Advance(*play, course.advanced)) return false;
    const Image::Way way = start.way;
    start = stage.Save();
    start.way = way;
    StepActor(*victim, start, run);
  }
  if (course.pace == Pace::kAccesses) CheckAll(*play, run);
  return true;
}

bool Stepper::IsNew(const Image& image) {
  const std::string key = image.Key();
  images_.insert(key);
  counts_.images = images_.size();
  return checked_
      .insert(key + std::to_string(image.way.seen) + "," +
              std::to_string(image.way.advanced))
      .second;
}

void Stepper::CheckAll(Play& play, const Run_& run) {
  std::vector<const Image*> fresh;
  for (const Image& image : run.images) {
    if (IsNew(image)) fresh.push_back(&image);
  }
  const Image* before = &first_;
  for (const Image* image : fresh) {
    Check(play, *image, /*is_other_dead=*/true, Where(*image), *before);
    if (!options_.do_kill) {
      Check(play, *image, /*is_other_dead=*/false, Where(*image), *before);
    }
    before = image;
  }
  // Of images that differ in the ledger alone the last is the strictest.
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    if (i + 1 == fresh.size() || fresh[i]->object != fresh[i + 1]->object) {
      Recover(play, *fresh[i], 1, Where(*fresh[i]));
    }
  }
  if (!options_.do_kill) return;
  for (const Image* image : fresh) KillAt(Pace::kAccesses, *image);
}

void Stepper::Check(Play& play, const Image& image, bool is_other_dead,
                    const std::string& where, const Image& before) {
  Stage::Get().Restore(image);
  CheckHere(play, is_other_dead, where, image, before);
}

// In a process of its own, with the second party as it is in this one.
void Stepper::CheckHere(Play& play, bool is_other_dead,
                        const std::string& where, const Image& image,
                        const Image& before) {
  Stage& stage = Stage::Get();
  ++counts_.checks;
  const std::string verdict = RunAside(
      [&] {
        Book().Speak(Who::kChecker);
        play.Check(stage.There(), is_other_dead);
      },
      options_.check_seconds);
  if (verdict.empty()) return;
  Report(verdict,
         where + (is_other_dead ? "; the second party is dead too" : ""), image,
         before);
}

// The same death once more and for real: nothing is restored, the survivors use
// what the dead process has left.
void Stepper::KillAt(Pace pace, const Image& image) {
  Stage& stage = Stage::Get();
  const std::unique_ptr<Play> play = Begin();
  {
    const std::unique_ptr<Victim> victim = Spawn(pace, *play);
    if (!BringTo(*victim, image.way.from) ||
        !Advance(*play, image.way.advanced) ||
        !BringTo(*victim, image.way.step - image.way.from)) {
      Fail("it could not be killed where it had been seen");
    }
    victim->Kill();
    ++counts_.sigkills;
  }
  if (stage.HasChangedSince(image)) {
    Report(
        "killed at the same instruction, it left other bytes: the operation "
        "is not deterministic",
        Where(image, pace), stage.Save(), image);
    return;
  }
  CheckHere(*play, /*is_other_dead=*/false, Where(image, pace) + ", by SIGKILL",
            image, first_);
}

// The victim's successor is the victim now.
void Stepper::Recover(Play& play, const Image& image, int generation,
                      const std::string& history) {
  if (generation > options_.most_recoverers) return;
  if (!recovered_.insert({generation, image.object}).second) return;
  Stage& stage = Stage::Get();
  stage.Restore(image);
  ++counts_.recoveries;
  Run_ run;
  // The first of each generation instruction by instruction.
  const bool is_first = stepped_generations_.insert(generation).second;
  const Pace pace = is_first ? Pace::kInstructions : Pace::kAccesses;
  {
    Book().Speak(generation == 1 ? Who::kRecoverer : Who::kSecondRecoverer);
    Victim victim(
        pace, [] {}, [&] { play.Recover(stage.There()); });
    Image start = image;
    start.way.step = 0;
    StepActor(victim, start, run);
  }
  const std::string where =
      history + "; recoverer " + std::to_string(generation) + " died after ";
  const Image* before = &image;
  for (std::size_t i = 0; i < run.images.size(); ++i) {
    const Image& next = run.images[i];
    if (!IsNew(next)) continue;
    for (const bool is_other_dead : {false, true}) {
      // Of the many that a second recoverer leaves, each in one way.
      if (generation > 1 && is_other_dead == (images_.size() % 2 == 0))
        continue;
      Check(play, next, is_other_dead, where + Steps(pace, next.way.step),
            *before);
    }
    before = &next;
    if (i + 1 == run.images.size() || next.object != run.images[i + 1].object) {
      Recover(play, next, generation + 1, where + Steps(pace, next.way.step));
    }
  }
}

void Stepper::Report(std::string what, std::string where, const Image& image,
                     const Image& before) {
  ++counts_.unrecoverable;
  constexpr std::size_t kMostKept = 20;
  if (failures_.size() == kMostKept) return;
  failures_.push_back({std::move(what), std::move(where), image.way.pc,
                       Difference(before.object, image.object)});
}

}  // namespace placid::crash
