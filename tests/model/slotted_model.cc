// SPDX-License-Identifier: Apache-2.0
//
// Slotted: who attaches to a type whose capacity is chosen at run time sees it
// whole or not at all, whenever its creator dies.
#include <array>
#include <cstddef>
#include <cstdint>

#include "placid/base/cache_line.h"
#include "placid/base/result.h"
#include "placid/primitives/spsc_ring.h"
#include "tests/model/model.h"

namespace placid::model {
namespace {

using Created = SpscRing<std::uint64_t>;
struct alignas(kLineBytes) CreatedBytes {
  std::array<std::byte, Created::SizeFor(2)> bytes;
};
CreatedBytes created;

const Registration kCreated({
    .type = "Slotted",
    .header = "base/slotted.h",
    .name = "IsAttachedWholeOrNotAtAll",
    .program =
        [] {
          Program program;
          program.set_up = [] { created = {}; };
          program.threads = {
              {"creator",
               [] {
                 Check(Created::Create(created.bytes, 2).has_value(),
                       "created");
                 CountOperation();
               },
               true},
              {"attacher", [] {
                 const auto attached = Created::Attach(created.bytes);
                 CountOperation();
                 if (!attached) {
                   See("not yet");
                   Check(attached.error().code == ErrorCode::kNotInitialized,
                         "it is virgin until it is whole");
                   return;
                 }
                 See("attached");
                 Check(attached->capacity() == 2, "its capacity is seen");
               }}};
          program.regions = {{"ring", &created, sizeof(created)}};
          return program;
        },
    .options = {.deaths = 1},
    .must_see = {"not yet", "attached"},
});

}  // namespace
}  // namespace placid::model
