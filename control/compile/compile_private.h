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
	struct rpc_error *err; /* why it was refused first */
	bool is_refused;       /* what is emitted all the same is dropped at the end */
};

/* Appends it to the list; lists of it stay the caller's. */
void emit(struct compile *c, enum object_type type, union api_object *obj);

/* Why it cannot be done here; path: the intent's field. */
void compile_refuse(struct compile *c, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- one a type of intent ---- */

void compile_site(struct compile *c, const struct intent *intent);
void compile_wan(struct compile *c, const struct intent *intent);
void compile_slice(struct compile *c, const struct intent *intent);
void compile_host(struct compile *c, const struct intent *intent);
void compile_network(struct compile *c, const struct intent *intent);
void compile_session(struct compile *c, const struct intent *intent);

/* ---- what more than one of them needs ---- */

void emit_attachment(
	struct compile *c, const char *slice, const char *port, uint32_t vlan, const char *tap);

/* Of a port of the underlay or, the other being "", an attachment; nothing where the address has
 * no family: the intent has none. */
void emit_address(
	struct compile *c, const char *port, const char *attachment, const struct api_ip *address);
void emit_neighbor(struct compile *c, const char *port, const char *attachment,
	const struct api_ip *address, const struct api_mac_addr *mac);

/* A static MAC behind an attachment or, the other being "", a tunnel. */
void emit_mac(struct compile *c, const char *slice, const struct api_mac_addr *mac,
	const char *attachment, const char *tunnel);

/* The meter profile of a bandwidth, and its name in `name`; "" and nothing when there is none. */
void emit_meter(struct compile *c, const struct intent_bandwidth *bandwidth, api_name name);

/* Does a local data network's rule concern this session (site, dnn, slice, tenant)? "": any. */
bool local_network_is_for(const struct intent_session *session, const char *site, const char *dnn,
	const char *from, const char *tenant);

/* ---- over which tunnels a slice or network reaches its other sites (stretch.c) ----
 *
 * One tunnel a pair of sites: with two between the same sites each flooded frame would come twice,
 * and its source would seem to move from one to the other with every frame. So admission lets a
 * site have one WAN a slice. */

struct way {
	const char *site; /* the other one */
	const struct intent_wan *own, *remote;
	uint8_t family;
	uint32_t encap;
	api_name tunnel;
};

struct stretch {
	const struct intent *intent; /* slice or network */
	uint32_t encap;
	struct way *ways; /* the caller frees them */
	uint32_t count, room;
};

/* The WAN of a site: of the intent's first place there that has one; NULL: none has. */
const char *wan_at(const struct intent *intent, const char *site);

/* The way from this site to that one, unless it is known, or refused. */
void stretch_add(struct compile *c, struct stretch *stretch, const char *site);

/* The way to a site; NULL: none. */
const struct way *stretch_way(const struct stretch *stretch, const char *site);

/* Does a way carry less than a 1,500-byte packet and its tunnel header? */
bool stretch_is_narrow(const struct stretch *stretch);

/* Its tunnels, and the slice a member of each. */
void emit_stretch(struct compile *c, const char *slice, const struct stretch *stretch);

#endif
