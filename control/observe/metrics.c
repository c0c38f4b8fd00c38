/* SPDX-License-Identifier: BSD-3-Clause */
/* GET /metrics and /metrics/slices. Called by http; owns nothing. */
#include "measure.h"
#include "metrics.h"
#include "observe.h"
#include "view.h"

#include <stdlib.h>

static void write_links(struct prom *p)
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

static void write_tunnels(struct prom *p)
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

static void write_drops(struct prom *p)
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

static void write_box(struct prom *p, const struct actor *actor)
{
	static const char *const types[] = {"port", "tunnel", "box", "worker", "stage"};
	const struct measure_filter filter = {.actor = actor, .pages = 1};

	write_links(p);
	write_tunnels(p);
	write_drops(p);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		measure_write(p, types[i], &filter);
	if (few_slices())
		measure_write(p, "meter", &filter);
}

static void write_slices(struct prom *p, const struct measure_filter *filter)
{
	measure_write(p, "slice", filter);
	measure_write(p, "attachment", filter);
}

static void answer(struct request *r, struct prom *p)
{
	if (p->failed)
		reply_problem(r, 503, "there is no memory for this answer; try again later");
	else
		reply_text(r, 200, PROM_CONTENT_TYPE, p->text ? p->text : "", p->len);
	free(p->text);
}

/* What an old dataplane counted is not told while none runs: a series that ends is honest, one that
 * stands still is not. */
static bool has_counters(void)
{
	return dataplane_state(control.dataplane) == DATAPLANE_UP;
}

static void get_metrics(struct request *r)
{
	const struct measure_filter filter = {.actor = request_actor(r), .pages = 1};
	struct prom p = {0};

	if (view_whole(filter.actor)) {
		metrics_write_process(&p);
		metrics_write_control(&p);
		metrics_write_xdp(&p);
		if (has_counters())
			write_box(&p, filter.actor);
	}
	if (has_counters()) {
		tenants_write(&p, filter.actor);
		if (few_slices())
			write_slices(&p, &filter);
	}
	answer(r, &p);
}

static void get_slices(struct request *r)
{
	struct measure_filter filter = {.actor = request_actor(r)};
	int64_t page, pages;
	struct prom p = {0};

	if (!request_number(r, "pages", 1, 10000, 1, &pages) ||
		!request_number(r, "page", 0, pages - 1, 0, &page))
		return;
	filter.page = page;
	filter.pages = pages;
	if (has_counters())
		write_slices(&p, &filter);
	answer(r, &p);
}

static const struct route_query page_query[] = {
	{"page", "which page, from 0", "{\"type\":\"integer\",\"minimum\":0}"},
	{"pages", "over how many pages the slices are spread; one scrape job each",
		"{\"type\":\"integer\",\"minimum\":1,\"maximum\":10000}"},
	{NULL},
};

const struct route observe_metrics_routes[] = {
	{"GET", "/metrics", get_metrics, ROLE_VIEWER, "getMetrics",
		"All that is counted, for Prometheus. Slices one by one while there are few, else "
		"by "
		"tenant.",
		"visibility", .produces = PROM_CONTENT_TYPE},
	{"GET", "/metrics/slices", get_slices, ROLE_VIEWER, "getSliceMetrics",
		"Slices and attachments one by one, for Prometheus, in pages.", "visibility",
		.produces = PROM_CONTENT_TYPE, .query = page_query},
	{NULL},
};
