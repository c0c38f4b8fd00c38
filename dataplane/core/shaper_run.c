/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues, clocks and the order between classes; see shaper.h. Owns the frames that wait. */
#include <rte_mbuf_dyn.h>

#include "shaper_state.h"

static struct rte_mbuf **next_of(struct rte_mbuf *m)
{
	return RTE_MBUF_DYNFIELD(m, shaper_next_offset, struct rte_mbuf **);
}

/* ---- clocks ---- */

/* Real time, and with it the guarantees' clock and the port's credit. A pause longer than the burst
 * is lost to all of them alike, so that nobody comes out of it with a claim on the others. */
static void clock_advance(struct shaper *s, uint64_t now_tsc)
{
	uint64_t now = (unsigned __int128)(now_tsc - s->start_tsc) * s->units_per_tsc >> 32;
	uint64_t rate = LOAD(s->rate_bps);
	int64_t passed = now - s->now;

	if (passed <= 0)
		return;
	s->now = now;
	if (s->packets > 0)
		passed = RTE_MIN(passed, (int64_t)BURST);
	/* one division a burst, and only while guarantees do not fit */
	if (unlikely(s->waiting_bps > rate && rate != 0))
		passed = (unsigned __int128)passed * rate / s->waiting_bps;
	s->clock += passed;
	if ((int64_t)(now - s->link) > (int64_t)BURST)
		s->link = now - BURST;
}

static uint64_t cost_bytes(uint64_t cost, uint32_t bytes)
{
	return (cost * bytes + (1 << (COST_SHIFT - 1))) >> COST_SHIFT;
}

/* The power of two that holds it. */
static uint32_t width_of(uint64_t step)
{
	return step > 1 ? 64 - __builtin_clzll(step - 1) : 0;
}

/* ---- the two orders ---- */

static uint64_t class_cost(const struct shaper *s, uint16_t id)
{
	return id != 0 ? LOAD(shaper_settings[id].cost) : LOAD(s->own_cost);
}

static void join_guaranteed(struct shaper *s, uint16_t id, uint64_t key)
{
	uint64_t cost = class_cost(s, id);
	uint32_t width = width_of(cost_bytes(cost, LOAD(s->frame_max)));
	/* what the port's own time did not allow in its burst is not a claim for ever */
	uint64_t oldest = s->clock - BURST - (2ull << width);

	if (cost != 0)
		calendar_insert(
			&s->guaranteed, id, calendar_not_after(key, oldest) ? oldest : key, width);
}

static void join_excess(struct shaper *s, uint16_t id, uint64_t key)
{
	uint64_t step =
		(uint64_t)LOAD(shaper_settings[id].share) * LOAD(s->frame_max) >> SHARE_SHIFT;

	calendar_insert(&s->excess, id, key, width_of(step));
}

/* Counts the class's guarantee as it is now. */
static void count_guarantee(struct shaper *s, struct shaper_class *c, uint16_t id)
{
	uint64_t bps = id != 0 ? LOAD(shaper_settings[id].guarantee_bps) : LOAD(s->own_bps);

	if (likely(bps == c->guarantee_bps))
		return;
	s->waiting_bps += bps - c->guarantee_bps;
	c->guarantee_bps = bps;
	/* changed while it waits */
	if (calendar_has(&s->guaranteed, id))
		calendar_remove(&s->guaranteed, id);
	join_guaranteed(s, id, s->clock);
}

/* The first frame of a queue has come. The class's clocks stand where they were, or at the port's
 * when they are behind: credit is not saved up. */
static void class_wake(struct shaper *s, struct shaper_class *c, uint16_t id)
{
	uint64_t due = s->guaranteed.entry[id].key, turn = s->excess.entry[id].key;
	uint64_t bps = id != 0 ? LOAD(shaper_settings[id].guarantee_bps) : LOAD(s->own_bps);

	/* the excess's clock comes round in hours: a longer idle one is not asked */
	if (calendar_not_after(turn, s->share) || s->now - c->idle_since > UNITS_PER_S)
		turn = s->share;
	c->guarantee_bps = bps;
	s->waiting_bps += bps;
	join_guaranteed(s, id, calendar_not_after(due, s->clock) ? s->clock : due);
	join_excess(s, id, turn);
}

static void class_sleep(struct shaper *s, struct shaper_class *c, uint16_t id)
{
	if (calendar_has(&s->guaranteed, id))
		calendar_remove(&s->guaranteed, id);
	if (calendar_has(&s->excess, id))
		calendar_remove(&s->excess, id);
	s->waiting_bps -= c->guarantee_bps;
	c->guarantee_bps = 0;
	c->idle_since = s->now;
}

/* ---- queues ---- */

static struct rte_mbuf *class_pop(struct shaper *s, struct shaper_class *c)
{
	struct rte_mbuf *m = c->head;

	c->head = *next_of(m);
	c->packets--;
	c->buffers -= m->nb_segs;
	c->bytes -= m->pkt_len;
	s->packets--;
	s->buffers -= m->nb_segs;
	s->bytes -= m->pkt_len;
	return m;
}

static uint32_t class_purge(struct shaper *s, struct shaper_class *c, uint16_t id)
{
	uint32_t n = c->packets;

	if (n == 0)
		return 0;
	class_sleep(s, c, id);
	while (c->packets > 0)
		rte_pktmbuf_free(class_pop(s, c));
	return n;
}

