/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops, interned and counted. Main thread only. Owns nexthop_hot[] and nexthop_address[].
 * Groups are nexthop_group.c's. */
#include "nexthop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "notify.h"
#include "l3.h"
#include "neighbor.h"
#include "nexthop_cold.h"
#include "port_link.h"
#include "rcu.h"
#include "reserve.h"
#include "schema.h"
#include "tunnel.h"

/* Left for neighbours, gateway addresses and connected networks, which have limits of their own. */
#define KEPT_BACK (LIMIT_HOSTS + LIMIT_ADDRESSES + LIMIT_ATTACHMENTS + 1)
#define HEADS	  65536

uint64_t *nexthop_hot;
struct api_ip *nexthop_address;
struct nexthop *nexthop_cold;
uint32_t nexthop_top = 1;     /* no index at or above was ever used */
static uint32_t *head;	      /* [HEADS] chains of equal hash */
static uint32_t *tunnel_ways; /* [LIMIT_TUNNELS + 1] next hops by each tunnel */
static uint32_t free_head, used;
static bool unsettled;
static const struct notify notify;

int nexthop_init(void)
{
	notify_listen(&notify);
	nexthop_hot =
		reserve_map_huge(LIMIT_NEXTHOPS * sizeof(*nexthop_hot), PROT_READ | PROT_WRITE);
	nexthop_address = reserve_map(LIMIT_NEXTHOPS * sizeof(*nexthop_address));
	nexthop_cold = reserve_map(LIMIT_NEXTHOPS * sizeof(*nexthop_cold));
	head = reserve_map(HEADS * sizeof(*head));
	tunnel_ways = calloc(LIMIT_TUNNELS + 1, sizeof(*tunnel_ways));
	free_head = used = 0;
	nexthop_top = 1;
	unsettled = false;
	if (nexthop_hot == NULL || nexthop_address == NULL || nexthop_cold == NULL ||
		head == NULL || tunnel_ways == NULL)
		return -ENOMEM;
	nexthop_hot[0] = NEXTHOP_DROP(NEXTHOP_NONE);
	return 0;
}

void nexthop_fini(void)
{
	for (uint32_t i = 1; nexthop_cold != NULL && i < nexthop_top; i++)
		if (nexthop_cold[i].type == COLD_GROUP)
			group_free(&nexthop_cold[i], nexthop_hot[i]);
	reserve_unmap(nexthop_hot, LIMIT_NEXTHOPS * sizeof(*nexthop_hot));
	reserve_unmap(nexthop_address, LIMIT_NEXTHOPS * sizeof(*nexthop_address));
	reserve_unmap(nexthop_cold, LIMIT_NEXTHOPS * sizeof(*nexthop_cold));
	reserve_unmap(head, HEADS * sizeof(*head));
	free(tunnel_ways);
	nexthop_hot = NULL;
	nexthop_address = NULL;
	nexthop_cold = NULL;
	head = tunnel_ways = NULL;
}

/* ---- indices ---- */

/* Then a free index is in the list, or at nexthop_top. */
static bool has_room(bool kept_back)
{
	return used + (kept_back ? 0 : KEPT_BACK) < LIMIT_NEXTHOPS - 1;
}

static int index_take(bool kept_back, uint32_t *index)
{
	if (!has_room(kept_back))
		rcu_reclaim(true); /* what was given back a moment ago */
	if (!has_room(kept_back))
		return -ENOSPC;
	if (free_head != 0) {
		*index = free_head;
		free_head = nexthop_cold[free_head].next;
	} else {
		*index = nexthop_top++;
	}
	used++;
	return 0;
}

static void index_free(void *arg)
{
	uint32_t index = (uintptr_t)arg;

	nexthop_cold[index] = (struct nexthop){.next = free_head};
	free_head = index;
	used--;
}

int nexthop_index_take(uint32_t *index)
{
	return index_take(false, index);
}

void nexthop_index_give(uint32_t index)
{
	rcu_defer(index_free, (void *)(uintptr_t)index);
}

/* ---- interning ---- */

