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
#define SECONDS(type, counter, name, help)                                                         \
	{                                                                                          \
		type, counter, name, NULL, NULL, PROM_SECONDS, help                                \
	}
#define LABELED(type, counter, name, kind, label, value, help)                                     \
	{                                                                                          \
		type, counter, name, label, value, kind, help                                      \
	}
#define COLOR(type, counter, name, color, help)                                                    \
	LABELED(type, counter, name, PROM_COUNTER, "color", color, help)
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

	/* of this process, from what /v1/status shows, too */
	COUNT("process", "cpu_s", "process_cpu_seconds_total",
		"User and system CPU time spent by control."),
	LEVEL("process", "start_s", "process_start_time_seconds",
		"When control began, since 1970."),
	LEVEL("process", "virtual_bytes", "process_virtual_memory_bytes", "Virtual memory."),
	LEVEL("process", "resident_bytes", "process_resident_memory_bytes", "Resident memory."),
	LEVEL("process", "files", "process_open_fds", "Open file descriptors."),
	LEVEL("process", "files_most", "process_max_fds", "File descriptors that may be open."),

	LEVEL("control", "revision", "store_revision", "Of the last change of an intent."),
	COUNT("control", "events", "events_total", "Events published."),
	COUNT("control", "log_lost", "log_lost_lines_total", "Lines that the log did not take."),
	SECONDS("control", "turn_longest_us", "control_turn_longest_seconds",
		"CPU time of the longest turn of control's loop: for so long everything else "
		"waited."),
	COUNT("control", "turns_long", "control_turns_long_total",
		"Turns of control's loop that took more than 20 ms of CPU time."),
	LEVEL("control", "dataplane", "dataplane_up", "The dataplane answers at its socket."),
	SECONDS("control", "read_us", "collector_last_read_timestamp_seconds",
		"When the counters were last read."),
	SECONDS("control", "took_us", "collector_read_duration_seconds",
		"How long the last reading of all counters took."),

	LEVEL("reconciler", "synced", "reconciler_synced",
		"The dataplane is as the intents want it, but for what was refused."),
	COUNT("reconciler", "transactions", "reconciler_transactions_total",
		"Transactions sent to the dataplane."),
	COUNT("reconciler", "transactions_refused", "reconciler_transactions_refused_total",
		"Transactions that the dataplane refused."),
	COUNT("reconciler", "resyncs", "reconciler_resyncs_total",
		"Comparisons with all that the dataplane lists."),
	COUNT("reconciler", "drift_total", "reconciler_drift_objects_total",
		"Objects found other than they had been left, and put right."),
	LABELED("reconciler", "desired", "reconciler_objects", PROM_GAUGE, "state", "desired",
		"Objects of the dataplane: wanted, there, and those that differ."),
	LABELED("reconciler", "actual", "reconciler_objects", PROM_GAUGE, "state", "actual", ""),
	LABELED("reconciler", "differing", "reconciler_objects", PROM_GAUGE, "state", "differing",
		""),
	LEVEL("reconciler", "refused", "reconciler_refused_intents",
		"Intents that the dataplane refuses."),
	LEVEL("reconciler", "pending", "reconciler_pending_intents",
		"Intents that are not in the dataplane yet."),
	SECONDS("reconciler", "last_sync_us", "reconciler_last_sync_timestamp_seconds",
		"When the dataplane was last found or made as wanted."),
	SECONDS("reconciler", "last_apply_us", "reconciler_last_apply_duration_seconds",
		"How long the last transaction took."),

	LEVEL("kernel", "mirrored", "mirror_up", "What the kernel says is mirrored."),
#define OBJECTS(counter, type, help)                                                               \
	LABELED("kernel", counter, "mirror_objects", PROM_GAUGE, "type", type, help)
	OBJECTS("addresses", "address", "Objects that the kernel's tables ask for, by type."),
	OBJECTS("neighbors", "neighbor", ""),
	OBJECTS("routes", "route", ""),
	OBJECTS("tunnels", "tunnel", ""),
	OBJECTS("members", "member", ""),
	OBJECTS("macs", "mac", ""),
	LEVEL("kernel", "refused", "mirror_refused_objects",
		"Of those, set aside as the dataplane refuses them."),
	LEVEL("kernel", "waiting", "mirror_waiting_objects",
		"Of those, waiting for an object that they name."),
	LEVEL("kernel", "routes_unusable", "mirror_unusable_routes",
		"Routes of the kernel without a way by an interface of ours that works."),
	LEVEL("kernel", "macs_multihomed", "mirror_multihomed_macs",
		"Stations behind several VTEPs (EVPN's multihoming), of which one is used."),
	LEVEL("kernel", "neighbors_kept", "mirror_kept_neighbors",
		"Next hops that the kernel was asked to resolve and keep."),
