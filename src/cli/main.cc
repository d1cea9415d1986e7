// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"
#include "cli/system.h"

int main(int argc, char** argv) {
  return placid::cli::Run(placid::cli::Arguments(argc, argv));
}
