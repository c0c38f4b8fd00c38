/* SPDX-License-Identifier: BSD-3-Clause */
/* text/event-stream taken apart as it comes (the HTML standard, "Server-sent events"). Owns the
 * line and the event that are not yet whole. */
#ifndef CLI_SSE_H
#define CLI_SSE_H

#include <stddef.h>

#include "http.h"

#define SSE_MAX (4u << 20) /* bytes of one event */

struct sse {
	char *line, *data;
	size_t line_len, line_size, data_len, data_size;
	char id[128], event[128];
	bool enough, too_large;
	unsigned long count; /* events told */
};

void sse_free(struct sse *sse);
/* 0; -1: each said that it is enough, or an event is larger than SSE_MAX. */
int sse_feed(struct sse *sse, const char *bytes, size_t len, const struct http_listen *listen);

#endif
