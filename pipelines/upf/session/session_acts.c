/* SPDX-License-Identifier: BSD-3-Clause */
/* What PDRs do, as few different things as possible, and where each is counted and metered. Called
 * by session_build.c on the main thread; owns nothing.
 *
 * An act that was there before (the same way in, FAR, QERs, URRs, QFI) keeps its cell, so its
 * counters go on; a cell that a worker may still count in is never another act's. When that finds
 * no room, the session gets other cells, and what was counted is folded (session_commit.c). */
#include "session_acts.h"

#include <rte_byteorder.h>
#include <string.h>

#include "hold.h"

/* Do both forward packets in the same way? */
static bool far_alike(const struct api_far *a, const struct api_far *b)
{
	const struct api_outer_header *x = &a->outer_header, *y = &b->outer_header;

	return a->action == FAR_FORWARD && b->action == FAR_FORWARD &&
	       a->destination == b->destination && a->slice_id == b->slice_id &&
	       a->dscp == b->dscp && x->teid == y->teid && x->gtpu_id == y->gtpu_id &&
	       memcmp(&x->peer, &y->peer, sizeof(x->peer)) == 0 && a->duplicate_to.teid == 0 &&
	       b->duplicate_to.teid == 0 && a->redirect.family == 0 && b->redirect.family == 0;
}

uint8_t place_of_far(const struct api_session *s, uint32_t id)
{
	uint32_t i = 0, first = 0;

	while (i + 1 < s->fars.count && s->fars.item[i].id != id)
		i++;
	while (first < i && !far_alike(&s->fars.item[first], &s->fars.item[i]))
		first++;
	return first;
}

static uint8_t place_of_qer(const struct api_session *s, uint32_t id)
{
	uint32_t i = 0;

	while (i + 1 < s->qers.count && s->qers.item[i].id != id)
		i++;
	return i;
}

static uint32_t places_of_urrs(const struct api_session *s, const struct api_ids *ids)
{
	uint32_t places = 0;

	for (uint32_t k = 0; k < ids->count; k++)
		for (uint32_t i = 0; i < s->urrs.count; i++)
			if (s->urrs.item[i].id == ids->item[k])
				places |= 1u << i;
	return places;
}

static void act_of(const struct api_session *s, const struct api_pdr *pdr, struct plan_act *a)
{
	memset(a, 0, sizeof(*a));
	a->far = place_of_far(s, pdr->far);
	a->qfi = QFI_NONE;
	a->n_qers = pdr->qers.count;
	for (uint32_t i = 0; i < pdr->qers.count; i++) {
		a->qer[i] = place_of_qer(s, pdr->qers.item[i]);
		if (a->qfi == QFI_NONE)
			a->qfi = s->qers.item[a->qer[i]].qfi;
	}
	if (a->qfi == QFI_NONE)
		a->qfi = pdr->qfi;
	a->urrs = places_of_urrs(s, &pdr->urrs);
}

void plan_acts(const struct api_session *s, const uint8_t *pdr, uint32_t n, struct plan_acts *out)
{
	out->n = 0;
	for (uint32_t k = 0; k < n; k++) {
		struct plan_act *a = &out->act[out->n];
		uint32_t i = 0;

		act_of(s, &s->pdrs.item[pdr[k]], a);
		while (memcmp(&out->act[i], a, sizeof(*a)) != 0)
			i++;
		out->n = RTE_MAX(out->n, i + 1);
		out->of[k] = i;
	}
}

uint32_t told_places(const struct api_urrs *urrs)
{
	uint32_t places = 0;

	for (uint32_t i = 0; i < urrs->count; i++)
		if (urr_wants_credit(&urrs->item[i]))
			places |= 1u << i;
	return places;
}

/* ---- buckets ---- */

uint32_t bucket_numbers(const struct api_qers *qers, bool home, uint8_t (*number)[2])
{
	uint32_t n = 0, at_home[2] = {0, HOME_BUCKETS_DOWN};

	for (uint32_t i = 0; i < qers->count; i++) {
		const struct api_qer *q = &qers->item[i];
		uint64_t rate[2][2] = {
			{q->mbr_ul_bps, q->gbr_ul_bps}, {q->mbr_dl_bps, q->gbr_dl_bps}};

		for (uint32_t d = 0; d < 2; d++) {
			number[i][d] = NO_BUCKET;
			if (rate[d][0] == 0 && rate[d][1] == 0)
				continue;
			number[i][d] = home ? at_home[d]++ : n;
			n += rate[d][1] != 0 ? 2 : 1;
		}
	}
	return n;
}

