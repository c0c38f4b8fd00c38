/* SPDX-License-Identifier: BSD-3-Clause */
/* See hold_fakes.h. Stands for session.c, the path and peer.c. */
#include "hold_fakes.h"

#include <check.h>
#include <rte_malloc.h>
#include <stdlib.h>
#include <string.h>

#include "notify.h"
#include "gtpu_out.h"
#include "peer.h"
#include "rcu.h"
#include "slice.h"
#include "table_eal.h"

struct fake fake;
struct session_ops session_ops;
struct session_block **session_block;
struct tunnel_hot *tunnel_hot;
void (*upf_on_event)(const struct upf_event *event);
const char *const switch_stages[] = {
	"", "", "", "", "", "", "", "session_down", "", "", "", "", "", NULL};
static struct encap encaps[2];
static struct tunnel_hot tunnels[2];

/* ---- what hold*.c calls ---- */

static void released(uint32_t index)
{
	(void)index;
}

void notify_listen(const struct notify *notify)
{
	(void)notify;
}

void slice_quiet(uint16_t id)
{
	fake.quiet[id]++;
}

static void leave(struct worker *w, struct rte_mbuf *m, const struct left *l)
{
	if (fake.on_left != NULL)
		fake.on_left(w->id, l);
	else if (fake.lefts < LEFT_MAX)
		fake.left[fake.lefts++] = *l;
	rte_pktmbuf_free(m);
}

static void act_on(struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t session,
	const struct session_block *s)
{
	const struct session_act *a = session_acts(session_group_at(s, 0));
	struct left l = {.teid = a->teid_be};

	memcpy(&l.stamp, rte_pktmbuf_mtod(m, void *), sizeof(l.stamp));
	if (a->what == ACT_HOLD)
		hold_take(w, b, m, session, s, a, 0, 0);
	else if (a->what == ACT_DROP)
		session_drop(w, b, m, session, s, DROP_FAR_DROP);
	else
		leave(w, m, &l);
}

static void again(struct worker *w, struct burst *b, struct rte_mbuf *const *m,
	const uint32_t *session, const uint8_t *group, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct session_block *s =
			__atomic_load_n(&session_block[session[i]], __ATOMIC_ACQUIRE);

		if (s == NULL)
			worker_drop(w, b, m[i], DROP_SESSION_GONE);
		else if (!(s->flags & SESSION_FLUSHING) ||
			 !hold_back(w, b, m[i], session[i], s, group[i], s->flags))
			act_on(w, b, m[i], session[i], s);
	}
}

void session_drop(struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t session,
	const struct session_block *s, enum drop_reason why)
{
	switch_of(w)->slice_drops[s->slice][why]++;
	worker_drop(w, b, m, why);
}

void gtpu_send(struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t slice, uint16_t peer)
{
	const uint8_t *g = rte_pktmbuf_mtod(m, const uint8_t *);
	struct left l = {.marker = true};

	ck_assert_uint_eq(g[1], 254);
	ck_assert_uint_eq(peer, 1);
	memcpy(&l.teid, g + 4, 4);
	leave(w, m, &l);
}

void peer_give(uint16_t id)
{
	fake.peers--;
}

static bool definition(uint32_t index, struct api_session *out)
{
	memset(out, 0, sizeof(*out));
	out->has_bar = fake.has_bar;
	out->bar = fake.bar;
	return true;
}

const char *session_name(uint32_t index)
{
	static char name[32];

	snprintf(name, sizeof(name), "s%u", index);
	return name;
}

static uint32_t pdr_id(uint32_t session, uint8_t group, uint8_t rule)
{
	return 100 + rule;
}

static void on_event(const struct upf_event *e)
{
	if (fake.events < RTE_DIM(fake.event))
		fake.event[fake.events] = *e;
	fake.events++;
}

/* ---- the box ---- */

static int worker_new(struct worker *w)
{
	struct switch_worker *sw = calloc(1, sizeof(*sw));

	sw->upf = calloc(1, sizeof(*sw->upf));
	sw->slice.dropped = calloc(LIMIT_SLICES + 1, sizeof(uint64_t));
	sw->slice_drops = calloc(LIMIT_SLICES + 1, sizeof(*sw->slice_drops));
	w->pipeline = sw;
	return hold_worker_init(w);
}

static void worker_gone(struct worker *w)
{
	struct switch_worker *sw = w->pipeline;

	hold_worker_fini(w);
	free(sw->slice.dropped);
	free(sw->slice_drops);
	free(sw->upf);
	free(sw);
}

static void run(struct worker *w, struct burst *b)
{
}

static const struct pipeline pipeline = {
	.stages = switch_stages, .worker_init = worker_new, .run = run, .worker_fini = worker_gone};

void fake_eal(void)
{
	table_eal();
}

void fake_start(uint32_t workers_total, uint32_t buffers)
{
	fake = (struct fake){.left = calloc(LEFT_MAX, sizeof(struct left))};
	session_block = calloc(LIMIT_SESSIONS + 1, sizeof(void *));
	fake.pool = rte_pktmbuf_pool_create("fake", buffers, 0, 0, 192, SOCKET_ID_ANY);
	ck_assert_ptr_nonnull(fake.pool);
	port_hot[1].pool = fake.pool;
	encaps[0].port = PORT_NONE;
	encaps[1].port = 1;
	for (int i = 0; i < 2; i++)
		tunnels[i].paths = (uintptr_t)&encaps[i];
	tunnel_hot = tunnels;
	upf_on_event = on_event;
	session_ops =
		(struct session_ops){.get = definition, .pdr_id = pdr_id, .released = released};
	hold_again = again;
	ck_assert_int_eq(worker_create(workers_total, &pipeline), 0);
	ck_assert_int_eq(hold_init(workers_total), 0);
}

