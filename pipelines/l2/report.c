/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's part of what the switch says itself and hears: rates per slice, and reports to main.
 * Owns struct host_worker and host_epoch. */
#include <errno.h>
#include <rte_malloc.h>
#include <stdio.h>

#include "report.h"

static const uint32_t rate_pps[RATES] = {[RATE_ERROR] = 1000,
	[RATE_ECHO] = 5000,
	[RATE_ANSWER] = 5000,
	[RATE_SEEN] = 5000,
	[RATE_ASK] = 1000,
	[RATE_LEARN] = 5000,
	[RATE_TAP] = 10000};

uint32_t host_epoch;

/* ---- life ---- */

int host_worker_init(struct worker *w)
{
	struct host_worker *h = rte_zmalloc("hosts", sizeof(*h), RTE_CACHE_LINE_SIZE);
	char name[RTE_RING_NAMESIZE];

	switch_of(w)->host = h;
	if (h == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < RATES; i++)
		h->cost[i] = bucket_cost(rate_pps[i]);
	h->seen = rte_zmalloc("hosts_seen", HOST_SEEN_MEMORY * sizeof(*h->seen), 0);
	h->bucket = rte_zmalloc("hosts_rates", (LIMIT_SLICES + 1) * sizeof(*h->bucket), 0);
	snprintf(name, sizeof(name), "hosts_%u", w->id);
	h->reports = rte_ring_create_elem(name, sizeof(struct host_report), HOST_RING,
		SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "orders_%u", w->id);
	h->orders = rte_ring_create_elem(name, sizeof(struct host_order), ORDER_RING, SOCKET_ID_ANY,
		RING_F_SP_ENQ | RING_F_SC_DEQ);
	return h->seen != NULL && h->bucket != NULL && h->reports != NULL && h->orders != NULL
		       ? 0
		       : -ENOMEM;
}

void host_worker_fini(struct worker *w)
{
	struct host_worker *h = switch_of(w)->host;

	if (h == NULL)
		return;
	rte_ring_free(h->reports);
	rte_ring_free(h->orders);
	rte_free(h->seen);
	rte_free(h->bucket);
	rte_free(h);
	switch_of(w)->host = NULL;
}

/* ---- with the main thread ---- */

bool host_may(struct worker *w, uint16_t slice, enum host_rate which)
{
	struct host_worker *h = switch_of(w)->host;

	return bucket_take(
		&h->bucket[slice][which], w->now_tsc, rte_get_tsc_hz() / 10, h->cost[which]);
}

/* One place for each (slice, address), so that news about it replaces what was said before. */
static struct host_seen *seen_of(struct host_worker *h, const struct host_report *r)
{
	const wire64_t *a = (const wire64_t *)r->address;
	uint64_t hash = (a[0] ^ a[1] * 0x9e3779b97f4a7c15ull ^ r->slice) * 0xd6e8feb86659fd93ull;

	return &h->seen[(hash >> 32) % HOST_SEEN_MEMORY];
}

static bool host_tell(struct host_worker *h, struct host_report report)
{
	return rte_ring_sp_enqueue_elem(h->reports, &report, sizeof(report)) == 0;
}

void host_report(struct worker *w, const struct host_report *report)
{
	struct host_worker *h = switch_of(w)->host;
	struct host_seen *seen = seen_of(h, report);

	if (memcmp(&seen->report, report, sizeof(*report)) == 0 &&
		w->now_tsc - seen->tsc < rte_get_tsc_hz() / 4)
		return;
	if (!host_may(w, report->slice, report->kind == HOST_ASK ? RATE_ASK : RATE_SEEN) ||
		!host_tell(h, *report)) {
		w->box.hosts_lost++;
		return;
	}
	*seen = (struct host_seen){.report = *report, .tsc = w->now_tsc};
}

bool host_news_differ(struct worker *w, const struct host_report *known)
{
	const struct host_seen *seen = seen_of(switch_of(w)->host, known);
	const struct host_report *r = &seen->report;

	return r->slice == known->slice && r->kind == known->kind && r->family == known->family &&
	       memcmp(r->address, known->address, sizeof(r->address)) == 0 &&
	       w->now_tsc - seen->tsc < rte_get_tsc_hz() &&
	       (r->door != known->door || memcmp(r->mac, known->mac, sizeof(r->mac)) != 0);
}
