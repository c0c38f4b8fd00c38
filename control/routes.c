/* SPDX-License-Identifier: BSD-3-Clause */
/* All that is served, a table a file of rest/ and observe/. */
#include "observe.h"
#include "rest.h"

const struct route *const control_routes[] = {
	rest_intent_routes,
	rest_apply_routes,
	rest_history_routes,
	rest_token_routes,
	rest_openapi_routes,
	observe_status_routes,
	observe_probe_routes,
	observe_health_routes,
	observe_kernel_routes,
	observe_topology_routes,
	observe_counter_routes,
	observe_event_routes,
	observe_metrics_routes,
	observe_smartx_routes,
	NULL,
};
