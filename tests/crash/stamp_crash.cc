// SPDX-License-Identifier: Apache-2.0
//
// The birth of a mapped type: who dies in Create, in the first Attach or in
// Reset leaves something that the next one can create or attach to.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "placid/base/stamp.h"
#include "placid/primitives/latest.h"
#include "placid/primitives/seqlock.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "placid/primitives/spsc_ring.h"
#include "tests/crash/play.h"

namespace placid::crash {
namespace {

// The bytes of an allocator that were used before: all but the stamp.
void Soil(Bytes bytes) {
  std::fill(bytes.begin() + sizeof(std::uint64_t), bytes.end(),
            std::byte{0x5A});
}

// `Birth` says how each type is created, and whether it is as new:
//   Create(bytes), IsNew(view)
template <typename Birth>
class CreatePlay : public Play {
 public:
  explicit CreatePlay(bool is_reset) : is_reset_(is_reset) {}

  void SetUp(Bytes bytes) override {
    if (is_reset_) Need(Birth::Create(bytes));
    Soil(bytes);
  }
  void Act(Bytes bytes) override {
    if (std::exchange(has_acted_, true)) return;
    if (is_reset_) Need(Birth::Type::Reset(bytes, NobodyUsesIt()));
    Book().Begin(1);
    Need(Birth::Create(bytes));
    Book().Done();
  }
  void Recover(Bytes bytes) override {
    // Whoever finds a Reset unfinished, and the ledger is the caller's own
    // knowledge of that, has to do it again.
    const bool was_begun = !Book().Events().empty();
    if (is_reset_ && !was_begun) {
      Need(Birth::Type::Reset(bytes, NobodyUsesIt()));
      Book().Begin(1);
    }
    auto created = Birth::Create(bytes);
    if (!created && created.error().code != ErrorCode::kAlreadyExists) {
      Need(std::move(created));
    }
    Need(Birth::Type::Attach(bytes));
  }
  void Check(Bytes bytes, bool) override {
    const std::vector<Event> events = Book().Events();
    const bool was_done =
        std::any_of(events.begin(), events.end(),
                    [](const Event& e) { return e.what == What::kDone; });
    if (was_done) Need(Birth::Type::Attach(bytes));
    Recover(bytes);
    const auto view = Need(Birth::Type::Attach(bytes));
    Expect(Birth::IsNew(view), "it is not as Create leaves it");
    const auto again = Birth::Create(bytes);
    Expect(!again && again.error().code == ErrorCode::kAlreadyExists,
           "a second Create was not refused");
  }

 private:
  const bool is_reset_;
  bool has_acted_ = false;
};

// Virgin bytes and several who attach for writing.
template <typename Birth>
class AttachPlay : public Play {
 public:
  void SetUp(Bytes) override {}
  void Act(Bytes bytes) override { Attach(bytes); }
  bool Other(Bytes bytes) override {
    Attach(bytes);
    return true;
  }
  void Recover(Bytes bytes) override { Attach(bytes); }
  void Check(Bytes bytes, bool) override {
    Attach(bytes);
    Expect(Birth::IsNew(Need(Birth::Type::Attach(bytes))), "it is not new");
    constexpr Stamp kStranger(TypeId::kFirstForeign, 0, 0);
    auto* word = reinterpret_cast<Atomic<std::uint64_t>*>(bytes.data());
    const auto strange = StampOrCheck(*word, kStranger, "Check");
    Expect(!strange && strange.error().code == ErrorCode::kWrongType,
           "another type was let in");
  }

 private:
  static void Attach(Bytes bytes) {
    Book().Look();
    Need(Birth::Type::Attach(bytes));
    Book().Took(0);
  }
};

struct RingBirth {
  using Type = SpscRing<std::uint64_t>;
  static constexpr std::uint64_t kCapacity = 4;
  static constexpr std::size_t kBytes = Type::SizeFor(kCapacity);
  static Result<Type> Create(Bytes bytes) {
    return Type::Create(bytes, kCapacity);
  }
  static bool IsNew(const Type& ring) {
    std::uint64_t value = 0;
    return ring.capacity() == kCapacity && ring.ClaimProducer() &&
           Need(ring.ClaimConsumer()).TryPop(value) == RingResult::kEmpty;
  }
};

struct ByteRingBirth {
  using Type = SpscByteRing;
  static constexpr std::uint64_t kCapacity = 64;
  static constexpr std::size_t kBytes = Type::SizeFor(kCapacity);
  static Result<Type> Create(Bytes bytes) {
    return Type::Create(bytes, kCapacity);
  }
  static bool IsNew(const Type& ring) {
    SharedBytes record;
    return ring.capacity() == kCapacity && ring.ClaimProducer() &&
           Need(ring.ClaimConsumer()).TryFront(record) == RingResult::kEmpty;
  }
};

template <typename Holder>
struct ValueBirth {
  using Type = Holder;
  static constexpr std::size_t kBytes = Type::SizeFor();
  static Result<Type> Create(Bytes bytes) { return Type::Create(bytes); }
  static bool IsNew(const Type& holder) {
    std::uint64_t value = 0;
    return holder.MakeReader().TryLoad(value) == RingResult::kEmpty &&
           holder.ClaimWriter();
  }
};

template <typename Birth>
void AddCreate(std::vector<Scenario>& scenarios, const char* type) {
  for (const bool is_reset : {false, true}) {
    scenarios.push_back(
        {"Stamp", std::string(type) + (is_reset ? " Reset, Create" : " Create"),
         Birth::kBytes,
         [=] { return std::make_unique<CreatePlay<Birth>>(is_reset); }});
  }
}
template <typename Birth>
void AddAttach(std::vector<Scenario>& scenarios, const char* type) {
  scenarios.push_back({"Stamp", std::string(type) + " first Attach",
                       Birth::kBytes,
                       [] { return std::make_unique<AttachPlay<Birth>>(); }});
}

const Registration kStamp([](std::vector<Scenario>& scenarios) {
  using SeqlockBirth = ValueBirth<Seqlock<std::uint64_t>>;
  using LatestBirth = ValueBirth<Latest<std::uint64_t>>;
  AddCreate<RingBirth>(scenarios, "SpscRing");
  AddCreate<ByteRingBirth>(scenarios, "SpscByteRing");
  AddCreate<SeqlockBirth>(scenarios, "Seqlock");
  AddCreate<LatestBirth>(scenarios, "Latest");
  AddAttach<SeqlockBirth>(scenarios, "Seqlock");
  AddAttach<LatestBirth>(scenarios, "Latest");
});

}  // namespace
}  // namespace placid::crash
