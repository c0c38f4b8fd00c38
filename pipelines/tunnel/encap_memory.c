/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory for the paths of tunnels (encap_memory.h). Owns the lines. */
#include "encap_memory.h"

#include <errno.h>
#include <rte_malloc.h>

#include "hot.h"

#define LINES (2 * LIMIT_TUNNELS) /* the old one of each tunnel may wait for its grace period */

static union line {
	union line *next; /* while it is free */
	uint8_t bytes[ENCAP_LINE];
} __rte_cache_aligned *lines, *free_line;

int encap_memory_init(void)
{
	lines = rte_zmalloc("encap", LINES * sizeof(*lines), RTE_CACHE_LINE_SIZE);
	free_line = NULL;
	for (uint32_t i = LINES; lines != NULL && i > 0; i--) {
		lines[i - 1].next = free_line;
		free_line = &lines[i - 1];
	}
	return lines != NULL ? 0 : -ENOMEM;
}

void encap_memory_fini(void)
{
	rte_free(lines);
	lines = free_line = NULL;
}

struct encap *encap_new(size_t bytes)
{
	union line *line = free_line;

	if (bytes > sizeof(*line) || line == NULL)
		return rte_malloc("encap", RTE_MAX(bytes, sizeof(struct encap)), 128);
	free_line = line->next;
	return (struct encap *)line;
}

void encap_free(struct encap *paths)
{
	union line *line = (union line *)paths;

	if (line < lines || line >= lines + LINES) {
		rte_free(paths);
		return;
	}
	line->next = free_line;
	free_line = line;
}
