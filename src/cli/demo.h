// SPDX-License-Identifier: Apache-2.0
//
// RunDemo: the library shown to a newcomer, in four acts, on real data, with
// processes that really die. Each act checks what it claims.
#ifndef PLACID_SRC_CLI_DEMO_H_
#define PLACID_SRC_CLI_DEMO_H_

#include <string>
#include <vector>

#include "cli/outcome.h"

namespace placid::cli {

struct DemoOptions {
  bool is_json = false;
  std::string tree;  // empty: a directory that the system surely has
};

// kOk only if everything was verified.
Outcome RunDemo(const DemoOptions& options);

// What the demo's other processes run: `placid demo-helper ROLE [ARGUMENT...]`.
int RunDemoHelper(const std::vector<std::string>& arguments);

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_DEMO_H_
