/* SPDX-License-Identifier: BSD-3-Clause */
/* GET /v1/topology: the whole as a graph. Nodes are sites, boxes, WANs, tunnels, slices, virtual
 * dedicated networks and hosts, ids "KIND:NAME"; edges say what is of, or reaches, what. State
 * comes from what this box knows: of other sites only what was asked for. Owns the operators' text.
 */
#include "measure.h"
#include "metrics.h"
#include "observe.h"
#include "status.h"
#include "view.h"

#include <stdio.h>
#include <string.h>

#define MADE_US 1000000

struct graph {
	json_t *nodes, *edges;
	const struct actor *actor; /* NULL: sees everything */
	bool whole;
};

static struct view_cache cache;

static const char *id_of(char out[96], const char *kind, const char *name)
{
	snprintf(out, 96, "%s:%s", kind, name);
	return out;
}

/* Steals more (may be NULL). */
static void add_node(
	struct graph *g, const char *kind, const char *name, const char *state, json_t *more)
{
	char id[96];
	json_t *node = json_pack("{s:s, s:s, s:s, s:s}", "id", id_of(id, kind, name), "kind", kind,
		"name", name, "state", state);

	if (more)
		json_object_update_missing(node, more);
	json_decref(more);
	json_array_append_new(g->nodes, node);
}

static void add_edge(struct graph *g, const char *from_kind, const char *from, const char *to_kind,
	const char *to, const char *kind, const char *state, json_t *more)
{
	char from_id[96], to_id[96];
	json_t *edge = json_pack("{s:s, s:s, s:s, s:s}", "from", id_of(from_id, from_kind, from),
		"to", id_of(to_id, to_kind, to), "kind", kind, "state", state);

	if (more)
		json_object_update_missing(edge, more);
	json_decref(more);
	json_array_append_new(g->edges, edge);
}

static bool here(const char *site)
{
	return !strcmp(site, control.site);
}

/* A port of this box: "up", "down"; of another, or not there: "unknown". */
static const char *port_state(const char *site, const char *port)
{
	const json_t *ports = collector_objects(control.collector, "port");
	size_t index;
	json_t *one;

	if (!here(site) || dataplane_state(control.dataplane) != DATAPLANE_UP)
		return "unknown";
	json_array_foreach ((json_t *)ports, index, one) {
		const char *name = json_string_value(json_object_get(one, "name"));

		if (name && !strcmp(name, port))
			return json_is_true(json_object_get(one, "link")) ? "up" : "down";
	}
	return "unknown";
}

static const char *intent_state(const struct intent *intent)
{
	return intent_state_names[intent->status.state];
}

static json_t *status_of(const struct intent *intent)
{
	if (intent->status.state != INTENT_REFUSED)
		return NULL;
	return json_pack("{s:s}", "reason", intent->status.reason);
}

/* ---- sites, boxes and WANs ---- */

static void add_sites(struct graph *g)
{
	struct intent *site = world_first(control.world, INTENT_SITE);

	for (; site; site = world_next(site)) {
		const char *box = here(site->name) ? view_dataplane() : "unknown";

		add_node(g, "site", site->name, here(site->name) ? intent_state(site) : "unknown",
			json_pack("{s:s}", "description", site->obj->site.description));
		add_node(g, "box", site->name, box,
			json_pack("{s:s, s:b}", "site", site->name, "here", here(site->name)));
		add_edge(g, "box", site->name, "site", site->name, "at", box, NULL);
	}
}

static void add_wans(struct graph *g)
{
	struct intent *wan = world_first(control.world, INTENT_WAN);

	for (; wan; wan = world_next(wan)) {
		const struct intent_wan *obj = &wan->obj->wan;
		const char *state = port_state(obj->site, wan->name);

		add_node(g, "wan", wan->name, state,
			json_pack("{s:s, s:s, s:I, s:I}", "site", obj->site, "provider",
				obj->provider, "capacity_bps", (json_int_t)obj->capacity_bps,
				"booked_bps",
				(json_int_t)world_booked_bps(control.world, wan->name)));
		add_edge(g, "wan", wan->name, "site", obj->site, "of", state, NULL);
	}
}

/* ---- tunnels ---- */

static const struct intent *wan_with(const char *address)
{
	struct intent *wan = world_first(control.world, INTENT_WAN);
	struct api_ip ip;

	if (!address || api_ip_parse(address, false, &ip))
		return NULL;
	for (; wan; wan = world_next(wan)) {
		const struct api_prefixes *addresses = &wan->obj->wan.port.addresses;

		for (uint32_t i = 0; i < addresses->count; i++)
			if (addresses->item[i].family == ip.family &&
				!memcmp(addresses->item[i].bytes, ip.bytes, sizeof(ip.bytes)))
				return wan;
	}
	return NULL;
}

/* Only operators see tunnels: their addresses are the underlay's. Another box may have died behind
 * a tunnel that is up: the state is what this box knows of its own end. */
