/* SPDX-License-Identifier: BSD-3-Clause */
/* Which object names which: of addresses, neighbours, routes, members and MACs, of which there
 * may be a hundred thousand on one slice, so that nobody has to look through all of them. Read
 * from the texts, which are compact JSON, and names hold nothing that it would escape. Owns the
 * needs of items. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ip.h"
#include "reconciler.h"

struct name {
	enum object_type type;
	char key[API_KEY_BYTES];
};
#define NAMES_MOST (1 + LIMIT_ROUTE_VIA)

/* The next value of a field at or after *at, which moves behind it; NULL: none. */
static const char *next_value(const char **at, const char *field, size_t *length)
{
	const char *found = strstr(*at, field), *end;

	if (!found)
		return NULL;
	found += strlen(field);
	end = strchr(found, '"');
	if (!end)
		return NULL;
	*length = (size_t)(end - found);
	*at = end;
	return found;
}

static uint32_t add_name(struct name *name, uint32_t count, enum object_type type,
	const char *before, const char *value, size_t length)
{
	char key[API_KEY_BYTES];

	snprintf(key, sizeof(key), "%s%.*s", before, (int)length, value);
	for (uint32_t i = 0; i < count; i++)
		if (name[i].type == type && !strcmp(name[i].key, key))
			return count;
	if (count == NAMES_MOST)
		return count;
	name[count].type = type;
	strcpy(name[count].key, key);
	return count + 1;
}

/* All values of the field, of objects of that type. */
static uint32_t add_names(struct name *name, uint32_t count, enum object_type type,
	const char *before, const char *text, const char *field)
{
	const char *value;
	size_t length;

	while ((value = next_value(&text, field, &length)))
		count = add_name(name, count, type, before, value, length);
	return count;
}

/* What an object of that type names. A MAC or a route by a tunnel needs the member that stretches
 * the slice over it, and that needs the tunnel. */
static uint32_t names_of(enum object_type type, const char *text, struct name *name)
{
	const char *at = text, *slice;
	char member[API_KEY_BYTES] = "";
	uint32_t count = 0;
	size_t length = 0;

	if (type == OBJECT_MEMBER)
		count = add_names(name, count, OBJECT_TUNNEL, "", text, "\"tunnel\":\"");
	else if (!mirrored_type(type) || type == OBJECT_TUNNEL)
		return 0;
	if (type == OBJECT_ADDRESS || type == OBJECT_NEIGHBOR || type == OBJECT_ROUTE)
		count = add_names(name, count, OBJECT_PORT, "", text, "\"port\":\"");
	if (type != OBJECT_MEMBER)
		count = add_names(name, count, OBJECT_ATTACHMENT, "", text, "\"attachment\":\"");
	slice = next_value(&at, type == OBJECT_ROUTE ? "\"table\":\"" : "\"slice\":\"", &length);
	if (!slice || (type == OBJECT_ROUTE && !strncmp(slice, "underlay\"", 9)))
		return count;
	if (type == OBJECT_MAC || type == OBJECT_ROUTE) {
		snprintf(member, sizeof(member), "%.*s ", (int)length, slice);
		count = add_names(name, count, OBJECT_MEMBER, member, text, "\"tunnel\":\"");
	}
	return add_name(name, count, OBJECT_SLICE, "", slice, length);
}

static struct item *near(struct reconciler *rec, const struct name *name, bool make)
{
	struct item **last = &rec->near[name->type], *item = *last;

	if (item && !strcmp(item->key, name->key))
		return item;
	item = item_get(rec, name->type, name->key, make);
	if (item)
		*last = item;
	return item;
}

/* One that was known only by its name. */
static void forget_bare(struct reconciler *rec, struct item *item)
{
	if (item_bare(item) && !item->aside)
		item_mark(rec, item); /* swept when it is looked at */
}

void needs_unlink(struct reconciler *rec, struct item *item)
{
	struct needs *needs = item->needs;

	item->needs = NULL;
	for (uint32_t i = 0; needs && i < needs->count; i++) {
		LIST_REMOVE(&needs->need[i], link);
		forget_bare(rec, needs->need[i].on);
	}
	free(needs);
}

int needs_link(struct reconciler *rec, struct item *item)
{
	struct name name[NAMES_MOST];
	uint32_t count = item->actual ? names_of(item->type, item->actual, name) : 0;
	struct needs *before = item->needs, *needs = NULL;

	if (count)
		needs = malloc(sizeof(*needs) + count * sizeof(needs->need[0]));
	if (count && !needs)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		struct item *on = near(rec, &name[i], true);
		struct need *need = &needs->need[i];

		needs->count = i;
		if (!on) {
			item->needs = needs;
			needs_unlink(rec, item);
			item->needs = before;
			return -ENOMEM;
		}
		*need = (struct need){.user = item, .on = on};
		LIST_INSERT_HEAD(&on->users, need, link);
	}
	if (needs)
		needs->count = count;
	needs_unlink(rec, item);
	item->needs = needs;
	return 0;
}

int needs_missing(
	struct reconciler *rec, const struct item *item, const char *text, struct item **missing)
{
	struct name name[NAMES_MOST];
	uint32_t count = names_of(item->type, text, name);

	*missing = NULL;
	for (uint32_t i = 0; i < count; i++) {
		struct item *on = near(rec, &name[i], true);

		if (!on)
			return -ENOMEM;
		if (on->actual && !on->going)
			continue;
		*missing = on;
		return 0;
	}
	return 0;
}

/* ---- who needs an item ---- */

bool needs_on_network(const char *text, const struct api_ip *network)
{
	const char *value;
	char address[64];
	struct api_ip ip;
	size_t length;

	while ((value = next_value(&text, "\"address\":\"", &length))) {
		snprintf(address, sizeof(address), "%.*s", (int)length, value);
		if (!api_ip_parse(address, false, &ip) && api_ip_within(&ip, network))
			return true;
	}
	return false;
}

/* Hosts and next hops on the network of an address are known by its place. */
static void address_users(struct item *item, bool (*found)(struct item *user, void *arg), void *arg)
{
	const char *prefix = strchr(item->key, ' ');
	struct api_ip network;
	struct need *need, *next;

	if (!prefix || !item->needs || api_ip_parse(prefix + 1, true, &network))
		return;
	LIST_FOREACH_SAFE (need, &item->needs->need[0].on->users, link, next)
		if ((need->user->type == OBJECT_NEIGHBOR || need->user->type == OBJECT_ROUTE) &&
			needs_on_network(need->user->actual, &network) && !found(need->user, arg))
			return;
}

void needs_users(struct item *item, bool (*found)(struct item *user, void *arg), void *arg)
{
	struct need *need, *next;

	LIST_FOREACH_SAFE (need, &item->users, link, next)
		if (!found(need->user, arg))
			return;
	if (item->type == OBJECT_ADDRESS)
		address_users(item, found, arg);
}
