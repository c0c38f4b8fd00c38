/* SPDX-License-Identifier: BSD-3-Clause */
/* What the dataplane's counters are called at /metrics, whose they are, and their samples, written
 * one at a time. Sums by tenant of what slices count: they never go back, as sums over slices that
 * come and go would. Owns those sums. */
#include "observe_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "hash.h"

/* ---- names ---- */

#define COUNT(type, counter, name, help)                                                           \
	{                                                                                          \
		type, counter, name, NULL, NULL, PROM_COUNTER, help                                \
	}
#define LEVEL(type, counter, name, help)                                                           \
	{                                                                                          \
		type, counter, name, NULL, NULL, PROM_GAUGE, help                                  \
	}
#define COLOR(type, counter, name, color, help)                                                    \
	{                                                                                          \
		type, counter, name, "color", color, PROM_COUNTER, help                            \
	}
#define COLORS(type, prefix, name, help)                                                           \
	COLOR(type, prefix "green_packets", name "_packets_total", "green", "Packets" help),       \
		COLOR(type, prefix "yellow_packets", name "_packets_total", "yellow", ""),         \
		COLOR(type, prefix "red_packets", name "_packets_total", "red", ""),               \
		COLOR(type, prefix "green_bytes", name "_bytes_total", "green", "Bytes" help),     \
		COLOR(type, prefix "yellow_bytes", name "_bytes_total", "yellow", ""),             \
		COLOR(type, prefix "red_bytes", name "_bytes_total", "red", "")
#define SHAPER(type, name)                                                                         \
	COUNT(type, "shaper_packets", name "_shaper_packets_total",                                \
		"Packets that the shaper sent."),                                                  \
		COUNT(type, "shaper_bytes", name "_shaper_bytes_total",                            \
			"Bytes that the shaper sent."),                                            \
		COUNT(type, "shaper_dropped", name "_shaper_dropped_packets_total",                \
			"Packets that found the shaper's queue full."),                            \
		LEVEL(type, "shaper_queued_packets", name "_shaper_queued_packets",                \
			"Packets that wait."),                                                     \
		LEVEL(type, "shaper_queued_bytes", name "_shaper_queued_bytes",                    \
			"Bytes that wait.")
#define TRAFFIC(type, name, of)                                                                    \
	COUNT(type, "in_packets", name "_receive_packets_total",                                   \
		"Packets that came in by " of "."),                                                \
		COUNT(type, "in_bytes", name "_receive_bytes_total",                               \
			"Bytes that came in by " of "."),                                          \
		COUNT(type, "out_packets", name "_transmit_packets_total",                         \
			"Packets that left by " of "."),                                           \
		COUNT(type, "out_bytes", name "_transmit_bytes_total",                             \
			"Bytes that left by " of "."),                                             \
		COUNT(type, "dropped", name "_dropped_packets_total",                              \
			"Packets of " of " dropped.")

