/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLACID_BENCH_CK_PEER_H_
#define PLACID_BENCH_CK_PEER_H_

#ifdef __cplusplus
extern "C" {
#endif

struct CkPeer;
struct CkPeer* CkPeerCreate(unsigned capacity, unsigned item_bytes);
void CkPeerDestroy(struct CkPeer* peer);
int CkPeerPush(struct CkPeer* peer, const void* item);
int CkPeerPop(struct CkPeer* peer, void* item);

#ifdef __cplusplus
}
#endif

#endif /* PLACID_BENCH_CK_PEER_H_ */
