/* SPDX-License-Identifier: BSD-3-Clause */
/* Stations that the dataplane has learned at taps' attachments of l2 slices → the FDB of the
 * slice's bridge, from which FRR tells the other boxes (RFC 7432 section 9). What the dataplane
 * has is asked for at each connection and now and then; between those its events say what
 * changes. Owns the list of what was told to the kernel. */
#include <errno.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "mirror_private.h"

#define LIST_S 60 /* an event may be lost */

struct local {
	RB_ENTRY(local) entry;
	api_name slice;
	struct api_mac_addr mac;
	api_name attachment;
	uint64_t listed; /* by this list, or told by an event since */
};

static int local_cmp(const struct local *a, const struct local *b)
{
	int order = strcmp(a->slice, b->slice);

	return order ? order : memcmp(&a->mac, &b->mac, sizeof(a->mac));
}

RB_PROTOTYPE(local_tree, local, entry, local_cmp)
RB_GENERATE(local_tree, local, entry, local_cmp)

static struct place *tap_of(struct mirror *mirror, const char *attachment)
{
	struct place *place;

	TAILQ_FOREACH (place, &mirror->places, link)
		if (place->attachment && place->space && !place->source &&
			!strcmp(place->name, attachment))
			return place;
	return NULL;
}

static struct local *local_find(
	struct mirror *mirror, const char *slice, const struct api_mac_addr *mac)
{
	struct local key;

	snprintf(key.slice, sizeof(key.slice), "%s", slice);
	key.mac = *mac;
	return RB_FIND(local_tree, &mirror->locals, &key);
}

/* ---- one station ---- */

static void tell(const struct place *place, const struct api_mac_addr *mac, bool there)
{
	if (place && place->master) /* in another one it would be told for another slice */
		kernel_set_fdb(place->space->kernel, place->index, mac, there);
}

static void forget(struct mirror *mirror, struct local *local)
{
	tell(tap_of(mirror, local->attachment), &local->mac, false);
	RB_REMOVE(local_tree, &mirror->locals, local);
	mirror->counters.stations--;
	free(local);
}

static void here(struct mirror *mirror, const char *slice, const struct api_mac_addr *mac,
	const char *attachment)
{
	struct local *local = local_find(mirror, slice, mac);
	const struct place *place = tap_of(mirror, attachment);

	if (!place) {
		if (local)
			forget(mirror, local);
		return;
	}
	if (!local) {
		local = xcalloc(1, sizeof(*local));
		snprintf(local->slice, sizeof(local->slice), "%s", slice);
		local->mac = *mac;
		RB_INSERT(local_tree, &mirror->locals, local);
		mirror->counters.stations++;
	}
	snprintf(local->attachment, sizeof(local->attachment), "%s", attachment);
	local->listed = mirror->station_list;
	tell(place, mac, true);
}

/* {"slice", "mac", "attachment"|…} of an event or a list; without attachment: elsewhere. */
static void take(struct mirror *mirror, const json_t *said, bool gone)
{
	const char *slice = json_string_value(json_object_get(said, "slice"));
	const char *text = json_string_value(json_object_get(said, "mac"));
	const char *attachment = json_string_value(json_object_get(said, "attachment"));
	struct api_mac_addr mac;
	struct local *local;

	if (!slice || !text || api_mac_parse(text, &mac))
		return;
	local = local_find(mirror, slice, &mac);
	if (attachment && !gone)
		here(mirror, slice, &mac, attachment);
	else if (local)
		forget(mirror, local);
}

void station_event(struct mirror *mirror, const json_t *event)
{
	const char *what = json_string_value(json_object_get(event, "event"));

	if (what && (!strcmp(what, "mac.learned") || !strcmp(what, "mac.moved")))
		take(mirror, event, false);
	else if (what && !strcmp(what, "mac.aged"))
		take(mirror, event, true);
}

/* ---- the kernel's side ---- */

void station_place(const struct place *place)
{
	struct mirror *mirror = place->space ? place->space->mirror : NULL;
	struct local *local;

	if (!mirror || !place->attachment || place->source || !place->master)
		return;
	RB_FOREACH (local, local_tree, &mirror->locals)
		if (!strcmp(local->attachment, place->name))
			tell(place, &local->mac, true);
}

/* The bridge has it behind a VXLAN device now: FRR says that it is elsewhere, and knows better than
 * what we told before. */
void station_fdb(struct space *space, const struct kernel_fdb *entry, bool gone)
{
	const struct kernel_link *link;
	const struct place *place;
	struct local *local;

	link = gone || !entry->master ? NULL : kernel_link(space->kernel, entry->index);
	if (!link || strcmp(link->kind, "vxlan"))
		return;
	TAILQ_FOREACH (place, &space->mirror->places, link) {
		if (!place->attachment || place->space != space || place->source || !place->index)
			continue;
		link = kernel_link(space->kernel, place->index);
		if (!link || link->master != entry->master)
			continue;
		local = local_find(space->mirror, place->slice, &entry->mac);
		if (!local)
			continue;
		RB_REMOVE(local_tree, &space->mirror->locals, local);
		space->mirror->counters.stations--;
		free(local);
	}
}

