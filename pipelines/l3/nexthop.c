/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops, interned and counted, and weighted groups of them: slots addressed by flow hash, a
 * power of two of them, replaced as a whole under RCU. Main thread only. Owns nexthop_hot[],
 * nexthop_address[] and the slots. */
#include "nexthop.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>

#include "l3.h"
#include "notify.h"
#include "fib.h"
#include "neighbor.h"
#include "port_link.h"
#include "rcu.h"
#include "reserve.h"
#include "schema.h"
#include "tunnel.h"

/* Left for neighbours, gateway addresses and connected networks, which have limits of their own. */
#define KEPT_BACK (LIMIT_HOSTS + LIMIT_ADDRESSES + LIMIT_ATTACHMENTS + 1)
/* The same of the underlay's part: for its neighbours, and next hops of paths. */
#define KEPT_BACK_UNDERLAY (LIMIT_NEIGHBORS + LIMIT_TUNNELS)
#define HEADS		   65536

enum nexthop_type { TYPE_FREE, TYPE_WAY, TYPE_GROUP, TYPE_OTHER };

struct group {
	LIST_ENTRY(group) link; /* of slices' groups: the underlay's are not for workers */
	uint32_t index;
	uint32_t n;
	uint32_t way[LIMIT_ROUTE_VIA]; /* next hops */
	uint8_t weight[LIMIT_ROUTE_VIA];
};

/* What is kept of a next hop beside its word. */
struct nexthop {
	uint8_t type;	     /* enum nexthop_type */
	bool down : 1;	     /* groups leave it out while others are up */
	bool unresolved : 1; /* by an attachment: no MAC of its address */
	bool moved : 1;	     /* down changed; within on_links_settled() */
	uint16_t slice;
	uint32_t routes; /* users: FIB entries and groups */
	uint32_t others; /* neighbor.c, underlay.c */
	uint32_t groups; /* that contain it */
	uint32_t next;	 /* of the same hash, or of the free ones */
	union {
		struct l3_via via;
		struct group *group;
	};
};

uint64_t *nexthop_hot;
struct api_ip *nexthop_address;
static struct nexthop *cold;  /* [NEXTHOPS] */
static uint32_t top = 1;      /* no index at or above was ever used */
static uint32_t *head;	      /* [HEADS] chains of equal hash */
static uint32_t *tunnel_ways; /* [LIMIT_TUNNELS + 1] next hops by each tunnel */
static uint32_t free_head;
static uint32_t used[2];					  /* by slices, by the underlay */
static LIST_HEAD(, group) groups = LIST_HEAD_INITIALIZER(groups); /* of slices */
static bool unsettled;
static const struct notify notify;

int nexthop_init(void)
{
	notify_listen(&notify);
	nexthop_hot = reserve_map_huge(NEXTHOPS * sizeof(*nexthop_hot), PROT_READ | PROT_WRITE);
	nexthop_address = reserve_map(NEXTHOPS * sizeof(*nexthop_address));
	cold = reserve_map(NEXTHOPS * sizeof(*cold));
	head = reserve_map(HEADS * sizeof(*head));
	tunnel_ways = calloc(LIMIT_TUNNELS + 1, sizeof(*tunnel_ways));
	free_head = used[0] = used[1] = 0;
	top = 1;
	unsettled = false;
	LIST_INIT(&groups);
	if (nexthop_hot == NULL || nexthop_address == NULL || cold == NULL || head == NULL ||
		tunnel_ways == NULL)
		return -ENOMEM;
	nexthop_hot[0] = NEXTHOP_DROP(NEXTHOP_NONE);
	return 0;
}

/* ---- indices ---- */

/* Then a free index is in the list, or at the top. */
static bool has_room(uint16_t slice, bool kept_back)
{
	if (slice == VRF_UNDERLAY)
		return used[1] + (kept_back ? 0 : KEPT_BACK_UNDERLAY) < LIMIT_NEXTHOPS;
	return used[0] + (kept_back ? 0 : KEPT_BACK) < LIMIT_NEXTHOPS - 1;
}

