/* SPDX-License-Identifier: BSD-3-Clause */
/* Which interface of the kernel stands for which port or attachment, and which of its tables
 * feeds which of the dataplane's: as the world names them, and as far as they are there. Each
 * message of the kernel names one by its number. Owns places and sources. */
#include "mirror_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "compile.h"
#include "device.h"

/* ---- found by number ---- */

static int number_cmp(const struct space *space, uint32_t number, const char *name,
	const struct space *of, uint32_t other, const char *others)
{
	if (space != of)
		return space < of ? -1 : 1;
	return number == other ? strcmp(name, others) : number < other ? -1 : 1;
}

static int place_cmp(const struct place *a, const struct place *b)
{
	return number_cmp(a->space, a->index, a->name, b->space, b->index, b->name);
}

static int source_cmp(const struct source *a, const struct source *b)
{
	return number_cmp(a->space, a->number, a->table, b->space, b->number, b->table);
}

RB_PROTOTYPE(place_tree, place, by_index, place_cmp)
RB_GENERATE(place_tree, place, by_index, place_cmp)
RB_PROTOTYPE(source_tree, source, by_number, source_cmp)
RB_GENERATE(source_tree, source, by_number, source_cmp)

/* Its interface has this number now; 0: it is not there. */
static void place_move(struct mirror *mirror, struct place *place, uint32_t index)
{
	if (place->index)
		RB_REMOVE(place_tree, &mirror->places_by_index, place);
	place->index = index;
	if (index)
		RB_INSERT(place_tree, &mirror->places_by_index, place);
}

static void source_move(
	struct mirror *mirror, struct source *source, struct space *space, uint32_t number)
{
	if (source->number)
		RB_REMOVE(source_tree, &mirror->sources_by_number, source);
	source->space = space;
	source->number = number;
	if (number)
		RB_INSERT(source_tree, &mirror->sources_by_number, source);
}

struct place *place_of(struct mirror *mirror, const struct space *space, uint32_t index)
{
	struct place key = {.space = (struct space *)space, .index = index};
	struct place *place = RB_NFIND(place_tree, &mirror->places_by_index, &key);

	return place && place->space == space && place->index == index ? place : NULL;
}

struct source *source_of(
	struct mirror *mirror, const struct space *space, uint32_t table, struct source *after)
{
	struct source key = {.space = (struct space *)space, .number = table};
	struct source *source = after ? RB_NEXT(source_tree, &mirror->sources_by_number, after)
				      : RB_NFIND(source_tree, &mirror->sources_by_number, &key);

	return source && source->space == space && source->number == table ? source : NULL;
}

/* ---- found by name ---- */

struct place *place_named(struct mirror *mirror, const char *port)
{
	struct place *place;

	TAILQ_FOREACH (place, &mirror->places, link)
		if (!place->attachment && place->space && !strcmp(place->name, port))
			return place;
	return NULL;
}

bool place_is_first(const struct mirror *mirror, const struct place *place)
{
	const struct place *other;

	TAILQ_FOREACH (other, &mirror->places, link)
		if (other->space && other->index && other->source == place->source &&
			strcmp(other->name, place->name) < 0)
			return false;
	return true;
}

/* ---- the kernel's side of them ---- */

/* Which of a slice's places has the link-local network may be another one now. */
static void mark_siblings(struct mirror *mirror, const struct place *place)
{
	struct place *other;

	if (!place->attachment || !place->source)
		return;
	TAILQ_FOREACH (other, &mirror->places, link)
		if (other != place && other->space && other->source == place->source)
			space_mark_place(other, 0);
}

void place_master(struct place *place)
{
	uint32_t master = tap_master_now(place);

	if (master == place->master)
		return;
	place->master = master;
	station_place(place);
	if (place->index)
		tap_moved(place);
}

/* true: it is not as it was. */
static bool place_look(struct place *place)
{
	struct mirror *mirror = place->space->mirror;
	const struct kernel_link *link = kernel_link_named(place->space->kernel, place->interface);
	uint32_t index, old_index = place->index;
	bool carrier;

	if (link && place->attachment && !tap_is(link)) /* somebody's own of that name */
		link = NULL;
	index = link ? link->index : 0;
	carrier = link && link->up && link->carrier;
	place_move(mirror, place, index);
	if (index != old_index) {
		place->master = tap_master_now(place);
		station_place(place);
	} else {
		place_master(place);
	}
	if (index == old_index && carrier == place->carrier)
		return false;
	place->carrier = carrier;
	if (index != old_index) {
		subjects_forget(mirror, OBJECT_ADDRESS, &place->home);
		subjects_forget(mirror, OBJECT_NEIGHBOR, &place->home);
		mark_siblings(mirror, place);
	}
	space_mark_place(place, old_index);
	tap_place(place, index != old_index);
	address_place(mirror, place);
	ask_place(mirror, place);
	return true;
}

