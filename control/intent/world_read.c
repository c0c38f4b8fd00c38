/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading the world: by name, in order, by place, by site. Changes nothing. */
#include <stdio.h>
#include <string.h>

#include "world_parts.h"

struct intent *world_find(const struct world *world, enum intent_type type, const char *name)
{
	struct intent *at = RB_ROOT(&world->tree[type]);

	while (at) {
		int order = strcmp(name, at->name);

		if (!order) {
			struct node *home = node_of(at);

			return node_is_seen(world, home) ? &node_seen(world, home)->intent : NULL;
		}
		at = order < 0 ? RB_LEFT(at, entry) : RB_RIGHT(at, entry);
	}
	return NULL;
}

/* From this one of the tree on, the first that the reader sees. */
static struct intent *seen_from(const struct world *world, struct intent *at)
{
	while (at && !node_is_seen(world, node_of(at)))
		at = RB_NEXT(intent_tree, NULL, at);
	return at ? &node_seen(world, node_of(at))->intent : NULL;
}

struct intent *world_first(const struct world *world, enum intent_type type)
{
	return seen_from(world, RB_MIN(intent_tree, (struct intent_tree *)&world->tree[type]));
}

struct intent *world_next(const struct intent *intent)
{
	struct node *home = node_home(node_of((struct intent *)intent));

	return seen_from(home->world, RB_NEXT(intent_tree, NULL, &home->intent));
}

struct intent *world_after(const struct world *world, enum intent_type type, const char *name)
{
	struct intent *at = RB_ROOT(&world->tree[type]), *found = NULL;

	while (at) {
		bool greater = strcmp(at->name, name) > 0;

		if (greater)
			found = at;
		at = greater ? RB_LEFT(at, entry) : RB_RIGHT(at, entry);
	}
	return seen_from(world, found);
}

size_t world_count(const struct world *world, enum intent_type type)
{
	return sees_changes(world) ? world->count[type] : world->were[type];
}

/* As text of keys; what is too long to be a name is nobody's. */
static bool name_fits(const char *name)
{
	return strlen(name) <= INTENT_NAME;
}

struct intent *world_hosts_at(const struct world *world, const char *site, const char *port,
	uint32_t vlan, struct intent *after)
{
	char text[API_KEY_BYTES];

	if (!name_fits(site) || !name_fits(port))
		return NULL;
	key_place(text, site, port, vlan);
	return (struct intent *)index_holder(world, CONSTRAINT_AT, KEY_PLACE, text, after);
}

struct intent *world_network_of(const struct world *world, const char *host, struct intent *after)
{
	return (struct intent *)index_holder(world, CONSTRAINT_NEEDS, KEY_HOST, host, after);
}

struct intent *world_at_place(
	const struct world *world, const char *site, const char *port, uint32_t vlan)
{
	struct intent *host = NULL, *network;
	struct node *slice;
	char text[API_KEY_BYTES];

	if (!name_fits(site) || !name_fits(port))
		return NULL;
	key_place(text, site, port, vlan);
	slice = index_holder(world, CONSTRAINT_HAS, KEY_PLACE, text, NULL);
	if (slice)
		return &slice->intent;
	while ((host = world_hosts_at(world, site, port, vlan, host))) {
		network = world_network_of(world, host->name, NULL);
		if (network)
			return network;
	}
	return NULL;
}

uint64_t world_booked_bps(const struct world *world, const char *wan)
{
	return index_total(world, KEY_BOOKED, wan);
}

struct intent *world_wans_of(const struct world *world, const char *site, struct intent *after)
{
	char text[API_KEY_BYTES];
	const struct entry *entry;
	size_t len;

	if (!name_fits(site))
		return NULL;
	len = snprintf(text, sizeof(text), "%s/", site);
	if (after)
		snprintf(text + len, sizeof(text) - len, "%07u/%s", after->obj->wan.preference,
			after->name);
	entry = index_from(world, CONSTRAINT_AT, KEY_ORDER, text);
	if (entry && after && !strcmp(entry->text, text))
		entry = index_next(world, entry);
	if (!entry || entry->kind != KEY_ORDER || entry->role != CONSTRAINT_AT ||
		strncmp(entry->text, text, len))
		return NULL;
	return &node_seen(world, entry->holder)->intent;
}
