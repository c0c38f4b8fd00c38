/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnels: who may send to us (the endpoint tables) and what we send with (the paths' finished
 * headers). Main thread only. Owns tunnel_hot[], the endpoint tables and the paths. */
#include "tunnel.h"

#include <errno.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_udp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "hot.h"
#include "ids.h"
#include "ipv4_sum.h"
#include "notify.h"
#include "rcu.h"
#include "schema.h"
#include "slice.h"
#include "tunnel_parts.h"

#define ENCAP_LINE 64u /* bytes */

#define LINES (2 * LIMIT_TUNNELS) /* the old one of each tunnel may wait for its grace period */

static union line {
	union line *next; /* while it is free */
	uint8_t bytes[ENCAP_LINE];
} __rte_cache_aligned *lines, *free_line;

/* 0 or -ENOMEM. */
static int encap_memory_init(void)
{
	lines = rte_zmalloc("encap", LINES * sizeof(*lines), RTE_CACHE_LINE_SIZE);
	free_line = NULL;
	for (uint32_t i = LINES; lines != NULL && i > 0; i--) {
		lines[i - 1].next = free_line;
		free_line = &lines[i - 1];
	}
	return lines != NULL ? 0 : -ENOMEM;
}

static void encap_memory_fini(void)
{
	rte_free(lines);
	lines = free_line = NULL;
}

/* bytes: ENCAP_LINE, or those of an array of encaps. Aligned as an address with PATHS_LOG2 in its
 * low bits must be. NULL: no memory. */
static struct encap *encap_new(size_t bytes)
{
	union line *line = free_line;

	if (bytes > sizeof(*line) || line == NULL)
		return rte_malloc("encap", RTE_MAX(bytes, sizeof(struct encap)), 128);
	free_line = line->next;
	return (struct encap *)line;
}

static void encap_free(struct encap *paths)
{
	union line *line = (union line *)paths;

	if (line < lines || line >= lines + LINES) {
		rte_free(paths);
		return;
	}
	line->next = free_line;
	free_line = line;
}

/* What only the main thread needs of a tunnel. */
struct tunnel {
	bool used;
	struct api_tunnel cfg;
	uint16_t *slice; /* the slices stretched over it */
	uint32_t slices, room;
	uint32_t paths;
	uint8_t why;
	struct api_ip next_hop;
	uint16_t port;
};

static struct tunnel *tunnels;
static struct ids ids;
static uint16_t top;	     /* the highest that was ever reserved */
static struct encap no_path; /* what an unused tunnel's frames find */

static bool is_in_slice(uint32_t id, uint16_t slice)
{
	return member_exists(slice, id);
}

/* Its members move to another VNI, before slice_hot has it. */
static void on_slice_vni(uint16_t slice, uint32_t vni_be)
{
	const struct flood_list *list = slice_hot[slice].flood;

	for (uint32_t i = 0; list != NULL && i < list->tunnels; i++) {
		uint16_t id = list->id[list->attachments + i];

		vtep_member(&tunnels[id].cfg, slice_hot[slice].vni_be, slice, id, false);
		vtep_member(&tunnels[id].cfg, vni_be, slice, id, true);
	}
}

/* The endpoint entries get the marks of the slice's flags. */
static void on_slice_changed(uint16_t slice, const struct slice_hot *before)
{
	const struct flood_list *list = slice_hot[slice].flood;
	bool marks = before->live && before->flags != slice_hot[slice].flags;

	for (uint32_t i = 0; marks && list != NULL && i < list->tunnels; i++) {
		uint16_t id = list->id[list->attachments + i];

		vtep_member(&tunnels[id].cfg, slice_hot[slice].vni_be, slice, id, true);
	}
}

int tunnel_init(uint32_t workers_total)
{
	static const struct door_ops ops = {.in_slice = is_in_slice};
	static const struct notify notify = {
		.slice_vni = on_slice_vni, .slice_changed = on_slice_changed};

	door_register(DOOR_TUNNEL, &ops);
	notify_listen(&notify);
	tunnel_hot = rte_zmalloc(
		"tunnel_hot", (LIMIT_TUNNELS + 1) * sizeof(*tunnel_hot), RTE_CACHE_LINE_SIZE);
	tunnels = calloc(LIMIT_TUNNELS + 1, sizeof(*tunnels));
	ids_init(&ids, LIMIT_TUNNELS);
	top = 0;
	if (tunnel_hot == NULL || tunnels == NULL)
		return -ENOMEM;
	no_path = (struct encap){.port = PORT_NONE, .why = DROP_DESTINATION_GONE};
	for (uint32_t i = 0; i <= LIMIT_TUNNELS; i++)
		tunnel_hot[i].paths = (uintptr_t)&no_path;
	return encap_memory_init() == 0 ? vtep_init() : -ENOMEM;
}

