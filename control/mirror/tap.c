/* SPDX-License-Identifier: BSD-3-Clause */
/* Taps of slices in their place: the dataplane makes them in our own namespace, and they belong
 * into the slice's: moved to its namespace, made a port of its VRF or bridge, up. A dataplane
 * that comes anew brings new ones.
 *
 * And names of interfaces in the dataplane's namespace that decide what it can do: those that taps
 * are to have and somebody else's interface has, and those that ports are to be on. It refuses
 * what wants them, and is asked again when they are free, or there. Owns place.taken. */
#include "mirror_private.h"

#include <string.h>

#include "device.h"

/* ---- names of interfaces ---- */

static void retry(const struct place *place)
{
	struct mirror *mirror = place->space->mirror;
	struct intent *wan = NULL;

	if (place->attachment) {
		mirror->sink.retry(INTENT_SLICE, place->slice, mirror->sink.arg);
		return;
	}
	mirror->sink.retry(INTENT_SITE, mirror->site, mirror->sink.arg);
	while ((wan = world_wans_of(mirror->world, mirror->site, wan)))
		if (!strcmp(wan->obj->wan.port.name, place->name))
			mirror->sink.retry(INTENT_WAN, wan->name, mirror->sink.arg);
}

void name_look(struct place *place)
{
	const struct space *own = space_get(place->space->mirror, "", false);
	const struct kernel_link *link =
		own ? kernel_link_named(own->kernel, place->interface) : NULL;
	bool taken = !place->nic && link && !tap_is(link);

	if (place->taken && !taken)
		retry(place);
	place->taken = taken;
}

static bool is_on(const struct intent_port *port, const struct kernel_link *link)
{
	char interface[IFNAMSIZ];

	return device_interface(port->device, interface) && !strcmp(interface, link->name);
}

/* A port whose interface was not there was refused. */
static void retry_ports(struct mirror *mirror, const struct kernel_link *link)
{
	const struct intent *site = world_find(mirror->world, INTENT_SITE, mirror->site);
	struct intent *wan = NULL;

	for (uint32_t i = 0; site && i < site->obj->site.ports.count; i++)
		if (is_on(&site->obj->site.ports.item[i], link))
			mirror->sink.retry(INTENT_SITE, mirror->site, mirror->sink.arg);
	while ((wan = world_wans_of(mirror->world, mirror->site, wan)))
		if (is_on(&wan->obj->wan.port, link))
			mirror->sink.retry(INTENT_WAN, wan->name, mirror->sink.arg);
}

void names_link(struct space *space, const struct kernel_link *link, bool gone)
{
	struct place *place;

	if (space->netns[0])
		return;
	if (!gone)
		retry_ports(space->mirror, link);
	TAILQ_FOREACH (place, &space->mirror->places, link)
		/* of one that was renamed only the new name is told */
		if (place->space && (place->taken || !strcmp(place->interface, link->name)))
			name_look(place);
}

/* ---- taps in their place ---- */

/* What the dataplane makes; somebody's other interface of that name is left alone. */
bool tap_is(const struct kernel_link *link)
{
	return !strcmp(link->kind, "tun");
}

/* As long as its namespace is not there it is down: in ours a tenant would reach this box itself.
 */
static void move_or_park(struct space *own, struct place *place, const struct kernel_link *link)
{
	/* up is the last that the dataplane makes it: before that it is still busy with it. What is
	 * down when we come was left so by an earlier life */
	if (!link->up && !place->parked && own->complete)
		return;
	if (kernel_complete(place->space->kernel)) {
		kernel_move(own->kernel, link->index, place->space->netns);
		place->parked = false;
		return;
	}
	if (link->up && !space_is_missing(place->space))
		return; /* it is being read */
	if (link->up)
		kernel_set_up(own->kernel, link->index, false);
	place->parked = true;
}

void tap_link(struct space *space, const struct kernel_link *link)
{
	struct place *place;

	if (space->netns[0] || !tap_is(link))
		return;
	TAILQ_FOREACH (place, &space->mirror->places, link)
		if (place->attachment && place->space && place->space != space &&
			!strcmp(place->interface, link->name)) {
			move_or_park(space, place, link);
			return;
		}
}

