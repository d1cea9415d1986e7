// SPDX-License-Identifier: Apache-2.0
//
// PinThisThread: on a processor of its own, so that two threads truly overlap.
#ifndef PLACID_TESTS_LINEARIZABILITY_PIN_H_
#define PLACID_TESTS_LINEARIZABILITY_PIN_H_

namespace placid::linearizability {

// To the `which`-th processor that the process may use, modulo their number.
// False where the system does not do it: then it schedules as it likes.
bool PinThisThread(unsigned which);

// To where it was allowed before the first PinThisThread.
void UnpinThisThread();

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_PIN_H_
