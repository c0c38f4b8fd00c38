/* SPDX-License-Identifier: BSD-3-Clause */
/* Tracing: workers write records of marked packets, the main thread takes them from a ring.
 * Allocates only while armed. */
#include "trace.h"

#include <errno.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_ring.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trace_point.h"
#include "worker.h"

#define TRACE_RING 1024

struct trace_mark {
	const struct rte_mbuf *pkt;
	uint16_t slice;
	bool dropped;
	struct trace_record record;
};

struct trace_burst {
	uint32_t n;
	struct trace_mark mark[BURST_MAX];
};

bool trace_armed;
static struct trace_filter
	filter; /* written while not armed; the release store of trace_armed publishes it */
static int32_t trace_left; /* records still wanted; workers count down */
static uint32_t trace_taken, trace_wanted;
static struct rte_ring *ring;

int trace_alloc(struct worker *w)
{
	w->trace = rte_zmalloc("trace", sizeof(*w->trace), RTE_CACHE_LINE_SIZE);
	return w->trace != NULL ? 0 : -ENOMEM;
}

void trace_free(struct worker *w)
{
	rte_free(w->trace);
	w->trace = NULL;
}

int trace_arm(const struct trace_filter *f, uint32_t count)
{
	if (trace_wanted != 0)
		return -EBUSY;
	if (ring == NULL)
		ring = rte_ring_create("trace", TRACE_RING, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (ring == NULL)
		return -ENOMEM;
	filter = *f;
	trace_taken = 0;
	trace_wanted = count;
	__atomic_store_n(&trace_left, (int32_t)count, __ATOMIC_RELAXED);
	__atomic_store_n(&trace_armed, true, __ATOMIC_RELEASE);
	return 0;
}

uint32_t trace_drain(void (*fn)(const struct trace_record *record, void *arg), void *arg)
{
	struct trace_record *record;

	while (ring != NULL && rte_ring_sc_dequeue(ring, (void **)&record) == 0) {
		if (trace_taken < trace_wanted) {
			trace_taken++;
			fn(record, arg);
		}
		free(record);
	}
	return trace_wanted - trace_taken;
}

static void forget(const struct trace_record *record, void *arg)
{
}

void trace_disarm(void)
{
	__atomic_store_n(&trace_armed, false, __ATOMIC_RELAXED);
	trace_drain(forget, NULL);
	trace_wanted = trace_taken = 0;
}

/* ---- workers ---- */

static bool ip_matches(const uint8_t *data, uint32_t len)
{
	uint32_t off = sizeof(struct rte_ether_hdr);
	uint32_t size = filter.ip.family == 4 ? 4 : 16;
	uint16_t type;

	if (len < off)
		return false;
	memcpy(&type, data + 12, 2);
	while (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN) && len >= off + 4) {
		memcpy(&type, data + off + 2, 2);
		off += 4;
	}
	if (type !=
		rte_cpu_to_be_16(filter.ip.family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6))
		return false;
	off += filter.ip.family == 4 ? 12 : 8;
	return len >= off + 2 * size &&
	       (memcmp(data + off, filter.ip.bytes, size) == 0 ||
		       memcmp(data + off + size, filter.ip.bytes, size) == 0);
}

static bool matches(const struct rte_mbuf *m, uint16_t port)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);

	if (filter.port != PORT_NONE && filter.port != port)
		return false;
	if (filter.has_mac &&
		(m->data_len < 12 || (memcmp(data, filter.mac.bytes, 6) != 0 &&
					     memcmp(data + 6, filter.mac.bytes, 6) != 0)))
		return false;
	return filter.ip.family == 0 || ip_matches(data, m->data_len);
}

struct trace_burst *trace_mark(struct worker *w, struct burst *b)
{
	struct trace_burst *t = w->trace;
	struct timespec now;

	/* acquire: pairs with the release in trace_arm(), which published the filter */
	if (!__atomic_load_n(&trace_armed, __ATOMIC_ACQUIRE) ||
		__atomic_load_n(&trace_left, __ATOMIC_RELAXED) <= 0)
		return NULL;
	clock_gettime(CLOCK_REALTIME, &now);
	t->n = 0;
	for (uint32_t i = 0; i < b->n; i++) {
		struct trace_mark *mark = &t->mark[t->n];

		if (!matches(b->pkt[i], b->port))
			continue;
		mark->pkt = b->pkt[i];
		mark->slice = 0;
		mark->dropped = false;
		mark->record.time_ns = now.tv_sec * 1000000000ull + now.tv_nsec;
		mark->record.worker = w->id;
		mark->record.port = b->port;
		mark->record.length = b->pkt[i]->pkt_len;
		mark->record.snap_len = RTE_MIN(b->pkt[i]->data_len, TRACE_SNAP);
		memcpy(mark->record.snap, rte_pktmbuf_mtod(b->pkt[i], void *),
			mark->record.snap_len);
		mark->record.steps = 0;
		t->n++;
	}
	return t->n > 0 ? t : NULL;
}

static struct trace_mark *find_mark(struct burst *b, const struct rte_mbuf *m)
{
	for (uint32_t i = 0; b->trace != NULL && i < b->trace->n; i++)
		if (b->trace->mark[i].pkt == m)
			return &b->trace->mark[i];
	return NULL;
}

void trace_step(struct burst *b, const struct rte_mbuf *m, const char *stage, const char *fmt, ...)
{
	struct trace_mark *mark = find_mark(b, m);
	va_list args;

	if (mark == NULL || mark->record.steps == TRACE_STEPS)
		return;
	struct trace_step *step = &mark->record.step[mark->record.steps++];

	step->stage = stage;
	va_start(args, fmt);
	vsnprintf(step->text, sizeof(step->text), fmt, args);
	va_end(args);
}

void trace_slice(struct burst *b, const struct rte_mbuf *m, uint16_t slice)
{
	struct trace_mark *mark = find_mark(b, m);

	if (mark != NULL)
		mark->slice = slice;
}

void trace_dropped(struct burst *b, const struct rte_mbuf *m, enum drop_reason why)
{
	struct trace_mark *mark = find_mark(b, m);

	if (mark == NULL)
		return;
	mark->dropped = true;
	trace_step(b, m, "drop", "%s: %s", drop_info[why].name, drop_info[why].help);
}

void trace_moved(struct burst *b, const struct rte_mbuf *from, const struct rte_mbuf *to)
{
	struct trace_mark *mark = find_mark(b, from);

	if (mark != NULL)
		mark->pkt = to;
}

void trace_end(struct worker *w, struct burst *b)
{
	for (uint32_t i = 0; i < b->trace->n; i++) {
		struct trace_mark *mark = &b->trace->mark[i];

		if ((filter.slice != 0 && filter.slice != mark->slice) ||
			(filter.dropped_only && !mark->dropped))
			continue;
		if (__atomic_fetch_sub(&trace_left, 1, __ATOMIC_RELAXED) <= 0)
			break;
		struct trace_record *record = malloc(sizeof(*record));

		if (record != NULL)
			*record = mark->record;
		if (record == NULL || rte_ring_mp_enqueue(ring, record) != 0) {
			free(record);
			w->box.events_lost++;
		}
	}
	b->trace = NULL;
}