/* ---- cells ---- */

/* Of a session as it was: which cells it uses. */
struct used {
	bool cell[256];
};

/* The PDRs of a group of an unpacked session, by precedence. */
static uint32_t pdrs_of_group(const struct session_model *m, uint32_t group, uint8_t *pdr)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->cfg.pdrs.count; i++) {
		uint32_t k = n;

		if (m->made[i].group != group)
			continue;
		for (; k > 0 && m->pdr[pdr[k - 1]].precedence > m->pdr[i].precedence; k--)
			pdr[k] = pdr[k - 1];
		pdr[k] = i;
		n++;
	}
	return n;
}

uint32_t session_pdr_id(uint32_t session, uint8_t group, uint8_t rule)
{
	static struct session_model m;
	uint8_t pdr[LIMIT_SESSION_PDRS];

	if (session_cold == NULL || session_cold[session].now.pack == 0)
		return 0;
	session_unpack(pool_at(&pack_pool, 0, session_cold[session].now.pack), &m);
	return rule < pdrs_of_group(&m, group, pdr) ? m.pdr[pdr[rule]].id : 0;
}

/* The same by ids, in two sessions? */
static bool same_act(const struct api_session *s, const struct plan_act *a,
	const struct api_session *t, const struct plan_act *b)
{
	uint32_t n = 0;

	if (s->fars.item[a->far].id != t->fars.item[b->far].id || a->qfi != b->qfi ||
		a->n_qers != b->n_qers)
		return false;
	for (uint32_t i = 0; i < a->n_qers; i++)
		if (s->qers.item[a->qer[i]].id != t->qers.item[b->qer[i]].id)
			return false;
	for (uint32_t i = 0; i < s->urrs.count; i++) {
		uint32_t k = 0;

		if (!(a->urrs >> i & 1))
			continue;
		while (k < t->urrs.count && t->urrs.item[k].id != s->urrs.item[i].id)
			k++;
		if (k == t->urrs.count || !(b->urrs >> k & 1))
			return false;
		n++;
	}
	return n == (uint32_t)__builtin_popcount(b->urrs);
}

/* The cell of the same act of the same way before; 0: there was none. */
static uint8_t cell_before(const struct plan *p, const struct way *w, const struct plan_act *a)
{
	uint8_t pdr[LIMIT_SESSION_PDRS];
	struct plan_acts acts;

	if (p->old == NULL || w->number >= p->old_block->groups)
		return 0;
	const struct session_group *g = session_group_at(p->old_block, w->number);

	if (g->acts == 0 || g->teid_be != rte_cpu_to_be_32(w->teid) || g->gtpu != w->gtpu ||
		(w->gtpu == 0 && g->slice != w->slice))
		return 0;
	plan_acts(&p->old->cfg, pdr, pdrs_of_group(p->old, w->number, pdr), &acts);
	for (uint32_t i = 0; i < acts.n; i++)
		if (same_act(&p->old->cfg, &acts.act[i], p->put, a))
			return session_acts(g)[i].cell;
	return 0;
}

static void used_before(const struct plan *p, struct used *used)
{
	const struct session_block *b = p->old_block;
	uint32_t told = told_places(&p->old->cfg.urrs);

	memset(used, 0, sizeof(*used));
	used->cell[0] = true;
	for (uint32_t i = 0; i < LIMIT_SESSION_URRS; i++)
		used->cell[1 + i] = told >> i & 1;
	for (uint32_t i = 0; i < b->groups; i++) {
		const struct session_group *g = session_group_at(b, i);

		for (uint32_t k = 0; k < g->acts; k++)
			used->cell[session_acts(g)[k].cell] = true;
	}
}

/* Credit cells go by the URR's place: may it be where it was, or where nothing was? */
static bool credit_fits(const struct plan *p, uint32_t told, struct used *used)
{
	const struct api_urrs *was = &p->old->cfg.urrs;
	uint32_t told_before = told_places(was);

	for (uint32_t i = 0; i < p->put->urrs.count; i++) {
		bool same = i < was->count && was->item[i].id == p->put->urrs.item[i].id &&
			    (told_before >> i & 1);

		if (!(told >> i & 1))
			continue;
		if (used->cell[1 + i] && !same)
			return false;
		used->cell[1 + i] = true;
	}
	return true;
}

/* Where an act that is new may count; 0: at home, where its place is another's. */
static uint32_t free_cell(const struct plan *p, const struct used *used, bool uplink)
{
	uint32_t cell = uplink ? HOME_UP : HOME_DOWN;

	if (p->home)
		return used->cell[cell] ? 0 : cell;
	for (cell = 1; used->cell[cell];)
		cell++;
	return cell;
}

