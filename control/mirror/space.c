/* SPDX-License-Identifier: BSD-3-Clause */
/* The namespaces that are looked at: opened as the world names them, and their changes on the
 * way to the subjects they concern. Owns the spaces. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "bus.h"
#include "mirror_private.h"

/* ---- changes ---- */

static void mark_route(struct space *space, const struct kernel_route *route)
{
	struct source *source = NULL;

	while ((source = source_of(space->mirror, space, route->table, source)))
		subject_mark(space->mirror, OBJECT_ROUTE, &source->home, &route->prefix);
}

static void mark_route_by(const struct kernel_route *route, void *arg)
{
	mark_route(arg, route);
}

static void neighbor_changed(struct space *space, const struct kernel_neighbor *neighbor, bool gone)
{
	struct place *place = place_of(space->mirror, space, neighbor->index);

	if (!place)
		return;
	subject_mark(space->mirror, OBJECT_NEIGHBOR, &place->home, &neighbor->address);
	if (!place->attachment)
		ask_neighbor(space->mirror, place, neighbor, gone);
}

static void changed(
	struct kernel *kernel, enum kernel_kind kind, const void *entry, bool gone, void *arg)
{
	struct space *space = arg;
	const struct kernel_address *address = entry;
	const struct kernel_nexthop *nexthop = entry;
	struct place *place;

	evpn_changed(space->mirror->evpn, kernel, kind, entry, gone);
	switch (kind) {
	case KERNEL_LINK:
		places_link(space, entry);
		names_link(space, entry, gone);
		if (!gone) {
			tap_link(space, entry);
			tap_master(space, entry);
		}
		break;
	case KERNEL_FDB:
		station_fdb(space, entry, gone);
		break;
	case KERNEL_ADDRESS:
		place = place_of(space->mirror, space, address->index);
		if (place)
			address_changed(place, address, gone);
		break;
	case KERNEL_NEXTHOP:
		kernel_each_route_by(kernel, 0, nexthop->id, mark_route_by, space);
		break;
	case KERNEL_ROUTE:
		mark_route(space, entry);
		break;
	case KERNEL_NEIGHBOR:
		neighbor_changed(space, entry, gone);
		break;
	default:
		break;
	}
}

static void settled(struct kernel *kernel, void *arg)
{
	struct space *space = arg;
	bool was = space->complete;

	space->complete = kernel_complete(kernel);
	if (space->complete && !was) {
		places_complete(space);
		address_space(space);
		tap_space(space);
	}
	evpn_settled(space->mirror->evpn);
	event_active(space->mirror->work, 0, 0);
}

void spaces_routes_by(struct kernel *kernel, uint32_t link, void *arg)
{
	struct mirror *mirror = arg;
	struct space *space;

	TAILQ_FOREACH (space, &mirror->spaces, link)
		if (space->kernel == kernel)
			kernel_each_route_by(kernel, link, 0, mark_route_by, space);
	event_active(mirror->work, 0, 0);
}

/* ---- all of a place, of a source ---- */

static void mark_address(const void *entry, void *arg)
{
	const struct kernel_address *address = entry;
	struct place *place = arg;

	if (address->index == place->index)
		address_changed(place, address, false);
}

static void mark_neighbor(const void *entry, void *arg)
{
	const struct kernel_neighbor *neighbor = entry;
	struct place *place = arg;

	if (neighbor->index == place->index)
		subject_mark(
			place->space->mirror, OBJECT_NEIGHBOR, &place->home, &neighbor->address);
}

void space_mark_place(struct place *place, uint32_t old_index)
{
	struct space *space = place->space;

	if (!space)
		return;
	if (old_index && old_index != place->index)
		kernel_each_route_by(space->kernel, old_index, 0, mark_route_by, space);
	if (!place->index)
		return;
	kernel_each_route_by(space->kernel, place->index, 0, mark_route_by, space);
	kernel_each(space->kernel, KERNEL_ADDRESS, mark_address, place);
	kernel_each(space->kernel, KERNEL_NEIGHBOR, mark_neighbor, place);
}

static void mark_route_of(const struct kernel_route *route, void *arg)
{
	struct source *source = arg;

	subject_mark(source->space->mirror, OBJECT_ROUTE, &source->home, &route->prefix);
}

void space_mark_source(struct source *source)
{
	if (source->space && source->number)
		kernel_each_route_of(source->space->kernel, source->number, mark_route_of, source);
}

/* ---- the list ---- */

struct space *space_get(struct mirror *mirror, const char *netns, bool make)
{
	struct kernel_listener listener = {.changed = changed, .settled = settled};
	struct space *space;
	int rc;

	TAILQ_FOREACH (space, &mirror->spaces, link)
		if (!strcmp(space->netns, netns))
			return space;
	if (!make)
		return NULL;
	space = xcalloc(1, sizeof(*space));
	space->mirror = mirror;
	snprintf(space->netns, sizeof(space->netns), "%s", netns);
	listener.arg = space;
	rc = kernel_open(mirror->base, netns[0] ? space->netns : NULL, mirror->rescan_s, &listener,
		&space->kernel);
	if (rc) {
		log_text(LOG_ERROR_, "netlink%s%s: %s; what the kernel says there is not mirrored",
			netns[0] ? " of namespace " : "", netns, strerror(-rc));
		free(space);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&mirror->spaces, space, link);
	return space;
}

void spaces_trim(struct mirror *mirror)
{
	struct space *space, *next;

	TAILQ_FOREACH_SAFE (space, &mirror->spaces, link, next) {
		if (space->used)
			continue;
		TAILQ_REMOVE(&mirror->spaces, space, link);
		kernel_close(space->kernel);
		free(space);
	}
}

/* A namespace that is not there holds nothing up: it may never come. */
bool space_is_missing(const struct space *space)
{
	char path[sizeof("/run/netns/") + sizeof(space->netns)];

	snprintf(path, sizeof(path), "/run/netns/%s", space->netns);
	return space->netns[0] && access(path, F_OK) != 0;
}

bool spaces_complete(const struct mirror *mirror)
{
	const struct space *space;

	TAILQ_FOREACH (space, &mirror->spaces, link)
		if (!kernel_complete(space->kernel) && !space_is_missing(space))
			return false;
	return true;
}

/* ---- counters ---- */

void mirror_counters(const struct mirror *mirror, struct mirror_counters *out)
{
	const struct space *space;
	struct kernel_counters one;

	*out = mirror->counters;
	out->macs_multihomed = evpn_multihomed(mirror->evpn);
	out->ready = mirror->ready;
	TAILQ_FOREACH (space, &mirror->spaces, link) {
		out->namespaces++;
		out->namespaces_missing += !kernel_complete(space->kernel);
		kernel_counters(space->kernel, &one);
		out->kernel.messages += one.messages;
		out->kernel.overruns += one.overruns;
		out->kernel.rescans += one.rescans;
		out->kernel.drift_total += one.drift_total;
		out->kernel.drift_last += one.drift_last;
		out->kernel.refused += one.refused;
		out->kernel.receive_buffer_bytes += one.receive_buffer_bytes;
		for (int kind = 0; kind < KERNEL_KINDS; kind++)
			out->kernel.entries[kind] += one.entries[kind];
	}
}
