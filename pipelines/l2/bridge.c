/* SPDX-License-Identifier: BSD-3-Clause */
/* Bridging inside the slice: source MACs are learned (by report), destinations looked up, both
 * in one bulk lookup. */
#include "fdb.h"
#include "flow.h"
#include "l2.h"
#include "report.h"

_Static_assert(2 * BURST_MAX <= EXACT_BULK, "both keys of a burst are looked up at once");

/* The value word of what is known and was seen in this second, its marks left out. */
static __rte_always_inline uint64_t seen_now(const struct worker *w, door_t door)
{
	return door | (uint64_t)w->now_s << 32;
}

static void learn_report(struct worker *w, uint64_t key, door_t door)
{
	struct switch_worker *sw = switch_of(w);
	struct learn_seen *seen = &sw->seen[(key ^ key >> 16 ^ key >> 32) % LEARN_SEEN];
	struct learn_report report = {.key = key, .door = door};

	/* the main thread needs a moment: the same news is not sent again for a hundredth of a
	 * second */
	if (seen->key == key && seen->door == door &&
		w->now_tsc - seen->tsc < rte_get_tsc_hz() / 100)
		return;
	/* half of the ring is for everybody, the rest in fair shares: no slice's news keep out all
	 * others' */
	if (rte_ring_free_count(sw->learn) < rte_ring_get_capacity(sw->learn) / 2 &&
		!host_may(w, (uint16_t)key, RATE_LEARN)) {
		w->box.learn_lost++;
		return;
	}
	if (rte_ring_sp_enqueue_elem(sw->learn, &report, sizeof(report)) != 0) {
		w->box.learn_lost++;
		return;
	}
	*seen = (struct learn_seen){.key = key, .door = door, .tsc = w->now_tsc};
}

/* The source is unknown, elsewhere, or not noted yet in this second. */
static __rte_noinline void learn_source(
	struct worker *w, uint64_t key, door_t door, uint64_t *value)
{
	if (value != NULL) {
		uint64_t v = __atomic_load_n(value, __ATOMIC_RELAXED);

		bool stays = (v & FDB_STATIC) && (!(v & FDB_MOVABLE) || (door & DOOR_TUNNEL));

		if (stays || (v & FDB_DOOR) == door) {
			/* the high half alone: main may be writing the low one */
			__atomic_store_n((uint32_t *)value + 1, w->now_s, __ATOMIC_RELAXED);
			return;
		}
	}
	if (slice_learns_from((uint16_t)key, door))
		learn_report(w, key, door);
}

static __rte_always_inline void lane_put(
	struct lane *lane, uint32_t k, struct rte_mbuf *m, uint16_t slice, uint16_t to)
{
	BURST_BOUND(k);
	lane->pkt[k] = m;
	lane->way[k] = LANE_WAY(slice, to);
}

/* Behind an Ethernet session. */
static __rte_noinline void to_session(struct burst *b, uint32_t i, uint32_t session)
{
	struct rte_mbuf *m = b->frame[i];

	down_put(b, m, b->slice[i], b->door[i],
		b->door[i] & DOOR_TUNNEL ? flow_of(m, rte_pktmbuf_mtod(m, const uint8_t *))
					 : b->flow[i],
		SESSION_WORD(session, SESSION_GROUP_FRAMES));
	TRACE(b, m, STAGE_BRIDGE, "known MAC, to session {session %u}", session);
}

/* Neither found, nor a plain unicast source: flood, or drop by name. */
static __rte_noinline void odd_frame(struct worker *w, struct burst *b, uint32_t i, uint64_t src)
{
	if ((src & FDB_KEY_GROUP) || src >> 16 == 0)
		slice_drop(w, b, b->frame[i], b->slice[i], b->door[i], DROP_SOURCE_MAC);
	else
		b->flood[b->floods++] = i;
}

static void bridge_trace(struct burst *b, uint32_t tunnels, uint32_t accesses)
{
	for (uint32_t i = tunnels; i < b->to_tunnel.n; i++)
		trace_step(b, b->to_tunnel.pkt[i], "bridge", "known MAC, to tunnel {tunnel %u}",
			LANE_TO(b->to_tunnel.way[i]));
	for (uint32_t i = accesses; i < b->to_access.n; i++)
		trace_step(b, b->to_access.pkt[i], "bridge",
			"known MAC, to attachment {attachment %u}", LANE_TO(b->to_access.way[i]));
	for (uint32_t i = 0; i < b->floods; i++)
		trace_step(b, b->frame[b->flood[i]], "bridge", "%s: to be flooded",
			b->key[2 * b->flood[i]] & FDB_KEY_GROUP ? "group address" : "unknown MAC");
}

/* While the table's lines are on their way: what the frames that are not from tunnels need if they
 * go into one. */
static __rte_always_inline void find_flows(struct burst *b)
{
	for (uint32_t i = 0; i < b->frames; i++)
		if (!(b->door[i] & DOOR_TUNNEL))
			b->flow[i] = flow_of(b->frame[i], rte_pktmbuf_mtod(b->frame[i], uint8_t *));
}

void bridge_run(struct worker *w, struct burst *b)
{
	/* what sessions have redirected is in the lanes already */
	const uint32_t tunnels_before = b->to_tunnel.n, accesses_before = b->to_access.n;
	uint32_t frames = b->frames, tunnels = tunnels_before, accesses = accesses_before;

	find_flows(b);
	exact_match_bulk(&fdb_table, b->bucket, b->key, 1, 2 * frames, b->value);
	for (uint32_t i = 0; i < frames; i++) {
		uint64_t *to = b->value[2 * i], *from = b->value[2 * i + 1];
		uint64_t src = b->key[2 * i + 1];
		door_t in = b->door[i];

		if (unlikely((src & FDB_KEY_GROUP) || src >> 16 == 0)) {
			odd_frame(w, b, i, src);
			continue;
		}
		if (unlikely(from == NULL || (*from & ~FDB_MARKS) != seen_now(w, in)))
			learn_source(w, src, in, from);
		if (unlikely(to == NULL || (b->key[2 * i] & FDB_KEY_GROUP))) {
			odd_frame(w, b, i, src);
			continue;
		}
		door_t out = (door_t)*to & FDB_DOOR;

		if (out & DOOR_TUNNEL) {
			if (unlikely(in & DOOR_TUNNEL)) {
				slice_drop(w, b, b->frame[i], b->slice[i], in,
					in == out ? DROP_SAME_DOOR : DROP_SPLIT_HORIZON);
				continue;
			}
			rte_prefetch0(&tunnel_hot[DOOR_ID(out)]);
			b->to_tunnel.flow[tunnels] = b->flow[i];
			lane_put(&b->to_tunnel, tunnels++, b->frame[i], b->slice[i], DOOR_ID(out));
		} else if (unlikely(in == out)) {
			slice_drop(w, b, b->frame[i], b->slice[i], in, DROP_SAME_DOOR);
		} else if (unlikely(out & DOOR_SESSION)) {
			to_session(b, i, DOOR_SESSION_ID(out));
		} else {
			lane_put(&b->to_access, accesses++, b->frame[i], b->slice[i], DOOR_ID(out));
		}
	}
	b->to_tunnel.n = tunnels;
	b->to_access.n = accesses;
	if (unlikely(b->trace != NULL))
		bridge_trace(b, tunnels_before, accesses_before);
	worker_stage_done(w, STAGE_BRIDGE, frames);
}
