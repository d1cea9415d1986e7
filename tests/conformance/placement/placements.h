// SPDX-License-Identifier: Apache-2.0
//
// Placements: where the bytes lie, and who has the other view of them.
//
//   placement             bytes                      the other view
//   PlainArray            a std::array               a thread's, the same
//   AnonymousMapping      Mapping::Anonymous         a thread's, the same
//   NamedAtTwoAddresses   a named object             a thread's, elsewhere
//   NamedInTwoProcesses   a named object (Windows:   a process's that opens
//                         a section)                 the name
//   HandedOver            CreateAnonymous (Linux: a  an unrelated process's
//                         memfd; Windows: a section  that receives it
//                         without a name)
//   FileMapping           a file                     a process's that opens it
//
// Each process was started anew: none is a fork.
#ifndef PLACID_TESTS_CONFORMANCE_PLACEMENT_PLACEMENTS_H_
#define PLACID_TESTS_CONFORMANCE_PLACEMENT_PLACEMENTS_H_

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "kinds.h"
#include "placid/base/cache_line.h"
#include "placid/base/result.h"
#include "placid/os/handover.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "tests/support/peer.h"
#include "tests/support/scratch.h"

namespace placid::placement {

// The value, where there is one; else a failed test and an empty one.
template <typename T>
T Need(Result<T> result) {
  if (result) return *std::move(result);
  ADD_FAILURE() << result.error().Message().c_str();
  return T();
}

template <typename Kind>
os::Mapping MapFor(const os::SharedObject& object) {
  return Need(object.Map({.mirror_offset = Kind::kMirror}));
}

// ---- Who has the other view -------------------------------------------------

template <typename Kind>
class OtherThread {
 public:
  // Ends with the placement, which waits for it.
  void Begin(std::string_view verb) {
    answer_ = std::async(std::launch::async, [this, verb] {
      return Perform<Kind>(verb, other_view_);
    });
  }
  std::string Answer() { return answer_.get(); }

 protected:
  std::span<std::byte> other_view_;

 private:
  std::future<std::string> answer_;
};

template <typename Kind>
class OtherProcess {
 public:
  void Begin(std::string_view verb) { peer_->Begin(verb); }
  std::string Answer() { return peer_->Answer(); }

 protected:
  void BeginMap(std::string_view how, std::string_view what) {
    std::string step(how);
    step.append(" ").append(Kind::kName).append(" ").append(what);
    Begin(step);
  }
  void EndMap() { EXPECT_EQ(Answer(), "mapped"); }

  testing::Scratch scratch_;

 private:
  std::unique_ptr<testing::Peer> peer_ = testing::Peer::Spawn();
};

// ---- Where the bytes lie ----------------------------------------------------

template <typename Kind>
class PlainArray : public OtherThread<Kind> {
 public:
  static constexpr std::string_view kName = "PlainArray";
  PlainArray() { this->other_view_ = bytes(); }
  std::span<std::byte> bytes() { return bytes_; }

 private:
  alignas(kLineBytes)
      std::array<std::byte, static_cast<std::size_t>(Kind::kBytes)> bytes_{};
};

template <typename Kind>
class AnonymousMapping : public OtherThread<Kind> {
 public:
  static constexpr std::string_view kName = "AnonymousMapping";
  AnonymousMapping() { this->other_view_ = bytes(); }
  std::span<std::byte> bytes() { return mapping_.bytes(); }

 private:
  os::Mapping mapping_ = Need(os::Mapping::Anonymous(Kind::kBytes));
};

template <typename Kind>
class NamedAtTwoAddresses : public OtherThread<Kind> {
 public:
  static constexpr std::string_view kName = "NamedAtTwoAddresses";
  NamedAtTwoAddresses() {
    this->other_view_ = there_.bytes();
    EXPECT_NE(here_.data(), there_.data());
  }
  std::span<std::byte> bytes() { return here_.bytes(); }

 private:
  testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  os::SharedObject object_ =
      Need(os::SharedObject::Create(name_, Kind::kBytes));
  os::Mapping here_ = MapFor<Kind>(object_);
  os::Mapping there_ =
      MapFor<Kind>(Need(os::SharedObject::Open(name_, os::Access::kReadWrite)));
};

template <typename Kind>
class NamedInTwoProcesses : public OtherProcess<Kind> {
 public:
  static constexpr std::string_view kName = "NamedInTwoProcesses";
  NamedInTwoProcesses() {
    this->BeginMap("named", name_.text());
    this->EndMap();
  }
  std::span<std::byte> bytes() { return mapping_.bytes(); }

 private:
  os::Name name_ = this->scratch_.NewName();
  os::SharedObject object_ =
      Need(os::SharedObject::Create(name_, Kind::kBytes));
  os::Mapping mapping_ = MapFor<Kind>(object_);
};

template <typename Kind>
class HandedOver : public OtherProcess<Kind> {
 public:
  static constexpr std::string_view kName = "HandedOver";
  HandedOver() {
    const os::Name name = this->scratch_.NewName();
    auto listener = Need(os::HandoverListener::Listen(name));
    this->BeginMap("given", name.text());
    EXPECT_TRUE(listener.GiveTo(object_, os::Access::kReadWrite,
                                /*timeout_ms=*/10'000));
    this->EndMap();
  }
  std::span<std::byte> bytes() { return mapping_.bytes(); }

 private:
  os::SharedObject object_ =
      Need(os::SharedObject::CreateAnonymous(Kind::kBytes));
  os::Mapping mapping_ = MapFor<Kind>(object_);
};

template <typename Kind>
class FileMapping : public OtherProcess<Kind> {
 public:
  static constexpr std::string_view kName = "FileMapping";
  FileMapping() {
    this->BeginMap("file", path_);
    this->EndMap();
  }
  std::span<std::byte> bytes() { return mapping_.bytes(); }

 private:
  std::string path_ = this->scratch_.NewPath();
  // On Windows a file goes only when no view is left: so it goes after these.
  os::SharedObject object_ =
      Need(os::SharedObject::CreateAtPath(path_, Kind::kBytes));
  os::Mapping mapping_ = MapFor<Kind>(object_);
};

}  // namespace placid::placement

#endif  // PLACID_TESTS_CONFORMANCE_PLACEMENT_PLACEMENTS_H_
