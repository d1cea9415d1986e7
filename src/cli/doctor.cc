// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/system.h"
#include "cli/text.h"

namespace placid::cli {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;

Check Well(std::string name, std::string found) {
  return {std::move(name), Verdict::kOk, std::move(found), "", ""};
}
Check Note(std::string name, std::string found, std::string meaning,
           std::string advice) {
  return {std::move(name), Verdict::kNote, std::move(found), std::move(meaning),
          std::move(advice)};
}
Check Trouble(std::string name, std::string found, std::string meaning,
              std::string advice) {
  return {std::move(name), Verdict::kTrouble, std::move(found),
          std::move(meaning), std::move(advice)};
}

// The rest of the first line that begins with `key`, without blanks around it.
std::optional<std::string> Field(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    const auto first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos) return "";
    return std::string(
        line.substr(first, line.find_last_not_of(" \t\r") + 1 - first));
  }
  return std::nullopt;
}

std::uint64_t NumberIn(std::string_view text, int base = 10) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, base);
  return number;
}

std::string LimitText(std::uint64_t bytes) {
  return bytes == kUnlimited ? "unlimited" : FormatBytes(bytes);
}

// ---- Where named objects lie ------------------------------------------------

void CheckPlace(const PlaceFacts& place, std::vector<Check>& checks) {
  constexpr const char* kName = "place of named objects";
  const std::string& where = place.directory;
  constexpr std::uint32_t kSticky = 01000;
  constexpr std::uint32_t kOthersWrite = 0002;
  const bool is_common = (place.mode & kOthersWrite) != 0;
  if (place.error != 0) {
    checks.push_back(Trouble(
        kName, Concat(where, ": ", SystemErrorText(place.error)),
        "no named segment or stream can be made",
        Concat("mount a tmpfs there: mount -t tmpfs -o mode=1777 tmpfs ",
               where)));
    return;
  }
  if (place.is_read_only || !place.is_open_to_us) {
    checks.push_back(Trouble(
        kName,
        Concat(where,
               place.is_read_only ? " is read-only" : " is closed to us"),
        "no named segment or stream can be made",
        place.is_read_only
            ? Concat("mount -o remount,rw ", where)
            : Concat("as its owner or the superuser: chmod 1777 ", where)));
  } else if (is_common && (place.mode & kSticky) == 0) {
    checks.push_back(Trouble(kName, Concat(where, " is not sticky"),
                             "every user can remove and replace what others "
                             "made",
                             Concat("chmod 1777 ", where)));
  } else if (!place.is_in_memory) {
    checks.push_back(Note(kName, Concat(where, " does not lie in memory"),
                          "what is shared is also written to a disk",
                          Concat("mount a tmpfs at ", where)));
  } else {
    checks.push_back(Well(kName, where));
  }
}

void CheckSpace(const PlaceFacts& place, std::vector<Check>& checks) {
  constexpr std::uint64_t kContainerDefault = 64 * kMiB;
  constexpr std::uint64_t kAmple = 256 * kMiB;
  constexpr std::uint64_t kLeastFree = 8 * kMiB;
  constexpr std::uint64_t kLeastFiles = 64;
  if (place.error != 0) return;
  const std::string found =
      place.total_bytes == 0
          ? "without a limit"
          : Concat(FormatBytes(place.free_bytes), " free of ",
                   FormatBytes(place.total_bytes));
  const std::string grow =
      Concat("docker run --shm-size=1g, or mount -o remount,size=1G ",
             place.directory, "; memfd segments (Rendezvous) are not bound by it");
  if (place.total_bytes != 0 && place.free_bytes < kLeastFree) {
    checks.push_back(Trouble("space", found,
                             "there is room for one stream at most (4 MiB)",
                             Concat("`placid ls` shows who takes it and "
                                    "`placid clean` removes what the dead "
                                    "left; or give it more: ",
                                    grow)));
  } else if (place.total_bytes != 0 && place.total_bytes <= kContainerDefault) {
    checks.push_back(Trouble("space", found,
                             "a container's default: a segment of tens of MiB "
                             "does not fit",
                             grow));
  } else if (place.total_bytes != 0 && place.total_bytes <= kAmple) {
    checks.push_back(Note("space", found, "enough for small segments", grow));
  } else {
    checks.push_back(Well("space", found));
  }
  const std::string files =
      place.total_files == 0
          ? "without a limit"
          : Concat(place.free_files, " free of ", place.total_files);
  if (place.total_files != 0 && place.free_files < kLeastFiles) {
    checks.push_back(
        Trouble("files", files, "a segment takes three, a stream one",
                Concat("`placid clean`, or mount -o remount,nr_inodes=100k ",
                       place.directory)));
  } else {
    checks.push_back(Well("files", files));
  }
}

