/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts of l3 slices: memory, hash, timers, bounds. Main thread only. Owns nodes[]. */
#include "neighbor_table.h"

#include <errno.h>
#include <rte_common.h>
#include <rte_random.h>
#include <stdlib.h>
#include <string.h>

#include "reserve.h"
#include "slice.h"

#define NODES (LIMIT_HOSTS + ASKING_MAX + 1)
#define HEADS 131072
#define WHEEL 512 /* slots of a tenth of a second */

struct node *nodes;
uint32_t node_top = 1;

static uint32_t *head;		/* [HEADS] */
static uint32_t *on_attachment; /* [LIMIT_ATTACHMENTS + 1] */
static uint32_t free_head, used, refused;
static uint64_t seed; /* random: nobody outside can aim at a chain */

static struct share {
	uint32_t all, dynamic, asking;
} * share; /* [LIMIT_SLICES + 1] */
static uint32_t total[NODE_KEPT + 1];
static uint32_t asking[ASKING_MAX];
static uint32_t evict_cursor;

static uint32_t wheel[WHEEL], wheel_tick;

int nodes_init(uint32_t tick)
{
	nodes = reserve_map(NODES * sizeof(*nodes));
	head = calloc(HEADS, sizeof(*head));
	on_attachment = calloc(LIMIT_ATTACHMENTS + 1, sizeof(*on_attachment));
	share = calloc(LIMIT_SLICES + 1, sizeof(*share));
	free_head = used = refused = evict_cursor = 0;
	wheel_tick = tick;
	node_top = 1;
	seed = rte_rand();
	memset(total, 0, sizeof(total));
	memset(wheel, 0, sizeof(wheel));
	return nodes != NULL && head != NULL && on_attachment != NULL && share != NULL ? 0
										       : -ENOMEM;
}

void nodes_fini(void)
{
	reserve_unmap(nodes, NODES * sizeof(*nodes));
	free(head);
	free(on_attachment);
	free(share);
	nodes = NULL;
	head = on_attachment = NULL;
	share = NULL;
}

/* ---- finding ---- */

static uint32_t *chain_of(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	uint64_t a[2], h = seed ^ ((uint64_t)slice << 16 | attachment);

	memcpy(a, address->bytes, sizeof(a));
	for (uint32_t i = 0; i < RTE_DIM(a); i++) {
		unsigned __int128 product = (unsigned __int128)(h ^ a[i]) * 0x9e3779b97f4a7c15ull;

		h = (uint64_t)product ^ (uint64_t)(product >> 64) ^ seed;
	}
	return &head[h % HEADS];
}

static bool is_node(
	const struct node *n, uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	return n->slice == slice && n->attachment == attachment &&
	       n->address.family == address->family &&
	       memcmp(n->address.bytes, address->bytes, sizeof(address->bytes)) == 0;
}

uint32_t node_find(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	uint32_t i = *chain_of(slice, attachment, address);

	while (i != 0 && !is_node(&nodes[i], slice, attachment, address))
		i = nodes[i].chain;
	return i;
}

/* ---- bounds ---- */

/* Of the slice that is asking for the most hosts. */
static uint32_t asking_victim(void)
{
	uint32_t worst = asking[0];

	for (uint32_t i = 1; i < total[NODE_ASKING]; i++)
		if (share[nodes[asking[i]].slice].asking > share[nodes[worst].slice].asking)
			worst = asking[i];
	return worst;
}

static uint32_t dynamic_victim(void)
{
	for (uint32_t i = 0; i < node_top; i++) {
		evict_cursor = evict_cursor + 1 < node_top ? evict_cursor + 1 : 1;
		const struct node *n = &nodes[evict_cursor];

		if (n->slice != 0 && n->class == NODE_DYNAMIC)
			return evict_cursor;
	}
	return 0;
}

static bool room_asking(uint16_t slice, void (*evict)(uint32_t))
{
	if (share[slice].asking >= ASKING_SLICE)
		return false;
	if (total[NODE_ASKING] < ASKING_MAX)
		return true;
	uint32_t victim = asking_victim();

	if (share[nodes[victim].slice].asking <= share[slice].asking + 1)
		return false;
	evict(victim);
	return true;
}

static bool room(uint16_t slice, enum node_class class, void (*evict)(uint32_t))
{
	uint32_t kept = total[NODE_DYNAMIC] + total[NODE_KEPT];

	switch (class) {
	case NODE_ASKING:
		return room_asking(slice, evict);
	case NODE_DYNAMIC:
		return kept < LIMIT_HOSTS && share[slice].dynamic < slice_max_macs(slice);
	case NODE_KEPT:
		break;
	}
	if (kept < LIMIT_HOSTS)
		return true;
	uint32_t victim = dynamic_victim();

	if (victim != 0)
		evict(victim);
	return victim != 0;
}

