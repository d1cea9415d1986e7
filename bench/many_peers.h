// SPDX-License-Identifier: Apache-2.0
//
// Other people's queues of several producers, as Debian ships them, behind one
// interface: MakeProducer() and MakeConsumer() give a callable each, for a
// thread of its own.
#ifndef PLACID_BENCH_MANY_PEERS_H_
#define PLACID_BENCH_MANY_PEERS_H_

#include <concurrentqueue/concurrentqueue.h>
#include <tbb/concurrent_queue.h>

#include <boost/lockfree/queue.hpp>
#include <cstdint>
#include <memory>
#include <utility>
#include <xenium/vyukov_bounded_queue.hpp>

namespace placid::bench {

// Vyukov's bounded queue.
template <typename T, std::uint64_t kCapacity>
class XeniumQueue {
 public:
  using value_type = T;
  auto MakeProducer() {
    return [this](const T& item) { return queue_.try_push(item); };
  }
  auto MakeConsumer() {
    return [this](T& item) { return queue_.try_pop(item); };
  }

 private:
  xenium::vyukov_bounded_queue<T> queue_{kCapacity};
};

// With tokens, the faster way; without a bound.
template <typename T, std::uint64_t kCapacity>
class MoodycamelManyQueue {
 public:
  using value_type = T;
  auto MakeProducer() {
    auto token = std::make_shared<moodycamel::ProducerToken>(queue_);
    // Its try_enqueue is told for ever that there is no block, once another
    // producer has them all.
    return
        [this, token](const T& item) { return queue_.enqueue(*token, item); };
  }
  auto MakeConsumer() {
    auto token = std::make_shared<moodycamel::ConsumerToken>(queue_);
    return [this, token](T& item) { return queue_.try_dequeue(*token, item); };
  }

 private:
  moodycamel::ConcurrentQueue<T> queue_{kCapacity};
};

template <typename T, std::uint64_t kCapacity>
class BoostManyQueue {
 public:
  using value_type = T;
  auto MakeProducer() {
    return [this](const T& item) { return queue_.bounded_push(item); };
  }
  auto MakeConsumer() {
    return [this](T& item) { return queue_.pop(item); };
  }

 private:
  // At most 65,534 nodes, as it numbers them by 16 bits.
  static constexpr std::uint64_t kNodes =
      kCapacity < 65'534 ? kCapacity : 65'534;
  boost::lockfree::queue<T> queue_{kNodes};
};

template <typename T, std::uint64_t kCapacity>
class TbbQueue {
 public:
  using value_type = T;
  TbbQueue() { queue_.set_capacity(static_cast<std::ptrdiff_t>(kCapacity)); }
  auto MakeProducer() {
    return [this](const T& item) { return queue_.try_push(item); };
  }
  auto MakeConsumer() {
    return [this](T& item) { return queue_.try_pop(item); };
  }

 private:
  tbb::concurrent_bounded_queue<T> queue_;
};

}  // namespace placid::bench

#endif  // PLACID_BENCH_MANY_PEERS_H_
