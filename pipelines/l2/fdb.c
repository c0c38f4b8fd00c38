/* SPDX-License-Identifier: BSD-3-Clause */
/* The MAC table's writer: static entries, learning from the workers' reports, ageing. Main
 * thread only. Owns fdb_table and the counts by slice and door. */
#include "fdb.h"

#include <rte_malloc.h>
#include <stdlib.h>

#include "exact.h"
#include "notify.h"
#include "hot.h"
#include "reserve.h"
#include "slice.h"
#include "tsc.h"

#define REPORTS_A_POLL 8192
#define AGE_SHARE      32 /* of the buckets a poll looks at, at least AGE_MIN */
#define AGE_MIN	       64
#define AGE_EVERY_S    1 /* a round over the whole table starts no sooner than this after the last */

void (*fdb_on_event)(enum fdb_event what, const struct fdb_entry *entry, door_t old_door);
void (*fdb_on_overtaken)(uint16_t slice, door_t door);

static uint32_t *in_slice, *learned_in_slice;		 /* [LIMIT_SLICES + 1] entries */
static uint32_t *by_attachment, *by_tunnel, *by_session; /* learned ones */
static uint32_t statics, refused;
static bool between;	   /* no transaction is in the making: static entries may be overtaken */
static bool sessions_left; /* some have MACs of slices that they are no doors of any more */
static uint64_t age_cursor;
static uint32_t age_round_s;

static void flush_tunnels(uint16_t slice);

static void on_slice_changed(uint16_t slice, const struct slice_hot *before)
{
	if (slice_hot[slice].flags & ~before->flags & SLICE_UNTAUGHT)
		flush_tunnels(slice);
}

static void on_slice_gone(uint16_t slice)
{
	fdb_flush(slice, 0);
}

int fdb_init(uint32_t workers_total)
{
	static const struct notify notify = {.slice_changed = on_slice_changed,
		.slice_gone = on_slice_gone,
		.door_left = fdb_flush};

	notify_listen(&notify);
	in_slice = calloc(LIMIT_SLICES + 1, sizeof(*in_slice));
	learned_in_slice = calloc(LIMIT_SLICES + 1, sizeof(*learned_in_slice));
	by_attachment = calloc(LIMIT_ATTACHMENTS + 1, sizeof(*by_attachment));
	by_tunnel = calloc(LIMIT_TUNNELS + 1, sizeof(*by_tunnel));
	by_session = reserve_map((LIMIT_SESSIONS + 1) * sizeof(*by_session));
	statics = refused = 0;
	age_cursor = 0;
	sessions_left = false;
	if (in_slice == NULL || learned_in_slice == NULL || by_attachment == NULL ||
		by_tunnel == NULL || by_session == NULL)
		return -ENOMEM;
	return exact_init(&fdb_table, "fdb", 1, LIMIT_MACS);
}

void fdb_fini(void)
{
	exact_fini(&fdb_table);
	free(in_slice);
	free(learned_in_slice);
	free(by_attachment);
	free(by_tunnel);
	reserve_unmap(by_session, (LIMIT_SESSIONS + 1) * sizeof(*by_session));
	in_slice = learned_in_slice = by_attachment = by_tunnel = by_session = NULL;
}

static uint32_t *learned_at(door_t door)
{
	if (DOOR_KIND(door) == DOOR_SESSION)
		return &by_session[DOOR_SESSION_ID(door)];
	return DOOR_KIND(door) == DOOR_TUNNEL ? &by_tunnel[DOOR_ID(door)]
					      : &by_attachment[DOOR_ID(door)];
}

static void count(uint64_t key, uint64_t value, int by)
{
	in_slice[(uint16_t)key] += by;
	if (value & FDB_STATIC) {
		statics += by;
		return;
	}
	learned_in_slice[(uint16_t)key] += by;
	*learned_at(value & FDB_DOOR) += by;
}

static uint64_t key_of(uint16_t slice, const struct api_mac_addr *mac)
{
	uint8_t bytes[8] = {0};

	memcpy(bytes, mac, 6);
	return fdb_key(slice, bytes);
}

static void entry_of(uint64_t key, uint64_t value, struct fdb_entry *out)
{
	uint64_t mac = key >> 16;
	uint32_t now = tsc_now_s(), seen = value >> 32;

	*out = (struct fdb_entry){.slice = key,
		.door = value & FDB_DOOR,
		.is_static = value & FDB_STATIC,
		.movable = value & FDB_MOVABLE,
		.overtaken = value & FDB_OVERTAKEN};
	memcpy(&out->mac, &mac, 6);
	out->age_s = out->is_static || seen > now ? 0 : now - seen;
}

