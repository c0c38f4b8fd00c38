/* SPDX-License-Identifier: BSD-3-Clause */
/* What the stages read and count per packet: the hot halves of slices, attachments and tunnels, and
 * a worker's own part of the pipeline's state. Written by main (slice.c, attachment.c, tunnel.c);
 * read by every stage. */
#ifndef PIPELINES_HOT_H
#define PIPELINES_HOT_H

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_prefetch.h>
#include <rte_ring.h>
#include <stdint.h>
#include <string.h>

#include "bounds.h"
#include "counters.h"
#include "drops.h"
#include "exact.h"
#include "door.h"
#include "meter.h"
#include "trace_point.h"
#include "wire.h"
#include "worker.h"

/* Where a slice floods to; replaced as a whole under RCU. Attachments first: a frame from a tunnel
 * goes to those only. */
struct flood_list {
	uint32_t attachments;
	uint32_t tunnels;
	uint16_t id[];
};

struct slice_hot {
	uint32_t vni_be; /* the VXLAN or Geneve header's last word: VNI << 8, network order */
	uint16_t meter;	 /* of all its traffic into the overlay; 0: none */
	uint8_t flags;	 /* SLICE_* */
	bool live;
	uint64_t flood_cost; /* cycles a flooded frame costs, see bucket_cost() */
	struct flood_list
		*flood; /* never NULL while live; main: release store, workers: acquire load */
	uint64_t mac;	/* of its gateways: six bytes as they lie in a frame, the rest 0 */
} __rte_aligned(32);
_Static_assert(sizeof(struct slice_hot) == 32, "two slices a line");

#define SLICE_IS_L3	0x01
#define SLICE_CLAMP_MSS 0x02
#define SLICE_SUPPRESS	0x04 /* answers ARP and ND for hosts it knows */
#define SLICE_SESSIONS	0x08 /* UEs have addresses (l3) or sessions are doors (l2) */
#define SLICE_UNTAUGHT	0x10 /* nothing is learned from frames that come by tunnels */

struct attachment_hot {
	uint16_t slice; /* 0 while unpublished */
	uint16_t port;
	uint16_t vlan; /* VID, 0 = untagged, and ATTACHMENT_* above it */
	uint16_t mtu;  /* of its port: the largest packet that leaves here */
} __rte_aligned(8);    /* written and read as one word: attachment_load() */
#define ATTACHMENT_VID	     0x0fff
#define ATTACHMENT_L3	     0x1000 /* of an l3 slice */
#define ATTACHMENT_METER_IN  0x2000
#define ATTACHMENT_METER_OUT 0x4000
_Static_assert(sizeof(struct attachment_hot) == 8, "eight attachments a line");

/* What goes in front of a frame on one path of a tunnel. IPv4 uses line 0 alone: both the decision
 * and the header are in it, and the only path of a tunnel over IPv4 has no second. Headers lie so
 * that they end where the frame starts. */
struct encap {
	/* line 0: read per packet */
	uint16_t port;	    /* PORT_NONE: no path; `why` says so */
	uint16_t max_len;   /* of the frame, so that the packet fits the underlay; 0: no path */
	uint8_t hdr_len;    /* 50 or 70 */
	uint8_t flags;	    /* ENCAP_* */
	uint8_t why;	    /* enum drop_reason while there is no path */
	uint8_t dscp;	    /* << 2, when fixed */
	uint16_t csum_base; /* IPv4: sum of the header without length and DSCP */
	uint16_t udp_base;  /* sum of what the UDP checksum covers and all packets share */
	uint16_t least_len; /* the least max_len of all the tunnel's paths */
	uint8_t hdr[70];    /* Ethernet, IP, UDP, VXLAN or Geneve without options */
	uint8_t tail[44];
} __rte_cache_aligned;
_Static_assert(offsetof(struct encap, hdr) == 14, "an IPv4 header ends with line 0");
_Static_assert(sizeof(struct encap) == 128, "two lines");

#define ENCAP_IPV6	 0x01
#define ENCAP_DSCP_FIXED 0x02
#define ENCAP_UDP_CSUM	 0x04
#define ENCAP_IP_ID	 0x08 /* may be fragmented on the way: wants an identification (RFC 6864) */
#define ENCAP_FRAGMENT	 0x10 /* what is over max_len leaves in fragments */

/* The paths of a tunnel: an array of encaps, a power of two addressed by flow hash, replaced as a
 * whole under RCU. Address and size are one word, so that a worker always sees those of the same
 * array: log2 of the size in the low bits. */
#define PATHS_LOG2 7u /* at most 128 */
struct tunnel_hot {
	uintptr_t paths; /* main: release store, workers: acquire load; never 0: entry 0 has no path
			  */
};

