/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues, clocks and the order between classes; see shaper.h. Called by worker_tx.c (owner) and
 * port.c (main). Owns the frames that wait. What main writes while the owner reads are single words
 * that need no order among each other. */
#include "shaper.h"

#include <errno.h>
#include <rte_malloc.h>
#include <rte_mbuf_dyn.h>

#include "calendar.h"

/* Time is in 1/64 ns: 100 Gbit/s of small frames still count to a part of a thousand, and 64 bits
 * last nine years. */
#define UNITS_PER_S  64000000000ull
#define UNITS_PER_US 64000ull
#define COST_SHIFT   16 /* units a byte are in 1/65,536 */
#define BURST	     (SHAPER_BURST_US * UNITS_PER_US)

/* Virtual time of the excess: 2^14 a byte at weight 1. */
#define SHARE_SHIFT 10
#define SHARE_ONE   (1u << 24)

#define GUARANTEE_LOW 12 /* log2 of the narrowest slots: 64 ns */
#define EXCESS_LOW    10

#define LOAD(x)	    __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define STORE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)

/* What main says of a class. */
struct class_setting {
	uint64_t guarantee_bps;
	uint64_t cost;	/* of a byte at the guarantee; 0: none */
	uint32_t share; /* of a byte, by weight */
	uint32_t epoch; /* counts the id's lives */
};

struct class
{
	struct rte_mbuf *head, *tail;
	uint64_t guarantee_bps; /* as counted in waiting_bps */
	uint64_t idle_since;
	uint32_t packets, buffers, bytes;
	uint32_t epoch;
	uint64_t sent_packets;
	/* line 1 */
	uint64_t sent_bytes;
	uint64_t dropped;
} __rte_cache_aligned;

struct shaper {
	/* what main says */
	uint64_t rate_bps, cost; /* 0: not shaped */
	uint64_t own_bps, own_cost;
	uint32_t overhead, frame_max;
	uint32_t buffers_max, queue_bytes;

	/* the owner's */
	uint64_t start_tsc, units_per_tsc; /* 32 bits of fraction */
	uint64_t now;			   /* real time */
	uint64_t clock;			   /* of guarantees: goes slower while they do not fit */
	uint64_t link;			   /* when the port has sent what it was given */
	uint64_t share;			   /* virtual time of the excess */
	uint64_t waiting_bps;		   /* sum of guarantees of the classes that wait */
	uint64_t bytes;
	uint32_t packets, buffers, gone;
	uint64_t sent_packets, sent_bytes, dropped;
	struct calendar guaranteed, excess;
	struct class class[SHAPER_CLASSES];
};

_Static_assert((SHAPER_CLASSES & (SHAPER_CLASSES - 1)) == 0, "a mask cuts a mark to a class");
_Static_assert(SHAPER_CLASSES < CALENDAR_NONE, "ids fit the calendar");

static struct class_setting *settings; /* [SHAPER_CLASSES] */
static int next_offset = -1;	       /* of the link from frame to frame */

static struct rte_mbuf **next_of(struct rte_mbuf *m)
{
	return RTE_MBUF_DYNFIELD(m, next_offset, struct rte_mbuf **);
}

/* ---- configuration ---- */

int shaper_init(void)
{
	static const struct rte_mbuf_dynfield link = {.name = "sluice_shaper_next",
		.size = sizeof(struct rte_mbuf *),
		.align = __alignof__(struct rte_mbuf *)};

	next_offset = rte_mbuf_dynfield_register(&link);
	settings = rte_zmalloc("shaper_classes", SHAPER_CLASSES * sizeof(*settings), 0);
	if (next_offset < 0 || settings == NULL) {
		shaper_fini();
		return -ENOMEM;
	}
	for (uint32_t id = 0; id < SHAPER_CLASSES; id++)
		shaper_class_set(id, 1, 0);
	return 0;
}

void shaper_fini(void)
{
	rte_free(settings);
	settings = NULL;
}

static uint64_t cost_of(uint64_t bps)
{
	return bps != 0 ? (UNITS_PER_S * 8 << COST_SHIFT) / bps : 0;
}

void shaper_class_set(uint16_t id, uint32_t weight, uint64_t guarantee_bps)
{
	STORE(settings[id].share, SHARE_ONE / RTE_MAX(weight, 1u));
	STORE(settings[id].cost, cost_of(guarantee_bps));
	STORE(settings[id].guarantee_bps, guarantee_bps);
}

void shaper_class_unset(uint16_t id)
{
	STORE(settings[id].epoch, settings[id].epoch + 1);
	shaper_class_set(id, 1, 0);
}

void shaper_set(struct shaper *s, const struct shaper_setting *to)
{
	uint64_t queue = to->rate_bps / 8 * SHAPER_QUEUE_MS / 1000;

	STORE(s->overhead, to->overhead);
	STORE(s->frame_max, to->frame_max);
	STORE(s->buffers_max, to->buffers_max);
	STORE(s->queue_bytes, RTE_MIN(RTE_MAX(queue, (uint64_t)SHAPER_QUEUE_MIN), 1ull << 31));
	STORE(s->own_bps, to->rate_bps / SHAPER_OWN_PART);
	STORE(s->own_cost, cost_of(to->rate_bps / SHAPER_OWN_PART));
	STORE(s->rate_bps, to->rate_bps);
	STORE(s->cost, cost_of(to->rate_bps));
}

