/* SPDX-License-Identifier: BSD-3-Clause */
/* GET /v1/status: how the box does, for people, load balancers and scripts. The same for all who
 * ask (numbers, no names of intents), so that it is made at most ten times a second and sent as it
 * is. Owns that text. */
#include "observe.h"
#include "collector.h"
#include "making.h"
#include "status.h"

#define MADE_US 100000

static struct reply_cache cache;

json_t *status_dataplane(void)
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

	reconciler_counters(control.reconciler, &c);
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
		(json_int_t)((control_now_us() - control.started_us) / 1000000), "dataplane",
		status_dataplane(), "reconciler", status_reconciler(), "kernel", status_kernel(),
		"intents", intents(), "store", "revision",
		(json_int_t)store_revision(control.store), "xdp", status_xdp());
}

static void get_status(struct request *r)
{
	reply_made(r, &cache, MADE_US, status_make);
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
