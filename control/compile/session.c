/* SPDX-License-Identifier: BSD-3-Clause */
/* session → session, in the one form that the dataplane lists it in.
 *
 * And the uplink classifier: what a session's UE sends to the prefixes of a local data network
 * leaves by that one's slice, and what comes from there goes down like all the rest. Uplink: for
 * each F-TEID that the session has towards access a PDR with filters that goes before all others,
 * and one FAR into the slice. Downlink: the session's own downlink PDRs again, from that slice.
 * QERs and URRs are those of the PDRs that the packets met before. */
#include "compile_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

/* ---- the uplink classifier ---- */

#define FILTER_TEXT 96 /* "permit out ip from PREFIX to assigned" */

struct session_work {
	struct compile *c;
	const struct intent_session *intent;
	union api_object obj; /* pdrs and fars: own memory, with room for as many as may be */
	/* those of all local data networks, one behind the other */
	struct api_text *filters;
	char (*texts)[FILTER_TEXT];
	uint32_t filter_count;
};

bool local_network_is_for(const struct intent_session *session, const char *site, const char *dnn,
	const char *from, const char *tenant)
{
	return (!*site || !strcmp(site, session->site)) && (!*dnn || !strcmp(dnn, session->dnn)) &&
	       (!*from || !strcmp(from, session->session.slice)) &&
	       (!*tenant || !strcmp(tenant, session->tenant));
}

/* ---- does it apply? ---- */

static bool has_family(const struct api_ue *ue, uint8_t family)
{
	for (uint32_t i = 0; i < ue->framed.count; i++)
		if (ue->framed.item[i].family == family)
			return true;
	return family == 4 ? ue->ipv4.family : ue->ipv6.family;
}

/* In the session's own slice packets go there anyway; a slice that is not at this site, or does not
 * route, they cannot go into. */
static bool applies(const struct session_work *work, const struct intent_local_network *local)
{
	const struct intent_session *session = work->intent;
	const struct intent *slice = world_find(work->c->world, INTENT_SLICE, local->slice);

	return local_network_is_for(session, local->site, local->dnn, local->from, local->tenant) &&
	       strcmp(local->slice, session->session.slice) && slice &&
	       slice->obj->slice.service == SERVICE_L3 &&
	       intent_slice_is_at(&slice->obj->slice, work->c->site);
}

/* Filters for prefixes of families that the UE has. */
static struct api_texts make_filters(struct session_work *work, const struct api_prefixes *prefixes)
{
	struct api_texts list = {.item = &work->filters[work->filter_count]};
	char prefix[64];

	for (uint32_t i = 0; i < prefixes->count; i++) {
		char *text = work->texts[work->filter_count];

		if (!has_family(&work->obj.session.ue, prefixes->item[i].family))
			continue;
		api_ip_format(&prefixes->item[i], true, prefix);
		snprintf(text, FILTER_TEXT, "permit out ip from %s to assigned", prefix);
		work->filters[work->filter_count++] = (struct api_text){text, strlen(text)};
		list.count++;
	}
	return list;
}

/* ---- ids and precedence ---- */

static void refuse_room(struct session_work *work, const char *what, uint32_t limit)
{
	compile_refuse(work->c, what,
		"with its local data networks session %s has more than %u %s: leave some out, or "
		"put their prefixes into one",
		work->obj.session.name, limit, what);
}

/* Highest ids first: people and SMFs begin with the lowest. NULL: refused. */
static struct api_pdr *new_pdr(struct session_work *work, const struct api_pdr *like)
{
	struct api_pdrs *pdrs = &work->obj.session.pdrs;
	uint32_t id = 65535, i;

	if (pdrs->count == LIMIT_SESSION_PDRS) {
		refuse_room(work, "pdrs", LIMIT_SESSION_PDRS);
		return NULL;
	}
	for (i = 0; i < pdrs->count; i++)
		if (pdrs->item[i].id == id) {
			id--;
			i = UINT32_MAX; /* from the beginning */
		}
	pdrs->item[pdrs->count] = *like;
	pdrs->item[pdrs->count].id = id;
	return &pdrs->item[pdrs->count++];
}

static struct api_far *new_far(struct session_work *work)
{
	struct api_fars *fars = &work->obj.session.fars;
	uint32_t id = 65535, i;

	if (fars->count == LIMIT_SESSION_FARS) {
		refuse_room(work, "fars", LIMIT_SESSION_FARS);
		return NULL;
	}
	for (i = 0; i < fars->count; i++)
		if (fars->item[i].id == id) {
			id--;
			i = UINT32_MAX;
		}
	fars->item[fars->count] = (struct api_far){
		.id = id, .action = FAR_FORWARD, .destination = INTERFACE_CORE, .dscp = DSCP_COPY};
	return &fars->item[fars->count++];
}

/* Those of rules that go before the session's own: its own begin at `rules` at least. -1: they
 * reach so high that they cannot be moved. */
