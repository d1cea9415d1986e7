// SPDX-License-Identifier: Apache-2.0
//
// OtherSide: the steps of a process that was started anew and has nothing of
// ours but the name of the bytes.
#ifndef PLACID_TESTS_CONFORMANCE_PLACEMENT_OTHER_SIDE_H_
#define PLACID_TESTS_CONFORMANCE_PLACEMENT_OTHER_SIDE_H_

#include <string>

#include "placid/os/mapping.h"

namespace placid::placement {

class OtherSide {
 public:
  //   given KIND NAME   mapped     receives the object from who listens there
  //   named KIND NAME   mapped     opens it
  //   file KIND PATH    mapped     opens it
  //   create            created
  //   send, receive     as kinds.h says
  //   exit              bye
  std::string Do(const std::string& step);

 private:
  std::string kind_;
  os::Mapping mapping_;
};

}  // namespace placid::placement

#endif  // PLACID_TESTS_CONFORMANCE_PLACEMENT_OTHER_SIDE_H_
