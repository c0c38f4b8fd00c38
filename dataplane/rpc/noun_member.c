/* SPDX-License-Identifier: BSD-3-Clause */
/* member: a slice stretched over a tunnel. All of it is key, so it is created and deleted but never
 * changed. Owns nothing. */
#include "nouns.h"

#include "tunnel.h"

static void member_commit(struct object *obj, const struct version *old, const struct version *next)
{
	const struct version *version = next ? next : old;
	uint16_t slice = version_ref(version, OBJECT_SLICE)->id;
	uint16_t tunnel = version_ref(version, OBJECT_TUNNEL)->id;

	if (next)
		member_set(slice, tunnel);
	else
		member_unset(slice, tunnel);
}

const struct noun noun_member = {.commit = member_commit};
