// SPDX-License-Identifier: Apache-2.0
//
// What Seqlock and Latest have in common: one writer, one value, readers that
// store nothing. Their fuzz targets differ in a line or two.
//
// With an honest peer each value is compared with the last one stored, also
// where the writer stores in the middle of a read: a read that says kOk must
// have seen one value and not parts of two. With a hostile peer the bounds on
// accesses must hold, and no store may come from a reader.
#ifndef PLACID_FUZZ_NEWEST_VALUE_H_
#define PLACID_FUZZ_NEWEST_VALUE_H_

#include <array>
#include <optional>

#include "fuzz/harness.h"
#include "placid/base/fields.h"
#include "placid/base/shared_bytes.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"

namespace placid::fuzz {

// kMiddle words between two that must agree.
template <std::size_t kMiddle>
struct Bracketed {
  std::uint64_t first;
  std::array<std::uint64_t, kMiddle> middle;
  std::uint64_t last;

  // Zero bytes are number 0.
  static Bracketed Make(std::uint64_t n) {
    Bracketed value{n, {}, ~n + 1};
    for (std::size_t i = 0; i < kMiddle; ++i) value.middle[i] = n * (i + 3);
    return value;
  }
  friend bool operator==(const Bracketed&, const Bracketed&) = default;
};

// `Type` is Seqlock<Bracketed<n>> or the like; `counter` the word of its memory
// that each Store moves, which a run starts anywhere.
template <typename Type, typename Value>
class NewestValueRun {
 public:
  using Writer = typename Type::Writer;
  using Reader = typename Type::Reader;
  using Memory = typename Type::Memory;
  using Counter = Atomic<std::uint64_t> Memory::*;

  NewestValueRun(Input& input, std::span<std::byte> bytes, Honesty honesty)
      : input_(input),
        bytes_(bytes),
        reader_(Type::AttachReadOnly(bytes).value()),  // virgin: all zero
        peer_(input, bytes, honesty) {}

  void Go(Counter counter, std::uint64_t start) {
    auto* memory = reinterpret_cast<Memory*>(bytes_.data());
    peer_.Allow(kReadAccesses);
    Value value{};
    PLACID_FUZZ_CHECK(!peer_.is_honest() ||
                      reader_.TryLoad(value) == RingResult::kEmpty);
    auto type = Type::Attach(bytes_);
    if (!type) return PLACID_FUZZ_CHECK(!peer_.is_honest());
    type_ = *type;
    (memory->*counter).store(start, kRelaxed);
    if (start != 0) stored_ = 0;

    while (!input_.is_spent()) {
      if (!writer_.is_held()) BecomeWriter();
      Step(memory->*counter);
    }
    peer_.Allow(kWriteAccesses);
    writer_.Drop();
  }

 private:
  static constexpr std::uint64_t kWriteAccesses = 6;
  // Two looks and a copy in two parts, for each try.
  static constexpr std::uint64_t kReadAccesses = (Type::kTries + 2) * 4 + 4;

  void Step(Atomic<std::uint64_t>& counter) {
    const auto deed = input_.Take<std::uint8_t>();
    peer_.Allow(kWriteAccesses);
    switch (deed % 10) {
      case 0:
      case 1:
        if (writer_.is_held()) Store();
        return;
      case 2:
        if (writer_.is_held()) Update();
        return;
      case 3: return Load();
      case 4:
      case 5: return ReadAmidStores(deed / 10);
      case 6: return CopyReader();
      case 7: return peer_.Scribble();
      case 8:
        if (deed >= 0xC0) return writer_.Drop();
        return DieInStore(counter, deed);
      default: return deed >= 0xF0 ? Close() : Look();
    }
  }

  void Store() {
    writer_->Store(Value::Make(++made_));
    stored_ = made_;
  }

  void Update() {
    const auto before = stored_;
    bool was_called = false;
    const RingResult result = writer_->Update([&](Value& value) {
      was_called = true;
      PLACID_FUZZ_CHECK(!peer_.is_honest() ||
                        (before && value == Value::Make(*before)));
      value = Value::Make(++made_);
    });
    PLACID_FUZZ_CHECK(result ==
                      (was_called ? RingResult::kOk : RingResult::kEmpty));
    PLACID_FUZZ_CHECK(!peer_.is_honest() || was_called == before.has_value());
    if (was_called) stored_ = made_;
  }

  void Load() {
    peer_.AllowReads(kReadAccesses);
    Value value = Value::Make(made_ + 1);
    const RingResult result = reader_.TryLoad(value);
    CheckRead(result);
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(result == (stored_    ? RingResult::kOk
                                 : is_torn_ ? RingResult::kPending
                                            : RingResult::kEmpty));
    PLACID_FUZZ_CHECK(!stored_ || value == Value::Make(*stored_));
  }

