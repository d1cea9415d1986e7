// SPDX-License-Identifier: Apache-2.0
//
// What modelled threads call: the machine's functions and those of program.h,
// handed on to the engine that runs the caller.
#include <string>
#include <utility>

#include "tests/model/engine.h"
#include "tests/model/machine.h"
#include "tests/model/program.h"

namespace placid::model {

bool IsModelled() { return Engine::Current() != nullptr; }

std::uint64_t OnLoad(const void* at, std::size_t bytes, MemoryOrder order,
                     Site site) {
  return Engine::Current()->OnLoad(at, bytes, order, site);
}
void OnStore(void* at, std::size_t bytes, std::uint64_t value,
             MemoryOrder order, Site site) {
  Engine::Current()->OnStore(at, bytes, value, order, site);
}
std::uint64_t OnRmw(void* at, std::size_t bytes, Rmw what,
                    std::uint64_t operand, MemoryOrder order, Site site) {
  return Engine::Current()->OnRmw(at, bytes, what, operand, order, site);
}
bool OnCompareExchange(void* at, std::size_t bytes, std::uint64_t& expected,
                       std::uint64_t desired, MemoryOrder success,
                       MemoryOrder failure, bool is_weak, Site site) {
  return Engine::Current()->OnCompareExchange(at, bytes, expected, desired,
                                              success, failure, is_weak, site);
}
void OnFence(MemoryOrder order, Site site) {
  Engine::Current()->OnFence(order, site);
}
bool OnBump(Site site) { return Engine::Current()->OnBump(site); }
void OnCopyIn(void* to, const void* from, std::size_t bytes) {
  Engine::Current()->CopyIn(to, from, bytes, /*is_racy=*/false);
}
void OnCopyOut(void* to, const void* from, std::size_t bytes) {
  Engine::Current()->CopyOut(to, from, bytes, /*is_racy=*/false);
}
void OnRacyCopyIn(void* to, const void* from, std::size_t bytes) {
  Engine::Current()->CopyIn(to, from, bytes, /*is_racy=*/true);
}
void OnRacyCopyOut(void* to, const void* from, std::size_t bytes) {
  Engine::Current()->CopyOut(to, from, bytes, /*is_racy=*/true);
}
void OnPause() { Engine::Current()->Pause(/*by_library=*/true); }

void Check(bool holds, const char* claim) {
  if (holds) return;
  Engine* engine = Engine::Active();
  engine->Fail(std::string("not so: ") + claim);
  if (IsModelled()) engine->Leave();
}
void CountOperation() { Engine::Current()->CountOperation(); }
void See(std::string what) { Engine::Active()->See(std::move(what)); }
void Pause() { Engine::Current()->Pause(/*by_library=*/false); }
bool AwaitEnd(int thread) {
  return Engine::Current()->AwaitEnd(thread, /*is_ordered=*/true);
}
bool AwaitEndUnordered(int thread) {
  return Engine::Current()->AwaitEnd(thread, /*is_ordered=*/false);
}
bool Sleep(const void* word, std::size_t bytes, std::uint64_t expected,
           std::uint32_t bits) {
  return Engine::Current()->Sleep(word, bytes, expected, bits);
}
int Wake(const void* word, int most, std::uint32_t bits) {
  return Engine::Current()->Wake(word, most, bits);
}
int BumpAndWake(void* word, int most) {
  return Engine::Current()->BumpAndWake(word, most);
}
void FenceOthers(std::uint32_t threads) {
  Engine::Current()->FenceOthers(threads);
}
void SummariseBytes(const void* data, std::size_t bytes, bool is_first) {
  Engine::Current()->Summarise(data, bytes, is_first);
}
int ChooseOne(int count) { return Engine::Current()->ChooseOne(count); }

}  // namespace placid::model