static void source_look(struct source *source)
{
	const struct kernel_link *link;
	uint32_t number;

	if (!source->vrf[0])
		return;
	link = kernel_link_named(source->space->kernel, source->vrf);
	number = link && !strcmp(link->kind, "vrf") ? link->table : 0;
	if (number == source->number)
		return;
	subjects_forget(source->space->mirror, OBJECT_ROUTE, &source->home);
	source_move(source->space->mirror, source, source->space, number);
	space_mark_source(source);
}

void places_complete(struct space *space)
{
	struct place *place;

	TAILQ_FOREACH (place, &space->mirror->places, link)
		if (place->space == space && place->attachment && place->index) {
			place_master(place);
			tap_place(place, true);
		}
}

void places_link(struct space *space, const struct kernel_link *link)
{
	struct place *place;
	struct source *source;

	TAILQ_FOREACH (place, &space->mirror->places, link)
		if (place->space == space &&
			(place->index == link->index || !strcmp(place->interface, link->name)))
			place_look(place);
	TAILQ_FOREACH (source, &space->mirror->sources, link)
		if (source->space == space && source->vrf[0])
			source_look(source);
	tap_space(space); /* a name may be free now */
}

/* ---- as the world names them ---- */

static struct source *source_get(struct mirror *mirror, const char *table, struct space *space,
	uint32_t number, const char *vrf)
{
	struct source *source;

	TAILQ_FOREACH (source, &mirror->sources, link)
		if (!strcmp(source->table, table))
			break;
	if (!source) {
		source = xcalloc(1, sizeof(*source));
		snprintf(source->table, sizeof(source->table), "%s", table);
		TAILQ_INSERT_TAIL(&mirror->sources, source, link);
	}
	source->home.used = true;
	if (source->space != space || strcmp(source->vrf, vrf) ||
		(!vrf[0] && source->number != number)) {
		subjects_forget(mirror, OBJECT_ROUTE, &source->home);
		source_move(mirror, source, space, number);
		snprintf(source->vrf, sizeof(source->vrf), "%s", vrf);
		space_mark_source(source);
		source_look(source);
	}
	return source;
}

static void place_leave(struct mirror *mirror, struct place *place)
{
	uint32_t index = place->index;

	subjects_forget(mirror, OBJECT_ADDRESS, &place->home);
	subjects_forget(mirror, OBJECT_NEIGHBOR, &place->home);
	place_move(mirror, place, 0);
	place->master = 0;
	place->carrier = false;
	space_mark_place(place, index);
	mark_siblings(mirror, place);
	place->space = NULL;
	place->source = NULL;
}

static struct place *place_find(struct mirror *mirror, bool attachment, const char *name)
{
	struct place *place;

	TAILQ_FOREACH (place, &mirror->places, link)
		if (place->attachment == attachment && !strcmp(place->name, name))
			return place;
	place = xcalloc(1, sizeof(*place));
	place->attachment = attachment;
	snprintf(place->name, sizeof(place->name), "%s", name);
	TAILQ_INSERT_TAIL(&mirror->places, place, link);
	return place;
}

/* `as` says where it is. */
static void place_set(struct mirror *mirror, const struct place *as)
{
	struct place *place = place_find(mirror, as->attachment, as->name);

	place->home.used = true;
	if (place->space && (place->space != as->space || place->source != as->source ||
				    strcmp(place->interface, as->interface))) {
		if (place->space != as->space)
			tap_leave(place);
		place_leave(mirror, place);
	}
	place->space = as->space;
	place->source = as->source;
	place->nic = as->nic;
	snprintf(place->slice, sizeof(place->slice), "%s", as->slice);
	snprintf(place->interface, sizeof(place->interface), "%s", as->interface);
	if (!place_look(place)) { /* what the intent says of it may be what has changed */
		/* first: what it takes away is put again when moved */
		address_place(mirror, place);
		tap_place(place, false);
	}
	name_look(place);
}

static void port_set(struct mirror *mirror, struct source *underlay, const struct intent_port *port)
{
	struct place place = {.source = underlay, .space = underlay->space};
	size_t length = strlen(port->name);

	place.nic = !strncmp(port->device, "net_af_xdp", 10) &&
		    device_interface(port->device, place.interface);
	if (!place.nic && (!port->tap || length >= IFNAMSIZ))
		return;
	if (!place.nic)
		memcpy(place.interface, port->name, length);
	strcpy(place.name, port->name);
	place_set(mirror, &place);
}

