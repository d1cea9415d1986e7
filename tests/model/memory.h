// SPDX-License-Identifier: Apache-2.0
//
// Memory: what the shared words hold, in every sense that C++20 permits.
//
// A view-based operational model in the manner of Kang et al., "A Promising
// Semantics for Relaxed-Memory Concurrency" (POPL 2017), without promises,
// which leaves RC11 (Lahav et al., "Repairing Sequential Consistency in
// C/C++11", PLDI 2017) without sequentially consistent accesses:
//
//   A location is a list of messages, its modification order. Each message has
//   a value, a timestamp that grows along the list, and a view. A view says,
//   for each location, the oldest message that its holder may still read or put
//   a new one before. Views only grow. A load may read any message its thread's
//   view does not forbid; an acquire load then takes over the message's view, a
//   relaxed one keeps it for a later acquire fence. A store may go anywhere
//   after what its thread has seen, not only to the end; a release store's
//   message carries its thread's view.
//
// Plain bytes are locations too, but an access to them that is not ordered with
// another thread's conflicting one, by vector clocks (FastTrack: Flanagan and
// Freund, PLDI 2009), is a data race. Clocks tick only where a race could be,
// or each step would be a new state.
#ifndef PLACID_TESTS_MODEL_MEMORY_H_
#define PLACID_TESTS_MODEL_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_set>

namespace placid::model {

// Bounds. Whoever exceeds one is told so and fails; nothing is cut silently.
inline constexpr int kMaxThreads = 6;
inline constexpr int kMaxLocations = 40;
inline constexpr int kMaxMessages = 40;  // of one location

// An array indexed by int.
template <typename T, int kSize>
struct Table {
  T items[static_cast<std::size_t>(kSize)];
  constexpr T& operator[](int i) { return items[i]; }
  constexpr const T& operator[](int i) const { return items[i]; }
};

using Timestamp = std::uint32_t;

[[nodiscard]] constexpr std::uint64_t Mix(std::uint64_t hash,
                                          std::uint64_t value) {
  hash ^= value + 0x9E37'79B9'7F4A'7C15 + (hash << 6) + (hash >> 2);
  hash *= 0xFF51'AFD7'ED55'8CCD;
  return hash ^ hash >> 32;
}

struct View {
  Table<Timestamp, kMaxLocations> seen{};
  Table<std::uint32_t, kMaxThreads> clock{};

  void JoinSeen(const View& other, int locations) {
    for (int i = 0; i < locations; ++i) {
      if (other.seen[i] > seen[i]) seen[i] = other.seen[i];
    }
  }
  void Join(const View& other, int locations) {
    JoinSeen(other, locations);
    for (int i = 0; i < kMaxThreads; ++i) {
      if (other.clock[i] > clock[i]) clock[i] = other.clock[i];
    }
  }
};

struct Message {
  std::uint64_t value;
  Timestamp at;
  bool is_followed;  // the next message is of an RMW that read this one
  View view;
};

// The latest accesses of each thread to a location that is used plainly.
struct Accesses {
  Table<std::uint32_t, kMaxThreads> plain_reads;
  Table<std::uint32_t, kMaxThreads> plain_writes;
  Table<std::uint32_t, kMaxThreads> atomic_reads;
  Table<std::uint32_t, kMaxThreads> atomic_writes;
};

enum class Access : std::uint8_t {
  kPlainRead,
  kPlainWrite,
  kAtomicRead,
  kAtomicWrite,
};

struct Location {
  std::uintptr_t address;
  std::uint8_t bytes;
  bool is_plain;  // some execution accesses it plainly
  int count;
  Table<Message, kMaxMessages> messages;
  Accesses accesses;

  [[nodiscard]] Message& newest() { return messages[count - 1]; }
};

class Memory {
 public:
  // Forgets everything but which addresses are used plainly.
  void Clear();
  // That too: another program follows.
  void ForgetProgram() { plain_addresses_.clear(); }

  // The location of these bytes; its first message is what they really hold.
  // Negative: error() says why there is none.
  [[nodiscard]] int Find(const void* at, std::size_t bytes);

  [[nodiscard]] Location& operator[](int location) {
    return locations_[location];
  }
  [[nodiscard]] int size() const { return size_; }

  // The oldest message that a thread with this view may read.
  [[nodiscard]] int OldestReadable(int location, const View& view) const;

  // Puts a message after messages[after]. Null: error() says why not.
  Message* Insert(int location, int after, std::uint64_t value);

  // Marks that the location is accessed plainly. False if that is news and the
  // location was accessed atomically before, unrecorded: then all executions so
  // far looked for too few races.
  [[nodiscard]] bool MarkPlain(int location);

  // Records an access and returns the thread whose earlier one it races with,
  // or -1. `current` is the view of the accessing thread.
  int Record(int location, Access access, int thread, View& current);

  // The real bytes get the newest values.
  void WriteBack() const;

  [[nodiscard]] const std::string& error() const { return error_; }

  // ---- For the state's hash

  // Messages that no thread in `live` may read any more are as if they were
  // not.
  void StartHash(std::span<const View* const> live);
  [[nodiscard]] std::uint64_t HashView(const View& view, int threads) const;
  // As HashView(a joined with b), of locations only.
  [[nodiscard]] std::uint64_t HashJoined(const View& a, const View& b,
                                         int threads) const;
  [[nodiscard]] std::uint64_t HashMessages(int threads) const;

 private:
  // Which message it is to those who may still tell it from others.
  [[nodiscard]] int Rank(int location, Timestamp at) const;

  Table<Location, kMaxLocations> locations_;
  int size_ = 0;
  Table<int, kMaxLocations> base_;
  std::unordered_set<std::uintptr_t> plain_addresses_;
  std::string error_;
};

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_MEMORY_H_
