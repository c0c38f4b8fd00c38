/* SPDX-License-Identifier: BSD-3-Clause */
/* Tracing: the next N packets that match, with every stage they went through and what it decided.
 * Armed by main, marked and recorded by workers, drained by main from a ring. Costs one predicted
 * branch a stage while nothing is armed. */
#ifndef CORE_TRACE_H
#define CORE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "types.h"

#define TRACE_STEPS 16
#define TRACE_TEXT  96
#define TRACE_SNAP  96

/* Zero or PORT_NONE = matches any. */
struct trace_filter {
	uint16_t port;	/* PORT_NONE = any */
	uint16_t slice; /* matched once the slice is known */
	bool has_mac;	/* source or destination */
	struct api_mac_addr mac;
	struct api_ip ip; /* source or destination, outermost header as received; family 0 = any */
	bool dropped_only;
};

struct trace_step {
	const char *stage;
	char text[TRACE_TEXT]; /* "attachment {attachment 3} of slice {slice 1}": rpc/names.c puts
				  names in */
};

/* One traced packet, complete: it left, was dropped, or was handed on. */
struct trace_record {
	uint64_t time_ns;
	uint16_t worker;
	uint16_t port;
	uint16_t length;
	uint16_t snap_len;
	uint8_t snap[TRACE_SNAP]; /* as received */
	uint32_t steps;
	struct trace_step step[TRACE_STEPS];
};

/* Arms for `count` packets (1..1000); only one trace at a time: 0 or -EBUSY. Main. */
int trace_arm(const struct trace_filter *filter, uint32_t count);
/* Takes finished records, calling fn for each; returns how many are still to come (0 = finished).
 * Main. */
uint32_t trace_drain(void (*fn)(const struct trace_record *record, void *arg), void *arg);
void trace_disarm(void);

#endif
