/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers that are chosen where an intent names none, when it is admitted, so that they are stored,
 * shown, and the same after any restart: VNIs of slices and networks, and the F-TEIDs of sessions
 * that were left to the UPF to choose (TS 29.244, 5.5.3). The store counts what is taken, so that a
 * run of taken ones of any length is passed by halving it. Owns the list of VNIs that no grant has,
 * for one transaction. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intent_private.h"
#include "teid.h"

#define NUMBER_TRIES	   256 /* where 95 % are taken, two sessions of a million find none */
#define NUMBER_TRIES_LEAST 8

/* How many are taken that are less, plus what is the same for all of these numbers. */
static uint32_t rank(const struct numbers *n, uint64_t number)
{
	char text[API_KEY_BYTES];

	if (n->kind == KEY_VNI)
		key_vni(text, number);
	else
		key_teid(text, n->site, n->gtpu, number);
	return objstore_rank(n->world->store, n->kind, text);
}

bool number_free(const struct numbers *n, uint32_t first, uint32_t last, uint32_t *number)
{
	uint32_t below = rank(n, first), low = first, high = last;

	if (rank(n, last + 1ull) - below == last + 1ull - first)
		return false;
	while (low < high) { /* the first one up to which not all are taken */
		uint32_t middle = low + (high - low) / 2;

		if (rank(n, middle + 1ull) - below == middle + 1ull - first)
			low = middle + 1;
		else
			high = middle;
	}
	*number = low;
	return true;
}

/* ---- VNIs ---- */

static uint32_t ranges_size(const struct intent_ranges *ranges)
{
	uint32_t size = 0;

	for (uint32_t i = 0; i < ranges->count; i++)
		size += ranges->item[i].last - ranges->item[i].first + 1;
	return size;
}

/* The first free one of ranges from `from` on, which is in ranges[at] or before it, then of those
 * before it. 0: none. */
static uint32_t first_free(
	const struct world *world, const struct intent_ranges *ranges, uint32_t at, uint32_t from)
{
	const struct numbers vnis = {.world = world, .kind = KEY_VNI};
	uint32_t vni;

	for (uint32_t i = 0; i <= ranges->count; i++) {
		const struct intent_range *range = &ranges->item[(at + i) % ranges->count];
		uint32_t first = i == 0 && from > range->first ? from : range->first;

		if (number_free(&vnis, first, range->last, &vni))
			return vni;
	}
	return 0;
}

static uint32_t choose_granted(
	const struct world *world, const struct intent_ranges *ranges, uint64_t hash)
{
	uint32_t offset = (uint32_t)(hash % ranges_size(ranges)), at = 0;
	const struct intent_range *range = ranges->item;

	for (; offset > range->last - range->first; range = &ranges->item[++at])
		offset -= range->last - range->first + 1;
	return first_free(world, ranges, at, range->first + offset);
}

static int range_compare(const void *a, const void *b)
{
	const struct intent_range *one = a, *other = b;

	return (one->first > other->first) - (one->first < other->first);
}

/* All ranges of grants, in order of their first. */
static struct intent_ranges granted_all(const struct world *world)
{
	struct intent_ranges all = {0};
	uint32_t room = 0;

	for (struct intent *i = world_first(world, INTENT_TENANT); i; i = world_next(i)) {
		const struct intent_ranges *vnis = &i->obj->tenant.vnis;

		for (uint32_t k = 0; k < vnis->count; k++)
			*(struct intent_range *)xarray_add(
				&all.item, &room, &all.count, sizeof(*all.item)) = vnis->item[k];
	}
	all.item = xreallocarray(all.item, all.count + 1, sizeof(*all.item));
	qsort(all.item, all.count, sizeof(*all.item), range_compare);
	return all;
}

/* Written over granted, which are in order of their first: each leaves at most one before it. */
static void complement(struct intent_ranges *granted)
{
	uint32_t next = VNI_FIRST, count = 0;

	for (uint32_t i = 0; i < granted->count; i++) {
		struct intent_range range = granted->item[i];

		if (range.first > next)
			granted->item[count++] = (struct intent_range){next, range.first - 1};
		if (range.last >= next)
			next = range.last + 1;
	}
	if (next <= VNI_LAST)
		granted->item[count++] = (struct intent_range){next, VNI_LAST};
	granted->count = count;
}

