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

/* Each intent of a type that depends on it. */
static void tell_those(const struct search *s, enum intent_type type,
	bool (*depends)(const struct search *s, const struct intent *intent))
{
	struct intent *intent = world_first(s->world, type);

	for (; intent; intent = world_next(intent))
		if (depends(s, intent))
			tell(s, intent);
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

static bool is_at_site(const struct search *s, const struct intent *session)
{
	return !strcmp(session->obj->session.site, s->name);
}

/* A session's outer headers name one of the site's GTP-U addresses. */
static void of_site(const struct search *s)
{
	tell_ports(s, s->name);
	tell_those(s, INTENT_SESSION, is_at_site);
}

static bool goes_over(const struct search *s, const struct intent *intent)
{
	const char *wan;

	for (uint32_t i = 0; compile_place(intent, i, &wan); i++)
		if (!strcmp(wan, s->name))
			return true;
	return false;
}

/* Its address is the end of tunnels, its MTU decides about MSS clamping. */
static void of_wan(const struct search *s)
{
	tell_ports(s, text(s->spec, "site"));
	tell_those(s, INTENT_SLICE, goes_over);
	tell_those(s, INTENT_NETWORK, goes_over);
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
static bool has_local_network(const struct search *s, const struct intent *session)
{
	struct intent *local = world_first(s->world, INTENT_LOCAL_NETWORK);

	for (; local; local = world_next(local)) {
		const struct intent_local_network *l = &local->obj->local_network;

		if (!strcmp(l->slice, s->name) && local_network_is_for(&session->obj->session,
							  l->site, l->dnn, l->from, l->tenant))
			return true;
	}
	return false;
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
		tell_those(s, INTENT_SESSION, has_local_network);
}

static void of_host(const struct search *s)
{
	struct intent *network = NULL;

	while ((network = world_network_of(s->world, s->name, network)))
		tell(s, network);
}

/* ---- sessions ---- */

static bool is_local(const struct search *s, const struct intent *session)
{
	return local_network_is_for(&session->obj->session, text(s->spec, "site"),
		text(s->spec, "dnn"), text(s->spec, "from"), text(s->spec, "tenant"));
}

static void of_local_network(const struct search *s)
{
	tell_those(s, INTENT_SESSION, is_local);
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
