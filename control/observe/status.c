/* SPDX-License-Identifier: BSD-3-Clause */
/* How the box does, for people, load balancers and scripts.
 *
 * GET /v1/status is the same for all who ask (numbers, no names of intents), so that it is made at
 * most ten times a second and sent as it is. GET /v1/kernel: what is mirrored of the kernel, and
 * why some of it is not in the dataplane. GET /healthz and /readyz, for supervisors, without a
 * token: they tell nothing but yes or no; why not, only to those who see the whole box. Owns the
 * text of the status. */
#include "observe_private.h"

#include <string.h>

#include "clock.h"
#include "mirror_link.h"
#include "making.h"

/* ---- both sources of the dataplane's objects ---- */

void view_reconciler(struct reconcile_counters *out)
{
	struct mirror_counters c = {0};
	uint32_t wanted;

	reconciler_counters(control.reconciler, out);
	if (control.mirror)
		mirror_link_counters(control.mirror, &c);
	wanted = c.addresses + c.neighbors + c.routes + c.tunnels + c.members + c.macs - c.refused -
		 c.waiting;
	out->synced &= !c.unsaid;
	out->desired += wanted;
	out->actual += wanted - (c.unsaid < wanted ? c.unsaid : wanted);
	out->differing += c.unsaid;
	out->drift_total += c.drift_total;
	out->transactions += c.transactions;
}

/* ---- what is mirrored of the kernel ---- */

#define SHOWN 20

/* {mirrored, …}; more: with what only /metrics has. */
json_t *status_kernel(bool more)
{
	struct mirror_counters c = {0};
	json_t *out;

	if (!control.mirror)
		return json_pack("{s:b}", "mirrored", 0);
	mirror_link_counters(control.mirror, &c);
	out = json_pack("{s:b, s:b, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, "
			"s:I, s:I, s:I, s:I, s:I, s:I}",
		"mirrored", 1, "ready", c.ready, "addresses", c.addresses, "neighbors", c.neighbors,
		"routes", c.routes, "tunnels", c.tunnels, "members", c.members, "macs", c.macs,
		"macs_multihomed", c.macs_multihomed, "routes_unusable", c.routes_unusable,
		"refused", c.refused, "waiting", c.waiting, "namespaces", c.namespaces,
		"namespaces_missing", c.namespaces_missing, "neighbors_kept",
		(json_int_t)c.neighbors_kept, "stations", (json_int_t)c.stations, "overruns",
		(json_int_t)c.kernel.overruns, "rescans", (json_int_t)c.kernel.rescans,
		"drift_total", (json_int_t)c.kernel.drift_total, "last_change_us",
		(json_int_t)c.last_change_us);
	if (more) {
		json_object_set_new(out, "messages", json_integer(c.kernel.messages));
		json_object_set_new(out, "writes_refused", json_integer(c.kernel.refused));
	}
	return out;
}

json_t *status_kernel_entries(void)
{
	struct mirror_counters c = {0};
	const uint32_t *entries = c.kernel.entries;

	if (!control.mirror)
		return NULL;
	mirror_link_counters(control.mirror, &c);
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "links", entries[KERNEL_LINK],
		"addresses", entries[KERNEL_ADDRESS], "nexthops", entries[KERNEL_NEXTHOP], "routes",
		entries[KERNEL_ROUTE], "neighbors", entries[KERNEL_NEIGHBOR], "fdb",
		entries[KERNEL_FDB]);
}

/* ---- GET /v1/kernel ---- */

static void add_refused(const char *type, const char *key, const char *reason, void *arg)
{
	json_array_append_new(
		arg, json_pack("{s:s, s:s, s:s}", "type", type, "key", key, "reason", reason));
}

static void add_missing(const char *slice, const char *said, void *arg)
{
	json_t *list = arg;

	if (json_array_size(list) < SHOWN)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "slice", slice, "reason", said));
}

