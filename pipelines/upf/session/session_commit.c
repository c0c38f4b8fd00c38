/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes prepared changes so for the workers: blocks, entries, flags; and, once no worker uses what
 * they have replaced, counts go over to what follows, memory, filters and indices go back to where
 * they came from, and sessions that could not have their home return to it. However many sessions a
 * transaction changes, it is one grace period. Main thread only. Owns the counts of UEs in slices.
 */
#include <errno.h>
#include <rte_byteorder.h>
#include <rte_log.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "hot.h"
#include "peer.h"
#include "rcu.h"
#include "session_private.h"
#include "slice.h"

/* ==== counts ==== */

static bool cells_move(const struct session_change *c)
{
	return block_of(&c->before)->cells != block_of(&c->after)->cells;
}

static struct session_cell cell_sum(uint32_t cell)
{
	struct session_cell sum = {0};

	for (uint32_t w = 0; w < cell_pool.copies; w++) {
		sum.packets += cell_of(w, cell)->packets;
		sum.bytes += cell_of(w, cell)->bytes;
	}
	return sum;
}

/* After the grace period: no worker counts any more in what the session has left. */
static void session_fold(struct session_change *c)
{
	struct session_past *past = pool_at(&pack_pool, 0, session_cold[c->index].past);
	const struct session_block *b = block_of(&c->before);

	for (uint32_t i = 0; i < b->groups; i++) {
		const struct session_group *g = session_group_at(b, i);
		bool up = g->flags & GROUP_UPLINK;

		for (uint32_t k = 0; k < g->acts; k++) {
			struct session_cell sum = cell_sum(b->cells + session_acts(g)[k].cell);

			*(up ? &past->sum.ul_packets : &past->sum.dl_packets) += sum.packets;
			*(up ? &past->sum.ul_bytes : &past->sum.dl_bytes) += sum.bytes;
		}
	}
	past->sum.dropped += cell_sum(b->cells).packets;
	if (c->had_urrs)
		urr_cells_gone(c->index, b->cells, c->before.cell_units << CELL_UNIT_LOG2);
}

/* ==== what is prepared beside the state ==== */

static bool was_left_out(const struct api_pdr *pdr)
{
	return pdr->gtpu_id != 0 && pdr->teid == 0;
}

static bool marker_wanted(
	const struct api_far *far, const struct api_far *was, const struct api_outer_header *o)
{
	const struct api_outer_header *w = &was->outer_header;

	return far->end_marker && w->teid != 0 &&
	       (w->teid != o->teid || w->gtpu_id != o->gtpu_id ||
		       memcmp(&w->peer, &o->peer, sizeof(o->peer)) != 0);
}

/* One that no PDR names may look like another, and has that one's act. */
static bool is_named(const struct api_session *s, uint32_t far)
{
	for (uint32_t i = 0; i < s->pdrs.count; i++)
		if (s->pdrs.item[i].far == far)
			return true;
	return false;
}

/* The tunnel of the n-th FAR of a block, also while it holds packets; 0: no act has it. */
static uint16_t peer_of_far(const struct session_block *b, uint32_t far)
{
	for (uint32_t i = 0; i < b->groups; i++) {
		const struct session_group *g = session_group_at(b, i);

		for (uint32_t k = 0; k < g->acts; k++)
			if (session_acts(g)[k].far == far && session_acts(g)[k].peer != 0)
				return session_acts(g)[k].peer;
	}
	return 0;
}

/* Does a state still send to this tunnel, or hold packets for it? */
static bool sends_to(const struct session_block *b, const struct hold_marker *tunnel)
{
	for (uint32_t i = 0; i < b->groups; i++) {
		const struct session_group *g = session_group_at(b, i);

		for (uint32_t k = 0; k < g->acts; k++) {
			const struct session_act *a = &session_acts(g)[k];

			if (a->peer == tunnel->peer && a->teid_be == tunnel->teid_be)
				return true;
		}
	}
	return false;
}

static bool is_marked(const struct session_change *c, const struct hold_marker *tunnel)
{
	for (uint32_t i = 0; i < c->hold.markers; i++)
		if (c->marker[i].teid_be == tunnel->teid_be && c->marker[i].peer == tunnel->peer)
			return true;
	return false;
}