static int index_take(uint16_t slice, bool kept_back, uint32_t *index)
{
	if (!has_room(slice, kept_back))
		rcu_reclaim(true); /* what was given back a moment ago */
	if (!has_room(slice, kept_back))
		return -ENOSPC;
	if (free_head != 0) {
		*index = free_head;
		free_head = cold[free_head].next;
	} else {
		*index = top++;
	}
	used[slice == VRF_UNDERLAY]++;
	return 0;
}

static void index_free(void *arg)
{
	uint32_t index = (uintptr_t)arg;

	used[cold[index].slice == VRF_UNDERLAY]--;
	cold[index] = (struct nexthop){.next = free_head};
	free_head = index;
}

/* After a grace period. */
static void index_give(uint32_t index)
{
	rcu_defer(index_free, (void *)(uintptr_t)index);
}

/* ---- interning ---- */

/* Chains of equal hash; FNV-1a, keys are the operator's own. */
#define HASH_BASIS 2166136261u

static uint32_t hash_more(uint32_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

static uint32_t *chain_at(uint32_t hash)
{
	return &head[(hash ^ hash >> 16) % HEADS];
}

/* What tells ways apart: all but their weight. */
#define VIA_KEY_BYTES (offsetof(struct l3_via, mac) + sizeof(struct api_mac_addr))
_Static_assert(VIA_KEY_BYTES == 3 * 2 + sizeof(struct api_ip) + 6, "no gaps: compared as bytes");

static uint32_t *chain_of(uint16_t slice, const struct l3_via *via)
{
	uint32_t h = hash_more(HASH_BASIS ^ TYPE_WAY, &slice, sizeof(slice));

	return chain_at(hash_more(h, via, VIA_KEY_BYTES));
}

static uint32_t find(uint16_t slice, const struct l3_via *via)
{
	uint32_t i = *chain_of(slice, via);

	while (i != 0 && !(cold[i].type == TYPE_WAY && cold[i].slice == slice &&
				 memcmp(&cold[i].via, via, VIA_KEY_BYTES) == 0))
		i = cold[i].next;
	return i;
}

static void unchain(uint32_t *at, uint32_t index)
{
	while (*at != index)
		at = &cold[*at].next;
	*at = cold[index].next;
}

static uint64_t mac_word(const struct api_mac_addr *mac)
{
	uint64_t word = 0;

	memcpy(&word, mac, sizeof(*mac));
	return word;
}

static void word_store(uint32_t index, uint64_t word)
{
	/* release: a group's slots are filled before; pairs with the acquire in route.c's
	 * nexthop_load() */
	__atomic_store_n(&nexthop_hot[index], word, __ATOMIC_RELEASE);
}

static void write_word(uint32_t index)
{
	const struct nexthop *n = &cold[index];
	uint64_t mac = mac_word(&n->via.mac);

	if (n->slice == VRF_UNDERLAY) /* no worker's packet is sent by it */
		word_store(index, NEXTHOP_DROP(NEXTHOP_NONE));
	else if (n->via.tunnel != 0)
		word_store(index, NEXTHOP_WORD(NEXTHOP_TUNNEL, n->via.tunnel,
					  mac != 0 ? mac : slice_hot[n->slice].mac));
	else
		word_store(index, NEXTHOP_WORD(NEXTHOP_ASK, n->via.attachment, 0));
}

static bool is_down(const struct nexthop *n)
{
	if (n->slice == VRF_UNDERLAY)
		return false; /* underlay.c sees to that */
	if (n->via.tunnel != 0)
		return !tunnel_has_path(n->via.tunnel);
	return n->unresolved || !port_link_up(attachment_hot[n->via.attachment].port);
}

/* The next hop of one way, without a user yet. */
static int intern(uint16_t slice, const struct l3_via *via, bool kept_back, uint32_t *index)
{
	uint32_t *chain = chain_of(slice, via);

	*index = find(slice, via);
	if (*index != 0)
		return 0;
	if (index_take(slice, kept_back, index) != 0)
		return -ENOSPC;
	struct nexthop *n = &cold[*index];

	*n = (struct nexthop){.type = TYPE_WAY, .slice = slice, .via = *via, .next = *chain};
	n->via.weight = 0;
	n->unresolved = via->attachment != 0 && via->address.family != 0; /* yet */
	n->down = is_down(n);
	*chain = *index;
	tunnel_ways[via->tunnel]++;
	nexthop_address[*index] = via->tunnel == 0 ? via->address : (struct api_ip){.family = 0};
	write_word(*index);
	return 0;
}

static void release_if_unused(uint32_t index)
{
	struct nexthop *n = &cold[index];

	if (n->routes + n->others > 0)
		return;
	unchain(chain_of(n->slice, &n->via), index);
	tunnel_ways[n->via.tunnel]--;
	n->type = TYPE_FREE;
	word_store(index, NEXTHOP_DROP(NEXTHOP_BLACKHOLE));
	index_give(index);
}

/* A route's use of one way; its neighbour is asked for as long as there is one. */
static int take_way(uint16_t slice, const struct l3_via *via, uint32_t *index)
{
	int rc = intern(slice, via, false, index);

	if (rc == 0 && cold[*index].routes++ == 0 && via->attachment != 0 &&
		via->address.family != 0)
		neighbor_want(slice, via->attachment, &via->address);
	return rc;
}

/* ---- groups ---- */

#define SLOTS_LOG2_MAX 6u /* 64 slots: shares are right to within 1.6 % of the flows */
_Static_assert(LIMIT_ROUTE_VIA <= 1u << SLOTS_LOG2_MAX, "every way has a slot");

static uint32_t *slots_of(uint64_t word)
{
	return (uint32_t *)(uintptr_t)NEXTHOP_HIGH(word);
}

static void slots_free(void *slots)
{
	rte_free(slots);
}

/* The ways to be used: those that are up, or all of them when none is. */
static uint32_t usable(const struct group *g, uint32_t *which)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->n; i++)
		if (!cold[g->way[i]].down)
			which[n++] = i;
	for (uint32_t i = 0; n == 0 && i < g->n; i++)
		which[i] = i;
	return n != 0 ? n : g->n;
}

