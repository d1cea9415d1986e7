// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/stage.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace placid::crash {
namespace {

// Fixed, so that a failure's numbers are the same each time.
constexpr std::uint64_t kHere = 0x1000'0000'0000;
constexpr std::uint64_t kThere = kHere + Stage::kMostBytes;
constexpr std::uint64_t kLedger = 0x2000'0000'0000;
constexpr std::uint64_t kControl = 0x3000'0000'0000;

std::byte* Map(std::uint64_t address, std::size_t bytes, int fd) {
  void* const wanted = reinterpret_cast<void*>(address);
  void* const at = mmap(
      wanted, bytes, PROT_READ | PROT_WRITE,
      MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0) | MAP_FIXED_NOREPLACE, fd, 0);
  if (at != wanted) {
    std::perror("no memory for the stage");
    std::exit(2);
  }
  return static_cast<std::byte*>(at);
}

int MakeObjectFile() {
  const int fd = memfd_create("crash", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, Stage::kMostBytes) != 0) {
    std::perror("memfd_create");
    std::exit(2);
  }
  return fd;
}

void Append(std::string& text, const void* from, std::size_t bytes) {
  text.append(static_cast<const char*>(from), bytes);
}

}  // namespace

std::string Image::Key() const {
  std::string key;
  Append(key, object.data(), object.size());
  for (const std::vector<Event>& lane : ledger.lanes) {
    const std::size_t count = lane.size();
    Append(key, &count, sizeof(count));
    Append(key, lane.data(), lane.size() * sizeof(Event));
  }
  return key;
}

std::string Difference(const std::vector<std::byte>& before,
                       const std::vector<std::byte>& after) {
  std::string text;
  for (std::size_t at = 0; at < after.size(); at += 8) {
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    const std::size_t n = std::min<std::size_t>(8, after.size() - at);
    if (at < before.size()) std::memcpy(&a, &before[at], n);
    std::memcpy(&b, &after[at], n);
    if (a == b) continue;
    std::array<char, 100> line;
    std::snprintf(line.data(), line.size(), "    0x%03zx  %016llx -> %016llx\n",
                  at, static_cast<unsigned long long>(a),
                  static_cast<unsigned long long>(b));
    text += line.data();
  }
  return text.empty() ? "    nothing\n" : text;
}

Stage& Stage::Get() {
  static Stage stage;
  return stage;
}

Stage::Stage()
    : ledger_(reinterpret_cast<Ledger::Memory*>(
          Map(kLedger, sizeof(Ledger::Memory), -1))) {
  const int fd = MakeObjectFile();
  here_ = Map(kHere, kMostBytes, fd);
  there_ = Map(kThere, kMostBytes, fd);
  close(fd);
  control_ = reinterpret_cast<Control*>(Map(kControl, sizeof(Control), -1));
}

void Stage::Clear(std::size_t bytes) {
  if (bytes > kMostBytes) {
    std::fprintf(stderr, "an object of %zu bytes is too large\n", bytes);
    std::exit(2);
  }
  bytes_ = bytes;
  std::memset(here_, 0, bytes);
  ledger_.Open();
  control_->has_ended = 0;
  control_->verdict[0] = '\0';
}

Image Stage::Save() const {
  Image image;
  image.object.assign(here_, here_ + bytes_);
  image.ledger = ledger_.Save();
  return image;
}

void Stage::Restore(const Image& image) {
  std::copy(image.object.begin(), image.object.end(), here_);
  ledger_.Restore(image.ledger);
  control_->has_ended = 0;
  control_->verdict[0] = '\0';
}

bool Stage::HasChangedSince(const Image& image) const {
  return ledger_.size() !=
             image.ledger.lanes[0].size() + image.ledger.lanes[1].size() ||
         std::memcmp(here_, image.object.data(), bytes_) != 0;
}

std::vector<Scenario>& Scenarios() {
  static std::vector<Scenario> scenarios;
  return scenarios;
}

Ledger& Book() { return Stage::Get().ledger(); }

bool IsSoaking() { return Stage::Get().is_soaking; }

void Fail(const std::string& what) {
  Stage& stage = Stage::Get();
  std::snprintf(stage.control().verdict.data(), stage.control().verdict.size(),
                "%s", what.c_str());
  if (stage.is_in_child) _exit(1);
  throw what;
}

}  // namespace placid::crash