static int calendar_init(struct calendar *cal, uint32_t low)
{
	cal->low = low;
	cal->entry = rte_zmalloc("shaper_entries", SHAPER_CLASSES * sizeof(*cal->entry), 0);
	for (uint32_t i = 0; cal->entry != NULL && i < SHAPER_CLASSES; i++)
		cal->entry[i].slot = CALENDAR_OUT;
	return cal->entry != NULL ? 0 : -ENOMEM;
}

struct shaper *shaper_new(uint64_t now_tsc, uint64_t tsc_hz)
{
	struct shaper *s = rte_zmalloc("shaper", sizeof(*s), RTE_CACHE_LINE_SIZE);

	if (s == NULL)
		return NULL;
	s->start_tsc = now_tsc - tsc_hz; /* the owner's clock may be a little behind main's */
	s->units_per_tsc = ((unsigned __int128)UNITS_PER_S << 32) / tsc_hz;
	s->clock = s->now = s->link = UNITS_PER_S;
	if (calendar_init(&s->guaranteed, GUARANTEE_LOW) == 0 &&
		calendar_init(&s->excess, EXCESS_LOW) == 0)
		return s;
	shaper_free(s);
	return NULL;
}

void shaper_free(struct shaper *s)
{
	if (s == NULL)
		return;
	rte_free(s->guaranteed.entry);
	rte_free(s->excess.entry);
	rte_free(s);
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
	return id != 0 ? LOAD(settings[id].cost) : LOAD(s->own_cost);
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
	uint64_t step = (uint64_t)LOAD(settings[id].share) * LOAD(s->frame_max) >> SHARE_SHIFT;

	calendar_insert(&s->excess, id, key, width_of(step));
}

/* Counts the class's guarantee as it is now. */
static void count_guarantee(struct shaper *s, struct class *c, uint16_t id)
{
	uint64_t bps = id != 0 ? LOAD(settings[id].guarantee_bps) : LOAD(s->own_bps);

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
static void class_wake(struct shaper *s, struct class *c, uint16_t id)
{
	uint64_t due = s->guaranteed.entry[id].key, turn = s->excess.entry[id].key;
	uint64_t bps = id != 0 ? LOAD(settings[id].guarantee_bps) : LOAD(s->own_bps);

	/* the excess's clock comes round in hours: a longer idle one is not asked */
	if (calendar_not_after(turn, s->share) || s->now - c->idle_since > UNITS_PER_S)
		turn = s->share;
	c->guarantee_bps = bps;
	s->waiting_bps += bps;
	join_guaranteed(s, id, calendar_not_after(due, s->clock) ? s->clock : due);
	join_excess(s, id, turn);
}

static void class_sleep(struct shaper *s, struct class *c, uint16_t id)
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

static struct rte_mbuf *class_pop(struct shaper *s, struct class *c)
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

static uint32_t class_purge(struct shaper *s, struct class *c, uint16_t id)
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
static __rte_noinline void class_renew(struct shaper *s, struct class *c, uint16_t id)
{
	s->gone += class_purge(s, c, id);
	c->sent_packets = c->sent_bytes = c->dropped = 0;
	s->guaranteed.entry[id].key = s->clock;
	s->excess.entry[id].key = s->share;
	STORE(c->epoch, LOAD(settings[id].epoch));
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
static bool class_has_room(const struct shaper *s, const struct class *c, const struct rte_mbuf *m)
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
	rte_prefetch0(&settings[shaper_class_of(m)]);
}

bool shaper_enqueue(struct shaper *s, struct rte_mbuf *m, uint64_t now_tsc)
{
	uint16_t id = shaper_class_of(m);
	struct class *c = &s->class[id];

	if (s->packets == 0)
		clock_advance(s, now_tsc);
	if (unlikely(c->epoch != LOAD(settings[id].epoch)))
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
static struct rte_mbuf *class_serve(struct shaper *s, struct class *c, uint16_t id, bool by_share)
{
	struct rte_mbuf *m = class_pop(s, c);
	struct calendar *cal = by_share ? &s->excess : &s->guaranteed;
	uint64_t *key = &cal->entry[id].key;
	uint32_t bytes = m->pkt_len + LOAD(s->overhead);
	uint32_t own = m->pkt_len - RTE_MIN(m->pkt_len, (uint32_t)m->hash.sched.traffic_class);

	calendar_remove(cal, id);
	*key += by_share ? (uint64_t)LOAD(settings[id].share) * bytes >> SHARE_SHIFT
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
		struct class *c = &s->class[id];

		if (unlikely(c->epoch != LOAD(settings[id].epoch)))
			class_renew(s, c, id);
		else
			pkt[n++] = class_serve(s, c, id, by_share);
	}
	return n;
}

/* ---- reading ---- */

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

void shaper_class_read(const struct shaper *s, uint16_t id, struct shaper_counters *out)
{
	const struct class *c = &s->class[id];

	*out = (struct shaper_counters){0};
	if (LOAD(c->epoch) != settings[id].epoch) /* still those of the slice before */
		return;
	out->sent_packets = LOAD(c->sent_packets);
	out->sent_bytes = LOAD(c->sent_bytes);
	out->dropped = LOAD(c->dropped);
	out->queued_packets = LOAD(c->packets);
	out->queued_bytes = LOAD(c->bytes);
}

void shaper_read(const struct shaper *s, struct shaper_counters *out)
{
	out->sent_packets = LOAD(s->sent_packets);
	out->sent_bytes = LOAD(s->sent_bytes);
	out->dropped = LOAD(s->dropped);
	out->queued_packets = LOAD(s->packets);
	out->queued_bytes = LOAD(s->bytes);
}

uint32_t shaper_buffers_max(const struct shaper *s)
{
	return LOAD(s->buffers_max);
}
