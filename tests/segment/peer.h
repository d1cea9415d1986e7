// SPDX-License-Identifier: Apache-2.0
//
// What another process (tests/support/peer.h) can do to segments, and the words
// of their bytes that it and we talk through.
#ifndef PLACID_TESTS_SEGMENT_PEER_H_
#define PLACID_TESTS_SEGMENT_PEER_H_

#include <cstddef>
#include <cstdint>
#include <iostream>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "placid/base/atomic.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/futex.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/spsc_ring.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/liveness.h"
#include "placid/segment/membership.h"
#include "placid/segment/monitor.h"
#include "placid/segment/rendezvous.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_reader.h"
#include "tests/segment/serving.h"

namespace placid::testing {

// ---- Words ------------------------------------------------------------------

inline constexpr std::size_t kWords = 512;
inline constexpr std::uint64_t kSegmentBytes = kWords * sizeof(std::uint64_t);
// Of a segment: its creator's token, first and last of all that is placed, and
// from the first on, by row, how often an owner's recovery was begun.
inline constexpr std::size_t kFirstToken = 0;
inline constexpr std::size_t kLastToken = kWords - 1;
// How often anybody has joined to churn, and whether to end that.
inline constexpr std::size_t kJoins = kWords - 3;
inline constexpr std::size_t kStop = kWords - 2;
// Of a board: whose token is being placed, how many ever were, and how often
// anybody began to create.
inline constexpr std::size_t kPlacing = 0;
inline constexpr std::size_t kPlacings = 1;
inline constexpr std::size_t kBeginnings = 2;

using Word = Atomic<std::uint64_t>;

inline std::uint64_t LoadWord(std::span<const std::byte> bytes,
                              std::size_t index) {
  const auto* const words = reinterpret_cast<const Word*>(bytes.data());
  return words[index].load(kAcquire);  // sync: word (acquire)
}
inline void StoreWord(std::span<std::byte> bytes, std::size_t index,
                      std::uint64_t value) {
  auto* const words = reinterpret_cast<Word*>(bytes.data());
  words[index].store(value, kRelease);  // sync: word (release)
}
inline void CountUp(std::span<std::byte> bytes, std::size_t index) {
  auto* const words = reinterpret_cast<Word*>(bytes.data());
  words[index].fetch_add(1, kAcqRel);  // sync: word (acq_rel)
}

// ---- Objects of others -------------------------------------------------------

// The first bytes of one are its maker's, then we may place what we like.
inline constexpr std::size_t kForeignBytes = 4096;
using ForeignRing = SpscRing<std::uint64_t, 64>;

// ---- Asking -----------------------------------------------------------------

// Nobody waits so long, unless a test fails.
inline constexpr std::int64_t kLongMs = 60'000;

inline std::string Words(std::string_view what, std::uint64_t number) {
  return std::string(what) + ' ' + std::to_string(number);
}
// A step that several begin at once, as far as that can be had.
inline std::string AtOnce(const std::string& step) {
  constexpr std::int64_t kSoonNs = 20'000'000;
  static std::int64_t begin = 0;
  if (begin < os::MonotonicNow()) begin = os::MonotonicNow() + kSoonNs;
  return "at " + std::to_string(begin) + ' ' + step;
}
// Waits until others have brought a word there; false: they never do.
inline bool AwaitWord(std::span<const std::byte> bytes, std::size_t index,
                      std::uint64_t least) {
  const std::int64_t end = os::MonotonicNow() + kLongMs * 1'000'000;
  while (LoadWord(bytes, index) < least) {
    if (os::MonotonicNow() >= end) return false;
    std::this_thread::yield();
  }
  return true;
}

// ---- Steps ------------------------------------------------------------------

inline CreateSegmentOptions OptionsFor(std::uint64_t rows) {
  CreateSegmentOptions options;
  options.size_bytes = kSegmentBytes;
  options.participants = rows;
  options.patience_ms = kLongMs;
  return options;
}

// It holds one segment, one membership and one monitor of it, one reader, and
// one board. An error is answered by its code's words ("not found").
class SegmentSteps {
 public:
  static constexpr std::uint64_t kRows = 8;

