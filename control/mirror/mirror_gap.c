/* SPDX-License-Identifier: BSD-3-Clause */
/* What slices name of the kernel and is not there or not as it should be, one line a slice, in
 * words that say what to do. Worked out anew each time somebody asks. */
#include <stdio.h>
#include <string.h>

#include "mirror_parts.h"

struct asking {
	const struct mirror *mirror;
	mirror_gap each;
	void *arg;
};

struct text {
	char said[MIRROR_GAP_BYTES];
};

static bool space_gap(const struct space *space, struct text *text)
{
	if (kernel_complete(space->kernel))
		return false;
	snprintf(text->said, sizeof(text->said),
		"network namespace %s is not there: ip netns add %s", space->netns, space->netns);
	return true;
}

static bool master_gap(
	const struct space *space, const char *name, const char *kind, struct text *text)
{
	const struct kernel_link *link = name[0] ? kernel_link_named(space->kernel, name) : NULL;

	if (!name[0] || (link && !strcmp(link->kind, kind)))
		return false;
	snprintf(text->said, sizeof(text->said),
		link ? "interface %s is not a %s: give one of the two another name"
		     : "there is no interface %s: add it, of type %s",
		name, kind);
	return true;
}

static bool tap_gap(const struct mirror *mirror, const struct space *space, const char *slice,
	struct text *text)
{
	const struct kernel_link *link;
	const struct place *place;

	TAILQ_FOREACH (place, &mirror->places, link) {
		if (!place->attachment || place->space != space || strcmp(place->slice, slice))
			continue;
		link = kernel_link_named(space->kernel, place->interface);
		if (link && tap_is(link))
			continue;
		snprintf(text->said, sizeof(text->said),
			link ? "interface %s%s%s is somebody else's, and the endpoint's tap has "
			       "that name: rename or delete it"
			     : "tap %s has not come%s%s yet",
			place->interface, space->netns[0] ? " in namespace " : "", space->netns);
		return true;
	}
	return false;
}

static const struct space *space_of(const struct mirror *mirror, const struct kernel *kernel)
{
	const struct space *space;

	TAILQ_FOREACH (space, &mirror->spaces, link)
		if (space->kernel == kernel)
			return space;
	return NULL;
}

static void slice_gap(const struct evpn_slice_view *view, void *arg)
{
	const struct asking *asking = arg;
	const struct intent *intent = world_find(asking->mirror->world, INTENT_SLICE, view->slice);
	const struct space *space = space_of(asking->mirror, view->kernel);
	struct text text;
	bool gap;

	if (!intent || !space)
		return;
	gap = space_gap(space, &text) ||
	      master_gap(space, intent->obj->slice.kernel.vrf, "vrf", &text) ||
	      master_gap(space, view->bridge, "bridge", &text) ||
	      tap_gap(asking->mirror, space, view->slice, &text) ||
	      gap_vxlan(asking->mirror, view, text.said);
	if (gap)
		asking->each(view->slice, text.said, asking->arg);
}

void mirror_gaps(const struct mirror *mirror, mirror_gap each, void *arg)
{
	struct asking asking = {.mirror = mirror, .each = each, .arg = arg};

	evpn_each_slice(mirror->evpn, slice_gap, &asking);
}