/* What comes behind an end marker may be discarded (TS 29.281 7.3.2): a tunnel has one, however
 * many FARs leave it, and when the last of them does. */
static int add_marker(struct session_change *c, uint32_t teid, uint16_t peer, struct rpc_error *err)
{
	struct hold_marker m = {.teid_be = rte_cpu_to_be_32(teid), .peer = peer};

	if (is_marked(c, &m) || sends_to(block_of(&c->after), &m))
		return 0;
	if (c->marker == NULL)
		c->marker = calloc(LIMIT_SESSION_FARS, sizeof(*c->marker));
	if (c->marker == NULL)
		return fail_room(err, -ENOMEM, "an end marker", 0);
	peer_hold(peer);
	c->marker[c->hold.markers++] = m;
	return 0;
}

/* End markers that FARs ask for (SNDEM). */
static int add_markers(struct session_change *c, const struct plan *p, struct rpc_error *err)
{
	for (uint32_t i = 0; p->old != NULL && i < p->put->fars.count; i++)
		for (uint32_t k = 0; k < p->old->cfg.fars.count; k++) {
			const struct api_far *far = &p->put->fars.item[i], *was = &p->old->far[k];
			uint16_t peer =
				peer_of_far(p->old_block, place_of_far(&p->old->cfg, was->id));

			if (far->id != was->id || peer == 0 || !is_named(&p->old->cfg, was->id) ||
				!marker_wanted(far, was, &far->outer_header))
				continue;
			if (add_marker(c, was->outer_header.teid, peer, err) != 0)
				return -1;
		}
	c->hold.marker = c->marker;
	return 0;
}

/* Of several changes of a session in one transaction none but the first and the last state count: a
 * tunnel that was not sent to before, or is sent to again, has no end. */
static void markers_settle(struct session_change *c)
{
	const struct session_block *was = session_block[c->index];
	const struct session_state *now = &session_cold[c->index].now;
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->hold.markers; i++) {
		struct hold_marker m = c->marker[i];

		if (was != NULL && sends_to(was, &m) &&
			!(now->pack != 0 && sends_to(block_of(now), &m)))
			c->marker[n++] = m;
		else
			peer_give(m.peer);
	}
	hold_markers_fewer(&c->hold, n);
}

static void markers_give(struct session_change *c)
{
	for (uint32_t i = 0; i < c->hold.markers; i++)
		peer_give(c->marker[i].peer);
	free(c->marker);
}

void urrs_before(const struct api_session *s, const struct session_block *b, struct urr_session *to)
{
	to->steady = session_block[to->session] == b;
	to->urrs_before = s->urrs.count;
	to->acts_before = 0;
	for (uint32_t i = 0; i < b->groups; i++)
		to->acts_before += session_group_at(b, i)->acts;
}

static int prepare_urrs(struct session_change *c, const struct plan *p, struct rpc_error *err)
{
	uint32_t credit[LIMIT_SESSION_URRS], cells = block_of(&c->after)->cells;
	struct urr_act act[LIMIT_SESSION_PDRS];
	struct urr_session to = {.session = c->index,
		.urrs = &p->put->urrs,
		.credit = credit,
		.act = act,
		.acts = p->acts};

	if (p->old != NULL)
		urrs_before(&p->old->cfg, p->old_block, &to);
	if (p->put->urrs.count == 0 && !c->had_urrs)
		return 0;
	for (uint32_t i = 0; i < p->put->urrs.count; i++)
		credit[i] = cells + 1 + i;
	for (uint32_t i = 0; i < p->acts; i++) {
		act[i] = p->act[i];
		act[i].cell += cells;
	}
	int rc = urr_prepare(&to, &c->urr);

	return rc == 0 ? 0 : fail_room(err, rc, "URRs", LIMIT_URRS_TOLD);
}

int prepare_hold(struct session_change *c, uint16_t slice, struct rpc_error *err)
{
	c->hold.session = c->index;
	c->hold.slice = slice;
	if (c->before.pack == 0 || hold_prepare(&c->hold) == 0)
		return 0;
	return fail_room(err, -ENOMEM, "the change", 0);
}

