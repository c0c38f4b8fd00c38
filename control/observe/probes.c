/* SPDX-License-Identifier: BSD-3-Clause */
/* GET /healthz and /readyz, for load balancers and supervisors, without a token: they tell nothing
 * but yes or no; why not, only to those who see the whole box. */
#include "observe.h"

#include <string.h>

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

	reconciler_counters(control.reconciler, &counters);
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
