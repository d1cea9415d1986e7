// SPDX-License-Identifier: Apache-2.0
#include "other_side.h"

#include <cstdint>
#include <sstream>
#include <string>
#include <utility>

#include "kinds.h"
#include "placid/base/result.h"
#include "placid/os/handover.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"

namespace placid::placement {
namespace {

Result<os::SharedObject> Open(const std::string& how, const std::string& what) {
  if (how == "file") {
    return os::SharedObject::OpenAtPath(what, os::Access::kReadWrite);
  }
  const os::Name name = *os::Name::Parse(what);
  return how == "given" ? os::ReceiveHandover(name, /*timeout_ms=*/10'000)
                        : os::SharedObject::Open(name, os::Access::kReadWrite);
}

// Calls f of the kind with that name.
template <typename... Kinds, typename F>
std::string WithKind(KindList<Kinds...>, const std::string& name, const F& f) {
  std::string answer = "no such kind: " + name;
  const auto try_one = [&]<typename Kind>(Kind kind) {
    if (name == Kind::kName) answer = f(kind);
  };
  (try_one(Kinds()), ...);
  return answer;
}

}  // namespace

std::string OtherSide::Do(const std::string& step) {
  std::istringstream words(step);
  std::string verb;
  words >> verb;
  if (verb == "exit") return "bye";
  if (verb == "create" || verb == "send" || verb == "receive") {
    return WithKind(AllKinds(), kind_, [&]<typename Kind>(Kind) {
      return Perform<Kind>(verb, mapping_.bytes());
    });
  }
  std::string what;
  words >> kind_ >> std::ws;
  std::getline(words, what);
  const auto object = Open(verb, what);
  if (!object) return Fault(object.error());
  return WithKind(AllKinds(), kind_, [&]<typename Kind>(Kind) {
    auto mapping = object->Map({.mirror_offset = Kind::kMirror});
    if (!mapping) return Fault(mapping.error());
    mapping_ = *std::move(mapping);
    return std::string("mapped");
  });
}

}  // namespace placid::placement
