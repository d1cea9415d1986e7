// SPDX-License-Identifier: Apache-2.0
#include "tests/model/fiber.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace placid::model {
namespace {

constexpr std::uint64_t kCanary = 0x5AFE'57AC'5AFE'57AC;

}  // namespace

Fiber::Fiber() : stack_(new std::byte[kStackBytes]) {
  std::memcpy(stack_.get(), &kCanary, sizeof(kCanary));
}

bool Fiber::IsStackSound() const {
  return std::memcmp(stack_.get(), &kCanary, sizeof(kCanary)) == 0;
}

void Fiber::Enter(Fiber* fiber) {
  fiber->entry_(fiber->argument_);
  std::abort();  // entry yields for the last time, it does not return
}

#if defined(__x86_64__)

extern "C" void PlacidModelSwitch(void** save, void* to);
asm(R"(
.text
.globl PlacidModelSwitch
.type PlacidModelSwitch, @function
PlacidModelSwitch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size PlacidModelSwitch, .-PlacidModelSwitch
)");

namespace {
Fiber* entering = nullptr;  // a fresh stack has no arguments
}  // namespace

void Fiber::EnterFromSwitch() { Enter(entering); }

void Fiber::Reset(void (*entry)(void*), void* argument) {
  entry_ = entry;
  argument_ = argument;
  auto top = reinterpret_cast<std::uintptr_t>(stack_.get() + kStackBytes);
  auto** at = reinterpret_cast<void**>(top & ~std::uintptr_t{15});
  *--at = nullptr;  // where EnterFromSwitch would return to
  *--at = reinterpret_cast<void*>(&EnterFromSwitch);
  for (int saved = 0; saved < 6; ++saved) *--at = nullptr;
  inside_ = at;
}

void Fiber::Resume() {
  entering = this;
  PlacidModelSwitch(&outside_, inside_);
}

void Fiber::Yield() { PlacidModelSwitch(&inside_, outside_); }

#else

void Fiber::EnterFromContext(unsigned high, unsigned low) {
  const auto address = std::uint64_t{high} << 32 | low;
  Enter(reinterpret_cast<Fiber*>(static_cast<std::uintptr_t>(address)));
}

void Fiber::Reset(void (*entry)(void*), void* argument) {
  entry_ = entry;
  argument_ = argument;
  getcontext(&inside_);
  inside_.uc_stack.ss_sp = stack_.get() + sizeof(kCanary);
  inside_.uc_stack.ss_size = kStackBytes - sizeof(kCanary);
  inside_.uc_link = nullptr;
  const std::uint64_t address = reinterpret_cast<std::uintptr_t>(this);
  makecontext(&inside_, reinterpret_cast<void (*)()>(&EnterFromContext), 2,
              static_cast<unsigned>(address >> 32),
              static_cast<unsigned>(address));
}

void Fiber::Resume() { swapcontext(&outside_, &inside_); }
void Fiber::Yield() { swapcontext(&inside_, &outside_); }

#endif

}  // namespace placid::model
