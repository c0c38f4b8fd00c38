/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrays that grow (array.h). */
#include "array.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 16

bool array_grow(void *items, uint32_t *room, uint32_t count, size_t item_size)
{
	uint32_t more = *room ? 2 * *room : ROOM_FIRST;
	void *old, *grown;
	size_t bytes;

	if (count < *room)
		return true;
	if (more <= *room || __builtin_mul_overflow(more, item_size, &bytes)) /* 2^32 items */
		return false;
	memcpy(&old, items, sizeof(old));
	grown = realloc(old, bytes);
	if (!grown)
		return false;
	memcpy(items, &grown, sizeof(grown));
	*room = more;
	return true;
}
