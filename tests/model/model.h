// SPDX-License-Identifier: Apache-2.0
//
// Model: one scenario of one mapped type, to be explored as it is and with each
// of its edges weakened. A *_model.cc registers its own:
//
//   const Registration kPushAndPop{{
//       .type = "SpscRing",
//       .header = "primitives/spsc_ring.h",
//       .name = "PushAndPop",
//       .program = [] { ... return program; },
//       .options = {.deaths = 1},
//       .must_see = {"full", "empty"},
//   }};
#ifndef PLACID_TESTS_MODEL_MODEL_H_
#define PLACID_TESTS_MODEL_MODEL_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/model/explore.h"
#include "tests/model/program.h"

namespace placid::model {

struct Model {
  std::string type;    // whom reports count it for
  std::string header;  // its header below include/placid
  std::string name;    // a claim, or what happens
  std::function<Program()> program;
  Options options;
  // What must have happened in some execution (See), or the pass is hollow.
  std::vector<std::string> must_see;
};

inline std::vector<Model>& AllModels() {
  static std::vector<Model> models;
  return models;
}

struct Registration {
  explicit Registration(Model model) {
    AllModels().push_back(std::move(model));
  }
};

// By what the bounds of time and number are multiplied: the environment's
// PLACID_MODEL_LONG, else 1.
double Longer();

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_MODEL_H_