static int make_room_before(struct api_session *s, uint32_t rules)
{
	uint32_t low = UINT32_MAX, high = 0, by;

	for (uint32_t i = 0; i < s->pdrs.count; i++) {
		uint32_t precedence = s->pdrs.item[i].precedence;

		low = precedence < low ? precedence : low;
		high = precedence > high ? precedence : high;
	}
	by = low < rules ? rules - low : 0;
	if (high > UINT32_MAX - by)
		return -1;
	for (uint32_t i = 0; i < s->pdrs.count; i++)
		s->pdrs.item[i].precedence += by;
	return 0;
}

static uint32_t lowest_precedence(const struct api_session *s, uint32_t own)
{
	uint32_t low = UINT32_MAX;

	for (uint32_t i = 0; i < own; i++)
		low = s->pdrs.item[i].precedence < low ? s->pdrs.item[i].precedence : low;
	return low;
}

/* ---- rules of one local data network ---- */

static bool same_fteid(const struct api_pdr *a, const struct api_pdr *b)
{
	return a->teid == b->teid && a->choose_id == b->choose_id && !strcmp(a->gtpu, b->gtpu);
}

/* Is it the last that packets to its F-TEID from access would meet? */
static bool is_uplink(const struct api_session *s, uint32_t own, uint32_t at)
{
	const struct api_pdr *pdr = &s->pdrs.item[at];

	if (pdr->source != INTERFACE_ACCESS || !pdr->gtpu[0])
		return false;
	for (uint32_t i = 0; i < own; i++) {
		const struct api_pdr *other = &s->pdrs.item[i];

		if (other->source == INTERFACE_ACCESS && same_fteid(pdr, other) &&
			other->precedence > pdr->precedence)
			return false;
	}
	return true;
}

static void add_uplink(struct session_work *work, uint32_t own, uint32_t precedence,
	const struct api_texts *filters, const char *slice)
{
	struct api_session *s = &work->obj.session;
	struct api_far *far = NULL;
	struct api_pdr *pdr;

	for (uint32_t i = 0; !far && i < s->fars.count; i++)
		if (!strcmp(s->fars.item[i].slice, slice) && i >= work->intent->session.fars.count)
			far = &s->fars.item[i];
	if (!far)
		far = new_far(work);
	if (!far)
		return;
	strcpy(far->slice, slice);
	for (uint32_t i = 0; i < own; i++) {
		pdr = is_uplink(s, own, i) ? new_pdr(work, &s->pdrs.item[i]) : NULL;
		if (!pdr)
			continue;
		pdr->precedence = precedence;
		pdr->filters = *filters;
		pdr->qfi = QFI_NONE;
		pdr->far = far->id;
	}
}

/* From the slice nobody addresses the UE by TEID. */
static bool is_downlink(const struct api_pdr *pdr, bool by_teid)
{
	return pdr->source == INTERFACE_CORE && !pdr->slice[0] && !pdr->gtpu[0] == !by_teid;
}

static void add_downlink(struct session_work *work, uint32_t own, const char *slice)
{
	struct api_session *s = &work->obj.session;
	bool by_teid = true;

	for (uint32_t i = 0; i < s->pdrs.count; i++) {
		if (!strcmp(s->pdrs.item[i].slice, slice))
			return;
		if (i < own && is_downlink(&s->pdrs.item[i], false))
			by_teid = false;
	}
	for (uint32_t i = 0; i < own; i++) {
		struct api_pdr *pdr = is_downlink(&s->pdrs.item[i], by_teid)
					      ? new_pdr(work, &s->pdrs.item[i])
					      : NULL;

		if (!pdr)
			continue;
		strcpy(pdr->slice, slice);
		pdr->gtpu[0] = '\0';
		pdr->teid = pdr->choose_id = 0;
		pdr->qfi = QFI_NONE;
		pdr->outer_header_removal = REMOVE_NONE;
	}
}

/* ---- all ---- */

/* And room for their filters. */
static uint32_t count_rules(struct session_work *work)
{
	struct intent *local = world_first(work->c->world, INTENT_LOCAL_NETWORK);
	uint32_t rules = 0, filters = 0;

	for (; local; local = world_next(local)) {
		if (!applies(work, &local->obj->local_network))
			continue;
		rules++;
		filters += local->obj->local_network.prefixes.count;
	}
	work->filters = xcalloc(filters, sizeof(*work->filters));
	work->texts = xcalloc(filters, sizeof(*work->texts));
	return rules;
}

static void add_rules(struct session_work *work, uint32_t own, uint32_t precedence)
{
	struct intent *intent = world_first(work->c->world, INTENT_LOCAL_NETWORK);

	for (; intent; intent = world_next(intent)) {
		const struct intent_local_network *local = &intent->obj->local_network;
		struct api_texts filters;

		if (!applies(work, local))
			continue;
		filters = make_filters(work, &local->prefixes);
		if (!filters.count)
			continue;
		add_uplink(work, own, precedence++, &filters, local->slice);
		add_downlink(work, own, local->slice);
	}
}