/* The id has become another's. */
static __rte_noinline void class_renew(struct shaper *s, struct shaper_class *c, uint16_t id)
{
	s->gone += class_purge(s, c, id);
	c->sent_packets = c->sent_bytes = c->dropped = 0;
	s->guaranteed.entry[id].key = s->clock;
	s->excess.entry[id].key = s->share;
	STORE(c->epoch, LOAD(shaper_settings[id].epoch));
}

uint32_t shaper_purge(struct shaper *s)
{
	uint32_t n = 0;

	for (uint32_t id = 0; id < SHAPER_CLASSES; id++)
		n += class_purge(s, &s->class[id], id);
	return n;
}

/* A class may hold as many buffers as are still free (so one that floods leaves half of them, two
 * leave a third), an eighth being kept for short queues; and no more bytes than its longest queue.
 */
static bool class_has_room(
	const struct shaper *s, const struct shaper_class *c, const struct rte_mbuf *m)
{
	uint32_t most = LOAD(s->buffers_max), shared = most - most / 8;

	if (unlikely(s->buffers + m->nb_segs > most))
		return false;
	if (c->packets < SHAPER_SURE)
		return true;
	return (uint64_t)c->buffers + s->buffers < shared &&
	       (uint64_t)c->bytes + m->pkt_len <= LOAD(s->queue_bytes);
}

void shaper_prefetch(const struct shaper *s, const struct rte_mbuf *m)
{
	rte_prefetch0(&s->class[shaper_class_of(m)]);
	rte_prefetch0(&shaper_settings[shaper_class_of(m)]);
}

bool shaper_enqueue(struct shaper *s, struct rte_mbuf *m, uint64_t now_tsc)
{
	uint16_t id = shaper_class_of(m);
	struct shaper_class *c = &s->class[id];

	if (s->packets == 0)
		clock_advance(s, now_tsc);
	if (unlikely(c->epoch != LOAD(shaper_settings[id].epoch)))
		class_renew(s, c, id);
	if (unlikely(!class_has_room(s, c, m))) {
		c->dropped++;
		s->dropped++;
		return false;
	}
	*next_of(m) = NULL;
	if (c->packets == 0)
		c->head = m;
	else
		*next_of(c->tail) = m;
	c->tail = m;
	c->buffers += m->nb_segs;
	c->bytes += m->pkt_len;
	s->packets++;
	s->buffers += m->nb_segs;
	s->bytes += m->pkt_len;
	if (c->packets++ == 0)
		class_wake(s, c, id);
	return true;
}

/* Takes the head of a class's queue and moves the clock it goes by. */
static struct rte_mbuf *class_serve(
	struct shaper *s, struct shaper_class *c, uint16_t id, bool by_share)
{
	struct rte_mbuf *m = class_pop(s, c);
	struct calendar *cal = by_share ? &s->excess : &s->guaranteed;
	uint64_t *key = &cal->entry[id].key;
	uint32_t bytes = m->pkt_len + LOAD(s->overhead);
	uint32_t own = m->pkt_len - RTE_MIN(m->pkt_len, (uint32_t)m->hash.sched.traffic_class);

	calendar_remove(cal, id);
	*key += by_share ? (uint64_t)LOAD(shaper_settings[id].share) * bytes >> SHARE_SHIFT
			 : cost_bytes(class_cost(s, id), own);
	if (c->packets == 0)
		class_sleep(s, c, id);
	else if (by_share)
		join_excess(s, id, *key);
	else
		join_guaranteed(s, id, *key);
	if (c->packets != 0)
		count_guarantee(s, c, id);
	c->sent_packets++;
	c->sent_bytes += m->pkt_len;
	s->sent_packets++;
	s->sent_bytes += m->pkt_len;
	s->link += cost_bytes(LOAD(s->cost), bytes);
	return m;
}

uint32_t shaper_dequeue(struct shaper *s, uint64_t now_tsc, struct rte_mbuf **pkt, uint32_t max)
{
	uint32_t n = 0;

	if (s->packets == 0)
		return 0;
	clock_advance(s, now_tsc);
	if (unlikely(LOAD(s->cost) == 0))
		s->link = s->now; /* shaped no more */
	while (n < max && s->packets > 0 && calendar_not_after(s->link, s->now)) {
		uint64_t start = 0;
		uint16_t id = calendar_due(&s->guaranteed, s->clock);
		bool by_share = id == CALENDAR_NONE;

		if (by_share) {
			id = calendar_first(&s->excess, &start);
			if (!calendar_not_after(start, s->share))
				s->share = start;
		}
		struct shaper_class *c = &s->class[id];

		if (unlikely(c->epoch != LOAD(shaper_settings[id].epoch)))
			class_renew(s, c, id);
		else
			pkt[n++] = class_serve(s, c, id, by_share);
	}
	return n;
}

bool shaper_is_on(const struct shaper *s)
{
	return LOAD(s->cost) != 0 || LOAD(s->packets) != 0;
}

uint32_t shaper_waiting(const struct shaper *s)
{
	return LOAD(s->packets);
}

uint32_t shaper_gone(struct shaper *s)
{
	uint32_t n = s->gone;

	s->gone = 0;
	return n;
}
