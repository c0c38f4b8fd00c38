/* SPDX-License-Identifier: BSD-3-Clause */
/* The kinds of doors and their operations. Owns door_ops[]. */
#include "door.h"

#include "slice.h"

const struct door_ops *door_ops[8];
uint64_t session_charged;

void door_register(door_t kind, const struct door_ops *ops)
{
	DOOR_OPS(kind) = ops;
}

bool door_in_slice(door_t door, uint16_t slice)
{
	const struct door_ops *ops = DOOR_OPS(door);

	if (ops == NULL || !slice_is_live(slice))
		return false;
	return ops->in_slice(
		DOOR_KIND(door) == DOOR_SESSION ? DOOR_SESSION_ID(door) : DOOR_ID(door), slice);
}
