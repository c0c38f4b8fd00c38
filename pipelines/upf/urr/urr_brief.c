/* SPDX-License-Identifier: BSD-3-Clause */
/* What is kept of a session whose URRs only count and never changed: a quarter of a record. With
 * the first change it becomes one. Main thread only. Owns the briefs. */
#include <stdlib.h>

#include "urr_live.h"

#define UPLINK (1u << 31) /* in an act's cell */

struct urr_brief {
	uint32_t made_s;
	uint8_t urrs, acts;
	/* of each URR its id and what it measures; of each act its cell and URRs */
	struct {
		uint32_t first, second;
	} pair[];
};

static uint64_t bytes;

uint64_t urr_brief_bytes(void)
{
	return bytes;
}

static size_t size_of(const struct urr_brief *b)
{
	return sizeof(*b) + (b->urrs + b->acts) * sizeof(b->pair[0]);
}

bool urr_brief_will_do(const struct urr_session *to)
{
	for (uint32_t i = 0; i < to->urrs->count; i++)
		if (urr_wants_live(&to->urrs->item[i]))
			return false;
	return to->urrs->count > 0;
}

struct urr_brief *urr_brief_new(const struct urr_session *to)
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
	bytes += size_of(b);
	return b;
}

void urr_brief_begin(struct urr_brief *b, uint32_t now_s)
{
	b->made_s = now_s;
}

void urr_brief_free(struct urr_brief *b)
{
	bytes -= size_of(b);
	free(b);
}

static struct urr_act act_of(const struct urr_brief *b, uint32_t i)
{
	uint32_t cell = b->pair[b->urrs + i].first;

	return (struct urr_act){.cell = cell & ~UPLINK,
		.urrs = b->pair[b->urrs + i].second,
		.uplink = cell & UPLINK};
}

bool urr_brief_same(const struct urr_brief *b, const struct urr_session *to)
{
	if (b->urrs != to->urrs->count || b->acts != to->acts || !urr_brief_will_do(to))
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

bool urr_brief_sum(const struct urr_brief *b, uint32_t n, struct urr_counters *out)
{
	*out = (struct urr_counters){0};
	for (uint32_t i = 0; n < b->urrs && i < b->acts; i++) {
		struct urr_act act = act_of(b, i);

		if (act.urrs >> n & 1)
			urr_count_act(&act, out);
	}
	return n < b->urrs;
}

bool urr_brief_fits(const struct urr_brief *b, const struct urr_record *r)
{
	return r != NULL && r->urrs == b->urrs && r->acts == b->acts;
}

struct urr_record *urr_brief_record(const struct urr_brief *b)
{
	return urr_record_new(b->urrs, b->acts);
}

void urr_brief_fill(const struct urr_brief *b, struct urr_record *r)
{
	for (uint32_t i = 0; i < b->urrs; i++) {
		r->urr[i].id = b->pair[i].first;
		r->urr[i].measure = b->pair[i].second;
		r->urr[i].made_s = b->made_s;
	}
	for (uint32_t i = 0; i < b->acts; i++)
		urr_acts(r)[i] = act_of(b, i);
}
