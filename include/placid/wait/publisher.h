// SPDX-License-Identifier: Apache-2.0
//
// Publisher: what one does between publishing and looking for sleepers.
#ifndef PLACID_WAIT_PUBLISHER_H_
#define PLACID_WAIT_PUBLISHER_H_

#include <cstdint>

namespace placid {

enum class Publisher : std::uint8_t {
  kFencing,     // a full fence, 5 to 10 ns: anywhere
  kAsymmetric,  // nothing: sleepers make its processor fence, where they can
};

}  // namespace placid

#endif  // PLACID_WAIT_PUBLISHER_H_
