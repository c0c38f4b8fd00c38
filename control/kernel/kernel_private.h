/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of sluice-kernel share; nobody else includes it. */
#ifndef SLUICE_KERNEL_PRIVATE_H
#define SLUICE_KERNEL_PRIVATE_H

#include "dataplane.h"
#include "lines.h"
#include "mirror.h"
#include "world.h"

/* All that there is between hello and the end of a connection to sluice-control. */
struct mirroring {
	struct event_base *base;
	struct lines *lines;
	struct world *world; /* a copy of what the mirror needs of sluice-control's */
	uint64_t revision;   /* counts the intents that have come */
	struct dataplane *dataplane;
	struct mirror *mirror; /* NULL until the first look */
	api_name site;
	uint32_t rescan_s;
	struct event *report;
	uint32_t reports;
	struct mirror_counters counters; /* as told last */
	char *gaps, *xdp;		 /* likewise, as text; NULL: nothing was */
	uint32_t gap_wait;		 /* so many reports until the next */
};

/* ---- mirroring.c ---- */

/* hello has come: makes all but the mirror. 0 or -errno; mirroring_end() follows in any case. */
int mirroring_begin(struct mirroring *m, struct event_base *base, struct lines *lines,
	const char *dataplane, const char *site, uint32_t rescan_s);
/* A line that came. -errno: the connection is to end. */
int mirroring_said(struct mirroring *m, const json_t *line);
void mirroring_end(struct mirroring *m); /* what was told to the kernel stays */

/* ---- replica.c ---- */

/* spec null: it is gone. 0 or -errno. */
int replica_put(struct mirroring *m, const json_t *line);

/* ---- report.c ---- */

int report_start(struct mirroring *m); /* 0, -ENOMEM */
void report_stop(struct mirroring *m);
void report_now(struct mirroring *m); /* counters */

#endif