static uint32_t slots_log2(const struct group *g, const uint32_t *which, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (g->weight[which[i]] != g->weight[which[0]])
			return SLOTS_LOG2_MAX;
	return (n & (n - 1)) == 0 ? (uint32_t)__builtin_ctz(n) : SLOTS_LOG2_MAX;
}

/* Each way has at least one slot, and else its share of them. */
static void slots_fill(
	uint32_t *slot, uint32_t slots, const struct group *g, const uint32_t *which, uint32_t n)
{
	uint64_t total = 0, before = 0;
	uint32_t at = 0;

	for (uint32_t i = 0; i < n; i++)
		total += g->weight[which[i]];
	for (uint32_t i = 0; i < n; i++) {
		before += g->weight[which[i]];
		uint32_t end = (before * slots + total / 2) / total;
		uint32_t last = slots - (n - 1 - i); /* one for each of those that follow */

		end = RTE_MIN(RTE_MAX(end, at + 1), last);
		while (at < end)
			slot[at++] = g->way[which[i]];
	}
}

static int publish(uint32_t index)
{
	const struct group *g = cold[index].group;
	uint32_t which[LIMIT_ROUTE_VIA];
	uint32_t n = usable(g, which), log2 = slots_log2(g, which, n);
	uint32_t *fresh = rte_malloc("nexthop_slots", sizeof(*fresh) << log2, 64);
	uint64_t old = nexthop_hot[index];

	if (fresh == NULL)
		return -ENOMEM;
	slots_fill(fresh, 1u << log2, g, which, n);
	word_store(index,
		NEXTHOP_WORD(NEXTHOP_OTHER, NEXTHOP_GROUP + log2, (uint64_t)(uintptr_t)fresh));
	if (NEXTHOP_KIND(old) == NEXTHOP_OTHER && NEXTHOP_ID(old) >= NEXTHOP_GROUP)
		rcu_defer(slots_free, slots_of(old));
	return 0;
}

static bool same_group(const struct group *a, const struct group *b)
{
	return a->n == b->n && memcmp(a->way, b->way, a->n * sizeof(a->way[0])) == 0 &&
	       memcmp(a->weight, b->weight, a->n) == 0;
}