extern struct tunnel_hot *tunnel_hot; /* [LIMIT_TUNNELS + 1] */

/* Which path of a tunnel a frame takes. By the flow's hash: the same for all packets of a flow. */
static __rte_always_inline const struct encap *path_pick(uint16_t tunnel, uint32_t hash)
{
	/* acquire: pairs with the release in tunnel_publish() */
	uintptr_t paths = __atomic_load_n(&tunnel_hot[tunnel].paths, __ATOMIC_ACQUIRE);
	uint32_t mask = (1u << (paths & PATHS_LOG2)) - 1;

	return (const struct encap *)(paths & ~(uintptr_t)PATHS_LOG2) + (hash >> 14 & mask);
}

/* The box's tunnel endpoints, for decapsulation: (local, remote, UDP port, VNI) → slice and tunnel.
 */
#define VTEP_SLICE(v)	((uint16_t)(v))
#define VTEP_TUNNEL(v)	((uint16_t)((v) >> 16))
#define VTEP_ZERO_CSUM6 (1ull << 32)
#define VTEP_L3		(1ull << 33) /* the slice routes */
#define VTEP_CLAMP_MSS	(1ull << 34)
#define VTEP_GENEVE	(1ull << 48) /* in a key's first word: came as Geneve, not as VXLAN */
#define VTEP_ANY_VNI	0x01ull	     /* in the VNI's reserved byte: "this peer is known" */
#define VTEP_ANY_PEER                                                                              \
	0x02ull /* "this local address is an endpoint"; with a remote one: of a known peer */
#define VTEP_GTPU   0x04ull /* "it is of GTP-U": value is the id of the gtpu */
#define VTEP4_WORDS 2
#define VTEP6_WORDS 5

extern struct slice_hot *slice_hot;	      /* [LIMIT_SLICES + 1] */
extern struct attachment_hot *attachment_hot; /* [LIMIT_ATTACHMENTS + 1] */
extern struct exact_table fdb_table, vtep4_table, vtep6_table;

/* All fields of one moment: the slice with the port that a change gave it. */
static __rte_always_inline struct attachment_hot attachment_load(uint16_t id)
{
	struct attachment_hot a;
	/* acquire: pairs with the release in hot_store() */
	uint64_t word = __atomic_load_n((const uint64_t *)&attachment_hot[id], __ATOMIC_ACQUIRE);

	memcpy(&a, &word, sizeof(a));
	return a;
}

/* Are MACs learned from frames that come into the slice by this door? */
static inline bool slice_learns_from(uint16_t slice, door_t door)
{
	return DOOR_KIND(door) != DOOR_TUNNEL || !(slice_hot[slice].flags & SLICE_UNTAUGHT);
}

/* What a UDP port carries, by its number in network order. One or the other: neither says itself
 * which it is. */
enum tunnel_kind { TUNNEL_NONE, TUNNEL_VXLAN, TUNNEL_GENEVE, TUNNEL_GTPU };
extern uint8_t *tunnel_port; /* [65536] enum tunnel_kind */

/* A vtep4 key is {this word, remote << 32 | local}, a vtep6 key {this word, local, remote}; vni_be
 * as in the VXLAN header, marks in its reserved byte. The word comes first since it is never 0 (it
 * holds a UDP port or a mark), whatever addresses a packet claims: 0 would match slots without
 * entry.
 */
static inline uint64_t vtep_word(uint16_t udp_port_be, uint32_t vni_be, uint64_t mark)
{
	return vni_be | mark << 24 | (uint64_t)udp_port_be << 32;
}

/* A worker's part: its counters and what it must remember between bursts. */
struct learn_seen {
	uint64_t key;
	uint64_t tsc;
	door_t door;
};
#define LEARN_SEEN 1024

struct learn_report {
	uint64_t key;
	uint32_t door;
	uint32_t pad;
};

struct bucket {
	uint64_t tsc;
	uint64_t credit; /* cycles */
};

struct reassembly;
struct host_worker;
struct odd_queue;
struct upf_worker;

/* What a worker counts of slices, attachments and tunnels, by id. Two are a line, and drops stand
 * aside: with thousands of them every packet touches others. */
struct traffic {
	uint64_t in_packets, in_bytes, out_packets, out_bytes;
} __rte_aligned(32);

struct door_counts {
	struct traffic *traffic;
	uint64_t *dropped;
};