#define ENTRIES(counter, kind, help)                                                               \
	LABELED("kernel_entries", counter, "mirror_entries", PROM_GAUGE, "kind", kind, help)
	ENTRIES("links", "link", "Entries of the kernel's tables that are known, by kind."),
	ENTRIES("addresses", "address", ""),
	ENTRIES("nexthops", "nexthop", ""),
	ENTRIES("routes", "route", ""),
	ENTRIES("neighbors", "neighbor", ""),
	ENTRIES("fdb", "fdb", ""),
	COUNT("kernel", "messages", "mirror_messages_total", "Netlink messages taken in."),
	COUNT("kernel", "overruns", "mirror_overruns_total",
		"Times that the kernel had more to say than was taken in; all is read again then."),
	COUNT("kernel", "rescans", "mirror_rescans_total", "Readings of all that the kernel has."),
	COUNT("kernel", "drift_total", "mirror_drift_entries_total",
		"Entries that such a reading found other than they were known."),
	COUNT("kernel", "writes_refused", "mirror_writes_refused_total",
		"What was told to the kernel and refused by it."),
	SECONDS("kernel", "last_change_us", "mirror_last_change_seconds",
		"From the last message of the kernel until the reconciler had it."),
	LEVEL("kernel", "namespaces_missing", "mirror_missing_namespaces",
		"Network namespaces that slices name and that are not there."),

#define REQUESTS(code, help)                                                                       \
	LABELED("http", code, "http_requests_total", PROM_COUNTER, "code", code, help)
	REQUESTS("1xx", "Requests answered, by the hundreds of the status."),
	REQUESTS("2xx", ""),
	REQUESTS("3xx", ""),
	REQUESTS("4xx", ""),
	REQUESTS("5xx", ""),
	LABELED("http", "refused_rate", "http_refused_total", PROM_COUNTER, "limit", "rate",
		"Requests over their rate and connections over their number."),
	LABELED("http", "refused_connections", "http_refused_total", PROM_COUNTER, "limit",
		"connections", ""),
	COUNT("http", "timeouts", "http_timeouts_total",
		"Connections closed as a request did not come whole in its time."),
	LEVEL("http", "connections", "http_connections", "Open connections."),
	LEVEL("http", "streams", "http_streams", "Open streams of events."),
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

static void write_sample(struct text *p, const char *name, const struct measure *m,
	const struct shown *one, uint64_t value)
{
	if (is_workers(m->type))
		prom_u64(p, name, value, "worker", one->worker, "stage", one->stage, NULL);
	else if (!one->key[0] || !strcmp(m->type, "box"))
		prom_u64(p, name, value, m->label, m->value, NULL);
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

	if (!value)
		return;
	snprintf(name, sizeof(name), "%s%s", strcmp(m->type, "process") ? "sluice_" : "", m->name);
	if (strcmp(w->last, m->name)) {
		prom_family(p, name, m->kind, m->help);
		w->last = m->name;
	}
	if (m->kind == PROM_SECONDS)
		prom_f64(p, name, json_integer_value(value) / 1e6, NULL);
	else if (json_is_real(value))
		prom_f64(p, name, json_real_value(value), NULL);
	else
		write_sample(p, name, m, one,
			json_is_true(value) ? 1 : (uint64_t)json_integer_value(value));
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
	json_t *own = measure_own(*w->types);
	const json_t *stats = own ? NULL : collector_stats(control.collector, *w->types);

	w->stats = own	   ? json_pack("{s:o}", "", own)
		   : stats ? json_incref((json_t *)stats)
			   : json_object();
	w->all = xcalloc(json_object_size(w->stats) + 1, sizeof(*w->all));
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

void tenants_read(const struct collector *c)
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
