/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of hosts of l2 slices, kept: learned from the workers' reports, put by hand, and
 * forgotten with its MAC. Main thread only. Owns the two tables that suppress_run.c reads on the
 * workers. */
#include "suppress.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdlib.h>

#include "exact_page.h"
#include "notify.h"
#include "hot.h"
#include "slice.h"
#include "suppress_table.h"

#define AGE_SHARE   64 /* of the buckets a call looks at, at least AGE_MIN */
#define AGE_MIN	    64
#define AGE_EVERY_S 1

struct exact_table suppress4, suppress6;
uint32_t suppress_slices;
static uint32_t *by_slice; /* [LIMIT_SLICES + 1] */
static uint32_t refused;
static uint64_t age_cursor[2];
static uint64_t age_round_tsc;

/* A slice began or ended to answer; workers look at frames only while one does. */
static void count_slice(bool begins)
{
	__atomic_store_n(&suppress_slices, suppress_slices + (begins ? 1 : -1), __ATOMIC_RELAXED);
}

static bool answers(const struct slice_hot *s)
{
	return s->live && (s->flags & SLICE_SUPPRESS);
}

static void on_slice_changed(uint16_t slice, const struct slice_hot *before)
{
	bool now = slice_hot[slice].flags & SLICE_SUPPRESS;

	if (answers(before) != now)
		count_slice(now);
}

static void on_slice_gone(uint16_t slice)
{
	if (answers(&slice_hot[slice]))
		count_slice(false);
}

int suppress_init(void)
{
	static const struct notify notify = {
		.slice_changed = on_slice_changed, .slice_gone = on_slice_gone};

	notify_listen(&notify);
	by_slice = calloc(LIMIT_SLICES + 1, sizeof(*by_slice));
	suppress_slices = refused = 0;
	age_cursor[0] = age_cursor[1] = age_round_tsc = 0;
	if (by_slice == NULL)
		return -ENOMEM;
	int rc = exact_init(&suppress4, "suppress4", SUPPRESS4_WORDS, SUPPRESS4_MOST);

	return rc == 0 ? exact_init(&suppress6, "suppress6", SUPPRESS6_WORDS, SUPPRESS6_MOST) : rc;
}

void suppress_fini(void)
{
	exact_fini(&suppress4);
	exact_fini(&suppress6);
	free(by_slice);
	by_slice = NULL;
}

static struct exact_table *table_of(uint8_t family)
{
	return family == 4 ? &suppress4 : &suppress6;
}

static uint16_t slice_of(const uint64_t *key)
{
	return key[0] >> SUPPRESS_SLICE_SHIFT;
}

/* ---- entries ---- */

struct victim {
	uint16_t slice; /* 0: of any */
	bool done;
};

static bool displace(const uint64_t *key, uint64_t *value, void *arg)
{
	struct victim *v = arg;

	if (v->done || (*value & SUPPRESS_STATIC) || (v->slice != 0 && v->slice != slice_of(key)))
		return false;
	by_slice[slice_of(key)]--;
	v->done = true;
	return true;
}

static void make_room(struct exact_table *t)
{
	struct victim v = {0};
	uint64_t cursor = 0;

	do
		exact_scan(t, &cursor, 256, displace, &v);
	while (!v.done && cursor != 0);
}

static int put(uint16_t slice, uint8_t family, const uint8_t *address, uint64_t value)
{
	uint64_t key[SUPPRESS6_WORDS];

	suppress_key(key, slice, family, address);
	int rc = exact_put(table_of(family), key, value);

	by_slice[slice] += rc == 1;
	return rc;
}

static uint64_t *find(uint16_t slice, uint8_t family, const uint8_t *address)
{
	uint64_t key[SUPPRESS6_WORDS];

	suppress_key(key, slice, family, address);
	return exact_find(table_of(family), key);
}

void suppress_learn(const struct host_report *r)
{
	uint64_t value =
		suppress_value(r->mac, r->door) | (r->flags & SNOOP_ROUTER ? SUPPRESS_ROUTER : 0);

	if (!slice_is_live(r->slice) || !(slice_hot[r->slice].flags & SLICE_SUPPRESS) ||
		!door_in_slice(r->door, r->slice))
		return;
	uint64_t *old = find(r->slice, r->family, r->address);

	if (old != NULL) {
		if (*old & SUPPRESS_STATIC)
			return;
		if (r->flags & SNOOP_ASKED) /* a solicitation does not say whether it routes */
			value |= *old & SUPPRESS_ROUTER;
		__atomic_store_n(old, value, __ATOMIC_RELAXED);
		return;
	}
	/* an IPv6 host is known once it has advertised itself: an answer on its behalf must say
	 * whether it is a router (RFC 4861 section 7.2.5) */
	if (r->family == 6 && (r->flags & SNOOP_ASKED))
		return;
	if (by_slice[r->slice] >= slice_max_macs(r->slice) ||
		put(r->slice, r->family, r->address, value) < 0)
		refused++;
}