/* A namespace has come, or a name in it is free: those that wait for it. */
void tap_space(struct space *space)
{
	struct space *own = space_get(space->mirror, "", false);
	const struct kernel_link *link;
	struct place *place;

	if (!space->netns[0] || !own || !kernel_complete(space->kernel))
		return;
	TAILQ_FOREACH (place, &space->mirror->places, link) {
		if (!place->attachment || place->space != space || place->index ||
			kernel_link_named(space->kernel, place->interface))
			continue;
		link = kernel_link_named(own->kernel, place->interface);
		if (link)
			tap_link(own, link);
		else
			place->parked = false;
	}
}

/* The device that is to be its master: 0, there is none (yet), or none is asked for. */
static uint32_t master_of(const struct place *place, const struct intent_slice *slice)
{
	const char *name = slice->kernel.bridge[0] ? slice->kernel.bridge : slice->kernel.vrf;
	const struct kernel_link *link =
		name[0] ? kernel_link_named(place->space->kernel, name) : NULL;

	return link && !strcmp(link->kind, slice->kernel.bridge[0] ? "bridge" : "vrf") ? link->index
										       : 0;
}

/* In a VRF that was the slice's before: what comes from it would be routed by another table. */
static bool is_astray(
	const struct place *place, const struct intent_slice *slice, const struct kernel_link *link)
{
	const struct kernel_link *master =
		link->master ? kernel_link(place->space->kernel, link->master) : NULL;

	return slice->kernel.table && master && !strcmp(master->kind, "vrf") &&
	       master->table != slice->kernel.table;
}

void tap_place(struct place *place, bool fresh)
{
	const struct intent *intent =
		place->space ? world_find(place->space->mirror->world, INTENT_SLICE, place->slice)
			     : NULL;
	const struct kernel_link *link =
		intent ? kernel_link(place->space->kernel, place->index) : NULL;
	const struct intent_slice *slice;
	uint32_t master;
	bool named, came;

	/* in the middle of a dump its VRF or bridge may only not be known yet */
	if (!place->attachment || !link || !tap_is(link) || !place->space->complete)
		return;
	slice = &intent->obj->slice;
	named = slice->kernel.bridge[0] || slice->kernel.vrf[0];
	master = master_of(place, slice);
	came = slice->kernel.vrf[0] && master && link->master != master;
	/* out of another one even when its own is not there */
	if (named ? link->master != master : is_astray(place, slice, link))
		kernel_set_master(
			place->space->kernel, place->index, master, slice->kernel.bridge[0]);
	if (slice->kernel.vrf[0] && !master) { /* outside of it, it would be the box's own */
		if (link->up)
			kernel_set_up(place->space->kernel, place->index, false);
		place->waits = true;
	} else { /* later it is as people want it */
		if (came || ((fresh || place->waits) && !link->up))
			kernel_set_up(place->space->kernel, place->index, true);
		place->waits = false;
	}
}

uint32_t tap_master_now(const struct place *place)
{
	const struct kernel_link *link =
		place->attachment ? kernel_link(place->space->kernel, place->index) : NULL;
	const struct intent *intent =
		link && link->master && tap_is(link)
			? world_find(place->space->mirror->world, INTENT_SLICE, place->slice)
			: NULL;

	return intent && master_of(place, &intent->obj->slice) == link->master ? link->master : 0;
}

bool tap_is_outside(const struct place *place)
{
	const struct intent *intent =
		world_find(place->space->mirror->world, INTENT_SLICE, place->slice);

	return intent && intent->obj->slice.kernel.vrf[0] && !place->master;
}

void tap_moved(struct place *place)
{
	address_place(place->space->mirror, place);
	if (!place->space->complete || !tap_is_outside(place))
		return;
	kernel_set_up(place->space->kernel, place->index, false);
	place->waits = true;
}

/* In the old namespace it must not stay: that may be another slice's. The new one may not be there,
 * so it is deleted, and the dataplane makes it anew where it can wait. */
void tap_leave(const struct place *place)
{
	const struct kernel_link *link =
		place->attachment ? kernel_link(place->space->kernel, place->index) : NULL;

	if (link && tap_is(link))
		kernel_delete_link(place->space->kernel, place->index);
}

/* A bridge or VRF has come, or is another one: its taps. */
void tap_master(struct space *space, const struct kernel_link *link)
{
	struct place *place;

	if (strcmp(link->kind, "bridge") && strcmp(link->kind, "vrf"))
		return;
	TAILQ_FOREACH (place, &space->mirror->places, link)
		if (place->attachment && place->space == space && place->index) {
			place_master(place);
			tap_place(place, false);
		}
}
