/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours as others on the main thread see them: put by hand, wanted by routes, listed, and
 * what becomes of them when networks and slices go. What time and packets do to them is
 * neighbor_state.c's. */
#include "neighbor.h"

#include <errno.h>
#include <string.h>

#include "exact_page.h"
#include "fib.h"
#include "attachment.h"
#include "notify.h"
#include "gateway.h"
#include "hot.h"
#include "report.h"
#include "neighbor_state.h"
#include "suppress.h"

static uint32_t reserved;

int neighbor_init(uint32_t workers_total)
{
	static const struct notify notify = {
		.slice_gone = neighbor_flush, .id_freed = host_epoch_next};

	notify_listen(&notify);
	reserved = 0;
	neighbor_skew_tsc = 0;

	int rc = nodes_init(neighbor_clock_tick());

	return rc == 0 ? suppress_init() : rc;
}

void neighbor_fini(void)
{
	suppress_fini();
	nodes_fini();
}

/* ---- gateways that routes name ---- */

void neighbor_want(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	uint32_t i = node_find(slice, attachment, address);

	if (i != 0) {
		if (nodes[i].wants == 0 && !node_reclass(i, NODE_KEPT, node_forget))
			return;
		nodes[i].wants++;
		return;
	}
	i = node_new(slice, attachment, address, NODE_KEPT, node_forget);
	if (i == 0)
		return;
	nodes[i].wants = 1;
	neighbor_begin_asking(i, NEIGHBOR_INCOMPLETE);
}

void neighbor_unwant(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	uint32_t i = node_find(slice, attachment, address);

	if (i == 0 || nodes[i].wants == 0 || --nodes[i].wants > 0 ||
		nodes[i].state == NEIGHBOR_STATIC)
		return;
	if (!node_has_mac(&nodes[i]) || !gateway_covers(attachment, address) ||
		!node_reclass(i, NODE_DYNAMIC, node_forget))
		node_forget(i);
}

/* ---- static ones ---- */

static bool is_l3(uint16_t slice)
{
	return slice_hot[slice].flags & SLICE_IS_L3;
}

int neighbor_reserve(void)
{
	if (nodes_kept_room() <= reserved)
		return -ENOSPC;
	reserved++;
	return 0;
}

void neighbor_release(void)
{
	reserved--;
}

void neighbor_set(uint16_t slice, uint16_t attachment, const struct api_ip *address,
	const struct api_mac_addr *mac)
{
	reserved--;
	if (!is_l3(slice)) {
		suppress_set(slice, attachment, address, mac);
		return;
	}
	uint32_t i = node_find(slice, attachment, address);

	if (i == 0)
		i = node_new(slice, attachment, address, NODE_KEPT, node_forget);
	if (i == 0 || !node_reclass(i, NODE_KEPT, node_forget)) {
		RTE_LOG(ERR, USER1, "no room for a neighbour of slice %u that was reserved\n",
			slice);
		return;
	}
	node_timer_stop(i);
	nodes[i].state = NEIGHBOR_STATIC;
	neighbor_publish(&nodes[i], mac, false);
}

void neighbor_unset(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	neighbor_forget(slice, attachment, address);
}

void neighbor_forget(uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	uint32_t i = node_find(slice, attachment, address);

	suppress_unset(slice, address);
	if (i == 0)
		return;
	if (nodes[i].wants == 0) {
		node_forget(i);
		return;
	}
	neighbor_publish(&nodes[i], NULL, false);
	neighbor_begin_asking(i, NEIGHBOR_INCOMPLETE);
}

/* ---- when what is around them changes ---- */

