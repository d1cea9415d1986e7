// SPDX-License-Identifier: Apache-2.0
//
// Pace: how eagerly one side of a ring, a consumer above all, looks at the lines
// that it shares with the other, and writes to them. Pacer keeps to it.
//
// Each look at the producer's counter takes a line away from a producer that is
// writing it, and each published count does the same the other way round. A
// stream is fastest when both are rare (temporal slipping: Giacomoni et al.,
// "FastForward", 2008); a request wants both at once.
#ifndef PLACID_PRIMITIVES_PACE_H_
#define PLACID_PRIMITIVES_PACE_H_

#include <algorithm>
#include <cstdint>

#include "placid/base/atomic.h"

namespace placid {

enum class Pace : std::uint8_t {
  // Gives space back by the very next call, looks at once. For requests and
  // responses, and for consumers that sometimes wait for the producer otherwise
  // than by polling the ring.
  kPrompt,
  // May keep up to an eighth of the ring's space to itself while it polls (it
  // gives all back when the ring runs empty, when dropped, and on Publish), and
  // lets a few items gather before it looks again: throughput several times
  // higher, latency of an item while streaming some 0.7 to 3 microseconds more.
  // A producer of MpmcRing lets room gather in the same way.
  kStreaming,
};

class Pacer {
 public:
  // `unit_bytes`: what one of `capacity` takes.
  Pacer(Pace pace, std::uint64_t capacity, std::uint64_t unit_bytes)
      : lag_(pace == Pace::kStreaming ? capacity / 8 : 0),
        few_(pace == Pace::kStreaming
                 ? (std::min)(capacity / 4, kFewBytes / unit_bytes)
                 : 0) {}

  [[nodiscard]] bool IsPublishDue(std::uint64_t hidden) const {
    return hidden > lag_;
  }

  // For who has nothing to look at but the next place itself: there was nothing
  // to do at `position`. Looks and pauses as below.
  void Missed(std::uint64_t position) {
    AfterLook(position - caught_up_, 1);
    caught_up_ = position;
    BeforeLook();
  }

  // Called before a look at the producer's counter: bounded by kMostPauses.
  void BeforeLook() const {
    for (std::uint32_t i = 0; i < pauses_; ++i) machine::Pause();
  }

  // Called after it, with how much was found. Finds of few, but of more than
  // `one`, slow the looks down; a find of nothing or of plenty speeds them up.
  // A single item never slows them: that would ruin a round trip.
  void AfterLook(std::uint64_t found, std::uint64_t one) {
    if (found == 0) {
      pauses_ -= pauses_ == 0 ? 0 : pauses_ / 8 + 1;
    } else if (found < few_) {
      if (found > one) pauses_ = (std::min)(pauses_ * 2 + 2, kMostPauses);
    } else if (found > 2 * few_) {
      pauses_ /= 2;
    }
  }

 private:
  static constexpr std::uint64_t kFewBytes = 2048;
  static constexpr std::uint32_t kMostPauses = 64;

  std::uint64_t lag_;
  std::uint64_t few_;
  std::uint32_t pauses_ = 0;
  std::uint64_t caught_up_ = 0;  // the position that was missed last
};

}  // namespace placid

#endif  // PLACID_PRIMITIVES_PACE_H_