// ---- Limits -----------------------------------------------------------------

void CheckLimits(const SystemFacts& system, std::vector<Check>& checks) {
  if (const auto files = system.open_files) {
    const std::string found =
        *files == kUnlimited ? "unlimited" : std::to_string(*files);
    constexpr const char* kMeaning =
        "a participant needs a descriptor for each peer whose death it watches";
    constexpr const char* kAdvice = "ulimit -n 4096, or LimitNOFILE= of a unit";
    if (*files < 256) {
      checks.push_back(Trouble("open files", found, kMeaning, kAdvice));
    } else if (*files < 1024) {
      checks.push_back(Note("open files", found, kMeaning, kAdvice));
    } else {
      checks.push_back(Well("open files", found));
    }
  }
  if (const auto bytes = system.locked_bytes) {
    // The superuser's is not enforced.
    const bool is_small = *bytes < kMiB && system.user != 0;
    checks.push_back(
        is_small
            ? Note("locked memory", LimitText(*bytes),
                   "the wish to keep pages in memory (MapOptions::lock) will "
                   "be refused; nothing else needs it",
                   "ulimit -l unlimited, or LimitMEMLOCK= of a unit")
            : Well("locked memory", LimitText(*bytes)));
  }
  if (const auto bytes = system.file_bytes) {
    checks.push_back(
        *bytes < kGiB
            ? Trouble("file size", LimitText(*bytes),
                      "it holds for shared memory, too: what is larger cannot "
                      "be made, and the attempt may kill by SIGXFSZ",
                      "ulimit -f unlimited")
            : Well("file size", LimitText(*bytes)));
  }
  if (const auto bytes = system.address_bytes) {
    checks.push_back(*bytes < 4 * kGiB
                         ? Trouble("address space", LimitText(*bytes),
                                   "larger segments cannot be mapped",
                                   "ulimit -v unlimited")
                         : Well("address space", LimitText(*bytes)));
  }
}

void CheckCoreDumps(const Machine& machine, std::vector<Check>& checks) {
  constexpr const char* kName = "core dumps";
  // Bits of /proc/PID/coredump_filter.
  constexpr std::uint64_t kSharedWithoutName = 0x2;  // memfds
  constexpr std::uint64_t kSharedWithName = 0x8;
  if (!machine.system.core_bytes || !machine.system.has_proc) return;
  const std::uint64_t limit = *machine.system.core_bytes;
  const auto filter_text = machine.read("/proc/self/coredump_filter");
  const std::uint64_t filter =
      filter_text ? NumberIn(*filter_text, 16) : std::uint64_t{0x33};
  const std::string found = Concat("up to ", LimitText(limit));
  constexpr const char* kAdvice =
      "ask for MapOptions::dont_dump, ulimit -c 0, or echo 0x31 > "
      "/proc/self/coredump_filter before the program starts";
  if (limit < kGiB) {
    checks.push_back(Well(kName, found));
  } else if ((filter & kSharedWithName) != 0) {
    checks.push_back(Trouble(
        kName, Concat(found, ", with shared memory"),
        "each crash writes out every segment that was mapped", kAdvice));
  } else if ((filter & kSharedWithoutName) != 0) {
    checks.push_back(
        Note(kName, Concat(found, ", with memfd segments, not with named ones"),
             "each crash writes out the anonymous segments that were mapped",
             kAdvice));
  } else {
    checks.push_back(Well(kName, Concat(found, ", without shared memory")));
  }
}

