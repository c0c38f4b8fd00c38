/* SPDX-License-Identifier: BSD-3-Clause */
/* What main keeps of the URRs of sessions (urr.h): memory, sums, and what becomes of them as
 * sessions come, change and go: measurement goes on where the id stays the same. A session whose
 * URRs only count has a brief, which is smaller than a record. And what workers do who ask for
 * credit. Owns the records, prepared changes and what workers share. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reserve.h"
#include "session_index.h"
#include "tsc.h"
#include "urr_hot.h"
#include "urr_live.h"

struct urr_live *urr_live;
uintptr_t *urr_slot;
uint32_t urr_workers;
static uint32_t live_top, live_free, live_used;
static uint64_t record_bytes;

#define LIVE_BYTES ((LIMIT_URRS_TOLD + 1) * sizeof(*urr_live))
#define SLOT_BYTES ((LIMIT_SESSIONS + 1) * sizeof(*urr_slot))

/* ==== records ==== */

static size_t record_size(const struct urr_record *r)
{
	return sizeof(*r) + r->urrs * sizeof(r->urr[0]) + r->acts * sizeof(struct urr_act);
}

static struct urr_record *record_new(uint32_t urrs, uint32_t acts)
{
	struct urr_record sizes = {.urrs = urrs, .acts = acts};
	struct urr_record *r = calloc(1, record_size(&sizes));

	if (r == NULL)
		return NULL;
	r->urrs = urrs;
	r->acts = acts;
	record_bytes += record_size(r);
	return r;
}

static void record_free(struct urr_record *r)
{
	record_bytes -= record_size(r);
	free(r);
}

/* ---- what workers share ---- */

static int live_take(uint32_t *index)
{
	if (live_free != 0) {
		*index = live_free;
		live_free = urr_live[live_free].next;
	} else if (live_top < LIMIT_URRS_TOLD) {
		*index = ++live_top;
	} else {
		return -ENOSPC;
	}
	memset(&urr_live[*index], 0, sizeof(*urr_live));
	live_used++;
	return 0;
}

static void live_give(uint32_t index)
{
	if (index == 0)
		return;
	urr_disarm(&urr_live[index]);
	urr_live[index].next = live_free;
	live_free = index;
	live_used--;
}

bool urr_wants_credit(const struct api_urr *urr)
{
	return urr->threshold_bytes != 0 || urr->quota_bytes != NO_QUOTA || urr->threshold_s != 0 ||
	       urr->quota_s != NO_QUOTA_S || urr->inactivity_s != 0 || urr->report != 0 ||
	       (urr->measure & MEASURE_DURATION);
}

static bool wants_live(const struct api_urr *urr)
{
	return urr->period_s != 0 || urr_wants_credit(urr);
}

/* ---- sums ---- */

static void count_act(const struct urr_act *act, struct urr_counters *out)
{
	for (uint32_t w = 0; w < urr_workers; w++) {
		const struct session_cell *cell = session_cells(w) + act->cell;
		uint64_t packets = __atomic_load_n(&cell->packets, __ATOMIC_RELAXED);
		uint64_t bytes = __atomic_load_n(&cell->bytes, __ATOMIC_RELAXED);

		*(act->uplink ? &out->ul_packets : &out->dl_packets) += packets;
		*(act->uplink ? &out->ul_bytes : &out->dl_bytes) += bytes;
	}
}

/* Of an older record's URRs, those that became these of its newer one. */
static uint32_t ancestors(const struct urr_record *r, uint32_t heirs)
{
	uint32_t mask = 0;

	for (uint32_t k = 0; k < r->urrs; k++)
		if (r->urr[k].heir != URR_DEAD && (heirs >> r->urr[k].heir & 1))
			mask |= 1u << k;
	return mask;
}

void urr_sum(struct urr_record *r, uint32_t n, struct urr_counters *out)
{
	uint32_t mask = 1u << n;

	*out = r->urr[n].base;
	for (; r != NULL && mask != 0; r = r->older) {
		for (uint32_t i = 0; i < r->acts; i++)
			if (urr_acts(r)[i].urrs & mask)
				count_act(&urr_acts(r)[i], out);
		if (r->older != NULL)
			mask = ancestors(r->older, mask);
	}
}

/* ==== briefs ==== */

#define UPLINK (1u << 31) /* in an act's cell */

struct urr_brief {
	uint32_t made_s;
	uint8_t urrs, acts;
	/* of each URR its id and what it measures; of each act its cell and URRs */
	struct {
		uint32_t first, second;
	} pair[];
};

