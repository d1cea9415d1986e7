// SPDX-License-Identifier: Apache-2.0
//
// Fiber: a stack of its own, run on the caller's thread until it switches back.
//
// The threads of a modelled program are fibers, so that the checker alone
// decides who takes the next step, and a "thread" can be abandoned in the
// middle of a function: that is what its death is. Nothing on an abandoned
// stack is destroyed, so code in a fiber must not own heap memory across a
// step.
//
// On x86-64 a switch saves six registers (some 2 ns). Elsewhere it is
// swapcontext, which calls the kernel to save the signal mask (some 300 ns).
#ifndef PLACID_TESTS_MODEL_FIBER_H_
#define PLACID_TESTS_MODEL_FIBER_H_

#include <cstddef>
#include <memory>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace placid::model {

class Fiber {
 public:
  static constexpr std::size_t kStackBytes = 64 * 1024;

  Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Forgets whatever ran here; the next Resume calls entry(argument), which
  // must end with a Yield that is never resumed.
  void Reset(void (*entry)(void*), void* argument);

  // Runs the fiber until it yields. Called outside of it.
  void Resume();

  // Goes back to whoever resumed. Called inside of it.
  void Yield();

  // False once the fiber has used nearly all of its stack.
  [[nodiscard]] bool IsStackSound() const;

 private:
  static void Enter(Fiber* fiber);

  std::unique_ptr<std::byte[]> stack_;
  void (*entry_)(void*) = nullptr;
  void* argument_ = nullptr;
#if defined(__x86_64__)
  static void EnterFromSwitch();
  void* inside_ = nullptr;  // stack pointers while switched away
  void* outside_ = nullptr;
#else
  static void EnterFromContext(unsigned high, unsigned low);
  ucontext_t inside_;
  ucontext_t outside_;
#endif
};

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_FIBER_H_
