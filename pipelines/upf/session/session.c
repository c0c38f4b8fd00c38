/* SPDX-License-Identifier: BSD-3-Clause */
/* The steps of a change of a session: everything that may fail, and its way back; and answers about
 * sessions. Main thread only. Owns the plan under way, and the definition that was answered last.
 * What a step does is in session_plan.c, session_filters.c, session_build.c, session_keys.c; the
 * rest of a change in session_commit.c. */
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "session_private.h"
#include "session_store.h"
#include "urr.h"

static uint32_t sessions; /* as the running transaction sees it */
static uint32_t open_changes;

/* Of the session that is worked on. */
static struct plan plan;
static struct session_model old_model;
static uint8_t packed[PACK_MAX];

int session_init(uint32_t workers)
{
	(void)workers;
	sessions = open_changes = 0;
	session_ops = (struct session_ops){
		.get = session_get, .pdr_id = session_pdr_id, .released = session_line_on};
	int rc = session_store_init();

	if (rc != 0)
		return rc;
	rc = keys_init();
	if (rc != 0)
		session_fini();
	return rc;
}

void session_fini(void)
{
	session_commit_fini();
	session_doors_fini();
	uses_fini();
	keys_fini();
	filters_fini();
	session_store_fini();
}

uint32_t session_count(void)
{
	return sessions;
}

static void *pack_at(const struct session_state *s)
{
	return pool_at(&pack_pool, 0, s->pack);
}

/* ---- filters ---- */

static void filters_give_all(struct plan *p, uint32_t n)
{
	while (n-- > 0)
		filters_give(p->made[n].filters);
}

static int filters_take_all(struct plan *p, struct rpc_error *err)
{
	char path[64];
	uint32_t at;

	for (uint32_t i = 0; i < p->put->pdrs.count; i++) {
		int rc = filters_take(&p->put->pdrs.item[i], &p->put->ue, &p->made[i].filters, &at);

		if (rc == 0)
			continue;
		filters_give_all(p, i);
		if (rc != -EINVAL)
			return fail_room(err, rc, "filters", 0);
		snprintf(path, sizeof(path), "pdrs[%u].filters[%u]", i, at);
		return rpc_fail_value(
			err, path, "an IPFilterRule", p->put->pdrs.item[i].filters.item[at].text);
	}
	return 0;
}

/* ---- memory ---- */

/* At home or in the pool; zero. Two buckets are as large as a cell. */
static int cells_take(const struct plan *p, struct session_state *s, struct session_block *b)
{
	uint32_t units = cell_units(p->cells, p->buckets);
	int rc;

	if (p->home) {
		home_take(p->index);
		s->cell_units = HOME_CELLS >> CELL_UNIT_LOG2;
		b->cells = SESSION_HOME(p->index);
		b->buckets = 2 * b->cells + HOME_BUCKETS;
		return 0;
	}
	rc = pool_take(&cell_pool, units, &b->cells);
	if (rc != 0)
		return rc;
	s->cell_units = units;
	b->cells <<= CELL_UNIT_LOG2;
	if (p->buckets > 0)
		b->buckets = 2 * b->cells + (units << (CELL_UNIT_LOG2 + 1)) - p->buckets;
	for (uint32_t w = 0; w < cell_pool.copies; w++)
		memset(cell_of(w, b->cells), 0,
			(units << CELL_UNIT_LOG2) * sizeof(struct session_cell));
	return 0;
}

/* What the new state does not take over from the old one. */
static int state_take(
	struct plan *p, uint32_t pack_bytes, struct session_state *s, struct rpc_error *err)
{
	const struct session_state *old = p->old_state;
	struct session_block *b = (struct session_block *)p->block;
	int rc;

