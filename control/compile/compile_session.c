/* SPDX-License-Identifier: BSD-3-Clause */
/* session → session, in the one form that the dataplane lists it in. What local data networks
 * add is session_local.c's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session_parts.h"

/* ---- TEIDs that are chosen ---- */

static bool is_taken(const struct api_session *s, uint32_t choose_id)
{
	for (uint32_t i = 0; i < s->pdrs.count; i++)
		if (s->pdrs.item[i].choose_id == choose_id)
			return true;
	return false;
}

/* A PDR whose TEID is left to the dataplane has a choose_id, and no other has: in its list one can
 * tell them apart (canonical.c). 0 becomes one that the session does not use. */
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
static bool copy_rules(struct session_work *work, const struct api_session *from)
{
	struct api_session *s = &work->obj.session;

	*s = *from;
	s->pdrs.item = calloc(LIMIT_SESSION_PDRS, sizeof(*s->pdrs.item));
	s->fars.item = calloc(LIMIT_SESSION_FARS, sizeof(*s->fars.item));
	if (!s->pdrs.item || !s->fars.item)
		return false;
	memcpy(s->pdrs.item, from->pdrs.item, from->pdrs.count * sizeof(*s->pdrs.item));
	memcpy(s->fars.item, from->fars.item, from->fars.count * sizeof(*s->fars.item));
	return true;
}

int compile_session(struct compile *c, const struct intent *intent)
{
	const struct intent_session *session = &intent->obj->session;
	struct session_work work = {.c = c, .intent = session};
	int rc = -ENOMEM;

	if (strcmp(session->site, c->site))
		return 0;
	if (copy_rules(&work, &session->session)) {
		settle(c, &work.obj.session);
		rc = add_local_networks(&work);
	}
	if (!rc)
		rc = emit(c, OBJECT_SESSION, &work.obj);
	session_work_free(&work);
	return rc;
}