/* Cells for the acts of all ways, beside those that are in use; stay: what was there before has
 * the one it had. False: there is one without. */
static bool act_cells(struct plan *p, struct used *used, bool stay)
{
	struct plan_acts acts;

	p->acts = 0;
	p->cells = 1;
	for (uint32_t i = 0; i < RTE_DIM(used->cell); i++)
		p->cells = used->cell[i] ? i + 1 : p->cells;
	for (uint32_t k = 0; k < p->ways; k++) {
		const struct way *w = &p->way[k];
		bool uplink = w->source == INTERFACE_ACCESS;

		plan_acts(p->put, w->pdr, w->pdrs, &acts);
		for (uint32_t i = 0; i < acts.n; i++) {
			uint32_t cell = stay ? cell_before(p, w, &acts.act[i]) : 0;

			if (cell == 0)
				cell = free_cell(p, used, uplink);
			if (cell == 0)
				return false;
			used->cell[cell] = true;
			p->cells = RTE_MAX(p->cells, cell + 1);
			p->act[p->acts++] = (struct urr_act){
				.cell = cell, .urrs = acts.act[i].urrs, .uplink = uplink};
		}
	}
	return true;
}

/* Buckets go on where all that stay have the number they had, and no new one has an old one's. */
static bool buckets_fit(const struct plan *p)
{
	uint8_t was[LIMIT_SESSION_QERS][2];
	const struct api_qers *old = &p->old->cfg.qers, *next = &p->put->qers;

	if (p->buckets != p->old_state->bucket_count && !p->home)
		return false;
	if (p->buckets == 0 && p->old_state->bucket_count == 0)
		return true;
	if (old->count > next->count)
		return false;
	bucket_numbers(old, p->home, was);
	for (uint32_t i = 0; i < old->count; i++)
		if (old->item[i].id != next->item[i].id ||
			memcmp(was[i], p->bucket_of[i], sizeof(was[i])) != 0)
			return false;
	return true;
}

/* At most one act and two plain buckets each way, and no credit. */
static bool fits_home(const struct plan *p, uint32_t told)
{
	const struct api_qers *qers = &p->put->qers;
	uint32_t acts[2] = {0}, buckets[2] = {0};
	struct plan_acts all;

	if (p->ethernet || told != 0)
		return false;
	for (uint32_t k = 0; k < p->ways; k++) {
		plan_acts(p->put, p->way[k].pdr, p->way[k].pdrs, &all);
		acts[p->way[k].source == INTERFACE_ACCESS] += all.n;
	}
	for (uint32_t i = 0; i < qers->count; i++) {
		const struct api_qer *q = &qers->item[i];

		if (q->gbr_ul_bps != 0 || q->gbr_dl_bps != 0)
			return false;
		buckets[0] += q->mbr_dl_bps != 0;
		buckets[1] += q->mbr_ul_bps != 0;
	}
	return acts[0] <= 1 && acts[1] <= 1 && buckets[0] <= 2 && buckets[1] <= 2;
}

/* All where it was, and room there for what is new? */
static bool cells_stay(struct plan *p, uint32_t told)
{
	struct used used;

	if (p->old == NULL || p->home != SESSION_IS_HOME(p->old_block->cells))
		return false;
	/* of the same transaction: what vanished with it is folded when workers have this one */
	if (session_block[p->index] != p->old_block)
		return false;
	used_before(p, &used);
	if (!credit_fits(p, told, &used) || !buckets_fit(p) || !act_cells(p, &used, true))
		return false;
	return p->home || cell_units(p->cells, p->buckets) <= p->old_state->cell_units;
}

void plan_cells(struct plan *p)
{
	uint32_t told = told_places(&p->put->urrs);
	struct used used = {.cell = {true}};

	p->home = fits_home(p, told);
	p->homeless = false;
	p->buckets = bucket_numbers(&p->put->qers, p->home, p->bucket_of);
	p->cells_stay = cells_stay(p, told);
	if (p->cells_stay)
		return;
	/* a cell that workers may still count in is nobody else's */
	if (p->home && session_cold[p->index].home) {
		p->home = false;
		p->homeless = true;
		p->buckets = bucket_numbers(&p->put->qers, false, p->bucket_of);
	}
	for (uint32_t i = 0; (uint64_t)told >> i != 0; i++)
		used.cell[1 + i] = true;
	act_cells(p, &used, false);
}
