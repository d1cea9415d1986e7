// SPDX-License-Identifier: Apache-2.0
//
// Sites: the places in the source where shared memory is accessed, and mutants,
// each of which weakens one of them.
#ifndef PLACID_TESTS_MODEL_SITE_H_
#define PLACID_TESTS_MODEL_SITE_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/model/machine.h"

namespace placid::model {

enum class Operation : std::uint8_t {
  kLoad,
  kStore,
  kRmw,
  kCompareExchange,
  kFence,
  kBump,
};

// What the source says about a site, read from the file itself.
struct SiteText {
  std::string path;  // as the compiler was given it
  std::string file;  // below the root of the tree
  int line = 0;
  std::string edge;      // what its `// sync:` label says; empty without one
  std::string object;    // tail, for memory_->tail.load(...)
  std::string function;  // the last one whose definition begins above it
};

// How one order of a site was seen to be used. A compare-exchange has two.
struct OrderUse {
  int site;
  bool is_failure_order;
  Operation operation;
  MemoryOrder order;
  friend bool operator==(const OrderUse&, const OrderUse&) = default;
};

// One weakening: the order becomes another, or the store or bump is left out.
struct Mutant {
  OrderUse use;
  MemoryOrder weaker;
  bool is_dropped = false;
};

class Sites {
 public:
  // The number of a site, the same for the same file and line.
  int Find(Site site);
  [[nodiscard]] const SiteText& Text(int site);
  [[nodiscard]] int size() const { return static_cast<int>(sites_.size()); }

 private:
  struct Entry {
    Site site;
    bool is_read = false;
    SiteText text;
  };
  struct Key {
    const char* file;
    int line;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct HashKey {
    std::size_t operator()(const Key& key) const {
      return reinterpret_cast<std::uintptr_t>(key.file) * 31 +
             static_cast<std::size_t>(key.line);
    }
  };

  // One file has as many names as there are translation units that include it.
  std::unordered_map<Key, int, HashKey> numbers_;
  std::vector<Entry> sites_;
};

// The one table: sites outlive explorations.
Sites& AllSites();

// Every weakening of an order: to each next weaker one.
std::vector<Mutant> MutantsOf(const OrderUse& use);

[[nodiscard]] const char* ToString(MemoryOrder order);
[[nodiscard]] const char* ToString(Operation operation);

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_SITE_H_
