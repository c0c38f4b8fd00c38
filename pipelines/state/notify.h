/* SPDX-License-Identifier: BSD-3-Clause */
/* What a room tells the rooms above it when something they depend on changes: slices, doors, paths
 * of the underlay. A room that listens registers its functions once; whoever raises an event does
 * not know who listens. Main thread only. */
#ifndef STATE_NOTIFY_H
#define STATE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "door.h"

struct slice_hot;

/* NULL: of no interest. */
struct notify {
	/* The slice is about to have another VNI (as in slice_hot); it still has the old one. */
	void (*slice_vni)(uint16_t slice, uint32_t vni_be);
	/* The slice has new values; before: the old ones, not live when it is new. */
	void (*slice_changed)(uint16_t slice, const struct slice_hot *before);
	/* The slice goes: all that names it is to be forgotten. It is still live. */
	void (*slice_gone)(uint16_t slice);
	/* May packets that are still to be counted in the slice be on their way? Then slice_quiet()
	 * follows. */
	bool (*slice_busy)(uint16_t slice);
	/* An id (of a slice or attachment) is about to be given to another. */
	void (*id_freed)(void);
	/* The door goes, or (slice not 0) is no door of this slice any more: nothing may be learned
	 * behind it. */
	void (*door_left)(uint16_t slice, door_t door);
	/* The tunnel came, has new values, or goes: its paths are to be resolved. */
	void (*tunnel_changed)(uint16_t tunnel);
	/* The tunnel has its first path, or has lost its last one. */
	void (*tunnel_moved)(uint16_t tunnel);
	/* Links of ports went up or down, or an attachment moved to another port. */
	void (*links_moved)(void);
	/* All such changes of a moment have been told. */
	void (*links_settled)(void);
};

/* Also more than once. */
void notify_listen(const struct notify *notify);

/* Calls `what` of all that listen, in the order in which they registered. */
#define NOTIFY_MAX 16
extern const struct notify *notify_listeners[NOTIFY_MAX + 1]; /* ends with NULL */
#define NOTIFY(what, ...)                                                                          \
	do {                                                                                       \
		for (const struct notify **l_ = notify_listeners; *l_ != NULL; l_++)               \
			if ((*l_)->what != NULL)                                                   \
				(*l_)->what(__VA_ARGS__);                                          \
	} while (0)

#endif
