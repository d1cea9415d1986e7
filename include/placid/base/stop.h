// SPDX-License-Identifier: Apache-2.0
//
// StopToken: std::stop_token where the standard library has it. Where it does
// not, one that nobody can stop, so that code with and without reads the same.
//
// StopCallback: std::stop_callback, where it can be trusted. That of libstdc++
// 12 without futexes (mingw-w64) sometimes waits for ever, in its destructor, for
// a call that is over: there it never calls, and whoever sleeps with a token
// must look at it from time to time, as all do here.
#ifndef PLACID_BASE_STOP_H_
#define PLACID_BASE_STOP_H_

#include <utility>
#include <version>

#ifdef __cpp_lib_jthread
#include <stop_token>
#endif

namespace placid {

#ifdef __cpp_lib_jthread

using StopToken = std::stop_token;

#else

class StopToken {
 public:
  [[nodiscard]] bool stop_requested() const { return false; }
  [[nodiscard]] bool stop_possible() const { return false; }
};

#endif

#if defined(__cpp_lib_jthread) && \
    (!defined(__GLIBCXX__) || defined(_GLIBCXX_HAVE_LINUX_FUTEX))

template <typename Callback>
using StopCallback = std::stop_callback<Callback>;

#else

// Never calls.
template <typename Callback>
class StopCallback {
 public:
  StopCallback(const StopToken& /*token*/, Callback callback)
      : callback_(std::move(callback)) {}

 private:
  Callback callback_;
};

#endif

}  // namespace placid

#endif  // PLACID_BASE_STOP_H_
