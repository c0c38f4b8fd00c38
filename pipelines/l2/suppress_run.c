/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP and ND suppression on the workers: l2 slices that want it are listened to, and what would
 * be flooded to find a host that is known is answered on its behalf (as RFC 9161 does for EVPN). */
#include "arp_nd.h"
#include "suppress.h"
#include "suppress_table.h"

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
