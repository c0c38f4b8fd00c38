/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of interfaces in the dataplane's namespace that decide what it can do: those that taps
 * are to have and somebody else's interface has, and those that ports are to be on. It refuses
 * what wants them, and is asked again when they are free, or there. Owns place.taken. */
#include <string.h>

#include "device.h"
#include "mirror_parts.h"

static void retry(const struct place *place)
{
	struct mirror *mirror = place->space->mirror;
	struct intent *wan = NULL;

	if (place->attachment) {
		reconciler_retry(mirror->rec, INTENT_SLICE, place->slice);
		return;
	}
	reconciler_retry(mirror->rec, INTENT_SITE, mirror->site);
	while ((wan = world_wans_of(mirror->world, mirror->site, wan)))
		if (!strcmp(wan->obj->wan.port.name, place->name))
			reconciler_retry(mirror->rec, INTENT_WAN, wan->name);
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
			reconciler_retry(mirror->rec, INTENT_SITE, mirror->site);
	while ((wan = world_wans_of(mirror->world, mirror->site, wan)))
		if (is_on(&wan->obj->wan.port, link))
			reconciler_retry(mirror->rec, INTENT_WAN, wan->name);
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
