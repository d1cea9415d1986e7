// SPDX-License-Identifier: Apache-2.0
//
// Mailbox: a placed type of one's own, and all that it takes to fuzz it.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "fuzz/harness.h"  // first: it puts the hostile machine underneath
#include "placid/base/atomic.h"

// ---- The type, in real life a header of its own ----

// One message of up to 56 bytes, from anybody to anybody.
struct Mailbox {
  using Message = std::array<std::byte, 56>;

  placid::Atomic<std::uint64_t> size;  // plus one; 0: empty
  Message text;

  bool TryPut(std::span<const std::byte> message) {
    if (message.size() > text.size()) return false;
    if (size.load(placid::kAcquire) != 0) return false;  // sync: take (acquire)
    placid::machine::CopyIn(text.data(), message.data(), message.size());
    size.store(message.size() + 1, placid::kRelease);  // sync: put (release)
    return true;
  }
  // The message's size; nullopt: none, or a damaged one.
  std::optional<std::size_t> TryTake(Message& to) {
    // Read once, check, use: with a second size.load() below, the fuzzer finds
    // within a second that CopyOut overruns `to`.
    const std::uint64_t found =
        size.load(placid::kAcquire);  // sync: put (acquire)
    if (found == 0 || found > text.size() + 1) return std::nullopt;
    const auto bytes = static_cast<std::size_t>(found - 1);
    placid::machine::RacyCopyOut(to.data(), text.data(), bytes);
    size.store(0, placid::kRelease);  // sync: take (release)
    return bytes;
  }
};

// ---- The target ----

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace placid::fuzz;  // NOLINT
  static GuardedArena arena(sizeof(Mailbox));
  Input input(data, size);
  const auto bytes = arena.Place(sizeof(Mailbox), 128);  // zeroed
  auto* mailbox = reinterpret_cast<Mailbox*>(bytes.data());

  const auto honesty = input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  HostilePeer peer(input, bytes, honesty);
  std::optional<std::vector<std::byte>> model;  // what an honest one holds
  while (!input.is_spent()) {
    peer.Allow(4);  // accesses that one operation may make
    Mailbox::Message message{};
    switch (input.TakeAtMost(2)) {
      case 0: {
        const auto text = input.TakeBytes(input.TakeAtMost(60));
        const bool put = mailbox->TryPut(text);
        if (!peer.is_honest()) break;
        PLACID_FUZZ_CHECK(put == (!model && text.size() <= message.size()));
        if (put) model.emplace(text.begin(), text.end());
        break;
      }
      case 1: {
        const auto taken = mailbox->TryTake(message);
        PLACID_FUZZ_CHECK(taken.value_or(0) <= message.size());
        if (!peer.is_honest()) break;
        PLACID_FUZZ_CHECK(taken.has_value() == model.has_value());
        PLACID_FUZZ_CHECK(
            !model ||
            std::ranges::equal(*model, std::span(message).first(*taken)));
        model.reset();
        break;
      }
      default: peer.Scribble();  // a hostile one writes any word meanwhile
    }
  }
  arena.CheckSurroundings();
  return 0;
}
