// SPDX-License-Identifier: Apache-2.0
//
// WaitMask, Doorbells, WaitSet, with the kernel of kernel.h.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "placid/base/atomic.h"
#include "placid/wait/doorbells.h"
#include "placid/wait/wait_mask.h"
#include "placid/wait/wait_set.h"
#include "tests/crash/kernel.h"
#include "tests/crash/play.h"

namespace placid::crash {
namespace {

struct Object {
  Doorbells::StorageOf<4> rows;
  WaitMask::Storage mask;
  Atomic<std::uint64_t> published;  // a number that grows
  Bells bells;
};

Object& At(Bytes bytes) {
  auto& object = *reinterpret_cast<Object*>(bytes.data());
  SetBells(&object.bells);
  return object;
}

constexpr OwnerId kVictim = *OwnerId::Of(1, 1);
constexpr OwnerId kOther = *OwnerId::Of(2, 1);
constexpr OwnerId kRecoverer = *OwnerId::Of(3, 1);
constexpr OwnerId kFresh = *OwnerId::Of(4, 1);

Doorbells TheDoorbells(Bytes bytes) {
  return Need(Doorbells::Attach(At(bytes).rows));
}
WaitMask TheMask(Bytes bytes) { return Need(WaitMask::Attach(At(bytes).mask)); }
std::uint64_t Armed(Bytes bytes) { return At(bytes).mask.armed.load(kRelaxed); }

// One who sleeps until a number is there.
class Napper {
 public:
  explicit Napper(OwnerId id, WakeBy wake_by) : id_(id), wake_by_(wake_by) {}

  void Claim(Bytes bytes) {
    set_.emplace(Need(TheDoorbells(bytes).Claim(id_, wake_by_)));
    set_->Add(TheMask(bytes));
  }

  // Arms, looks, and sleeps if there is nothing new; or looks, if it has been
  // woken.
  void Go(Bytes bytes) {
    At(bytes);
    if (IsAsleep()) return;
    if (!set_) Claim(bytes);
    if (std::exchange(slept_, {}).at != nullptr) set_->Disarm();
    set_->Arm();
    const std::uint64_t published = At(bytes).published.load(kAcquire);
    const bool is_new = published != seen_;
    seen_ = published;
    if (is_new || set_->Sleep(INT64_MAX)) {
      set_->Disarm();
    } else {
      slept_ = LastSleep();
    }
  }

  [[nodiscard]] bool IsAsleep() const { return slept_.IsAsleep(); }
  [[nodiscard]] std::uint64_t seen() const { return seen_; }

 private:
  const OwnerId id_;
  const WakeBy wake_by_;
  std::optional<WaitSet> set_;
  std::uint64_t seen_ = 0;
  Slept slept_;
};

enum class Deed { kNotify, kNotifyAsymmetrically, kWait, kClaim, kRecover };

class WaitMaskPlay : public Play {
 public:
  WaitMaskPlay(Deed deed, WakeBy wake_by, int nappers, std::uint64_t armed)
      : deed_(deed), wake_by_(wake_by), nappers_(nappers), armed_(armed) {}

  void SetUp(Bytes bytes) override {
    (void)TheDoorbells(bytes);
    At(bytes).mask.armed.store(armed_, kRelaxed);
    if (deed_ == Deed::kWait) mine_.Claim(bytes);
    for (int i = 0; i < nappers_; ++i) napper_.Go(bytes);
  }

  void Act(Bytes bytes) override { Do(deed_, bytes, mine_); }

  // The other kind of party than the victim.
  bool Other(Bytes bytes) override {
    if (deed_ == Deed::kWait) {
      Do(Deed::kNotify, bytes, napper_);
    } else {
      napper_.Go(bytes);
    }
    return true;
  }

  void Recover(Bytes bytes) override {
    TheDoorbells(bytes).Recover(DeadOwner::Attested(kVictim));
    Napper napper(kRecoverer, wake_by_);
    Do(deed_, bytes, napper);
  }

