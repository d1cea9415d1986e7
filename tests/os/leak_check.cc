// SPDX-License-Identifier: Apache-2.0
//
// leak_check [ROUNDS]: creates, opens, maps and closes every kind of object,
// 10,000 times unless told otherwise. Under valgrind --leak-check=full
// --track-fds=yes it must report nothing; by itself it says whether addresses
// and handles are given out as at first, which they are not if any are kept.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "placid/base/result.h"
#include "placid/os/bell.h"
#include "placid/os/file_lock.h"
#include "placid/os/handover.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/os/snapshot.h"

namespace placid::os {
namespace {

template <typename T>
T Need(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().Message().c_str());
  std::exit(1);
}

void Round(const Name& name, const std::string& path) {
  constexpr std::uint64_t kBytes = 2 * kGranuleBytes;
  {
    const auto named = Need(SharedObject::OpenOrCreate(name, kBytes));
    const auto opened = Need(SharedObject::Open(name, Access::kReadOnly));
    const auto anonymous = Need(SharedObject::CreateAnonymous(kBytes));
    const auto file = Need(SharedObject::CreateAtPath(path, kBytes));
    const auto mapping = Need(named.Map());
    const auto view = Need(opened.Map({.access = Access::kReadOnly}));
    const auto mirror = Need(anonymous.Map({.mirror_offset = kGranuleBytes}));
    const auto bytes = Need(file.Map());
    const auto memory = Need(Mapping::Anonymous(1));
    auto snapshot = Need(Snapshot::Of(opened));
    (void)snapshot.Copy(opened, 0, kBytes);
    const auto lock = Need(FileLock::TryLock(name, 0));
    const auto listener = Need(HandoverListener::Listen(name));
    const auto watch = Need(ProcessWatch::Open(Need(ThisProcess())));
    const auto bell = Need(Bell::Make());
    BellRope rope;
    (void)rope.Ring(bell.number());
    (void)SharedObject::Create(name, kBytes);
    (void)FileLock::TryLock(name, 0);
    (void)ReceiveHandover(name, 0);
  }
  (void)SharedObject::Unlink(name);
  std::remove(path.c_str());
}

NativeHandle NextHandle() {
  return Need(SharedObject::CreateAnonymous(1)).handle();
}

int Main(int rounds) {
  const std::string own = std::to_string(Need(ThisProcess()).pid);
  const Name name = Need(Name::Parse("leak-check-" + own));
  const std::string path = "placid-leak-check-" + own;
  Round(name, path);
  const NativeHandle before = NextHandle();
  for (int i = 1; i < rounds; ++i) Round(name, path);
  const NativeHandle after = NextHandle();
  std::printf("%d rounds, next handle %lld before and %lld after: %s\n", rounds,
              static_cast<long long>(before), static_cast<long long>(after),
              before == after ? "nothing kept" : "LEAK");
  return before == after ? 0 : 1;
}

}  // namespace
}  // namespace placid::os

int main(int argc, char** argv) {
  constexpr int kRounds = 10'000;
  return placid::os::Main(argc > 1 ? std::atoi(argv[1]) : kRounds);
}
