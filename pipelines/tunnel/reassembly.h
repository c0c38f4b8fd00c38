/* SPDX-License-Identifier: BSD-3-Clause */
/* Fragments of packets to the box's tunnel endpoints, put together again. */
#ifndef TUNNEL_REASSEMBLY_H
#define TUNNEL_REASSEMBLY_H

#include <stdint.h>

struct burst;
struct rte_mbuf;
struct worker;

/* Outer fragments (rte_ip_frag), per worker. */
int reassembly_init(struct worker *w);
void reassembly_fini(struct worker *w);
/* Takes m; returns the whole packet in one buffer, or NULL while parts are missing or it was
 * dropped (counted). l3_len: of the IPv4 header. share: whose it is (peer_share.h);
 * where shares flood, the others have their room. */
struct rte_mbuf *reassembly_add4(
	struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t l3_len, uint32_t share);
struct rte_mbuf *reassembly_add6(
	struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t share);
/* Drops what has waited too long; about once a millisecond. */
void reassembly_tick(struct worker *w);

#endif