struct switch_worker {
	struct door_counts slice, attachment, tunnel;
	uint64_t (*slice_drops)[DROP_SLICE_REASONS];
	struct bucket *flood; /* [LIMIT_SLICES + 1] */
	struct bucket *punt;  /* [PORT_MAX] */
	struct rte_ring *learn;
	struct learn_seen *seen;
	struct reassembly *reassembly;
	struct host_worker *host;
	struct odd_queue *odds; /* exceptions of the burst, which switch_out() takes */
	struct rte_ring *to_taps, *from_taps; /* struct tap_frame */
	struct upf_worker *upf;
	void *session_lines; /* by session_line_prefetch() */
	uint64_t punt_cost;
	uint16_t ip_id; /* of IPv4, and of IPv6 fragments: no two workers use the same */
	uint16_t ip_id_step;
	uint32_t ip6_id;
	struct meter_worker meter;
};

static __rte_always_inline struct switch_worker *switch_of(struct worker *w)
{
	return w->pipeline;
}

/* Packets in a row of the same slice and door are added up, and counted when another comes. */
struct run {
	uint32_t way; /* LANE_WAY(slice, id of the door) */
	uint64_t packets, slice_bytes, door_bytes;
};

/* One packet more; a last call with way 0 counts what is left. doors: those of the door's kind;
 * NULL: the slice counts alone. in: they come into the slice, else they leave it. */
static __rte_always_inline void run_count(struct switch_worker *sw, struct run *run,
	struct door_counts *doors, const bool in, uint32_t way, uint32_t slice_bytes,
	uint32_t door_bytes)
{
	if (unlikely(way != run->way)) {
		struct traffic *slice = &sw->slice.traffic[LANE_SLICE(run->way)];

		*(in ? &slice->in_packets : &slice->out_packets) += run->packets;
		*(in ? &slice->in_bytes : &slice->out_bytes) += run->slice_bytes;
		if (doors != NULL) {
			struct traffic *door = &doors->traffic[LANE_TO(run->way)];

			*(in ? &door->in_packets : &door->out_packets) += run->packets;
			*(in ? &door->in_bytes : &door->out_bytes) += run->door_bytes;
		}
		*run = (struct run){.way = way};
	}
	run->packets++;
	run->slice_bytes += slice_bytes;
	run->door_bytes += door_bytes;
}

/* The identification of one more IPv4 packet of this box (RFC 6864): each worker has every
 * ip_id_step-th. */
static __rte_always_inline uint16_t ip_id_next_be(struct switch_worker *sw)
{
	uint16_t id = sw->ip_id;

	sw->ip_id = id + sw->ip_id_step;
	return rte_cpu_to_be_16(id);
}

/* What a frame is marked with for shaped ports (core/shaper.h): its slice and the door it left by.
 */
#define MARK_TUNNEL(way)     (way)
#define MARK_ATTACHMENT(way) ((way) | 1u << 31)
#define MARK_BOX	     0u /* no slice's: the kernel's */
_Static_assert(LIMIT_SLICES < 1u << 14, "a slice leaves room for the kind of door");

/* A VLAN tag of any kind: 802.1Q, 802.1ad, and the older 0x9100. */
static __rte_always_inline bool is_vlan_tag(uint16_t type_be)
{
	if (likely(type_be == RTE_BE16(0x0800)))
		return false;
	return type_be == RTE_BE16(0x8100) || type_be == RTE_BE16(0x88a8) ||
	       type_be == RTE_BE16(0x9100);
}

/* The stages, for cost samples and traces. */
enum stage {
	STAGE_RECEIVE,
	STAGE_PARSE,
	STAGE_OVERLAY_IN,
	STAGE_GTPU_IN,
	STAGE_BRIDGE,
	STAGE_ROUTE,
	STAGE_FLOOD,
	STAGE_SESSION_DOWN,
	STAGE_GTPU_OUT,
	STAGE_OVERLAY_OUT,
	STAGE_ACCESS_OUT,
	STAGE_PUNT,
	STAGE_TRANSMIT
};
extern const char *const switch_stages[];

/* Nothing is in b yet. */
static inline void burst_begin(struct burst *b)
{
	b->frames = b->routes = b->underlays = b->punts = b->floods = 0;
	b->gtpus = b->downs = b->to_gtpus = 0;
}

/* The stages after bridge and route, for what is not in a burst of a port (ticks, packets that were
 * held). Set once by switch.c, which is above all rooms. */
struct stages_above {
	/* as far as there is anything for them: all that is in lanes is on its way out */
	void (*out)(struct worker *w, struct burst *b);
	/* flood[] first */
	void (*flood)(struct worker *w, struct burst *b);
};
extern struct stages_above stages_above;

/* Around packets that a tick sends, the burst being between two: lanes are empty, but what it
 * traced and dropped still stands. */