static void add_tunnels(struct graph *g)
{
	const json_t *tunnels = collector_objects(control.collector, "tunnel");
	bool up = dataplane_state(control.dataplane) == DATAPLANE_UP;
	size_t index;
	json_t *one;

	json_array_foreach ((json_t *)tunnels, index, one) {
		const char *name = json_string_value(json_object_get(one, "name"));
		const char *local = json_string_value(json_object_get(one, "local"));
		const char *remote = json_string_value(json_object_get(one, "remote"));
		const char *state = !up ? "unknown" : metrics_tunnel_up(one) ? "up" : "down";
		const struct intent *wan;

		if (!name)
			continue;
		add_node(g, "tunnel", name, state,
			json_pack("{s:O*, s:O*, s:O*, s:O*}", "detail",
				json_object_get(one, "state"), "encap",
				json_object_get(one, "encap"), "local",
				json_object_get(one, "local"), "remote",
				json_object_get(one, "remote")));
		if ((wan = wan_with(local)))
			add_edge(g, "wan", wan->name, "tunnel", name, "local", state, NULL);
		if ((wan = wan_with(remote)))
			add_edge(g, "tunnel", name, "wan", wan->name, "remote", state, NULL);
	}
}

/* ---- slices, networks and hosts ---- */

static bool sees(const struct graph *g, const struct intent *intent)
{
	return !g->actor || actor_sees(g->actor, intent->tenant);
}

static void add_slices(struct graph *g)
{
	struct intent *slice = world_first(control.world, INTENT_SLICE);

	for (; slice; slice = world_next(slice)) {
		const struct intent_slice *obj = &slice->obj->slice;

		if (!sees(g, slice))
			continue;
		add_node(g, "slice", slice->name, intent_state(slice),
			json_pack("{s:s, s:s, s:i, s:O*}", "tenant", slice->tenant, "service",
				obj->service == SERVICE_L3 ? "l3" : "l2", "vni", obj->vni,
				"bandwidth", json_object_get(slice->spec, "bandwidth")));
		for (uint32_t i = 0; i < obj->endpoints.count; i++) {
			const struct intent_endpoint *end = &obj->endpoints.item[i];

			add_edge(g, "slice", slice->name, "site", end->site, "endpoint",
				port_state(end->site, end->port),
				json_pack("{s:s, s:i, s:s}", "port", end->port, "vlan", end->vlan,
					"wan", end->wan));
		}
	}
}

static void add_networks(struct graph *g)
{
	struct intent *network = world_first(control.world, INTENT_NETWORK);

	for (; network; network = world_next(network)) {
		const struct intent_network *obj = &network->obj->network;

		if (!sees(g, network))
			continue;
		add_node(g, "network", network->name, intent_state(network),
			json_pack("{s:s, s:i, s:b}", "tenant", network->tenant, "vni", obj->vni,
				"exclusive", obj->exclusive));
	}
}

static void add_hosts(struct graph *g)
{
	struct intent *host = world_first(control.world, INTENT_HOST), *in;

	for (; host; host = world_next(host)) {
		const struct intent_host *obj = &host->obj->host;
		const char *state = port_state(obj->site, obj->port);

		if (!sees(g, host))
			continue;
		add_node(g, "host", host->name, state,
			json_pack("{s:s, s:O*, s:O*, s:O*, s:O*, s:O*}", "tenant", host->tenant,
				"mac", json_object_get(host->spec, "mac"), "address",
				json_object_get(host->spec, "address"), "address6",
				json_object_get(host->spec, "address6"), "port",
				json_object_get(host->spec, "port"), "vlan",
				json_object_get(host->spec, "vlan")));
		add_edge(g, "host", host->name, "site", obj->site, "at", state, NULL);
		in = world_at_place(control.world, obj->site, obj->port, obj->vlan);
		if (in && in->type == INTENT_SLICE && sees(g, in))
			add_edge(g, "host", host->name, "slice", in->name, "in", intent_state(in),
				NULL);
		for (in = NULL; (in = world_network_of(control.world, host->name, in));)
			if (sees(g, in))
				add_edge(g, "host", host->name, "network", in->name, "in",
					intent_state(in), status_of(in));
	}
}

static json_t *graph_make(const struct actor *actor)
{
	struct graph g = {json_array(), json_array(), actor, !actor || view_whole(actor)};

	add_sites(&g);
	add_wans(&g);
	if (g.whole)
		add_tunnels(&g);
	add_slices(&g);
	add_networks(&g);
	add_hosts(&g);
	return json_pack("{s:s, s:I, s:o, s:o}", "site", control.site, "at_us",
		(json_int_t)control_now_us(), "nodes", g.nodes, "edges", g.edges);
}

static json_t *graph_of_all(void)
{
	return graph_make(NULL);
}

static void get_topology(struct request *r)
{
	if (view_whole(request_actor(r)))
		view_reply(r, &cache, MADE_US, graph_of_all);
	else
		reply_json(r, 200, graph_make(request_actor(r)));
}

void topology_free(void)
{
	view_cache_free(&cache);
}

const struct route observe_topology_routes[] = {
	{"GET", "/v1/topology", get_topology, ROLE_VIEWER, "getTopology",
		"Sites, boxes, WANs, tunnels, slices, networks and hosts as a graph with state, as "
		"far as "
		"the asking one may see them. At most a second old, or what twenty times its "
		"making takes.",
		.tag = "visibility"},
	{NULL},
};
