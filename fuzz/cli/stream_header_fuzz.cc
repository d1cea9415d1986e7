// SPDX-License-Identifier: Apache-2.0
//
// StreamHeader: what a sender and a receiver of the program read of each other.
// With an honest peer each word is what was stored last; with a hostile one a
// state is still one of the list, and every access is one of the header's.
#include <array>
#include <string_view>

// The machine comes before what runs on it.
// clang-format off
#include "fuzz/harness.h"
#include "cli/stream_header.h"
// clang-format on

namespace placid::fuzz {
namespace {

using cli::Side;
using cli::StreamHeader;
using cli::StreamState;

struct Model {
  StreamState state = StreamState::kAbsent;
  os::ProcessIdentity identity;
  StreamHeader::Total total;
};

class Run {
 public:
  Run(Input& input, std::span<std::byte> bytes, Honesty honesty)
      : input_(input), header_(bytes.data()), peer_(input, bytes, honesty) {}

  void Go() {
    // Each side's mask is 16 bytes of that side's line.
    for (const Side side : {Side::kSender, Side::kReceiver}) {
      const auto* mask = &header_.MaskOf(side);
      PLACID_FUZZ_CHECK(peer_.Contains(mask, WaitMask::SizeFor()));
      PLACID_FUZZ_CHECK(mask != &header_.MaskOf(Other(side)));
    }
    PLACID_FUZZ_CHECK(
        peer_.Contains(&header_.doorbells(), Doorbells::SizeFor(2)));
    while (!input_.is_spent()) {
      const Side side = input_.TakeBool() ? Side::kSender : Side::kReceiver;
      PLACID_FUZZ_CHECK(Other(Other(side)) == side && Other(side) != side);
      Model& model = models_[static_cast<std::size_t>(side)];
      peer_.Allow(4);
      switch (input_.TakeAtMost(7)) {
        case 0:
          model.state = cli::ToStreamState(input_.Take<std::uint32_t>() % 9);
          header_.SetState(side, model.state);
          break;
        case 1:
          model.identity = {input_.Take<std::uint64_t>(),
                            input_.Take<std::uint64_t>(),
                            input_.Take<std::uint64_t>(), 1};
          header_.SetIdentity(side, model.identity);
          break;
        case 2:
          model.total = {input_.Take<std::uint64_t>(),
                         input_.Take<std::uint32_t>()};
          header_.SetTotal(side, model.total);
          break;
        case 3:
          expected_bytes_ = input_.Take<std::uint64_t>();
          header_.SetExpectedBytes(expected_bytes_);
          break;
        case 4:
          id_ = {input_.Take<std::uint64_t>(), input_.Take<std::uint64_t>()};
          is_resumable_ = input_.TakeBool();
          header_.SetId(id_, is_resumable_);
          break;
        case 5:
          recorded_bytes_ = input_.Take<std::uint64_t>();
          header_.SetRecordedBytes(recorded_bytes_);
          break;
        default: peer_.Scribble();
      }
      CheckAll(Side::kSender);
      CheckAll(Side::kReceiver);
    }
  }

 private:
  void CheckAll(Side side) {
    const Model& model = models_[static_cast<std::size_t>(side)];
    peer_.AllowReads(1);
    const StreamState state = header_.State(side);
    PLACID_FUZZ_CHECK(state <= StreamState::kPeerLost);
    PLACID_FUZZ_CHECK(!(cli::IsPresent(state) && cli::HasGivenUp(state)));
    PLACID_FUZZ_CHECK(!cli::HasGivenUp(state) || cli::MayBeSucceeded(state) ||
                      state == StreamState::kDamaged);
    peer_.AllowReads(4);
    const auto identity = header_.IdentityOf(side);
    peer_.AllowReads(2);
    const auto total = header_.TotalOf(side);
    peer_.AllowReads(1);
    const std::uint64_t expected_bytes = header_.ExpectedBytes();
    peer_.AllowReads(4);
    const auto id = header_.Id();
    const bool is_resumable = header_.IsResumable();
    const std::uint64_t recorded_bytes = header_.RecordedBytes();
    peer_.AllowReads(1);
    const auto stamp =
        CheckStamp(header_.stamp(), StreamHeader::kStamp, "joining");
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(state == model.state);
    PLACID_FUZZ_CHECK(identity == model.identity);
    PLACID_FUZZ_CHECK(total == model.total);
    PLACID_FUZZ_CHECK(expected_bytes == expected_bytes_);
    PLACID_FUZZ_CHECK(id == id_);
    PLACID_FUZZ_CHECK(is_resumable == is_resumable_);
    PLACID_FUZZ_CHECK(recorded_bytes == recorded_bytes_);
    PLACID_FUZZ_CHECK(stamp.error().code == ErrorCode::kNotInitialized);
  }

  Input& input_;
  StreamHeader header_;
  HostilePeer peer_;
  std::array<Model, 2> models_;
  std::uint64_t expected_bytes_ = 0;
  cli::StreamId id_;
  bool is_resumable_ = false;
  std::uint64_t recorded_bytes_ = 0;
};

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace placid::fuzz;  // NOLINT
  constexpr std::size_t kBytes = sizeof(StreamHeader::Memory);
  static GuardedArena arena(kBytes);
  Input input(data, size);
  const auto honesty = input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  Run(input, arena.Place(kBytes, StreamHeader::kAlignment), honesty).Go();
  arena.CheckSurroundings();
  return 0;
}
