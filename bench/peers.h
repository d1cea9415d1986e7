// SPDX-License-Identifier: Apache-2.0
//
// Other people's single-producer single-consumer queues, as Debian ships them,
// behind one interface: MakeProducer() and MakeConsumer() give a callable each.
#ifndef PLACID_BENCH_PEERS_H_
#define PLACID_BENCH_PEERS_H_

#include <readerwriterqueue/readerwriterqueue.h>

#include <boost/lockfree/spsc_queue.hpp>
#include <cstdint>
#include <memory>

#include "bench/ck_peer.h"

namespace placid::bench {

template <typename T, std::uint64_t kCapacity>
class MoodycamelQueue {
 public:
  using value_type = T;
  auto MakeProducer() {
    return [this](const T& item) { return queue_.try_enqueue(item); };
  }
  auto MakeConsumer() {
    return [this](T& item) { return queue_.try_dequeue(item); };
  }

 private:
  moodycamel::ReaderWriterQueue<T> queue_{kCapacity};
};

template <typename T, std::uint64_t kCapacity>
class BoostQueue {
 public:
  using value_type = T;
  auto MakeProducer() {
    return [this](const T& item) { return queue_->push(item); };
  }
  auto MakeConsumer() {
    return [this](T& item) { return queue_->pop(item); };
  }

 private:
  using Queue =
      boost::lockfree::spsc_queue<T, boost::lockfree::capacity<kCapacity>>;
  std::unique_ptr<Queue> queue_ = std::make_unique<Queue>();
};

// Copies elements into its buffer by the form for structures, so that it too
// stores values and not pointers.
template <typename T, std::uint64_t kCapacity>
class CkRing {
 public:
  using value_type = T;
  auto MakeProducer() {
    return [this](const T& item) { return CkPeerPush(peer_.get(), &item) != 0; };
  }
  auto MakeConsumer() {
    return [this](T& item) { return CkPeerPop(peer_.get(), &item) != 0; };
  }

 private:
  struct Destroy {
    void operator()(CkPeer* peer) const { CkPeerDestroy(peer); }
  };
  std::unique_ptr<CkPeer, Destroy> peer_{
      CkPeerCreate(static_cast<unsigned>(kCapacity), sizeof(T))};
};

}  // namespace placid::bench

#endif  // PLACID_BENCH_PEERS_H_
