/* SPDX-License-Identifier: BSD-3-Clause */
/* Slices and where they flood to. Main thread only. Owns slice_hot[] and the flood lists. */
#include "slice.h"

#include <rte_byteorder.h>
#include <rte_malloc.h>
#include <stdlib.h>

#include "notify.h"
#include "hot.h"
#include "ids.h"
#include "rcu.h"
#include "shaper.h"

static struct ids ids;
static uint32_t *ageing_s, *max_macs; /* [LIMIT_SLICES + 1] */
static bool *waits; /* [LIMIT_SLICES + 1] id is free once the last held packet is counted */
static const struct flood_list empty_list;

int slice_init(uint32_t workers_total)
{
	slice_hot = rte_zmalloc(
		"slice_hot", (LIMIT_SLICES + 1) * sizeof(*slice_hot), RTE_CACHE_LINE_SIZE);
	ageing_s = calloc(LIMIT_SLICES + 1, sizeof(*ageing_s));
	max_macs = calloc(LIMIT_SLICES + 1, sizeof(*max_macs));
	waits = calloc(LIMIT_SLICES + 1, sizeof(*waits));
	ids_init(&ids, LIMIT_SLICES);
	return slice_hot != NULL && ageing_s != NULL && max_macs != NULL && waits != NULL ? 0
											  : -ENOMEM;
}

static void list_free(struct flood_list *list)
{
	if (list != &empty_list)
		rte_free(list);
}

void slice_fini(void)
{
	for (uint32_t i = 1; slice_hot != NULL && i <= LIMIT_SLICES; i++)
		list_free(slice_hot[i].flood);
	rte_free(slice_hot);
	slice_hot = NULL;
	free(ageing_s);
	free(max_macs);
	free(waits);
	ageing_s = max_macs = NULL;
	waits = NULL;
}

int slice_reserve(uint16_t *id)
{
	return ids_reserve(&ids, id);
}

void slice_release(uint16_t id)
{
	ids_give(&ids, id);
}

static uint8_t flags_of(const struct api_slice *cfg)
{
	return (cfg->kind == SLICE_L3 ? SLICE_IS_L3 : 0) | (cfg->mss_clamp ? SLICE_CLAMP_MSS : 0) |
	       (cfg->suppress && cfg->kind == SLICE_L2 ? SLICE_SUPPRESS : 0) |
	       (cfg->tunnel_learning ? 0 : SLICE_UNTAUGHT);
}

/* 02:5c, the VNI, 01: the same at every site unless configured, so that a host may move. */
static uint64_t gateway_mac(const struct api_slice *cfg)
{
	static const struct api_mac_addr none;
	uint8_t mac[8] = {0x02, 0x5c, cfg->vni >> 16, cfg->vni >> 8, cfg->vni, 1};
	uint64_t word;

	if (memcmp(&cfg->mac, &none, sizeof(none)))
		memcpy(mac, &cfg->mac, sizeof(cfg->mac));
	memcpy(&word, mac, sizeof(word));
	return word;
}

void slice_mac_set(uint16_t id, const struct api_slice *cfg)
{
	__atomic_store_n(&slice_hot[id].mac, gateway_mac(cfg), __ATOMIC_RELAXED);
}

void slice_gateway_mac(uint16_t id, struct api_mac_addr *out)
{
	memcpy(out, &slice_hot[id].mac, sizeof(*out));
}

void slice_share_set(uint16_t id, uint32_t weight, uint64_t guarantee_bps)
{
	shaper_class_set(id, weight, guarantee_bps);
}

void slice_set(uint16_t id, const struct api_slice *cfg)
{
	struct slice_hot *s = &slice_hot[id];
	const struct slice_hot before = *s;
	uint32_t vni_be = rte_cpu_to_be_32(cfg->vni << 8);

	ageing_s[id] = cfg->mac_ageing_s;
	max_macs[id] = cfg->max_macs;
	if (s->live && s->vni_be != vni_be)
		NOTIFY(slice_vni, id, vni_be);
	__atomic_store_n(&s->vni_be, vni_be, __ATOMIC_RELAXED);
	__atomic_store_n(&s->flood_cost, bucket_cost(cfg->flood_pps), __ATOMIC_RELAXED);
	if (s->flood == NULL)
		__atomic_store_n(
			&s->flood, (struct flood_list *)(uintptr_t)&empty_list, __ATOMIC_RELEASE);
	slice_mac_set(id, cfg);
	__atomic_store_n(
		&s->flags, flags_of(cfg) | (before.flags & SLICE_SESSIONS), __ATOMIC_RELAXED);
	NOTIFY(slice_changed, id, &before);
	s->live = true;
}

void slice_sessions_set(uint16_t id, bool has)
{
	uint8_t flags = slice_hot[id].flags;

	/* release: a worker that finds a session's entry in the FIB has seen the flag */
	__atomic_store_n(&slice_hot[id].flags,
		has ? flags | SLICE_SESSIONS : flags & ~SLICE_SESSIONS, __ATOMIC_RELEASE);
}

