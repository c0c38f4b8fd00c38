/* SPDX-License-Identifier: BSD-3-Clause */
/* GET /v1/topology: the whole as a graph. Nodes are sites, boxes, WANs, tunnels, slices, virtual
 * dedicated networks and hosts, ids "KIND:NAME"; edges say what is of, or reaches, what. State
 * comes from what this box knows: of other sites only what was asked for. With ten thousand slices
 * it is megabytes, so it is made a node and its edges at a time (making.h); it shows what was there
 * when it was begun. Owns the operators' text.
 */
#include "observe_private.h"

#include "alloc.h"
#include "clock.h"
#include "making.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MADE_US 1000000

struct graph {
	struct text *nodes, edges;
	struct actor actor;
	bool whole;	   /* sees everything */
	uint64_t revision; /* when it was begun */
	int64_t at_us;
	uint32_t phase;
	api_name after;	 /* the intent that was last; "": none of this phase yet */
	json_t *tunnels; /* held */
	void *tunnel;	 /* the next one */
};

static struct reply_cache cache;

static const char *id_of(char out[96], const char *kind, const char *name)
{
	snprintf(out, 96, "%s:%s", kind, name);
	return out;
}

/* Steals both; more may be NULL. */
static void add(struct text *list, json_t *one, json_t *more)
{
	if (more)
		json_object_update_missing(one, more);
	json_decref(more);
	if (list->len && list->text[list->len - 1] == '}')
		text_add(list, ",", 1);
	text_add_json(list, one);
	json_decref(one);
}

static void add_node(
	struct graph *g, const char *kind, const char *name, const char *state, json_t *more)
{
	char id[96];

	add(g->nodes,
		json_pack("{s:s, s:s, s:s, s:s}", "id", id_of(id, kind, name), "kind", kind, "name",
			name, "state", state),
		more);
}

static void add_edge(struct graph *g, const char *from_kind, const char *from, const char *to_kind,
	const char *to, const char *kind, const char *state, json_t *more)
{
	char from_id[96], to_id[96];

	add(&g->edges,
		json_pack("{s:s, s:s, s:s, s:s}", "from", id_of(from_id, from_kind, from), "to",
			id_of(to_id, to_kind, to), "kind", kind, "state", state),
		more);
}

static bool here(const char *site)
{
	return !strcmp(site, control.site);
}

/* A port of this box: "up", "down"; of another, or not there: "unknown". */
static const char *port_state(const char *site, const char *port)
{
	const json_t *one = json_object_get(collector_objects(control.collector, "port"), port);

	if (!one || !here(site) || dataplane_state(control.dataplane) != DATAPLANE_UP)
		return "unknown";
	return json_is_true(json_object_get(one, "link")) ? "up" : "down";
}

/* {health, health_text?} for a node or an edge. */
static json_t *with_health(json_t *more, bool is_well, const struct health *health)
{
	if (!more)
		more = json_object();
	health_show(more, is_well, health);
	return more;
}

static json_t *intent_health(const struct intent *intent, json_t *more)
{
	struct health health;
	bool is_well = health_intent(health_facts_now(), intent, &health);

	return with_health(more, is_well, &health);
}

static const char *intent_state(const struct intent *intent)
{
	return intent_state_names[intent->status.state];
}

static json_t *status_of(const struct intent *intent)
{
	char told[sizeof(intent->status.reason)];

	if (intent->status.state != INTENT_REFUSED)
		return NULL;
	return json_pack(
		"{s:s}", "reason", world_reason_told(control.world, intent, told, sizeof(told)));
}

static bool sees(const struct graph *g, const struct intent *intent)
{
	return g->whole || actor_sees(&g->actor, intent->tenant);
}

/* Has it a node? What came after the graph was begun has none, and no edge leads there. Sites and
 * WANs are nobody's: everybody sees them. */
static bool shown(const struct graph *g, const struct intent *intent)
{
	if (!intent || (intent->revision > g->revision && intent->created_us == intent->updated_us))
		return false;
	return intent->type == INTENT_SITE || intent->type == INTENT_WAN || sees(g, intent);
}

/* ---- sites, boxes and WANs ---- */

