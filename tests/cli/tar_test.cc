// SPDX-License-Identifier: Apache-2.0
#include "cli/tar.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace placid::cli {
namespace {

namespace fs = std::filesystem;

class TarTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    root_ =
        fs::temp_directory_path() / ("placid-tar-" + std::string(test->name()));
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  void Put(const std::string& name, std::size_t size) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name, std::ios::binary) << std::string(size, 'x');
  }

  // The archive, taken out in pieces of `piece` bytes.
  static std::vector<std::byte> ReadAll(TarWriter tar, std::size_t piece) {
    std::vector<std::byte> archive;
    std::vector<std::byte> buffer(piece);
    for (;;) {
      const std::size_t n = tar.Read(buffer);
      if (n == 0) return archive;
      archive.insert(archive.end(), buffer.begin(),
                     buffer.begin() + static_cast<std::ptrdiff_t>(n));
    }
  }
  static TarReader Check(std::span<const std::byte> archive,
                         std::size_t piece) {
    TarReader reader;
    while (!archive.empty()) {
      const std::size_t n = std::min(piece, archive.size());
      reader.Write(archive.first(n));
      archive = archive.subspan(n);
    }
    return reader;
  }

  fs::path root_;
};

// Sizes around a block, and pieces that cut headers, contents and paddings.
TEST_F(TarTest, EveryFileArrivesHoweverTheStreamIsCut) {
  std::uint64_t bytes = 0;
  for (const std::size_t size :
       std::initializer_list<std::size_t>{0, 1, 511, 512, 513, 5000}) {
    Put("folder/of-" + std::to_string(size), size);
    bytes += size;
  }
  const TarWriter tar(root_.string(), UINT64_MAX);
  EXPECT_EQ(tar.files(), 6U);
  const auto whole = ReadAll(TarWriter(root_.string(), UINT64_MAX), 1 << 20);
  EXPECT_EQ(whole.size(), tar.size_bytes());
  for (const std::size_t piece :
       std::initializer_list<std::size_t>{1, 100, 512, 1000, 4096}) {
    EXPECT_EQ(ReadAll(TarWriter(root_.string(), UINT64_MAX), piece), whole);
    const TarReader reader = Check(whole, piece);
    EXPECT_TRUE(reader.is_whole());
    EXPECT_EQ(reader.files(), 6U);
    EXPECT_EQ(reader.content_bytes(), bytes);
  }
}

TEST_F(TarTest, ArchiveStaysWithinItsLimit) {
  for (int i = 0; i < 10; ++i) Put(std::to_string(i), 1000);
  constexpr std::uint64_t kMost = 5 * 1024 + 1024;
  TarWriter tar(root_.string(), kMost);
  EXPECT_EQ(tar.files(), 3U);
  EXPECT_LE(tar.size_bytes(), kMost);
  EXPECT_TRUE(Check(ReadAll(std::move(tar), 512), 512).is_whole());
}

TEST_F(TarTest, FileThatShrankMeanwhileIsFilledUp) {
  Put("file", 3000);
  TarWriter tar(root_.string(), UINT64_MAX);
  const std::uint64_t size = tar.size_bytes();
  fs::resize_file(root_ / "file", 10);
  const auto archive = ReadAll(std::move(tar), 512);
  EXPECT_EQ(archive.size(), size);
  EXPECT_TRUE(Check(archive, 512).is_whole());
}

// A header says how much comes: zeros must.
TEST_F(TarTest, FileThatIsGoneMeanwhileIsFilledUp) {
  Put("file", 3000);
  TarWriter tar(root_.string(), UINT64_MAX);
  const std::uint64_t size = tar.size_bytes();
  fs::remove(root_ / "file");
  const auto archive = ReadAll(std::move(tar), 512);
  EXPECT_EQ(archive.size(), size);
  const TarReader reader = Check(archive, 512);
  EXPECT_TRUE(reader.is_whole());
  EXPECT_EQ(reader.content_bytes(), 3000U);
}

// What the demo relies on to notice a stream that lost or changed something.
TEST_F(TarTest, ReaderNoticesAChangedHeaderAndAMissingEnd) {
  Put("file", 100);
  auto archive = ReadAll(TarWriter(root_.string(), UINT64_MAX), 512);
  EXPECT_FALSE(
      Check(std::span(archive).first(archive.size() - 1024), 512).is_whole());
  archive[3] ^= std::byte{1};
  EXPECT_FALSE(Check(archive, 512).is_whole());
}

TEST_F(TarTest, ReaderNoticesWhatIsNoFileAndWhatComesAfterTheEnd) {
  Put("file", 100);
  const auto whole = ReadAll(TarWriter(root_.string(), UINT64_MAX), 512);
  auto link = whole;
  // Its type, by one, and the last digit of the checksum with it: neither
  // carries.
  constexpr std::size_t kType = 156;
  constexpr std::size_t kChecksum = 148;
  const auto add_one = [](std::byte& digit) {
    digit = static_cast<std::byte>(std::to_integer<int>(digit) + 1);
  };
  add_one(link[kType]);
  std::size_t digit = kChecksum + 6;
  while (link[digit] == std::byte{'7'}) link[digit--] = std::byte{'0'};
  add_one(link[digit]);
  EXPECT_FALSE(Check(link, 512).is_whole());

  auto twice = whole;
  twice.insert(twice.end(), whole.begin(), whole.end());
  EXPECT_FALSE(Check(twice, 512).is_whole());
}

TEST_F(TarTest, LongNamesAreDividedOrLeftOut) {
  const std::string folder(90, 'd');
  Put(folder + "/" + folder + "/" + std::string(90, 'f'), 10);  // 272 bytes
  Put(folder + "/" + std::string(90, 'f'), 10);
  Put(std::string(150, 'f'), 10);  // no slash to divide it at
  TarWriter tar(root_.string(), UINT64_MAX);
  EXPECT_EQ(tar.files(), 1U);
  EXPECT_TRUE(Check(ReadAll(std::move(tar), 512), 512).is_whole());
}

}  // namespace
}  // namespace placid::cli
