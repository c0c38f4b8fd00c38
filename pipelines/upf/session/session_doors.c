/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet PDU sessions (TS 23.501 5.6.10.2) as doors of l2 slices. A session is a door of each
 * slice that a PDR of it takes frames from: MACs are learned behind it, and floods go to it.
 *
 * Slices carry no VLAN tags. Where the PDRs with frames from or to a slice name a VLAN in their
 * Ethernet filters, it is the tag that this slice's frames have at the UE: taken off on their way
 * in, put on on their way out. One slice's frames have one tag, so two VLANs of a UE never meet
 * unless they are put into two sessions. Any other tag is a drop (vlan_stacked), as everywhere in
 * slices; a priority tag (VID 0) is taken off. On their way to another UPF frames keep theirs.
 *
 * The uplink comes through session_batch.c (frame_enter), the downlink from bridge.c and flood.c
 * (down[], SESSION_GROUP_FRAMES).
 *
 * Floods and MACs on the main thread; tags on the workers. Owns flood_sessions[]. */
#include "session_private.h"

#include <errno.h>
#include <rte_malloc.h>
#include <string.h>

#include "fdb.h"
#include "l2.h"
#include "rcu.h"

#define FLOOD_FIRST 16 /* places of a slice's first array */

/* ---- floods ---- */

static void array_free(void *arg)
{
	rte_free(arg);
}

/* Twice as many places. */
static int grow(uint16_t slice)
{
	struct flood_sessions *old = flood_sessions[slice], *fresh;
	uint32_t capacity = old != NULL ? 2 * old->capacity : FLOOD_FIRST;

	fresh = rte_zmalloc("flood_sessions", sizeof(*fresh) + capacity * sizeof(fresh->id[0]), 0);
	if (fresh == NULL)
		return -ENOMEM;
	if (old != NULL)
		memcpy(fresh, old, sizeof(*old) + old->n * sizeof(old->id[0]));
	fresh->capacity = capacity;
	/* release: pairs with the acquire in flood.c */
	__atomic_store_n(&flood_sessions[slice], fresh, __ATOMIC_RELEASE);
	if (old != NULL)
		rcu_defer(array_free, old);
	return 0;
}

static int flood_reserve(uint16_t slice)
{
	const struct flood_sessions *f = flood_sessions[slice];
	uint32_t taken = f != NULL ? f->live + f->reserved : 0;

	if (taken >= LIMIT_SLICE_SESSIONS)
		return -ENOSPC;
	if ((f == NULL || taken == f->capacity) && grow(slice) != 0)
		return -ENOMEM;
	flood_sessions[slice]->reserved++;
	return 0;
}

/* Into the first free place; there is one, it was reserved. */
static void flood_add(uint16_t slice, uint32_t session)
{
	struct flood_sessions *f = flood_sessions[slice];
	uint32_t at;

	if (f == NULL || f->reserved == 0)
		return;
	at = f->hole;
	while (at < f->n && f->id[at] != 0)
		at++;
	f->hole = at + 1;
	f->live++;
	f->reserved--;
	__atomic_store_n(&f->id[at], session, __ATOMIC_RELAXED);
	if (at >= f->n) /* release: pairs with the acquire in flood.c */
		__atomic_store_n(&f->n, at + 1, __ATOMIC_RELEASE);
}

static void flood_remove(uint16_t slice, uint32_t session)
{
	struct flood_sessions *f = flood_sessions[slice];
	uint32_t at = 0, n = f->n;

	while (at < n && f->id[at] != session)
		at++;
	if (at == n)
		return;
	__atomic_store_n(&f->id[at], 0, __ATOMIC_RELAXED);
	f->live--;
	f->hole = RTE_MIN(f->hole, at);
	while (n > 0 && f->id[n - 1] == 0)
		n--;
	__atomic_store_n(&f->n, n, __ATOMIC_RELAXED);
}

/* ---- changes ---- */

/* The n-th slice that `a` is a door of and b is not; 0: no more. *at: where to go on, 0 at first.
 */
static uint16_t door_beside(
	const struct session_block *a, const struct session_block *b, uint32_t *at)
{
	if (a == NULL || !(a->flags & SESSION_ETHERNET))
		return 0;
	while (*at < a->groups) {
		uint32_t i = (*at)++;
		const struct session_group *g = session_group_at(a, i);

		if (g->acts == 0 || g->teid_be != 0 || session_frame_group(a, g->slice) != (int)i)
			continue;
		if (b == NULL || !(b->flags & SESSION_ETHERNET) ||
			session_frame_group(b, g->slice) < 0)
			return g->slice;
	}
	return 0;
}

int session_doors_prepare(const struct session_block *before, const struct session_block *after)
{
	uint32_t at = 0, undo = 0;
	uint16_t slice;

	/* what workers reported of the last session with this index is not this one's */
	if (before == NULL && (after->flags & SESSION_ETHERNET))
		fdb_reports_take();
	while ((slice = door_beside(after, before, &at)) != 0) {
		int rc = flood_reserve(slice);
		uint16_t taken;

		if (rc == 0)
			continue;
		while ((taken = door_beside(after, before, &undo)) != slice)
			flood_sessions[taken]->reserved--;
		return rc;
	}
	return 0;
}

void session_doors_cancel(const struct session_block *before, const struct session_block *after)
{
	uint32_t at = 0;
	uint16_t slice;

	while ((slice = door_beside(after, before, &at)) != 0)
		flood_sessions[slice]->reserved--;
}

void session_doors_commit(
	uint32_t session, const struct session_block *before, const struct session_block *after)
{
	uint32_t at = 0;
	uint16_t slice;

	while ((slice = door_beside(after, before, &at)) != 0)
		flood_add(slice, session);
	at = 0;
	while ((slice = door_beside(before, after, &at)) != 0) {
		flood_remove(slice, session);
		fdb_session_left(session);
	}
}

void session_doors_done(void)
{
	fdb_sessions_flush();
}

bool session_in_slice(uint32_t session, uint16_t slice)
{
	const struct session_block *s = session_block != NULL ? session_block[session] : NULL;

	return s != NULL && (s->flags & SESSION_ETHERNET) && session_frame_group(s, slice) >= 0;
}

void session_doors_fini(void)
{
	for (uint32_t i = 0; i <= LIMIT_SLICES; i++) {
		rte_free(flood_sessions[i]);
		flood_sessions[i] = NULL;
	}
}