const struct measure measures[] = {
	COUNT("port", "rx_packets", "port_receive_packets_total", "Packets received by a port."),
	COUNT("port", "rx_bytes", "port_receive_bytes_total",
		"Bytes of frames received by a port, without FCS."),
	COUNT("port", "tx_packets", "port_transmit_packets_total", "Packets sent by a port."),
	COUNT("port", "tx_bytes", "port_transmit_bytes_total",
		"Bytes of frames sent by a port, without FCS."),
	COUNT("port", "rx_missed", "port_receive_missed_packets_total",
		"Packets that the device had no room for."),
	COUNT("port", "tx_dropped", "port_transmit_dropped_packets_total",
		"Packets that the device did not take."),
	SHAPER("port", "port"),
	LEVEL("port", "shaper_buffers_max", "port_shaper_buffers_limit",
		"Buffers that the shaper may hold."),
	COUNT("port", "tap_rx_packets", "port_tap_receive_packets_total",
		"Packets from the port's twin in the kernel."),
	COUNT("port", "tap_rx_bytes", "port_tap_receive_bytes_total",
		"Bytes from the port's twin in the kernel."),
	COUNT("port", "tap_tx_packets", "port_tap_transmit_packets_total",
		"Packets to the port's twin in the kernel."),
	COUNT("port", "tap_tx_bytes", "port_tap_transmit_bytes_total",
		"Bytes to the port's twin in the kernel."),
	COUNT("port", "tap_rx_missed", "port_tap_receive_missed_packets_total",
		"Packets from the twin that there was no room for."),
	COUNT("port", "tap_tx_dropped", "port_tap_transmit_dropped_packets_total",
		"Packets that the twin did not take."),

	TRAFFIC("tunnel", "tunnel", "a tunnel"),
	TRAFFIC("slice", "slice", "a slice"),
	COLORS("slice", "meter_", "slice_meter", " of a slice by the colour of its meter."),
	SHAPER("slice", "slice"),
	TRAFFIC("attachment", "attachment", "an attachment"),
	COUNT("attachment", "tap_rx_packets", "attachment_tap_receive_packets_total",
		"Packets from the attachment's tap in the kernel."),
	COUNT("attachment", "tap_rx_bytes", "attachment_tap_receive_bytes_total",
		"Bytes from the attachment's tap in the kernel."),
	COUNT("attachment", "tap_tx_packets", "attachment_tap_transmit_packets_total",
		"Packets to the attachment's tap in the kernel."),
	COUNT("attachment", "tap_tx_bytes", "attachment_tap_transmit_bytes_total",
		"Bytes to the attachment's tap in the kernel."),
	COLORS("attachment", "meter_in_", "attachment_meter_in",
		" into an attachment by the colour of its meter."),
	COLORS("attachment", "meter_out_", "attachment_meter_out",
		" out of an attachment by the colour of its meter."),
	COLORS("meter", "", "meter", " by colour, over all that a meter profile is used for."),

	COUNT("box", "replicated", "box_replicated_packets_total", "Copies made for flooding."),
	COUNT("box", "merged", "box_merged_packets_total", "Fragments merged into whole packets."),
	COUNT("box", "punted", "box_punted_packets_total", "Packets given to the kernel."),
	COUNT("box", "from_kernel", "box_kernel_packets_total", "Packets taken from the kernel."),
	COUNT("box", "tap_rx_packets", "box_tap_receive_packets_total",
		"Packets from taps of attachments, of all there were."),
	COUNT("box", "tap_tx_packets", "box_tap_transmit_packets_total",
		"Packets to taps of attachments, of all there were."),
	COUNT("box", "originated", "box_originated_packets_total",
		"Packets that the box made (ARP, ND, ICMP errors)."),
	COUNT("box", "announced", "box_announced_packets_total",
		"Of those, gateways that said unasked which MAC they have."),
	COUNT("box", "answered", "box_answered_packets_total",
		"Requests that the box answered in place of a host, or as a gateway."),
	COUNT("box", "learn_lost", "box_learn_lost_total",
		"MACs not learned as the ring to the main thread was full."),
	COUNT("box", "learn_refused", "box_learn_refused_total",
		"MACs not learned as the slice has its limit."),
	COUNT("box", "hosts_lost", "box_hosts_lost_total",
		"Hosts not learned as the ring to the main thread was full."),
	COUNT("box", "hosts_refused", "box_hosts_refused_total",
		"Hosts not learned as the slice has its limit."),
	COUNT("box", "events_lost", "box_events_lost_total", "Events that watchers did not get."),
	LEVEL("box", "held", "box_held_packets", "Packets held for idle users."),
	LEVEL("box", "errors_held", "box_errors_held", "ICMP errors that wait to be sent."),
	LEVEL("box", "hosts", "box_hosts", "Hosts known by ARP and ND."),
	LEVEL("box", "macs", "box_macs", "MAC addresses known."),
	LEVEL("box", "mac_table_bytes", "box_mac_table_bytes", "Memory of the MAC table."),
	LEVEL("box", "routes", "box_routes", "Routes of all slices and the underlay."),
	LEVEL("box", "nexthops", "box_nexthops", "Next hops in use."),
	LEVEL("box", "route_table_bytes", "box_route_table_bytes", "Memory of the routes."),
	LEVEL("box", "connections", "box_connections", "Connections to the dataplane's socket."),

	COUNT("worker", "packets", "worker_packets_total", "Packets that a worker received."),
	COUNT("worker", "busy_cycles", "worker_busy_cycles_total",
		"Cycles of the loops that found packets."),
	COUNT("worker", "loops", "worker_loops_total", "Loops."),
	COUNT("worker", "idle_loops", "worker_idle_loops_total", "Loops that found nothing to do."),
	COUNT("worker", "naps", "worker_naps_total", "Times a worker with nothing to do slept."),
	LEVEL("worker", "cpu", "worker_cpu", "The CPU a worker runs on."),

	COUNT("stage", "packets", "stage_sampled_packets_total",
		"Packets of the bursts whose cost was sampled (one in 1,024)."),
	COUNT("stage", "cycles", "stage_sampled_cycles_total",
		"Cycles spent on those packets, by stage."),
	{NULL},
};

