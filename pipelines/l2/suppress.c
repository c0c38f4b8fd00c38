/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP and ND suppression in l2 slices (suppress.h): the tables on the main thread; on the workers,
 * slices that want it are listened to, and what would be flooded to find a host that is known is
 * answered on its behalf (as RFC 9161 does for EVPN). Owns the tables. */
#include "suppress.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdlib.h>
#include <string.h>

#include "arp_nd.h"
#include "exact.h"
#include "fdb.h"
#include "hot.h"
#include "notify.h"
#include "slice.h"
#include "tsc.h"

/* IPv4: {slice << 32 | address}; IPv6: {slice << 32, address, 0, 0}. A slice is never 0. */
#define SUPPRESS_SLICE_SHIFT 32
#define SUPPRESS4_WORDS	     1
#define SUPPRESS6_WORDS	     5
#define SUPPRESS4_MOST	     131072
#define SUPPRESS6_MOST	     32768

/* The value: the MAC as in a frame in the low six bytes, whose group bit says that an IPv6 host
 * routes; above it the door: 14 bits of id, its kind; and whether it is static. Sessions have
 * longer ids: the value says "behind one", id 0, and the MAC table knows which. */
#define SUPPRESS_ROUTER 0x01ull
#define SUPPRESS_TUNNEL (1ull << 62)
#define SUPPRESS_STATIC (1ull << 63)
_Static_assert(LIMIT_ATTACHMENTS < 1 << 14 && LIMIT_TUNNELS < 1 << 14, "14 bits of id");

/* Flags of a HOST_SNOOP report. */
#define SNOOP_ASKED  0x10 /* heard in a solicitation, which does not say whether it routes */
#define SNOOP_ROUTER 0x20

static inline void suppress_key(
	uint64_t *key, uint16_t slice, uint8_t family, const uint8_t *address)
{
	uint32_t v4 = 0;

	key[0] = (uint64_t)slice << SUPPRESS_SLICE_SHIFT;
	if (family == 4) {
		memcpy(&v4, address, sizeof(v4));
		key[0] |= v4;
		return;
	}
	memcpy(&key[1], address, 16);
	key[3] = key[4] = 0;
}

static inline void suppress_address(const uint64_t *key, uint8_t family, struct api_ip *out)
{
	*out = (struct api_ip){.family = family, .len = family == 4 ? 32 : 128};
	memcpy(out->bytes, family == 4 ? key : &key[1], family == 4 ? 4 : 16);
}

static inline uint64_t suppress_value(const uint8_t *mac, door_t door)
{
	uint64_t value = 0;

	memcpy(&value, mac, 6);
	if (DOOR_KIND(door) == DOOR_SESSION)
		return value;
	return value | (uint64_t)DOOR_ID(door) << 48 |
	       (DOOR_KIND(door) == DOOR_TUNNEL ? SUPPRESS_TUNNEL : 0);
}

static inline void suppress_mac(uint64_t value, uint8_t *mac)
{
	value &= ~SUPPRESS_ROUTER;
	memcpy(mac, &value, 6);
}

/* Of a session: DOOR_SESSION alone. */
static inline door_t suppress_door(uint64_t value)
{
	if ((value & ~SUPPRESS_STATIC) >> 48 == 0)
		return DOOR_SESSION;
	return (value & SUPPRESS_TUNNEL ? DOOR_TUNNEL : DOOR_ATTACHMENT) |
	       (uint16_t)(value >> 48 & 0x3fff);
}

/* Does what the value says agree with the MAC being behind this door? */
static inline bool suppress_is_door(uint64_t value, door_t door)
{
	door_t known = suppress_door(value);

	return known == (known == DOOR_SESSION ? DOOR_KIND(door) : door);
}

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
	uint64_t now = tsc_now();

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

/* ==== workers ==== */

#define NS 135
#define NA 136

static __rte_always_inline bool may_be_nd(const uint8_t *data, uint32_t len)
{
	return len >= ETH_LEN + 48 && data[20] == IPPROTO_ICMPV6 &&
	       (data[54] == NS || data[54] == NA);
}

