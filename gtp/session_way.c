/* SPDX-License-Identifier: BSD-3-Clause */
/* By which way in do packets meet a PDR? */
#include <string.h>

#include "session_check.h"

/* Both have F-TEIDs. One that is chosen is known by its CHOOSE ID before it has a value. */
static bool same_fteid(const struct api_pdr *a, const struct api_pdr *b)
{
	return a->teid == b->teid && (a->teid != 0 || a->choose_id == b->choose_id) &&
	       strcmp(a->gtpu, b->gtpu) == 0;
}

/* The first with the F-TEID of pdrs[i], which has one. */
static int first_with(const struct api_session *s, uint32_t i)
{
	uint32_t k = 0;

	while (k < i &&
		!(s->pdrs.item[k].gtpu[0] && same_fteid(&s->pdrs.item[k], &s->pdrs.item[i])))
		k++;
	return (int)k;
}

static bool has_ue_address(const struct api_session *s)
{
	return s->ue.ipv4.family != 0 || s->ue.ipv6.family != 0 || s->ue.framed.count != 0;
}

int session_way(const struct api_session *s, uint32_t i)
{
	const struct api_pdr *p = &s->pdrs.item[i];
	int way = WAY_NONE;

	if (p->gtpu[0])
		return first_with(s, i);
	if (p->source == INTERFACE_CORE && (has_ue_address(s) || p->slice[0]))
		return WAY_UE;
	for (uint32_t k = 0; k < s->pdrs.count; k++) {
		const struct api_pdr *other = &s->pdrs.item[k];

		if (!other->gtpu[0] || other->source != p->source)
			continue;
		if (way == WAY_NONE)
			way = (int)k;
		else if (!same_fteid(&s->pdrs.item[way], other))
			return WAY_MANY;
	}
	/* an Ethernet session's frames are found by their MACs */
	return way == WAY_NONE && p->source == INTERFACE_CORE ? WAY_UE : way;
}