  //   create NAME TOKEN          created ID
  //   open_or_create NAME TOKEN  created ID | opened ID
  //   open NAME                  opened ID
  //   read WORD                  VALUE
  //   is_retired                 yes | no
  //   check                      whole
  //   close                      closed
  //   write WORD VALUE           written
  //   unlink NAME                unlinked
  //   join                       ID
  //   leave                      left
  //   recover                    COUNT
  //   churn                      churned    joins, recovers and leaves, until
  //                                         it is told to stop
  //   watch                      watching   from now on
  //   await_death                ROW        the first of those reported
  //   look ROW                   dead | busy | not found
  //   board NAME                 opened ID  whoever places, shows it there
  //   produce_foreign NAME N     closed     1 to N, in a ring in an object of
  //                                         that exact name
  //   serve                      serving    its segment, in a thread
  //   exit                       bye
  //
  // Before a step:
  //   lasting   create, and it stays until it is unlinked
  //   reader    open, read, is_retired, check and close are of the reader
  //   pausing   where it places or recovers it first answers "placing" or
  //             "recovering", and waits for a line
  //   at NS     begins at that time of MonotonicNow
  //   served    create, open_or_create (which serves what it made) and open
  //             are of a rendezvous
  std::string Do(const std::string& step) {
    std::istringstream words(step);
    bool is_of_reader = false;
    bool is_served = false;
    is_pausing_ = false;
    is_lasting_ = false;
    std::string verb;
    while (words >> verb) {
      if (verb == "at") {
        const auto begin = Next<std::int64_t>(words);
        while (os::MonotonicNow() < begin) std::this_thread::yield();
      } else if (verb == "pausing") {
        is_pausing_ = true;
      } else if (verb == "lasting") {
        is_lasting_ = true;
      } else if (verb == "reader") {
        is_of_reader = true;
      } else if (verb == "served") {
        is_served = true;
      } else {
        break;
      }
    }
    if (is_served) return DoServed(is_of_reader, verb, words);
    if (is_of_reader) {
      return DoAttached(reader_, verb, words).value_or("no step of a reader");
    }
    if (auto done = DoAttached(segment_, verb, words)) return *done;
    return DoVerb(verb, words);
  }

 private:
  template <typename T>
  static T Next(std::istream& words) {
    T value{};
    words >> value;
    return value;
  }
  static os::Name NextName(std::istream& words) {
    return *os::Name::Parse(Next<std::string>(words));
  }
  static std::string WordsOf(const Error& error) {
    return std::string(ToString(error.code));
  }

  // What a segment and a reader have in common.
  template <typename Attached>
  static std::optional<std::string> DoAttached(Attached& held,
                                               const std::string& verb,
                                               std::istream& words) {
    if (verb == "open") {
      OpenSegmentOptions options;
      options.patience_ms = kLongMs;
      return Hold(Attached::Open(NextName(words), options), held, "opened ");
    }
    if (verb == "read") {
      return std::to_string(LoadWord(held.bytes(), Next<std::size_t>(words)));
    }
    if (verb == "is_retired") return held.IsRetired() ? "yes" : "no";
    if (verb == "check") {
      const auto checked = held.Check();
      return checked ? "whole" : WordsOf(checked.error());
    }
    if (verb == "close") {
      held = Attached();
      return "closed";
    }
    return std::nullopt;
  }

