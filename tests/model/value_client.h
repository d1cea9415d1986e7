// SPDX-License-Identifier: Apache-2.0
//
// ValueClient<V>: programs about types that keep one value up to date, such as
// Seqlock and Latest. Value n is {n, 2n}: a torn one shows.
#ifndef PLACID_TESTS_MODEL_VALUE_CLIENT_H_
#define PLACID_TESTS_MODEL_VALUE_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "placid/base/fields.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "tests/model/model.h"

namespace placid::model {

struct Twice {
  std::uint64_t number;
  std::uint64_t twice;
};
PLACID_FIELDS(Twice, number, twice)

template <typename V>
class ValueClient {
 public:
  // `prepare` puts the type's own numbers where a program needs them.
  using Prepare = std::function<void(typename V::Storage&)>;

  ValueClient(Prepare prepare, int stored_before)
      : prepare_(std::move(prepare)), before_(stored_before) {}

  // ---- Writing

  void Write(int up_to, bool closes = false) {
    auto writer = view_.ClaimWriter();
    while (!writer) {
      Pause();
      writer = view_.ClaimWriter();
    }
    Store(*writer, up_to);
    if (closes) std::move(*writer).Close();
  }

  void WriteAfter(int dead, int up_to) {
    if (!AwaitEnd(dead)) return;
    const RoleHolder holder = view_.WriterHolder();
    auto writer = holder.is_free()
                      ? view_.ClaimWriter()
                      : view_.TakeOverWriter(AttestedDeath(holder));
    Check(writer.has_value(), "the dead one's role can be had");
    See("a writer took over");
    // The dead one may have stored what it did not live to note.
    const int noted = stored_;
    const RingResult result = writer->Update([&](Twice& value) {
      const int found = static_cast<int>(value.number);
      Check(value.twice == 2 * value.number, "Update gets a whole value");
      Check(found == noted || found == noted + 1, "Update gets the newest");
      stored_ = found + 1;
      value = Value(stored_);
    });
    if (result == RingResult::kEmpty) {
      See("the dead one left no whole value");
      ++stored_;
      writer->Store(Value(stored_));
    }
    Store(*writer, up_to);
  }

  // ---- Reading

  void Read(int times) {
    auto reader = view_.MakeReader();
    int last = 0;
    for (int i = 0; i < times; ++i) (void)ReadOnce(reader, last);
  }

  // On pages it may only read, which may be virgin yet.
  void ReadOnly() {
    auto reader = *V::AttachReadOnly(std::as_bytes(std::span(&storage_, 1)));
    Twice value{};
    const RingResult result = reader.TryLoad(value);
    if (result == RingResult::kEmpty) return See("empty");
    Check(result == RingResult::kOk && value.twice == 2 * value.number,
          "what is there is whole");
    See("ok");
  }

  void AttachAndWrite(int up_to) {
    view_ = *V::Attach(storage_);
    Write(up_to);
  }

  void ReadFinal(int number) {
    auto reader = view_.MakeReader();
    while (!reader.IsClosed()) Pause();
    int last = 0;
    Check(ReadOnce(reader, last), "the final value is there");
    Check(last == number, "and it is the final one");
    Check(reader.Version() != 0, "it has a version");
    Check(!view_.ClaimWriter().has_value(), "nobody writes it again");
  }

  // When the writer is no more; what it had stored, or that it was storing.
  void ReadAfter(int dead) {
    const bool is_dead = AwaitEnd(dead);
    auto reader = view_.MakeReader();
    int last = 0;
    if (!ReadOnce(reader, last)) {
      Check(is_dead, "a writer that ended left a value");
      return;
    }
    Check(last == stored_ || (is_dead && last == stored_ + 1),
          "what was stored last is read");
  }

  void SetUp(bool is_virgin = false) {
    storage_ = {};
    stored_ = 0;
    if (is_virgin) return;
    view_ = *V::Attach(storage_);
    if (prepare_) prepare_(storage_);
    auto writer = view_.ClaimWriter();
    Store(*writer, before_);
  }

  Program MakeProgram(std::vector<ThreadSpec> threads, int stored) {
    Program program;
    program.set_up = [this] { SetUp(); };
    program.threads = std::move(threads);
    program.finish = [this, stored] {
      if (stored == 0) return;
      Check(stored_ >= stored, "all was stored");
      auto reader = view_.MakeReader();
      Twice value{};
      Check(reader.TryLoad(value) == RingResult::kOk &&
                static_cast<int>(value.number) == stored_,
            "the last value is the newest");
    };
    program.regions = {{"value", &storage_, sizeof(storage_)}};
    return program;
  }

