/* SPDX-License-Identifier: BSD-3-Clause */
/* Attachments: (port, VLAN) → slice. Main thread only. Owns attachment_hot[] and fills the
 * ports' VLAN maps. */
#include "attachment.h"

#include <rte_malloc.h>

#include "notify.h"
#include "fdb.h"
#include "hot.h"
#include "ids.h"
#include "rcu.h"
#include "slice.h"

static struct ids ids;

static bool is_in_slice(uint32_t id, uint16_t slice)
{
	return attachment_in_slice(id, slice);
}

int attachment_init(uint32_t workers_total)
{
	static const struct door_ops ops = {.in_slice = is_in_slice};

	door_register(DOOR_ATTACHMENT, &ops);
	attachment_hot = rte_zmalloc("attachment_hot",
		(LIMIT_ATTACHMENTS + 1) * sizeof(*attachment_hot), RTE_CACHE_LINE_SIZE);
	ids_init(&ids, LIMIT_ATTACHMENTS);
	return attachment_hot != NULL ? 0 : -ENOMEM;
}

void attachment_fini(void)
{
	rte_free(attachment_hot);
	attachment_hot = NULL;
}

int attachment_reserve(uint16_t *id)
{
	return ids_reserve(&ids, id);
}

void attachment_release(uint16_t id)
{
	ids_give(&ids, id);
}

static uint16_t door_load(uint16_t port, uint16_t vlan)
{
	return vlan != 0 ? port_hot[port].vlan[vlan] : port_hot[port].untagged;
}

/* What frames of (port, vlan) find. */
static void door_store(uint16_t port, uint16_t vlan, uint16_t id)
{
	struct port_hot *ph = &port_hot[port];

	if ((door_load(port, vlan) != 0) != (id != 0)) {
		__atomic_store_n(
			&ph->attachments, ph->attachments + (id != 0 ? 1 : -1), __ATOMIC_RELAXED);
		port_take(port, vlan, id != 0);
	}
	/* release: the attachment's own fields are stored before; pairs with the dependent load in
	 * parse_run() */
	__atomic_store_n(vlan != 0 ? &ph->vlan[vlan] : &ph->untagged, id, __ATOMIC_RELEASE);
}

static void hot_store(uint16_t id, struct attachment_hot hot)
{
	uint64_t word;

	/* one word: a worker never sees the slice of one moment with the port of another */
	memcpy(&word, &hot, sizeof(word));
	__atomic_store_n((uint64_t *)&attachment_hot[id], word, __ATOMIC_RELEASE);
}

void attachment_set(uint16_t id, uint16_t slice, uint16_t port, uint16_t vlan)
{
	struct attachment_hot old = attachment_hot[id];
	uint16_t old_vlan = old.vlan & ATTACHMENT_VID;
	uint16_t flags = (slice_hot[slice].flags & SLICE_IS_L3 ? ATTACHMENT_L3 : 0) |
			 (old.vlan & (ATTACHMENT_METER_IN | ATTACHMENT_METER_OUT));

	if (old.slice != 0 && (old.port != port || old_vlan != vlan) &&
		door_load(old.port, old_vlan) == id)
		door_store(old.port, old_vlan, 0);
	if (old.slice != 0 && old.slice != slice) {
		flood_list_change(old.slice, DOOR_ATTACHMENT | id, false);
		fdb_flush(0, DOOR_ATTACHMENT | id);
	}
	hot_store(id, (struct attachment_hot){.slice = slice,
			      .port = port,
			      .vlan = vlan | flags,
			      .mtu = port_hot[port].mtu});
	door_store(port, vlan, id);
	if (old.slice != 0 && old.port != port)
		NOTIFY(links_moved); /* another port's link counts */
	if (old.slice != slice)
		flood_list_change(slice, DOOR_ATTACHMENT | id, true);
}

static void free_id(void *arg)
{
	uint16_t id = (uintptr_t)arg;

	counters_zero(offsetof(struct switch_worker, attachment), id);
	NOTIFY(id_freed);
	ids_give(&ids, id);
}

void attachment_unset(uint16_t id)
{
	struct attachment_hot old = attachment_hot[id];
	uint16_t old_vlan = old.vlan & ATTACHMENT_VID;

	if (door_load(old.port, old_vlan) == id)
		door_store(old.port, old_vlan, 0);
	hot_store(id, (struct attachment_hot){0});
	flood_list_change(old.slice, DOOR_ATTACHMENT | id, false);
	fdb_flush(0, DOOR_ATTACHMENT | id);
	rcu_defer(free_id, (void *)(uintptr_t)id);
}

void attachment_port_mtu(uint16_t port)
{
	for (uint32_t id = 1; id <= LIMIT_ATTACHMENTS; id++) {
		struct attachment_hot hot = attachment_hot[id];

		if (hot.slice == 0 || hot.port != port)
			continue;
		hot.mtu = port_hot[port].mtu;
		hot_store(id, hot);
	}
}

bool attachment_in_slice(uint16_t id, uint16_t slice)
{
	return id != 0 && id <= LIMIT_ATTACHMENTS && attachment_hot[id].slice == slice;
}

void attachment_counters_read(uint16_t id, struct counters *out)
{
	counters_sum(out, offsetof(struct switch_worker, attachment), id);
}
