// SPDX-License-Identifier: Apache-2.0
//
// Serving: a thread that serves a segment until it is told to stop.
#ifndef PLACID_TESTS_SEGMENT_SERVING_H_
#define PLACID_TESTS_SEGMENT_SERVING_H_

#include <atomic>
#include <cstdint>
#include <thread>
#include <utility>

#include "placid/segment/rendezvous.h"
#include "placid/segment/segment.h"

namespace placid::testing {

class Serving {
 public:
  // The segment outlives it.
  Serving(Rendezvous rendezvous, const Segment& segment)
      : rendezvous_(std::move(rendezvous)), thread_([this, &segment] {
          constexpr std::int64_t kSliceMs = 10;
          while (!stop_ && rendezvous_.is_serving()) {
            (void)rendezvous_.Wait(segment, kSliceMs);
          }
        }) {}
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;
  ~Serving() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  Rendezvous rendezvous_;
  std::thread thread_;
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_SEGMENT_SERVING_H_
