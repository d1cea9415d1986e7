// SPDX-License-Identifier: Apache-2.0
//
// StopToken: std::stop_token where the standard library has it. Where it does
// not, one that nobody can stop, so that code with and without reads the same.
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
template <typename Callback>
using StopCallback = std::stop_callback<Callback>;

#else

class StopToken {
 public:
  [[nodiscard]] bool stop_requested() const { return false; }
  [[nodiscard]] bool stop_possible() const { return false; }
};

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
