/* SPDX-License-Identifier: BSD-3-Clause */
/* The dataplane's counters as Prometheus families. Called by metrics.c; owns nothing. */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool measure_is_level(const char *type, const char *counter)
{
	if (!strcmp(counter, "cycles_per_packet"))
		return true;
	for (const struct measure *m = measures; m->type; m++)
		if (!strcmp(m->type, type) && !strcmp(m->counter, counter))
			return m->kind == PROM_GAUGE;
	return false;
}

static const struct intent *slice_or_network(const char *name)
{
	const struct intent *intent = world_find(control.world, INTENT_SLICE, name);

	return intent ? intent : world_find(control.world, INTENT_NETWORK, name);
}

/* "SLICE:PORT.VLAN" or "SLICE:PORT": both names may hold colons and dots, but who holds a place is
 * known. */
static const struct intent *attachment_owner(const char *key)
{
	for (const char *colon = strchr(key, ':'); colon; colon = strchr(colon + 1, ':')) {
		const char *dot = strrchr(colon, '.');
		char port[API_KEY_BYTES];
		const struct intent *held;
		size_t name_len = colon - key;

		snprintf(port, sizeof(port), "%s", colon + 1);
		held = world_at_place(control.world, control.site, port, 0);
		if (held && strlen(held->name) == name_len && !memcmp(held->name, key, name_len))
			return held;
		if (!dot || (size_t)(dot - colon) > sizeof(port))
			continue;
		port[dot - colon - 1] = '\0';
		held = world_at_place(
			control.world, control.site, port, strtoul(dot + 1, NULL, 10));
		if (held && strlen(held->name) == name_len && !memcmp(held->name, key, name_len))
			return held;
	}
	return NULL;
}

const struct intent *measure_owner(const char *type, const char *key)
{
	if (!strcmp(type, "slice"))
		return slice_or_network(key);
	if (!strcmp(type, "attachment"))
		return attachment_owner(key);
	return NULL;
}

const char *measure_tenant(const struct intent *owner)
{
	return owner ? owner->tenant : "";
}

static uint32_t hash(const char *key)
{
	uint32_t value = 2166136261u; /* FNV-1a */

	for (; *key; key++)
		value = (value ^ (uint8_t)*key) * 16777619u;
	return value;
}

/* An object with its labels: looked for once, written once for each of its counters. */
struct shown {
	const char *key, *slice, *tenant;
	char worker[32];
	const char *stage;
	const json_t *counters;
};

static bool show(const char *type, const char *key, const json_t *counters,
	const struct measure_filter *filter, struct shown *out)
{
	const struct intent *owner;
	const char *slash;

	*out = (struct shown){.key = key, .counters = counters};
	if (filter->pages > 1 && hash(key) % filter->pages != filter->page)
		return false;
	if (!strcmp(type, "worker") || !strcmp(type, "stage")) {
		if (!strncmp(key, "worker", 6))
			key += 6;
		slash = strchr(key, '/');
		snprintf(out->worker, sizeof(out->worker), "%.*s",
			(int)(slash ? slash - key : (ptrdiff_t)strlen(key)), key);
		out->stage = slash ? slash + 1 : NULL;
		return true;
	}
	if (strcmp(type, "slice") && strcmp(type, "attachment"))
		return true;
	owner = measure_owner(type, key);
	out->slice = owner ? owner->name : !strcmp(type, "slice") ? key : NULL;
	out->tenant = measure_tenant(owner);
	return actor_sees(filter->actor, out->tenant);
}

static struct shown *show_all(const char *type, const struct measure_filter *filter, size_t *count)
{
	const json_t *stats = collector_stats(control.collector, type);
	struct shown *all = calloc(json_object_size(stats) + 1, sizeof(*all));
	const char *key;
	json_t *counters;

	*count = 0;
	if (all)
		json_object_foreach ((json_t *)stats, key, counters)
			*count += show(type, key, counters, filter, &all[*count]);
	return all;
}

static void write_sample(struct prom *p, const struct measure *m, const char *name,
	const struct shown *one, uint64_t value)
{
	if (!strcmp(m->type, "worker") || !strcmp(m->type, "stage"))
		prom_u64(p, name, value, "worker", one->worker, "stage", one->stage, NULL);
	else if (!strcmp(m->type, "box"))
		prom_u64(p, name, value, NULL);
	else if (!strcmp(m->type, "slice"))
		prom_u64(p, name, value, "slice", one->key, "tenant", one->tenant, m->label,
			m->value, NULL);
	else
		prom_u64(p, name, value, m->type, one->key, "slice", one->slice, "tenant",
			one->tenant, m->label, m->value, NULL);
}

void measure_write(struct prom *p, const char *type, const struct measure_filter *filter)
{
	size_t count;
	struct shown *all = show_all(type, filter, &count);
	const char *last = "";
	char name[96] = "";

	if (!all)
		p->failed = true;
	for (const struct measure *m = measures; all && m->type; m++) {
		bool begun = !strcmp(last, m->name);

		if (strcmp(m->type, type))
			continue;
		for (size_t i = 0; i < count; i++) {
			const json_t *value = json_object_get(all[i].counters, m->counter);

			if (!json_is_integer(value))
				continue;
			if (!begun) {
				snprintf(name, sizeof(name), "sluice_%s", m->name);
				prom_family(p, name, m->kind, m->help);
				begun = true;
				last = m->name;
			}
			write_sample(p, m, name, &all[i], json_integer_value(value));
		}
	}
	free(all);
}
