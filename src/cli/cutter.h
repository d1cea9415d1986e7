// SPDX-License-Identifier: Apache-2.0
//
// Cutter: cuts what is read into units that are to stay whole: lines, or
// records behind their lengths.
//
// A unit that is longer than a cut comes in several, of which only the last one
// ends it. A line ends with '\n', which belongs to it. A record is 4 bytes,
// its length, little-endian, and so many bytes.
#ifndef PLACID_SRC_CLI_CUTTER_H_
#define PLACID_SRC_CLI_CUTTER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace placid::cli {

enum class Framing : std::uint8_t { kLines, kLengths };

struct Cut {
  std::span<const std::byte> bytes;
  bool is_end;  // of a unit; else the next cut goes on with it
};

class Cutter {
 public:
  enum class Share : std::uint8_t {
    kOneUnit,    // a cut has one unit at most
    kManyUnits,  // or as many as are there
  };

  // Cuts of `most_bytes` at most, from 8.
  Cutter(Framing framing, Share share, std::size_t most_bytes)
      : framing_(framing),
        share_(share),
        most_bytes_(most_bytes),
        buffer_(2 * most_bytes + 1) {}

  // Where to read to, never empty once Next has given nothing; and how much was
  // read.
  std::span<std::byte> Room();
  void Fill(std::size_t bytes) { end_ += bytes; }

  // The next cut, valid until Room; nothing: more has to be read. Once nothing
  // more will come, what is left of a line is a cut, too.
  std::optional<Cut> Next(bool is_over = false);

  // Ends a last line that has no '\n'.
  void EndLine();

  // Whether something has been read of a unit that has not ended.
  [[nodiscard]] bool IsWithinUnit() const {
    return begin_ != end_ || unit_bytes_ != 0;
  }
  // What is known to belong to the unit that has not ended: of a record, its
  // length.
  [[nodiscard]] std::uint64_t unit_bytes() const { return unit_bytes_; }

 private:
  [[nodiscard]] std::span<const std::byte> Held() const {
    return std::span(buffer_).subspan(begin_, end_ - begin_);
  }
  Cut Take(std::size_t bytes, bool is_end);
  std::optional<Cut> NextLines(bool is_over);
  std::optional<Cut> NextRecords();

  Framing framing_;
  Share share_;
  std::size_t most_bytes_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t unit_bytes_ = 0;
  std::uint64_t left_of_record_ = 0;
};

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_CUTTER_H_