static uint64_t brief_bytes;

static struct urr_brief *brief_of(uint32_t session)
{
	uintptr_t slot = urr_slot != NULL ? urr_slot[session] : 0;

	return slot & 1 ? (struct urr_brief *)(slot - 1) : NULL;
}

static size_t size_of(const struct urr_brief *b)
{
	return sizeof(*b) + (b->urrs + b->acts) * sizeof(b->pair[0]);
}

static bool brief_will_do(const struct urr_session *to)
{
	for (uint32_t i = 0; i < to->urrs->count; i++)
		if (wants_live(&to->urrs->item[i]))
			return false;
	return to->urrs->count > 0;
}

static struct urr_brief *brief_new(const struct urr_session *to)
{
	struct urr_brief sizes = {.urrs = to->urrs->count, .acts = to->acts};
	struct urr_brief *b = malloc(size_of(&sizes));

	if (b == NULL)
		return NULL;
	*b = sizes;
	for (uint32_t i = 0; i < b->urrs; i++) {
		b->pair[i].first = to->urrs->item[i].id;
		b->pair[i].second = to->urrs->item[i].measure;
	}
	for (uint32_t i = 0; i < b->acts; i++) {
		b->pair[b->urrs + i].first = to->act[i].cell | (to->act[i].uplink ? UPLINK : 0);
		b->pair[b->urrs + i].second = to->act[i].urrs;
	}
	brief_bytes += size_of(b);
	return b;
}

static void brief_free(struct urr_brief *b)
{
	brief_bytes -= size_of(b);
	free(b);
}

static struct urr_act act_of(const struct urr_brief *b, uint32_t i)
{
	uint32_t cell = b->pair[b->urrs + i].first;

	return (struct urr_act){.cell = cell & ~UPLINK,
		.urrs = b->pair[b->urrs + i].second,
		.uplink = cell & UPLINK};
}

static bool brief_same(const struct urr_brief *b, const struct urr_session *to)
{
	if (b->urrs != to->urrs->count || b->acts != to->acts || !brief_will_do(to))
		return false;
	for (uint32_t i = 0; i < b->urrs; i++)
		if (b->pair[i].first != to->urrs->item[i].id ||
			b->pair[i].second != to->urrs->item[i].measure)
			return false;
	for (uint32_t i = 0; i < b->acts; i++) {
		struct urr_act act = act_of(b, i);

		if (act.cell != to->act[i].cell || act.urrs != to->act[i].urrs ||
			act.uplink != to->act[i].uplink)
			return false;
	}
	return true;
}

static bool brief_sum(const struct urr_brief *b, uint32_t n, struct urr_counters *out)
{
	*out = (struct urr_counters){0};
	for (uint32_t i = 0; n < b->urrs && i < b->acts; i++) {
		struct urr_act act = act_of(b, i);

		if (act.urrs >> n & 1)
			count_act(&act, out);
	}
	return n < b->urrs;
}

static void brief_fill(const struct urr_brief *b, struct urr_record *r)
{
	for (uint32_t i = 0; i < b->urrs; i++) {
		r->urr[i].id = b->pair[i].first;
		r->urr[i].measure = b->pair[i].second;
		r->urr[i].made_s = b->made_s;
	}
	for (uint32_t i = 0; i < b->acts; i++)
		urr_acts(r)[i] = act_of(b, i);
}

/* ==== answers, and life ==== */

bool urr_read(uint32_t session, uint32_t n, struct urr_counters *out)
{
	struct urr_record *r = urr_record_of(session);

	if (brief_of(session) != NULL)
		return brief_sum(brief_of(session), n, out);
	if (r == NULL || n >= r->urrs)
		return false;
	urr_sum(r, n, out);
	return true;
}

int urr_init(uint32_t workers)
{
	urr_workers = workers;
	urr_live = reserve_map(LIVE_BYTES);
	urr_slot = reserve_map(SLOT_BYTES);
	live_top = live_free = live_used = 0;
	record_bytes = 0;
	if (urr_live == NULL || urr_slot == NULL) {
		urr_fini();
		return -ENOMEM;
	}
	urr_timers_init();
	return 0;
}

