/* SPDX-License-Identifier: BSD-3-Clause */
/* A burst: what one rx call brought, and what the stages know about each frame. Owned by one worker
 * from rx to tx. Stages compact the arrays as they go: index i of one array belongs to index i of
 * the others. */
#ifndef CORE_BURST_H
#define CORE_BURST_H

#include <rte_debug.h>
#include <rte_mbuf.h>
#include <stdint.h>

#define BURST_MAX 64 /* the most; a worker takes as many at once as worker_set_burst() says */

/* A place in an array of a burst. There is room by construction: a stage hands on at most as many
 * packets as it took, and what makes several of one (an exception, see odd_add()) runs when no
 * packet is in a stage. Builds that are no release check it. */
#ifdef SLUICE_BOUNDS
#define BURST_BOUND(k) RTE_VERIFY((k) < BURST_MAX)
#else
#define BURST_BOUND(k) ((void)0)
#endif

struct trace_burst;
struct exact_bucket;
struct encap;

/* What encapsulation wants to know of a frame: entropy of its flow in the low half, DSCP and ECN
 * above. */
typedef uint64_t flow_t;
#define FLOW_HASH(f) ((uint32_t)(f))
#define FLOW_TOS(f)  ((uint8_t)((f) >> 32))
#define FLOW_FRAME   (1ull << 40) /* in to_gtpu[]: an Ethernet frame, not an IP packet */

/* The slice of a frame and the attachment or tunnel it leaves by, in one word. */
#define LANE_WAY(slice, to) ((uint32_t)(slice) << 16 | (uint16_t)(to))
#define LANE_SLICE(way)	    ((uint16_t)((way) >> 16))
#define LANE_TO(way)	    ((uint16_t)(way))

/* What a GTP-U header says of one packet, as its session's FAR has it. */
struct gtpu_way {
	uint32_t teid_be;
	uint16_t peer;	/* id of a tunnel */
	uint16_t slice; /* counted and metered */
	uint8_t qfi;	/* with GTPU_WAY_PSC */
	uint8_t tos;	/* DSCP << 2 of the outer header; TOS_PEER: as the peer's encap says */
	uint8_t flags;	/* GTPU_WAY_* */
	uint8_t pad;
};
#define GTPU_WAY_PSC	0x01 /* with a PDU Session Container */
#define GTPU_WAY_UL_PSC 0x02 /* of type UL (towards core), else DL */

/* Frames that leave the same way, collected by the bridge. */
struct lane {
	uint32_t n;
	struct rte_mbuf *pkt[BURST_MAX];
	uint32_t way[BURST_MAX]; /* LANE_WAY */
	flow_t flow[BURST_MAX];	 /* into tunnels only */
};

struct burst {
	/* what came in */
	uint32_t n;
	uint16_t port; /* of the whole burst */
	struct rte_mbuf *pkt[BURST_MAX];

	/* frames that are inside a slice */
	uint32_t frames;
	struct rte_mbuf *frame[BURST_MAX];
	uint16_t slice[BURST_MAX];
	uint32_t door[BURST_MAX];    /* door_t it came in by */
	uint64_t key[2 * BURST_MAX]; /* destination and source key of the MAC table, alternating */
	struct exact_bucket *bucket[2 * BURST_MAX]; /* of those keys, prefetched */
	uint64_t *value[2 * BURST_MAX];
	flow_t flow[BURST_MAX]; /* of frames that came by an attachment */

	/* packets that are inside a slice that routes */
	uint32_t routes;
	struct rte_mbuf *route[BURST_MAX];
	uint16_t route_slice[BURST_MAX];
	uint32_t route_door[BURST_MAX];
	flow_t route_flow[BURST_MAX];

	/* lanes out */
	struct lane to_tunnel;
	struct lane to_access;
	uint32_t floods;
	uint16_t flood[BURST_MAX]; /* indices into frame[] */
	uint32_t underlays;
	struct rte_mbuf *underlay[BURST_MAX];
	/* GTP-U for this box: pkt begins with its outer Ethernet header */
	uint32_t gtpus;
	struct rte_mbuf *gtpu[BURST_MAX];
	uint16_t gtpu_at[BURST_MAX]; /* offset of the GTP-U header, lengths and checksum right */
	uint8_t gtpu_id[BURST_MAX];  /* own address it came to */
	uint8_t gtpu_tos[BURST_MAX]; /* outer */

	/* packets (frames) of a slice to a UE: pkt begins with an Ethernet header */
	uint32_t downs;
	struct rte_mbuf *down[BURST_MAX];
	uint64_t down_to[BURST_MAX]; /* SESSION_WORD */
	uint32_t down_door[BURST_MAX];
	uint16_t down_slice[BURST_MAX];
	flow_t down_flow[BURST_MAX];

	/* on their way into GTP-U tunnels, admitted and counted: pkt begins with the inner IP
	 * (Ethernet) header, and fits */
	uint32_t to_gtpus;
	struct rte_mbuf *to_gtpu[BURST_MAX];
	struct gtpu_way to_gtpu_way[BURST_MAX];
	const struct encap *to_gtpu_path[BURST_MAX];
	flow_t to_gtpu_flow[BURST_MAX];

	uint32_t punts;
	struct rte_mbuf *punt[BURST_MAX];

	uint32_t drops;
	struct rte_mbuf *drop[BURST_MAX];

	struct trace_burst *trace; /* NULL while nothing is traced */
};

#endif
