/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of sluice-kernel share; nobody else includes it. */
#ifndef SLUICE_KERNEL_PRIVATE_H
#define SLUICE_KERNEL_PRIVATE_H

#include "dataplane.h"
#include "lines.h"
#include "mirror.h"
#include "publisher.h"
#include "world.h"

/* All that there is from the first hello on. It stays when sluice-control ends: what the kernel
 * says is followed by the intents of before until they are told anew. */
struct mirroring {
	struct event_base *base;
	struct lines *lines; /* NULL: sluice-control is not there */
	json_t *retold;	     /* {"KIND NAME"} since its hello, until it has told all; else NULL */
	bool let_be;	     /* there was never an intent */
	struct world *world; /* a copy of what the mirror needs of sluice-control's */
	uint64_t revision;   /* counts the intents that have come */
	struct dataplane *dataplane;
	struct publisher *publisher;
	struct mirror *mirror; /* NULL until the first look */
	bool ready;	       /* its first picture was whole */
	api_name site;
	uint32_t rescan_s;
	struct event *report;
	uint32_t reports;
	struct mirror_counters counters; /* as told last */
	char *gaps, *xdp, *refused;	 /* likewise, as text; NULL: nothing was */
	uint32_t gap_wait;		 /* so many reports until the next */
};

/* ---- mirroring.c ---- */

/* hello has come: makes all but the mirror, or goes on with what is there. */
void mirroring_begin(struct mirroring *m, struct event_base *base, struct lines *lines,
	const char *dataplane, const char *site, uint32_t rescan_s);
/* A line that came. -errno: the connection is to end. */
int mirroring_said(struct mirroring *m, const json_t *line);
void mirroring_lost(struct mirroring *m); /* the connection has ended */
void mirroring_end(struct mirroring *m);  /* what was told to the kernel stays */

/* ---- replica.c ---- */

/* spec null: it is gone. 0 or -errno. */
int replica_put(struct mirroring *m, const json_t *line);
/* sluice-control has told all: what was not told again is gone. */
int replica_whole(struct mirroring *m);

/* ---- report.c ---- */

void report_start(struct mirroring *m);
void report_stop(struct mirroring *m);
void report_anew(struct mirroring *m); /* nothing was told to who is there now */
void report_now(struct mirroring *m);  /* counters */

#endif
