// SPDX-License-Identifier: Apache-2.0
//
// Source orders: what the text of a header says about its accesses, to be held
// against what the models met. An access that no model reaches would otherwise
// be an order that nobody weakens, and nobody would know.
#ifndef PLACID_TESTS_MODEL_SOURCE_ORDERS_H_
#define PLACID_TESTS_MODEL_SOURCE_ORDERS_H_

#include <string>
#include <vector>

#include "tests/model/site.h"

namespace placid::model {

// An order (kAcquire, std::memory_order_acquire, ...) or a Bump( in the code.
struct SourceOrder {
  int line;
  std::string word;  // "acquire", ..., "bump"
};

// Those of a file, comments left out, in the order of their lines.
std::vector<SourceOrder> OrdersIn(const std::string& path);

// In words, where text and uses differ: what the text says and nobody used, and
// what was used without the text's saying so. Each statement is compared as a
// whole: where in it the compiler sees an access is its own affair.
std::vector<std::string> Differences(const std::string& path,
                                     const std::vector<OrderUse>& uses);

// Headers below this folder that name any order, but for the seam itself:
// "primitives/role.h".
std::vector<std::string> HeadersWithOrders(const std::string& folder);

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_SOURCE_ORDERS_H_