void urr_fini(void)
{
	for (uint32_t i = 0; record_bytes + brief_bytes > 0 && i <= LIMIT_SESSIONS; i++) {
		struct urr_record *older;

		if (brief_of(i) != NULL)
			brief_free(brief_of(i));
		for (struct urr_record *r = urr_record_of(i); r != NULL; r = older) {
			older = r->older;
			record_free(r);
		}
	}
	reserve_unmap(urr_live, LIVE_BYTES);
	reserve_unmap(urr_slot, SLOT_BYTES);
	urr_live = NULL;
	urr_slot = NULL;
}

uint64_t urr_memory_bytes(void)
{
	return record_bytes + brief_bytes + live_used * sizeof(*urr_live);
}

/* ==== changes ==== */

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
		live_give(c->record->urr[i].live);
	if (c->record != NULL)
		record_free(c->record);
	if (c->spare != NULL)
		record_free(c->spare);
	if (c->brief != NULL)
		brief_free(c->brief);
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
		if (wants_live(cfg) && live_take(&u->live) != 0)
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
	const struct urr_brief *b = brief_of(to->session);
	struct urr_record *r;

	if (b == NULL && (to->urrs_before == 0 || urr_record_of(to->session) != NULL))
		return 0;
	r = b != NULL ? record_new(b->urrs, b->acts) : record_new(to->urrs_before, to->acts_before);
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
	if (to->steady && brief_of(to->session) != NULL && brief_same(brief_of(to->session), to))
		return 0;
	c = calloc(1, sizeof(*c) + n * sizeof(c->cfg[0]));
	if (c == NULL)
		return -ENOMEM;
	c->session = to->session;
	if (to->urrs_before == 0 && urr_slot[to->session] == 0 && brief_will_do(to)) {
		c->brief = brief_new(to);
		if (c->brief == NULL)
			goto err_change;
		pending++;
		*change = c;
		return 0;
	}
	if (expand(c, to) != 0)
		goto err_change;
	c->record = record_new(n, n > 0 ? to->acts : 0);
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
			live_give(r->urr[k].live);
		}
		newer->older = NULL;
		record_free(r);
		r = newer;
	}
	if (r != NULL && r->newer == NULL && r->urrs == 0) {
		urr_slot[session] = 0;
		record_free(r);
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
		live_give(u->live);
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
	struct urr_brief *b = brief_of(c->session);
	struct urr_record *spare = c->spare;

	c->spare = NULL;
	if (b != NULL && spare != NULL && spare->urrs == b->urrs && spare->acts == b->acts) {
		brief_fill(b, spare);
		brief_free(b);
		return spare;
	}
	if (spare != NULL)
		record_free(spare);
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
		change->brief->made_s = tsc_now_s();
		urr_slot[session] = (uintptr_t)change->brief | 1;
		pending--;
		free(change);
		return;
	}
	old = record_before(change);
	if (old != NULL)
		succeed(r, old);
	urr_slot[session] = (uintptr_t)r;
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
		count_act(act, &heir_of(r, __builtin_ctz(left))->base);
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

/* ==== credit ==== */

#define SHARE_PART 64
#define SHARE_MAX  65536

/* One report at a time is on its way; one for which the ring had no room is repeated with the next
 * packet that comes here. */
static void tell(struct worker *w, uint32_t session, uint32_t n, struct urr_live *l)
{
	struct upf_report report = {.kind = REPORT_CREDIT, .session = session, .told = n};

	/* acq_rel: what this worker wrote is seen by main with the bit, which urr_look() clears */
	if (__atomic_fetch_or(&l->state, URR_TOLD, __ATOMIC_ACQ_REL) & URR_TOLD)
		return;
	if (!upf_report(w, &report))
		__atomic_fetch_and(&l->state, ~URR_TOLD, __ATOMIC_RELAXED);
}

/* What this worker holds in a cell that is not the one in hand. */
static int64_t fetch(struct session_cell *cells, uint32_t at, const struct urr_cell *in_hand)
{
	struct urr_cell *cell = (struct urr_cell *)&cells[at];
	int64_t credit = cell->credit;

	if (at == 0 || cell == in_hand || cell->live != in_hand->live)
		return 0;
	cell->credit = 0;
	return credit;
}

/* All that this worker holds goes back: also what is where its credit was before the session's
 * cells moved, or has moved to while this packet was on its way. */
