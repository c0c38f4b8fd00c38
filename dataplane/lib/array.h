/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrays that grow. */
#ifndef LIB_ARRAY_H
#define LIB_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes room in an array for one item more than `count`; the room doubles, so that filling it costs
 * constant time an item. items points to the array's pointer, which may be NULL with room 0. false:
 * no memory, and the array is as it was. */
bool array_grow(void *items, uint32_t *room, uint32_t count, size_t item_size);

#endif
