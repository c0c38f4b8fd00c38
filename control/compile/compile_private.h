/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this room share. */
#ifndef COMPILE_PRIVATE_H
#define COMPILE_PRIVATE_H

#include "compile.h"

/* ---- one run of the compiler, and how an object joins its list (emit.c) ---- */

/* One compile_intent(). */
struct compile {
	const struct world *world;
	const char *site;
	struct compiled_list *out;
	struct rpc_error *err;
};

/* Appends it to the list; lists of it stay the caller's. 0, -ENOMEM. */
int emit(struct compile *c, enum object_type type, union api_object *obj);

/* Why it cannot be done here; path: the intent's field. Returns -EINVAL. */
int compile_refuse(struct compile *c, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* An object as the wire has it → canonical text, without the type's answer-only fields (they are
 * taken out of json). NULL: no memory. */
char *canonical_text(const struct api_type *type, json_t *json);

/* ---- one a type of intent; 0, -ENOMEM, -EINVAL ---- */

int compile_site(struct compile *c, const struct intent *intent);
int compile_wan(struct compile *c, const struct intent *intent);
int compile_slice(struct compile *c, const struct intent *intent);
int compile_host(struct compile *c, const struct intent *intent);
int compile_network(struct compile *c, const struct intent *intent);
int compile_session(struct compile *c, const struct intent *intent);

/* ---- what more than one of them needs ---- */

int emit_attachment(
	struct compile *c, const char *slice, const char *port, uint32_t vlan, const char *tap);

/* A static MAC behind an attachment or, the other being NULL, a tunnel. */
int emit_mac(struct compile *c, const char *slice, const struct api_mac_addr *mac,
	const char *attachment, const char *tunnel);

/* The meter profile of a bandwidth, and its name in `name`; "" and nothing when there is none. */
int emit_meter(struct compile *c, const struct intent_bandwidth *bandwidth, api_name name);

/* Does a local data network's rule concern this session (site, dnn, slice, tenant)? "": any. */
bool local_network_is_for(const struct intent_session *session, const char *site, const char *dnn,
	const char *from, const char *tenant);

/* ---- over which tunnels a slice or network reaches its other sites (stretch.c) ----
 *
 * One tunnel a pair of sites: with two between the same sites each flooded frame would come twice,
 * and its source would seem to move from one to the other with every frame. So admission lets a
 * site have one WAN a slice. */

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

/* ---- slice.c ---- */

/* Where it comes out and by which WANs; free() it. NULL: no memory. */
struct spot *slice_spots(const struct intent_slice *slice);

#endif