/* Lists of FARs have an order of their own. */
static void match_fars(struct session_change *c, const struct plan *p)
{
	for (uint32_t k = 0; p->old != NULL && k < p->old->cfg.fars.count; k++) {
		c->far_now[k] = FAR_UNKNOWN;
		for (uint32_t i = 0; i < p->put->fars.count; i++)
			if (p->put->fars.item[i].id == p->old->far[k].id)
				c->far_now[k] = place_of_far(p->put, p->old->far[k].id);
	}
	c->hold.far_now = c->far_now;
}

static int prepare_past(struct session_change *c, struct rpc_error *err)
{
	if (c->before.pack == 0 || session_cold[c->index].past != 0 || !cells_move(c))
		return 0;
	if (pool_take(&pack_pool, PAST_UNITS, &c->past) != 0)
		return fail_room(err, -ENOMEM, "what was counted", 0);
	memset(pool_at(&pack_pool, 0, c->past), 0, PAST_UNITS * PACK_UNIT);
	return 0;
}

static const struct session_block *block_or_null(const struct session_state *s)
{
	return s->pack != 0 ? block_of(s) : NULL;
}

static int prepare_doors(struct session_change *c, struct rpc_error *err)
{
	const struct session_block *after = block_of(&c->after);
	int rc = session_doors_prepare(block_or_null(&c->before), after);

	if (rc != -ENOSPC)
		return rc == 0 ? 0 : fail_room(err, rc, "the session's slices", 0);
	rpc_fail(err, RPC_ERR_CAPACITY, "a slice has at most %u Ethernet sessions",
		LIMIT_SLICE_SESSIONS);
	err->limit = LIMIT_SLICE_SESSIONS;
	return -1;
}

int prepare_rest(struct session_change *c, const struct plan *p, struct rpc_error *err)
{
	if (add_markers(c, p, err) != 0)
		goto err_markers;
	if (prepare_past(c, err) != 0)
		goto err_markers;
	match_fars(c, p);
	if (prepare_hold(c, p->put->slice_id, err) != 0)
		goto err_past;
	if (prepare_urrs(c, p, err) != 0)
		goto err_hold;
	if (prepare_doors(c, err) != 0)
		goto err_urrs;
	for (uint32_t i = 0; i < p->put->pdrs.count; i++)
		if (was_left_out(&p->put->pdrs.item[i]))
			c->chosen[c->n_chosen++] = (struct chosen){p->pdr[i].id, p->pdr[i].teid};
	return 0;

err_urrs:
	if (c->urr != NULL)
		urr_cancel(c->urr);
err_hold:
	if (c->before.pack != 0)
		hold_cancel(&c->hold);
err_past:
	if (c->past != 0)
		pool_give(&pack_pool, c->past, PAST_UNITS);
err_markers:
	markers_give(c);
	return -1;
}

void cancel_rest(struct session_change *c)
{
	session_doors_cancel(block_or_null(&c->before), block_or_null(&c->after));
	if (c->urr != NULL)
		urr_cancel(c->urr);
	if (c->before.pack != 0)
		hold_cancel(&c->hold);
	if (c->past != 0)
		pool_give(&pack_pool, c->past, PAST_UNITS);
	markers_give(c);
}

/* ==== memory ==== */

/* What of a state is to be given back: 0 where the next state has taken it over. */
struct leaving {
	uint32_t index;
	bool deleted;
	uint32_t pack, block, cells;
	uint8_t block_units, cell_units;
};

struct batch {
	uint32_t n;
	uint8_t commit; /* session_line.h */
	struct leaving item[];
};

/* Sessions that something is to be done with later. */
struct index_list {
	uint32_t *item;
	uint32_t n, room;
};
static struct index_list busy;	   /* indices that packets on their way still bear */
static struct index_list homeless; /* that may go home now */
static uint32_t deferred;	   /* batches */

/* ---- memory ---- */

static void leaving_give(const struct leaving *l)
{
	if (l->pack != 0)
		pool_give(&pack_pool, l->pack,
			session_pack_bytes(pool_at(&pack_pool, 0, l->pack)) / PACK_UNIT);
	if (l->block != 0)
		pool_give(&block_pool, l->block, l->block_units);
	if (SESSION_IS_HOME(l->cells) && l->cells != 0)
		home_give(l->cells / HOME_CELLS);
	else if (l->cells != 0)
		pool_give(&cell_pool, l->cells >> CELL_UNIT_LOG2, l->cell_units);
}

