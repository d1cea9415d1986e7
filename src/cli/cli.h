// SPDX-License-Identifier: Apache-2.0
//
// Run: the command line of the program `placid`.
#ifndef PLACID_SRC_CLI_CLI_H_
#define PLACID_SRC_CLI_CLI_H_

#include <string>
#include <vector>

namespace placid::cli {

// `arguments`: in UTF-8, without the program's name. Returns the exit code.
int Run(std::vector<std::string> arguments);

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_CLI_H_
