/* SPDX-License-Identifier: BSD-3-Clause */
/* GET /metrics and /metrics/slices. */
#include "making.h"
#include "collector.h"
#include "measure.h"
#include "metrics.h"
#include "observe.h"

#include <stdlib.h>

static void write_links(struct text *p)
{
	const json_t *ports = collector_objects(control.collector, "port");
	size_t index;
	json_t *port;

	if (!json_array_size(ports))
		return;
	prom_family(p, "sluice_port_up", PROM_GAUGE, "The link of a port is up.");
	json_array_foreach ((json_t *)ports, index, port)
		prom_u64(p, "sluice_port_up", json_is_true(json_object_get(port, "link")), "port",
			json_string_value(json_object_get(port, "name")), NULL);
	prom_family(p, "sluice_port_speed_bytes_per_second", PROM_GAUGE, "Speed of a port's link.");
	json_array_foreach ((json_t *)ports, index, port)
		prom_f64(p, "sluice_port_speed_bytes_per_second",
			json_number_value(json_object_get(port, "speed_mbps")) * 1e6 / 8, "port",
			json_string_value(json_object_get(port, "name")), NULL);
}

static void write_tunnels(struct text *p)
{
	const json_t *tunnels = collector_objects(control.collector, "tunnel");
	size_t index;
	json_t *tunnel;

	if (!json_array_size(tunnels))
		return;
	prom_family(p, "sluice_tunnel_up", PROM_GAUGE,
		"A tunnel has a route and a neighbour to its remote end.");
	json_array_foreach ((json_t *)tunnels, index, tunnel)
		prom_u64(p, "sluice_tunnel_up", metrics_tunnel_up(tunnel), "tunnel",
			json_string_value(json_object_get(tunnel, "name")), "local",
			json_string_value(json_object_get(tunnel, "local")), "remote",
			json_string_value(json_object_get(tunnel, "remote")), NULL);
}

bool metrics_tunnel_up(const json_t *tunnel)
{
	const char *state = json_string_value(json_object_get(tunnel, "state"));

	return state && state[0] == 'u' && state[1] == 'p';
}

static void write_drops(struct text *p)
{
	const char *reason;
	json_t *packets;

	if (!json_object_size(collector_drops(control.collector)))
		return;
	prom_family(p, "sluice_dropped_packets_total", PROM_COUNTER, "Packets dropped, by reason.");
	json_object_foreach ((json_t *)collector_drops(control.collector), reason, packets)
		prom_u64(p, "sluice_dropped_packets_total", json_integer_value(packets), "reason",
			reason, NULL);
}

static bool few_slices(void)
{
	return world_count(control.world, INTENT_SLICE) +
		       world_count(control.world, INTENT_NETWORK) <=
	       control.metrics_slices;
}

static void write_box(struct text *p, const struct actor *actor)
{
	static const char *const types[] = {"port", "tunnel", "box", "worker", "stage", NULL};
	const struct measure_filter filter = {.actor = actor, .pages = 1};

	write_links(p);
	write_tunnels(p);
	write_drops(p);
	measure_write(p, types, &filter);
}

/* What an old dataplane counted is not told while none runs: a series that ends is honest, one that
 * stands still is not. */
static bool has_counters(void)
{
	return dataplane_state(control.dataplane) == DATAPLANE_UP;
}

/* The few first, then what there may be thousands of, a sample at a time. */
struct metrics {
	bool begun, all;
	struct actor actor;
	struct measure_walk *walk;
};

static void write_few(const struct metrics *m, struct text *p)
{
	bool whole = view_whole(&m->actor);

	if (whole) {
		metrics_write_process(p);
		metrics_write_control(p);
		metrics_write_xdp(p);
	}
	metrics_write_health(p, &m->actor, few_slices());
	metrics_write_sessions(p, &m->actor);
	if (!has_counters())
		return;
	if (whole) {
		write_box(p, &m->actor);
		metrics_write_gtpu(p);
	}
	tenants_write(p, &m->actor);
}

static bool metrics_step(void *state, struct text *p)
{
	struct metrics *m = state;

	if (m->all && !m->begun)
		write_few(m, p);
	m->begun = true;
	return m->walk && measure_step(m->walk, p);
}

static void metrics_free(void *state)
{
	struct metrics *m = state;

	measure_walk_free(m->walk);
	free(m);
}

static const struct making_kind metrics_kind = {
	PROM_CONTENT_TYPE, metrics_step, NULL, NULL, metrics_free};

/* types NULL: none */
static void answer(
	struct request *r, bool all, const char *const *types, uint32_t page, uint32_t pages)
{
	const struct measure_filter filter = {request_actor(r), page, pages};
	struct metrics *m = calloc(1, sizeof(*m));
	bool walks = types && has_counters();

	if (m)
		*m = (struct metrics){.all = all,
			.actor = *filter.actor,
			.walk = walks ? measure_walk(types, &filter) : NULL};
	if (m && (!walks || m->walk)) {
		making_begin(r, &metrics_kind, m, NULL);
		return;
	}
	free(m);
	reply_no_memory(r);
}

static const char *const box_types[] = {"meter", "slice", "attachment", NULL};
static const char *const *const tenant_types = &box_types[1];

static void get_metrics(struct request *r)
{
	const char *const *types = view_whole(request_actor(r)) ? box_types : tenant_types;

	answer(r, true, few_slices() ? types : NULL, 0, 1);
}

static void get_slices(struct request *r)
{
	int64_t page, pages;

	if (request_number(r, "pages", 1, 10000, 1, &pages) &&
		request_number(r, "page", 0, pages - 1, 0, &page))
		answer(r, false, tenant_types, page, pages);
}

static const struct route_query page_query[] = {
	{"page", "which page, from 0", "{\"type\":\"integer\",\"minimum\":0}"},
	{"pages", "over how many pages the slices are spread; one scrape job each",
		"{\"type\":\"integer\",\"minimum\":1,\"maximum\":10000}"},
	{NULL},
};

const struct route observe_metrics_routes[] = {
	{"GET", "/metrics", get_metrics, ROLE_METRICS, "getMetrics",
		"All that is counted, for Prometheus. Slices one by one while there are few, else "
		"by "
		"tenant.",
		"visibility", .produces = PROM_CONTENT_TYPE},
	{"GET", "/metrics/slices", get_slices, ROLE_METRICS, "getSliceMetrics",
		"Slices and attachments one by one, for Prometheus, in pages.", "visibility",
		.produces = PROM_CONTENT_TYPE, .query = page_query},
	{NULL},
};
