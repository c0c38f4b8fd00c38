/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiles a session into the block that workers read: groups, their rules, acts with meters,
 * peers and places to count. Main thread only. Owns nothing: what it takes (rules, rates, peers)
 * belongs to the block from then on. */
#include <errno.h>
#include <rte_byteorder.h>
#include <stdio.h>
#include <string.h>

#include "peer.h"
#include "qer.h"
#include "rules.h"
#include "schema.h"
#include "session_private.h"

/* ---- laying out ---- */

struct build {
	struct plan *p;
	struct session_block *b;
	uint32_t units; /* of 16 bytes, so far */
	uint32_t more;	/* where struct session_mores begin */
};

static void *add(struct build *at, uint32_t bytes)
{
	void *here = (uint8_t *)at->b + 16 * at->units;

	at->units += (bytes + 15) / 16;
	return here;
}

static struct session_more *more_of(struct build *at, struct session_act *a)
{
	if (a->more == 0) {
		a->more = at->units;
		add(at, sizeof(struct session_more));
	}
	return (struct session_more *)((uint8_t *)at->b + 16u * a->more);
}

/* ---- where to ---- */

static int fail_field(struct rpc_error *err, const char *list, uint32_t i, const char *field,
	int rc, const char *what, long long limit)
{
	snprintf(err->path, sizeof(err->path), "%s[%u]%s", list, i, field);
	return fail_room(err, rc, what, limit);
}

/* The own address it is sent from, when the FAR does not say: one of the destination's interface
 * and the peer's family, of those that the session's packets come to if there is one. */
static uint16_t sender_of(
	const struct plan *p, const struct api_far *far, const struct api_outer_header *o)
{
	if (o->gtpu_id != 0)
		return o->gtpu_id;
	for (uint32_t k = 0; k < p->ways; k++) {
		const struct api_gtpu *cfg = gtpu_config(p->way[k].gtpu);

		if (p->way[k].gtpu != 0 && cfg != NULL && cfg->interface == far->destination &&
			cfg->address.family == o->peer.family)
			return p->way[k].gtpu;
	}
	return gtpu_find(far->destination, o->peer.family);
}

static int take_peer(const struct plan *p, uint32_t far, const struct api_outer_header *o,
	const char *field, uint16_t *id, struct rpc_error *err)
{
	uint16_t gtpu = sender_of(p, &p->put->fars.item[far], o);
	const struct api_gtpu *cfg = gtpu != 0 ? gtpu_config(gtpu) : NULL;
	char path[64];
	int rc;

	if (cfg == NULL || cfg->address.family != o->peer.family) {
		snprintf(path, sizeof(path), "fars[%u].%s.gtpu", far, field);
		return rpc_fail_value(err, path,
			o->peer.family == 4 ? "a gtpu with an IPv4 address to send from"
					    : "a gtpu with an IPv6 address to send from",
			cfg == NULL ? "none" : cfg->name);
	}
	rc = peer_take(gtpu, &o->peer, id);
	if (rc == -EADDRINUSE) {
		char address[64];

		snprintf(path, sizeof(path), "fars[%u].%s.peer", far, field);
		api_ip_format(&o->peer, false, address);
		return rpc_fail_value(
			err, path, "another box's address: this one is a gtpu here", address);
	}
	snprintf(path, sizeof(path), ".%s.peer", field);
	return rc == 0 ? 0 : fail_field(err, "fars", far, path, rc, "the peer", LIMIT_TUNNELS);
}

static int build_forward(struct build *at, const struct way *w, const struct plan_act *key,
	struct session_act *a, struct rpc_error *err)
{
	const struct api_far *far = &at->p->put->fars.item[key->far];

