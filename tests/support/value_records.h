// SPDX-License-Identifier: Apache-2.0
//
// ValueRecords: MpscByteRing for what is tested with values: as MpscRing<T> is
// called, with a record for each value. Behind the value lie as many bytes as its
// number says, kMostBehind at most, which must come out as they went in.
#ifndef PLACID_TESTS_SUPPORT_VALUE_RECORDS_H_
#define PLACID_TESTS_SUPPORT_VALUE_RECORDS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "placid/primitives/mpsc_byte_ring.h"

namespace placid::testing {

template <typename T, std::size_t kMostBehind>
class ValueRecords {
 public:
  static constexpr std::size_t kMostBytes = sizeof(T) + kMostBehind;

  // In granules, as its capacity.
  static constexpr std::uint64_t SizeFor(std::uint64_t capacity) {
    return MpscByteRing::SizeFor(capacity * MpscByteRing::kGranuleBytes);
  }
  static Result<ValueRecords> Create(std::span<std::byte> bytes,
                                     std::uint64_t capacity) {
    auto ring =
        MpscByteRing::Create(bytes, capacity * MpscByteRing::kGranuleBytes);
    if (!ring) return ring.error();
    return ValueRecords(*ring);
  }
  static Result<ValueRecords> Attach(std::span<std::byte> bytes) {
    auto ring = MpscByteRing::Attach(bytes);
    if (!ring) return ring.error();
    return ValueRecords(*ring);
  }

  class Producer {
   public:
    explicit Producer(MpscByteRing::Producer producer)
        : producer_(std::move(producer)) {}

    // Whatever was reserved is given up by it.
    RingResult TryPush(const T& value) {
      payload_ = {};
      Buffer buffer;
      return producer_.TryPush(Write(value, buffer));
    }
    RingResult TryPushSome(std::span<const T> values, std::size_t& pushed) {
      payload_ = {};
      std::array<Buffer, kMostAtOnce> buffers;
      std::array<std::span<const std::byte>, kMostAtOnce> records;
      const std::size_t count = std::min(values.size(), kMostAtOnce);
      for (std::size_t i = 0; i < count; ++i) {
        records[i] = Write(values[i], buffers[i]);
      }
      return producer_.TryPushSome({records.data(), count}, pushed);
    }
    // More than most of them need in the end.
    RingResult TryReserve(T*& slot) {
      payload_ = {};
      const RingResult result = producer_.TryReserve(kMostBytes, payload_);
      slot = reinterpret_cast<T*>(payload_.data());
      return result;
    }
    bool Commit() {
      std::size_t length = 0;
      if (!payload_.empty()) {
        T value;
        std::memcpy(&value, payload_.data(), sizeof(T));
        Buffer buffer;
        const auto record = Write(value, buffer);
        length = record.size();
        std::memcpy(payload_.data(), record.data(), length);
      }
      payload_ = {};
      return producer_.Commit(length);
    }
    bool Abort() {
      payload_ = {};
      return producer_.Abort();
    }
    RingResult Close() {
      payload_ = {};
      return producer_.Close();
    }

   private:
    static constexpr std::size_t kMostAtOnce = 10;

    MpscByteRing::Producer producer_;
    std::span<std::byte> payload_;
  };

  class Consumer {
   public:
    explicit Consumer(MpscByteRing::Consumer consumer)
        : consumer_(std::move(consumer)) {}

    RingResult TryPop(T& value) {
      const RingResult result = Front();
      if (result != RingResult::kOk) return result;
      is_peeked_ = false;
      return Read(value);
    }
    // One.
    RingResult TryPopSome(std::span<T> values, std::size_t& popped) {
      const RingResult result = TryPop(values[0]);
      popped = result == RingResult::kOk ? 1 : 0;
      return result;
    }
    RingResult TryPeek(SharedSpan<T>& value) {
      value = {};
      const RingResult result = Front();
      if (result != RingResult::kOk) return result;
      T copy;
      if (Read(copy) != RingResult::kOk) return RingResult::kCorrupt;
      value = {reinterpret_cast<const T*>(record_.TrustPeer().data()), 1};
      return result;
    }
    bool Retire() {
      if (!is_peeked_) return false;
      Publish();
      return true;
    }
    void Publish() {
      is_peeked_ = false;
      consumer_.Retire();
      consumer_.Publish();
    }
    void Close() {
      is_peeked_ = false;
      consumer_.Close();
    }
    [[nodiscard]] std::uint64_t blocker() const { return consumer_.blocker(); }

   private:
    // What was only looked at comes again.
    RingResult Front() {
      if (is_peeked_) return RingResult::kOk;
      const RingResult result = consumer_.TryFront(record_);
      is_peeked_ = result == RingResult::kOk;
      return result;
    }
    // kCorrupt: it is none that was pushed.
    RingResult Read(T& value) const {
      Buffer found;
      if (record_.size() < sizeof(T) || record_.size() > kMostBytes) {
        return RingResult::kCorrupt;
      }
      record_.CopyOut(found);
      std::memcpy(&value, found.data(), sizeof(T));
      Buffer buffer;
      const auto expected = Write(value, buffer);
      return std::ranges::equal(std::span(found).first(record_.size()),
                                expected)
                 ? RingResult::kOk
                 : RingResult::kCorrupt;
    }

    MpscByteRing::Consumer consumer_;
    SharedBytes record_;
    bool is_peeked_ = false;
  };

  [[nodiscard]] std::uint64_t capacity() const {
    return ring_.capacity() / MpscByteRing::kGranuleBytes;
  }
  Result<Producer> ClaimProducer(OwnerId by = OwnerId::Unowned()) const {
    auto producer = ring_.ClaimProducer(by);
    if (!producer) return producer.error();
    return Producer(*std::move(producer));
  }
  Result<Consumer> ClaimConsumer(Pace pace = Pace::kPrompt,
                                 OwnerId by = OwnerId::Unowned()) const {
    return As(ring_.ClaimConsumer(pace, by));
  }
  [[nodiscard]] RoleHolder ConsumerHolder() const {
    return ring_.ConsumerHolder();
  }
  Result<Consumer> TakeOverConsumer(AttestedDeath death,
                                    Pace pace = Pace::kPrompt,
                                    OwnerId by = OwnerId::Unowned()) const {
    return As(ring_.TakeOverConsumer(death, pace, by));
  }
  bool Recover(const DeadOwner& dead) const { return ring_.Recover(dead); }

 private:
  using Buffer = std::array<std::byte, kMostBytes>;

  explicit ValueRecords(const MpscByteRing& ring) : ring_(ring) {}

  static Result<Consumer> As(Result<MpscByteRing::Consumer> consumer) {
    if (!consumer) return consumer.error();
    return Consumer(*std::move(consumer));
  }

  // The record of a value.
  static std::span<const std::byte> Write(const T& value, Buffer& buffer) {
    std::memcpy(buffer.data(), &value, sizeof(T));
    const std::uint64_t number = value.number();
    const auto behind =
        static_cast<std::size_t>(number * 37 % (kMostBehind + 1));
    for (std::size_t i = 0; i < behind; ++i) {
      buffer[sizeof(T) + i] = static_cast<std::byte>(number * 11 + i);
    }
    return std::span(buffer).first(sizeof(T) + behind);
  }

  MpscByteRing ring_;
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_SUPPORT_VALUE_RECORDS_H_
