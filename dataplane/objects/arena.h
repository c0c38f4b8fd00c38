/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of the decoding thread for the items of an object's lists: taken piece by piece, given
 * back at once when the next object begins. Used by codec.c and decode_list.c alone. */
#ifndef API_ARENA_H
#define API_ARENA_H

#include <stddef.h>

/* size bytes of zeros, aligned for anything; NULL: no memory. They stay until arena_reset(). */
void *arena_take(size_t size);
void arena_reset(void);
/* Gives the memory itself back. */
void arena_free(void);

#endif