/* Of s, what kept does not go on with. */
static struct leaving leaving_of(const struct session_state *s, const struct session_state *kept)
{
	const struct session_block *b = s->block != 0 ? block_of(s) : NULL;
	const struct session_block *k = kept != NULL && kept->pack != 0 ? block_of(kept) : NULL;
	struct leaving l = {.pack = s->pack,
		.block = s->block,
		.block_units = s->block_units,
		.cell_units = s->cell_units};

	if (b != NULL && (k == NULL || k->cells != b->cells))
		l.cells = b->cells;
	return l;
}

void state_give(const struct session_state *s, const struct session_state *kept)
{
	struct leaving l = leaving_of(s, kept);

	leaving_give(&l);
}

void pack_give_filters(const struct session_state *s)
{
	static struct session_model m;

	session_unpack(pool_at(&pack_pool, 0, s->pack), &m);
	for (uint32_t i = 0; i < m.cfg.pdrs.count; i++)
		filters_give(m.made[i].filters);
}

/* ---- indices ---- */

static bool list_add(struct index_list *list, uint32_t index)
{
	if (!array_grow(&list->item, &list->room, list->n, sizeof(*list->item)))
		return false;
	list->item[list->n++] = index;
	return true;
}

static void index_leave(uint32_t index)
{
	if (!hold_busy(index))
		index_give(index);
	else if (!list_add(&busy, index))
		RTE_LOG(ERR, USER1, "no memory to wait for session %u: it stays unused\n", index);
}

static uint32_t indices_poll(void)
{
	uint32_t left = 0, was = busy.n;

	for (uint32_t i = 0; i < was; i++)
		if (hold_busy(busy.item[i]))
			busy.item[left++] = busy.item[i];
		else
			index_give(busy.item[i]);
	busy.n = left;
	return was - left;
}

void session_reclaim(void)
{
	rcu_reclaim(true);
	indices_poll();
}

/* Of a session that stays only its block and cells were another. */
static void leaving_end(const struct leaving *l, uint8_t commit)
{
	if (l->deleted)
		index_leave(l->index);
	else
		session_line_settled(l->index, commit);
	/* without memory it goes on as it is */
	if (session_cold[l->index].homeless && !session_cold[l->index].off)
		list_add(&homeless, l->index);
}

static void batch_run(void *arg)
{
	struct batch *b = arg;

	for (uint32_t i = 0; i < b->n; i++) {
		leaving_give(&b->item[i]);
		leaving_end(&b->item[i], b->commit);
	}
	free(b);
}

static void batch_run_deferred(void *arg)
{
	deferred--;
	batch_run(arg);
}

/* ---- of a transaction ---- */

static struct batch *batch_new(uint32_t n)
{
	struct batch *b = malloc(sizeof(*b) + n * sizeof(b->item[0]));
	uint8_t commit = session_lines_commit();

	/* also without waiting: commits that waited themselves may be many, and have numbers too */
	rcu_reclaim(deferred == SESSION_COMMITS - 1);
	if (b != NULL)
		*b = (struct batch){.commit = commit};
	return b;
}

static void batch_add(struct batch *b, const struct session_change *c)
{
	struct leaving l = leaving_of(&c->before, &c->after);
	uint32_t past = session_cold[c->index].past;

	pack_give_filters(&c->before);
	block_give(block_of(&c->before));
	l.index = c->index;
	l.deleted = c->after.pack == 0;
	if (l.deleted) {
		if (past != 0)
			pool_give(&pack_pool, past, PAST_UNITS);
		session_cold[c->index].past = 0;
	}
	if (b != NULL) {
		b->item[b->n++] = l;
		return;
	}
	leaving_give(&l);
	leaving_end(&l, session_lines_last());
}

static void batch_end(struct batch *b, bool passed)
{
	if (b == NULL)
		return;
	if (passed || b->n == 0)
		batch_run(b);
	else {
		deferred++;
		rcu_defer(batch_run_deferred, b);
	}
}

/* ==== commit ==== */

