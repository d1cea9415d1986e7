// SPDX-License-Identifier: Apache-2.0
#include "cli/tar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/system.h"

namespace placid::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kBlock = 512;
constexpr std::uint64_t kEndBytes = 2 * kBlock;
constexpr std::uint64_t RoundUp(std::uint64_t bytes) {
  return (bytes + kBlock - 1) / kBlock * kBlock;
}

// A file's header: texts and octal digits, zero-filled.
struct Header {
  std::array<char, 100> name;
  std::array<char, 8> mode;
  std::array<char, 8> uid;
  std::array<char, 8> gid;
  std::array<char, 12> size;
  std::array<char, 12> mtime;
  std::array<char, 8> checksum;
  char type;
  std::array<char, 100> link;
  std::array<char, 8> magic;
  std::array<char, 64> owner;
  std::array<char, 16> device;
  std::array<char, 155> prefix;
  std::array<char, 12> pad;
};
static_assert(sizeof(Header) == kBlock);

constexpr std::array<char, 8> kMagic = {'u', 's', 't', 'a', 'r', 0, '0', '0'};
constexpr char kRegular = '0';

// The sum of all bytes, those of the checksum taken as blanks.
std::uint64_t SumOf(Header header) {
  header.checksum.fill(' ');
  std::array<unsigned char, kBlock> bytes;
  std::memcpy(bytes.data(), &header, kBlock);
  std::uint64_t sum = 0;
  for (const unsigned char byte : bytes) sum += byte;
  return sum;
}

template <std::size_t kSize>
void PutOctal(std::array<char, kSize>& field, std::uint64_t value) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%0*llo", static_cast<int>(kSize - 1),
                static_cast<unsigned long long>(value));
  std::copy_n(text.begin(), kSize - 1, field.begin());
}

template <std::size_t kSize>
std::uint64_t GetOctal(const std::array<char, kSize>& field) {
  std::uint64_t value = 0;
  std::from_chars(field.data(), field.data() + kSize, value, 8);
  return value;
}

// Names longer than 100 bytes are divided at a slash. False: not possible.
bool PutName(Header& header, const std::string& name) {
  std::size_t split = 0;
  if (name.size() > header.name.size()) {
    split = name.find('/', name.size() - header.name.size() - 1);
    if (split == std::string::npos || split > header.prefix.size()) {
      return false;
    }
    std::copy_n(name.begin(), split, header.prefix.begin());
    ++split;
  }
  std::copy(name.begin() + static_cast<std::ptrdiff_t>(split), name.end(),
            header.name.begin());
  return true;
}

// The paths directly below `directory`, in order; none if it cannot be read.
std::vector<fs::path> ChildrenOf(const fs::path& directory) {
  std::vector<fs::path> children;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    children.push_back(at->path());
  }
  std::ranges::sort(children);
  return children;
}

class Collector {
 public:
  Collector(fs::path root, std::uint64_t most_bytes)
      : root_(std::move(root)), left_(most_bytes) {}

  void Collect(const fs::path& directory) {
    for (const fs::path& path : ChildrenOf(directory)) {
      if (is_full_) return;
      std::error_code error;
      const auto type = fs::symlink_status(path, error).type();
      if (type == fs::file_type::directory) {
        Collect(path);
      } else if (type == fs::file_type::regular) {
        Add(path);
      }
    }
  }

  std::vector<TarWriter::Entry> entries;

 private:
  void Add(const fs::path& path) {
    std::error_code error;
    const std::uint64_t bytes = fs::file_size(path, error);
    const std::string name = path.lexically_relative(root_).generic_string();
    Header scratch{};
    if (error || !PutName(scratch, name)) return;
    if (!File::OpenToRead(path.string())) return;
    const std::uint64_t in_archive = kBlock + RoundUp(bytes);
    is_full_ = in_archive > left_;
    if (is_full_) return;
    left_ -= in_archive;
    entries.push_back({path.string(), name, bytes});
  }

  fs::path root_;
  std::uint64_t left_;
  bool is_full_ = false;
};

}  // namespace

// ---- TarWriter --------------------------------------------------------------

