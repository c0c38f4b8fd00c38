/* SPDX-License-Identifier: BSD-3-Clause */
/* What the handlers of rest/ and observe/ work with; made by main.c, one a process. */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "collector.h"
#include "http.h"
#include "reconcile.h"
#include "store.h"
#include "world.h"

struct mirror;

struct control {
	struct event_base *base;
	struct store *store;
	struct world *world;
	struct dataplane *dataplane;
	struct reconciler *reconciler;
	struct mirror *mirror; /* NULL: switched off, or the kernel did not let us */
	struct collector *collector;
	const char *site;
	int64_t started_us;
	uint32_t metrics_slices;  /* per-slice series at /metrics up to so many; else by tenant, and
				     at /metrics/slices in pages */
	uint64_t turn_longest_us; /* CPU time of the longest turn of the loop so far */
	uint64_t turns_long;	  /* how many took more than: */
#define CONTROL_TURN_LONG_US 20000
};
extern struct control control;

int64_t control_now_us(void); /* since 1970 */

/* rest/: intents (CRUD for every type, apply, dry run, history), tokens, audit, OpenAPI; observe/:
 * metrics, topology, status, counters, events, the SmartX facade. Tables for http_start. */
extern const struct route *const control_routes[];

#endif
