// SPDX-License-Identifier: Apache-2.0
//
// Seqlock, Latest: who claims the role while its holder closes either comes
// before the close or is refused. A Close that gave the role back first would
// let a late writer change what readers take for final.
#include <cstdint>
#include <utility>

#include "placid/primitives/latest.h"
#include "placid/primitives/seqlock.h"
#include "tests/model/model.h"

namespace placid::model {
namespace {

template <typename Type>
Program NobodyStoresAfterClose() {
  static typename Type::Storage storage;
  Program program;
  program.set_up = [] {
    storage = {};
    (void)*Type::Attach(storage);
  };
  program.threads = {{"closer",
                      [] {
                        const Type view = *Type::Attach(storage);
                        auto writer = view.ClaimWriter();
                        while (!writer) {
                          Pause();
                          writer = view.ClaimWriter();
                        }
                        writer->Store(1);
                        std::move(*writer).Close();
                      }},
                     {"late", [] {
                        const Type view = *Type::Attach(storage);
                        auto writer = view.ClaimWriter();
                        if (!writer) return See("refused");
                        writer->Store(2);
                        CountOperation();
                        Check(!view.MakeReader().IsClosed(),
                              "nobody stores once the value is final");
                        See("came before");
                      }}};
  program.regions = {{"object", &storage, sizeof(storage)}};
  return program;
}

const Registration kSeqlock({
    .type = "Seqlock",
    .header = "primitives/seqlock.h",
    .name = "NobodyStoresAfterClose",
    .program = [] { return NobodyStoresAfterClose<Seqlock<std::uint64_t>>(); },
    .options = {},
    .must_see = {"refused", "came before"},
});
const Registration kLatest({
    .type = "Latest",
    .header = "primitives/latest.h",
    .name = "NobodyStoresAfterClose",
    .program =
        [] { return NobodyStoresAfterClose<Latest<std::uint64_t, 2>>(); },
    .options = {},
    .must_see = {"refused", "came before"},
});

}  // namespace
}  // namespace placid::model