void suppress_set(uint16_t slice, uint16_t attachment, const struct api_ip *address,
	const struct api_mac_addr *mac)
{
	uint64_t value = suppress_value(mac->bytes, DOOR_ATTACHMENT | attachment) | SUPPRESS_STATIC;
	struct exact_table *t = table_of(address->family);

	if (t->count >= t->capacity && find(slice, address->family, address->bytes) == NULL)
		make_room(t);
	if (put(slice, address->family, address->bytes, value) < 0)
		RTE_LOG(ERR, USER1, "no memory for a static neighbour\n");
}

void suppress_unset(uint16_t slice, const struct api_ip *address)
{
	uint64_t key[SUPPRESS6_WORDS];

	suppress_key(key, slice, address->family, address->bytes);
	if (exact_delete(table_of(address->family), key) == 0)
		by_slice[slice]--;
}

/* ---- forgetting ---- */

/* What the MAC table says otherwise by now, or no longer says at all. */
static bool is_outdated(uint16_t slice, uint64_t value)
{
	struct api_mac_addr mac;
	struct fdb_entry e;

	if (value & SUPPRESS_STATIC)
		return false;
	suppress_mac(value, mac.bytes);
	return !(slice_hot[slice].flags & SLICE_SUPPRESS) || fdb_get(slice, &mac, &e) != 0 ||
	       !suppress_is_door(value, e.door);
}

static bool age_one(const uint64_t *key, uint64_t *value, void *arg)
{
	if (!is_outdated(slice_of(key), *value))
		return false;
	by_slice[slice_of(key)]--;
	return true;
}

void suppress_poll(void)
{
	uint64_t now = rte_rdtsc();

	if (age_cursor[0] == 0 && age_cursor[1] == 0) {
		if (now - age_round_tsc < AGE_EVERY_S * rte_get_tsc_hz())
			return;
		age_round_tsc = now;
		exact_scan(&suppress4, &age_cursor[0], AGE_MIN, age_one, NULL);
		exact_scan(&suppress6, &age_cursor[1], AGE_MIN, age_one, NULL);
		return;
	}
	for (uint32_t i = 0; i < RTE_DIM(age_cursor); i++) {
		struct exact_table *t = i == 0 ? &suppress4 : &suppress6;

		if (age_cursor[i] != 0)
			exact_scan(t, &age_cursor[i],
				RTE_MAX(t->n_buckets / AGE_SHARE, (uint32_t)AGE_MIN), age_one,
				NULL);
	}
}

static bool flush_one(const uint64_t *key, uint64_t *value, void *arg)
{
	if (slice_of(key) != *(const uint16_t *)arg)
		return false;
	by_slice[slice_of(key)]--;
	return true;
}

void suppress_flush(uint16_t slice)
{
	uint64_t cursor = 0;

	if (by_slice[slice] == 0)
		return;
	exact_scan(&suppress4, &cursor, UINT32_MAX, flush_one, &slice);
	cursor = 0;
	exact_scan(&suppress6, &cursor, UINT32_MAX, flush_one, &slice);
}

/* ---- reading ---- */

static void entry_of(
	uint8_t family, const uint64_t *key, uint64_t value, struct neighbor_entry *out)
{
	door_t door = suppress_door(value);
	struct fdb_entry e;

	*out = (struct neighbor_entry){.slice = slice_of(key),
		.attachment = DOOR_KIND(door) == DOOR_ATTACHMENT ? DOOR_ID(door) : 0,
		.state = value & SUPPRESS_STATIC ? NEIGHBOR_STATIC : NEIGHBOR_REACHABLE};
	suppress_address(key, family, &out->address);
	suppress_mac(value, out->mac.bytes);
	if (out->state != NEIGHBOR_STATIC && fdb_get(out->slice, &out->mac, &e) == 0)
		out->age_s = e.age_s;
}

int suppress_get(uint16_t slice, const struct api_ip *address, struct neighbor_entry *out)
{
	const uint64_t *value = find(slice, address->family, address->bytes);
	uint64_t key[SUPPRESS6_WORDS];

	if (value == NULL)
		return -ENOENT;
	suppress_key(key, slice, address->family, address->bytes);
	entry_of(address->family, key, *value, out);
	return 0;
}

struct page {
	struct neighbor_entry *out;
	uint32_t n;
	uint8_t family;
};

static void page_add(const uint64_t *key, uint64_t value, void *arg)
{
	struct page *p = arg;

	entry_of(p->family, key, value, &p->out[p->n++]);
}

uint32_t suppress_iterate(
	uint8_t family, uint64_t *cursor, struct neighbor_entry *out, uint32_t max)
{
	struct page p = {.out = out, .family = family};

	return exact_page(table_of(family), cursor, max, page_add, &p);
}

uint32_t suppress_count(void)
{
	return suppress4.count + suppress6.count;
}

uint32_t suppress_refused(void)
{
	return refused;
}
