/* SPDX-License-Identifier: BSD-3-Clause */
/* Events while a dump goes on (kernel_dump.c tells how the two go together): the keys they have
 * named, or the events themselves, until it is over. */
#include "kernel_parts.h"

#include <stdlib.h>
#include <string.h>

#define HELD_MAX (256u << 20)

/* ---- what events have named ---- */

void dump_forget(struct kernel *kernel)
{
	free(kernel->dump.touched.slots);
	kernel->dump.touched = (struct touched){0};
}

static bool touched_grow(struct touched *touched)
{
	struct touched more = {.mask = touched->slots ? touched->mask * 2 + 1 : 255};

	more.slots = calloc((size_t)more.mask + 1, sizeof(*more.slots));
	if (!more.slots)
		return false;
	for (uint32_t i = 0; touched->slots && i <= touched->mask; i++) {
		uint32_t at = (uint32_t)touched->slots[i] & more.mask;

		if (!touched->slots[i])
			continue;
		while (more.slots[at])
			at = (at + 1) & more.mask;
		more.slots[at] = touched->slots[i];
		more.count++;
	}
	free(touched->slots);
	*touched = more;
	return true;
}

static uint64_t *touched_slot(const struct touched *touched, uint64_t hash)
{
	uint32_t at = (uint32_t)hash & touched->mask;

	while (touched->slots[at] && touched->slots[at] != hash)
		at = (at + 1) & touched->mask;
	return &touched->slots[at];
}

void dump_touch(struct kernel *kernel, uint64_t hash)
{
	struct touched *touched = &kernel->dump.touched;
	uint64_t *slot;

	if (!kernel->dump.running || kernel->applying)
		return;
	hash |= UINT64_C(1) << 63; /* never 0 */
	if ((!touched->slots || touched->count > touched->mask / 2) && !touched_grow(touched)) {
		kernel_out_of_memory(kernel);
		return;
	}
	slot = touched_slot(touched, hash);
	if (!*slot)
		touched->count++;
	*slot = hash;
}

bool dump_touched(const struct kernel *kernel, uint64_t hash)
{
	const struct touched *touched = &kernel->dump.touched;

	return touched->slots && *touched_slot(touched, hash | UINT64_C(1) << 63);
}

/* ---- events that wait ---- */

bool dump_hold(struct kernel *kernel, const void *data, size_t len)
{
	struct dump *dump = &kernel->dump;
	size_t room = dump->held_room ? dump->held_room : 1u << 16;
	uint8_t *more;

	if (!dump->running || dump->trusted)
		return false;
	while (room < dump->held_bytes + NLMSG_ALIGN(len))
		room *= 2;
	if (room != dump->held_room) {
		more = room <= HELD_MAX ? realloc(dump->held, room) : NULL;
		if (!more) {
			kernel->counters.overruns++;
			dump->held_bytes = 0;
			dump_start(kernel, false);
			return true;
		}
		dump->held = more;
		dump->held_room = room;
	}
	memcpy(dump->held + dump->held_bytes, data, len);
	dump->held_bytes += NLMSG_ALIGN(len);
	return true;
}

void dump_release(struct kernel *kernel)
{
	struct dump *dump = &kernel->dump;

	parse_messages(kernel, dump->held, dump->held_bytes);
	free(dump->held);
	dump->held = NULL;
	dump->held_bytes = dump->held_room = 0;
}