static void class_enter(uint32_t i, enum node_class class)
{
	struct node *n = &nodes[i];

	n->class = class;
	if (class == NODE_ASKING) {
		n->asking = total[NODE_ASKING];
		asking[n->asking] = i;
		share[n->slice].asking++;
	}
	share[n->slice].dynamic += class == NODE_DYNAMIC;
	total[class]++;
}

static void class_leave(uint32_t i)
{
	struct node *n = &nodes[i];

	total[n->class]--;
	share[n->slice].dynamic -= n->class == NODE_DYNAMIC;
	if (n->class == NODE_ASKING) {
		uint32_t last = asking[total[NODE_ASKING]];

		asking[n->asking] = last;
		nodes[last].asking = n->asking;
		share[n->slice].asking--;
	}
}

bool node_reclass(uint32_t i, enum node_class class, void (*evict)(uint32_t))
{
	if (nodes[i].class == class)
		return true;
	/* what is kept already and becomes dynamic takes no more of the box, but of its slice */
	bool was_kept = nodes[i].class == NODE_KEPT && class == NODE_DYNAMIC;

	if (was_kept ? share[nodes[i].slice].dynamic >= slice_max_macs(nodes[i].slice)
		     : !(nodes[i].class == NODE_DYNAMIC && class == NODE_KEPT) &&
				!room(nodes[i].slice, class, evict)) {
		refused++;
		return false;
	}
	class_leave(i);
	class_enter(i, class);
	return true;
}

/* ---- life ---- */

uint32_t node_new(uint16_t slice, uint16_t attachment, const struct api_ip *address,
	enum node_class class, void (*evict)(uint32_t))
{
	if (!room(slice, class, evict) || (free_head == 0 && node_top == NODES)) {
		refused++;
		return 0;
	}
	uint32_t i = free_head;

	if (i != 0)
		free_head = nodes[i].chain;
	else
		i = node_top++;
	uint32_t *chain = chain_of(slice, attachment, address);

	nodes[i] = (struct node){.address = *address,
		.slice = slice,
		.attachment = attachment,
		.chain = *chain,
		.next = on_attachment[attachment]};
	*chain = i;
	if (nodes[i].next != 0)
		nodes[nodes[i].next].prev = i;
	on_attachment[attachment] = i;
	class_enter(i, class);
	share[slice].all++;
	used++;
	return i;
}

void node_free(uint32_t i)
{
	struct node *n = &nodes[i];
	uint32_t *at = chain_of(n->slice, n->attachment, &n->address);

	node_timer_stop(i);
	class_leave(i);
	while (*at != i)
		at = &nodes[*at].chain;
	*at = n->chain;
	if (n->next != 0)
		nodes[n->next].prev = n->prev;
	if (n->prev != 0)
		nodes[n->prev].next = n->next;
	else
		on_attachment[n->attachment] = n->next;
	share[n->slice].all--;
	used--;
	*n = (struct node){.chain = free_head};
	free_head = i;
}

uint32_t node_first_on(uint16_t attachment)
{
	return on_attachment[attachment];
}

uint32_t node_next_on(uint32_t i)
{
	return nodes[i].next;
}

/* ---- timers ---- */

void node_timer_stop(uint32_t i)
{
	struct node *n = &nodes[i];

	if (!n->timed)
		return;
	if (n->later != 0)
		nodes[n->later].sooner = n->sooner;
	if (n->sooner != 0)
		nodes[n->sooner].later = n->later;
	else
		wheel[n->due % WHEEL] = n->later;
	n->timed = false;
}

void node_timer(uint32_t i, uint32_t tenths)
{
	struct node *n = &nodes[i];

	node_timer_stop(i);
	n->due = wheel_tick + RTE_MIN(tenths, WHEEL - 1u);
	n->later = wheel[n->due % WHEEL];
	n->sooner = 0;
	n->timed = true;
	if (n->later != 0)
		nodes[n->later].sooner = i;
	wheel[n->due % WHEEL] = i;
}

void nodes_run(uint32_t tick, uint32_t max, void (*fire)(uint32_t))
{
	while (max > 0) {
		uint32_t i = wheel[wheel_tick % WHEEL];

		if (i == 0) {
			if (wheel_tick >= tick)
				return;
			wheel_tick++;
			continue;
		}
		node_timer_stop(i);
		fire(i);
		max--;
	}
}

/* ---- numbers ---- */

uint32_t nodes_count(void)
{
	return used;
}

uint32_t nodes_in_slice(uint16_t slice)
{
	return share[slice].all;
}

uint32_t nodes_refused(void)
{
	return refused;
}

uint32_t nodes_kept_room(void)
{
	return LIMIT_HOSTS - total[NODE_KEPT];
}
