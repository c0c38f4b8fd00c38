/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session is to become, worked out before anything is taken: its ways in, what its PDRs do
 * (as few different things as possible, and where each is counted and metered), and the slices that
 * Ethernet sessions are doors of. Main thread; owns nothing.
 *
 * Where all cells of before go on counting for the same direction and URRs, and credit and buckets
 * are where they were, they stay, and counters go on; else the session gets other cells, since a
 * worker may still count in the old ones, and what was counted is folded (session_commit.c). */
#include "session_private.h"

#include <rte_byteorder.h>
#include <stdio.h>
#include <string.h>

#include "hold.h"
#include "hot.h"
#include "session_check.h"

/* ==== ways in ==== */

/* ---- grouping ---- */

/* The TEID that was chosen for (gtpu, CHOOSE ID) before; 0: none. */
static uint32_t chosen_before(const struct plan *p, const struct api_pdr *pdr)
{
	for (uint32_t i = 0; p->old != NULL && i < p->old->cfg.pdrs.count; i++) {
		const struct api_pdr *was = &p->old->pdr[i];

		if (was->gtpu_id == pdr->gtpu_id && was->choose_id == pdr->choose_id &&
			was->source == pdr->source && TEID_SESSION(was->teid) == p->index)
			return was->teid;
	}
	return 0;
}

static struct way *find_way(struct plan *p, const struct way *like)
{
	for (uint32_t k = 0; k < p->ways; k++) {
		struct way *w = &p->way[k];

		if (w->gtpu == like->gtpu && w->teid == like->teid && !w->choose &&
			(w->gtpu != 0 || w->slice == like->slice))
			return w;
	}
	return NULL;
}

/* The way of the first PDR with this F-TEID, or by the UE's addresses. */
static int add_way(struct plan *p, uint32_t i, bool by_ue, struct rpc_error *err)
{
	const struct api_pdr *pdr = &p->put->pdrs.item[i];
	struct way like = {.source = pdr->source}, *w;

	if (by_ue) {
		like.slice = pdr->slice_id != 0 ? pdr->slice_id : p->put->slice_id;
	} else {
		like.gtpu = pdr->gtpu_id;
		like.teid = pdr->teid != 0 ? pdr->teid : chosen_before(p, pdr);
		like.choose = like.teid == 0;
	}
	w = like.choose ? NULL : find_way(p, &like);
	if (w == NULL) {
		if (p->ways == SESSION_GROUPS) {
			rpc_fail(err, RPC_ERR_CAPACITY, "a session has at most %u ways in",
				SESSION_GROUPS);
			err->limit = SESSION_GROUPS;
			return -1;
		}
		w = &p->way[p->ways++];
		*w = like;
	}
	p->way_of[i] = w - p->way;
	return 0;
}

/* By precedence, lower first. */
static int add_pdr(struct plan *p, struct way *w, uint32_t i, struct rpc_error *err)
{
	const struct api_pdr *item = p->put->pdrs.item;
	uint32_t k = w->pdrs++;
	char got[16];

	if (w->source != item[i].source)
		return session_fail(err, "pdrs", i, "source",
			"the source of the other PDRs that have its F-TEID", "another");
	for (; k > 0 && item[w->pdr[k - 1]].precedence > item[i].precedence; k--)
		w->pdr[k] = w->pdr[k - 1];
	w->pdr[k] = i;
	if (k == 0 || item[w->pdr[k - 1]].precedence != item[i].precedence)
		return 0;
	snprintf(got, sizeof(got), "%u", item[i].precedence);
	return session_fail(err, "pdrs", i, "precedence",
		"another precedence than that of a PDR that sees the same packets", got);
}

