// SPDX-License-Identifier: Apache-2.0
//
// How to check a type of one's own: a program of two threads, every execution
// of it, and then again with each order of the type weakened.
#include <cstdint>
#include <cstdio>
#include <vector>

#include "tests/model/model.h"
#include "tests/model/mutation.h"
#include "tests/model/own_type/mailbox.h"
#include "tests/model/source_orders.h"

namespace {

using namespace placid::model;

Mailbox mailbox;

// Letters are 1, 2, 3: each says itself whether it is the right one.
Program SendAndReceive() {
  Program program;
  program.set_up = [] { mailbox = {}; };
  program.threads = {{"sender",
                      [] {
                        for (std::uint64_t text = 1; text <= 3;) {
                          if (mailbox.TrySend(text)) {
                            ++text;
                            CountOperation();
                          } else {
                            See("occupied");
                            Pause();
                          }
                        }
                      }},
                     {"receiver", [] {
                        for (std::uint64_t expected = 1; expected <= 3;) {
                          std::uint64_t text = 0;
                          if (mailbox.TryReceive(text)) {
                            Check(text == expected++,
                                  "letters come whole and in order");
                            CountOperation();
                          } else {
                            See("nothing yet");
                            Pause();
                          }
                        }
                      }}};
  program.regions = {{"mailbox", &mailbox, sizeof(mailbox)}};
  return program;
}

}  // namespace

int main() {
  const Model model{.type = "Mailbox",
                    .header = "mailbox.h",
                    .name = "LettersComeInOrder",
                    .program = SendAndReceive,
                    .options = {},
                    .must_see = {}};

  // As it is.
  const Report report = Explore(model.program(), model.options);
  std::printf("%s\n", report.ToString(model.options).c_str());
  bool is_good = !report.has_failed && report.is_complete &&
                 report.seen.contains("occupied") &&
                 report.seen.contains("nothing yet");
  if (report.has_failed) {
    std::printf("%s\n%s", report.failure.c_str(), report.trace.c_str());
  }

  // With each order weakened, each store and each bump left out.
  const std::vector<Baseline> baselines = {{&model, report}};
  const std::vector<OrderUse> uses = UsesIn("mailbox.h", baselines);
  for (const Verdict& verdict : Mutate(uses, baselines, {})) {
    std::printf("%s\n", verdict.ToString().c_str());
    is_good &= verdict.is_killed;
  }

  // And nothing in the file that was never met.
  if (!uses.empty()) {
    const std::string path = AllSites().Text(uses.front().site).path;
    for (const std::string& difference : Differences(path, uses)) {
      std::printf("%s\n", difference.c_str());
      is_good = false;
    }
  }
  std::printf("%s\n", is_good ? "Mailbox holds" : "Mailbox does NOT hold");
  return is_good ? 0 : 1;
}
