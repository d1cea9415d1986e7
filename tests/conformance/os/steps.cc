// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <istream>
#include <sstream>
#include <string>
#include <utility>

#include "peer.h"
#include "placid/base/error.h"
#include "placid/os/bell.h"
#include "placid/os/file_lock.h"
#include "placid/os/futex.h"
#include "placid/os/handover.h"
#include "placid/os/locked_mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "words.h"

namespace placid::os::conformance {

namespace {

std::string Words(const Error& error) {
  return std::string(ToString(error.code));
}

Name NextName(std::istream& words) {
  std::string text;
  words >> text;
  return *Name::Parse(text);
}

Access NextAccess(std::istream& words) {
  std::string text;
  words >> text;
  return text == "rw" ? Access::kReadWrite : Access::kReadOnly;
}

LockMode ModeOf(bool is_shared) {
  return is_shared ? LockMode::kShared : LockMode::kExclusive;
}

template <typename Number>
Number Next(std::istream& words) {
  Number number{};
  words >> number;
  return number;
}

}  // namespace

std::string Steps::Do(const std::string& step) {
  std::istringstream words(step);
  std::string verb;
  words >> verb;
  if (verb == "at") {
    const auto begin = Next<std::int64_t>(words);
    words >> verb;
    while (MonotonicNow() < begin) {
    }
  }
  return DoVerb(verb, words);
}

std::string Steps::DoVerb(const std::string& verb, std::istream& words) {
  if (verb == "create" || verb == "open_or_create") {
    const Name name = NextName(words);
    const auto size = Next<std::uint64_t>(words);
    auto object = verb == "create" ? SharedObject::Create(name, size)
                                   : SharedObject::OpenOrCreate(name, size);
    if (!object) return Words(object.error());
    object_ = std::move(*object);
    return object_.was_created() ? "created" : "opened";
  }
  if (verb == "open") {
    const Name name = NextName(words);
    auto object = SharedObject::Open(name, NextAccess(words));
    if (!object) return Words(object.error());
    object_ = std::move(*object);
    return "opened " + std::to_string(object_.size_bytes());
  }
  if (verb == "map") {
    auto mapping = object_.Map({.access = NextAccess(words)});
    if (!mapping) return Words(mapping.error());
    mapping_ = std::move(*mapping);
    return "mapped";
  }
  if (verb == "write") {
    const auto offset = Next<std::size_t>(words);
    StoreWord(mapping_, offset, Next<std::uint32_t>(words));
    return "written";
  }
  if (verb == "read") {
    return std::to_string(LoadWord(mapping_, Next<std::size_t>(words)));
  }
  if (verb == "close") {
    object_ = SharedObject();
    mapping_ = Mapping();
    return "closed";
  }
  if (verb == "lock" || verb == "share") {
    const Name name = NextName(words);
    const bool is_shared = verb == "share";
    auto lock =
        FileLock::TryLock(name, Next<std::uint32_t>(words), ModeOf(is_shared));
    if (!lock) return Words(lock.error());
    locks_.push_back(std::move(*lock));
    return is_shared ? "shared" : "locked";
  }
  if (verb == "map_locked" || verb == "map_shared") {
    const Name name = NextName(words);
    auto locked =
        LockedMapping::TryMap(object_, name, Next<std::uint32_t>(words),
                              ModeOf(verb == "map_shared"));
    if (!locked) return Words(locked.error());
    locked_.push_back(std::move(*locked));
    return "mapped";
  }
  if (verb == "probe") {
    const Name name = NextName(words);
    const auto state = FileLock::Probe(name, Next<std::uint32_t>(words));
    if (!state) return Words(state.error());
    if (*state == LockState::kShared) return "shared";
    return *state == LockState::kHeld ? "held" : "free";
  }
  if (verb == "unlock") {
    locks_.clear();
    locked_.clear();
    return "unlocked";
  }
  if (verb == "identity") {
    const auto self = ThisProcess();
    if (!self) return Words(self.error());
    std::ostringstream text;
    text << self->pid << ' ' << self->start_time << ' ' << self->boot_high
         << ' ' << self->boot_low;
    return text.str();
  }
  if (verb == "listen") {
    auto listener = HandoverListener::Listen(NextName(words));
    if (!listener) return Words(listener.error());
    listener_ = std::move(*listener);
    return "listening";
  }
  if (verb == "give") {
    const Access access = NextAccess(words);
    const auto given =
        listener_.GiveTo(object_, access, Next<std::int64_t>(words));
    return given ? "given" : Words(given.error());
  }
  if (verb == "receive") {
    const Name name = NextName(words);
    auto object = ReceiveHandover(name, Next<std::int64_t>(words));
    if (!object) return Words(object.error());
    object_ = std::move(*object);
    return "received " + std::to_string(object_.size_bytes());
  }
  if (verb == "offer") {
    const Gift gift{object_, NextAccess(words)};
    const auto offered = listener_.Offer({&gift, 1}, Next<std::int64_t>(words));
    if (!offered) return Words(offered.error());
    return *offered == Offered::kGiven    ? "given"
           : *offered == Offered::kNobody ? "nobody"
                                          : "lost";
  }
  if (verb == "take") {
    const Name name = NextName(words);
    const auto count = Next<std::size_t>(words);
    auto taken = TakeOffered(name, count, Next<std::int64_t>(words));
    if (!taken) return Words(taken.error());
    std::string answer = "took";
    for (SharedObject& object : *taken) {
      answer += ' ' + std::to_string(object.size_bytes());
      object_ = std::move(object);
    }
    return answer;
  }
  if (verb == "wake") {
    return std::to_string(
        FutexWake(mapping_.data() + Next<std::size_t>(words), 1));
  }
  if (verb == "bump") {
    const auto offset = Next<std::size_t>(words);
    const auto count = Next<int>(words);  // 0: all
    return std::to_string(FutexBumpAndWake(mapping_.data() + offset,
                                           count > 0 ? count : kAllSleepers));
  }
  if (verb == "bell") {
    auto bell = Bell::Make();
    if (!bell) return Words(bell.error());
    bell_ = std::move(*bell);
    return std::to_string(bell_.number());
  }
  if (verb == "ring") {
    return rope_.Ring(Next<std::uint64_t>(words)) ? "rang" : "nobody";
  }
  if (verb == "exit") return "bye";
  return "no such step: " + verb;
}

}  // namespace placid::os::conformance
