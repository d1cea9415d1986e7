// SPDX-License-Identifier: Apache-2.0
//
// What every stamped type of fixed or run-time geometry answers to the same bad
// places and bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "placid/primitives/broadcast_byte_ring.h"
#include "placid/primitives/broadcast_ring.h"
#include "placid/primitives/counter.h"
#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/lane_ring.h"
#include "placid/primitives/latest.h"
#include "placid/primitives/mpmc_ring.h"
#include "placid/primitives/mpsc_byte_ring.h"
#include "placid/primitives/mpsc_ring.h"
#include "placid/primitives/seqlock.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "placid/primitives/spsc_ring.h"
#include "tests/support/guarded_bytes.h"

namespace placid {
namespace {

using testing::GuardedBytes;

static_assert(Placeable<Counter>);
static_assert(Counter::kGuarantees.crash == Crash::kFatal);

struct Large {
  std::array<std::uint64_t, 40> words;
};

template <typename R, typename Other>
struct FixedCase {
  using Type = R;
  using OtherElement = Other;  // the same type of something else
  static constexpr bool kStampsVirgin = true;
  static constexpr std::uint64_t kBytes = R::SizeFor();
  static Result<R> Create(std::span<std::byte> bytes) {
    return R::Create(bytes);
  }
};
template <typename R, typename Other>
struct DynamicCase {
  using Type = R;
  using OtherElement = Other;
  static constexpr bool kStampsVirgin = false;
  static constexpr std::uint64_t kBytes = R::SizeFor(512);
  static Result<R> Create(std::span<std::byte> bytes) {
    return R::Create(bytes, 512);
  }
};

template <typename Case>
class MappedTypeTest : public ::testing::Test {
 protected:
  using R = typename Case::Type;
  static_assert(Placeable<R>);

  [[nodiscard]] std::span<std::byte> bytes() const { return guarded_.bytes(); }
  [[nodiscard]] Atomic<std::uint64_t>& stamp() const {
    return reinterpret_cast<typename R::Memory*>(bytes().data())->stamp;
  }
  // The stamp that Create writes.
  std::uint64_t GoodStamp() {
    EXPECT_TRUE(Case::Create(bytes()));
    return stamp().load(kRelaxed);
  }
  // Stores a word where the stamp lies: Attach must give `code`, name `field`
  // and change nothing.
  void ExpectRefused(std::uint64_t word, ErrorCode code,
                     std::string_view field) {
    stamp().store(word, kRelaxed);
    const std::vector<std::byte> before(bytes().begin(), bytes().end());
    const auto attached = R::Attach(bytes());
    ASSERT_FALSE(attached);
    ExpectError(attached.error(), code, field);
    if constexpr (requires { R::AttachReadOnly(bytes()); }) {
      const auto reader = R::AttachReadOnly(bytes());
      ASSERT_FALSE(reader);
      ExpectError(reader.error(), code, field);
    }
    EXPECT_TRUE(std::ranges::equal(before, bytes()));
  }
  static void ExpectError(const Error& error, ErrorCode code,
                          std::string_view field) {
    EXPECT_EQ(error.code, code) << error.Message().c_str();
    ASSERT_NE(error.field, nullptr);
    EXPECT_EQ(error.field, field);
    EXPECT_NE(error.advice, nullptr);
    EXPECT_NE(std::string_view(error.operation).find("::Attach"),
              std::string_view::npos);
  }