static bool has_uplink(const struct api_session *s)
{
	for (uint32_t i = 0; i < s->pdrs.count; i++)
		if (is_uplink(s, s->pdrs.count, i))
			return true;
	return false;
}

/* PDRs and FARs of the uplink classifier; refused where there is no room for them. */
static void add_local_networks(struct session_work *work)
{
	struct api_session *s = &work->obj.session;
	uint32_t rules, own = s->pdrs.count;

	if (!has_uplink(s) || !(has_family(&s->ue, 4) || has_family(&s->ue, 6)))
		return;
	rules = count_rules(work);
	if (!rules)
		return;
	if (make_room_before(s, rules))
		compile_refuse(work->c, "pdrs",
			"session %s has local data networks: leave %u precedences below its own "
			"free for them",
			s->name, rules);
	add_rules(work, own, lowest_precedence(s, own) - rules);
}

/* ---- the session ---- */

/* ---- TEIDs that are chosen ---- */

static bool is_taken(const struct api_session *s, uint32_t choose_id)
{
	for (uint32_t i = 0; i < s->pdrs.count; i++)
		if (s->pdrs.item[i].choose_id == choose_id)
			return true;
	return false;
}

/* A PDR whose TEID is left to the dataplane has a choose_id, and no other has: in its list one can
 * tell them apart (emit.c). 0 becomes one that the session does not use. */
static void mark_chosen(struct api_session *s)
{
	uint32_t preset = 255; /* 32 PDRs leave one free */

	while (is_taken(s, preset))
		preset--;
	for (uint32_t i = 0; i < s->pdrs.count; i++) {
		struct api_pdr *pdr = &s->pdrs.item[i];

		if (pdr->teid || !pdr->gtpu[0])
			pdr->choose_id = 0;
		else if (!pdr->choose_id)
			pdr->choose_id = preset;
	}
}

/* ---- names that mean what leaving them out means ---- */

static void leave_out_slices(struct api_session *s)
{
	for (uint32_t i = 0; i < s->pdrs.count; i++)
		if (!strcmp(s->pdrs.item[i].slice, s->slice))
			s->pdrs.item[i].slice[0] = '\0';
	for (uint32_t i = 0; i < s->fars.count; i++)
		if (!strcmp(s->fars.item[i].slice, s->slice))
			s->fars.item[i].slice[0] = '\0';
}

/* The dataplane leaves the session's own address out of its lists; which of the box's others it
 * takes depends on the order in which they came, so that one is said. */
static void settle_outer(const struct api_session *s, const struct intent_gtpus *gtpus,
	uint32_t interface, struct api_outer_header *outer)
{
	uint8_t family = outer->peer.family;
	const char *own, *name;

	if (!outer->teid)
		return;
	own = session_gtpu_own(s, gtpus, interface, family);
	if (own && (!outer->gtpu[0] || !strcmp(own, outer->gtpu))) {
		outer->gtpu[0] = '\0';
	} else if (!outer->gtpu[0]) {
		name = session_gtpu_any(gtpus, interface, family);
		strcpy(outer->gtpu, name ? name : "");
	}
}

static void settle(struct compile *c, struct api_session *s)
{
	const struct intent *site = world_find(c->world, INTENT_SITE, c->site);

	mark_chosen(s);
	leave_out_slices(s);
	for (uint32_t i = 0; site && i < s->fars.count; i++) {
		struct api_far *far = &s->fars.item[i];

		settle_outer(s, &site->obj->site.gtpu, far->destination, &far->outer_header);
		settle_outer(s, &site->obj->site.gtpu, far->destination, &far->duplicate_to);
	}
}

/* ---- the intent ---- */

/* The intent's is not to be changed: its rules are copied, with room for those to come. */
static void copy_rules(struct session_work *work, const struct api_session *from)
{
	struct api_session *s = &work->obj.session;

	*s = *from;
	s->pdrs.item = xcalloc(LIMIT_SESSION_PDRS, sizeof(*s->pdrs.item));
	s->fars.item = xcalloc(LIMIT_SESSION_FARS, sizeof(*s->fars.item));
	memcpy(s->pdrs.item, from->pdrs.item, from->pdrs.count * sizeof(*s->pdrs.item));
	memcpy(s->fars.item, from->fars.item, from->fars.count * sizeof(*s->fars.item));
}

void compile_session(struct compile *c, const struct intent *intent)
{
	const struct intent_session *session = &intent->obj->session;
	struct session_work work = {.c = c, .intent = session};

	if (strcmp(session->site, c->site))
		return;
	copy_rules(&work, &session->session);
	settle(c, &work.obj.session);
	add_local_networks(&work);
	emit(c, OBJECT_SESSION, &work.obj);
	free(work.filters);
	free(work.texts);
	free(work.obj.session.pdrs.item);
	free(work.obj.session.fars.item);
}