	*s = (struct session_state){.block_units = (p->bytes + BLOCK_UNIT - 1) / BLOCK_UNIT,
		.cell_units = p->cells_stay ? old->cell_units : 0,
		.bucket_count = p->buckets};
	b->cells = p->cells_stay ? block_of(old)->cells : 0;
	b->buckets = p->cells_stay ? block_of(old)->buckets : 0;
	rc = pool_take(&pack_pool, pack_bytes / PACK_UNIT, &s->pack);
	if (rc == 0)
		rc = pool_take(&block_pool, s->block_units, &s->block);
	if (rc == 0 && !p->cells_stay)
		rc = cells_take(p, s, b);
	if (rc != 0) {
		if (s->pack != 0)
			memcpy(pack_at(s), packed, 2); /* its length, to give it back */
		if (s->block != 0)
			memcpy(block_of(s), b, sizeof(*b));
		state_give(s, old);
		return fail_room(err, rc, "sessions of this size", LIMIT_SESSIONS);
	}
	memcpy(pack_at(s), packed, pack_bytes);
	memcpy(block_of(s), b, p->bytes);
	memset((uint8_t *)block_of(s) + p->bytes, 0, s->block_units * BLOCK_UNIT - p->bytes);
	return 0;
}

/* ---- the change ---- */

/* The new state becomes the latest one. */
static void enter(struct session_change *c, const struct plan *p)
{
	session_cold[c->index].now = c->after;
	count_uses(&p->cfg, block_of(&c->after), 1);
	if (p->old != NULL) {
		count_uses(&p->old->cfg, p->old_block, -1);
	} else {
		name_link(c->index);
		sessions++;
	}
	open_changes++;
}

/* From a plan with its ways and filters: all that is left to take. */
static int take_all(
	struct plan *p, uint32_t pack_bytes, struct session_change *c, struct rpc_error *err)
{
	struct keyed before = {p->old_block, p->old != NULL ? &p->old->cfg.ue : NULL};
	struct keyed after = {(struct session_block *)p->block, &p->put->ue};

	if (plan_build(p, err) != 0)
		return -1;
	if (claim_keys(p->index, &before, &after, p->put, err) != 0)
		goto err_block;
	if (state_take(p, pack_bytes, &c->after, err) != 0)
		goto err_keys;
	if (prepare_rest(c, p, err) != 0)
		goto err_state;
	return 0;

err_state:
	state_give(&c->after, p->old_state);
err_keys:
	unclaim_keys(p->index, &before, &after);
err_block:
	block_give((struct session_block *)p->block);
	return -1;
}

/* 1 with a change, 0 nothing to do, -1. */
static int prepare_plan(struct plan *p, struct session_change **change, struct rpc_error *err)
{
	struct session_change *c;
	uint32_t bytes;
	int rc = -1;

	if (plan_ways(p, err) != 0 || check_slices(p, err) != 0 || plan_frames(p, err) != 0 ||
		check_teids(p, err) != 0 || filters_take_all(p, err) != 0)
		return -1;
	bytes = session_pack(&p->cfg, p->made, packed);
	if (p->old != NULL && !p->go_home == (memcmp(pack_at(p->old_state), packed, bytes) == 0)) {
		filters_give_all(p, p->put->pdrs.count);
		return 0;
	}
	c = calloc(1, sizeof(*c) + p->put->pdrs.count * sizeof(c->chosen[0]));
	if (c == NULL) {
		fail_room(err, -ENOMEM, "the change", 0);
		goto err_filters;
	}
	c->index = p->index;
	c->had_urrs = p->old != NULL && p->old->cfg.urrs.count > 0;
	if (p->old != NULL)
		c->before = *p->old_state;
	if (take_all(p, bytes, c, err) != 0)
		goto err_change;
	c->homeless = p->homeless;
	enter(c, p);
	*change = c;
	return 1;

err_change:
	free(c);
err_filters:
	filters_give_all(p, p->put->pdrs.count);
	return rc;
}

/* The index that an own F-TEID names: packets then find the session without a table. */
static bool take_named(const struct api_session *cfg, uint32_t *index)
{
	for (uint32_t i = 0; i < cfg->pdrs.count; i++) {
		uint32_t named = TEID_SESSION(cfg->pdrs.item[i].teid);
		int rc = index_take_named(named);

		if (rc == -EBUSY) {
			session_reclaim();
			rc = index_take_named(named);
		}
		*index = named;
		if (rc == 0)
			return true;
	}
	return false;
}

static int take_index(const struct api_session *cfg, uint32_t *index, struct rpc_error *err)
{
	if (take_named(cfg, index) || index_take(index) == 0)
		return 0;
	session_reclaim();
	int rc = index_take(index);

	return rc == 0 ? 0 : fail_room(err, rc, "a session", LIMIT_SESSIONS);
}