  GuardedBytes guarded_{Case::kBytes};
};

using Cases = ::testing::Types<
    FixedCase<Seqlock<std::uint64_t>, Seqlock<double>>,
    FixedCase<Seqlock<Large>, Seqlock<std::array<std::int64_t, 40>>>,
    FixedCase<Latest<std::uint64_t>, Latest<double>>,
    FixedCase<Latest<Large, 2>, Latest<Large, 4>>,
    FixedCase<SpscRing<std::uint64_t, 64>, SpscRing<std::uint64_t, 128>>,
    DynamicCase<SpscRing<std::uint64_t>, SpscRing<std::int64_t>>,
    DynamicCase<SpscByteRing, SpscRing<std::byte>>,
    FixedCase<MpscRing<std::uint64_t, 64>, MpscRing<std::uint64_t, 128>>,
    DynamicCase<MpscRing<std::uint64_t>, MpscRing<std::int64_t>>,
    DynamicCase<MpscByteRing, SpscByteRing>,
    FixedCase<MpmcRing<std::uint64_t, 64>, MpmcRing<std::uint64_t, 128>>,
    DynamicCase<MpmcRing<std::uint64_t>, MpscRing<std::uint64_t>>,
    FixedCase<LaneRing<std::uint64_t, 2, 8>, LaneRing<std::uint64_t, 2, 16>>,
    DynamicCase<LaneRing<std::uint64_t, 3>, LaneRing<std::int64_t, 3>>,
    DynamicCase<LaneByteRing<3>, LaneByteRing<4>>,
    FixedCase<BroadcastRing<Large, 8>, BroadcastRing<Large, 16>>,
    DynamicCase<BroadcastRing<std::uint64_t>, BroadcastRing<double>>,
    DynamicCase<BroadcastByteRing, BroadcastRing<std::byte>>>;
TYPED_TEST_SUITE(MappedTypeTest, Cases);

// The guard page behind the bytes ends the test where SizeFor is too little.
TYPED_TEST(MappedTypeTest, CreatedBytesCanBeAttachedTo) {
  ASSERT_TRUE(TypeParam::Create(this->bytes()));
  EXPECT_TRUE(TypeParam::Type::Attach(this->bytes()));
}

TYPED_TEST(MappedTypeTest, VirginBytesAreStampedWhereTheGeometryIsFixed) {
  const auto attached = TypeParam::Type::Attach(this->bytes());
  EXPECT_EQ(attached.has_value(), TypeParam::kStampsVirgin);
  if (TypeParam::kStampsVirgin) {
    EXPECT_NE(this->stamp().load(kRelaxed), 0u);
    EXPECT_TRUE(TypeParam::Type::Attach(this->bytes()));
  } else {
    EXPECT_EQ(attached.error().code, ErrorCode::kNotInitialized);
    EXPECT_EQ(this->stamp().load(kRelaxed), 0u);
  }
}

TYPED_TEST(MappedTypeTest, CreateAndAttachStampAlike) {
  const std::uint64_t good = this->GoodStamp();
  if (!TypeParam::kStampsVirgin) return;
  this->stamp().store(0, kRelaxed);
  ASSERT_TRUE(TypeParam::Type::Attach(this->bytes()));
  EXPECT_EQ(this->stamp().load(kRelaxed), good);
}

// One byte less, and no byte at all.
TYPED_TEST(MappedTypeTest, TooFewBytesAreRefused) {
  using Type = typename TypeParam::Type;
  ASSERT_TRUE(TypeParam::Create(this->bytes()));
  for (const std::size_t size : {this->bytes().size() - 1, std::size_t{0}}) {
    const auto few = this->bytes().first(size);
    const auto attached = Type::Attach(few);
    ASSERT_FALSE(attached);
    // A run-time geometry that claims more than there is contradicts itself.
    const bool is_lying = !TypeParam::kStampsVirgin && size > 0;
    EXPECT_EQ(attached.error().code,
              is_lying ? ErrorCode::kCorrupt : ErrorCode::kTooSmall);
    this->stamp().store(0, kRelaxed);
    EXPECT_EQ(TypeParam::Create(few).error().code, ErrorCode::kTooSmall);
    EXPECT_EQ(this->stamp().load(kRelaxed), 0u);
    ASSERT_TRUE(TypeParam::Create(this->bytes()));
    if constexpr (requires { Type::AttachReadOnly(few); }) {
      EXPECT_EQ(Type::AttachReadOnly(few).error().code, attached.error().code);
    }
  }
  EXPECT_EQ(Type::Reset({}, NobodyUsesIt()).error().code, ErrorCode::kTooSmall);
}

TYPED_TEST(MappedTypeTest, MisalignedBytesAreRefused) {
  using Type = typename TypeParam::Type;
  const GuardedBytes more(TypeParam::kBytes + 128);
  const auto crooked = more.bytes().subspan(8);
  EXPECT_EQ(Type::Attach(crooked).error().code, ErrorCode::kMisaligned);
  EXPECT_EQ(TypeParam::Create(crooked).error().code, ErrorCode::kMisaligned);
  EXPECT_EQ(Type::Reset(crooked, NobodyUsesIt()).error().code,
            ErrorCode::kMisaligned);
  if constexpr (requires { Type::AttachReadOnly(crooked); }) {
    EXPECT_EQ(Type::AttachReadOnly(crooked).error().code,
              ErrorCode::kMisaligned);
  }
  EXPECT_TRUE(std::ranges::all_of(
      more.bytes(), [](std::byte byte) { return byte == std::byte{}; }));
}

TYPED_TEST(MappedTypeTest, ForeignBytesAreRefused) {
  this->ExpectRefused(0x0102'0304'0506'0708, ErrorCode::kNotPlacid, "stamp");
  this->ExpectRefused(UINT64_MAX, ErrorCode::kNotPlacid, "stamp");
}

TYPED_TEST(MappedTypeTest, TheOtherByteOrderIsRefusedByName) {
  std::uint64_t good = this->GoodStamp();
  std::array<std::byte, 8> bytes;
  std::memcpy(bytes.data(), &good, 8);
  std::ranges::reverse(bytes);
  std::memcpy(&good, bytes.data(), 8);
  this->ExpectRefused(good, ErrorCode::kWrongByteOrder, "stamp");
}

TYPED_TEST(MappedTypeTest, AnotherTypeIsRefused) {
  this->ExpectRefused(this->GoodStamp() ^ std::uint64_t{1} << 31,
                      ErrorCode::kWrongType, "type");
}

TYPED_TEST(MappedTypeTest, AnotherVersionIsRefused) {
  this->ExpectRefused(this->GoodStamp() + (1 << 8), ErrorCode::kWrongVersion,
                      "layout version");
}

TYPED_TEST(MappedTypeTest, AnotherElementOrGeometryIsRefused) {
  this->ExpectRefused(this->GoodStamp() ^ std::uint64_t{1} << 32,
                      ErrorCode::kWrongElement, "fingerprint");
}

// The same, with a type that really is another.
TYPED_TEST(MappedTypeTest, TwoElementTypesDoNotMeet) {
  const GuardedBytes roomy(64 * 1024);
  ASSERT_TRUE(TypeParam::Create(roomy.bytes()));
  const auto other = TypeParam::OtherElement::Attach(roomy.bytes());
  ASSERT_FALSE(other);
  const bool is_element = other.error().code == ErrorCode::kWrongElement;
  const bool is_type = other.error().code == ErrorCode::kWrongType;
  EXPECT_TRUE(is_element || is_type) << other.error().Message().c_str();
}

TYPED_TEST(MappedTypeTest, CreateRefusesWhatIsStampedAndLeavesIt) {
  ASSERT_TRUE(TypeParam::Create(this->bytes()));
  const std::vector<std::byte> before(this->bytes().begin(),
                                      this->bytes().end());
  const auto again = TypeParam::Create(this->bytes());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kAlreadyExists);
  EXPECT_TRUE(std::ranges::equal(before, this->bytes()));
}

// What an allocator left behind the first word must not become a claim, a count
// or a closed flag.
TYPED_TEST(MappedTypeTest, CreateClearsUsedBytes) {
  std::ranges::fill(this->bytes(), std::byte{0xA5});
  this->stamp().store(0, kRelaxed);
  ASSERT_TRUE(TypeParam::Create(this->bytes()));
  const auto attached = TypeParam::Type::Attach(this->bytes());
  ASSERT_TRUE(attached);
  if constexpr (requires { attached->MakeReader().position(); }) {
    EXPECT_TRUE(attached->ClaimWriter());
    EXPECT_EQ(attached->MakeReader().position(), 0u);
  } else if constexpr (requires { attached->MakeReader().number(); }) {
    EXPECT_TRUE(attached->ClaimWriter());
    EXPECT_EQ(attached->MakeReader().number(), 0u);
  } else if constexpr (requires { attached->ClaimWriter(); }) {
    EXPECT_TRUE(attached->ClaimWriter());
    EXPECT_EQ(attached->MakeReader().Version(), 0u);
    EXPECT_FALSE(attached->MakeReader().IsClosed());
  } else {
    EXPECT_TRUE(attached->ClaimProducer());
    EXPECT_TRUE(attached->ClaimConsumer());
  }
}

TYPED_TEST(MappedTypeTest, ResetMakesAnythingVirgin) {
  std::ranges::fill(this->bytes(), std::byte{0xA5});
  ASSERT_TRUE(TypeParam::Type::Reset(this->bytes(), NobodyUsesIt()));
  EXPECT_EQ(this->stamp().load(kRelaxed), 0u);
  EXPECT_TRUE(TypeParam::Create(this->bytes()));
  EXPECT_TRUE(TypeParam::Type::Attach(this->bytes()));
}

// As a member of somebody's struct, zero from the start.
TEST(StorageTest, ZeroStorageIsReadyForUse) {
  static Seqlock<std::uint32_t>::Storage seqlock;
  static Latest<std::uint32_t>::Storage latest;
  static SpscRing<std::uint32_t, 8>::Storage ring;
  static MpscRing<std::uint32_t, 8>::Storage many;
  static MpmcRing<std::uint32_t, 8>::Storage all;
  static BroadcastRing<std::uint32_t, 8>::Storage broadcast;
  static Counter::Storage counter;
  EXPECT_TRUE(Seqlock<std::uint32_t>::Attach(seqlock));
  EXPECT_TRUE(Latest<std::uint32_t>::Attach(latest));
  EXPECT_TRUE((SpscRing<std::uint32_t, 8>::Attach(ring)));
  EXPECT_TRUE((MpscRing<std::uint32_t, 8>::Attach(many)));
  EXPECT_TRUE((MpmcRing<std::uint32_t, 8>::Attach(all)));
  EXPECT_TRUE((BroadcastRing<std::uint32_t, 8>::Attach(broadcast)));
  EXPECT_TRUE(Counter::Attach(counter));
}

}  // namespace
}  // namespace placid
