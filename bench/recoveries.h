// SPDX-License-Identifier: Apache-2.0
//
// What it takes to void the one claim in a ring of 1,024 slots or granules.
//
//   struct Claims {
//     explicit Claims(OwnerId owner);
//     Ring ring;
//     void Claim();             // by the owner
//     void Clear();             // the next claim finds an empty ring
//     auto& WordAt(i);          // of slot i
//   };
#ifndef PLACID_BENCH_RECOVERIES_H_
#define PLACID_BENCH_RECOVERIES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/harness.h"
#include "placid/base/atomic.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/role.h"

namespace placid::bench {

inline constexpr std::uint64_t kRecoverySlots = 1024;

enum class Recovery { kOwned, kUnowned, kFloor };

template <typename Claims, Recovery kHow>
std::vector<double> Recoveries() {
  const OwnerId owner =
      kHow == Recovery::kOwned ? *OwnerId::Of(7, 1) : OwnerId::Unowned();
  auto claims = std::make_unique<Claims>(owner);
  std::vector<double> times;
  for (int i = 0; i < 2000; ++i) {
    claims->Claim();
    const double begin = Now();
    if constexpr (kHow == Recovery::kOwned) {
      Keep(claims->ring.Recover(DeadOwner::Attested(owner)));
    } else if constexpr (kHow == Recovery::kUnowned) {
      Keep(claims->ring.RecoverUnowned(UnownedAreDead()));
    } else {
      for (std::uint64_t word = 0; word < kRecoverySlots; ++word) {
        Keep(claims->WordAt(word).load(kRelaxed));
      }
    }
    times.push_back((Now() - begin) * 1e9);
    claims->Clear();
  }
  return times;
}

template <typename Claims>
LatencyRow RecoveryRow(const std::string& type, const std::string& slots) {
  return {.name = type + " recovery of one claim, 1k " + slots,
          .target = 0,
          .note = "the floor is a look at every word; a peer cannot be recovered",
          .candidates = {{"placid " + type + ", of a participant",
                          Recoveries<Claims, Recovery::kOwned>},
                         {"a look at every word",
                          Recoveries<Claims, Recovery::kFloor>},
                         {"placid " + type + ", of all without an identity",
                          Recoveries<Claims, Recovery::kUnowned>}}};
}

}  // namespace placid::bench

#endif  // PLACID_BENCH_RECOVERIES_H_
