/* SPDX-License-Identifier: BSD-3-Clause */
/* The dataplane's counters as Prometheus families. */
#include "measure.h"

#include "collector.h"

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

/* ---- a walk ---- */

/* An object with its labels: looked for once, written once for each of its counters. The intents
 * may be gone when it is written. */
struct shown {
	const char *key, *stage; /* of the reading, which is held */
	api_name slice, tenant;	 /* slice "": none */
	char worker[32];
	const json_t *counters;
};

struct measure_walk {
	struct actor actor;
	struct measure_filter filter;
	const char *const *types;
	json_t *stats; /* of the type at work; NULL: not begun */
	void *at;      /* the object that is looked at next */
	struct shown *all;
	size_t count, next;
	const struct measure *row;
	const char *last; /* family */
};

static bool is_tenants(const char *type)
{
	return !strcmp(type, "slice") || !strcmp(type, "attachment");
}

static bool is_workers(const char *type)
{
	return !strcmp(type, "worker") || !strcmp(type, "stage");
}

static bool show(const char *type, const char *key, const json_t *counters,
	const struct measure_filter *filter, struct shown *out)
{
	const struct intent *owner;
	const char *slash;

	out->key = key;
	out->counters = counters;
	if (filter->pages > 1 && hash(key) % filter->pages != filter->page)
		return false;
	if (is_workers(type)) {
		if (!strncmp(key, "worker", 6))
			key += 6;
		slash = strchr(key, '/');
		snprintf(out->worker, sizeof(out->worker), "%.*s",
			(int)(slash ? slash - key : (ptrdiff_t)strlen(key)), key);
		out->stage = slash ? slash + 1 : NULL;
		return true;
	}
	if (!is_tenants(type))
		return true;
	owner = measure_owner(type, key);
	if (owner || !strcmp(type, "slice"))
		snprintf(out->slice, sizeof(out->slice), "%s", owner ? owner->name : key);
	strcpy(out->tenant, measure_tenant(owner));
	return actor_sees(filter->actor, out->tenant);
}

static void write_sample(
	struct text *p, const struct measure *m, const struct shown *one, uint64_t value)
{
	char name[96];

	snprintf(name, sizeof(name), "sluice_%s", m->name);
	if (is_workers(m->type))
		prom_u64(p, name, value, "worker", one->worker, "stage", one->stage, NULL);
	else if (!strcmp(m->type, "box"))
		prom_u64(p, name, value, NULL);
	else if (!strcmp(m->type, "slice"))
		prom_u64(p, name, value, "slice", one->key, "tenant", one->tenant, m->label,
			m->value, NULL);
	else if (!strcmp(m->type, "attachment"))
		prom_u64(p, name, value, m->type, one->key, "slice",
			one->slice[0] ? one->slice : NULL, "tenant", one->tenant, m->label,
			m->value, NULL);
	else
		prom_u64(p, name, value, m->type, one->key, m->label, m->value, NULL);
}

/* Rows of one name stand together: the head of a family comes with its first sample. */
static void write_row(struct measure_walk *w, struct text *p, const struct shown *one)
{
	const struct measure *m = w->row;
	const json_t *value = json_object_get(one->counters, m->counter);
	char name[96];

	if (!json_is_integer(value))
		return;
	if (strcmp(w->last, m->name)) {
		snprintf(name, sizeof(name), "sluice_%s", m->name);
		prom_family(p, name, m->kind, m->help);
		w->last = m->name;
	}
	write_sample(p, m, one, json_integer_value(value));
}

static void type_end(struct measure_walk *w)
{
	json_decref(w->stats);
	free(w->all);
	w->stats = NULL;
	w->all = NULL;
	w->count = w->next = 0;
}

static bool type_begin(struct measure_walk *w, struct text *p)
{
	const json_t *stats = collector_stats(control.collector, *w->types);

	w->all = calloc(json_object_size(stats) + 1, sizeof(*w->all));
	if (!w->all) {
		p->failed = true;
		return false;
	}
	w->stats = stats ? json_incref((json_t *)stats) : json_object();
	w->at = json_object_iter(w->stats);
	w->row = measures;
	return true;
}

static void look(struct measure_walk *w)
{
	struct shown *one = &w->all[w->count];

	if (show(*w->types, json_object_iter_key(w->at), json_object_iter_value(w->at), &w->filter,
		    one))
		w->count++;
	else
		memset(one, 0, sizeof(*one));
	w->at = json_object_iter_next(w->stats, w->at);
}

bool measure_step(struct measure_walk *w, struct text *p)
{
	if (!*w->types)
		return false;
	if (!w->stats)
		return type_begin(w, p);
	if (w->at) {
		look(w);
	} else if (!w->row->type) {
		type_end(w);
		w->types++;
	} else if (strcmp(w->row->type, *w->types) || w->next == w->count) {
		w->row++;
		w->next = 0;
	} else {
		write_row(w, p, &w->all[w->next++]);
	}
	return true;
}

struct measure_walk *measure_walk(const char *const *types, const struct measure_filter *filter)
{
	struct measure_walk *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->actor = *filter->actor;
	w->filter = *filter;
	w->filter.actor = &w->actor;
	w->types = types;
	w->last = "";
	return w;
}

void measure_walk_free(struct measure_walk *w)
{
	if (!w)
		return;
	type_end(w);
	free(w);
}

void measure_write(struct text *p, const char *const *types, const struct measure_filter *filter)
{
	struct measure_walk *w = measure_walk(types, filter);

	if (!w)
		p->failed = true;
	while (w && measure_step(w, p))
		;
	measure_walk_free(w);
}
