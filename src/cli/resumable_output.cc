// SPDX-License-Identifier: Apache-2.0
#include "cli/resumable_output.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "cli/outcome.h"
#include "cli/resume_record.h"
#include "cli/stream_header.h"
#include "cli/system.h"
#include "cli/text.h"
#include "placid/base/error.h"
#include "placid/base/result.h"

namespace placid::cli {

using Total = StreamHeader::Total;

OrOutcome<ResumableOutput> ResumableOutput::Open(const std::string& file) {
  if (!MayBeRegularFile(file)) {
    return Outcome{ExitCode::kUsage,
                   Concat("--resume needs a FILE that it can go on writing "
                          "later: '",
                          file, "' is no regular file")};
  }
  auto opened = File::OpenToWrite(file);
  if (!opened) {
    return InputOutput(Concat("cannot open '", file, "'"), opened.error());
  }
  ResumableOutput output(file, *std::move(opened));
  if (auto fault = output.Look()) {
    output.Withdraw();
    return *std::move(fault);
  }
  return output;
}

std::optional<Outcome> ResumableOutput::Look() {
  record_.reset();
  auto log = File::OpenToRead(record_path_);
  if (!log && log.error().code == ErrorCode::kNotFound) return std::nullopt;
  // One byte more than it may have.
  std::array<std::byte, ResumeRecord::kFileBytes + 1> bytes{};
  std::size_t size = 0;
  while (log && size < bytes.size()) {
    const auto read = log->Read(std::span(bytes).subspan(size));
    if (!read && read.error().code == ErrorCode::kBusy) continue;
    if (!read) log = read.error();
    if (!read || *read == 0) break;
    size += *read;
  }
  if (!log) {
    return InputOutput(Concat("cannot read '", record_path_, "'"), log.error());
  }
  if (size == 0) return std::nullopt;  // its maker died before it wrote

  if (size < bytes.size()) {
    record_ = ResumeRecord::Find(std::span(bytes).first(size));
  }
  if (!record_) {
    return Outcome{
        ExitCode::kInputOutput,
        Concat("'", record_path_,
               "' is damaged: nobody knows how much was received; "
               "nothing was changed: remove it, and send and receive "
               "anew")};
  }
  const std::uint64_t found = output_.BytesLeft().value_or(0);
  if (found < record_->total.bytes) {
    return Outcome{
        ExitCode::kInputOutput,
        Concat("'", path_, "' has ", found, " bytes, fewer than the ",
               record_->total.bytes, " of '", record_path_,
               "'; nothing was changed: bring the file back, or "
               "remove the record, and send and receive anew")};
  }
  return std::nullopt;
}

OrOutcome<Total> ResumableOutput::GoOn(const StreamId& id,
                                       std::uint64_t given_bytes) {
  id_ = id;
  if (auto fault = Look()) return *std::move(fault);
  const Total total = record_ ? record_->total : Total{};
  if ((record_ && record_->id != id) || total.bytes < given_bytes) {
    return Outcome{
        ExitCode::kInputOutput,
        Concat("'", record_path_,
               "' is no longer the newest record of this stream, of which ",
               given_bytes,
               " bytes were received; nothing was changed: bring both files "
               "back, or send and receive anew")};
  }
  return total;
}

Result<void> ResumableOutput::CutOnce() {
  if (is_cut_) return Ok();
  auto cut = output_.Resize(record_ ? record_->total.bytes : 0);
  is_cut_ = cut.has_value();
  return cut;
}

Result<void> ResumableOutput::Write(std::span<const std::byte> from) {
  if (auto cut = CutOnce(); !cut) return cut;
  while (!from.empty()) {
    const auto written = output_.Write(from);
    if (written) {
      from = from.subspan(*written);
    } else if (written.error().code != ErrorCode::kBusy || WasInterrupted()) {
      return written.error();
    }
  }
  return Ok();
}

Result<void> ResumableOutput::Keep(const Total& total, bool is_end) {
  if (auto cut = CutOnce(); !cut) return cut;
  if (auto synced = output_.Sync(); !synced) return synced;
  const ResumeRecord next{.number = record_ ? record_->number + 1 : 0,
                          .id = id_,
                          .total = total,
                          .is_end = is_end};
  const bool is_new = !log_.is_open();
  if (is_new) {
    auto opened = File::OpenToWrite(record_path_);
    if (!opened) return opened.error();
    log_ = *std::move(opened);
  }
  auto written = log_.WriteAt(next.Offset(), next.Encode());
  if (written) written = log_.Sync();
  if (!written) return written;
  // Both files' names are in one folder.
  if (is_new) SyncFolderOf(path_);
  record_ = next;
  return Ok();
}

void ResumableOutput::RemoveRecord() const { RemoveFile(record_path_); }

void ResumableOutput::Withdraw() const {
  if (output_.was_created()) RemoveFile(path_);
}

}  // namespace placid::cli