static void paths_free(void *arg)
{
	struct encap *array = (void *)((uintptr_t)arg & ~(uintptr_t)PATHS_LOG2);

	if (array != &no_path)
		encap_free(array);
}

void tunnel_fini(void)
{
	for (uint32_t i = 1; tunnels != NULL && tunnel_hot != NULL && i <= top; i++) {
		paths_free((void *)tunnel_hot[i].paths);
		free(tunnels[i].slice);
	}
	vtep_fini();
	encap_memory_fini();
	rte_free(tunnel_hot);
	free(tunnels);
	tunnel_hot = NULL;
	tunnels = NULL;
}

int tunnel_reserve(uint16_t *id)
{
	int rc = ids_reserve(&ids, id);

	if (rc == 0 && *id > top)
		top = *id;
	return rc;
}

uint16_t tunnel_top(void)
{
	return top;
}

void tunnel_release(uint16_t id)
{
	ids_give(&ids, id);
}

const struct api_tunnel *tunnel_config(uint16_t id)
{
	return tunnels[id].used ? &tunnels[id].cfg : NULL;
}

bool tunnel_is_used(uint16_t id)
{
	return tunnels[id].used;
}

/* ---- members ---- */

static void endpoints(const struct tunnel *t, uint16_t id, bool add)
{
	vtep_peer(&t->cfg, id, add);
	for (uint32_t i = 0; i < t->slices; i++)
		vtep_member(&t->cfg, slice_hot[t->slice[i]].vni_be, t->slice[i], id, add);
}

void tunnel_set(uint16_t id, const struct api_tunnel *cfg)
{
	struct tunnel *t = &tunnels[id];

	if (t->used)
		endpoints(t, id, false);
	t->cfg = *cfg;
	t->used = true;
	endpoints(t, id, true);
	NOTIFY(tunnel_changed, id);
}

static void free_id(void *arg)
{
	uint16_t id = (uintptr_t)arg;

	counters_zero(offsetof(struct switch_worker, tunnel), id);
	ids_give(&ids, id);
}

void tunnel_unset(uint16_t id)
{
	struct tunnel *t = &tunnels[id];
	uintptr_t old = tunnel_hot[id].paths;

	endpoints(t, id, false);
	free(t->slice);
	memset(t, 0, sizeof(*t));
	__atomic_store_n(&tunnel_hot[id].paths, (uintptr_t)&no_path, __ATOMIC_RELEASE);
	NOTIFY(door_left, 0, DOOR_TUNNEL | id);
	NOTIFY(tunnel_changed, id); /* it wants no next hops any more */
	rcu_defer(paths_free, (void *)old);
	rcu_defer(free_id, (void *)(uintptr_t)id);
}

static uint32_t find_slice(const struct tunnel *t, uint16_t slice)
{
	uint32_t i = 0;

	while (i < t->slices && t->slice[i] != slice)
		i++;
	return i;
}

bool member_exists(uint16_t slice, uint16_t tunnel)
{
	return tunnel != 0 && tunnel <= LIMIT_TUNNELS && tunnels[tunnel].used &&
	       vtep_is_member(&tunnels[tunnel].cfg, slice_hot[slice].vni_be, slice);
}

void member_set(uint16_t slice, uint16_t tunnel)
{
	struct tunnel *t = &tunnels[tunnel];

	if (find_slice(t, slice) < t->slices)
		return;
	if (t->slices == t->room) {
		uint32_t room = t->room != 0 ? 2 * t->room : 4;
		uint16_t *more = realloc(t->slice, room * sizeof(*more));

		if (more == NULL) {
			RTE_LOG(ERR, USER1, "no memory for slice %u on tunnel %u\n", slice, tunnel);
			return;
		}
		t->slice = more;
		t->room = room;
	}
	t->slice[t->slices++] = slice;
	vtep_member(&t->cfg, slice_hot[slice].vni_be, slice, tunnel, true);
	flood_list_change(slice, DOOR_TUNNEL | tunnel, true);
}