/* ---- lists ---- */

struct sweep {
	struct mirror *mirror;
	const struct place *place;
};

/* What an earlier life of ours has left. */
static void sweep_entry(const struct kernel_fdb *entry, void *arg)
{
	struct sweep *sweep = arg;

	if (entry->flags & NTF_EXT_LEARNED &&
		!local_find(sweep->mirror, sweep->place->slice, &entry->mac))
		tell(sweep->place, &entry->mac, false);
}

static void sweep_slice(struct mirror *mirror, const char *slice, uint64_t number)
{
	struct local *local, *next;
	struct place *place;

	RB_FOREACH_SAFE (local, local_tree, &mirror->locals, next)
		if (!strcmp(local->slice, slice) && local->listed < number)
			forget(mirror, local);
	TAILQ_FOREACH (place, &mirror->places, link) {
		struct sweep sweep = {mirror, place};

		if (place->attachment && place->space && !place->source && place->index &&
			!strcmp(place->slice, slice))
			kernel_each_fdb_of_port(
				place->space->kernel, place->index, sweep_entry, &sweep);
	}
}

struct asked {
	struct mirror *mirror;
	api_name slice;
	uint64_t number;
};

/* For the bridge it is behind a VTEP. FRR knows better than a list, which may be from before (or
 * tell of a station that left while we were not there), unless the dataplane has seen it come. */
static bool is_elsewhere(struct mirror *mirror, const json_t *said)
{
	const char *text = json_string_value(json_object_get(said, "mac"));
	const char *attachment = json_string_value(json_object_get(said, "attachment"));
	const struct place *place = attachment ? tap_of(mirror, attachment) : NULL;
	const struct kernel_link *link;
	const struct kernel_fdb *by;
	struct api_mac_addr mac;

	if (!place || !place->index || !text || api_mac_parse(text, &mac) ||
		json_is_true(json_object_get(said, "overtaken")))
		return false;
	link = kernel_link(place->space->kernel, place->index);
	by = link && link->master ? kernel_fdb_of_bridge(place->space->kernel, link->master, &mac)
				  : NULL;
	link = by ? kernel_link(place->space->kernel, by->index) : NULL;
	return link && !strcmp(link->kind, "vxlan");
}

static void on_list(const json_t *result, const json_t *error, void *arg)
{
	struct asked *asked = arg;
	struct mirror *mirror = asked->mirror;
	const json_t *one;
	size_t i;

	if (mirror_answered(mirror) && result) {
		json_array_foreach (json_object_get(result, "objects"), i, one)
			if (!is_elsewhere(mirror, one))
				take(mirror, one, false);
		sweep_slice(mirror, asked->slice, asked->number);
	}
	free(asked);
}

static void list_slice(struct mirror *mirror, const char *slice)
{
	struct asked *asked = xcalloc(1, sizeof(*asked));

	asked->mirror = mirror;
	asked->number = mirror->station_list;
	snprintf(asked->slice, sizeof(asked->slice), "%s", slice);
	if (dataplane_list_match(mirror->dp, "mac",
		    json_pack("{s:s, s:b}", "slice", slice, "learned", 1), on_list, asked))
		free(asked);
	else
		mirror->lists++;
}

/* A slice may have several taps: it is asked for once. */
static bool is_first(const struct mirror *mirror, const struct place *place)
{
	const struct place *other;

	TAILQ_FOREACH (other, &mirror->places, link)
		if (other->attachment && other->space && !other->source &&
			!strcmp(other->slice, place->slice))
			return other == place;
	return true;
}

void stations_list(struct mirror *mirror)
{
	const struct place *place;

	/* without the kernel's FDBs nobody knows which of its stations have left */
	if (!mirror->ready || dataplane_state(mirror->dp) != DATAPLANE_UP)
		return;
	mirror->station_list++;
	TAILQ_FOREACH (place, &mirror->places, link)
		if (place->attachment && place->space && !place->source && is_first(mirror, place))
			list_slice(mirror, place->slice);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	stations_list(arg);
}

/* ---- life ---- */

void stations_start(struct mirror *mirror)
{
	struct timeval every = {LIST_S, 0};

	RB_INIT(&mirror->locals);
	mirror->station_timer = event_new(mirror->base, -1, EV_PERSIST, on_timer, mirror);
	event_add(mirror->station_timer, &every);
}

/* The kernel keeps what it was told: forwarding goes on without us. */
void stations_stop(struct mirror *mirror)
{
	struct local *local;

	event_free(mirror->station_timer);
	while ((local = RB_MIN(local_tree, &mirror->locals))) {
		RB_REMOVE(local_tree, &mirror->locals, local);
		free(local);
	}
}
