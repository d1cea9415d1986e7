// SPDX-License-Identifier: Apache-2.0
//
// Finish: the last thing that the main of a test program does.
#ifndef PLACID_TESTS_SUPPORT_FINISH_H_
#define PLACID_TESTS_SUPPORT_FINISH_H_

namespace placid::testing {

// Returns `result`, or ends the process with it where the system's own way out
// is not to be trusted.
int Finish(int result);

}  // namespace placid::testing

#endif  // PLACID_TESTS_SUPPORT_FINISH_H_