uint32_t fake_held(uint32_t worker, uint16_t slice)
{
	const struct hold_worker *h = hold_worker_of(worker);

	return h->pools > 0 ? h->pool[0].held_of[slice] : 0;
}

uint32_t fake_parked(uint32_t worker, uint16_t slice)
{
	return hold_worker_of(worker)->parked_of[slice];
}

/* What slices have is what is there. */
static void shares_check(uint32_t worker)
{
	const struct hold_worker *h = hold_worker_of(worker);
	uint64_t held = 0, parked = 0;

	for (uint32_t slice = 0; slice <= LIMIT_SLICES; slice++) {
		held += fake_held(worker, slice);
		parked += fake_parked(worker, slice);
	}
	ck_assert_uint_eq(held, h->pools > 0 ? h->pool[0].held : 0);
	ck_assert_uint_eq(parked, h->parked);
}

void fake_stop(void)
{
	for (uint32_t i = 0; i < worker_count; i++)
		shares_check(i);
	hold_fini();
	worker_stop();
	ck_assert_uint_eq(rte_mempool_in_use_count(fake.pool), 0);
	ck_assert_int_eq(fake.peers, 0);
	rte_mempool_free(fake.pool);
	rcu_reclaim(true);
	for (uint32_t i = 0; i <= LIMIT_SESSIONS; i++)
		free(session_block[i]);
	free(session_block);
	free(fake.left);
}

/* ---- sessions ---- */

static uint16_t slice_of(uint32_t session)
{
	return FAKE_SLICE + (fake.slices != 0 ? session % fake.slices : 0);
}

static struct session_block *block_new(
	uint32_t session, enum act_what what, uint8_t flags, uint32_t teid)
{
	struct session_block *s = NULL;
	uint16_t slice = slice_of(session);

	ck_assert_int_eq(posix_memalign((void **)&s, 128, 128), 0);
	memset(s, 0, 128);
	s->slice = slice;
	s->groups = 1;
	s->at[0] = 2;
	*(struct session_group *)((uint8_t *)s + 32) =
		(struct session_group){.rules = 1, .acts = 1, .slice = slice};
	*(struct session_act *)((uint8_t *)s + 48) = (struct session_act){
		.what = what, .flags = flags, .teid_be = teid, .slice = slice, .far = 3};
	return s;
}

void fake_prepare(struct fake_change *c, uint32_t session, enum act_what what, uint8_t flags,
	uint32_t teid, uint32_t marker_teid)
{
	memset(c, 0, sizeof(*c));
	c->marker = (struct hold_marker){.teid_be = marker_teid, .peer = 1};
	c->hold = (struct hold_change){.session = session,
		.slice = slice_of(session),
		.marker = &c->marker,
		.markers = marker_teid != 0};
	fake.peers += c->hold.markers;
	c->after = what != ACT_GATE ? block_new(session, what, flags, teid) : NULL;
	ck_assert_int_eq(hold_prepare(&c->hold), 0);
}

void fake_commit(struct fake_change *c, uint32_t n)
{
	bool finish = false;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t session = c[i].hold.session;

		c[i].before = session_block[session];
		finish |= hold_begin(&c[i].hold, c[i].before, c[i].after);
		__atomic_store_n(&session_block[session], c[i].after, __ATOMIC_RELEASE);
	}
	if (finish)
		hold_finish();
	for (uint32_t i = 0; i < n; i++)
		rcu_defer(free, c[i].before);
}

void fake_put(
	uint32_t session, enum act_what what, uint8_t flags, uint32_t teid, uint32_t marker_teid)
{
	struct fake_change c;

	fake_prepare(&c, session, what, flags, teid, marker_teid);
	fake_commit(&c, 1);
}

/* ---- packets ---- */

bool fake_packet(uint32_t worker, uint32_t session, uint32_t seq)
{
	struct worker *w = workers[worker];
	const struct session_block *s = __atomic_load_n(&session_block[session], __ATOMIC_ACQUIRE);
	struct rte_mbuf *m = s != NULL ? rte_pktmbuf_alloc(fake.pool) : NULL;
	struct stamp stamp = {.session = session, .seq = seq, .worker = worker};

	if (m == NULL)
		return false;
	memcpy(rte_pktmbuf_append(m, sizeof(stamp)), &stamp, sizeof(stamp));
	bool waits = s->flags & SESSION_FLUSHING && hold_waits(w, session, &s);

	if (s == NULL)
		worker_drop(w, &w->burst, m, DROP_SESSION_GONE);
	else if (waits)
		hold_park(w, &w->burst, m, session, s, 0);
	else
		act_on(w, &w->burst, m, session, s);
	if (w->burst.drops > 0)
		rte_pktmbuf_free_bulk(w->burst.drop, w->burst.drops);
	w->burst.drops = 0;
	return true;
}

void fake_tick(uint32_t worker)
{
	hold_tick(workers[worker]);
}

void fake_settle(void)
{
	for (int i = 0; i < 100; i++) {
		hold_poll();
		for (uint32_t w = 0; w < worker_count; w++)
			hold_tick(workers[w]);
		hold_poll();
	}
}

uint64_t fake_drops(enum drop_reason why)
{
	uint64_t drops[DROP_REASONS];

	box_drops_read(drops);
	return drops[why];
}