/* Of a session that there is. */
static void plan_old(struct plan *p)
{
	p->old_state = &session_cold[p->index].now;
	p->old_block = block_of(p->old_state);
	p->old = &old_model;
	session_unpack(pack_at(p->old_state), &old_model);
}

int session_prepare_home(uint32_t index, struct session_change **change)
{
	struct plan *p = &plan;
	struct rpc_error err;
	struct api_session cfg;

	if (!session_get(index, &cfg))
		return -1;
	p->put = &cfg;
	p->ways = 0;
	p->go_home = true;
	p->index = index;
	plan_old(p);
	return prepare_plan(p, change, &err);
}

int session_prepare(
	const struct api_session *cfg, struct session_change **change, struct rpc_error *err)
{
	struct plan *p = &plan;
	int rc = upf_start();

	if (rc != 0)
		return fail_room(err, rc, "the user plane's tables", 0);
	p->put = cfg;
	p->ways = 0;
	p->go_home = false;
	p->old = NULL;
	p->old_block = NULL;
	p->old_state = NULL;
	p->index = session_find(cfg->name);
	if (p->index == 0) {
		if (take_index(cfg, &p->index, err) != 0)
			return -1;
		rc = prepare_plan(p, change, err);
		if (rc < 0)
			index_give(p->index);
		return rc;
	}
	plan_old(p);
	return prepare_plan(p, change, err);
}

int session_prepare_delete(uint32_t index, struct session_change **change, struct rpc_error *err)
{
	static const struct api_urrs none;
	const struct session_state *now = &session_cold[index].now;
	struct session_change *c = calloc(1, sizeof(*c));
	struct session_model *m = &old_model;
	struct keyed before = {block_of(now), &m->cfg.ue}, after = {0};
	struct urr_session to = {.session = index, .urrs = &none};

	session_unpack(pack_at(now), m);
	if (c == NULL)
		return fail_room(err, -ENOMEM, "the change", 0);
	c->index = index;
	c->before = *now;
	c->had_urrs = m->cfg.urrs.count > 0;
	urrs_before(&m->cfg, before.block, &to);
	if (claim_keys(index, &before, &after, NULL, err) != 0)
		goto err_change;
	if (prepare_hold(c, m->cfg.slice_id, err) != 0)
		goto err_keys;
	if (c->had_urrs && urr_prepare(&to, &c->urr) != 0) {
		fail_room(err, -ENOMEM, "URRs", 0);
		goto err_hold;
	}
	count_uses(&m->cfg, before.block, -1);
	name_unlink(index);
	session_cold[index].now = (struct session_state){0};
	sessions--;
	open_changes++;
	*change = c;
	return 1;

err_hold:
	hold_cancel(&c->hold);
err_keys:
	unclaim_keys(index, &before, &after);
err_change:
	free(c);
	return -1;
}

/* ---- the way back ---- */

static void session_leave(struct session_change *c, struct keyed *after)
{
	static struct session_model m;

	after->block = block_of(&c->after);
	after->ue = &m.cfg.ue;
	session_unpack(pack_at(&c->after), &m);
	count_uses(&m.cfg, after->block, -1);
	if (c->before.pack == 0) {
		name_unlink(c->index);
		sessions--;
	}
}

static void session_return(struct session_change *c, struct keyed *before)
{
	before->block = block_of(&c->before);
	before->ue = &old_model.cfg.ue;
	session_unpack(pack_at(&c->before), &old_model);
	count_uses(&old_model.cfg, before->block, 1);
	session_cold[c->index].now = c->before;
	if (c->after.pack == 0) {
		name_link(c->index);
		sessions++;
	}
}

void session_cancel(struct session_change *c)
{
	struct keyed before = {0}, after = {0};

	cancel_rest(c);
	if (c->after.pack != 0)
		session_leave(c, &after);
	session_cold[c->index].now = (struct session_state){0};
	if (c->before.pack != 0)
		session_return(c, &before);
	unclaim_keys(c->index, &before, &after);
	if (c->after.pack != 0) {
		block_give(after.block);
		pack_give_filters(&c->after);
		state_give(&c->after, c->before.pack != 0 ? &c->before : NULL);
	}
	if (c->before.pack == 0)
		index_give(c->index);
	free(c);
	session_change_closed(1);
}