static void get_kernel(struct request *r)
{
	json_t *answer, *list, *missing;

	if (!view_whole(request_actor(r))) {
		reply_problem(r, 403, "the box's own kernel is the operators' to see");
		return;
	}
	answer = status_kernel(false);
	list = json_array();
	missing = json_array();
	if (control.mirror) {
		json_object_set_new(answer, "entries", status_kernel_entries());
		mirror_link_refused(control.mirror, add_refused, list);
		mirror_link_gaps(control.mirror, add_missing, missing);
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

/* ---- /v1/status ---- */

#define MADE_US 100000

static struct reply_cache cache;

static void status_one(const struct xdp_status *status, void *arg)
{
	json_t *one = json_pack("{s:s, s:s, s:s}", "port", status->port, "interface",
		status->interface, "state", xdp_state_names[status->state]);

	if (status->reason[0])
		json_object_set_new(one, "reason", json_string(status->reason));
	json_array_append_new(arg, one);
}

/* [{port, interface, state, reason?}]; NULL: no AF_XDP ports. */
static json_t *status_xdp(void)
{
	json_t *all = mirror_link_xdp_ports(control.mirror) ? json_array() : NULL;

	if (all)
		mirror_link_xdp_each(control.mirror, status_one, all);
	return all;
}

/* {state, socket, version?, counters_at_us?}. */
static json_t *status_dataplane(void)
{
	const json_t *hello = dataplane_hello(control.dataplane);
	const json_t *version = json_object_get(hello, "version");
	int64_t at_us = collector_at_us(control.collector);

	return json_pack("{s:s, s:s, s:O*, s:o*}", "state", view_dataplane(), "socket",
		dataplane_path(control.dataplane), "version", version, "counters_at_us",
		at_us ? json_integer(at_us) : NULL);
}

json_t *status_reconciler(void)
{
	struct reconcile_counters c = {0};

	view_reconciler(&c);
	return json_pack("{s:b, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I}", "synced",
		c.synced, "desired", c.desired, "actual", c.actual, "differing", c.differing,
		"pending", c.pending, "refused", c.refused, "transactions",
		(json_int_t)c.transactions, "transactions_refused",
		(json_int_t)c.transactions_refused, "resyncs", (json_int_t)c.resyncs, "drift_total",
		(json_int_t)c.drift_total, "last_sync_us", (json_int_t)c.last_sync_us,
		"last_apply_us", (json_int_t)c.last_apply_us);
}

static json_t *intents(void)
{
	json_t *all = json_object();

	for (int type = 0; type < INTENT_TYPES; type++) {
		size_t counts[INTENT_STATES], total = 0;
		json_t *one = json_object();

		reconciler_states(control.reconciler, type, counts);
		for (int state = 0; state < INTENT_STATES; state++) {
			json_object_set_new(
				one, intent_state_names[state], json_integer(counts[state]));
			total += counts[state];
		}
		json_object_set_new(one, "total", json_integer(total));
		json_object_set_new(all, intent_path(type), one);
	}
	return all;
}

static json_t *status_make(void)
{
	return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:{s:I}, s:o*}", "version",
		SLUICE_VERSION, "site", control.site, "uptime_s",
		(json_int_t)((clock_wall_us() - control.started_us) / 1000000), "dataplane",
		status_dataplane(), "reconciler", status_reconciler(), "kernel",
		status_kernel(false), "intents", intents(), "store", "revision",
		(json_int_t)store_revision(control.store), "xdp", status_xdp());
}

static bool status_step(void *state, struct text *out)
{
	json_t *status = status_make();

	text_add_json(out, status);
	json_decref(status);
	return false;
}

static void get_status(struct request *r)
{
	static const struct making_kind kind = {"application/json", .step = status_step};

	if (!reply_cached(r, &cache, MADE_US))
		making_begin(r, &kind, NULL, &cache);
}

void status_free(void)
{
	reply_cache_free(&cache);
}

const struct route observe_status_routes[] = {
	{"GET", "/v1/status", get_status, ROLE_VIEWER, "getStatus",
		"How the box does: dataplane, reconciler, kernel, intents by state. At most a "
		"tenth of a "
		"second "
		"old.",
		.tag = "visibility"},
	{NULL},
};

/* ---- /healthz and /readyz ---- */

static bool was_synced; /* with the dataplane that is there */

static void get_healthz(struct request *r)
{
	reply_text(r, 200, "text/plain", "ok\n", 3);
}

/* Ready is who has brought the dataplane once to where the intents want it (where there never was
 * one, it is let be); what is on its way since then is no reason to send people away. */
static void get_readyz(struct request *r)
{
	struct reconcile_counters counters = {0};
	bool up = !strcmp(view_dataplane(), "up");
	const struct actor *actor = request_actor(r);
	const char *why = dataplane_why(control.dataplane);

	view_reconciler(&counters);
	was_synced = up && (was_synced || counters.synced || !store_revision(control.store));
	if (was_synced)
		reply_text(r, 200, "text/plain", "ready\n", 6);
	else
		reply_problem(r, 503, "%s",
			up ? "the dataplane is not yet as the intents want it"
			: why[0] && actor->role >= ROLE_VIEWER && view_whole(actor)
				? why
				: "the dataplane does not answer");
}

const struct route observe_probe_routes[] = {
	{"GET", "/healthz", get_healthz, ROLE_NONE, "getHealthz", "200: the control plane runs",
		.tag = "visibility", .produces = "text/plain"},
	{"GET", "/readyz", get_readyz, ROLE_NONE, "getReadyz",
		"200: the dataplane answers and has had all intents once; else 503",
		.tag = "visibility", .produces = "text/plain"},
	{NULL},
};