static void add_site(struct graph *g, const struct intent *site)
{
	const char *box = here(site->name) ? view_dataplane() : "unknown";
	struct health health = {.word = "elsewhere"};
	bool is_well = true;

	add_node(g, "site", site->name, here(site->name) ? intent_state(site) : "unknown",
		intent_health(
			site, json_pack("{s:s}", "description", site->obj->site.description)));
	if (here(site->name))
		is_well = g->whole ? health_box(health_facts_now(), &health)
				   : health_dataplane(health_facts_now(), &health);
	add_node(g, "box", site->name, box,
		with_health(json_pack("{s:s, s:b}", "site", site->name, "here", here(site->name)),
			is_well, &health));
	add_edge(g, "box", site->name, "site", site->name, "at", box, NULL);
}

static void add_wan(struct graph *g, const struct intent *wan)
{
	const struct intent_wan *obj = &wan->obj->wan;
	const char *state = port_state(obj->site, wan->name);

	json_t *fields = json_pack("{s:s, s:s, s:I}", "site", obj->site, "provider", obj->provider,
		"capacity_bps", (json_int_t)obj->capacity_bps);

	if (g->whole) /* what others have booked is not a tenant's business */
		json_object_set_new(fields, "booked_bps",
			json_integer((json_int_t)world_booked_bps(control.world, wan->name)));
	add_node(g, "wan", wan->name, state, intent_health(wan, fields));
	if (shown(g, world_find(control.world, INTENT_SITE, obj->site)))
		add_edge(g, "wan", wan->name, "site", obj->site, "of", state, NULL);
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

static void add_tunnel(struct graph *g, const char *name, const json_t *one)
{
	bool up = dataplane_state(control.dataplane) == DATAPLANE_UP;
	const char *state = !up ? "unknown" : metrics_tunnel_up(one) ? "up" : "down";
	const struct intent *wan;
	struct health health;
	bool is_well;

	is_well = health_tunnel(health_facts_now(), name, &health);
	add_node(g, "tunnel", name, state,
		with_health(json_pack("{s:O*, s:O*, s:O*, s:O*}", "detail",
				    json_object_get(one, "state"), "encap",
				    json_object_get(one, "encap"), "local",
				    json_object_get(one, "local"), "remote",
				    json_object_get(one, "remote")),
			is_well, &health));
	wan = wan_with(json_string_value(json_object_get(one, "local")));
	if (shown(g, wan))
		add_edge(g, "wan", wan->name, "tunnel", name, "local", state, NULL);
	wan = wan_with(json_string_value(json_object_get(one, "remote")));
	if (shown(g, wan))
		add_edge(g, "tunnel", name, "wan", wan->name, "remote", state, NULL);
}

/* Only operators see tunnels: their addresses are the underlay's. Another box may have died behind
 * a tunnel that is up: the state is what this box knows of its own end. */
static bool next_tunnel(struct graph *g)
{
	if (!g->whole || !g->tunnel)
		return false;
	add_tunnel(g, json_object_iter_key(g->tunnel), json_object_iter_value(g->tunnel));
	g->tunnel = json_object_iter_next(g->tunnels, g->tunnel);
	return true;
}

/* ---- slices, networks and hosts ---- */

static void add_endpoint(
	struct graph *g, const struct intent *slice, const struct intent_endpoint *end)
{
	struct health health;
	bool is_well;

	if (!shown(g, world_find(control.world, INTENT_SITE, end->site)))
		return;
	is_well = health_endpoint(health_facts_now(), slice, end, &health);
	add_edge(g, "slice", slice->name, "site", end->site, "endpoint",
		port_state(end->site, end->port),
		with_health(json_pack("{s:s, s:i, s:s}", "port", end->port, "vlan", end->vlan,
				    "wan", end->wan),
			is_well, &health));
}

static void add_slice(struct graph *g, const struct intent *slice)
{
	const struct intent_slice *obj = &slice->obj->slice;

	add_node(g, "slice", slice->name, intent_state(slice),
		intent_health(slice,
			json_pack("{s:s, s:s, s:i, s:O*}", "tenant", slice->tenant, "service",
				obj->service == SERVICE_L3 ? "l3" : "l2", "vni", obj->vni,
				"bandwidth", json_object_get(slice->spec, "bandwidth"))));
	for (uint32_t i = 0; i < obj->endpoints.count; i++)
		add_endpoint(g, slice, &obj->endpoints.item[i]);
}

static void add_network(struct graph *g, const struct intent *network)
{
	const struct intent_network *obj = &network->obj->network;

	add_node(g, "network", network->name, intent_state(network),
		intent_health(network, json_pack("{s:s, s:i, s:b}", "tenant", network->tenant,
					       "vni", obj->vni, "exclusive", obj->exclusive)));
}

static void add_host(struct graph *g, const struct intent *host)
{
	const struct intent_host *obj = &host->obj->host;
	const char *state = port_state(obj->site, obj->port);
	struct intent *in = NULL;

	add_node(g, "host", host->name, state,
		json_pack("{s:s, s:O*, s:O*, s:O*, s:O*, s:O*}", "tenant", host->tenant, "mac",
			json_object_get(host->spec, "mac"), "address",
			json_object_get(host->spec, "address"), "address6",
			json_object_get(host->spec, "address6"), "port",
			json_object_get(host->spec, "port"), "vlan",
			json_object_get(host->spec, "vlan")));
	if (shown(g, world_find(control.world, INTENT_SITE, obj->site)))
		add_edge(g, "host", host->name, "site", obj->site, "at", state, NULL);
	while ((in = world_network_of(control.world, host->name, in)))
		if (shown(g, in))
			add_edge(g, "host", host->name, "network", in->name, "in", intent_state(in),
				status_of(in));
	in = world_at_place(control.world, obj->site, obj->port, obj->vlan);
	if (in && in->type == INTENT_SLICE && shown(g, in))
		add_edge(g, "host", host->name, "slice", in->name, "in", intent_state(in), NULL);
}

/* ---- a node at a time ---- */

/* What edges lead to has its node first. */
static const struct {
	enum intent_type type;
	void (*add)(struct graph *g, const struct intent *intent);
} phases[] = {
	{INTENT_SITE, add_site},
	{INTENT_WAN, add_wan},
	{INTENT_TYPES, NULL}, /* tunnels */
	{INTENT_SLICE, add_slice},
	{INTENT_NETWORK, add_network},
	{INTENT_HOST, add_host},
};
#define PHASES (sizeof(phases) / sizeof(phases[0]))

static bool next_intent(struct graph *g)
{
	enum intent_type type = phases[g->phase].type;
	const struct intent *intent = world_after(control.world, type, g->after);

	if (!intent)
		return false;
	strcpy(g->after, intent->name);
	if (shown(g, intent))
		phases[g->phase].add(g, intent);
	return true;
}

static void graph_head(struct graph *g)
{
	json_t *head = json_pack("{s:s, s:I}", "site", control.site, "at_us", (json_int_t)g->at_us);

	text_add_json(g->nodes, head);
	json_decref(head);
	g->nodes->len--; /* the brace: it goes on */
	text_say(g->nodes, ",\"nodes\":[");
}

static void graph_tail(struct graph *g)
{
	text_say(g->nodes, "],\"edges\":[");
	text_add(g->nodes, g->edges.text, g->edges.len);
	text_add(g->nodes, "]}", 2);
}

static bool graph_step(void *state, struct text *out)
{
	struct graph *g = state;

	g->nodes = out;
	if (!out->len)
		graph_head(g);
	if (phases[g->phase].add ? next_intent(g) : next_tunnel(g))
		return true;
	g->after[0] = '\0';
	if (++g->phase < PHASES)
		return true;
	graph_tail(g);
	return false;
}

static void graph_free(void *state)
{
	struct graph *g = state;

	json_decref(g->tunnels);
	free(g->edges.text);
	free(g);
}

static struct graph *graph_new(const struct actor *actor)
{
	struct graph *g = xcalloc(1, sizeof(*g));

	g->actor = *actor;
	g->whole = view_whole(actor);
	g->revision = store_revision(control.store);
	g->at_us = clock_wall_us();
	g->tunnels = json_incref((json_t *)collector_objects(control.collector, "tunnel"));
	g->tunnel = json_object_iter(g->tunnels);
	return g;
}

static void get_topology(struct request *r)
{
	static const struct making_kind kind = {
		"application/json", .step = graph_step, .free = graph_free};
	bool whole = view_whole(request_actor(r));

	if (!whole || !reply_cached(r, &cache, MADE_US))
		making_begin(r, &kind, graph_new(request_actor(r)), whole ? &cache : NULL);
}

void topology_free(void)
{
	reply_cache_free(&cache);
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
