/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours. Those of the kernel become objects: on an underlay port all that have a MAC; on an
 * attachment the static ones, since the switch finds the others itself.
 *
 * Next hops that the dataplane's tunnels and peers need: the kernel is asked to resolve them and
 * to keep them. Told by the dataplane's events, and by its list after each connection. An entry
 * goes with its interface's carrier, so it is asked for again when the link is back, when the
 * kernel drops it, and every few seconds as long as there is no MAC. Owns the asks. */
#include "alloc.h"
#include "mirror_private.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

/* ---- the kernel's, as objects ---- */

static bool unicast_mac(const struct api_mac_addr *mac)
{
	static const struct api_mac_addr none;

	return !(mac->bytes[0] & 1) && memcmp(mac, &none, sizeof(none)) != 0;
}

/* The kernel has entries for groups, too. */
static bool unicast_ip(const struct api_ip *ip)
{
	return ip->family == 4 ? ip->bytes[0] && ip->bytes[0] < 224 : ip->bytes[0] != 0xff;
}

bool neighbor_make(struct mirror *mirror, struct subject *subject, union api_object *obj)
{
	const struct place *place = (const struct place *)subject->home;
	const struct kernel_neighbor *neighbor;

	if (!place->index || (place->attachment && !place->source) || !unicast_ip(&subject->ip))
		return false;
	neighbor = kernel_neighbor(place->space->kernel, place->index, &subject->ip);
	if (!neighbor || !unicast_mac(&neighbor->mac) ||
		(place->attachment && !(neighbor->state & NUD_PERMANENT)))
		return false;
	memset(obj, 0, sizeof(*obj));
	strcpy(place->attachment ? obj->neighbor.attachment : obj->neighbor.port, place->name);
	obj->neighbor.address = subject->ip;
	obj->neighbor.mac = neighbor->mac;
	return true;
}

/* ---- next hops that the kernel is asked to keep ---- */

static int ask_cmp(const struct ask *a, const struct ask *b)
{
	int order = strcmp(a->port, b->port);

	if (!order && a->address.family != b->address.family)
		order = a->address.family < b->address.family ? -1 : 1;
	return order ? order : memcmp(a->address.bytes, b->address.bytes, 16);
}

RB_GENERATE(ask_tree, ask, entry, ask_cmp)

/* ---- the kernel ---- */

static void ask_now(struct mirror *mirror, struct ask *ask)
{
	const struct place *place = place_named(mirror, ask->port);

	ask->index = 0;
	if (!place || !place->index || !place->carrier)
		return;
	if (!kernel_keep_neighbor(place->space->kernel, place->index, &ask->address, true))
		ask->index = place->index;
}

static void ask_drop(struct mirror *mirror, struct ask *ask)
{
	const struct place *place = place_named(mirror, ask->port);

	if (ask->index && place && place->index == ask->index)
		kernel_keep_neighbor(place->space->kernel, place->index, &ask->address, false);
	RB_REMOVE(ask_tree, &mirror->asks, ask);
	mirror->counters.neighbors_kept--;
	free(ask);
}

void ask_place(struct mirror *mirror, const struct place *place)
{
	struct ask *ask;

	if (place->attachment)
		return;
	RB_FOREACH (ask, ask_tree, &mirror->asks)
		if (!strcmp(ask->port, place->name))
			ask_now(mirror, ask);
}

void ask_neighbor(struct mirror *mirror, const struct place *place,
	const struct kernel_neighbor *neighbor, bool gone)
{
	struct ask key = {.address = neighbor->address}, *ask;

	if (!gone)
		return; /* FAILED: the sweep asks again, at its pace */
	strcpy(key.port, place->name);
	ask = RB_FIND(ask_tree, &mirror->asks, &key);
	if (ask)
		ask_now(mirror, ask);
}

void ask_sweep(struct mirror *mirror)
{
	struct ask *ask;

	RB_FOREACH (ask, ask_tree, &mirror->asks) {
		const struct place *place = place_named(mirror, ask->port);

		if (place && place->index &&
			!kernel_neighbor(place->space->kernel, place->index, &ask->address))
			ask_now(mirror, ask);
	}
}

/* ---- the dataplane ---- */

/* {"port", "address"} → ask. -EINVAL: it is nothing of that. */
static int ask_read(const json_t *json, struct ask *out)
{
	const char *port = json_string_value(json_object_get(json, "port"));
	const char *address = json_string_value(json_object_get(json, "address"));

	memset(out, 0, sizeof(*out));
	if (!port || !address || strlen(port) >= sizeof(out->port) ||
		api_ip_parse(address, false, &out->address))
		return -EINVAL;
	strcpy(out->port, port);
	return 0;
}

static struct ask *ask_add(struct mirror *mirror, struct ask *key)
{
	struct ask *ask = RB_FIND(ask_tree, &mirror->asks, key);

	if (ask)
		return ask;
	ask = xmemdup(key, sizeof(*key));
	RB_INSERT(ask_tree, &mirror->asks, ask);
	mirror->counters.neighbors_kept++;
	ask_now(mirror, ask);
	return ask;
}

void ask_event(struct mirror *mirror, const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));
	struct ask key, *ask;

	if (!name || strncmp(name, "neighbor_", 9) || ask_read(event, &key))
		return;
	if (!strcmp(name, "neighbor_wanted"))
		ask_add(mirror, &key);
	else if (!strcmp(name, "neighbor_unwanted") &&
		 (ask = RB_FIND(ask_tree, &mirror->asks, &key)))
		ask_drop(mirror, ask);
}

static void on_list(const json_t *result, const json_t *error, void *arg)
{
	const json_t *objects = json_object_get(result, "objects"), *one;
	struct mirror *mirror = arg;
	struct ask key, *ask, *next;
	size_t index;

	if (!mirror_answered(mirror) || !json_is_array(objects))
		return; /* the next connection tells */
	RB_FOREACH (ask, ask_tree, &mirror->asks)
		ask->listed = false;
	json_array_foreach (objects, index, one)
		if (!ask_read(one, &key))
			ask_add(mirror, &key)->listed = true;
	RB_FOREACH_SAFE (ask, ask_tree, &mirror->asks, next)
		if (!ask->listed)
			ask_drop(mirror, ask);
}

void asks_list(struct mirror *mirror)
{
	if (!dataplane_list_match(
		    mirror->dp, "neighbor", json_pack("{s:b}", "wanted", 1), on_list, mirror))
		mirror->lists++;
}

void asks_free(struct mirror *mirror)
{
	struct ask *ask;

	while ((ask = RB_MIN(ask_tree, &mirror->asks))) {
		RB_REMOVE(ask_tree, &mirror->asks, ask);
		free(ask);
	}
}