void member_unset(uint16_t slice, uint16_t tunnel)
{
	struct tunnel *t = &tunnels[tunnel];
	uint32_t i = find_slice(t, slice);

	if (i == t->slices)
		return;
	t->slice[i] = t->slice[--t->slices];
	vtep_member(&t->cfg, slice_hot[slice].vni_be, slice, tunnel, false);
	flood_list_change(slice, DOOR_TUNNEL | tunnel, false);
	NOTIFY(door_left, slice, DOOR_TUNNEL | tunnel);
}

/* ---- paths ---- */

static bool wants_udp_checksum(const struct api_tunnel *cfg)
{
	if (cfg->udp_csum == CSUM_AUTO)
		return cfg->local.family == 6; /* RFC 8200 section 8.1 */
	return cfg->udp_csum == CSUM_ON;
}

static uint16_t sum_words(const uint8_t *p, uint32_t len)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < len; i += 2)
		sum += *(const wire16_t *)(p + i);
	return sum_fold(sum);
}

static void write_ip(struct encap *e, const struct api_tunnel *cfg, uint8_t *ip)
{
	bool df = cfg->df && !cfg->fragment;

	if (cfg->local.family == 4) {
		ip[0] = 0x45;
		ip[6] = df ? 0x40 : 0;
		ip[8] = cfg->ttl;
		ip[9] = IPPROTO_UDP;
		memcpy(ip + 12, cfg->local.bytes, 4);
		memcpy(ip + 16, cfg->remote.bytes, 4);
		e->csum_base = sum_words(ip, 20);
		if (!df)
			e->flags |= ENCAP_IP_ID;
	} else {
		ip[0] = 0x60;
		ip[6] = IPPROTO_UDP;
		ip[7] = cfg->ttl;
		memcpy(ip + 8, cfg->local.bytes, 16);
		memcpy(ip + 24, cfg->remote.bytes, 16);
		e->flags |= ENCAP_IPV6;
	}
}

/* The header as it goes out, but for what changes per packet. */
static void write_encap(
	struct encap *e, const struct api_tunnel *cfg, const struct tunnel_path *path)
{
	uint32_t ip_len = cfg->local.family == 4 ? 20 : 40;
	uint8_t *udp = e->hdr + sizeof(struct rte_ether_hdr) + ip_len;
	uint16_t type = cfg->local.family == 4 ? RTE_BE16(RTE_ETHER_TYPE_IPV4)
					       : RTE_BE16(RTE_ETHER_TYPE_IPV6);
	uint16_t port_be = rte_cpu_to_be_16(cfg->dst_port);

	memset(e, 0, sizeof(*e));
	e->port = path->port;
	e->hdr_len = sizeof(struct rte_ether_hdr) + ip_len + 16; /* GTP-U: without options */
	e->max_len = port_hot[path->port].mtu + sizeof(struct rte_ether_hdr) - e->hdr_len;
	memcpy(e->hdr, &path->mac, 6);
	memcpy(e->hdr + 6, &port_hot[path->port].mac, 6);
	memcpy(e->hdr + 12, &type, 2);
	write_ip(e, cfg, e->hdr + sizeof(struct rte_ether_hdr));
	memcpy(udp + 2, &port_be, 2);
	if (cfg->encap == ENCAP_GTPU)
		memcpy(udp, udp + 2, 2); /* of messages; user data has its flow's (gtpu_out.c) */
	else if (cfg->encap == ENCAP_GENEVE)
		memcpy(udp + 10, &(uint16_t){RTE_BE16(0x6558)}, 2); /* Ethernet inside */
	else
		udp[8] = 0x08; /* VXLAN: VNI present */
	if (cfg->fragment)
		e->flags |= ENCAP_FRAGMENT;
	if (cfg->dscp != DSCP_COPY) {
		e->flags |= ENCAP_DSCP_FIXED;
		e->dscp = cfg->dscp << 2;
	}
	if (wants_udp_checksum(cfg)) {
		uint32_t addresses = cfg->local.family == 4 ? 8 : 32;

		e->udp_base = sum_fold(sum_words(udp - addresses, addresses) +
				       RTE_BE16(IPPROTO_UDP) + port_be + sum_words(udp + 8, 4));
		e->flags |= ENCAP_UDP_CSUM;
	}
}

