/* SPDX-License-Identifier: Apache-2.0
 *
 * ck_ring in C, since its header is not C++. The call adds about a nanosecond
 * to operations that take twenty.
 */
#include "bench/ck_peer.h"

#include <ck_ring.h>
#include <stdlib.h>

struct CkPeer {
  ck_ring_t ring;
  unsigned item_bytes;
  void* buffer;
};

struct CkPeer* CkPeerCreate(unsigned capacity, unsigned item_bytes) {
  struct CkPeer* peer = aligned_alloc(128, (sizeof(*peer) + 127) / 128 * 128);
  ck_ring_init(&peer->ring, capacity);
  peer->item_bytes = item_bytes;
  peer->buffer = aligned_alloc(128, (size_t)capacity * item_bytes);
  return peer;
}
void CkPeerDestroy(struct CkPeer* peer) {
  free(peer->buffer);
  free(peer);
}
int CkPeerPush(struct CkPeer* peer, const void* item) {
  return _ck_ring_enqueue_sp(&peer->ring, peer->buffer, item, peer->item_bytes,
                             NULL);
}
int CkPeerPop(struct CkPeer* peer, void* item) {
  return _ck_ring_dequeue_sc(&peer->ring, peer->buffer, item, peer->item_bytes);
}
