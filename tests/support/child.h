// SPDX-License-Identifier: Apache-2.0
//
// Child: a process that runs one function; TwoViews: memory that it and its
// parent see at different addresses. Where there is fork.
#ifndef PLACID_TESTS_SUPPORT_CHILD_H_
#define PLACID_TESTS_SUPPORT_CHILD_H_

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

namespace placid::testing {

// One object of zeroed bytes, mapped twice.
class TwoViews {
 public:
  explicit TwoViews(std::uint64_t size_bytes)
      : size_(static_cast<std::size_t>(size_bytes)) {
    std::FILE* const file = std::tmpfile();
    if (file == nullptr || ftruncate(fileno(file), static_cast<off_t>(size_))) {
      std::abort();
    }
    for (void*& view : views_) {
      view = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED,
                  fileno(file), 0);
      if (view == MAP_FAILED) std::abort();
    }
    std::fclose(file);
  }
  TwoViews(const TwoViews&) = delete;
  TwoViews& operator=(const TwoViews&) = delete;
  ~TwoViews() {
    for (void* const view : views_) munmap(view, size_);
  }

  [[nodiscard]] std::span<std::byte> first() const { return View(0); }
  [[nodiscard]] std::span<std::byte> second() const { return View(1); }
  // The second view can be read only from now on.
  void MakeSecondReadOnly() {
    if (mprotect(views_[1], size_, PROT_READ) != 0) std::abort();
  }

 private:
  [[nodiscard]] std::span<std::byte> View(int which) const {
    return {static_cast<std::byte*>(views_[which]), size_};
  }

  std::size_t size_;
  void* views_[2];
};

class Child {
 public:
  // Runs f() in a new process, which ends well if no expectation of f failed,
  // and in any case after a minute (AnotherMinute). Only from a process with one
  // thread.
  template <typename F>
  explicit Child(F f) {
    std::fflush(nullptr);  // or the child would say it once more
    pid_ = fork();
    if (pid_ < 0) std::abort();
    if (pid_ > 0) return;
    AnotherMinute();
    f();
    std::fflush(nullptr);
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  // For one that lives as long as a test is told to run: called by the child
  // itself as long as it gets on, so that one which hangs still ends.
  static void AnotherMinute() { alarm(60); }

  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ != 0) Kill();
  }

  // Waits for its end; whether that was a good one. Says by which signal it died,
  // since a child that fails has said why, but one that hangs has not.
  [[nodiscard]] bool EndsWell() {
    const int status = Reap();
    if (WIFSIGNALED(status)) std::printf("signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  void Signal(int signal) const { kill(pid_, signal); }
  // SIGSTOP, wherever it is; stopped on return.
  void Stop() const {
    int status = 0;
    kill(pid_, SIGSTOP);
    waitpid(pid_, &status, WUNTRACED);
  }
  // SIGKILL, wherever it is; dead on return.
  void Kill() {
    kill(pid_, SIGKILL);
    Reap();
  }

 private:
  int Reap() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return status;
  }

  pid_t pid_;
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_SUPPORT_CHILD_H_
