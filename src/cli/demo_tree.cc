// SPDX-License-Identifier: Apache-2.0
//
// Act 1: a directory tree as a tar archive, streamed between two processes.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "cli/crc32c.h"
#include "cli/demo_stage.h"
#include "cli/stream_header.h"
#include "cli/system.h"
#include "cli/tar.h"
#include "cli/text.h"
#include "cli/transfer.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"

namespace placid::cli {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20;

std::string SomeTree() {
  const char* system_root = std::getenv("SystemRoot");
  for (const std::string& tree :
       {std::string("/usr/lib"), std::string("/usr/share"),
        std::string(system_root == nullptr ? "" : system_root)}) {
    std::error_code error;
    if (!tree.empty() && std::filesystem::is_directory(tree, error)) {
      return tree;
    }
  }
  return ".";
}

TransferOptions QuietStream(const std::string& name) {
  return {.name = *os::Name::Sanitize(name),
          .file = {},
          .capacity = kDefaultCapacity,
          .most_bytes = UINT64_MAX,
          .is_quiet = true};
}

Json ReportOf(const TransferReport& report, std::uint64_t files) {
  return {{"ok", report.outcome.is_ok()},
          {"message", report.outcome.message},
          {"bytes", report.total.bytes},
          {"crc32c", FormatCrc(report.total.crc32c)},
          {"files", files},
          {"seconds", report.seconds}};
}

int SendTree(const std::string& name, const std::string& tree) {
  TarWriter tar(tree, kMostBytes);
  const auto report = SendFrom(
      QuietStream(name),
      [&tar](std::span<std::byte> to) -> Result<std::size_t> {
        return tar.Read(to);
      },
      tar.size_bytes());
  PrintReport(ReportOf(report, tar.files()));
  return 0;
}

int ReceiveTree(const std::string& name) {
  TarReader tar;
  const auto report = ReceiveInto(
      QuietStream(name),
      [&tar](std::span<const std::byte> from) {
        tar.Write(from);
        return Ok();
      },
      [] { return Ok(); });
  Json json = ReportOf(report, tar.files());
  json["is_whole"] = tar.is_whole();
  PrintReport(json);
  return 0;
}

// The same archive, read from the files without a ring between.
StreamHeader::Total ReadDirectly(TarWriter tar) {
  StreamHeader::Total total;
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  for (;;) {
    const std::size_t n = tar.Read(buffer);
    if (n == 0) return total;
    total.bytes += n;
    total.crc32c = ExtendCrc32c(total.crc32c, std::span(buffer).first(n));
  }
}

}  // namespace

void ShowTree(Stage& stage, const std::string& asked_for) {
  const std::string tree = asked_for.empty() ? SomeTree() : asked_for;
  // Once before, so that all is read from memory afterwards; once after, in
  // case somebody changes the files meanwhile.
  const StreamHeader::Total before = ReadDirectly(TarWriter(tree, kMostBytes));

  const auto self = os::ThisProcess();
  const std::string name = Concat("demo-", self ? self->pid : std::uint64_t{0});
  auto receiver = Helper::Start({"receive-tree", name});
  auto sender = Helper::Start({"send-tree", name, tree});
  if (!receiver || !sender) {
    return stage.Fail("the helper processes could not be started");
  }
  const std::uint64_t sender_pid = sender->pid();
  const std::uint64_t receiver_pid = receiver->pid();
  const auto [sent, received] = Helper::Reports(*sender, *receiver);
  if (sent.is_null() || received.is_null()) {
    (void)os::SharedObject::Unlink(QuietStream(name).name);  // of the dead
    return stage.Fail("a helper process failed");
  }
  for (const Json* report : {&sent, &received}) {
    if (!report->at("ok")) stage.Fail(report->at("message").get<std::string>());
  }
  const StreamHeader::Total after = ReadDirectly(TarWriter(tree, kMostBytes));

  const auto files = received["files"].get<std::uint64_t>();
  const auto bytes = received["bytes"].get<std::uint64_t>();
  const double seconds = std::max(received["seconds"].get<double>(), 1e-9);
  stage.Print(Concat("   ", tree, ": ", FormatCount(files), " files, ",
                     FormatBytes(bytes)));
  const auto line = [&stage](const char* who, std::uint64_t total_bytes,
                             const std::string& crc, const std::string& more) {
    stage.Print(Concat("     ", who, FormatCount(total_bytes),
                       " bytes, CRC-32C ", crc, more));
  };
  line("sent      ", sent["bytes"].get<std::uint64_t>(),
       sent["crc32c"].get<std::string>(), Concat("  by process ", sender_pid));
  line("received  ", bytes, received["crc32c"].get<std::string>(),
       Concat("  by process ", receiver_pid));
  line("on disk   ", after.bytes, FormatCrc(after.crc32c),
       "  read again, without the ring");
  stage.Print(Concat("   in ", FormatSeconds(seconds), ": ",
                     FormatRate(static_cast<double>(bytes) / seconds),
                     ", most of it spent opening and reading the files"));

  if (sent["crc32c"] != received["crc32c"] ||
      sent["bytes"] != received["bytes"]) {
    stage.Fail("the two processes disagree about the bytes");
  }
  if (!received["is_whole"].get<bool>() || sent["files"] != received["files"]) {
    stage.Fail("what arrived is not the whole archive");
  }
  const bool is_same = received["bytes"] == after.bytes &&
                       received["crc32c"] == FormatCrc(after.crc32c);
  if (!is_same && before == after) {
    stage.Fail("what arrived is not what is on the disk");
  } else if (!is_same) {
    stage.Print("   (somebody changed the files while we read them)");
  }
  stage.facts.update({{"tree", tree},
                      {"files", files},
                      {"bytes", bytes},
                      {"seconds", seconds},
                      {"crc32c_sent", sent["crc32c"]},
                      {"crc32c_received", received["crc32c"]},
                      {"crc32c_on_disk", FormatCrc(after.crc32c)}});
}

std::optional<int> HelpTree(const std::vector<std::string>& arguments) {
  const bool sends = arguments.size() == 3 && arguments[0] == "send-tree";
  const bool receives = arguments.size() == 2 && arguments[0] == "receive-tree";
  if (!sends && !receives) return std::nullopt;
  CatchInterruptions();
  return sends ? SendTree(arguments[1], arguments[2])
               : ReceiveTree(arguments[1]);
}

}  // namespace placid::cli
