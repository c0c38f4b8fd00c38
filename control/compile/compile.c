/* SPDX-License-Identifier: BSD-3-Clause */
/* The compiler's entry, and whose objects depend on an intent (compile.h). The latter is read from
 * the intent's JSON, since of what it was before a change nothing else is left. */
#include "compile_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- whose objects depend on an intent ---- */

struct search {
	const struct world *world;
	const char *name;
	const json_t *spec;
	void (*found)(struct intent *dependent, void *arg);
	void *arg;
};

static const char *text(const json_t *spec, const char *field)
{
	return json_string_value(json_object_get(spec, field)) ?: "";
}

static void tell(const struct search *s, struct intent *dependent)
{
	if (dependent)
		s->found(dependent, s->arg);
}

/* ---- sites and WANs ---- */

/* Routes of the underlay by several ports are one object. */
static void tell_ports(const struct search *s, const char *site)
{
	struct intent *wan = NULL;

	tell(s, world_find(s->world, INTENT_SITE, site));
	while ((wan = world_wans_of(s->world, site, wan)))
		tell(s, wan);
}

/* A session's outer headers name one of the site's GTP-U addresses. */
static void of_site(const struct search *s)
{
	struct intent *session = world_first(s->world, INTENT_SESSION);

	tell_ports(s, s->name);
	for (; session; session = world_next(session))
		if (!strcmp(session->obj->session.site, s->name))
			tell(s, session);
}

static bool goes_over(const struct intent_slice *slice, const char *wan)
{
	for (uint32_t i = 0; i < slice->endpoints.count; i++)
		if (!strcmp(slice->endpoints.item[i].wan, wan))
			return true;
	return false;
}

static bool is_placed_on(const struct intent_network *network, const char *wan)
{
	for (uint32_t i = 0; i < network->placements.count; i++)
		if (!strcmp(network->placements.item[i].wan, wan))
			return true;
	return false;
}

/* Its address is the end of tunnels, its MTU decides about MSS clamping. */
static void of_wan(const struct search *s)
{
	struct intent *slice = world_first(s->world, INTENT_SLICE);
	struct intent *network = world_first(s->world, INTENT_NETWORK);

	tell_ports(s, text(s->spec, "site"));
	for (; slice; slice = world_next(slice))
		if (goes_over(&slice->obj->slice, s->name))
			tell(s, slice);
	for (; network; network = world_next(network))
		if (is_placed_on(&network->obj->network, s->name))
			tell(s, network);
}

/* ---- slices and hosts ---- */

static bool is_local_network(const struct search *s)
{
	struct intent *local = world_first(s->world, INTENT_LOCAL_NETWORK);

	for (; local; local = world_next(local))
		if (!strcmp(local->obj->local_network.slice, s->name))
			return true;
	return false;
}

/* Local data networks apply where their slice is. */
static void tell_sessions(const struct search *s)
{
	struct intent *session = world_first(s->world, INTENT_SESSION);

	for (; session; session = world_next(session)) {
		struct intent *local = world_first(s->world, INTENT_LOCAL_NETWORK);

		for (; local; local = world_next(local)) {
			const struct intent_local_network *l = &local->obj->local_network;

			if (strcmp(l->slice, s->name) ||
				!local_network_is_for(&session->obj->session, l->site, l->dnn,
					l->from, l->tenant))
				continue;
			tell(s, session);
			break;
		}
	}
}

static void of_slice(const struct search *s)
{
	size_t index;
	json_t *at;

	json_array_foreach (json_object_get(s->spec, "endpoints"), index, at) {
		uint32_t vlan = json_integer_value(json_object_get(at, "vlan"));
		struct intent *host = NULL;

		while ((host = world_hosts_at(
				s->world, text(at, "site"), text(at, "port"), vlan, host)))
			tell(s, host);
	}
	if (is_local_network(s))
		tell_sessions(s);
}

static void of_host(const struct search *s)
{
	struct intent *network = NULL;

	while ((network = world_network_of(s->world, s->name, network)))
		tell(s, network);
}

/* ---- sessions ---- */

static void of_local_network(const struct search *s)
{
	struct intent *session = world_first(s->world, INTENT_SESSION);

	for (; session; session = world_next(session))
		if (local_network_is_for(&session->obj->session, text(s->spec, "site"),
			    text(s->spec, "dnn"), text(s->spec, "from"), text(s->spec, "tenant")))
			tell(s, session);
}

void compile_dependents(const struct world *world, enum intent_type type, const char *name,
	const json_t *spec, void (*found)(struct intent *dependent, void *arg), void *arg)
{
	static void (*const of[INTENT_TYPES])(const struct search *s) = {
		[INTENT_SITE] = of_site,
		[INTENT_WAN] = of_wan,
		[INTENT_SLICE] = of_slice,
		[INTENT_HOST] = of_host,
		[INTENT_LOCAL_NETWORK] = of_local_network,
	};
	const struct search search = {world, name, spec, found, arg};

	if (of[type])
		of[type](&search);
}

/* ---- the entry ---- */

/* Local networks and tenants have no objects of their own. */
static void (*const compile_type[INTENT_TYPES])(struct compile *c, const struct intent *intent) = {
	[INTENT_SITE] = compile_site,
	[INTENT_WAN] = compile_wan,
	[INTENT_SLICE] = compile_slice,
	[INTENT_HOST] = compile_host,
	[INTENT_NETWORK] = compile_network,
	[INTENT_SESSION] = compile_session,
};

int compile_intent(const struct world *world, const char *site, const struct intent *intent,
	struct compiled_list *out, struct rpc_error *err)
{
	struct compile c = {world, site, out, err, false};
	uint32_t before = out->count;

	if (compile_type[intent->type])
		compile_type[intent->type](&c, intent);
	if (!c.is_refused)
		return 0;
	while (out->count > before)
		free(out->items[--out->count].text);
	return -EINVAL;
}