static uint32_t ue_users[LIMIT_SLICES + 1]; /* groups by UE's addresses, published */

/* ---- publishing ---- */

static void count_ues(const struct session_block *b, int by)
{
	for (uint32_t i = 0; i < b->groups; i++) {
		const struct session_group *g = session_group_at(b, i);

		if (g->acts == 0 || g->teid_be != 0)
			continue;
		ue_users[g->slice] += by;
		if (ue_users[g->slice] == (by > 0 ? 1 : 0))
			slice_sessions_set(g->slice, by > 0);
	}
}

/* A QER that stays has its bucket's state where the bucket is now. */
static void move_buckets(const struct session_change *c, const struct session_model *was)
{
	static struct session_model is;
	uint8_t from[LIMIT_SESSION_QERS][2], to[LIMIT_SESSION_QERS][2];
	const struct session_block *b = block_of(&c->before), *a = block_of(&c->after);

	if (a->buckets == b->buckets || a->buckets == 0 || b->buckets == 0)
		return;
	session_unpack(pool_at(&pack_pool, 0, c->after.pack), &is);
	bucket_numbers(&was->cfg.qers, SESSION_IS_HOME(b->cells), from);
	bucket_numbers(&is.cfg.qers, SESSION_IS_HOME(a->cells), to);
	for (uint32_t i = 0; i < is.cfg.qers.count; i++)
		for (uint32_t k = 0; k < was->cfg.qers.count; k++)
			for (uint32_t d = 0; d < 2; d++)
				if (is.qer[i].id == was->qer[k].id && to[i][d] != 255 &&
					from[k][d] != 255) {
					uint64_t *at = session_buckets();

					at[a->buckets + to[i][d]] = __atomic_load_n(
						&at[b->buckets + from[k][d]], __ATOMIC_RELAXED);
				}
}

/* The entries of a state that are its session's when all is done. */
static void publish_keys(uint32_t index, const struct keyed *after)
{
	struct session_keys keys;

	keys_of(index, after, &keys);
	for (uint32_t i = 0; i < keys.n; i++)
		if (key_owner(&keys.key[i]) == index)
			key_publish(&keys.key[i], index);
}

static void settle_keys(uint32_t index, const struct keyed *before, const struct keyed *after)
{
	struct session_keys taken;

	keys_beside(index, after, before, &taken);
	for (uint32_t i = 0; i < taken.n; i++)
		key_settle(&taken.key[i]);
}

static void unpublish_keys(uint32_t index, const struct keyed *before)
{
	struct session_keys keys;

	keys_of(index, before, &keys);
	for (uint32_t i = 0; i < keys.n; i++)
		if (key_is_left(&keys.key[i]))
			key_unpublish(&keys.key[i]);
}

/* The new state of a session. True when packets of it are held, or markers to be sent. */
static bool publish(struct session_change *c)
{
	static struct session_model was, is;
	struct session_block *b = block_of(&c->after);
	struct keyed before = {block_or_null(&c->before), &was.cfg.ue}, after = {b, &is.cfg.ue};
	bool wait = false;

	session_unpack(pool_at(&pack_pool, 0, c->after.pack), &is);
	if (!(slice_hot[b->slice].flags & SLICE_IS_L3))
		b->flags |= SESSION_ETHERNET; /* of the same transaction: only now it is known */
	if (c->before.pack != 0) {
		session_unpack(pool_at(&pack_pool, 0, c->before.pack), &was);
		move_buckets(c, &was);
	}
	if (c->past != 0 && session_cold[c->index].past == 0)
		session_cold[c->index].past = c->past;
	else if (c->past != 0) /* an earlier change of the transaction brought it */
		pool_give(&pack_pool, c->past, PAST_UNITS);
	if (c->urr != NULL)
		urr_commit(c->urr);
	if (c->before.pack != 0) {
		session_line_off(c->index);
		wait = hold_begin(&c->hold, before.block, b);
	}
	settle_keys(c->index, &before, &after);
	count_ues(b, 1);
	session_cold[c->index].homeless = c->homeless;
	/* release: pairs with the acquire load of whoever found the index */
	__atomic_store_n(&session_block[c->index], b, __ATOMIC_RELEASE);
	publish_keys(c->index, &after);
	session_doors_commit(c->index, before.block, b);
	if (c->before.pack != 0) {
		unpublish_keys(c->index, &before);
		count_ues(before.block, -1);
	} else {
		session_line_new(c->index);
	}
	return wait;
}