  std::string DoVerb(const std::string& verb, std::istream& words) {
    if (verb == "create" || verb == "open_or_create") {
      const os::Name name = NextName(words);
      const CreateSegmentOptions options = Placing(Next<std::uint64_t>(words));
      if (!board_.bytes().empty()) CountUp(board_.bytes(), kBeginnings);
      auto made = verb == "create" ? Segment::Create(name, options)
                                   : Segment::OpenOrCreate(name, options);
      const bool is_creator = made && made->was_created();
      return Hold(std::move(made), segment_,
                  is_creator ? "created " : "opened ");
    }
    if (verb == "board") {
      return Hold(Segment::Open(NextName(words)), board_, "opened ");
    }
    if (verb == "write") {
      const auto index = Next<std::size_t>(words);
      StoreWord(segment_.bytes(), index, Next<std::uint64_t>(words));
      return "written";
    }
    if (verb == "unlink") {
      const auto unlinked = Segment::Unlink(NextName(words), kLongMs);
      return unlinked ? "unlinked" : WordsOf(unlinked.error());
    }
    if (verb == "join") {
      auto joined = Membership::Join(segment_, {.recover = Recovering()});
      if (!joined) return WordsOf(joined.error());
      member_ = *std::move(joined);
      return std::to_string(member_.id().word());
    }
    if (verb == "leave") {
      member_ = Membership();
      return "left";
    }
    if (verb == "recover") {
      const auto count = member_.RecoverDead(segment_, Recovering());
      return count ? std::to_string(*count) : WordsOf(count.error());
    }
    if (verb == "churn") {
      constexpr int kRecoveries = 16;  // or it would hardly ever be joined
      const std::int64_t end = os::MonotonicNow() + kLongMs * 1'000'000;
      while (LoadWord(segment_.bytes(), kStop) == 0 &&
             os::MonotonicNow() < end) {
        const std::string joined = DoVerb("join", words);
        if (!member_.is_joined()) return joined;
        CountUp(segment_.bytes(), kJoins);
        for (int i = 0; i < kRecoveries; ++i) {
          const auto count = member_.RecoverDead(segment_, Recovering());
          if (!count) return WordsOf(count.error());
        }
        member_ = Membership();
      }
      return "churned";
    }
    if (verb == "watch") {
      monitor_ = Monitor::Make().value();
      return monitor_.Poll(segment_).empty() ? "watching" : "a death";
    }
    if (verb == "await_death") {
      const auto deaths = monitor_.Wait(segment_, kLongMs);
      return deaths.empty() ? "none" : std::to_string(deaths.front().index());
    }
    if (verb == "look") {
      const auto death = ProveDeath(segment_, Next<std::uint64_t>(words));
      return death ? "dead" : WordsOf(death.error());
    }
    if (verb == "produce_foreign") {
      const auto object = os::SharedObject::Open(
          *os::Name::Raw(Next<std::string>(words)), os::Access::kReadWrite);
      if (!object) return WordsOf(object.error());
      const auto mapping = *object->Map();
      auto producer =
          *ForeignRing::Attach(mapping.bytes().subspan(kForeignBytes))
               ->ClaimProducer();
      const auto count = Next<std::uint64_t>(words);
      for (std::uint64_t i = 1; i <= count; ++i) (void)producer.TryPush(i);
      producer.Close();
      return "closed";
    }
    if (verb == "serve") {
      auto rendezvous = Rendezvous::Serve(segment_);
      if (!rendezvous) return WordsOf(rendezvous.error());
      serving_.emplace(*std::move(rendezvous), segment_);
      return "serving";
    }
    if (verb == "exit") return "bye";
    return "no such step: " + verb;
  }

  // What is of a rendezvous.
  std::string DoServed(bool is_of_reader, const std::string& verb,
                       std::istream& words) {
    const os::Name name = NextName(words);
    OpenSegmentOptions options;
    options.patience_ms = kLongMs;
    if (verb == "open" && is_of_reader) {
      return Hold(Rendezvous::OpenReader(name, options), reader_, "opened ");
    }
    serving_.reset();
    if (verb == "open") {
      return Hold(Rendezvous::Open(name, options), segment_, "opened ");
    }
    const CreateSegmentOptions placing = Placing(Next<std::uint64_t>(words));
    if (verb == "create") {
      return Hold(Rendezvous::Create(name, placing), segment_, "created ");
    }
    Rendezvous rendezvous;
    auto made = Rendezvous::OpenOrCreate(name, placing, rendezvous);
    const bool is_creator = made && made->was_created();
    std::string answer = Hold(std::move(made), segment_,
                              is_creator ? "created " : "opened ");
    if (is_creator) serving_.emplace(std::move(rendezvous), segment_);
    return answer;
  }

  template <typename Attached>
  static std::string Hold(Result<Attached> made, Attached& held,
                          const char* how) {
    if (!made) return WordsOf(made.error());
    held = *std::move(made);
    return how + std::to_string(held.id().word());
  }

  // Answers in the midst of a step.
  void PauseIfAsked(const char* answer) const {
    if (!is_pausing_) return;
    std::cout << answer << std::endl;
    std::string line;
    std::getline(std::cin, line);
  }

  CreateSegmentOptions Placing(std::uint64_t token) {
    CreateSegmentOptions options = OptionsFor(kRows);
    if (is_lasting_) options.lifetime = Lifetime::kUntilUnlinked;
    options.place = [this, token](std::span<std::byte> bytes) -> Result<void> {
      StoreWord(bytes, kFirstToken, token);
      if (!board_.bytes().empty()) {
        CountUp(board_.bytes(), kPlacings);
        StoreWord(board_.bytes(), kPlacing, token);
      }
      PauseIfAsked("placing");
      StoreWord(bytes, kLastToken, token);
      return Ok();
    };
    return options;
  }
  RecoverOwner Recovering() {
    return [this](const DeadOwner& dead) -> Result<void> {
      CountUp(segment_.bytes(), static_cast<std::size_t>(dead.id().index()));
      PauseIfAsked("recovering");
      return Ok();
    };
  }

  bool is_pausing_ = false;
  bool is_lasting_ = false;
  Segment board_;
  Segment segment_;
  Membership member_;
  Monitor monitor_;
  SegmentReader reader_;
  std::optional<Serving> serving_;  // of segment_
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_SEGMENT_PEER_H_