  // The writer stores a number of times while we are between the two halves of
  // the value, in the first so many tries.
  void ReadAmidStores(std::uint8_t draw) {
    const int stores = draw % 8;
    int tries = draw / 8 % 4 == 3 ? INT32_MAX : draw / 8 % 4;
    const std::uint64_t before = made_;
    const auto stored_before = stored_;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    peer_.Allow(kReadAccesses + 200 * kWriteAccesses);
    const RingResult result = reader_.TryRead([&](SharedRef<Value> shared) {
      first = shared.Load(&Value::first);
      for (int i = 0; i < stores && tries > 0 && writer_.is_held(); ++i) {
        Store();
      }
      --tries;
      last = shared.Load(&Value::last);
    });
    CheckRead(result);
    if (!peer_.is_honest() || result != RingResult::kOk) return;
    PLACID_FUZZ_CHECK(first == ~last + 1 && "one value, not parts of two");
    PLACID_FUZZ_CHECK(stored_before && first >= *stored_before &&
                      first <= made_ && "no older than when we began");
    PLACID_FUZZ_CHECK(before <= made_);
  }

  void CheckRead(RingResult result) const {
    PLACID_FUZZ_CHECK(IsOneOf(
        result, {RingResult::kOk, RingResult::kEmpty, RingResult::kPending,
                 RingResult::kContended, RingResult::kCorrupt}));
    PLACID_FUZZ_CHECK(!peer_.is_honest() || result != RingResult::kCorrupt);
  }

  // One more reader, from a view or from read-only pages.
  void CopyReader() {
    peer_.AllowReads(kReadAccesses);
    if (input_.TakeBool()) {
      reader_ = type_->MakeReader();
      return;
    }
    const auto reader = Type::AttachReadOnly(bytes_);
    PLACID_FUZZ_CHECK(!peer_.is_honest() || reader.has_value());
    if (reader) reader_ = *reader;
  }

  void Look() {
    peer_.AllowReads(2);
    const std::uint64_t version = reader_.Version();
    const bool is_closed = reader_.IsClosed();
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK((version == 0) == (!stored_ && !is_torn_));
    PLACID_FUZZ_CHECK(is_closed == is_closed_);
  }

  // Dead between operations; or, of a type that has an odd counter while it
  // stores, inside Store.
  void DieInStore(Atomic<std::uint64_t>& counter, std::uint8_t draw) {
    if (!writer_.is_held()) return;
    writer_.Die();
    if constexpr (requires(Memory memory) { memory.sequence; }) {
      if (draw % 2 == 0 || !peer_.is_honest()) return;
      counter.store(counter.load(kRelaxed) | 1, kRelaxed);
      // Part of the next value.
      const std::uint64_t next = made_ + 1;
      std::memcpy(bytes_.data() + Type::kValueOffset, &next, sizeof(next));
      stored_.reset();
      is_torn_ = true;
    }
  }

  void Close() {
    if (!writer_.is_held()) return;
    std::move(*writer_.get()).Close();
    writer_.Drop();
    is_closed_ = true;
  }

  void BecomeWriter() {
    peer_.Allow(kWriteAccesses);
    const RoleHolder holder = type_->WriterHolder();
    auto writer = holder.is_free()
                      ? type_->ClaimWriter()
                      : type_->TakeOverWriter(AttestedDeath(holder));
    if (writer) {
      PLACID_FUZZ_CHECK(!is_closed_ || !peer_.is_honest());
      writer_.Hold(*std::move(writer));
      return;
    }
    PLACID_FUZZ_CHECK(
        IsOneOf(writer.error().code, {ErrorCode::kRoleTaken, ErrorCode::kClosed,
                                      ErrorCode::kInvalidArgument}));
    PLACID_FUZZ_CHECK(
        !peer_.is_honest() ||
        (is_closed_ && writer.error().code == ErrorCode::kClosed));
  }

  Input& input_;
  std::span<std::byte> bytes_;
  Reader reader_;
  HostilePeer peer_;
  std::optional<Type> type_;
  // The model.
  std::uint64_t made_ = 0;               // values ever made
  std::optional<std::uint64_t> stored_;  // the number of the newest whole one
  bool is_torn_ = false;                 // a writer died inside Store once
  bool is_closed_ = false;
  Mortal<Writer> writer_;
};

template <typename Type, typename Value, typename Counter>
void RunNewestValue(Input& input, Counter counter, std::uint64_t start) {
  static GuardedArena arena(static_cast<std::size_t>(Type::SizeFor()));
  const Honesty honesty =
      input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  const auto bytes =
      arena.Place(static_cast<std::size_t>(Type::SizeFor()), Type::kAlignment);
  NewestValueRun<Type, Value>(input, bytes, honesty).Go(counter, start);
  arena.CheckSurroundings();
}

}  // namespace placid::fuzz

#endif  // PLACID_FUZZ_NEWEST_VALUE_H_