static void report(struct worker *w, const struct burst *b, uint32_t i, uint8_t family,
	const uint8_t *address, const uint8_t *mac, uint8_t flags)
{
	struct host_report r = {.door = b->door[i],
		.slice = b->slice[i],
		.kind = HOST_SNOOP,
		.flags = flags,
		.family = family};
	const uint8_t *data = rte_pktmbuf_mtod(b->frame[i], const uint8_t *);

	/* on behalf of another: the MAC table has not seen that one here */
	if (memcmp(mac, data + 6, 6) != 0)
		return;
	memcpy(r.address, address, family == 4 ? 4 : 16);
	memcpy(r.mac, mac, 6);
	host_report(w, &r);
}

static void snoop_arp(struct worker *w, const struct burst *b, uint32_t i)
{
	struct arp_view arp;

	if (arp_parse(b->frame[i], &arp) && *(const wire32_t *)arp.sender != 0)
		report(w, b, i, 4, arp.sender, arp.sender_mac, 0);
}

static void snoop_nd(struct worker *w, const struct burst *b, uint32_t i)
{
	struct ip_view v;
	struct nd_view nd;

	if (!host_parse(b->frame[i], &v) || !is_nd(&v) || !nd_parse(b->frame[i], &v, &nd) ||
		nd.mac == NULL || nd.probe)
		return;
	if (nd.type == NS)
		report(w, b, i, 6, nd.source, nd.mac, SNOOP_ASKED);
	else if (nd.type == NA && (nd.flags & ND_OVERRIDE)) /* without it: anycast, or a proxy */
		report(w, b, i, 6, nd.target, nd.mac, nd.flags & ND_ROUTER ? SNOOP_ROUTER : 0);
}

void suppress_snoop(struct worker *w, struct burst *b)
{
	for (uint32_t i = 0; i < b->frames; i++) {
		const uint8_t *data = rte_pktmbuf_mtod(b->frame[i], const uint8_t *);
		uint16_t type = load16(data + 12);

		if (likely(type == RTE_BE16(RTE_ETHER_TYPE_IPV4)))
			continue;
		if (!(slice_hot[b->slice[i]].flags & SLICE_SUPPRESS))
			continue;
		if (type == RTE_BE16(RTE_ETHER_TYPE_ARP))
			snoop_arp(w, b, i);
		else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6) &&
			 may_be_nd(data, b->frame[i]->data_len))
			snoop_nd(w, b, i);
	}
}

/* It has said something else since, which the table does not hold yet. */
static bool moved(struct worker *w, uint16_t slice, door_t door, uint8_t family,
	const uint8_t *address, const uint8_t *mac)
{
	struct host_report r = {.door = door, .slice = slice, .kind = HOST_SNOOP, .family = family};

	memcpy(r.address, address, family == 4 ? 4 : 16);
	memcpy(r.mac, mac, 6);
	return host_news_differ(w, &r);
}

/* The value word of a host in the table (never 0: it has a door), or 0. */
static uint64_t value_of(uint16_t slice, uint8_t family, const uint8_t *address)
{
	uint64_t key[SUPPRESS6_WORDS], *value;

	suppress_key(key, slice, family, address);
	if (family == 4)
		exact_lookup_bulk(&suppress4, key, SUPPRESS4_WORDS, 1, &value);
	else
		exact_lookup_bulk(&suppress6, key, SUPPRESS6_WORDS, 1, &value);
	return value != NULL ? __atomic_load_n(value, __ATOMIC_RELAXED) : 0;
}

/* The value word of a host that is known, where the MAC table says the same, behind a door that the
 * asker's frames would reach; 0: none. */
static uint64_t known(
	struct worker *w, uint16_t slice, door_t in, uint8_t family, const uint8_t *address)
{
	uint64_t v = value_of(slice, family, address), *seen, mac_key;
	uint8_t mac[8] = {0};

	if (v == 0)
		return 0;
	door_t door = suppress_door(v);

