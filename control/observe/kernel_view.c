/* SPDX-License-Identifier: BSD-3-Clause */
/* What is mirrored of the kernel, and why some of it is not in the dataplane: a part of
 * /v1/status, GET /v1/kernel, and metrics. */
#include "metrics.h"
#include "mirror.h"
#include "observe.h"
#include "status.h"

#define SHOWN 20

json_t *status_kernel(void)
{
	struct mirror_counters c = {0};
	struct reconcile_counters r = {0};

	if (!control.mirror)
		return json_pack("{s:b}", "mirrored", 0);
	mirror_counters(control.mirror, &c);
	reconciler_counters(control.reconciler, &r);
	return json_pack("{s:b, s:b, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, "
			 "s:I, s:I, s:I, s:I, s:I, s:I}",
		"mirrored", 1, "ready", c.ready, "addresses", c.addresses, "neighbors", c.neighbors,
		"routes", c.routes, "tunnels", c.tunnels, "members", c.members, "macs", c.macs,
		"macs_multihomed", c.macs_multihomed, "routes_unusable", c.routes_unusable,
		"refused", r.mirrored_refused, "waiting", r.mirrored_waiting, "namespaces",
		c.namespaces, "namespaces_missing", c.namespaces_missing, "neighbors_kept",
		(json_int_t)c.neighbors_kept, "stations", (json_int_t)c.stations, "overruns",
		(json_int_t)c.kernel.overruns, "rescans", (json_int_t)c.kernel.rescans,
		"drift_total", (json_int_t)c.kernel.drift_total, "last_change_us",
		(json_int_t)c.last_change_us);
}

/* ---- GET /v1/kernel ---- */

static void add_refused(enum object_type type, const char *key, const char *reason, void *arg)
{
	json_t *list = arg;

	if (json_array_size(list) < SHOWN)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s}", "type", api_types[type].name, "key", key,
				      "reason", reason));
}

static void add_missing(const char *slice, const char *said, void *arg)
{
	json_t *list = arg;

	if (json_array_size(list) < SHOWN)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "slice", slice, "reason", said));
}

static json_t *entries_of(const struct kernel_counters *kernel)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "links", kernel->entries[KERNEL_LINK],
		"addresses", kernel->entries[KERNEL_ADDRESS], "nexthops",
		kernel->entries[KERNEL_NEXTHOP], "routes", kernel->entries[KERNEL_ROUTE],
		"neighbors", kernel->entries[KERNEL_NEIGHBOR], "fdb", kernel->entries[KERNEL_FDB]);
}

static void get_kernel(struct request *r)
{
	struct mirror_counters c = {0};
	json_t *answer, *list, *missing;

	if (!view_whole(request_actor(r))) {
		reply_problem(r, 403, "the box's own kernel is the operators' to see");
		return;
	}
	answer = status_kernel();
	list = json_array();
	missing = json_array();
	if (control.mirror) {
		mirror_counters(control.mirror, &c);
		json_object_set_new(answer, "entries", entries_of(&c.kernel));
		reconciler_mirror_refused(control.reconciler, add_refused, list);
		mirror_gaps(control.mirror, add_missing, missing);
	}
	json_object_set_new(answer, "missing_first", missing);
	json_object_set_new(answer, "refused_first", list);
	reply_json(r, 200, answer);
}

const struct route observe_kernel_routes[] = {
	{"GET", "/v1/kernel", get_kernel, ROLE_VIEWER, "getKernel",
		"What is mirrored of the kernel (addresses, neighbours, routes, bridge FDBs), and "
		"the first twenty "
		"objects that the dataplane does not take, and slices whose part of it is not "
		"there, with the reasons.",
		.tag = "visibility"},
	{NULL},
};

/* ---- metrics ---- */

static void one(
	struct text *p, const char *name, enum prom_kind kind, uint64_t value, const char *help)
{
	prom_family(p, name, kind, help);
	prom_u64(p, name, value, NULL);
}

static void write_objects(
	struct text *p, const struct mirror_counters *c, const struct reconcile_counters *r)
{
	static const char name[] = "sluice_mirror_objects";

	prom_family(p, name, PROM_GAUGE, "Objects that the kernel's tables ask for, by type.");
	prom_u64(p, name, c->addresses, "type", "address", NULL);
	prom_u64(p, name, c->neighbors, "type", "neighbor", NULL);
	prom_u64(p, name, c->routes, "type", "route", NULL);
	prom_u64(p, name, c->tunnels, "type", "tunnel", NULL);
	prom_u64(p, name, c->members, "type", "member", NULL);
	prom_u64(p, name, c->macs, "type", "mac", NULL);
	one(p, "sluice_mirror_refused_objects", PROM_GAUGE, r->mirrored_refused,
		"Of those, set aside as the dataplane refuses them.");
	one(p, "sluice_mirror_waiting_objects", PROM_GAUGE, r->mirrored_waiting,
		"Of those, waiting for an object that they name.");
	one(p, "sluice_mirror_unusable_routes", PROM_GAUGE, c->routes_unusable,
		"Routes of the kernel without a way by an interface of ours that works.");
	one(p, "sluice_mirror_multihomed_macs", PROM_GAUGE, c->macs_multihomed,
		"Stations behind several VTEPs (EVPN's multihoming), of which one is used.");
	one(p, "sluice_mirror_kept_neighbors", PROM_GAUGE, c->neighbors_kept,
		"Next hops that the kernel was asked to resolve and keep.");
}

static void write_kernel(struct text *p, const struct kernel_counters *k)
{
	static const char *const kinds[KERNEL_KINDS] = {
		"link", "address", "nexthop", "route", "neighbor", "fdb"};

	prom_family(p, "sluice_mirror_entries", PROM_GAUGE,
		"Entries of the kernel's tables that are known, by kind.");
	for (int kind = 0; kind < KERNEL_KINDS; kind++)
		prom_u64(p, "sluice_mirror_entries", k->entries[kind], "kind", kinds[kind], NULL);
	one(p, "sluice_mirror_messages_total", PROM_COUNTER, k->messages,
		"Netlink messages taken in.");
	one(p, "sluice_mirror_overruns_total", PROM_COUNTER, k->overruns,
		"Times that the kernel had more to say than was taken in; all is read again then.");
	one(p, "sluice_mirror_rescans_total", PROM_COUNTER, k->rescans,
		"Readings of all that the kernel has.");
	one(p, "sluice_mirror_drift_entries_total", PROM_COUNTER, k->drift_total,
		"Entries that such a reading found other than they were known.");
	one(p, "sluice_mirror_writes_refused_total", PROM_COUNTER, k->refused,
		"What was told to the kernel and refused by it.");
}

void metrics_write_mirror(struct text *p)
{
	struct mirror_counters c = {0};
	struct reconcile_counters r = {0};

	one(p, "sluice_mirror_up", PROM_GAUGE, control.mirror != NULL,
		"What the kernel says is mirrored.");
	if (!control.mirror)
		return;
	mirror_counters(control.mirror, &c);
	reconciler_counters(control.reconciler, &r);
	write_objects(p, &c, &r);
	write_kernel(p, &c.kernel);
	prom_family(p, "sluice_mirror_last_change_seconds", PROM_GAUGE,
		"From the last message of the kernel until the reconciler had it.");
	prom_f64(p, "sluice_mirror_last_change_seconds", c.last_change_us / 1e6, NULL);
	one(p, "sluice_mirror_missing_namespaces", PROM_GAUGE, c.namespaces_missing,
		"Network namespaces that slices name and that are not there.");
}