void vni_forget(struct world *world)
{
	free(world->ungranted.item);
	world->ungranted = (struct intent_ranges){0};
}

/* From the name among all, whatever is granted: boxes whose grants differ mostly choose the same.
 */
static uint32_t choose_ungranted(struct world *world, uint64_t hash)
{
	struct intent_ranges *ranges = &world->ungranted;
	uint32_t from = VNI_FIRST + (uint32_t)(hash % (VNI_LAST - VNI_FIRST + 1)), at = 0;

	if (!ranges->item) {
		*ranges = granted_all(world);
		complement(ranges);
	}
	while (at < ranges->count && ranges->item[at].last < from)
		at++;
	if (!ranges->count)
		return 0;
	return at < ranges->count ? first_free(world, ranges, at, from)
				  : first_free(world, ranges, 0, 0);
}

/* From the name, so that boxes that are told the same choose the same; the next free one where two
 * names meet. Among those of the tenant's grant, if it names any; else among those that are in
 * nobody's: what one tenant may ask for, another does not get by asking for none. Where grants name
 * all there are, operators' changes get one of these, as if they had named it. 0: none is left. */
static uint32_t choose_vni(
	struct world *world, const struct intent *intent, const struct intent_ranges *granted)
{
	static const struct intent_range range = {VNI_FIRST, VNI_LAST};
	static const struct intent_ranges all = {1, (struct intent_range *)&range};
	uint64_t hash = name_hash(NAME_HASH, intent->name);
	uint32_t vni;

	hash ^= hash >> 32;
	if (granted)
		return choose_granted(world, granted, hash);
	vni = choose_ungranted(world, hash);
	return vni || world->limited ? vni : choose_granted(world, &all, hash);
}

int vni_choose(struct world *world, struct intent *intent, struct rpc_error *err)
{
	const struct intent_tenant *grant = grant_of(world, intent);
	const struct intent_ranges *granted = grant && grant->vnis.count ? &grant->vnis : NULL;
	uint32_t *vni = intent_vni(intent->type, intent->obj);

	if (!vni || *vni)
		return 0;
	world_edit_begin(intent);
	*vni = choose_vni(world, intent, granted);
	world_edit_end(intent);
	if (*vni)
		return 0;
	if (granted)
		return rpc_fail(err, RPC_ERR_CAPACITY,
			"no VNI is left of those in tenant %s's grant", intent->tenant);
	return rpc_fail(err, RPC_ERR_CAPACITY,
		"no VNI is left of those that no tenant's grant names (vnis)");
}

/* ---- TEIDs ---- */

/* PDRs of one session with the same GTP-U address and choose_id have one F-TEID. */
static bool same_choice(const struct api_pdr *a, const struct api_pdr *b)
{
	return a->choose_id == b->choose_id && !strcmp(a->gtpu, b->gtpu);
}

static bool wants_teid(const struct api_pdr *pdr)
{
	return pdr->gtpu[0] && !pdr->teid;
}

static const struct api_pdr *find_id(const struct api_pdrs *pdrs, uint32_t id)
{
	for (uint32_t i = 0; i < pdrs->count; i++)
		if (pdrs->item[i].id == id)
			return &pdrs->item[i];
	return NULL;
}

/* A PDR is known by its id; one that is new may share what its neighbours had. */
static uint32_t teid_before(const struct api_pdrs *before, const struct api_pdr *pdr)
{
	const struct api_pdr *same = find_id(before, pdr->id);

	if (same && same_choice(same, pdr))
		return same->teid;
	for (uint32_t i = 0; i < before->count; i++)
		if (same_choice(&before->item[i], pdr))
			return before->item[i].teid;
	return 0;
}

bool fteid_keep(const union intent_object *before, union intent_object *obj)
{
	const struct api_pdrs *pdrs = &obj->session.session.pdrs;
	bool kept = false;

	if (!before || strcmp(before->session.site, obj->session.site))
		return false;
	for (uint32_t i = 0; i < pdrs->count; i++)
		if (wants_teid(&pdrs->item[i])) {
			pdrs->item[i].teid =
				teid_before(&before->session.session.pdrs, &pdrs->item[i]);
			kept |= pdrs->item[i].teid != 0;
		}
	return kept;
}

