/* SPDX-License-Identifier: BSD-3-Clause */
/* Names that taps are to have, and that somebody else's interface has in the dataplane's namespace:
 * the dataplane refuses what wants them, and when they are free it is asked again. Called by
 * mirror_space.c and mirror_places.c; owns place.taken. */
#include <string.h>

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

void names_link(struct space *space, const struct kernel_link *link)
{
	struct place *place;

	if (space->netns[0])
		return;
	TAILQ_FOREACH (place, &space->mirror->places, link)
		/* of one that was renamed only the new name is told */
		if (place->space && (place->taken || !strcmp(place->interface, link->name)))
			name_look(place);
}