 private:
  static Twice Value(int number) {
    const auto n = static_cast<std::uint64_t>(number);
    return {n, 2 * n};
  }

  void Store(typename V::Writer& writer, int up_to) {
    while (stored_ < up_to) {
      if (IsModelled()) CountOperation();
      writer.Store(Value(stored_ + 1));
      ++stored_;
    }
  }

  // What is read is whole and no older than what was read before.
  bool ReadOnce(typename V::Reader& reader, int& last) {
    Twice value{};
    int looks = 0;
    const RingResult result = reader.TryRead([&](SharedRef<Twice> shared) {
      ++looks;
      shared.CopyOut(value);
    });
    CountOperation();
    See(std::string(ToString(result)));
    if (looks > 1) See("read again");
    if (result != RingResult::kOk) {
      Check(result != RingResult::kCorrupt, "nothing is corrupt");
      Check(result != RingResult::kEmpty || before_ == 0,
            "what was stored does not vanish");
      return false;
    }
    Check(value.twice == 2 * value.number, "the value is whole");
    Check(static_cast<int>(value.number) >= last, "values do not go back");
    last = static_cast<int>(value.number);
    return true;
  }

  typename V::Storage storage_{};
  V view_ = *V::Attach(storage_);
  Prepare prepare_;
  int before_;
  int stored_ = 0;
};

// The one client of a program; programs follow one another.
template <typename V>
ValueClient<V>* NewValueClient(
    int stored_before = 0, typename ValueClient<V>::Prepare prepare = nullptr) {
  static std::unique_ptr<ValueClient<V>> client;
  client = std::make_unique<ValueClient<V>>(std::move(prepare), stored_before);
  return client.get();
}

// ---- Programs that all such types take part in

template <typename V>
Program WriteAndRead(int stores, int reads, int before = 0,
                     typename ValueClient<V>::Prepare prepare = nullptr) {
  auto* c = NewValueClient<V>(before, std::move(prepare));
  const int last = before + stores;
  return c->MakeProgram({{"writer", [c, last] { c->Write(last); }},
                         {"reader", [c, reads] { c->Read(reads); }}},
                        last);
}

template <typename V>
Program TwoReaders() {
  auto* c = NewValueClient<V>();
  return c->MakeProgram({{"writer", [c] { c->Write(1); }},
                         {"reader", [c] { c->Read(2); }},
                         {"other reader", [c] { c->ReadOnly(); }}},
                        1);
}

// Two operations each.
template <typename V>
Program TwoReadersReadTwice() {
  auto* c = NewValueClient<V>();
  return c->MakeProgram({{"writer", [c] { c->Write(2); }},
                         {"reader", [c] { c->Read(2); }},
                         {"other reader", [c] { c->Read(2); }}},
                        2);
}

// While somebody reads; who then, or later, learns of it.
template <typename V>
Program WriterDiesWhileRead() {
  auto* c = NewValueClient<V>();
  return c->MakeProgram({{"writer", [c] { c->Write(2); }, true},
                         {"reader",
                          [c] {
                            c->Read(2);
                            c->ReadAfter(0);
                          }}},
                        0);
}

template <typename V>
Program WriterDies() {
  auto* c = NewValueClient<V>();
  return c->MakeProgram({{"writer", [c] { c->Write(2); }, true},
                         {"reader", [c] { c->ReadAfter(0); }}},
                        0);
}

template <typename V>
Program WriterIsSucceeded() {
  auto* c = NewValueClient<V>();
  return c->MakeProgram({{"writer", [c] { c->Write(2); }, true},
                         {"successor", [c] { c->WriteAfter(0, 2); }},
                         {"reader", [c] { c->Read(1); }}},
                        2);
}

template <typename V>
Program WritersInTurn(int before = 0) {
  auto* c = NewValueClient<V>(before);
  return c->MakeProgram({{"first", [c, before] { c->Write(before + 1); }},
                         {"second", [c, before] { c->Write(before + 2); }},
                         {"reader", [c] { c->Read(1); }}},
                        before + 2);
}

// The first user of all-zero bytes may be a reader.
template <typename V>
Program VirginIsRead() {
  auto* c = NewValueClient<V>();
  Program program = c->MakeProgram({{"writer", [c] { c->AttachAndWrite(1); }},
                                    {"reader", [c] { c->ReadOnly(); }}},
                                   1);
  program.set_up = [c] { c->SetUp(/*is_virgin=*/true); };
  return program;
}

template <typename V>
Program WriterCloses() {
  auto* c = NewValueClient<V>();
  return c->MakeProgram({{"writer", [c] { c->Write(2, /*closes=*/true); }},
                         {"reader", [c] { c->ReadFinal(2); }}},
                        2);
}

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_VALUE_CLIENT_H_
