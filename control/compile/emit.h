/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of compile/ share: one run of the compiler, and how an object joins its list.
 * Nobody outside includes it. */
#ifndef COMPILE_EMIT_H
#define COMPILE_EMIT_H

#include "compile.h"

/* One compile_intent(). */
struct compile {
	const struct world *world;
	const char *site;
	struct compiled_list *out;
	struct rpc_error *err;
};

/* Zeroes an object and fills in its defaults, as the decoder does; those within lists are the
 * caller's. */
void object_init(enum object_type type, union api_object *obj);

/* Its key (API_KEY_BYTES) and canonical text, which is the caller's to free. 0, -ENOMEM. */
int object_text(enum object_type type, union api_object *obj, char *key, char **text);

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

/* The place of a slice on a port: "SLICE:PORT.VLAN", "SLICE:PORT" untagged. */
void attachment_name(api_name name, const char *slice, const char *port, uint32_t vlan);
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

#endif
