/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of the decoding thread (codec.h). A chain of chunks, each larger than the one before; owns
 * them. A million sessions are decoded in the same first chunk. */
#include "codec.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 65536u

struct chunk {
	struct chunk *before;
	size_t room, used;
	alignas(max_align_t) char bytes[];
};

static __thread struct chunk *newest;

static struct chunk *add_chunk(size_t size)
{
	size_t room = newest ? newest->room * 2 : CHUNK_BYTES;
	struct chunk *chunk;

	while (room < size)
		room *= 2;
	chunk = malloc(sizeof(*chunk) + room);
	if (!chunk)
		return NULL;
	chunk->before = newest;
	chunk->room = room;
	chunk->used = 0;
	newest = chunk;
	return chunk;
}

void *arena_take(size_t size)
{
	struct chunk *chunk = newest;
	void *out;

	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if ((!chunk || chunk->room - chunk->used < size) && !(chunk = add_chunk(size)))
		return NULL;
	out = chunk->bytes + chunk->used;
	chunk->used += size;
	return memset(out, 0, size);
}

/* The first chunk stays: what was larger than it was out of the ordinary. */
void arena_reset(void)
{
	while (newest && newest->before) {
		struct chunk *before = newest->before;

		free(newest);
		newest = before;
	}
	if (newest)
		newest->used = 0;
}

void arena_free(void)
{
	arena_reset();
	free(newest);
	newest = NULL;
}