void neighbor_network_change(uint16_t slice, uint16_t attachment)
{
	bool here = attachment_in_slice(attachment, slice);
	uint32_t next;

	for (uint32_t i = node_first_on(attachment); i != 0; i = next) {
		struct node *n = &nodes[i];
		bool covered = here && n->slice == slice && gateway_covers(attachment, &n->address);

		next = node_next_on(i);
		if (!covered && n->wants == 0 && n->state != NEIGHBOR_STATIC) {
			node_forget(i);
		} else if (!covered) {
			neighbor_fib_leave(n);
			if (n->nexthop != 0 && node_has_mac(n))
				nexthop_resolve(n->nexthop, &n->mac, false);
		} else if (node_has_mac(n) || n->state == NEIGHBOR_FAILED) {
			neighbor_fib_enter(n);
		} else if (n->state == NEIGHBOR_INCOMPLETE) {
			neighbor_begin_asking(
				i, NEIGHBOR_INCOMPLETE); /* there is an address to ask from */
		}
	}
}

void neighbor_flush(uint16_t slice)
{
	for (uint32_t i = 1; nodes_in_slice(slice) > 0 && i < node_top; i++)
		if (nodes[i].slice == slice)
			node_forget(i);
	suppress_flush(slice);
}

void neighbor_return(uint16_t slice, const struct api_ip *address)
{
	uint16_t attachment = 0;

	/* networks may overlap: it need not be on the longest */
	while ((attachment = gateway_attachment_after(slice, address, attachment)) != 0) {
		uint32_t i = node_find(slice, attachment, address);

		if (i != 0 && (node_has_mac(&nodes[i]) || nodes[i].state == NEIGHBOR_FAILED))
			neighbor_fib_enter(&nodes[i]);
	}
}

/* ---- reading ---- */

static void entry_of(const struct node *n, struct neighbor_entry *out)
{
	uint32_t now = neighbor_clock_s();

	*out = (struct neighbor_entry){.slice = n->slice,
		.attachment = n->attachment,
		.address = n->address,
		.mac = n->mac,
		.state = n->state,
		.age_s = node_has_mac(n) && n->state != NEIGHBOR_STATIC && now > n->confirmed_s
				 ? now - n->confirmed_s
				 : 0};
}

int neighbor_get(uint16_t attachment, const struct api_ip *address, struct neighbor_entry *out)
{
	uint16_t slice = attachment_hot[attachment].slice;
	uint32_t i = node_find(slice, attachment, address);

	if (i != 0) {
		entry_of(&nodes[i], out);
		return 0;
	}
	return suppress_get(slice, address, out) == 0 && out->attachment == attachment ? 0
										       : -ENOENT;
}

/* The cursor's first word: an index into nodes[], then the two tables of suppress.c, told apart by
 * the top bits. */
#define CURSOR_4 (1ull << 62)
#define CURSOR_6 (2ull << 62)

static uint32_t iterate_table(uint64_t *cursor, struct neighbor_entry *out, uint32_t max)
{
	uint64_t at[EXACT_CURSOR_WORDS] = {*cursor & (CURSOR_4 - 1), cursor[1]};
	uint8_t family = *cursor & CURSOR_6 ? 6 : 4;
	uint32_t n = suppress_iterate(family, at, out, max);

	if (at[0] != 0)
		*cursor = (family == 4 ? CURSOR_4 : CURSOR_6) | at[0];
	else
		*cursor = family == 4 ? CURSOR_6 : 0;
	cursor[1] = at[1];
	return n;
}

uint32_t neighbor_iterate(uint64_t *cursor, struct neighbor_entry *out, uint32_t max)
{
	uint32_t n = 0;

	if (*cursor >= CURSOR_4)
		return iterate_table(cursor, out, max);
	for (; *cursor < node_top && n < max; ++*cursor)
		if (nodes[*cursor].slice != 0)
			entry_of(&nodes[*cursor], &out[n++]);
	if (*cursor < node_top)
		return n;
	cursor[0] = CURSOR_4;
	cursor[1] = 0;
	return n > 0 ? n : iterate_table(cursor, out, max);
}

uint32_t neighbor_count(void)
{
	return nodes_count() + suppress_count();
}

uint32_t neighbor_refused(void)
{
	return nodes_refused() + suppress_refused();
}
