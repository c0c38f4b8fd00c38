/* SPDX-License-Identifier: BSD-3-Clause */
/* What the handlers of requests work with: one a process, filled by main.c at start. */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "http.h"
#include "reconcile.h"
#include "store.h"
#include "world.h"

struct collector;
struct mirror_link;

struct control {
	struct event_base *base;
	struct store *store;
	struct world *world;
	struct dataplane *dataplane;
	struct reconciler *reconciler;
	struct mirror_link *mirror; /* NULL: the mirror is switched off */
	struct collector *collector;
	const char *site;
	int64_t started_us;
	uint32_t metrics_slices;  /* per-slice series at /metrics up to so many; else by tenant, and
				     at /metrics/slices in pages */
	uint64_t turn_longest_us; /* CPU time of the longest turn of the loop so far */
	uint64_t turns_long;	  /* how many took more than: */
#define CONTROL_TURN_LONG_US 20000
	const struct route *const *routes; /* all that is served */
};
extern struct control control;

#endif
