/* SPDX-License-Identifier: BSD-3-Clause */
/* What the dataplane's counters are called at /metrics, which of them are levels (gauges) and not
 * counts, and whose they are. Used by metrics.c, counters.c and tenants.c. */
#ifndef OBSERVE_MEASURE_H
#define OBSERVE_MEASURE_H

#include "control.h"
#include "prom.h"

struct measure {
	const char *type, *counter; /* the dataplane's: "port", "rx_packets" */
	const char *name;	    /* without "sluice_"; rows of one name stand together */
	const char *label, *value;  /* a label that the name of the counter holds, or NULL */
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
enum {
	TENANT_IN_PACKETS,
	TENANT_IN_BYTES,
	TENANT_OUT_PACKETS,
	TENANT_OUT_BYTES,
	TENANT_DROPPED,
	TENANT_COUNTERS
};
void tenants_read(const struct collector *c, void *arg); /* for collector_on_read */
void tenants_write(struct text *p, const struct actor *actor);
void tenants_free(void);

#endif
