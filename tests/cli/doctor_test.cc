// SPDX-License-Identifier: Apache-2.0
//
// What `placid doctor` concludes of machines that cannot be had here: each is
// planted, and one check alone must speak.
#include "cli/doctor.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/system_facts.h"
#include "gtest/gtest.h"

namespace placid::cli {
namespace {

class DoctorTest : public ::testing::Test {
 protected:
  DoctorTest() {
    machine_.system.user = 1234;
    machine_.system.place = PlaceFacts{.directory = "/dev/shm",
                                       .mode = 01777,
                                       .total_bytes = std::uint64_t{8} << 30,
                                       .free_bytes = std::uint64_t{7} << 30,
                                       .total_files = 100'000,
                                       .free_files = 99'000};
    machine_.system.open_files = 1024;
    machine_.system.locked_bytes = std::uint64_t{8} << 20;
    machine_.system.core_bytes = 0;
    machine_.system.file_bytes = kUnlimited;
    machine_.system.address_bytes = kUnlimited;
    machine_.system.has_proc = true;
    machine_.system.calls = {{"pidfd_open", 0, "deaths are noticed late"}};
    machine_.leftovers = Leftovers{};
    machine_.read = [this](const std::string& path) {
      const auto at = files_.find(path);
      return at == files_.end() ? std::nullopt : std::optional(at->second);
    };
    machine_.list = [this](const std::string& folder) {
      std::vector<std::string> names;
      for (const auto& [path, text] : files_) {
        if (path.starts_with(folder + "/")) {
          names.push_back(path.substr(folder.size() + 1));
        }
      }
      return names;
    };
    files_ = {{"/proc/self/stat", "1 (x) R"},
              {"/proc/self/mounts", "proc /proc proc rw 0 0\n"},
              {"/proc/self/status", "Name:\tx\nNSpid:\t77\n"},
              {"/proc/self/coredump_filter", "00000033\n"},
              {"/proc/sys/kernel/random/boot_id", "1-2"},
              {"/proc/sys/vm/nr_hugepages", "4\n"}};
  }

  // The checks that are not well: by name.
  [[nodiscard]] std::map<std::string, Verdict> Complaints() const {
    std::map<std::string, Verdict> complaints;
    for (const Check& check : Diagnose(machine_)) {
      if (check.verdict == Verdict::kOk) continue;
      complaints[check.name] = check.verdict;
      if (check.name == "not checked") continue;
      EXPECT_FALSE(check.found.empty()) << check.name;
      EXPECT_FALSE(check.meaning.empty()) << check.name;
      EXPECT_FALSE(check.advice.empty()) << check.name;
    }
    return complaints;
  }
  void ExpectOnly(const char* name, Verdict verdict) const {
    EXPECT_EQ(Complaints(), (std::map<std::string, Verdict>{{name, verdict}}));
  }

  Machine machine_;
  std::map<std::string, std::string> files_;
};

TEST_F(DoctorTest, AHealthyMachineHasNothingToComplainOf) {
  EXPECT_TRUE(Complaints().empty());
}

TEST_F(DoctorTest, WhatIsWrongWithThePlaceOfNamesIsSaid) {
  using Plant = std::function<void(PlaceFacts&)>;
  const std::vector<std::pair<const char*, Plant>> plants = {
      {"place of named objects", [](auto& p) { p.error = 2; }},
      {"place of named objects", [](auto& p) { p.is_read_only = true; }},
      {"place of named objects", [](auto& p) { p.is_open_to_us = false; }},
      {"place of named objects", [](auto& p) { p.mode = 0777; }},
      {"space", [](auto& p) { p.free_bytes = 4096; }},
      {"space", [](auto& p) { p.total_bytes = p.free_bytes = 64 << 20; }},
      {"files", [](auto& p) { p.free_files = 3; }},
  };
  const PlaceFacts healthy = *machine_.system.place;
  for (const auto& [name, plant] : plants) {
    machine_.system.place = healthy;
    plant(*machine_.system.place);
    ExpectOnly(name, Verdict::kTrouble);
  }
  machine_.system.place = healthy;
  machine_.system.place->total_bytes = 0;  // no limit, and so nothing is free
  machine_.system.place->free_bytes = 0;
  machine_.system.place->total_files = 0;
  machine_.system.place->free_files = 0;
  EXPECT_TRUE(Complaints().empty());
  machine_.system.place->total_bytes = machine_.system.place->free_bytes =
      128 << 20;
  ExpectOnly("space", Verdict::kNote);  // enough for small segments
  machine_.system.place = healthy;
  machine_.system.place->mode = 0700;
  EXPECT_TRUE(Complaints().empty()) << "nobody else can remove anything there";
  machine_.system.place->is_in_memory = false;
  ExpectOnly("place of named objects", Verdict::kNote);
}

TEST_F(DoctorTest, LimitsThatAreTooLowAreSaid) {
  machine_.system.open_files = 16;
  ExpectOnly("open files", Verdict::kTrouble);
  machine_.system.open_files = 512;
  ExpectOnly("open files", Verdict::kNote);
  machine_.system.open_files = kUnlimited;
  machine_.system.locked_bytes = 0;
  ExpectOnly("locked memory", Verdict::kNote);
  machine_.system.user = 0;
  EXPECT_TRUE(Complaints().empty()) << "the superuser's is not enforced";
  machine_.system.file_bytes = 1 << 20;
  ExpectOnly("file size", Verdict::kTrouble);
  machine_.system.file_bytes = kUnlimited;
  machine_.system.address_bytes = 1 << 30;
  ExpectOnly("address space", Verdict::kTrouble);
}

TEST_F(DoctorTest, DumpsOfSharedMemoryAreSaid) {
  machine_.system.core_bytes = kUnlimited;
  ExpectOnly("core dumps", Verdict::kNote);  // memfds, by the usual filter
  files_["/proc/self/coredump_filter"] = "0000003f\n";
  ExpectOnly("core dumps", Verdict::kTrouble);
  files_["/proc/self/coredump_filter"] = "00000031\n";
  EXPECT_TRUE(Complaints().empty());
}

TEST_F(DoctorTest, RemoveIpcIsReadAsSystemdReadsIt) {
  constexpr const char* kCheck = "systemd RemoveIPC";
  files_["/etc/systemd/logind.conf"] = "[Login]\n#RemoveIPC=no\n";
  ExpectOnly(kCheck, Verdict::kTrouble);  // the default is yes
  files_["/etc/systemd/logind.conf"] = "[Login]\nRemoveIPC=yes\n";
  ExpectOnly(kCheck, Verdict::kTrouble);
  files_["/etc/systemd/logind.conf.d/10-ipc.conf"] = "[Login]\nRemoveIPC=no\n";
  EXPECT_TRUE(Complaints().empty());
  files_["/etc/systemd/logind.conf.d/20-ipc.conf"] = "RemoveIPC= true \n";
  ExpectOnly(kCheck, Verdict::kTrouble);
  machine_.system.user = 999;
  EXPECT_TRUE(Complaints().empty()) << "not of the system's own users";
}

TEST_F(DoctorTest, EachWordForYesIsKnownAndNoOther) {
  for (const char* word : {"1", "yes", "y", "true", "t", "on"}) {
    files_["/etc/systemd/logind.conf"] = std::string("RemoveIPC=") + word;
    ExpectOnly("systemd RemoveIPC", Verdict::kTrouble);
  }
  for (const char* word : {"0", "no", "n", "false", "f", "off"}) {
    files_["/etc/systemd/logind.conf"] = std::string("RemoveIPC=") + word;
    EXPECT_TRUE(Complaints().empty()) << word;
  }
  files_["/etc/systemd/logind.conf"] = "RemoveIPC= \n";
  EXPECT_TRUE(Complaints().empty()) << "no word at all";
}

TEST_F(DoctorTest, WhatSystemdDoesNotReadDoesNotCount) {
  files_["/etc/systemd/logind.conf"] = "RemoveIPC=no\n";
  files_["/etc/systemd/logind.conf.d/10-ipc.conf.saved"] = "RemoveIPC=yes\n";
  EXPECT_TRUE(Complaints().empty());
}

// A user who lingers has no last session.
TEST_F(DoctorTest, WhoLingersLosesNothing) {
  files_["/etc/systemd/logind.conf"] = "RemoveIPC=yes\n";
  machine_.system.user = 4'000'000'000;  // who has no name
  ExpectOnly("systemd RemoveIPC", Verdict::kTrouble);
  files_["/var/lib/systemd/linger/4000000000"] = "";
  EXPECT_TRUE(Complaints().empty());
}

TEST_F(DoctorTest, ADeniedCallIsSaidWithWhatItCosts) {
  machine_.system.calls[0].error = 1;
  ExpectOnly("pidfd_open", Verdict::kTrouble);
}

TEST_F(DoctorTest, WhatIsWrongWithProcIsSaid) {
  files_.erase("/proc/self/stat");
  ExpectOnly("/proc", Verdict::kTrouble);
  files_["/proc/self/stat"] = "1 (x) R";
  for (const char* option : {"hidepid=2", "hidepid=invisible"}) {
    files_["/proc/self/mounts"] =
        std::string("proc /proc proc rw,") + option + " 0 0\n";
    ExpectOnly("/proc", Verdict::kNote);
  }
  files_["/proc/self/mounts"] = "";
  files_.erase("/proc/sys/kernel/random/boot_id");
  ExpectOnly("/proc", Verdict::kNote);
}

TEST_F(DoctorTest, AContainerIsSaid) {
  files_["/.dockerenv"] = "";
  ExpectOnly("container", Verdict::kNote);
  files_.erase("/.dockerenv");
  files_["/run/.containerenv"] = "";  // podman's
  ExpectOnly("container", Verdict::kNote);
  files_.erase("/run/.containerenv");
  files_["/proc/self/status"] = "NSpid:\t77\t5\n";
  ExpectOnly("container", Verdict::kNote);
  files_["/proc/self/status"] = "NSpid:\t77\n";
  files_["/sys/fs/cgroup/memory.max"] = "67108864\n";
  ExpectOnly("memory of the control group", Verdict::kNote);
  files_["/sys/fs/cgroup/memory.max"] = "268435456\n";
  EXPECT_TRUE(Complaints().empty()) << "there is enough";
  files_["/sys/fs/cgroup/memory.max"] = "max\n";
  EXPECT_TRUE(Complaints().empty());
}

TEST_F(DoctorTest, HugePagesThatCannotBeHadAreSaid) {
  files_["/proc/sys/vm/nr_hugepages"] = "0\n";
  ExpectOnly("huge pages", Verdict::kNote);
  const std::string path = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
  files_[path] = "always within_size advise [never] deny force\n";
  ExpectOnly("huge pages", Verdict::kNote);
  files_[path] = "always within_size advise never [deny] force\n";
  ExpectOnly("huge pages", Verdict::kNote);
  files_[path] = "always within_size [advise] never deny force\n";
  EXPECT_TRUE(Complaints().empty());
}

TEST_F(DoctorTest, LeftoversAndAFailedTrialAreSaid) {
  machine_.leftovers = Leftovers{.orphans = 2, .bytes = 4096};
  ExpectOnly("leftovers", Verdict::kTrouble);
  machine_.leftovers = std::nullopt;
  EXPECT_TRUE(Complaints().empty());
  machine_.trial_error = "making: no space";
  ExpectOnly("a named object", Verdict::kTrouble);
}

// As on Windows: what cannot be asked is said, and not judged.
TEST_F(DoctorTest, WhatIsNotAskedIsSaid) {
  machine_.system = SystemFacts();
  machine_.system.unasked = {"leftovers"};
  machine_.leftovers = std::nullopt;
  ExpectOnly("not checked", Verdict::kNote);
}

}  // namespace
}  // namespace placid::cli