	if (far->outer_header.teid != 0) {
		a->what = ACT_GTPU;
		a->teid_be = rte_cpu_to_be_32(far->outer_header.teid);
		if (take_peer(at->p, key->far, &far->outer_header, "outer_header", &a->peer, err))
			return -1;
	} else if (far->destination == INTERFACE_ACCESS) {
		a->what = ACT_NO_WAY;
	} else {
		a->what = ACT_SLICE;
		a->slice = far->slice_id != 0 ? far->slice_id : at->p->put->slice_id;
	}
	if (key->qfi != QFI_NONE && a->what == ACT_GTPU) {
		a->qfi = key->qfi;
		a->flags |= ACT_PSC | (far->destination == INTERFACE_CORE ? ACT_UL_PSC : 0);
	}
	if (far->duplicate_to.teid != 0) {
		struct session_more *more = more_of(at, a);

		if (take_peer(at->p, key->far, &far->duplicate_to, "duplicate_to", &more->copy_peer,
			    err))
			return -1;
		more->copy_teid_be = rte_cpu_to_be_32(far->duplicate_to.teid);
		a->flags |= ACT_DUPLICATE;
	}
	if (far->redirect.family != 0 && a->what == ACT_SLICE) {
		struct session_more *more = more_of(at, a);

		more->redirect_family = far->redirect.family;
		memcpy(more->redirect, far->redirect.bytes, sizeof(more->redirect));
		a->flags |= ACT_REDIRECT;
	}
	return 0;
}

static bool gate_closed(const struct plan *p, const struct way *w, const struct plan_act *key)
{
	for (uint32_t i = 0; i < key->n_qers; i++) {
		const struct api_qer *q = &p->put->qers.item[key->qer[i]];

		if ((w->source == INTERFACE_ACCESS ? q->gate_ul : q->gate_dl) == GATE_CLOSED)
			return true;
	}
	return false;
}

static int build_meters(struct build *at, const struct way *w, const struct plan_act *key,
	struct session_act *a, struct rpc_error *err)
{
	bool up = w->source == INTERFACE_ACCESS;
	uint32_t n = 0, rate;

	for (uint32_t i = 0; i < key->n_qers; i++) {
		const struct api_qer *q = &at->p->put->qers.item[key->qer[i]];
		uint8_t bucket = at->p->bucket_of[key->qer[i]][!up];

		if (bucket == NO_BUCKET)
			continue;
		int rc = rate_take(up ? q->mbr_ul_bps : q->mbr_dl_bps,
			up ? q->gbr_ul_bps : q->gbr_dl_bps, q->burst_ms, &rate);

		if (rc != 0)
			return fail_field(
				err, "qers", key->qer[i], "", rc, "its rates", LIMIT_RATES);
		if (n < RTE_DIM(a->meter)) {
			a->meter[n] = QER_REF(rate, bucket);
		} else {
			struct session_more *more = more_of(at, a);

			more->meter[more->meters++] = QER_REF(rate, bucket);
		}
		n++;
		a->flags |= ACT_METERED;
	}
	return 0;
}

static int build_act(struct build *at, const struct way *w, const struct plan_act *key,
	struct session_act *a, struct rpc_error *err)
{
	const struct plan *p = at->p;
	const struct api_far *far = &p->put->fars.item[key->far];

	a->far = key->far;
	a->slice = w->gtpu != 0 ? p->put->slice_id : w->slice;
	a->tos = far->dscp == DSCP_COPY ? TOS_PEER : far->dscp << 2;
	a->measured = key->urrs;
	a->urrs = key->urrs & told_places(&p->put->urrs);
	a->flags = a->urrs != 0 ? ACT_URRS : 0;
	if (far->action == FAR_DROP) {
		a->what = ACT_DROP;
	} else if (gate_closed(p, w, key)) {
		a->what = ACT_GATE;
	} else if (far->action == FAR_BUFFER) {
		a->what = ACT_HOLD;
		/* its end marker, when another tunnel takes over */
		a->teid_be = rte_cpu_to_be_32(far->outer_header.teid);
		if (far->outer_header.teid != 0 &&
			take_peer(p, key->far, &far->outer_header, "outer_header", &a->peer, err))
			return -1;
		a->flags |= far->notify_cp ? ACT_NOTIFY : 0;
	} else if (build_forward(at, w, key, a, err) != 0) {
		return -1;
	}
	return build_meters(at, w, key, a, err);
}