static uint32_t *group_chain(uint16_t slice, const struct group *g)
{
	uint32_t h = hash_more(HASH_BASIS ^ TYPE_GROUP, &slice, sizeof(slice));

	return chain_at(hash_more(h, g->way, g->n * sizeof(g->way[0])));
}

static uint32_t find_group(uint16_t slice, const struct group *g)
{
	uint32_t i = *group_chain(slice, g);

	while (i != 0 && !(cold[i].type == TYPE_GROUP && cold[i].slice == slice &&
				 same_group(cold[i].group, g)))
		i = cold[i].next;
	return i;
}

static void drop_ways(struct group *g)
{
	while (g->n > 0)
		nexthop_drop(g->way[--g->n]);
}

static int make(uint16_t slice, struct group *g, uint32_t *index)
{
	struct group *kept = malloc(sizeof(*kept));
	uint32_t *chain = group_chain(slice, g);
	int rc = kept != NULL ? index_take(slice, false, index) : -ENOMEM;

	if (rc != 0)
		goto err_free;
	*kept = *g;
	kept->index = *index;
	nexthop_hot[*index] = NEXTHOP_DROP(NEXTHOP_NONE);
	cold[*index] =
		(struct nexthop){.type = TYPE_GROUP, .slice = slice, .routes = 1, .group = kept};
	rc = slice == VRF_UNDERLAY ? 0 : publish(*index);
	if (rc != 0)
		goto err_index;
	cold[*index].next = *chain;
	*chain = *index;
	if (slice != VRF_UNDERLAY)
		LIST_INSERT_HEAD(&groups, kept, link);
	for (uint32_t i = 0; i < g->n; i++)
		cold[g->way[i]].groups++;
	return 0;

err_index:
	cold[*index].type = TYPE_FREE;
	index_give(*index);
err_free:
	free(kept);
	return rc;
}

static int group_take(uint16_t slice, const struct l3_via *via, uint32_t count, uint32_t *index)
{
	struct group g = {.n = 0};
	int rc;

	for (uint32_t i = 0; i < count; i++) {
		rc = take_way(slice, &via[i], &g.way[i]);
		if (rc != 0)
			goto err_ways;
		g.weight[i] = via[i].weight != 0 ? via[i].weight : 1;
		g.n = i + 1;
	}
	*index = find_group(slice, &g);
	if (*index != 0) {
		cold[*index].routes++;
		drop_ways(&g);
		return 0;
	}
	rc = make(slice, &g, index);
	if (rc == 0)
		return 0;
err_ways:
	drop_ways(&g);
	return rc;
}

static void group_free(struct nexthop *n, uint64_t word)
{
	rte_free(slots_of(word));
	free(n->group);
}

static void group_drop(uint32_t index)
{
	struct group *g = cold[index].group;
	uint32_t *slots = slots_of(nexthop_hot[index]);

	word_store(index, NEXTHOP_DROP(NEXTHOP_BLACKHOLE));
	unchain(group_chain(cold[index].slice, g), index);
	if (cold[index].slice != VRF_UNDERLAY)
		LIST_REMOVE(g, link);
	cold[index].type = TYPE_FREE;
	for (uint32_t i = 0; i < g->n; i++)
		cold[g->way[i]].groups--;
	rcu_defer(slots_free, slots);
	drop_ways(g);
	free(g);
	index_give(index);
}

static uint32_t group_ways(const struct nexthop *n, struct l3_via *via)
{
	for (uint32_t i = 0; i < n->group->n; i++) {
		via[i] = cold[n->group->way[i]].via;
		via[i].weight = n->group->weight[i];
	}
	return n->group->n;
}

static void follow(uint32_t index)
{
	if (publish(index) != 0)
		RTE_LOG(ERR, USER1, "no memory for a route's next hops\n");
}

static void groups_follow(uint32_t index)
{
	uint32_t left = cold[index].groups;
	const struct group *g;

	LIST_FOREACH (g, &groups, link) {
		if (left == 0)
			break;
		for (uint32_t k = 0; k < g->n; k++)
			if (g->way[k] == index) {
				left--;
				follow(g->index);
				break;
			}
	}
}