static void id_free(uint16_t id)
{
	counters_zero(offsetof(struct switch_worker, slice), id);
	for (uint32_t i = 0; i < worker_count; i++)
		memset(switch_of(workers[i])->slice_drops[id], 0,
			DROP_SLICE_REASONS * sizeof(uint64_t));
	shaper_class_unset(id); /* what still waits is dropped, not the next slice's */
	NOTIFY(id_freed);
	ids_give(&ids, id);
}

/* Does a room have packets of it? */
static bool is_busy(uint16_t id)
{
	for (const struct notify **l = notify_listeners; *l != NULL; l++)
		if ((*l)->slice_busy != NULL && (*l)->slice_busy(id))
			return true;
	return false;
}

/* After a grace period. */
static void id_leave(void *arg)
{
	uint16_t id = (uintptr_t)arg;

	waits[id] = is_busy(id);
	if (!waits[id])
		id_free(id);
}

void slice_quiet(uint16_t id)
{
	if (waits[id])
		id_free(id);
	waits[id] = false;
}

static void free_list(void *arg)
{
	list_free(arg);
}

void slice_unset(uint16_t id)
{
	struct slice_hot *s = &slice_hot[id];
	struct flood_list *old = s->flood;

	NOTIFY(slice_gone, id);
	s->live = false;
	__atomic_store_n(&s->flood, NULL, __ATOMIC_RELAXED);
	rcu_defer(free_list, old);
	rcu_defer(id_leave, (void *)(uintptr_t)id);
}

bool slice_is_live(uint16_t id)
{
	return id != 0 && id <= LIMIT_SLICES && slice_hot[id].live;
}

uint32_t slice_max_macs(uint16_t id)
{
	return max_macs[id];
}

uint32_t slice_ageing_s(uint16_t id)
{
	return ageing_s[id];
}

/* ---- flood lists ---- */

static void flood_list_publish(uint16_t slice, struct flood_list *fresh)
{
	struct flood_list *old = slice_hot[slice].flood;

	/* release: pairs with the acquire in flood_run() */
	__atomic_store_n(&slice_hot[slice].flood, fresh, __ATOMIC_RELEASE);
	rcu_defer(free_list, old);
}

void flood_list_change(uint16_t slice, door_t door, bool add)
{
	const struct flood_list *old = slice_hot[slice].flood;
	uint32_t n = old->attachments + old->tunnels;
	size_t bytes = sizeof(struct flood_list) + (n + 1) * sizeof(old->id[0]);
	struct flood_list *fresh = rte_zmalloc("flood_list", bytes, 0);

	if (fresh == NULL) { /* old lists may still hold memory */
		rcu_reclaim(true);
		fresh = rte_zmalloc("flood_list", bytes, 0);
	}
	if (fresh == NULL) {
		/* the door stays out of (or in) floods until the list is next rebuilt: said, since
		 * nobody may fail here */
		RTE_LOG(ERR, USER1, "no memory for the flood list of slice %u\n", slice);
		return;
	}
	for (uint32_t i = 0; i < old->attachments; i++)
		if ((DOOR_ATTACHMENT | old->id[i]) != door)
			fresh->id[fresh->attachments++] = old->id[i];
	if (add && DOOR_KIND(door) == DOOR_ATTACHMENT)
		fresh->id[fresh->attachments++] = DOOR_ID(door);
	for (uint32_t i = old->attachments; i < n; i++)
		if ((DOOR_TUNNEL | old->id[i]) != door)
			fresh->id[fresh->attachments + fresh->tunnels++] = old->id[i];
	if (add && DOOR_KIND(door) == DOOR_TUNNEL)
		fresh->id[fresh->attachments + fresh->tunnels++] = DOOR_ID(door);
	flood_list_publish(slice, fresh);
}

void slice_lost(struct worker *w, uint32_t mark, enum drop_reason why)
{
	struct switch_worker *sw = switch_of(w);
	uint16_t slice = mark >> 16 & (SHAPER_CLASSES - 1);

	if (mark == MARK_BOX || LANE_TO(mark) > RTE_MIN(LIMIT_TUNNELS, LIMIT_ATTACHMENTS))
		return; /* nobody's; a mark that no stage makes must not be an index */
	sw->slice.dropped[slice]++;
	sw->slice_drops[slice][why]++;
	if (mark >> 31)
		sw->attachment.dropped[LANE_TO(mark)]++;
	else
		sw->tunnel.dropped[LANE_TO(mark)]++;
}

/* ---- reading ---- */

void slice_counters_read(uint16_t id, struct counters *out)
{
	counters_sum(out, offsetof(struct switch_worker, slice), id);
}

void slice_drops_read(uint16_t id, uint64_t *drops)
{
	memset(drops, 0, DROP_SLICE_REASONS * sizeof(*drops));
	for (uint32_t i = 0; i < worker_count; i++)
		for (uint32_t r = 0; r < DROP_SLICE_REASONS; r++)
			drops[r] += __atomic_load_n(
				&switch_of(workers[i])->slice_drops[id][r], __ATOMIC_RELAXED);
}