static void give_back(struct worker *w, struct urr_live *l, struct urr_cell *cell)
{
	struct session_cell *cells = switch_of(w)->upf->cells;
	uint32_t old = __atomic_load_n(&l->old_cell, __ATOMIC_RELAXED);
	int64_t back = cell->credit;

	cell->credit = 0;
	if (unlikely(old != 0))
		back += fetch(cells, old, cell) +
			fetch(cells, __atomic_load_n(&l->cell, __ATOMIC_RELAXED), cell);
	if (back == 0)
		return;
	/* relaxed: sums that stand for themselves */
	__atomic_fetch_add(&l->left, back, __ATOMIC_RELAXED);
	__atomic_fetch_add(&l->soft, back, __ATOMIC_RELAXED);
}

static int64_t share(int64_t of, uint32_t bytes)
{
	if (of > URR_NO_LIMIT / 64) /* there is no limit: what somebody keeps is not missed */
		return URR_NO_LIMIT >> 12;
	if (worker_count == 1)
		return of;
	return RTE_MAX(RTE_MIN(of / SHARE_PART, SHARE_MAX), (int64_t)bytes);
}

/* As much as there is sense in, out of both; false: not even so many bytes are left. Beyond the
 * threshold traffic goes on packet by packet. */
static bool get(struct urr_live *l, struct urr_cell *cell, uint32_t bytes)
{
	int64_t left = __atomic_load_n(&l->left, __ATOMIC_RELAXED), want;

	do {
		int64_t soft = __atomic_load_n(&l->soft, __ATOMIC_RELAXED);

		if (left < (int64_t)bytes)
			return false;
		want = RTE_MIN(share(left, bytes), RTE_MAX(share(soft, bytes), (int64_t)bytes));
	} while (!__atomic_compare_exchange_n(
		&l->left, &left, left - want, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	__atomic_fetch_sub(&l->soft, want, __ATOMIC_RELAXED);
	cell->credit = want;
	return true;
}

/* The quota is used up, unless main gave a new one meanwhile: it adds first and clears the bit
 * then, here the bit is set first, and then it is looked what there is (both sequentially
 * consistent). */
static bool use_up(struct urr_live *l, int64_t bytes)
{
	__atomic_fetch_or(&l->state, URR_USED, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&l->left, __ATOMIC_SEQ_CST) < bytes)
		return true;
	__atomic_fetch_and(&l->state, ~URR_USED, __ATOMIC_RELAXED);
	return false;
}

bool urr_more(struct worker *w, uint32_t session, uint32_t n, struct urr_cell *cell, uint32_t bytes)
{
	struct urr_live *l = &urr_live[cell->live];
	uint32_t state = __atomic_load_n(&l->state, __ATOMIC_RELAXED);

	give_back(w, l, cell);
	if (likely(!(state & (URR_USED | URR_USED_S)))) {
		do {
			if (get(l, cell, bytes))
				return true;
		} while (!use_up(l, bytes));
		state = __atomic_load_n(&l->state, __ATOMIC_RELAXED);
	}
	if ((state & URR_USED) && !(state & (URR_TOLD | URR_REPORTED)))
		tell(w, session, n, l);
	return false;
}

/* To the byte: nothing is left that could be asked for. Of several workers another may still have
 * some: there the first packet that is refused says so. */
static bool spent(struct urr_live *l, const struct urr_cell *cell)
{
	return cell->credit == 0 && worker_count == 1 &&
	       __atomic_load_n(&l->left, __ATOMIC_RELAXED) <= 0 && use_up(l, 1);
}

void urr_passed(struct worker *w, uint32_t session, uint32_t n, struct urr_cell *cell)
{
	struct urr_live *l = &urr_live[cell->live];
	bool due = false;

	/* sequentially consistent, as the load after it: either main, which takes traffic for
	 * stopped because it saw no packet, sees this one, or this one sees URR_WATCH
	 * (traffic_ends()) */
	if (cell->seen_s != w->now_s)
		__atomic_store_n(&cell->seen_s, w->now_s, __ATOMIC_SEQ_CST);
	if (unlikely(__atomic_load_n(&l->state, __ATOMIC_SEQ_CST) & URR_WATCH) &&
		(__atomic_fetch_and(&l->state, ~URR_WATCH, __ATOMIC_RELAXED) & URR_WATCH)) {
		__atomic_store_n(&l->first_s, w->now_s, __ATOMIC_RELAXED);
		/* release: with first_s, to urr_look() */
		__atomic_fetch_or(&l->state, URR_STARTED, __ATOMIC_RELEASE);
		due = true;
	}
	if (spent(l, cell))
		due = true;
	if (due || (cell->credit == 0 && __atomic_load_n(&l->soft, __ATOMIC_RELAXED) <= 0))
		tell(w, session, n, l);
}
