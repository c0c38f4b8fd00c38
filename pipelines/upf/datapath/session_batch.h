/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of sessions from the moment their session and group are known until they have been acted
 * upon: which PDR, may it pass, count, where to. Filled by gtpu_in.c (by TEID), session_down.c (by
 * the UE's address) and hold.c (what was held); run by session_batch.c. Lives on the stack of a
 * worker; owns its packets until session_batch_act(). */
#ifndef UPF_SESSION_BATCH_H
#define UPF_SESSION_BATCH_H

#include <rte_ether.h>

#include "admit.h"
#include "hold.h"
#include "rules.h"
#include "upf_worker.h"

#define BATCH_ETH ((uint32_t)sizeof(struct rte_ether_hdr))
#define GTPU_ROOM 96 /* in front of the inner packet: the longest header and how it is copied */
#define PSC_ROOM  8  /* a PDU Session Container with the four octets of options */

/* Parallel arrays. */
struct session_batch {
	uint32_t n;
	/* begins with an Ethernet header: that of the frame, or for IP sessions 14 bytes of which
	 * the type is right, and the packet after it */
	struct rte_mbuf *pkt[BURST_MAX];
	const struct session_block *s[BURST_MAX];
	const struct session_act *act[BURST_MAX];
	flow_t flow[BURST_MAX];
	uint32_t session[BURST_MAX];
	uint32_t bytes[BURST_MAX]; /* of the inner packet */
	door_t door[BURST_MAX];	   /* it came in by */
	uint8_t group[BURST_MAX];
	uint8_t rule[BURST_MAX];
	uint8_t qfi[BURST_MAX]; /* QFI_NONE: came without */
	/* whose rules must look at the packet; which go into tunnels */
	uint32_t asks, sends;
	uint8_t ask[BURST_MAX];
	uint8_t send[BURST_MAX];
};

static __rte_always_inline void session_batch_begin(struct session_batch *x)
{
	x->n = x->asks = x->sends = 0;
}

static __rte_always_inline void session_batch_act(
	struct session_batch *x, uint32_t k, const struct session_act *a, uint8_t rule)
{
	x->act[k] = a;
	x->rule[k] = rule;
	x->send[x->sends] = k;
	x->sends += a->what == ACT_GTPU || (a->flags & ACT_DUPLICATE) != 0;
}

/* acquire: pairs with the release in session.c; NULL: no such session */
static __rte_always_inline const struct session_block *session_load(uint32_t session)
{
	return __atomic_load_n(&session_block[session], __ATOMIC_ACQUIRE);
}

/* Of a batch's sessions what acting will touch. A loop of its own, short as it is: that way the
 * CPU has the blocks of many packets under way at a time, and none waits alone. */
static __rte_always_inline void session_prefetch_cells(
	const struct worker *w, const struct session_block *const *s, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		if (likely(s[k] != NULL))
			session_admit_prefetch(w, s[k]);
}

/* Of a burst's sessions, those for which hold.c was asked: for their later packets it is, too,
 * though main may have taken the block's flag away and published another since the first one
 * saw it. A bit for all that hash to it; to ask for nothing does no harm. */
static __rte_always_inline uint64_t session_bit(uint32_t session)
{
	return 1ull << (session * 0x9e3779b1u >> 26);
}

static __rte_always_inline bool session_diverts(
	uint64_t diverted, const struct session_block *s, uint32_t session)
{
	return s->flags & SESSION_FLUSHING || (diverted & session_bit(session)) != 0;
}

/* hold_waits(): *s becomes the block as it is now, by which the packet goes or waits, or NULL. */
static inline bool session_waits(
	struct worker *w, uint64_t *diverted, uint32_t session, const struct session_block **s)
{
	*diverted |= session_bit(session);
	return hold_waits(w, session, s);
}

static __rte_always_inline void session_prefetch(const struct session_block *s)
{
	rte_prefetch0(s);
	rte_prefetch0((const uint8_t *)s + RTE_CACHE_LINE_SIZE);
}

/* The last packet's act, when its group's first rule takes everything (of this UE); else it is to
 * be asked for. The caller has asked for the lines that admitting needs. */
static __rte_always_inline void session_batch_rules(
	struct session_batch *x, const struct session_group *g, const struct upf_worker *upf)
{
	uint32_t k = x->n++;
	const struct session_block *s = x->s[k];
	const struct rules *r = rules_hot[g->rules];

	/* by an own F-TEID for uplink its source was checked, by its address it was found */
	bool of_ue = (g->flags & GROUP_UPLINK || g->teid_be == 0) && !(s->flags & SESSION_ETHERNET);

	if (likely((of_ue ? rules_is_trivial_for_ue(r) : rules_is_trivial(r)) &&
		    r->result.act != RULES_NONE)) {
		const struct session_act *a = session_acts(g) + r->result.act;

		session_batch_act(x, k, a, r->result.rule);
		rte_prefetch0(&upf->cells[s->cells + a->cell]);
		return;
	}
	x->ask[x->asks++] = k;
}

/* All of the batch: PDR, QERs, URRs, counters, and off: into a slice (route[]), to_gtpu, held,
 * dropped by name. Packets too large for their way are answered. Empties the batch. */
void session_batch_up(struct worker *w, struct burst *b, struct session_batch *x);
void session_batch_down(struct worker *w, struct burst *b, struct session_batch *x);

/* Packet k of x, an IPv4 packet that may be cut, in pieces of at most mtu bytes: each by the act
 * that is the packet's, uplink, and counted by itself. Takes the packet. session_batch.c. */
void session_batch_cut(
	struct worker *w, struct burst *b, const struct session_batch *x, uint32_t k, uint32_t mtu);

#endif
