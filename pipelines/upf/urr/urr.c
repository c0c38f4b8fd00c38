/* SPDX-License-Identifier: BSD-3-Clause */
/* What main keeps of the URRs of sessions (urr.h): memory and sums. Owns the records and what
 * workers share. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "session_index.h"
#include "urr_hot.h"
#include "urr_live.h"

struct urr_live *urr_live;
uintptr_t *urr_slot;
uint32_t urr_workers;
static uint32_t live_top, live_free, live_used;
static uint64_t record_bytes;

#define LIVE_BYTES ((LIMIT_URRS_TOLD + 1) * sizeof(*urr_live))
#define SLOT_BYTES ((LIMIT_SESSIONS + 1) * sizeof(*urr_slot))

/* ---- life ---- */

/* Zero, and without memory behind it until it is touched. */
static void *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p != MAP_FAILED ? p : NULL;
}

int urr_init(uint32_t workers)
{
	urr_workers = workers;
	urr_live = map(LIVE_BYTES);
	urr_slot = map(SLOT_BYTES);
	live_top = live_free = live_used = 0;
	record_bytes = 0;
	if (urr_live == NULL || urr_slot == NULL) {
		urr_fini();
		return -ENOMEM;
	}
	urr_timers_init();
	return 0;
}

static size_t record_size(const struct urr_record *r)
{
	return sizeof(*r) + r->urrs * sizeof(r->urr[0]) + r->acts * sizeof(struct urr_act);
}

struct urr_record *urr_record_new(uint32_t urrs, uint32_t acts)
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

void urr_record_free(struct urr_record *r)
{
	record_bytes -= record_size(r);
	free(r);
}

void urr_fini(void)
{
	for (uint32_t i = 0; record_bytes + urr_brief_bytes() > 0 && i <= LIMIT_SESSIONS; i++) {
		struct urr_record *older;

		if (urr_brief_of(i) != NULL)
			urr_brief_free(urr_brief_of(i));
		for (struct urr_record *r = urr_record_of(i); r != NULL; r = older) {
			older = r->older;
			urr_record_free(r);
		}
	}
	if (urr_live != NULL)
		munmap(urr_live, LIVE_BYTES);
	if (urr_slot != NULL)
		munmap(urr_slot, SLOT_BYTES);
	urr_live = NULL;
	urr_slot = NULL;
}

uint64_t urr_memory_bytes(void)
{
	return record_bytes + urr_brief_bytes() + live_used * sizeof(*urr_live);
}

/* ---- what workers share ---- */

int urr_live_take(uint32_t *index)
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

void urr_live_give(uint32_t index)
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

bool urr_wants_live(const struct api_urr *urr)
{
	return urr->period_s != 0 || urr_wants_credit(urr);
}

/* ---- sums ---- */

void urr_count_act(const struct urr_act *act, struct urr_counters *out)
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
				urr_count_act(&urr_acts(r)[i], out);
		if (r->older != NULL)
			mask = ancestors(r->older, mask);
	}
}

bool urr_read(uint32_t session, uint32_t n, struct urr_counters *out)
{
	struct urr_record *r = urr_record_of(session);

	if (urr_brief_of(session) != NULL)
		return urr_brief_sum(urr_brief_of(session), n, out);
	if (r == NULL || n >= r->urrs)
		return false;
	urr_sum(r, n, out);
	return true;
}