static bool withdraw(struct session_change *c)
{
	static struct session_model was;
	struct keyed before = {block_of(&c->before), &was.cfg.ue};
	bool wait = false;

	session_unpack(pool_at(&pack_pool, 0, c->before.pack), &was);
	if (c->urr != NULL)
		urr_commit(c->urr);
	unpublish_keys(c->index, &before);
	session_cold[c->index].homeless = 0;
	session_line_off(c->index);
	wait = hold_begin(&c->hold, before.block, NULL);
	__atomic_store_n(&session_block[c->index], NULL, __ATOMIC_RELEASE);
	session_doors_commit(c->index, before.block, NULL);
	count_ues(before.block, -1);
	return wait;
}

/* ---- commit ---- */

/* Must the grace period be over before anything else is done? */
static bool wants_grace(const struct session_change *c)
{
	if (c->before.pack == 0)
		return false;
	return c->after.pack != 0 ? cells_move(c) : c->had_urrs;
}

static void fold_or_forget(struct session_change *c)
{
	if (c->before.pack == 0)
		return;
	if (c->after.pack != 0) {
		if (cells_move(c))
			session_fold(c);
		return;
	}
	session_name_keep(c->index, &c->before);
	if (c->had_urrs)
		urr_cells_gone(c->index, block_of(&c->before)->cells,
			c->before.cell_units << CELL_UNIT_LOG2);
	session_name_keep(0, NULL);
}

/* All that was replaced goes back, and the changes are no more. */
static void settle(
	struct session_change *const *change, uint32_t n, struct batch *batch, bool passed)
{
	for (uint32_t i = 0; i < n; i++)
		fold_or_forget(change[i]);
	for (uint32_t i = 0; i < n; i++) {
		if (change[i]->before.pack != 0)
			batch_add(batch, change[i]);
		free(change[i]->marker);
		free(change[i]);
	}
	batch_end(batch, passed);
	session_change_closed(n);
}

void session_commit(struct session_change *const *change, uint32_t n)
{
	struct batch *batch = batch_new(n);
	bool grace = batch == NULL, held = false;

	for (uint32_t i = 0; i < n; i++)
		markers_settle(change[i]);
	/* those that go, go last: an address is its next session's by then */
	for (uint32_t i = 0; i < n; i++)
		if (change[i]->after.pack != 0)
			held |= publish(change[i]);
	for (uint32_t i = 0; i < n; i++) {
		if (change[i]->after.pack == 0)
			held |= withdraw(change[i]);
		grace |= wants_grace(change[i]);
	}
	session_doors_done();
	if (held)
		hold_finish(); /* waits for a grace period */
	else if (grace)
		rcu_synchronize();
	settle(change, n, batch, held || grace);
}

/* ==== homes ==== */

#define HOMES_A_TURN 64 /* one grace period, and less than a millisecond otherwise */

/* Does it still want to, and may it? It has been changed or deleted since, perhaps. */
static bool may_go(uint32_t index)
{
	const struct session_cold *cold = &session_cold[index];

	return cold->now.pack != 0 && cold->homeless && !cold->home && !cold->off;
}

/* Brings some of those home that may go; how many. */
static uint32_t homes_poll(void)
{
	struct session_change *change[HOMES_A_TURN];
	uint32_t n = 0;

	if (homeless.n == 0 || session_changes_open())
		return 0;
	for (uint32_t i = 0; i < HOMES_A_TURN && homeless.n > 0; i++) {
		uint32_t index = homeless.item[--homeless.n];

		if (may_go(index) && session_prepare_home(index, &change[n]) == 1)
			n++;
	}
	if (n > 0)
		session_commit(change, n);
	return n;
}

uint32_t session_poll(void)
{
	return indices_poll() + homes_poll();
}

void session_commit_fini(void)
{
	free(busy.item);
	free(homeless.item);
	busy = homeless = (struct index_list){0};
	memset(ue_users, 0, sizeof(ue_users));
}
