// SPDX-License-Identifier: Apache-2.0
//
// TarWriter, TarReader: as much of the tar format (POSIX.1-1988 ustar) as the
// demo needs: regular files in, their number and sizes out.
#ifndef PLACID_SRC_CLI_TAR_H_
#define PLACID_SRC_CLI_TAR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cli/system.h"

namespace placid::cli {

// One stream of all regular files below a directory, in the order of their
// names, as far as they fit.
class TarWriter {
 public:
  struct Entry {
    std::string path;
    std::string name;  // in the archive
    std::uint64_t bytes = 0;
  };

  // Takes files until the archive has `most_bytes`. What cannot be read is left
  // out; links are not followed.
  TarWriter(const std::string& directory, std::uint64_t most_bytes);

  // Fills as much of `to` as it can; 0: the end.
  std::size_t Read(std::span<std::byte> to);

  [[nodiscard]] std::size_t files() const { return entries_.size(); }
  [[nodiscard]] std::uint64_t size_bytes() const { return size_; }

 private:
  static constexpr std::size_t kBlock = 512;

  void CopyBlock(std::span<std::byte>& to);
  void ReadContent(std::span<std::byte>& to);
  void BeginEntry();

  std::vector<Entry> entries_;
  std::uint64_t size_ = 0;
  std::size_t entry_ = 0;
  File file_;
  std::uint64_t content_left_ = 0;
  std::array<std::byte, kBlock> block_{};
  std::size_t block_left_ = 0;  // of block_, at its end
  std::size_t zeros_left_ = 0;  // padding, or the end of the archive
  bool is_ending_ = false;
};

// Counts what is in a stream as it passes, and checks that it is an archive.
class TarReader {
 public:
  void Write(std::span<const std::byte> from);

  [[nodiscard]] std::uint64_t files() const { return files_; }
  [[nodiscard]] std::uint64_t content_bytes() const { return content_bytes_; }
  // Every header was right, and the archive came to its end.
  [[nodiscard]] bool is_whole() const { return is_ended_ && !is_broken_; }

 private:
  static constexpr std::size_t kBlock = 512;

  void TakeHeader();

  std::array<std::byte, kBlock> block_{};
  std::size_t filled_ = 0;
  std::uint64_t skip_ = 0;  // content and padding still to pass
  std::uint64_t files_ = 0;
  std::uint64_t content_bytes_ = 0;
  bool is_ended_ = false;
  bool is_broken_ = false;
};

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_TAR_H_