static inline void burst_own_begin(struct burst *b)
{
	b->trace = NULL;
	b->drops = 0;
}

static inline void burst_own_end(struct worker *w, struct burst *b)
{
	stages_above.out(w, b);
	if (b->drops > 0)
		rte_pktmbuf_free_bulk(b->drop, b->drops);
	b->drops = 0;
}

/* Sums element `id` of one of the counter arrays of struct switch_worker, named by its offset. Main
 * thread. */
void counters_sum(struct counters *out, size_t array, uint16_t id);
void counters_zero(size_t array, uint16_t id);

/* What one packet at `pps` a second costs in cycles on each worker, every one of which has its
 * share of the rate; 0: none may pass. Computed when configured: no packet divides. */
static inline uint64_t bucket_cost(uint64_t pps)
{
	return pps != 0 ? RTE_MAX(rte_get_tsc_hz() * worker_count / pps, 1ull) : 0;
}

/* Takes one packet; bursts of up to a tenth of a second. */
static inline bool bucket_take(struct bucket *k, uint64_t now_tsc, uint64_t cap, uint64_t cost)
{
	if (cap < cost)
		cap = cost;
	k->credit += now_tsc - k->tsc;
	k->tsc = now_tsc;
	if (k->credit > cap)
		k->credit = cap;
	if (cost == 0 || k->credit < cost)
		return false;
	k->credit -= cost;
	return true;
}

/* Drops a packet whose slice is known, and counts it where people look: reason, slice, door. */
static inline void slice_drop(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t slice,
	door_t door, enum drop_reason why)
{
	struct switch_worker *sw = switch_of(w);

	sw->slice.dropped[slice]++;
	sw->slice_drops[slice][why]++;
	if (DOOR_KIND(door) == DOOR_TUNNEL)
		sw->tunnel.dropped[DOOR_ID(door)]++;
	else if (unlikely(DOOR_KIND(door) == DOOR_SESSION))
		DOOR_OPS(door)->count_drop(w, DOOR_SESSION_ID(door));
	else
		sw->attachment.dropped[DOOR_ID(door)]++;
	worker_drop(w, b, m, why);
}

/* A key of fdb_table: (slice, MAC) in one word, from the six bytes at mac and the two after it
 * (which the caller can read).
 */
static inline uint64_t fdb_key(uint16_t slice, const uint8_t *mac)
{
	uint64_t bytes;

	__builtin_memcpy(&bytes, mac, sizeof(bytes));
	return bytes << 16 | slice;
}

/* A frame enters a slice: its table keys are made, and their lines are on their way from here on.
 * data: its first 14 bytes. */
static __rte_always_inline void frame_enter(struct burst *b, const struct exact_view *fdb,
	uint32_t k, struct rte_mbuf *m, const uint8_t *data, uint16_t slice, door_t door)
{
	uint64_t to = fdb_key(slice, data), from = fdb_key(slice, data + 6);

	BURST_BOUND(k);
	b->frame[k] = m;
	b->slice[k] = slice;
	b->door[k] = door;
	b->key[2 * k] = to;
	b->key[2 * k + 1] = from;
	b->bucket[2 * k] = exact_prefetch(fdb, &to, 1);
	b->bucket[2 * k + 1] = exact_prefetch(fdb, &from, 1);
}

/* The same into a slice that routes. */
static __rte_always_inline void route_enter(
	struct burst *b, struct rte_mbuf *m, uint16_t slice, door_t door)
{
	uint32_t k = b->routes++;

	BURST_BOUND(k);
	b->route[k] = m;
	b->route_slice[k] = slice;
	b->route_door[k] = door;
}

/* To a session: word is its way in (SESSION_WORD). */
static __rte_always_inline void down_put(struct burst *b, struct rte_mbuf *m, uint16_t slice,
	door_t door, uint64_t flow, uint64_t word)
{
	uint32_t k = b->downs++;

	BURST_BOUND(k);
	b->down[k] = m;
	b->down_to[k] = word;
	b->down_door[k] = door;
	b->down_slice[k] = slice;
	b->down_flow[k] = flow;
}

/* A session's line (door.h), ahead of need. Nothing comes of it while there is no user plane. */
static __rte_always_inline void session_line_prefetch(
	const void *lines, uint32_t session, bool down)
{
	rte_prefetch0((const uint8_t *)lines + (2ull * session + down) * SESSION_LINE_BYTES);
}

#define TRACE(b, m, stage, ...)                                                                    \
	do {                                                                                       \
		if (unlikely((b)->trace != NULL))                                                  \
			trace_step(b, m, switch_stages[stage], __VA_ARGS__);                       \
	} while (0)

#endif
