/* SPDX-License-Identifier: BSD-3-Clause */
/* The ways into a session: F-TEIDs, and the UE's addresses in a slice. Groups PDRs by them and
 * chooses TEIDs (TS 29.244 5.5). Main thread only.
 *
 * A way keeps its number as long as it is there: a TEID chosen here has the number in it, and so
 * have the entries of addresses. */
#include <rte_byteorder.h>
#include <stdio.h>
#include <string.h>

#include "hot.h"
#include "session_check.h"
#include "session_keys.h"
#include "session_plan.h"

static int fail_pdr(
	struct rpc_error *err, uint32_t i, const char *field, const char *want, const char *got)
{
	char path[64];

	snprintf(path, sizeof(path), "pdrs[%u].%s", i, field);
	return rpc_fail_value(err, path, want, got);
}

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
		return fail_pdr(err, i, "source",
			"the source of the other PDRs that have its F-TEID", "another");
	for (; k > 0 && item[w->pdr[k - 1]].precedence > item[i].precedence; k--)
		w->pdr[k] = w->pdr[k - 1];
	w->pdr[k] = i;
	if (k == 0 || item[w->pdr[k - 1]].precedence != item[i].precedence)
		return 0;
	snprintf(got, sizeof(got), "%u", item[i].precedence);
	return fail_pdr(err, i, "precedence",
		"another precedence than that of a PDR that sees the same packets", got);
}

static int group_pdrs(struct plan *p, struct rpc_error *err)
{
	const struct api_pdrs *pdrs = &p->put->pdrs;
	int way[LIMIT_SESSION_PDRS];

	for (uint32_t i = 0; i < pdrs->count; i++) {
		way[i] = session_way(p->put, i);
		if (way[i] < WAY_UE)
			return fail_pdr(err, i, "gtpu", "an F-TEID", "none");
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