/* log2 of how many hash slots these weights need: all equal and a power of two, themselves; else 64
 * to share out. */
static uint32_t slots_log2(const struct tunnel_path *paths, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++)
		if (paths[i].weight != paths[0].weight)
			return 6;
	return rte_is_power_of_2(count) ? (uint32_t)__builtin_ctz(count) : 6;
}

/* Fills the slots in proportion to the weights, to within one slot. */
static void share_slots(struct encap *slot, uint32_t slots, const struct api_tunnel *cfg,
	const struct tunnel_path *paths, uint32_t count)
{
	uint64_t total = 0, before = 0;
	uint32_t at = 0;

	for (uint32_t i = 0; i < count; i++)
		total += paths[i].weight;
	for (uint32_t i = 0; i < count; i++) {
		before += paths[i].weight;
		uint32_t end = (before * slots + total / 2) / total;

		for (; at < end; at++)
			write_encap(&slot[at], cfg, &paths[i]);
	}
}

/* The way back may be any of the paths. */
static void note_least(struct encap *slot, uint32_t slots)
{
	uint16_t least = slot[0].max_len;

	for (uint32_t i = 1; i < slots; i++)
		least = RTE_MIN(least, slot[i].max_len);
	for (uint32_t i = 0; i < slots; i++)
		slot[i].least_len = least;
}

void tunnel_publish(uint16_t id, const struct tunnel_path *paths, uint32_t count, uint8_t why,
	const struct api_ip *next_hop)
{
	struct tunnel *t = &tunnels[id];
	uint32_t log2 = count > 1 ? slots_log2(paths, count) : 0;
	bool one_line = count == 0 || (count == 1 && t->cfg.local.family == 4);
	size_t bytes = one_line ? ENCAP_LINE : sizeof(struct encap) << log2;
	struct encap one, *fresh = count > 1 ? encap_new(bytes) : &one;
	uintptr_t old = tunnel_hot[id].paths;

	if (fresh == NULL)
		goto err_memory;
	if (count == 0)
		one = (struct encap){.port = PORT_NONE, .why = why};
	else if (count == 1)
		write_encap(&one, &t->cfg, paths);
	else
		share_slots(fresh, 1u << log2, &t->cfg, paths, count);
	note_least(fresh, 1u << log2);
	bool was_up = t->paths > 0;

	t->paths = count;
	t->why = why;
	t->next_hop = count > 0 ? paths[0].next_hop : *next_hop;
	t->port = count > 0 ? paths[0].port : PORT_NONE;
	if ((old & PATHS_LOG2) == log2 &&
		memcmp((void *)(old & ~(uintptr_t)PATHS_LOG2), fresh, bytes) == 0) {
		if (fresh != &one)
			encap_free(fresh);
		return;
	}
	if (fresh == &one) {
		fresh = encap_new(bytes);
		if (fresh == NULL)
			goto err_memory;
		memcpy(fresh, &one, bytes);
	}
	/* release: pairs with the acquire in path_pick() */
	__atomic_store_n(&tunnel_hot[id].paths, (uintptr_t)fresh | log2, __ATOMIC_RELEASE);
	rcu_defer(paths_free, (void *)old);
	if (was_up != (count > 0))
		NOTIFY(tunnel_moved, id);
	return;

err_memory:
	RTE_LOG(ERR, USER1, "no memory for the paths of tunnel %s\n", t->cfg.name);
}

bool tunnel_has_path(uint16_t id)
{
	return tunnels[id].paths > 0;
}

void tunnel_state(uint16_t id, char *text)
{
	const struct tunnel *t = &tunnels[id];
	char hop[64];

	api_ip_format(&t->next_hop, false, hop);
	if (t->paths == 0 && t->why == DROP_NO_NEIGHBOR)
		snprintf(text, 160, "down: no neighbor %s", hop);
	else if (t->paths == 0 && t->why == DROP_LINK_DOWN)
		snprintf(text, 160, "down: no link to %s", hop);
	else if (t->paths == 0)
		snprintf(text, 160, "down: no route");
	else if (t->paths == 1)
		snprintf(text, 160, "up via %s %s", port_name(t->port), hop);
	else
		snprintf(text, 160, "up via %s %s and %u more", port_name(t->port), hop,
			t->paths - 1);
}

void tunnel_counters_read(uint16_t id, struct counters *out)
{
	counters_sum(out, offsetof(struct switch_worker, tunnel), id);
}
