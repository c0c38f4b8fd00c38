/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this room share. */
#ifndef OBSERVE_PRIVATE_H
#define OBSERVE_PRIVATE_H

#include "observe.h"
#include "text.h"

/* ---- Prometheus' text format 0.0.4, written into memory (metrics.c) ---- */

#define PROM_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum prom_kind { PROM_COUNTER, PROM_GAUGE, PROM_SECONDS }; /* a gauge, of microseconds */

/* HELP and TYPE. All samples of a family come right behind it. */
void prom_family(struct text *p, const char *name, enum prom_kind kind, const char *help);
/* Labels: name, value, …, NULL; a pair whose value is NULL is left out. */
void prom_u64(struct text *p, const char *name, uint64_t value, ...) __attribute__((sentinel));
void prom_f64(struct text *p, const char *name, double value, ...) __attribute__((sentinel));

/* ---- measure.c ---- */

struct measure {
	const char *type, *counter; /* the dataplane's: "port", "rx_packets"; or measure_own()'s */
	const char
		*name; /* without "sluice_", but for "process"; rows of one name stand together */
	const char *label, *value; /* a label that the name of the counter holds, or NULL */
	enum prom_kind kind;
	const char *help;
};
extern const struct measure measures[]; /* ends with a NULL type */

bool measure_is_level(const char *type, const char *counter);

/* The intent that an object of the dataplane's is of (slices and attachments): a slice or a virtual
 * dedicated network; NULL: nobody's. */
const struct intent *measure_owner(const char *type, const char *key);
const char *measure_tenant(const struct intent *owner); /* "" */

/* Families of some types (NULL behind the last), for the objects that `shown` says. page of pages
 * (0 of 1: all): by a hash of the key, so that one object more does not move the others. */
struct measure_filter {
	const struct actor *actor;
	uint32_t page, pages;
};
void measure_write(struct text *p, const char *const *types, const struct measure_filter *filter);

/* The same a sample at a time, for what is long: types stays where it is. What is written is of one
 * reading for each type. */
struct measure_walk;
struct measure_walk *measure_walk(const char *const *types, const struct measure_filter *filter);
bool measure_step(struct measure_walk *w, struct text *p); /* false: there is no more */
void measure_walk_free(struct measure_walk *w);

/* Sums by tenant of what its slices count here, since this process began: they never go back, as
 * sums over slices that come and go would. */
void tenants_read(const struct collector *c); /* after each reading */
void tenants_write(struct text *p, const struct actor *actor);
void tenants_free(void);

/* ---- the parts of /metrics ---- */

/* {counter: number} of a type that is no object of the dataplane's ("process", "control",
 * "reconciler", "kernel", "kernel_entries", "http"): new; NULL: there is nothing, or no such type.
 */
json_t *measure_own(const char *type);
bool metrics_tunnel_up(const json_t *tunnel);

/* ---- status.c ---- */

json_t *status_reconciler(void);
json_t *status_kernel(bool all);     /* all: with what /v1/status does not show */
json_t *status_kernel_entries(void); /* NULL: there is no mirror */
void status_free(void);

/* ---- topology.c ---- */

void topology_free(void);

/* ---- events.c: the streams of /v1/events ---- */

void events_start(void);
void events_stop(void); /* ends all streams */

#endif