// ---- systemd ----------------------------------------------------------------

// The last word that logind's files say, as systemd reads them: those of
// logind.conf.d come after logind.conf.
std::optional<bool> RemovesIpc(const Machine& machine) {
  std::vector<std::string> paths{"/etc/systemd/logind.conf"};
  for (const char* folder :
       {"/usr/lib/systemd/logind.conf.d", "/etc/systemd/logind.conf.d"}) {
    for (const std::string& file : machine.list(folder)) {
      if (file.ends_with(".conf")) paths.push_back(Concat(folder, "/", file));
    }
  }
  std::optional<bool> removes;
  bool is_there = false;
  for (const std::string& path : paths) {
    const auto text = machine.read(path);
    if (!text) continue;
    is_there = true;
    const auto value = Field(*text, "RemoveIPC=");
    if (value) {
      removes = *value == "yes" || *value == "true" || *value == "1" ||
                *value == "on" || *value == "y" || *value == "t";
    }
  }
  if (!is_there) return std::nullopt;
  return removes.value_or(true);  // systemd's own default
}

void CheckLogind(const Machine& machine, std::vector<Check>& checks) {
  constexpr const char* kName = "systemd RemoveIPC";
  constexpr std::uint64_t kFirstPerson = 1000;
  if (!machine.system.has_proc) return;
  const auto removes = RemovesIpc(machine);
  if (!removes) {
    checks.push_back(Well(kName, "there is no logind"));
  } else if (!*removes) {
    checks.push_back(Well(kName, "off"));
  } else if (machine.system.user < kFirstPerson) {
    checks.push_back(Well(kName, "on, but not for users of the system's own"));
  } else if (machine.read(Concat("/var/lib/systemd/linger/",
                                 UserName(machine.system.user)))) {
    checks.push_back(Well(kName, "on, but this user lingers"));
  } else {
    checks.push_back(Trouble(
        kName, "on",
        "when this user's last session ends, systemd removes all named "
        "objects, those in use too",
        "loginctl enable-linger, run as a system user, or RemoveIPC=no in "
        "/etc/systemd/logind.conf"));
  }
}

// ---- /proc, containers, huge pages ------------------------------------------

void CheckProc(const Machine& machine, std::vector<Check>& checks) {
  constexpr const char* kName = "/proc";
  if (!machine.system.has_proc) return;
  if (!machine.read("/proc/self/stat")) {
    checks.push_back(Trouble(
        kName, "cannot be read",
        "nobody can join a segment (a descriptor is reopened through "
        "/proc/self/fd), and no process can be told from a later one with its "
        "number",
        "mount -t proc proc /proc"));
    return;
  }
  if (!machine.read("/proc/sys/kernel/random/boot_id")) {
    checks.push_back(Note(kName, "boot_id cannot be read",
                          "processes cannot be told from those of an earlier "
                          "boot; locks tell who is alive all the same",
                          "let this sandbox read "
                          "/proc/sys/kernel/random/boot_id"));
    return;
  }
  std::string_view hidden = "no";
  const std::string mounts =
      machine.read("/proc/self/mounts").value_or(std::string());
  for (const std::string_view option :
       {"hidepid=1", "hidepid=2", "hidepid=4", "hidepid=noaccess",
        "hidepid=invisible", "hidepid=ptraceable"}) {
    if (mounts.find(option) != std::string::npos) hidden = option;
  }
  if (hidden == "no") {
    checks.push_back(Well(kName, "readable"));
  } else {
    checks.push_back(Note(
        kName, std::string(hidden),
        "where pidfd is denied as well, the death of another user's process is "
        "noticed by its lock alone, up to a second later",
        "nothing, or mount -o remount,hidepid=0 /proc"));
  }
}