struct choice {
	struct world *world;
	const struct intent_session *intent;
	const char *gtpu;
	uint32_t first, last; /* what it may be */
	uint64_t hash;
};

/* The index is without them while the session is edited. */
static bool is_own(const struct choice *c, uint32_t teid)
{
	const struct api_pdrs *own = &c->intent->session.pdrs;

	for (uint32_t i = 0; i < own->count; i++)
		if (own->item[i].teid == teid && !strcmp(own->item[i].gtpu, c->gtpu))
			return true;
	return false;
}

/* 0: none is free. */
static uint32_t first_free_teid(const struct choice *c, uint64_t first, uint32_t last)
{
	const struct numbers teids = {c->world, KEY_TEID, c->intent->site, c->gtpu};
	uint32_t teid;

	for (; first <= last && number_free(&teids, (uint32_t)first, last, &teid);
		first = (uint64_t)teid + 1)
		if (!is_own(c, teid))
			return teid;
	return 0;
}

/* Of first..last, from `from` on, and then from the first on. */
static uint32_t free_from(const struct choice *c, uint32_t first, uint32_t last, uint32_t from)
{
	uint32_t teid = first_free_teid(c, from, last);

	return teid || from == first ? teid : first_free_teid(c, first, from - 1);
}

/* No session's at the site has a TEID that names it. */
static bool number_is_free(const struct choice *c, uint32_t number)
{
	const struct intent *site = world_find(c->world, INTENT_SITE, c->intent->site);
	char from[API_KEY_BYTES], to[API_KEY_BYTES];

	for (uint32_t i = 0; site && i < site->obj->site.gtpu.count; i++) {
		const char *gtpu = site->obj->site.gtpu.item[i].name;

		key_teid(from, c->intent->site, gtpu, TEID_MAKE(number, 0, 0));
		key_teid(to, c->intent->site, gtpu, TEID_MAKE(number, 15, 255) + 1ull);
		if (objstore_rank(c->world->store, KEY_TEID, from) !=
			objstore_rank(c->world->store, KEY_TEID, to))
			return false;
	}
	return true;
}

/* Fewer after each search that was in vain: a transaction of a thousand sessions of a tenant that
 * has all its numbers taken is soon done. */
static uint32_t number_tries(const struct world *world)
{
	uint32_t tries = NUMBER_TRIES;

	for (unsigned i = 0; i < world->numberless && tries > NUMBER_TRIES_LEAST; i++)
		tries /= 2;
	return tries;
}

/* Of two to four times as many as there are sessions: few are tried, and they lie close together in
 * the dataplane's memory. 0: none was free of those that were tried. */
static uint32_t choose_number(const struct choice *c)
{
	uint32_t first = TEID_SESSION(c->first), last = TEID_SESSION(c->last);
	uint32_t room = 1024, most = number_tries(c->world), number;

	if (first == 0)
		first = 1; /* nobody's */
	if (last > LIMIT_SESSIONS)
		last = LIMIT_SESSIONS;
	while (room < 2 * world_count(c->world, INTENT_SESSION) && room <= LIMIT_SESSIONS)
		room *= 2;
	if (first > last)
		return 0;
	if (room > last - first + 1)
		room = last - first + 1;
	for (uint64_t tries = 0; tries < most; tries++) {
		uint64_t mixed = (c->hash + tries) * 0x9e3779b97f4a7c15;

		number = first + (uint32_t)((mixed >> 32) % room);
		if (number_is_free(c, number))
			return number;
	}
	c->world->numberless++;
	return 0;
}

/* The one that a TEID names which the session has already. */
static uint32_t number_before(const struct choice *c)
{
	const struct api_pdrs *pdrs = &c->intent->session.pdrs;

	for (uint32_t i = 0; i < pdrs->count; i++)
		if (TEID_SESSION(pdrs->item[i].teid))
			return TEID_SESSION(pdrs->item[i].teid);
	return 0;
}

