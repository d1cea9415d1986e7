// SPDX-License-Identifier: Apache-2.0
#include "tests/model/memory.h"

#include <algorithm>
#include <cstring>

namespace placid::model {
namespace {

// Room between neighbours for stores that come to lie between them.
constexpr Timestamp kGap = 1 << 16;

std::uint64_t ReadReal(const void* at, std::size_t bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, bytes);
  return value;
}

}  // namespace

void Memory::Clear() {
  size_ = 0;
  error_.clear();
}

int Memory::Find(const void* at, std::size_t bytes) {
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  for (int i = 0; i < size_; ++i) {
    const Location& known = locations_[i];
    if (known.address == address && known.bytes == bytes) return i;
    if (address < known.address + known.bytes &&
        known.address < address + bytes) {
      error_ =
          "bytes are accessed in pieces of different sizes: choose "
          "Options::copy_granule to fit, accesses of mixed size are not "
          "modelled";
      return -1;
    }
  }
  if (size_ == kMaxLocations) {
    error_ = "more than kMaxLocations shared words";
    return -1;
  }
  Location& fresh = locations_[size_];
  fresh.address = address;
  fresh.bytes = static_cast<std::uint8_t>(bytes);
  fresh.is_plain = plain_addresses_.contains(address);
  fresh.count = 1;
  fresh.messages[0] = {ReadReal(at, bytes), 0, false, View{}};
  fresh.accesses = {};
  return size_++;
}

int Memory::OldestReadable(int location, const View& view) const {
  const Location& at = locations_[location];
  int oldest = at.count - 1;
  while (oldest > 0 && at.messages[oldest].at > view.seen[location]) --oldest;
  return oldest;
}

Message* Memory::Insert(int location, int after, std::uint64_t value) {
  Location& at = locations_[location];
  if (at.count == kMaxMessages) {
    error_ = "more than kMaxMessages stores to one word";
    return nullptr;
  }
  const Timestamp left = at.messages[after].at;
  Timestamp middle = left + kGap;
  if (after + 1 < at.count) {
    middle = left + (at.messages[after + 1].at - left) / 2;
    if (middle == left) {
      error_ = "too many stores came to lie between the same two";
      return nullptr;
    }
  }
  for (int i = at.count; i > after + 1; --i) {
    at.messages[i] = at.messages[i - 1];
  }
  ++at.count;
  Message& message = at.messages[after + 1];
  message.value = value;
  message.at = middle;
  message.is_followed = false;
  return &message;
}

bool Memory::MarkPlain(int location) {
  Location& at = locations_[location];
  if (at.is_plain) return true;
  at.is_plain = true;
  plain_addresses_.insert(at.address);
  return false;
}

int Memory::Record(int location, Access access, int thread, View& current) {
  Accesses& all = locations_[location].accesses;
  const auto races = [&](const auto& clocks) {
    for (int other = 0; other < kMaxThreads; ++other) {
      if (other != thread && clocks[other] > current.clock[other]) return other;
    }
    return -1;
  };
  // Two accesses conflict if one of them writes and one of them is plain.
  int other = races(all.plain_writes);
  const bool is_write =
      access == Access::kPlainWrite || access == Access::kAtomicWrite;
  const bool is_plain =
      access == Access::kPlainRead || access == Access::kPlainWrite;
  if (other < 0 && is_write) other = races(all.plain_reads);
  if (other < 0 && is_plain) other = races(all.atomic_writes);
  if (other < 0 && is_plain && is_write) other = races(all.atomic_reads);
  const std::uint32_t now = ++current.clock[thread];
  switch (access) {
    case Access::kPlainRead: all.plain_reads[thread] = now; break;
    case Access::kPlainWrite: all.plain_writes[thread] = now; break;
    case Access::kAtomicRead: all.atomic_reads[thread] = now; break;
    case Access::kAtomicWrite: all.atomic_writes[thread] = now; break;
  }
  return other;
}

void Memory::WriteBack() const {
  for (int i = 0; i < size_; ++i) {
    const Location& at = locations_[i];
    const std::uint64_t& newest = at.messages[at.count - 1].value;
    // What nobody has changed may be a constant.
    auto* const bytes = reinterpret_cast<void*>(at.address);
    if (std::memcmp(bytes, &newest, at.bytes) == 0) continue;
    std::memcpy(bytes, &newest, at.bytes);
  }
}

// ---- Hash -------------------------------------------------------------------

int Memory::Rank(int location, Timestamp at) const {
  const Location& where = locations_[location];
  int rank = where.count - 1;
  while (rank > 0 && where.messages[rank].at > at) --rank;
  return std::max(rank - base_[location], 0);
}

void Memory::StartHash(std::span<const View* const> live) {
  for (int i = 0; i < size_; ++i) {
    base_[i] = locations_[i].count - 1;
    for (const View* view : live) {
      base_[i] = std::min(base_[i], OldestReadable(i, *view));
    }
  }
}

// Locations are summed, not chained: they are numbered in the order of their
// first access, which the state does not depend on.
std::uint64_t Memory::HashJoined(const View& a, const View& b,
                                 int threads) const {
  std::uint64_t sum = 0;
  for (int i = 0; i < size_; ++i) {
    const int rank = Rank(i, std::max(a.seen[i], b.seen[i]));
    if (rank > 0) {
      sum += Mix(locations_[i].address, static_cast<std::uint64_t>(rank));
    }
  }
  for (int i = 0; i < threads; ++i) {
    sum = Mix(sum, std::max(a.clock[i], b.clock[i]));
  }
  return sum;
}

std::uint64_t Memory::HashView(const View& view, int threads) const {
  return HashJoined(view, view, threads);
}

std::uint64_t Memory::HashMessages(int threads) const {
  std::uint64_t sum = 0;
  for (int i = 0; i < size_; ++i) {
    const Location& at = locations_[i];
    std::uint64_t hash = at.address;
    for (int m = base_[i]; m < at.count; ++m) {
      hash = Mix(hash, at.messages[m].value);
      hash = Mix(hash, at.messages[m].is_followed ? 1 : 0);
      hash = Mix(hash, HashView(at.messages[m].view, threads));
    }
    if (at.is_plain) {
      const Accesses& all = at.accesses;
      for (int t = 0; t < threads; ++t) {
        hash = Mix(hash, std::uint64_t{all.plain_reads[t]} << 32 |
                             all.plain_writes[t]);
        hash = Mix(hash, std::uint64_t{all.atomic_reads[t]} << 32 |
                             all.atomic_writes[t]);
      }
    }
    // A location that was only ever looked at is as one not yet found.
    if (at.count > 1 || at.is_plain) sum += hash;
  }
  return sum;
}

}  // namespace placid::model