void CheckContainer(const Machine& machine, std::vector<Check>& checks) {
  constexpr const char* kName = "container";
  if (!machine.system.has_proc) return;
  const bool is_marked =
      machine.read("/.dockerenv") || machine.read("/run/.containerenv");
  const auto status = machine.read("/proc/self/status");
  const auto pids = status ? Field(*status, "NSpid:") : std::nullopt;
  const bool is_nested =
      pids && pids->find_first_of(" \t") != std::string::npos;
  if (is_marked || is_nested) {
    checks.push_back(Note(
        kName, "yes",
        "process numbers mean something within it only; locks tell who is "
        "alive across",
        "share /dev/shm (docker run --ipc=host or --ipc=container:ID) with "
        "those who are to meet"));
  } else {
    checks.push_back(Well(kName, "no"));
  }
  const auto most = machine.read("/sys/fs/cgroup/memory.max");
  const std::uint64_t bytes = most ? NumberIn(*most) : 0;
  if (bytes != 0 && bytes < 256 * kMiB) {
    checks.push_back(Note("memory of the control group", FormatBytes(bytes),
                          "shared memory counts against whoever touches it "
                          "first, and who exceeds it is killed",
                          "docker run --memory, or MemoryMax= of the unit"));
  }
}

void CheckHugePages(const Machine& machine, std::vector<Check>& checks) {
  constexpr const char* kName = "huge pages";
  if (!machine.system.has_proc) return;
  const auto pool = machine.read("/proc/sys/vm/nr_hugepages");
  const auto shmem =
      machine.read("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
  const std::uint64_t pages = pool ? NumberIn(*pool) : 0;
  const bool is_off = !shmem || shmem->find("[never]") != std::string::npos ||
                      shmem->find("[deny]") != std::string::npos;
  if (pages == 0 && is_off) {
    checks.push_back(
        Note(kName, "none in the pool, off for shared memory",
             "the wish for huge pages will be refused; large segments cost "
             "more TLB misses",
             "echo advise > /sys/kernel/mm/transparent_hugepage/shmem_enabled, "
             "or sysctl vm.nr_hugepages=N"));
  } else {
    checks.push_back(
        Well(kName, Concat(pages, " in the pool, ", is_off ? "off" : "on",
                           " for shared memory")));
  }
}

}  // namespace

std::vector<Check> Diagnose(const Machine& machine) {
  std::vector<Check> checks;
  checks.push_back(
      machine.trial_error.empty()
          ? Well("a named object", "made, locked, mapped and removed")
          : Trouble("a named object", machine.trial_error,
                    "no segment or stream can be made",
                    "see what else is wrong below"));
  const SystemFacts& system = machine.system;
  if (system.place) {
    CheckPlace(*system.place, checks);
    CheckSpace(*system.place, checks);
  }
  CheckLimits(system, checks);
  CheckCoreDumps(machine, checks);
  CheckLogind(machine, checks);
  for (const CallFacts& call : system.calls) {
    checks.push_back(
        call.error == 0
            ? Well(call.name, "works")
            : Trouble(call.name, SystemErrorText(call.error), call.without,
                      "allow it in the sandbox's filter (seccomp), or run a "
                      "newer kernel"));
  }
  CheckProc(machine, checks);
  CheckContainer(machine, checks);
  CheckHugePages(machine, checks);
  if (machine.leftovers) {
    const Leftovers& left = *machine.leftovers;
    checks.push_back(
        left.orphans == 0
            ? Well("leftovers", "none")
            : Trouble("leftovers",
                      Concat(left.orphans, " of the dead, ",
                             FormatBytes(left.bytes)),
                      "they take space until somebody uses their names",
                      "placid clean --dry-run, then placid clean"));
  }
  for (const std::string& unasked : system.unasked) {
    checks.push_back(Note("not checked", unasked, "", ""));
  }
  return checks;
}

}  // namespace placid::cli