/* ---- rules ---- */

static int build_rules(const struct plan *p, const struct way *w, const uint8_t *act_of,
	uint32_t *index, struct rpc_error *err)
{
	struct rule rule[LIMIT_SESSION_PDRS];

	for (uint32_t k = 0; k < w->pdrs; k++) {
		const struct api_pdr *pdr = &p->put->pdrs.item[w->pdr[k]];
		struct filter_list list = filters_get(p->made[w->pdr[k]].filters);

		/* packets to the UE's addresses come without a QFI: there it is what is marked */
		rule[k] = (struct rule){.act = act_of[k],
			.qfi = w->gtpu != 0 ? pdr->qfi : QFI_NONE,
			.n_filters = list.n,
			.n_ethernet = list.n_ethernet,
			.filter = list.filter,
			.ethernet = list.ethernet};
	}
	int rc = rules_take(rule, w->pdrs, index);

	if (rc == 0)
		return 0;
	return fail_field(err, "pdrs", w->pdr[0], ".filters", rc, "the filters of one way in",
		RULES_MAX_FILTERS);
}

/* ---- the block ---- */

static int build_group(struct build *at, uint32_t k, struct rpc_error *err)
{
	struct plan *p = at->p;
	const struct way *w = &p->way[k];
	const struct plan_acts *acts = &p->acts_of[k];
	struct session_group *g;

	((uint8_t *)at->b)[offsetof(struct session_block, at) + w->number] = at->units;
	g = add(at, sizeof(*g) + acts->n * sizeof(struct session_act));
	g->teid_be = rte_cpu_to_be_32(w->teid);
	g->slice = w->gtpu != 0 ? p->put->slice_id : w->slice;
	g->gtpu = w->gtpu;
	g->vlan = w->vlan;
	g->flags = (w->source == INTERFACE_ACCESS ? GROUP_UPLINK : 0) |
		   (w->gtpu != 0 ? GROUP_REMOVE : 0);
	g->acts = acts->n;
	return build_rules(p, w, acts->of, &g->rules, err);
}

/* After all groups: what acts need beside themselves stands behind them. */
static int build_acts(struct build *at, uint32_t k, struct rpc_error *err)
{
	struct plan *p = at->p;
	const struct way *w = &p->way[k];
	const struct session_group *g = session_group_at(at->b, w->number);
	struct session_act *act = (struct session_act *)(uintptr_t)session_acts(g);
	const struct plan_acts *acts = &p->acts_of[k];

	for (uint32_t i = 0; i < acts->n; i++) {
		act[i].cell = p->act[p->acts].cell;
		p->acts++;
		if (build_act(at, w, &acts->act[i], &act[i], err) != 0)
			return -1;
	}
	return 0;
}

static void build_head(struct build *at)
{
	struct plan *p = at->p;
	struct session_block *b = at->b;
	const struct api_ue *ue = &p->put->ue;
	uint32_t be;

	b->slice = p->put->slice_id;
	b->flags = p->ethernet ? SESSION_ETHERNET : 0;
	if (ue->ipv4.family != 0) {
		memcpy(&be, ue->ipv4.bytes, 4);
		b->ue4 = rte_be_to_cpu_32(be);
	}
	if (ue->ipv6.family != 0 && ue->ipv6.len == 64) {
		memcpy(&b->ue6, ue->ipv6.bytes, 8);
		b->ue6 = rte_be_to_cpu_64(b->ue6);
	}
	if (ue->framed.count > 0 || (ue->ipv6.family != 0 && ue->ipv6.len != 64))
		b->flags |= SESSION_FRAMED;
	for (uint32_t k = 0; k < p->ways; k++)
		b->groups = RTE_MAX(b->groups, p->way[k].number + 1);
	at->units = b->groups > 8 || (b->flags & SESSION_FRAMED) ? 3 : 2;
}