static bool has_moved(const struct group *g)
{
	for (uint32_t k = 0; k < g->n; k++)
		if (cold[g->way[k]].moved)
			return true;
	return false;
}

static void groups_follow_moved(void)
{
	const struct group *g;

	LIST_FOREACH (g, &groups, link)
		if (has_moved(g))
			follow(g->index);
	for (uint32_t i = 1; i < top; i++)
		if (cold[i].type == TYPE_WAY)
			cold[i].moved = false;
}

/* ---- users ---- */

int nexthop_take(uint16_t slice, const struct l3_via *via, uint32_t count, uint32_t *index)
{
	return count == 1 ? take_way(slice, via, index) : group_take(slice, via, count, index);
}

void nexthop_drop(uint32_t index)
{
	struct nexthop *n = &cold[index];

	if (--n->routes > 0)
		return;
	if (n->type == TYPE_GROUP) {
		group_drop(index);
		return;
	}
	if (n->type == TYPE_OTHER) {
		n->type = TYPE_FREE;
		word_store(index, NEXTHOP_DROP(NEXTHOP_BLACKHOLE));
		index_give(index);
		return;
	}
	struct l3_via via = n->via;
	uint16_t slice = n->slice;

	n->others++; /* it must outlive what neighbor_unwant() gives back */
	if (via.attachment != 0 && via.address.family != 0)
		neighbor_unwant(slice, via.attachment, &via.address);
	n->others--;
	release_if_unused(index);
}

static struct l3_via neighbor_via(uint16_t slice, uint16_t link, const struct api_ip *address)
{
	struct l3_via via = {.address = *address};

	via.address.len = address->family == 4 ? 32 : 128;
	if (slice == VRF_UNDERLAY)
		via.port = link;
	else
		via.attachment = link;
	return via;
}

int nexthop_take_neighbor(
	uint16_t slice, uint16_t link, const struct api_ip *address, uint32_t *index)
{
	struct l3_via via = neighbor_via(slice, link, address);
	int rc = intern(slice, &via, true, index);

	if (rc == 0)
		cold[*index].others++;
	return rc;
}

uint32_t nexthop_find_neighbor(uint16_t slice, uint16_t link, const struct api_ip *address)
{
	struct l3_via via = neighbor_via(slice, link, address);

	return find(slice, &via);
}

static void set_unresolved(uint32_t index, bool unresolved)
{
	struct nexthop *n = &cold[index];
	bool was_down = n->down;

	n->unresolved = unresolved;
	n->down = is_down(n);
	if (n->down != was_down)
		groups_follow(index);
}

void nexthop_drop_neighbor(uint32_t index)
{
	struct nexthop *n = &cold[index];

	n->others--;
	/* the FIB entry and the neighbour hold one use each: after the last, nothing is known */
	if (n->others == 0 && n->routes > 0) {
		write_word(index);
		set_unresolved(index, true);
	}
	release_if_unused(index);
}

int nexthop_take_other(uint16_t slice, uint32_t what, uint16_t attachment,
	const struct api_ip *address, uint32_t *index)
{
	if (index_take(slice, true, index) != 0)
		return -ENOSPC;
	cold[*index] = (struct nexthop){
		.type = TYPE_OTHER, .slice = slice, .routes = 1, .via.attachment = attachment};
	nexthop_address[*index] = address != NULL ? *address : (struct api_ip){.family = 0};
	word_store(*index, NEXTHOP_WORD(NEXTHOP_OTHER, what, attachment));
	return 0;
}

int nexthop_take_discard(uint16_t slice, uint32_t *index)
{
	return nexthop_take_other(slice, NEXTHOP_BLACKHOLE, 0, NULL, index);
}

/* ---- what changes under them ---- */

void nexthop_resolve(uint32_t index, const struct api_mac_addr *mac, bool dead)
{
	struct nexthop *n = &cold[index];

	if (mac != NULL)
		word_store(
			index, NEXTHOP_WORD(NEXTHOP_ATTACHMENT, n->via.attachment, mac_word(mac)));
	else if (dead)
		word_store(index, NEXTHOP_DROP(NEXTHOP_UNREACHABLE));
	else
		write_word(index);
	set_unresolved(index, mac == NULL);
}

