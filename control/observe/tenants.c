/* SPDX-License-Identifier: BSD-3-Clause */
/* Traffic by tenant. Owns the sums. */
#include "measure.h"

#include "collector.h"

#include <bsd/sys/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tenant {
	RB_ENTRY(tenant) entry;
	api_name name;
	uint64_t sums[TENANT_COUNTERS];
	bool seen; /* has a slice here at this reading */
};

RB_HEAD(tenants, tenant);

static struct tenants tenants = RB_INITIALIZER(&tenants);
static bool begun; /* there was a reading before */

static const struct {
	const char *counter, *name, *help;
} sums[TENANT_COUNTERS] = {
	{"in_packets", "sluice_tenant_receive_packets_total",
		"Packets that came in by slices of a tenant, since control began."},
	{"in_bytes", "sluice_tenant_receive_bytes_total",
		"Bytes that came in by slices of a tenant, since control began."},
	{"out_packets", "sluice_tenant_transmit_packets_total",
		"Packets that left by slices of a tenant, since control began."},
	{"out_bytes", "sluice_tenant_transmit_bytes_total",
		"Bytes that left by slices of a tenant, since control began."},
	{"dropped", "sluice_tenant_dropped_packets_total",
		"Packets of slices of a tenant dropped, since control began."},
};

static int tenant_compare(const struct tenant *a, const struct tenant *b)
{
	return strcmp(a->name, b->name);
}

/* what RB_GENERATE_STATIC would say, without the `__unused` that Linux headers do not let libbsd
 * define */
#define LOCAL __attribute__((unused)) static
RB_GENERATE_INTERNAL(tenants, tenant, entry, tenant_compare, LOCAL)

static struct tenant *tenant_get(const char *name)
{
	struct tenant want, *found;

	snprintf(want.name, sizeof(want.name), "%s", name);
	found = RB_FIND(tenants, &tenants, &want);
	if (found)
		return found;
	found = calloc(1, sizeof(*found));
	if (!found)
		return NULL;
	strcpy(found->name, want.name);
	RB_INSERT(tenants, &tenants, found);
	return found;
}

/* What a slice counted since the last reading. One that is new, or that counts from nothing again,
 * counted all of it since. */
static uint64_t counted(const json_t *now, const json_t *before, const char *counter)
{
	json_int_t value = json_integer_value(json_object_get(now, counter));
	json_int_t old = json_integer_value(json_object_get(before, counter));

	return value >= old ? value - old : value;
}

static void add_slice(const char *key, const json_t *now, const json_t *before)
{
	struct tenant *tenant = tenant_get(measure_tenant(measure_owner("slice", key)));

	if (!tenant)
		return;
	tenant->seen = true;
	for (int i = 0; begun && i < TENANT_COUNTERS; i++)
		tenant->sums[i] += counted(now, before, sums[i].counter);
}

void tenants_read(const struct collector *c, void *arg)
{
	const json_t *before = collector_before(c, "slice");
	struct tenant *one, *next;
	const char *key;
	json_t *now;

	json_object_foreach ((json_t *)collector_stats(c, "slice"), key, now)
		add_slice(key, now, json_object_get(before, key));
	begun = true;
	RB_FOREACH_SAFE (one, tenants, &tenants, next) {
		if (!one->seen) {
			RB_REMOVE(tenants, &tenants, one);
			free(one);
			continue;
		}
		one->seen = false;
	}
}

void tenants_write(struct text *p, const struct actor *actor)
{
	struct tenant *one;

	for (int i = 0; i < TENANT_COUNTERS && !RB_EMPTY(&tenants); i++) {
		prom_family(p, sums[i].name, PROM_COUNTER, sums[i].help);
		RB_FOREACH (one, tenants, &tenants)
			if (actor_sees(actor, one->name))
				prom_u64(p, sums[i].name, one->sums[i], "tenant", one->name, NULL);
	}
}

void tenants_free(void)
{
	struct tenant *one;

	while ((one = RB_MIN(tenants, &tenants))) {
		RB_REMOVE(tenants, &tenants, one);
		free(one);
	}
	begun = false;
}