  void Check(Bytes bytes, bool is_other_dead) override {
    At(bytes);
    // Whoever's notification has returned has left nobody asleep who had not
    // seen what it published; where nobody died who may have taken the bits.
    if (deed_ == Deed::kWait && !is_other_dead) {
      Expect(!napper_.IsAsleep() || napper_.seen() >= Book().LastDone(),
             "asleep behind what was published and notified");
    }
    const Doorbells doorbells = TheDoorbells(bytes);
    for (const OwnerId dead : {kVictim, kRecoverer}) {
      doorbells.Recover(DeadOwner::Attested(dead));
      Expect(doorbells.Recover(DeadOwner::Attested(dead)) == 0,
             "the doorbell of the dead is not given back");
    }
    if (is_other_dead) {
      doorbells.Recover(DeadOwner::Attested(kOther));
      for (std::uint32_t i = 0; i < doorbells.count(); ++i) {
        Expect(doorbells.Holder(i).is_free(), "all are dead, and one is taken");
      }
    } else {
      Expect(!napper_.IsAsleep(), "not rung by whoever recovered the dead");
      napper_.Go(bytes);
    }
    Do(Deed::kNotify, bytes, napper_);
    Expect(is_other_dead || !napper_.IsAsleep(), "hidden from a publisher");
    Expect(Armed(bytes) == 0, "armed, and a publisher has just notified");
    // A napper that is new here, and all of them together.
    Napper fresh(kFresh, wake_by_);
    for (int i = 0; i < 3 && !fresh.IsAsleep(); ++i) fresh.Go(bytes);
    Expect(fresh.IsAsleep(), "cannot sleep any more");
    Expect(Armed(bytes) != 0, "asleep and not armed");
    Do(Deed::kNotifyAsymmetrically, bytes, napper_);
    Expect(!fresh.IsAsleep(), "cannot be woken any more");
    Expect(At(bytes).mask.mode.load(kRelaxed) == 1, "mode is lost");
  }

 private:
  void Do(Deed deed, Bytes bytes, Napper& napper) {
    switch (deed) {
      case Deed::kWait: return napper.Go(bytes);
      case Deed::kClaim: return napper.Claim(bytes);
      case Deed::kRecover:
        TheDoorbells(bytes).Recover(DeadOwner::Attested(kFresh));
        return;
      default: break;
    }
    const WaitMask mask = TheMask(bytes);
    const Doorbells doorbells = TheDoorbells(bytes);
    const std::uint64_t number = At(bytes).published.load(kAcquire) + 1;
    Book().Begin(number);
    if (deed == Deed::kNotifyAsymmetrically) {
      auto notifier = mask.MakeAsymmetricNotifier(doorbells);
      At(bytes).published.store(number, kRelease);
      notifier.Notify();
    } else {
      auto notifier = mask.MakeNotifier(doorbells);
      At(bytes).published.store(number, kRelease);
      notifier.Notify();
    }
    Book().Done();
  }

  const Deed deed_;
  const WakeBy wake_by_;
  const int nappers_;
  const std::uint64_t armed_;
  Napper mine_{kVictim, wake_by_};
  Napper napper_{kOther, wake_by_};
};

const Registration kWaitMask([](std::vector<Scenario>& scenarios) {
  const auto add = [&](const char* operation, Deed deed, WakeBy wake_by,
                       int nappers, std::uint64_t armed = 0) {
    scenarios.push_back({"WaitMask", operation, sizeof(Object), [=] {
                           return std::make_unique<WaitMaskPlay>(
                               deed, wake_by, nappers, armed);
                         }});
  };
  using enum WakeBy;
  add("WaitMask Notify, nobody asleep", Deed::kNotify, kFutex, 0);
  add("WaitMask Notify, one asleep", Deed::kNotify, kFutex, 1);
  add("WaitMask Notify, one asleep by its bell", Deed::kNotify, kEvent, 1);
  add("WaitMask Notify, bits of the dead", Deed::kNotify, kFutex, 1, 0x6);
  add("WaitMask asymmetric, one asleep", Deed::kNotifyAsymmetrically, kFutex,
      1);
  add("WaitSet Arm, Sleep", Deed::kWait, kFutex, 0);
  add("WaitSet Arm, Sleep by its bell", Deed::kWait, kEvent, 0);
  add("Doorbells Claim", Deed::kClaim, kFutex, 1);
  add("Doorbells Claim, with a bell", Deed::kClaim, kEvent, 1);
  add("Doorbells Recover", Deed::kRecover, kFutex, 1);
});

}  // namespace
}  // namespace placid::crash