/* ---- events ---- */

static void on_slice_changed(uint16_t slice, const struct slice_hot *before)
{
	if (!before->live || before->mac == slice_hot[slice].mac)
		return;
	for (uint32_t i = 1; i < top; i++)
		if (cold[i].type == TYPE_WAY && cold[i].slice == slice && cold[i].via.tunnel != 0)
			write_word(i);
}

static void on_tunnel_moved(uint16_t tunnel)
{
	unsettled |= tunnel_ways != NULL && tunnel_ways[tunnel] > 0;
}

static void on_links_moved(void)
{
	unsettled = true;
}

static void on_links_settled(void)
{
	bool moved = false;

	for (uint32_t i = 1; unsettled && i < top; i++) {
		struct nexthop *n = &cold[i];

		if (n->type != TYPE_WAY || n->down == is_down(n))
			continue;
		n->down = !n->down;
		n->moved = moved = true;
	}
	unsettled = false;
	if (moved)
		groups_follow_moved();
}

static const struct notify notify = {.slice_changed = on_slice_changed,
	.tunnel_moved = on_tunnel_moved,
	.links_moved = on_links_moved,
	.links_settled = on_links_settled};

void nexthop_fini(void)
{
	for (uint32_t i = 1; cold != NULL && i < top; i++)
		if (cold[i].type == TYPE_GROUP)
			group_free(&cold[i], nexthop_hot[i]);
	reserve_unmap(nexthop_hot, NEXTHOPS * sizeof(*nexthop_hot));
	reserve_unmap(nexthop_address, NEXTHOPS * sizeof(*nexthop_address));
	reserve_unmap(cold, NEXTHOPS * sizeof(*cold));
	reserve_unmap(head, HEADS * sizeof(*head));
	free(tunnel_ways);
	nexthop_hot = NULL;
	nexthop_address = NULL;
	cold = NULL;
	head = tunnel_ways = NULL;
}

/* ---- reading ---- */

uint32_t nexthop_limit(void)
{
	return top;
}

uint32_t nexthop_ways(uint32_t index, struct l3_via *via)
{
	const struct nexthop *n = &cold[index];

	if (n->type == TYPE_GROUP)
		return group_ways(n, via);
	if (n->type != TYPE_WAY)
		return 0;
	via[0] = n->via;
	via[0].weight = 1;
	return 1;
}

void nexthop_text(uint32_t index, char *text)
{
	static const char *const others[] = {"none", "local", "drop", "unreachable", "group"};
	const struct nexthop *n = &cold[index];
	uint64_t word = nexthop_hot[index], high = NEXTHOP_HIGH(word);
	struct api_mac_addr mac;
	char ip[64], at[64];

	api_ip_format(&nexthop_address[index], false, ip);
	memcpy(&mac, &high, sizeof(mac));
	api_mac_format(&mac, at);
	if (n->type == TYPE_GROUP)
		snprintf(text, 96, "group of %u", n->group->n);
	else if (NEXTHOP_KIND(word) == NEXTHOP_TUNNEL)
		snprintf(text, 96, "{tunnel %u} at %.20s", NEXTHOP_ID(word), at);
	else if (NEXTHOP_KIND(word) == NEXTHOP_OTHER)
		snprintf(text, 96, "%s", others[RTE_MIN(NEXTHOP_ID(word), (uint16_t)4)]);
	else if (n->via.address.family == 0)
		snprintf(text, 96, "on {attachment %u}", n->via.attachment);
	else
		snprintf(text, 96, "%.40s on {attachment %u}%s%.20s", ip, n->via.attachment,
			NEXTHOP_KIND(word) == NEXTHOP_ASK ? ", asked for" : " at ",
			NEXTHOP_KIND(word) == NEXTHOP_ASK ? "" : at);
}

uint32_t nexthop_count(void)
{
	return used[0];
}

uint32_t nexthop_after(uint32_t index)
{
	while (++index < top)
		if (cold[index].type != TYPE_FREE && cold[index].slice != VRF_UNDERLAY)
			return index;
	return 0;
}