/* ---- written ---- */

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
	if (filter->pages > 1 &&
		hash_fnv32(HASH_FNV32, key, strlen(key)) % filter->pages != filter->page)
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

static void type_begin(struct measure_walk *w)
{
	const json_t *stats = collector_stats(control.collector, *w->types);

	w->all = xcalloc(json_object_size(stats) + 1, sizeof(*w->all));
	w->stats = stats ? json_incref((json_t *)stats) : json_object();
	w->at = json_object_iter(w->stats);
	w->row = measures;
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
	if (!w->stats) {
		type_begin(w);
	} else if (w->at) {
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
	struct measure_walk *w = xcalloc(1, sizeof(*w));

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

	while (measure_step(w, p))
		;
	measure_walk_free(w);
}

/* ---- sums by tenant ---- */

static json_t
	*tenants; /* {TENANT: {counter: sum}} of those with a slice here; NULL: none was read */

static const struct {
	const char *counter, *name, *help;
} sums[] = {
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
#define TENANT_COUNTERS ((int)(sizeof(sums) / sizeof(sums[0])))

/* What a slice counted since the last reading. One that is new, or that counts from nothing again,
 * counted all of it since. */
static uint64_t counted(const json_t *now, const json_t *before, const char *counter)
{
	json_int_t value = json_integer_value(json_object_get(now, counter));
	json_int_t old = json_integer_value(json_object_get(before, counter));

	return value >= old ? value - old : value;
}

/* into: the sums as of this reading, begun with those of the one before. */
static void add_slice(json_t *into, const char *key, const json_t *now, const json_t *before)
{
	const char *name = measure_tenant(measure_owner("slice", key));
	json_t *tenant = json_object_get(into, name);

	if (!tenant) {
		tenant = json_object_get(tenants, name);
		tenant = tenant ? json_incref(tenant) : json_object();
		json_object_set_new(into, name, tenant);
	}
	for (int i = 0; tenants && i < TENANT_COUNTERS; i++) {
		const char *counter = sums[i].counter;
		uint64_t sum = json_integer_value(json_object_get(tenant, counter));

		json_object_set_new(
			tenant, counter, json_integer(sum + counted(now, before, counter)));
	}
}

void tenants_read(const struct collector *c, void *arg)
{
	const json_t *before = collector_before(c, "slice");
	json_t *next = json_object(), *now;
	const char *key;

	json_object_foreach ((json_t *)collector_stats(c, "slice"), key, now)
		add_slice(next, key, now, json_object_get(before, key));
	json_decref(tenants);
	tenants = next;
}

void tenants_write(struct text *p, const struct actor *actor)
{
	const char *name;
	json_t *one;

	for (int i = 0; i < TENANT_COUNTERS && json_object_size(tenants); i++) {
		prom_family(p, sums[i].name, PROM_COUNTER, sums[i].help);
		json_object_foreach (tenants, name, one)
			if (actor_sees(actor, name))
				prom_u64(p, sums[i].name,
					json_integer_value(json_object_get(one, sums[i].counter)),
					"tenant", name, NULL);
	}
}

void tenants_free(void)
{
	json_decref(tenants);
	tenants = NULL;
}
