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

		if (!order)
			return at;
		at = order < 0 ? RB_LEFT(at, entry) : RB_RIGHT(at, entry);
	}
	return NULL;
}

struct intent *world_first(const struct world *world, enum intent_type type)
{
	return RB_MIN(intent_tree, (struct intent_tree *)&world->tree[type]);
}

struct intent *world_next(const struct intent *intent)
{
	return RB_NEXT(intent_tree, NULL, (struct intent *)intent);
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
	return found;
}

size_t world_count(const struct world *world, enum intent_type type)
{
	return world->count[type];
}

/* As text of keys; what is too long to be a name is nobody's. */
static bool name_fits(const char *name)
{
	return strlen(name) <= INTENT_NAME;
}

struct intent *world_hosts_at(const struct world *world, const char *site, const char *port,
	uint32_t vlan, struct intent *after)
{
	struct key key;

	if (!name_fits(site) || !name_fits(port))
		return NULL;
	key_place(&key, site, port, vlan);
	return (struct intent *)index_holder(world, ROLE_AT, KEY_PLACE, key.text, after);
}

struct intent *world_network_of(const struct world *world, const char *host, struct intent *after)
{
	return (struct intent *)index_holder(world, ROLE_NEEDS, KEY_HOST, host, after);
}

struct intent *world_at_place(
	const struct world *world, const char *site, const char *port, uint32_t vlan)
{
	struct intent *host = NULL, *network;
	struct node *slice;
	struct key key;

	if (!name_fits(site) || !name_fits(port))
		return NULL;
	key_place(&key, site, port, vlan);
	slice = index_holder(world, ROLE_HAS, KEY_PLACE, key.text, NULL);
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
	const struct entry *total = index_find(world, ROLE_TOTAL, KEY_BOOKED, wan, NULL);

	return total ? total->value : 0;
}

struct intent *world_wans_of(const struct world *world, const char *site, struct intent *after)
{
	char text[KEY_BYTES];
	const struct entry *entry;
	size_t len;

	if (!name_fits(site))
		return NULL;
	len = snprintf(text, sizeof(text), "%s/", site);
	if (after)
		snprintf(text + len, sizeof(text) - len, "%07u/%s", after->obj->wan.preference,
			after->name);
	entry = index_from(world, ROLE_AT, KEY_ORDER, text);
	if (entry && after && !strcmp(entry->text, text))
		entry = index_next(entry);
	if (!entry || entry->kind != KEY_ORDER || entry->role != ROLE_AT ||
		strncmp(entry->text, text, len))
		return NULL;
	return &entry->holder->intent;
}