static void tell(enum fdb_event what, uint64_t key, uint64_t value, door_t old)
{
	struct fdb_entry e;

	if (fdb_on_event == NULL)
		return;
	entry_of(key, value, &e);
	fdb_on_event(what, &e, old);
}

/* ---- static entries ---- */

/* A learned entry of the slice (0: of any) makes room. */
struct victim {
	uint16_t slice;
	bool done;
};

static bool displace(const uint64_t *key, uint64_t *value, void *arg)
{
	struct victim *v = arg;

	if (v->done || (*value & FDB_STATIC) || (v->slice != 0 && v->slice != (uint16_t)*key))
		return false;
	count(*key, *value, -1);
	tell(FDB_AGED, *key, *value, 0);
	v->done = true;
	return true;
}

static void make_room(uint16_t slice)
{
	struct victim v = {.slice = slice};
	uint64_t cursor = 0;

	do
		exact_scan(&fdb_table, &cursor, 256, displace, &v);
	while (!v.done && cursor != 0);
}

enum fdb_result fdb_put_static(
	uint16_t slice, const struct api_mac_addr *mac, door_t door, bool movable)
{
	uint64_t key = key_of(slice, mac);
	uint64_t value =
		door | FDB_STATIC | (movable ? FDB_MOVABLE : 0) | (uint64_t)tsc_now_s() << 32;
	uint64_t *old = exact_find(&fdb_table, &key);

	if (old != NULL) {
		if ((*old & (FDB_DOOR | FDB_MARKS)) == (value & (FDB_DOOR | FDB_MARKS)))
			return FDB_UNCHANGED;
		count(key, *old, -1);
		count(key, value, 1);
		exact_put(&fdb_table, &key, value);
		return FDB_UPDATED;
	}
	if (in_slice[slice] >= slice_max_macs(slice))
		make_room(slice);
	if (fdb_table.count >= fdb_table.capacity)
		make_room(0);
	if (exact_put(&fdb_table, &key, value) < 0) {
		RTE_LOG(ERR, USER1, "no memory for a static MAC\n");
		return FDB_UNCHANGED;
	}
	count(key, value, 1);
	return FDB_CREATED;
}

int fdb_remove(uint16_t slice, const struct api_mac_addr *mac)
{
	uint64_t key = key_of(slice, mac);
	uint64_t *value = exact_find(&fdb_table, &key);

	if (value == NULL)
		return -ENOENT;
	count(key, *value, -1);
	return exact_delete(&fdb_table, &key);
}

void fdb_settle(uint16_t slice, const struct api_mac_addr *mac)
{
	uint64_t key = key_of(slice, mac);
	uint64_t *value = exact_find(&fdb_table, &key);

	/* the low half alone: workers write the second last seen into the high one */
	if (value != NULL)
		__atomic_store_n(
			(uint32_t *)value, (uint32_t)(*value & ~FDB_OVERTAKEN), __ATOMIC_RELAXED);
}

int fdb_get(uint16_t slice, const struct api_mac_addr *mac, struct fdb_entry *out)
{
	uint64_t key = key_of(slice, mac);
	uint64_t *value = exact_find(&fdb_table, &key);

	if (value == NULL)
		return -ENOENT;
	entry_of(key, *value, out);
	return 0;
}

/* ---- numbers ---- */

uint32_t fdb_room(void)
{
	return fdb_table.capacity - statics;
}

uint32_t fdb_count(void)
{
	return fdb_table.count;
}

uint64_t fdb_memory_bytes(void)
{
	return fdb_table.bytes;
}

uint32_t fdb_learn_refused(void)
{
	return refused;
}

/* ---- walking ---- */

struct page {
	struct fdb_entry *out;
	uint32_t n;
};

static void page_add(const uint64_t *key, uint64_t value, void *arg)
{
	struct page *p = arg;

	entry_of(*key, value, &p->out[p->n++]);
}

uint32_t fdb_iterate(uint64_t *cursor, struct fdb_entry *out, uint32_t max)
{
	struct page p = {.out = out};

	return exact_page(&fdb_table, cursor, max, page_add, &p);
}

struct flush {
	uint16_t slice;
	door_t door, mask; /* all with (their door & mask) == door */
};

static bool flush_one(const uint64_t *key, uint64_t *value, void *arg)
{
	const struct flush *f = arg;

	if ((*value & FDB_STATIC) || (f->slice != 0 && f->slice != (uint16_t)*key) ||
		(*value & f->mask) != f->door)
		return false;
	count(*key, *value, -1);
	return true;
}

static void flush(struct flush f)
{
	uint64_t cursor = 0;

	if (f.slice == 0 || learned_in_slice[f.slice] > 0)
		exact_scan(&fdb_table, &cursor, UINT32_MAX, flush_one, &f);
}