TarWriter::TarWriter(const std::string& directory, std::uint64_t most_bytes) {
  Collector collector(directory, std::max(most_bytes, kEndBytes) - kEndBytes);
  collector.Collect(directory);
  entries_ = std::move(collector.entries);
  size_ = kEndBytes;
  for (const Entry& entry : entries_) size_ += kBlock + RoundUp(entry.bytes);
}

std::size_t TarWriter::Read(std::span<std::byte> to) {
  const std::size_t wanted = to.size();
  while (!to.empty()) {
    if (block_left_ > 0) {
      CopyBlock(to);
    } else if (content_left_ > 0) {
      ReadContent(to);
    } else if (zeros_left_ > 0) {
      const std::size_t n = std::min(zeros_left_, to.size());
      std::ranges::fill(to.first(n), std::byte{});
      zeros_left_ -= n;
      to = to.subspan(n);
    } else if (entry_ < entries_.size()) {
      BeginEntry();
    } else if (!is_ending_) {
      is_ending_ = true;
      zeros_left_ = kEndBytes;
    } else {
      break;
    }
  }
  return wanted - to.size();
}

void TarWriter::CopyBlock(std::span<std::byte>& to) {
  const std::size_t n = std::min(block_left_, to.size());
  std::copy_n(block_.end() - static_cast<std::ptrdiff_t>(block_left_), n,
              to.begin());
  block_left_ -= n;
  to = to.subspan(n);
}

// A file that has become shorter is filled up with zeros: its header is out.
void TarWriter::ReadContent(std::span<std::byte>& to) {
  const auto most = static_cast<std::size_t>(
      std::min<std::uint64_t>(content_left_, to.size()));
  const auto read = file_.Read(to.first(most));
  if (!read || *read == 0) {
    zeros_left_ += static_cast<std::size_t>(content_left_);
    content_left_ = 0;
    return;
  }
  content_left_ -= *read;
  to = to.subspan(*read);
}

void TarWriter::BeginEntry() {
  const Entry& entry = entries_[entry_++];
  Header header{};
  PutName(header, entry.name);
  constexpr std::uint64_t kMode = 0644;
  PutOctal(header.mode, kMode);
  PutOctal(header.uid, 0);
  PutOctal(header.gid, 0);
  PutOctal(header.size, entry.bytes);
  PutOctal(header.mtime, 0);
  header.type = kRegular;
  header.magic = kMagic;
  PutOctal(header.checksum, SumOf(header));
  std::memcpy(block_.data(), &header, kBlock);
  block_left_ = kBlock;
  content_left_ = entry.bytes;
  zeros_left_ = static_cast<std::size_t>(RoundUp(entry.bytes) - entry.bytes);
  auto file = File::OpenToRead(entry.path);
  file_ = file ? *std::move(file) : File();
}

// ---- TarReader --------------------------------------------------------------

void TarReader::Write(std::span<const std::byte> from) {
  while (!from.empty()) {
    if (skip_ > 0) {
      const auto n =
          static_cast<std::size_t>(std::min<std::uint64_t>(skip_, from.size()));
      skip_ -= n;
      from = from.subspan(n);
      continue;
    }
    const std::size_t n = std::min(kBlock - filled_, from.size());
    std::copy_n(from.begin(), n,
                block_.begin() + static_cast<std::ptrdiff_t>(filled_));
    filled_ += n;
    from = from.subspan(n);
    if (filled_ == kBlock) TakeHeader();
  }
}

void TarReader::TakeHeader() {
  filled_ = 0;
  if (std::ranges::all_of(block_,
                          [](std::byte b) { return b == std::byte{}; })) {
    is_ended_ = true;
    return;
  }
  Header header;
  std::memcpy(&header, block_.data(), kBlock);
  if (is_ended_ || header.magic != kMagic || header.type != kRegular ||
      GetOctal(header.checksum) != SumOf(header)) {
    is_broken_ = true;
    return;
  }
  const std::uint64_t bytes = GetOctal(header.size);
  ++files_;
  content_bytes_ += bytes;
  skip_ = RoundUp(bytes);
}

}  // namespace placid::cli
