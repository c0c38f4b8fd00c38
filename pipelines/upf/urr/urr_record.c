/* SPDX-License-Identifier: BSD-3-Clause */
/* URRs as sessions come, change and go (urr.h): measurement goes on where the id stays the same.
 * Main thread only. Owns prepared changes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tsc.h"
#include "urr_hot.h"
#include "urr_live.h"

struct urr_change {
	struct urr_record *record;
	struct urr_brief *brief;  /* instead of it */
	struct urr_record *spare; /* what the brief of an earlier change is to become */
	uint32_t session;
	struct api_urr cfg[];
};

static uint32_t pending; /* changes that are prepared */

/* ---- prepare ---- */

static void change_free(struct urr_change *c)
{
	for (uint32_t i = 0; c->record != NULL && i < c->record->urrs; i++)
		urr_live_give(c->record->urr[i].live);
	if (c->record != NULL)
		urr_record_free(c->record);
	if (c->spare != NULL)
		urr_record_free(c->spare);
	if (c->brief != NULL)
		urr_brief_free(c->brief);
	free(c);
}

static int fill(struct urr_change *c, const struct urr_session *to)
{
	struct urr_record *r = c->record;
	uint32_t named = 0;

	for (uint32_t i = 0; i < to->acts; i++)
		named |= to->act[i].urrs;
	for (uint32_t i = 0; i < r->urrs; i++) {
		const struct api_urr *cfg = &to->urrs->item[i];
		struct urr *u = &r->urr[i];

		c->cfg[i] = *cfg;
		u->id = cfg->id;
		u->measure = cfg->measure;
		if (urr_wants_credit(cfg) && (named >> i & 1))
			u->credit = to->credit[i];
		if (urr_wants_live(cfg) && urr_live_take(&u->live) != 0)
			return -ENOSPC;
	}
	if (to->acts > 0)
		memcpy(urr_acts(r), to->act, to->acts * sizeof(*to->act));
	return 0;
}

/* A brief has no room for what a change leaves behind: it becomes a record now, or, as one that an
 * earlier change of the transaction is to bring, when it is there. */
static int expand(struct urr_change *c, const struct urr_session *to)
{
	const struct urr_brief *b = urr_brief_of(to->session);
	struct urr_record *r;

	if (b == NULL && (to->urrs_before == 0 || urr_record_of(to->session) != NULL))
		return 0;
	r = b != NULL ? urr_brief_record(b) : urr_record_new(to->urrs_before, to->acts_before);
	if (r == NULL)
		return -ENOMEM;
	c->spare = r;
	return 0;
}

int urr_prepare(const struct urr_session *to, struct urr_change **change)
{
	uint32_t n = to->urrs->count;
	struct urr_change *c;
	int rc = -ENOMEM;

	*change = NULL;
	if (n == 0 && pending == 0 && urr_slot[to->session] == 0)
		return 0;
	if (to->steady && urr_brief_of(to->session) != NULL &&
		urr_brief_same(urr_brief_of(to->session), to))
		return 0;
	c = calloc(1, sizeof(*c) + n * sizeof(c->cfg[0]));
	if (c == NULL)
		return -ENOMEM;
	c->session = to->session;
	if (to->urrs_before == 0 && urr_slot[to->session] == 0 && urr_brief_will_do(to)) {
		c->brief = urr_brief_new(to);
		if (c->brief == NULL)
			goto err_change;
		pending++;
		*change = c;
		return 0;
	}
	if (expand(c, to) != 0)
		goto err_change;
	c->record = urr_record_new(n, n > 0 ? to->acts : 0);
	if (c->record == NULL)
		goto err_change;
	if (n > 0)
		rc = fill(c, to);
	else
		rc = 0;
	if (rc != 0)
		goto err_change;
	pending++;
	*change = c;
	return 0;
err_change:
	change_free(c);
	return rc;
}

void urr_cancel(struct urr_change *change)
{
	if (change == NULL)
		return;
	pending--;
	change_free(change);
}

/* ---- commit ---- */

/* Records whose workers have gone on to a newer one, the oldest first: what nobody continues is
 * reported for the last time. */
static void retire(uint32_t session)
{
	struct urr_record *r = urr_record_of(session);

	while (r != NULL && r->older != NULL)
		r = r->older;
	while (r != NULL && r->newer != NULL && r->leaving == 0) {
		struct urr_record *newer = r->newer;

		for (uint32_t k = 0; k < r->urrs; k++) {
			struct urr_counters sum;

			if (r->urr[k].heir == URR_DEAD) {
				urr_sum(r, k, &sum);
				urr_finish(session, &r->urr[k], &sum);
			}
			urr_live_give(r->urr[k].live);
		}
		newer->older = NULL;
		urr_record_free(r);
		r = newer;
	}
	if (r != NULL && r->newer == NULL && r->urrs == 0) {
		urr_record_set(session, NULL);
		urr_record_free(r);
	}
}

static void credit_ready(uint32_t cell, uint32_t live)
{
	for (uint32_t w = 0; w < urr_workers && cell != 0; w++)
		*(struct urr_cell *)(session_cells(w) + cell) = (struct urr_cell){.live = live};
}

/* u is what `was` becomes: its measurement goes on. */
static void inherit(struct urr *u, struct urr *was)
{
	u->base = was->base;
	u->sequence = was->sequence;
	u->made_s = was->made_s;
	if (was->live == 0)
		return;
	/* what was reported is remembered there, even if nothing can become due any more */
	if (u->live != 0 || was->sequence > 0) {
		urr_live_give(u->live);
		u->live = was->live;
		was->live = 0;
	}
}

/* The credit stands in another cell from now on; what is in the old one is fetched by its worker.
 */