uint32_t nexthop_hash(uint32_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

uint32_t *nexthop_chain(uint32_t hash)
{
	return &head[(hash ^ hash >> 16) % HEADS];
}

static uint32_t *chain_of(enum cold_type type, uint16_t slice, const struct l3_via *via)
{
	uint32_t h = nexthop_hash(NEXTHOP_HASH ^ (uint32_t)type, &slice, sizeof(slice));

	h = nexthop_hash(h, &via->attachment, sizeof(via->attachment));
	h = nexthop_hash(h, &via->tunnel, sizeof(via->tunnel));
	h = nexthop_hash(h, &via->address, sizeof(via->address));
	h = nexthop_hash(h, &via->mac, sizeof(via->mac));
	return nexthop_chain(h);
}

static bool same_via(const struct l3_via *a, const struct l3_via *b)
{
	return a->attachment == b->attachment && a->tunnel == b->tunnel &&
	       memcmp(&a->address, &b->address, sizeof(a->address)) == 0 &&
	       memcmp(&a->mac, &b->mac, sizeof(a->mac)) == 0;
}

static uint32_t find(uint32_t *chain, enum cold_type type, uint16_t slice, const struct l3_via *via)
{
	uint32_t i = *chain;

	while (i != 0 && !(nexthop_cold[i].type == type && nexthop_cold[i].slice == slice &&
				 same_via(&nexthop_cold[i].via, via)))
		i = nexthop_cold[i].next;
	return i;
}

void nexthop_unchain(uint32_t *at, uint32_t index)
{
	while (*at != index)
		at = &nexthop_cold[*at].next;
	*at = nexthop_cold[index].next;
}

static uint64_t mac_word(const struct api_mac_addr *mac)
{
	uint64_t word = 0;

	memcpy(&word, mac, sizeof(*mac));
	return word;
}

void nexthop_store(uint32_t index, uint64_t word)
{
	/* release: a group's slots are filled before; pairs with the acquire in route.c's
	 * nexthop_load() */
	__atomic_store_n(&nexthop_hot[index], word, __ATOMIC_RELEASE);
}

static void write_word(uint32_t index)
{
	const struct nexthop *n = &nexthop_cold[index];
	uint64_t mac = mac_word(&n->via.mac);

	if (n->via.tunnel != 0)
		nexthop_store(index, NEXTHOP_WORD(NEXTHOP_TUNNEL, n->via.tunnel,
					     mac != 0 ? mac : slice_hot[n->slice].mac));
	else
		nexthop_store(index, NEXTHOP_WORD(NEXTHOP_ASK, n->via.attachment, 0));
}

static bool is_down(const struct nexthop *n)
{
	if (n->via.tunnel != 0)
		return !tunnel_has_path(n->via.tunnel);
	return n->unresolved || !port_link_up(attachment_hot[n->via.attachment].port);
}

/* The next hop of one way, without a user yet. */
static int intern(uint16_t slice, const struct l3_via *via, bool kept_back, uint32_t *index)
{
	uint32_t *chain = chain_of(COLD_WAY, slice, via);

	*index = find(chain, COLD_WAY, slice, via);
	if (*index != 0)
		return 0;
	if (index_take(kept_back, index) != 0)
		return -ENOSPC;
	struct nexthop *n = &nexthop_cold[*index];

	*n = (struct nexthop){.type = COLD_WAY, .slice = slice, .via = *via, .next = *chain};
	n->via.weight = 0;
	n->unresolved = via->tunnel == 0 && via->address.family != 0; /* yet */
	n->down = is_down(n);
	*chain = *index;
	tunnel_ways[via->tunnel]++;
	nexthop_address[*index] = via->tunnel == 0 ? via->address : (struct api_ip){.family = 0};
	write_word(*index);
	return 0;
}

static void release_if_unused(uint32_t index)
{
	struct nexthop *n = &nexthop_cold[index];

	if (n->routes + n->others > 0)
		return;
	nexthop_unchain(chain_of(n->type, n->slice, &n->via), index);
	tunnel_ways[n->via.tunnel]--;
	n->type = COLD_FREE;
	nexthop_store(index, NEXTHOP_DROP(NEXTHOP_BLACKHOLE));
	nexthop_index_give(index);
}

/* A route's use of one way; its neighbour is asked for as long as there is one. */
int nexthop_take_way(uint16_t slice, const struct l3_via *via, uint32_t *index)
{
	int rc = intern(slice, via, false, index);

	if (rc == 0 && nexthop_cold[*index].routes++ == 0 && via->attachment != 0 &&
		via->address.family != 0)
		neighbor_want(slice, via->attachment, &via->address);
	return rc;
}

int nexthop_take(uint16_t slice, const struct l3_via *via, uint32_t count, uint32_t *index)
{
	return count == 1 ? nexthop_take_way(slice, via, index)
			  : group_take(slice, via, count, index);
}

void nexthop_drop(uint32_t index)
{
	struct nexthop *n = &nexthop_cold[index];

	if (--n->routes > 0)
		return;
	if (n->type == COLD_GROUP) {
		group_drop(index);
		return;
	}
	if (n->type == COLD_OTHER) {
		n->type = COLD_FREE;
		nexthop_store(index, NEXTHOP_DROP(NEXTHOP_BLACKHOLE));
		nexthop_index_give(index);
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

int nexthop_take_neighbor(
	uint16_t slice, uint16_t attachment, const struct api_ip *address, uint32_t *index)
{
	struct l3_via via = {.attachment = attachment, .address = *address};
	int rc = intern(slice, &via, true, index);

	if (rc == 0)
		nexthop_cold[*index].others++;
	return rc;
}

static void set_unresolved(uint32_t index, bool unresolved)
{
	struct nexthop *n = &nexthop_cold[index];
	bool was_down = n->down;

	n->unresolved = unresolved;
	n->down = is_down(n);
	if (n->down != was_down)
		groups_follow(index);
}

void nexthop_drop_neighbor(uint32_t index)
{
	struct nexthop *n = &nexthop_cold[index];

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
	if (index_take(true, index) != 0)
		return -ENOSPC;
	nexthop_cold[*index] = (struct nexthop){
		.type = COLD_OTHER, .slice = slice, .routes = 1, .via.attachment = attachment};
	nexthop_address[*index] = address != NULL ? *address : (struct api_ip){.family = 0};
	nexthop_store(*index, NEXTHOP_WORD(NEXTHOP_OTHER, what, attachment));
	return 0;
}

int nexthop_take_discard(uint16_t slice, uint32_t *index)
{
	return nexthop_take_other(slice, NEXTHOP_BLACKHOLE, 0, NULL, index);
}

/* ---- what changes under them ---- */

void nexthop_resolve(uint32_t index, const struct api_mac_addr *mac, bool dead)
{
	struct nexthop *n = &nexthop_cold[index];

	if (mac != NULL)
		nexthop_store(
			index, NEXTHOP_WORD(NEXTHOP_ATTACHMENT, n->via.attachment, mac_word(mac)));
	else if (dead)
		nexthop_store(index, NEXTHOP_DROP(NEXTHOP_UNREACHABLE));
	else
		write_word(index);
	set_unresolved(index, mac == NULL);
}

/* ---- events ---- */

static void on_slice_changed(uint16_t slice, const struct slice_hot *before)
{
	if (!before->live || before->mac == slice_hot[slice].mac)
		return;
	for (uint32_t i = 1; i < nexthop_top; i++)
		if (nexthop_cold[i].type == COLD_WAY && nexthop_cold[i].slice == slice &&
			nexthop_cold[i].via.tunnel != 0)
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

	for (uint32_t i = 1; unsettled && i < nexthop_top; i++) {
		struct nexthop *n = &nexthop_cold[i];

		if (n->type != COLD_WAY || n->down == is_down(n))
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

/* ---- reading ---- */

uint32_t nexthop_ways(uint32_t index, struct l3_via *via)
{
	const struct nexthop *n = &nexthop_cold[index];

	if (n->type == COLD_GROUP)
		return group_ways(n, via);
	if (n->type != COLD_WAY)
		return 0;
	via[0] = n->via;
	via[0].weight = 1;
	return 1;
}

void nexthop_text(uint32_t index, char *text)
{
	static const char *const others[] = {"none", "local", "drop", "unreachable", "group"};
	const struct nexthop *n = &nexthop_cold[index];
	uint64_t word = nexthop_hot[index], high = NEXTHOP_HIGH(word);
	struct api_mac_addr mac;
	char ip[64], at[64];

	api_ip_format(&nexthop_address[index], false, ip);
	memcpy(&mac, &high, sizeof(mac));
	api_mac_format(&mac, at);
	if (n->type == COLD_GROUP)
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
	return used;
}

uint32_t nexthop_after(uint32_t index)
{
	while (++index < nexthop_top)
		if (nexthop_cold[index].type != COLD_FREE)
			return index;
	return 0;
}
