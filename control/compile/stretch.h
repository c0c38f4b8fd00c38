/* SPDX-License-Identifier: BSD-3-Clause */
/* Over which tunnels a slice or network reaches its other sites. Nobody outside includes it.
 *
 * One tunnel a pair of sites: with two between the same sites each flooded frame would come twice,
 * and its source would seem to move from one to the other with every frame. So admission lets a
 * site have one WAN a slice. */
#ifndef COMPILE_STRETCH_H
#define COMPILE_STRETCH_H

#include "emit.h"

/* A site and its WAN, as an endpoint or a placement says. wan "": not chosen. */
struct spot {
	const char *site, *wan;
};

struct way {
	const char *site; /* the other one */
	const struct intent_wan *own, *remote;
	uint8_t family;
	uint32_t encap;
	api_name tunnel;
};

struct stretch {
	size_t count; /* other sites, in order of the spots */
	struct way *way;
};

/* The WAN of a site: of the first spot there that has one; NULL: no spot is there, or none has. */
const char *spot_wan(const struct spot *spot, size_t count, const char *site);

/* The ways from this site to all others. 0, -ENOMEM, -EINVAL (refused). Free with free(way). */
int stretch_make(struct compile *c, const struct spot *spot, size_t count, uint32_t encap,
	struct stretch *out);

/* The way to a site; NULL: none. */
const struct way *stretch_way(const struct stretch *stretch, const char *site);

/* Does a way carry less than a 1,500-byte packet and its tunnel header? */
bool stretch_is_narrow(const struct stretch *stretch);

/* Its tunnels, and the slice a member of each. */
int emit_stretch(struct compile *c, const char *slice, const struct stretch *stretch);

#endif
