/* SPDX-License-Identifier: BSD-3-Clause */
/* See announce.h. Owns the lists of those that are due. */
#include "announce.h"

#include <rte_cycles.h>
#include <string.h>

#include "host.h"

#define TIMES	      2
#define INTERVAL_S    2
#define BOX_PPS	      1000
#define ORDERS_A_TURN 64

TAILQ_HEAD(announces, announce);

uint64_t announce_skew_tsc;
static struct announces first = TAILQ_HEAD_INITIALIZER(first);
/* Each waits equally long, so they are in order. */
static struct announces again = TAILQ_HEAD_INITIALIZER(again);
static struct bucket rate;

static uint64_t now_tsc(void)
{
	return rte_get_tsc_cycles() + announce_skew_tsc;
}

static struct announces *list_of(const struct announce *a)
{
	return a->left == TIMES ? &first : &again;
}

void announce_end(struct announce *a)
{
	if (a->left == 0)
		return;
	TAILQ_REMOVE(list_of(a), a, link);
	a->left = 0;
}

void announce_begin(
	struct announce *a, uint16_t slice, uint16_t attachment, const struct api_ip *address)
{
	announce_end(a);
	a->slice = slice;
	a->attachment = attachment;
	a->address = *address;
	a->left = TIMES;
	TAILQ_INSERT_TAIL(&first, a, link);
}

/* False: that worker has more to ask than it can take. */
static bool order(const struct announce *a)
{
	struct worker *w = workers[a->attachment % worker_count];
	struct host_order order = {.epoch = host_epoch,
		.slice = a->slice,
		.attachment = a->attachment,
		.family = a->address.family,
		.announce = 1};

	memcpy(order.source, a->address.bytes, sizeof(order.source));
	memcpy(order.target, a->address.bytes, sizeof(order.target));
	return rte_ring_sp_enqueue_elem(switch_of(w)->host->orders, &order, sizeof(order)) == 0;
}

static struct announce *due(void)
{
	struct announce *a = TAILQ_FIRST(&first);

	if (a != NULL)
		return a;
	a = TAILQ_FIRST(&again);
	return a != NULL && now_tsc() >= a->due_tsc ? a : NULL;
}

bool announce_poll(void)
{
	const uint64_t hz = rte_get_tsc_hz();
	struct announce *a;

	for (uint32_t i = 0; i < ORDERS_A_TURN && (a = due()) != NULL; i++) {
		if (!bucket_take(&rate, now_tsc(), hz / 10, hz / BOX_PPS) || !order(a))
			return true;
		TAILQ_REMOVE(list_of(a), a, link);
		if (--a->left == 0)
			continue;
		a->due_tsc = now_tsc() + INTERVAL_S * hz;
		TAILQ_INSERT_TAIL(&again, a, link);
	}
	return !TAILQ_EMPTY(&first);
}
