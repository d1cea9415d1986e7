// SPDX-License-Identifier: Apache-2.0
//
// ResumableOutput: the file that a receiver writes to, and beside it, in
// FILE.placid-resume, the record of what of the stream is in it.
//
// Whatever moment the receiver is killed at, or power is lost: the record says
// no more than what is in the file and on the disk. What is behind that in the
// file is cut off when another receiver goes on.
#ifndef PLACID_SRC_CLI_RESUMABLE_OUTPUT_H_
#define PLACID_SRC_CLI_RESUMABLE_OUTPUT_H_

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "cli/outcome.h"
#include "cli/resume_record.h"
#include "cli/stream_header.h"
#include "cli/system.h"
#include "placid/base/result.h"

namespace placid::cli {

class ResumableOutput {
 public:
  // Looks at both files, and changes neither; makes `file` if there is none.
  // It must be a regular one.
  static OrOutcome<ResumableOutput> Open(const std::string& file);

  // What stands in the record; nullopt: there is none.
  [[nodiscard]] const std::optional<ResumeRecord>& record() const {
    return record_;
  }

  // Once `id` is joined, and no other receiver can write: looks at the record
  // again and says from where to go on. Errors as of Open; and where others
  // gave back to the sender what is not in the record, `given_bytes` of all.
  OrOutcome<StreamHeader::Total> GoOn(const StreamId& id,
                                      std::uint64_t given_bytes);

  // What comes next in the stream. Cuts off first what is not in the record.
  Result<void> Write(std::span<const std::byte> from);
  // The file has so much of the stream, and so it stays. `is_end`: that is all.
  Result<void> Keep(const StreamHeader::Total& total, bool is_end);

  // It is complete and the sender knows: nothing is to be resumed.
  void RemoveRecord() const;
  // Nothing came of it: removes what Open has made.
  void Withdraw() const;

 private:
  ResumableOutput(const std::string& file, File output)
      : path_(file),
        record_path_(file + ".placid-resume"),
        output_(std::move(output)) {}

  // Reads the record and holds the output against it.
  std::optional<Outcome> Look();
  Result<void> CutOnce();

  std::string path_;
  std::string record_path_;
  File output_;
  File log_;  // the record's; open from the first Keep on
  std::optional<ResumeRecord> record_;
  StreamId id_;
  bool is_cut_ = false;
};

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_RESUMABLE_OUTPUT_H_