static bool group_is_free(const struct choice *c, uint32_t number, uint32_t group)
{
	const struct api_pdrs *pdrs = &c->intent->session.pdrs;

	for (uint32_t i = 0; i < pdrs->count; i++)
		if (TEID_SESSION(pdrs->item[i].teid) == number &&
			TEID_GROUP(pdrs->item[i].teid) == group)
			return false;
	return true;
}

/* In the form by which the dataplane finds the session without a table; 0: none is left. */
static uint32_t choose_in_form(const struct choice *c)
{
	uint32_t number = number_before(c), group = 0, first, last, from;

	if (!number)
		number = choose_number(c);
	while (group < LIMIT_SESSION_TEIDS && !group_is_free(c, number, group))
		group++;
	if (!number || group == LIMIT_SESSION_TEIDS)
		return 0;
	first = TEID_MAKE(number, group, 0);
	last = TEID_MAKE(number, group, 255);
	from = TEID_MAKE(number, group, (uint8_t)c->hash);
	if (first < c->first)
		first = c->first;
	if (last > c->last)
		last = c->last;
	if (first > last)
		return 0;
	return free_from(c, first, last, from < first || from > last ? first : from);
}

static uint32_t choose_any(const struct choice *c)
{
	uint32_t size = c->last - c->first + 1, at = (uint32_t)(c->hash ^ c->hash >> 32) % size;

	return free_from(c, c->first, c->last, c->first + at);
}

/* From the names, so that a box that is told the same again mostly chooses the same. Within the
 * tenant's grant, where it names the address. 0 is no TEID of a tunnel (TS 29.281, 5.1), and means
 * here that none is left. */
static uint32_t choose_teid(
	struct world *world, const struct intent *intent, const struct api_pdr *pdr)
{
	const struct intent_session *session = &intent->obj->session;
	const struct intent_tenant *grant = grant_of(world, intent);
	const struct intent_grant_gtpu *gtpu =
		grant ? grant_gtpu(grant, session->site, pdr->gtpu) : NULL;
	struct choice c = {.world = world,
		.intent = session,
		.gtpu = pdr->gtpu,
		.first = gtpu ? gtpu->first_teid : 1,
		.last = gtpu ? gtpu->last_teid : UINT32_MAX};
	char number[16];
	uint32_t teid;

	snprintf(number, sizeof(number), "/%u/", pdr->choose_id);
	c.hash = name_hash(name_hash(name_hash(NAME_HASH, intent->name), number), c.gtpu);
	teid = choose_in_form(&c);
	return teid ? teid : choose_any(&c);
}

/* What another PDR of the session has got for the same choice. */
static uint32_t chosen_already(const struct api_pdrs *pdrs, uint32_t at, const bool *chosen)
{
	for (uint32_t i = 0; i < at; i++)
		if (chosen[i] && same_choice(&pdrs->item[i], &pdrs->item[at]))
			return pdrs->item[i].teid;
	return 0;
}

/* A session without one would get any that the dataplane likes, beyond the grant, too. */
static int refuse_full(const struct intent *intent, uint32_t at, struct rpc_error *err)
{
	snprintf(err->path, sizeof(err->path), "pdrs[%u].teid", at);
	return rpc_fail(err, RPC_ERR_CAPACITY, "no TEID is left of those that tenant %s may have",
		intent->tenant);
}

int fteid_choose(struct world *world, struct intent *intent, struct rpc_error *err)
{
	struct api_pdrs *pdrs = &intent->obj->session.session.pdrs;
	bool chosen[LIMIT_SESSION_PDRS] = {false}, any = false;
	int rc = 0;

	for (uint32_t i = 0; intent->type == INTENT_SESSION && i < pdrs->count; i++)
		any |= wants_teid(&pdrs->item[i]);
	if (!any)
		return 0;
	world_edit_begin(intent);
	for (uint32_t i = 0; i < pdrs->count && !rc; i++) {
		struct api_pdr *pdr = &pdrs->item[i];

		if (!wants_teid(pdr))
			continue;
		pdr->teid = chosen_already(pdrs, i, chosen);
		if (!pdr->teid)
			pdr->teid = choose_teid(world, intent, pdr);
		if (!pdr->teid)
			rc = refuse_full(intent, i, err);
		chosen[i] = true;
	}
	world_edit_end(intent);
	return rc;
}