	suppress_mac(v, mac);
	mac_key = fdb_key(slice, mac);
	exact_lookup_bulk(&fdb_table, &mac_key, 1, 1, &seen);
	if (seen == NULL && !(v & SUPPRESS_STATIC))
		return 0;
	if (seen != NULL) {
		door_t behind = (door_t)__atomic_load_n(seen, __ATOMIC_RELAXED) & FDB_DOOR;

		if (!suppress_is_door(v, behind))
			return 0;
		door = behind;
	}
	if (door == in || (DOOR_KIND(door) == DOOR_TUNNEL && DOOR_KIND(in) == DOOR_TUNNEL))
		return 0;
	if (!(v & SUPPRESS_STATIC) && moved(w, slice, door, family, address, mac))
		return 0;
	return v;
}

/* Was the asker known by another MAC, or elsewhere? Then what it says of itself is for everybody to
 * hear, the one that is asked for before all. */
static bool asker_moved(const struct burst *b, uint32_t i, uint8_t family, const uint8_t *address,
	const uint8_t *its_mac)
{
	uint64_t v = value_of(b->slice[i], family, address);
	uint8_t mac[8] = {0};

	suppress_mac(v, mac);
	if (v == 0)
		return false;
	if (!suppress_is_door(v, b->door[i]) || memcmp(mac, its_mac, 6) != 0)
		return true;
	/* behind which session, the MAC table says */
	const uint64_t *seen = DOOR_KIND(b->door[i]) == DOOR_SESSION ? b->value[2 * i + 1] : NULL;

	return seen != NULL &&
	       ((door_t)__atomic_load_n(seen, __ATOMIC_RELAXED) & FDB_DOOR) != b->door[i];
}

static bool answer_arp(struct worker *w, struct burst *b, uint32_t i)
{
	struct rte_mbuf *m = b->frame[i];
	struct arp_view arp;
	uint8_t mac[8];

	/* probes and announcements are for everybody to hear (RFC 5227) */
	if (!arp_parse(m, &arp) || !arp.request || *(const wire32_t *)arp.sender == 0 ||
		*(const wire32_t *)arp.sender == *(const wire32_t *)arp.target)
		return false;
	uint64_t v = known(w, b->slice[i], b->door[i], 4, arp.target);

	if (v == 0 || asker_moved(b, i, 4, arp.sender, arp.sender_mac) ||
		!host_may(w, b->slice[i], RATE_ANSWER))
		return false;
	suppress_mac(v, mac);
	arp_answer(m, mac);
	return true;
}

static bool answer_nd(struct worker *w, struct burst *b, uint32_t i)
{
	struct rte_mbuf *m = b->frame[i];
	struct ip_view v;
	struct nd_view nd;
	uint8_t mac[8], to[6];

	if (!host_parse(m, &v) || !is_nd(&v) || !nd_parse(m, &v, &nd) || nd.type != NS ||
		nd.probe || nd.mac == NULL || memcmp(nd.source, nd.target, 16) == 0)
		return false;
	uint64_t value = known(w, b->slice[i], b->door[i], 6, nd.target);

	if (value == 0 || asker_moved(b, i, 6, nd.source, nd.mac) ||
		!host_may(w, b->slice[i], RATE_ANSWER))
		return false;
	suppress_mac(value, mac);
	memcpy(to, nd.mac, sizeof(to));
	return nd_answer(m, &v, mac, ND_OVERRIDE | (value & SUPPRESS_ROUTER ? ND_ROUTER : 0), to);
}

bool suppress_answer(struct worker *w, struct burst *b, uint32_t i)
{
	const uint8_t *data = rte_pktmbuf_mtod(b->frame[i], const uint8_t *);
	uint16_t type = load16(data + 12);
	bool done = false;

	if (!(data[0] & 1)) /* an unknown station is not asked for */
		return false;
	if (type == RTE_BE16(RTE_ETHER_TYPE_ARP))
		done = answer_arp(w, b, i);
	else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && may_be_nd(data, b->frame[i]->data_len))
		done = answer_nd(w, b, i);
	if (done) {
		w->box.answered++;
		TRACE(b, b->frame[i], STAGE_FLOOD, "answered on behalf of a host that is known");
	}
	return done;
}