void session_change_closed(uint32_t n)
{
	open_changes -= n;
	if (open_changes == 0)
		keys_settle();
}

bool session_changes_open(void)
{
	return open_changes != 0;
}

bool session_chosen(const struct session_change *c, uint32_t n, uint32_t *pdr_id, uint32_t *teid)
{
	if (n >= c->n_chosen)
		return false;
	*pdr_id = c->chosen[n].pdr;
	*teid = c->chosen[n].teid;
	return true;
}

/* ==== answers ==== */

static struct session_model answer;

bool session_get(uint32_t index, struct api_session *out)
{
	if (session_cold == NULL || index == 0 || session_cold[index].now.pack == 0)
		return false;
	session_unpack(pool_at(&pack_pool, 0, session_cold[index].now.pack), &answer);
	filters_texts_reset();
	for (uint32_t i = 0; i < answer.cfg.pdrs.count; i++) {
		struct api_pdr *pdr = &answer.pdr[i];

		if (!filters_texts(answer.made[i].filters, &answer.cfg.ue, pdr))
			return false;
		if (pdr->gtpu_id != 0)
			memcpy(pdr->gtpu, gtpu_config(pdr->gtpu_id)->name, sizeof(pdr->gtpu));
	}
	for (uint32_t i = 0; i < answer.cfg.fars.count; i++) {
		struct api_far *f = &answer.far[i];

		if (f->outer_header.gtpu_id != 0)
			memcpy(f->outer_header.gtpu, gtpu_config(f->outer_header.gtpu_id)->name,
				sizeof(api_name));
		if (f->duplicate_to.gtpu_id != 0)
			memcpy(f->duplicate_to.gtpu, gtpu_config(f->duplicate_to.gtpu_id)->name,
				sizeof(api_name));
	}
	*out = answer.cfg;
	return true;
}

bool session_chosen_of(uint32_t index, uint32_t n, uint32_t *pdr_id, uint32_t *teid)
{
	static struct session_model m;

	session_unpack(pool_at(&pack_pool, 0, session_cold[index].now.pack), &m);
	for (uint32_t i = 0; i < m.cfg.pdrs.count; i++) {
		bool chosen = m.pdr[i].gtpu_id != 0 && TEID_SESSION(m.pdr[i].teid) == index &&
			      TEID_GROUP(m.pdr[i].teid) == m.made[i].group;

		if (!chosen || n-- > 0)
			continue;
		*pdr_id = m.pdr[i].id;
		*teid = m.pdr[i].teid;
		return true;
	}
	return false;
}

/* ---- counters ---- */

static uint64_t load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void add_act(const struct session_block *b, const struct session_act *a, bool up,
	struct session_counters *out)
{
	for (uint32_t w = 0; w < cell_pool.copies; w++) {
		const struct session_cell *cell = cell_of(w, b->cells + a->cell);

		*(up ? &out->ul_packets : &out->dl_packets) += load(&cell->packets);
		*(up ? &out->ul_bytes : &out->dl_bytes) += load(&cell->bytes);
	}
}

void session_counters_read(uint32_t index, struct session_counters *out)
{
	const struct session_block *b = session_block[index];
	uint32_t past = session_cold[index].past;

	memset(out, 0, sizeof(*out));
	if (past != 0)
		*out = ((const struct session_past *)pool_at(&pack_pool, 0, past))->sum;
	for (uint32_t w = 0; b != NULL && w < cell_pool.copies; w++)
		out->dropped += load(&cell_of(w, b->cells)->packets);
	for (uint32_t i = 0; b != NULL && i < b->groups; i++) {
		const struct session_group *g = session_group_at(b, i);

		for (uint32_t k = 0; k < g->acts; k++)
			add_act(b, &session_acts(g)[k], g->flags & GROUP_UPLINK, out);
	}
}

/* ---- how much ---- */

uint64_t session_memory_bytes(void)
{
	if (session_cold == NULL)
		return 0;
	return session_store_bytes() + urr_memory_bytes() +
	       ((uint64_t)teid_table.count + ue4_table.count) * 37 + (uint64_t)ue6_table.count * 75;
}
