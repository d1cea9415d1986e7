// SPDX-License-Identifier: Apache-2.0
//
// What a history of Seqlock and one of Latest do alike: one thread stores,
// the other loads.
#ifndef PLACID_TESTS_LINEARIZABILITY_NEWEST_VALUE_H_
#define PLACID_TESTS_LINEARIZABILITY_NEWEST_VALUE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "placid/base/shared_bytes.h"
#include "placid/primitives/ring_result.h"
#include "tests/linearizability/abandon.h"
#include "tests/linearizability/register.h"
#include "tests/linearizability/runner.h"

namespace placid::linearizability {

// `kNumber`: the member of Memory that counts stores. `kIsInPlace`: a store
// overwrites the value that readers read.
template <typename Type, typename T, auto kNumber, std::uint64_t kStride,
          bool kIsInPlace>
class NewestValueScenario {
 public:
  using Spec = Register;

  void Prepare(Random& random) {
    writer_.reset();
    auto& memory = storage_.memory;
    memory = {};
    view_ = *Type::Attach(storage_);
    first_ = {};
    is_closed_ = false;
    const bool is_empty = Draw(random, 4) == 0;
    if (!is_empty) {
      (memory.*kNumber)
          .store(DrawStart(random, kStride), kRelaxed);  // sync: none, alone
    }
    writer_ = *view_->ClaimWriter();
    reader_ = view_->MakeReader();
    if (!is_empty) {
      writer_->Store(T::Of(next_));
      first_.value = next_++;
    }
    last_ = first_.value;
    for (auto& steps : steps_) {
      steps.resize(4 + Draw(random, 5));
      for (std::uint32_t& step : steps) step = Draw(random, 32);
    }
  }

  const Register& spec() const { return register_; }
  const Register::State& initial() const { return first_; }

  void Act(int who, Recorder<Register::Event>& log) {
    for (const std::uint32_t step : steps_[static_cast<std::size_t>(who)]) {
      if (who == 1) {
        Read(step, log);
      } else if (!is_closed_) {
        Write(step, log);
      }
    }
  }

 private:
  void Write(std::uint32_t step, Recorder<Register::Event>& log) {
    if (step == 0) {
      log.Time([&] { return (*std::move(writer_)).Close(), 0; });
      log.Note({Register::kClose});
      is_closed_ = true;
    } else if (step < 3) {
      log.Time([&] {
        const AttestedDeath death(view_->WriterHolder());
        Abandon(*std::move(writer_));
        writer_ = *view_->TakeOverWriter(death);
        return 0;
      });
    } else if (step < 10) {
      std::uint64_t seen = 0;
      const T value = T::Of(next_);
      const RingResult result = log.Time([&] {
        return writer_->Update([&](T& current) {
          seen = current.IsWhole() ? current.number() : UINT64_MAX;
          current = value;
        });
      });
      if (result == RingResult::kOk) {
        log.Note({seen == last_ ? Register::kLoad : Register::kNonsense, seen});
        NoteStored(log);
      } else {
        log.Note({result == RingResult::kEmpty ? Register::kLoad
                                               : Register::kNonsense});
      }
    } else {
      const T value = T::Of(next_);
      log.Time([&] { return writer_->Store(value), 0; });
      NoteStored(log);
    }
  }

  void NoteStored(Recorder<Register::Event>& log) {
    if constexpr (kIsInPlace) log.Note({Register::kBegin});
    log.Note({Register::kStore, next_});
    last_ = next_++;
  }

  void Read(std::uint32_t step, Recorder<Register::Event>& log) {
    if (step < 3) {
      const bool is_closed = log.Time([&] { return reader_->IsClosed(); });
      log.Note({is_closed ? Register::kFindClosed : Register::kFindOpen});
      return;
    }
    T value{};
    const RingResult result = log.Time([&] {
      if (step % 2 == 0) return reader_->TryLoad(value);
      return reader_->TryRead([&](SharedRef<T> ref) { ref.CopyOut(value); });
    });
    const bool is_disturbed = kIsInPlace && (result == RingResult::kPending ||
                                             result == RingResult::kContended);
    if (result == RingResult::kOk && value.IsWhole()) {
      log.Note({Register::kLoad, value.number()});
    } else if (result == RingResult::kEmpty) {
      log.Note({Register::kLoad, 0});
    } else {
      log.Note({is_disturbed ? Register::kDisturbed : Register::kNonsense});
    }
  }

  typename Type::Storage storage_{};
  std::optional<Type> view_;
  std::optional<typename Type::Writer> writer_;
  std::optional<typename Type::Reader> reader_;
  Register register_;
  Register::State first_;
  std::array<std::vector<std::uint32_t>, 2> steps_;
  std::uint64_t next_ = 1;  // no value is ever stored twice
  std::uint64_t last_ = 0;
  bool is_closed_ = false;
};

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_NEWEST_VALUE_H_