static void move_credit(struct urr *u, struct urr *was, struct urr_record *old)
{
	struct urr_live *l = &urr_live[u->live];

	if (was->credit == u->credit)
		return;
	if (was->credit != 0) {
		was->credit_leaves = true;
		old->leaving++;
	}
	if (u->live != 0) {
		urr_poke(l);
		l->moving += was->credit != 0;
		__atomic_store_n(&l->old_cell, was->credit, __ATOMIC_RELAXED);
	}
	credit_ready(u->credit, u->live);
}

static void begin(struct urr_record *r, uint32_t n, uint32_t session, const struct api_urr *cfg)
{
	struct urr *u = &r->urr[n];
	struct urr_live *l = &urr_live[u->live];
	struct urr_counters sum;

	if (u->live == 0)
		return;
	if (l->session != 0) {
		l->cell = u->credit;
		urr_set(l, cfg);
		return;
	}
	urr_sum(r, n, &sum);
	l->session = session;
	l->cell = u->credit;
	urr_begin(l, cfg, urr_volume(&sum));
}

static void succeed(struct urr_record *r, struct urr_record *old)
{
	for (uint32_t k = 0; k < old->urrs; k++) {
		struct urr *was = &old->urr[k];
		uint32_t i = 0;

		while (i < r->urrs && r->urr[i].id != was->id)
			i++;
		was->heir = i < r->urrs ? i : URR_DEAD;
		if (was->heir == URR_DEAD && was->credit != 0) {
			was->credit_leaves = true;
			old->leaving++;
		}
		if (was->heir == URR_DEAD)
			continue;
		inherit(&r->urr[i], was);
		move_credit(&r->urr[i], was, old);
	}
	for (uint32_t k = 0; k < old->acts; k++) {
		struct urr_act *was = &urr_acts(old)[k];
		uint32_t i = 0;

		while (i < r->acts && urr_acts(r)[i].cell != was->cell)
			i++;
		if (i < r->acts)
			was->urrs = 0;
		old->leaving += was->urrs != 0;
	}
	old->newer = r;
	r->older = old;
}

/* What the change follows; the brief is no more. */
static struct urr_record *record_before(struct urr_change *c)
{
	struct urr_brief *b = urr_brief_of(c->session);
	struct urr_record *spare = c->spare;

	c->spare = NULL;
	if (b != NULL && urr_brief_fits(b, spare)) {
		urr_brief_fill(b, spare);
		urr_brief_free(b);
		return spare;
	}
	if (spare != NULL)
		urr_record_free(spare);
	return urr_record_of(c->session);
}

void urr_commit(struct urr_change *change)
{
	struct urr_record *r, *old;
	uint32_t session;

	if (change == NULL)
		return;
	session = change->session;
	r = change->record;
	if (change->brief != NULL) {
		urr_brief_begin(change->brief, tsc_now_s());
		urr_slot[session] = (uintptr_t)change->brief | 1;
		pending--;
		free(change);
		return;
	}
	old = record_before(change);
	if (old != NULL)
		succeed(r, old);
	urr_record_set(session, r);
	for (uint32_t i = 0; i < r->urrs; i++) {
		if (r->urr[i].made_s == 0) { /* not inherited */
			r->urr[i].made_s = tsc_now_s();
			credit_ready(r->urr[i].credit, r->urr[i].live);
		}
		begin(r, i, session, &change->cfg[i]);
	}
	pending--;
	free(change);
	retire(session);
}

/* ---- after the grace period ---- */

/* What became of a URR of an older record: where its counts go. */
static struct urr *heir_of(struct urr_record *r, uint32_t k)
{
	while (r->newer != NULL && r->urr[k].heir != URR_DEAD) {
		k = r->urr[k].heir;
		r = r->newer;
	}
	return &r->urr[k];
}

static void fold(struct urr_record *r, struct urr_act *act)
{
	for (uint32_t left = act->urrs; left != 0; left &= left - 1)
		urr_count_act(act, &heir_of(r, __builtin_ctz(left))->base);
	act->urrs = 0;
	r->leaving--;
}

/* What workers had left there is for all again. */
static void fold_credit(struct urr_record *r, struct urr *u)
{
	struct urr_live *l = NULL;

	for (uint32_t w = 0; w < urr_workers; w++) {
		struct urr_cell *cell = (struct urr_cell *)(session_cells(w) + u->credit);

		l = &urr_live[cell->live];
		__atomic_fetch_add(&l->left, (int64_t)cell->credit, __ATOMIC_RELAXED);
		__atomic_fetch_add(&l->soft, (int64_t)cell->credit, __ATOMIC_RELAXED);
		cell->credit = 0;
	}
	u->credit_leaves = false;
	r->leaving--;
	if (l->cell == u->credit) { /* deleted, and its last report waits for its acts */
		urr_poke(l);
		l->cell = 0;
		return;
	}
	if (l->old_cell == u->credit)
		__atomic_store_n(&l->old_cell, 0, __ATOMIC_RELAXED);
	if (l->moving > 0 && --l->moving == 0)
		urr_settled(l);
}

void urr_cells_gone(uint32_t session, uint32_t cell, uint32_t n)
{
	struct urr_record *r = urr_record_of(session);

	for (r = r != NULL ? r->older : NULL; r != NULL; r = r->older) {
		for (uint32_t i = 0; i < r->acts; i++) {
			struct urr_act *act = &urr_acts(r)[i];

			if (act->urrs != 0 && act->cell - cell < n)
				fold(r, act);
		}
		for (uint32_t k = 0; k < r->urrs; k++)
			if (r->urr[k].credit_leaves && r->urr[k].credit - cell < n)
				fold_credit(r, &r->urr[k]);
	}
	retire(session);
}