static void taps_set(struct mirror *mirror, const struct intent_slice *slice, struct space *space,
	struct source *source)
{
	for (uint32_t i = 0; i < slice->endpoints.count; i++) {
		const struct intent_endpoint *at = &slice->endpoints.item[i];
		struct place place = {.attachment = true, .source = source, .space = space};

		if (!at->tap[0] || strcmp(at->site, mirror->site))
			continue;
		attachment_name(place.name, slice->name, at->port, at->vlan);
		strcpy(place.slice, slice->name);
		snprintf(place.interface, sizeof(place.interface), "%.*s", INTENT_TAP, at->tap);
		place_set(mirror, &place);
	}
}

static void slice_set(struct mirror *mirror, const struct intent_slice *slice)
{
	const struct intent_kernel *kernel = &slice->kernel;
	struct space *space;
	struct source *source = NULL;
	struct api_mac_addr mac;

	if (!slice->has_kernel || !intent_slice_is_at(slice, mirror->site))
		return;
	space = space_get(mirror, kernel->netns, true);
	space->used = true;
	mac = compile_slice_mac(slice, mirror->site);
	evpn_slice(mirror->evpn, slice->name, slice->vni, space->kernel,
		slice->service == SERVICE_L3 ? NULL : kernel->bridge, &mac);
	if (slice->service == SERVICE_L3)
		source = source_get(mirror, slice->name, space,
			kernel->netns[0] ? TABLE_MAIN : kernel->table, kernel->vrf);
	taps_set(mirror, slice, space, source);
}

static void world_set(struct mirror *mirror, struct source *underlay)
{
	const struct intent *site = world_find(mirror->world, INTENT_SITE, mirror->site);
	struct intent *at = NULL;

	for (uint32_t i = 0; site && i < site->obj->site.ports.count; i++)
		port_set(mirror, underlay, &site->obj->site.ports.item[i]);
	while ((at = world_wans_of(mirror->world, mirror->site, at)))
		port_set(mirror, underlay, &at->obj->wan.port);
	for (at = world_first(mirror->world, INTENT_SLICE); at; at = world_next(at))
		slice_set(mirror, &at->obj->slice);
}

/* Those that the world does not have: their objects go, and then they themselves. */
static void leave_unused(struct mirror *mirror)
{
	struct place *place;
	struct source *source;

	TAILQ_FOREACH (place, &mirror->places, link)
		if (!place->home.used && place->space)
			place_leave(mirror, place);
	TAILQ_FOREACH (source, &mirror->sources, link) {
		if (source->home.used || !source->space)
			continue;
		subjects_forget(mirror, OBJECT_ROUTE, &source->home);
		source_move(mirror, source, NULL, 0);
	}
}

void places_trim(struct mirror *mirror)
{
	struct place *place, *next_place;
	struct source *source, *next_source;

	TAILQ_FOREACH_SAFE (place, &mirror->places, link, next_place)
		if (!place->home.used && !place->home.subjects) {
			TAILQ_REMOVE(&mirror->places, place, link);
			free(place);
		}
	TAILQ_FOREACH_SAFE (source, &mirror->sources, link, next_source)
		if (!source->home.used && !source->home.subjects) {
			TAILQ_REMOVE(&mirror->sources, source, link);
			free(source);
		}
}

void places_rebuild(struct mirror *mirror)
{
	struct space *space, *own;
	struct place *place;
	struct source *source;

	TAILQ_FOREACH (space, &mirror->spaces, link)
		space->used = !space->netns[0];
	TAILQ_FOREACH (place, &mirror->places, link)
		place->home.used = false;
	TAILQ_FOREACH (source, &mirror->sources, link)
		source->home.used = false;
	own = space_get(mirror, "", false);
	evpn_slices_begin(mirror->evpn);
	world_set(mirror, source_get(mirror, "underlay", own, TABLE_MAIN, ""));
	leave_unused(mirror);
	evpn_slices_end(mirror->evpn); /* before their namespaces go */
	spaces_trim(mirror);
	places_trim(mirror);
}

void places_free(struct mirror *mirror)
{
	struct place *place;
	struct source *source;

	while ((place = TAILQ_FIRST(&mirror->places))) {
		TAILQ_REMOVE(&mirror->places, place, link);
		free(place);
	}
	while ((source = TAILQ_FIRST(&mirror->sources))) {
		TAILQ_REMOVE(&mirror->sources, source, link);
		free(source);
	}
}