void fdb_flush(uint16_t slice, door_t door)
{
	if (door == 0 || *learned_at(door) > 0)
		flush((struct flush){slice, door, door != 0 ? FDB_DOOR : 0});
}

/* Those of the slice that were learned from tunnels. */
static void flush_tunnels(uint16_t slice)
{
	flush((struct flush){slice, DOOR_TUNNEL, DOOR_KIND(~0u)});
}

/* ---- doors ---- */

void fdb_session_left(uint32_t session)
{
	sessions_left |= by_session[session] > 0;
}

static bool flush_left(const uint64_t *key, uint64_t *value, void *arg)
{
	door_t door = *value & FDB_DOOR;

	(void)arg;
	if (DOOR_KIND(door) != DOOR_SESSION || door_in_slice(door, (uint16_t)*key))
		return false;
	count(*key, *value, -1);
	return true;
}

void fdb_sessions_flush(void)
{
	uint64_t cursor = 0;

	if (!sessions_left)
		return;
	sessions_left = false;
	exact_scan(&fdb_table, &cursor, UINT32_MAX, flush_left, NULL);
}

/* ---- learning and ageing ---- */

/* Has the entry to give way to a frame that came in by this door? */
static bool gives_way(uint64_t value, door_t door)
{
	if ((value & FDB_DOOR) == door)
		return false;
	if (!(value & FDB_STATIC))
		return true;
	return (value & FDB_MOVABLE) && between && DOOR_KIND(door) != DOOR_TUNNEL;
}

static void move(uint64_t key, uint64_t *value, uint64_t fresh)
{
	uint64_t old = *value;
	bool overtakes = old & FDB_STATIC;

	fresh |= overtakes ? FDB_OVERTAKEN : old & FDB_OVERTAKEN;
	count(key, old, -1);
	count(key, fresh, 1);
	__atomic_store_n(value, fresh, __ATOMIC_RELAXED);
	if (overtakes && fdb_on_overtaken != NULL)
		fdb_on_overtaken((uint16_t)key, old & FDB_DOOR);
	tell(FDB_MOVED, key, fresh, old & FDB_DOOR);
}

static void learn(const struct learn_report *report)
{
	uint16_t slice = report->key;
	uint64_t fresh = report->door | (uint64_t)tsc_now_s() << 32;

	/* the door may have gone, or changed hands, since the worker saw the frame; so may what the
	 * slice wants learned */
	if (!door_in_slice(report->door, slice) || !slice_learns_from(slice, report->door))
		return;
	uint64_t *value = exact_find(&fdb_table, &report->key);

	if (value != NULL) {
		if (gives_way(*value, report->door))
			move(report->key, value, fresh);
		return;
	}
	if (in_slice[slice] >= slice_max_macs(slice) ||
		exact_put(&fdb_table, &report->key, fresh) < 0) {
		refused++;
		return;
	}
	count(report->key, fresh, 1);
	tell(FDB_LEARNED, report->key, fresh, 0);
}

static bool age_one(const uint64_t *key, uint64_t *value, void *arg)
{
	uint32_t now = *(const uint32_t *)arg;
	uint32_t ageing = slice_ageing_s((uint16_t)*key);
	uint32_t seen = *value >> 32;

	if ((*value & FDB_STATIC) || ageing == 0 || seen >= now || now - seen <= ageing)
		return false;
	count(*key, *value, -1);
	tell(FDB_AGED, *key, *value, 0);
	return true;
}

static void age(void)
{
	uint32_t now = tsc_now_s();

	if (age_cursor == 0) {
		if (now < age_round_s + AGE_EVERY_S)
			return;
		age_round_s = now;
	}
	exact_scan(&fdb_table, &age_cursor,
		RTE_MAX(fdb_table.n_buckets / AGE_SHARE, (uint32_t)AGE_MIN), age_one, &now);
}

uint32_t fdb_reports_take(void)
{
	struct learn_report report[64];
	uint32_t total = 0;

	for (uint32_t w = 0; w < worker_count; w++) {
		struct rte_ring *ring = switch_of(workers[w])->learn;
		uint32_t n, taken = 0;

		do {
			n = rte_ring_sc_dequeue_burst_elem(
				ring, report, sizeof(report[0]), RTE_DIM(report), NULL);
			for (uint32_t i = 0; i < n; i++)
				learn(&report[i]);
			taken += n;
		} while (n > 0 && taken < REPORTS_A_POLL);
		total += taken;
	}
	return total;
}

uint32_t fdb_poll(void)
{
	between = true;
	uint32_t total = fdb_reports_take();

	between = false;
	age();
	return total;
}
