/* SPDX-License-Identifier: BSD-3-Clause */
/* How types.c and types_upf.c write their tables down; nobody else includes it. */
#ifndef API_FIELD_H
#define API_FIELD_H

#include "schema.h"

#define AT(structure, member, its_kind, its_flags)                                                 \
	.name = #member, .kind = its_kind, .flags = its_flags,                                     \
	.offset = offsetof(struct structure, member),                                              \
	.size = sizeof(((struct structure *)0)->member)
#define NO_REF .ref = -1

/* Of types_upf.c. */
extern const struct api_field gtpu_fields[], session_fields[];
void session_complete(union api_object *obj);

#endif
