/* SPDX-License-Identifier: BSD-3-Clause */
/* The workers' side of tracing. Every call is behind `if (unlikely(b->trace != NULL))`, once a
 * stage. */
#ifndef CORE_TRACE_POINT_H
#define CORE_TRACE_POINT_H

#include "drops.h"
#include "worker.h"

extern bool trace_armed; /* main: relaxed store; workers: relaxed load once a burst */

int trace_alloc(struct worker *w);
void trace_free(struct worker *w);

struct trace_burst *trace_mark(struct worker *w, struct burst *b);

/* Marks the packets of a fresh burst that match; NULL when nothing is traced. */
static inline struct trace_burst *trace_begin(struct worker *w, struct burst *b)
{
	if (likely(!__atomic_load_n(&trace_armed, __ATOMIC_RELAXED)))
		return NULL;
	return trace_mark(w, b);
}

/* Hands the finished records to the main thread. */
void trace_end(struct worker *w, struct burst *b);

/* One step of packet m, if it is marked. */
void trace_step(struct burst *b, const struct rte_mbuf *m, const char *stage, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The packet's slice is known now: what the slice filter looks at. */
void trace_slice(struct burst *b, const struct rte_mbuf *m, uint16_t slice);
/* The same packet goes on as another buffer. */
void trace_moved(struct burst *b, const struct rte_mbuf *from, const struct rte_mbuf *to);

#endif