static void build_prefix(struct session_prefix *to, const struct api_ip *ip)
{
	to->family = ip->family;
	to->len = ip->len;
	memcpy(to->bytes, ip->bytes, sizeof(to->bytes));
}

/* What workers know the UE by beside ue4 and ue6, whether or not a slice routes it here. */
static void build_prefixes(struct build *at)
{
	const struct api_ue *ue = &at->p->put->ue;
	uint8_t *place = (uint8_t *)at->b + offsetof(struct session_block, at) + SESSION_PREFIXES;
	bool own6 = ue->ipv6.family != 0 && ue->ipv6.len != 64;

	if (!(at->b->flags & SESSION_FRAMED))
		return;
	place[0] = at->units;
	place[1] = ue->framed.count + own6;
	struct session_prefix *to = add(at, place[1] * sizeof(*to));

	for (uint32_t i = 0; i < ue->framed.count; i++)
		build_prefix(&to[i], &ue->framed.item[i]);
	if (own6)
		build_prefix(&to[ue->framed.count], &ue->ipv6);
}

/* Numbers that no way has lead to a group of nothing. */
static void build_holes(struct build *at)
{
	uint8_t *place = (uint8_t *)at->b + offsetof(struct session_block, at);
	uint32_t hole = 0;

	for (uint32_t i = 0; i < at->b->groups; i++) {
		if (place[i] != 0)
			continue;
		if (hole == 0) {
			hole = at->units;
			add(at, sizeof(struct session_group));
		}
		place[i] = hole;
	}
}

int plan_build(struct plan *p, struct rpc_error *err)
{
	struct build at = {.p = p, .b = (struct session_block *)p->block};
	int rc = 0;

	memset(p->block, 0, sizeof(p->block));
	plan_cells(p);
	build_head(&at);
	build_prefixes(&at);
	for (uint32_t k = 0; k < p->ways && rc == 0; k++)
		rc = build_group(&at, k, err);
	if (rc == 0)
		build_holes(&at);
	p->acts = 0;
	for (uint32_t k = 0; k < p->ways && rc == 0; k++)
		rc = build_acts(&at, k, err);
	p->bytes = 16 * at.units;
	if (rc != 0)
		block_give(at.b);
	return rc;
}

/* ---- giving back ---- */

static void act_give(const struct session_block *b, const struct session_act *a)
{
	for (uint32_t i = 0; i < RTE_DIM(a->meter); i++)
		if (a->meter[i] != 0)
			rate_give(QER_RATE(a->meter[i]));
	if (a->peer != 0)
		peer_give(a->peer);
	if (a->more == 0)
		return;
	const struct session_more *more = (const void *)((const uint8_t *)b + 16u * a->more);

	for (uint32_t i = 0; i < more->meters; i++)
		rate_give(QER_RATE(more->meter[i]));
	if (more->copy_peer != 0)
		peer_give(more->copy_peer);
}

void block_give(const struct session_block *b)
{
	for (uint32_t i = 0; i < b->groups; i++) {
		if (((const uint8_t *)b)[offsetof(struct session_block, at) + i] == 0)
			continue; /* not yet built */
		const struct session_group *g = session_group_at(b, i);

		for (uint32_t k = 0; k < g->acts; k++)
			act_give(b, &session_acts(g)[k]);
		if (g->acts > 0)
			rules_give(g->rules);
	}
}

int fail_room(struct rpc_error *err, int rc, const char *what, long long limit)
{
	if (rc == -ENOSPC) {
		rpc_fail(err, RPC_ERR_CAPACITY, "no room for %s: a box holds at most %lld", what,
			limit);
		err->limit = limit;
		return -1;
	}
	return rpc_fail(err, RPC_ERR_INTERNAL, "out of memory for %s", what);
}