static int group_pdrs(struct plan *p, struct rpc_error *err)
{
	const struct api_pdrs *pdrs = &p->put->pdrs;
	int way[LIMIT_SESSION_PDRS];

	for (uint32_t i = 0; i < pdrs->count; i++) {
		way[i] = session_way(p->put, i);
		if (way[i] < WAY_UE)
			return session_fail(err, "pdrs", i, "gtpu", "an F-TEID", "none");
		if ((way[i] == WAY_UE || way[i] == (int)i) &&
			add_way(p, i, way[i] == WAY_UE, err) != 0)
			return -1;
	}
	for (uint32_t i = 0; i < pdrs->count; i++) {
		if (way[i] != WAY_UE)
			p->way_of[i] = p->way_of[way[i]];
		if (add_pdr(p, &p->way[p->way_of[i]], i, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- numbers ---- */

static int number_before(const struct plan *p, const struct way *w)
{
	const struct session_block *b = p->old_block;

	for (uint32_t i = 0; b != NULL && i < b->groups; i++) {
		const struct session_group *g = session_group_at(b, i);

		if (g->acts > 0 && g->teid_be == rte_cpu_to_be_32(w->teid) &&
			(w->gtpu != 0 ? g->gtpu == w->gtpu : g->slice == w->slice))
			return i;
	}
	/* one that was put and reads as if it had been chosen for this session is as good as that
	 */
	return w->gtpu != 0 && TEID_SESSION(w->teid) == p->index ? (int)TEID_GROUP(w->teid) : -1;
}

static void number_ways(struct plan *p)
{
	uint32_t taken = 0;
	int before[SESSION_GROUPS];

	for (uint32_t k = 0; k < p->ways; k++) {
		before[k] = p->way[k].choose ? -1 : number_before(p, &p->way[k]);
		if (before[k] >= 0 && (taken >> before[k] & 1))
			before[k] = -1;
		if (before[k] >= 0)
			taken |= 1u << before[k];
		p->way[k].number = before[k];
	}
	for (uint32_t k = 0; k < p->ways; k++)
		if (before[k] < 0) {
			p->way[k].number = __builtin_ctz(~taken);
			taken |= 1u << p->way[k].number;
		}
}

/* ---- TEIDs ---- */

static bool is_put(const struct plan *p, const struct way *w, uint32_t teid)
{
	for (uint32_t k = 0; k < p->ways; k++)
		if (p->way[k].gtpu == w->gtpu && p->way[k].teid == teid)
			return true;
	return false;
}

static int choose_teid(struct plan *p, struct way *w, struct rpc_error *err)
{
	struct session_key key = {.kind = KEY_TEID, .where = w->gtpu};
	uint8_t salt = session_cold[p->index].salt;

	for (uint32_t tries = 0; tries < 256; tries++) {
		key.low =
			TEID_MAKE(p->index, w->number, (uint8_t)(++salt ^ session_salt(p->index)));
		if (key_owner(&key) != 0 || is_put(p, w, key.low))
			continue;
		session_cold[p->index].salt = salt;
		w->teid = key.low;
		return 0;
	}
	rpc_fail(err, RPC_ERR_CAPACITY, "others have put all TEIDs that could be chosen here");
	err->limit = 256;
	return -1;
}

int plan_ways(struct plan *p, struct rpc_error *err)
{
	if (group_pdrs(p, err) != 0)
		return -1;
	number_ways(p);
	for (uint32_t k = 0; k < p->ways; k++)
		if (p->way[k].choose && choose_teid(p, &p->way[k], err) != 0)
			return -1;
	p->cfg = *p->put;
	p->cfg.pdrs.item = p->pdr;
	for (uint32_t i = 0; i < p->cfg.pdrs.count; i++) {
		const struct way *w = &p->way[p->way_of[i]];

		p->pdr[i] = p->put->pdrs.item[i];
		if (p->pdr[i].gtpu_id != 0)
			p->pdr[i].teid = w->teid;
		p->made[i].group = w->number;
	}
	return 0;
}

/* ==== acts ==== */

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

/* In a list whose items begin with their ids; the last when it is nowhere. */
static uint32_t place_of(const void *items, size_t size, uint32_t count, uint32_t id)
{
	const char *at = items;
	uint32_t i = 0;

	while (i + 1 < count && *(const uint32_t *)(at + i * size) != id)
		i++;
	return i;
}

/* The FAR of a PDR. */
static uint32_t far_of(const struct api_session *s, uint32_t id)
{
	return place_of(s->fars.item, sizeof(s->fars.item[0]), s->fars.count, id);
}

uint8_t place_of_far(const struct api_session *s, uint32_t id)
{
	uint32_t i = far_of(s, id), first = 0;

	while (first < i && !far_alike(&s->fars.item[first], &s->fars.item[i]))
		first++;
	return first;
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
		a->qer[i] = place_of(
			s->qers.item, sizeof(s->qers.item[0]), s->qers.count, pdr->qers.item[i]);
		if (a->qfi == QFI_NONE)
			a->qfi = s->qers.item[a->qer[i]].qfi;
	}
	if (a->qfi == QFI_NONE)
		a->qfi = pdr->qfi;
	a->urrs = places_of_urrs(s, &pdr->urrs);
}

static void plan_acts(const struct api_session *s, const struct way *w, struct plan_acts *out)
{
	out->n = 0;
	for (uint32_t k = 0; k < w->pdrs; k++) {
		struct plan_act *a = &out->act[out->n];
		uint32_t i = 0;

		act_of(s, &s->pdrs.item[w->pdr[k]], a);
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

/* The same URRs, by their ids? Bits are places in the lists. */
static bool same_urrs(
	const struct api_urrs *a, uint32_t in_a, const struct api_urrs *b, uint32_t in_b)
{
	if (__builtin_popcount(in_a) != __builtin_popcount(in_b))
		return false;
	for (; in_a != 0; in_a &= in_a - 1) {
		uint32_t k = 0;

		while (k < b->count && b->item[k].id != a->item[__builtin_ctz(in_a)].id)
			k++;
		if (k == b->count || !(in_b >> k & 1))
			return false;
	}
	return true;
}

/* Credit cells go by the URR's place: is each where it was? */
static bool credit_fits(const struct plan *p, uint32_t told)
{
	const struct api_urrs *was = &p->old->cfg.urrs;

	if (told != told_places(was))
		return false;
	for (; told != 0; told &= told - 1) {
		uint32_t i = __builtin_ctz(told);

		if (was->item[i].id != p->put->urrs.item[i].id)
			return false;
	}
	return true;
}

/* Cells for the acts of all ways: at home, or one after the other behind those for credit. */
static void act_cells(struct plan *p, uint32_t told)
{
	uint32_t next = 1 + (told != 0 ? 32 - __builtin_clz(told) : 0);

	p->acts = 0;
	for (uint32_t k = 0; k < p->ways; k++) {
		const struct way *w = &p->way[k];
		const struct plan_acts *acts = &p->acts_of[k];
		bool uplink = w->source == INTERFACE_ACCESS;

		for (uint32_t i = 0; i < acts->n; i++) {
			uint32_t home = uplink ? HOME_UP : HOME_DOWN;

			p->act[p->acts++] = (struct urr_act){.cell = p->home ? home : next++,
				.urrs = acts->act[i].urrs,
				.uplink = uplink};
		}
	}
	p->cells = next;
}

/* The act that stood here before; NULL: none. */
static const struct session_act *act_before(const struct plan *p, const struct way *w, uint32_t i)
{
	const struct session_group *g = NULL;

	if (w->number < p->old_block->groups)
		g = session_group_at(p->old_block, w->number);
	return g != NULL && i < g->acts ? &session_acts(g)[i] : NULL;
}

/* Would every cell that was counted in go on counting for the same URRs and direction? */
static bool acts_fit(const struct plan *p)
{
	uint32_t n = 0, kept = 0, all = 0;

	for (uint32_t k = 0; k < p->ways; k++) {
		const struct way *w = &p->way[k];

		for (uint32_t i = 0; i < p->acts_of[k].n; i++, n++) {
			const struct session_act *was = act_before(p, w, i);

			if (was == NULL)
				continue;
			if (was->cell != p->act[n].cell ||
				!same_urrs(&p->old->cfg.urrs, was->measured, &p->put->urrs,
					p->act[n].urrs))
				return false;
			const struct session_group *g = session_group_at(p->old_block, w->number);

			if (!(g->flags & GROUP_UPLINK) == p->act[n].uplink)
				return false;
			kept++;
		}
	}
	for (uint32_t i = 0; i < p->old_block->groups; i++)
		all += session_group_at(p->old_block, i)->acts;
	return kept == all;
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

	if (p->ethernet || told != 0)
		return false;
	for (uint32_t k = 0; k < p->ways; k++)
		acts[p->way[k].source == INTERFACE_ACCESS] += p->acts_of[k].n;
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
static bool cells_stay(const struct plan *p, uint32_t told)
{
	if (p->old == NULL || p->home != SESSION_IS_HOME(p->old_block->cells))
		return false;
	/* of the same transaction: what vanished with it is folded when workers have this one */
	if (session_block[p->index] != p->old_block)
		return false;
	if (!credit_fits(p, told) || !buckets_fit(p) || !acts_fit(p))
		return false;
	return p->home || cell_units(p->cells, p->buckets) <= p->old_state->cell_units;
}

void plan_cells(struct plan *p)
{
	uint32_t told = told_places(&p->put->urrs);

	for (uint32_t k = 0; k < p->ways; k++)
		plan_acts(p->put, &p->way[k], &p->acts_of[k]);
	p->home = fits_home(p, told);
	p->homeless = false;
	p->buckets = bucket_numbers(&p->put->qers, p->home, p->bucket_of);
	act_cells(p, told);
	p->cells_stay = cells_stay(p, told);
	/* a cell that workers may still count in is nobody else's */
	if (p->cells_stay || !p->home || !session_cold[p->index].home)
		return;
	p->home = false;
	p->homeless = true;
	p->buckets = bucket_numbers(&p->put->qers, false, p->bucket_of);
	act_cells(p, told);
}

/* ==== frames ==== */

/* The slice that a FAR sends into; 0: none. */
static uint16_t slice_of(const struct api_session *s, const struct api_far *far)
{
	if (far->action != FAR_FORWARD || far->outer_header.teid != 0 ||
		far->destination != INTERFACE_CORE)
		return 0;
	return far->slice_id != 0 ? far->slice_id : s->slice_id;
}

/* Frames from a slice have been bridged: they go to the UE or to another UPF. */
static int check_pdr(const struct plan *p, uint32_t i, struct rpc_error *err)
{
	const struct api_pdr *pdr = &p->put->pdrs.item[i];
	uint32_t far = far_of(p->put, pdr->far);

	if (pdr->filters.count > 0)
		return session_fail(err, "pdrs", i, "filters",
			"none: an Ethernet session has Ethernet filters", "IP filters");
	if (p->way[p->way_of[i]].gtpu == 0 && slice_of(p->put, &p->put->fars.item[far]) != 0)
		return session_fail(err, "fars", far, "destination",
			"access, or an outer header: the frames of a PDR with this FAR come from "
			"a slice",
			"a slice");
	return 0;
}

/* Takes what a PDR with frames from or to the way's slice says of their tag. */
static int add_vlan(struct way *w, const struct plan *p, uint32_t i, struct rpc_error *err)
{
	const struct api_ethernet_filters *f = &p->put->pdrs.item[i].ethernet;
	char field[48], want[96], got[16];

	for (uint32_t k = 0; k < f->count; k++) {
		uint32_t vlan = f->item[k].vlan;

		if (vlan == 0 || vlan == w->vlan)
			continue;
		if (w->vlan == 0) {
			w->vlan = vlan;
			continue;
		}
		snprintf(field, sizeof(field), "ethernet[%u].vlan", k);
		snprintf(want, sizeof(want),
			"%u, as another filter says: frames of one slice have one tag", w->vlan);
		snprintf(got, sizeof(got), "%u", vlan);
		return session_fail(err, "pdrs", i, field, want, got);
	}
	return 0;
}

int plan_frames(struct plan *p, struct rpc_error *err)
{
	const struct api_session *s = p->put;

	for (uint32_t k = 0; k < p->ways; k++)
		p->way[k].vlan = 0;
	if (!p->ethernet)
		return 0;
	for (uint32_t i = 0; i < s->pdrs.count; i++)
		if (check_pdr(p, i, err) != 0)
			return -1;
	for (uint32_t i = 0; i < s->fars.count; i++)
		if (s->fars.item[i].redirect.family != 0)
			return session_fail(err, "fars", i, "redirect",
				"none: an Ethernet session is not routed", "an address");
	for (uint32_t k = 0; k < p->ways; k++)
		for (uint32_t i = 0; p->way[k].gtpu == 0 && i < s->pdrs.count; i++) {
			const struct api_far *far = &s->fars.item[far_of(s, s->pdrs.item[i].far)];

			if (p->way_of[i] != k && slice_of(s, far) != p->way[k].slice)
				continue;
			if (add_vlan(&p->way[k], p, i, err) != 0)
				return -1;
		}
	return 0;
}
