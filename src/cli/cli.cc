// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "cli/cutter.h"
#include "cli/demo.h"
#include "cli/housekeeping_commands.h"
#include "cli/merge.h"
#include "cli/outcome.h"
#include "cli/stream_header.h"
#include "cli/system.h"
#include "cli/tee.h"
#include "cli/text.h"
#include "cli/transfer.h"
#include "placid/os/name.h"

#ifndef PLACID_VERSION
#define PLACID_VERSION "unknown"
#endif

namespace placid::cli {
namespace {

constexpr const char* kExitCodes =
    "Exit codes:\n"
    "  0  everything arrived and the checksums agree\n"
    "  1  a fault of placid itself\n"
    "  2  the command line makes no sense\n"
    "  3  NAME is in use, or is the name of something else\n"
    "  4  the other side died\n"
    "  5  the checksums differ: do not use the output\n"
    "  6  the input, the output or the shared memory failed\n"
    "  7  interrupted by a signal\n"
    "  8  the other side ended early and said why\n";

constexpr const char* kExitCodesOfTee =
    "Exit codes:\n"
    "   0  all of it was shown, or seen\n"
    "   2  the command line makes no sense\n"
    "   3  NAME is in use, or is the name of something else\n"
    "   4  watch: the tee died\n"
    "   5  watch: the shared memory contradicts itself\n"
    "   6  the input, the output or the shared memory failed\n"
    "   7  interrupted by a signal\n"
    "   8  watch: the tee ended early\n"
    "  10  watch: some of it was lost\n";

// What one of the transfer commands was given.
struct TransferArguments {
  std::string name;
  TransferOptions options;
  bool is_merged = false;
  bool is_framed = false;
  bool is_kept = false;
  std::uint64_t senders = 1;
};

// Of a number without a unit, as Size() leaves it.
std::string CheckCapacity(const std::string& text) {
  const std::uint64_t capacity = std::strtoull(text.c_str(), nullptr, 10);
  if (std::has_single_bit(capacity) &&
      capacity >= StreamHeader::kLeastCapacity &&
      capacity <= StreamHeader::kMostCapacity) {
    return "";
  }
  return "the capacity must be a power of two from 64KiB to 1GiB";
}

// "4096", "64KiB", "4m"; a kilobyte has 1024 bytes, however it is written.
CLI::Validator Size() {
  return CLI::AsSizeValue(/*kb_is_1000=*/false).description("");
}

void AddCapacity(CLI::App& command, std::uint64_t& capacity,
                 const char* about) {
  command.add_option("--capacity", capacity, about)
      ->transform(Size())
      ->check(CheckCapacity)
      ->type_name("SIZE");
}

CLI::App* AddTransfer(CLI::App& app, const char* command, const char* about,
                      TransferArguments& arguments, const char* file_about,
                      const char* resume_about) {
  CLI::App* transfer = app.add_subcommand(command, about);
  transfer
      ->add_option("NAME", arguments.name,
                   "What both sides call the stream: letters, digits and "
                   "._- (at most 180)")
      ->required()
      ->type_name("");
  transfer->add_option("FILE", arguments.options.file, file_about)
      ->type_name("");
  AddCapacity(*transfer, arguments.options.capacity,
              "Bytes of the ring, if this side comes first: a power of two "
              "from 64KiB to 1GiB (default 4MiB; with --resume 32MiB; with "
              "--merge 256KiB, of which there are 32)");
  CLI::Option* resume = transfer->add_flag(
      "--resume", arguments.options.is_resumable, resume_about);
  CLI::Option* merge =
      transfer
          ->add_flag("--merge", arguments.is_merged,
                     "Up to 32 senders into one receiver: lines stay whole, "
                     "and in the order of each (all sides need it)")
          ->excludes(resume);
  transfer
      ->add_flag("--frames", arguments.is_framed,
                 "Not lines but records: 4 bytes, the length, little-endian, "
                 "and so many bytes (all sides need it)")
      ->needs(merge);
  transfer->add_flag("-q,--quiet", arguments.options.is_quiet,
                     "No progress line");
  transfer->footer(kExitCodes);
  return transfer;
}

CLI::App* AddTee(CLI::App& app, const char* command, const char* about,
                 std::string& name, TeeOptions& options,
                 const char* file_about) {
  CLI::App* tee = app.add_subcommand(command, about);
  tee->add_option("NAME", name,
                  "What it is called: letters, digits and ._- (at most 150)")
      ->required()
      ->type_name("");
  tee->add_option("FILE", options.file, file_about)->type_name("");
  tee->footer(kExitCodesOfTee);
  return tee;
}

int End(const char* command, const Outcome& outcome) {
  if (!outcome.message.empty()) PrintMessage(command, outcome.message);
  return static_cast<int>(outcome.code);
}

template <typename Options>
int RunNamed(const char* command, const std::string& text, Options& options,
             Outcome (*run)(const Options&)) {
  const auto name = os::Name::Parse(text);
  if (!name) {
    return End(command,
               {ExitCode::kUsage,
                Concat("'", text, "' is no name: use 1 to ",
                       os::Name::kMaxBytes,
                       " letters, digits, dots, dashes and underscores, "
                       "not beginning with a dot")});
  }
  options.name = *name;
  CatchInterruptions();
  return End(command, run(options));
}

int RunTransfer(const char* command, TransferArguments& arguments,
                Outcome (*run)(const TransferOptions&),
                Outcome (*run_merged)(const MergeOptions&)) {
  if (!arguments.is_merged) {
    return RunNamed(command, arguments.name, arguments.options, run);
  }
  MergeOptions options;
  options.file = arguments.options.file;
  options.capacity = arguments.options.capacity;
  options.is_quiet = arguments.options.is_quiet;
  options.framing = arguments.is_framed ? Framing::kLengths : Framing::kLines;
  options.senders = arguments.is_kept ? UINT64_MAX : arguments.senders;
  return RunNamed(command, arguments.name, options, run_merged);
}

}  // namespace

int Run(std::vector<std::string> arguments) {
  CLI::App app(
      "Placid: lock-free types and streams in shared memory.\n"
      "\n"
      "  placid demo                      what it can do, in half a minute\n"
      "  placid send NAME < file          one terminal, and\n"
      "  placid receive NAME > copy       another: either may come first\n"
      "\n"
      "  make | placid tee NAME           shows what passes, to as many as\n"
      "  placid watch NAME                like to look on",
      "placid");
  // The same on each system: /x is a path.
  app.allow_windows_style_options(false);
  app.set_version_flag("--version", std::string("placid " PLACID_VERSION));
  app.require_subcommand(0, 1);

  TransferArguments sending;
  CLI::App* send = AddTransfer(
      app, "send", "Send a file or standard input to `placid receive`", sending,
      "What to send; - or nothing: standard input",
      "Wait for another receiver if one dies (both sides need it)");
  send->add_option("--bytes", sending.options.most_bytes,
                   "Send the first SIZE bytes at most")
      ->transform(Size())
      ->type_name("SIZE")
      ->excludes(send->get_option("--merge"));
  TransferArguments receiving;
  CLI::App* receive =
      AddTransfer(app, "receive", "Receive what `placid send` sends", receiving,
                  "Where to write it; - or nothing: standard output",
                  "Go on where the last receiver died, or let the next one "
                  "(needs a FILE)");

  CLI::Option* merge = receive->get_option("--merge");
  CLI::Option* senders =
      receive
          ->add_option("--senders", receiving.senders,
                       "End when so many have come and none is there any more "
                       "(default 1)")
          ->check(CLI::Range(std::uint64_t{1}, UINT64_MAX).description(""))
          ->type_name("N")
          ->needs(merge);
  receive
      ->add_flag("--keep", receiving.is_kept,
                 "Wait for the next senders until interrupted")
      ->needs(merge)
      ->excludes(senders);

  std::string tee_name;
  TeeOptions showing_to;
  CLI::App* tee = AddTee(
      app, "tee", "Pass standard input on, and show it to `placid watch`",
      tee_name, showing_to,
      "What to pass on to standard output; - or nothing: standard input");
  AddCapacity(*tee, showing_to.capacity,
              "Bytes of the ring, of which the newest can be read: a power of "
              "two from 64KiB to 1GiB (default 4MiB)");
  std::string watch_name;
  TeeOptions watching;
  CLI::App* watch =
      AddTee(app, "watch", "Look on at what `placid tee` passes on", watch_name,
             watching, "Where to write it; - or nothing: standard output");
  watch->add_flag("--oldest", watching.is_from_oldest,
                  "Begin with the oldest that is still there, not with what "
                  "comes from now on");

  DemoOptions showing;
  CLI::App* demo =
      app.add_subcommand("demo", "See what the library does, in half a minute");
  demo->add_flag("--json", showing.is_json, "Print the figures as JSON");
  demo->add_option("--tree", showing.tree,
                   "The directory to stream (default: one of the system's)")
      ->check(CLI::Validator(CLI::ExistingDirectory).description(""))
      ->type_name("DIRECTORY");

  const HousekeepingCommands housekeeping(app);

  // Its roles are the demo's own business.
  if (!arguments.empty() && arguments[0] == "demo-helper") {
    arguments.erase(arguments.begin());
    return RunDemoHelper(arguments);
  }
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    const bool is_answer = error.get_exit_code() == 0;  // --help, --version
    if (is_answer) return app.exit(error);
    std::fprintf(stderr, "placid: %s\nTry `placid --help`.\n", error.what());
    return static_cast<int>(ExitCode::kUsage);
  }
  if (send->parsed()) {
    return RunTransfer("send", sending, Send, SendMerged);
  }
  if (receive->parsed()) {
    return RunTransfer("receive", receiving, Receive, ReceiveMerged);
  }
  if (tee->parsed()) return RunNamed("tee", tee_name, showing_to, Tee);
  if (watch->parsed()) return RunNamed("watch", watch_name, watching, Watch);
  if (demo->parsed()) return End("demo", RunDemo(showing));
  if (const auto code = housekeeping.Run()) return *code;
  std::fputs(app.help().c_str(), stdout);
  return static_cast<int>(ExitCode::kOk);
}

}  // namespace placid::cli
