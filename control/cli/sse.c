/* SPDX-License-Identifier: BSD-3-Clause */
/* See sse.h. */
#include <stdlib.h>
#include <string.h>

#include "sse.h"
#include "text.h"

void sse_free(struct sse *sse)
{
	free(sse->line);
	free(sse->data);
}

static int grow(struct sse *sse, char **text, size_t *size, size_t need)
{
	sse->too_large = need > SSE_MAX;
	if (sse->too_large)
		return -1;
	if (need > *size) {
		*size = need * 2;
		*text = xrealloc(*text, *size);
	}
	return 0;
}

/* The blank line: what was gathered is an event, unless it had no data. */
static int dispatch(struct sse *sse, const struct http_listen *listen)
{
	struct http_event event = {sse->id, sse->event, sse->data};
	bool more = true;

	if (sse->data_len > 0) {
		sse->data[sse->data_len - 1] = '\0'; /* the last line's end */
		sse->count++;
		more = listen->each(&event, listen->arg);
		sse->enough = !more;
	}
	sse->data_len = 0;
	sse->event[0] = '\0';
	return more ? 0 : -1;
}

static int take_field(struct sse *sse, const char *name, const char *value)
{
	size_t len = strlen(value);

	if (strcmp(name, "id") == 0) {
		snprintf(sse->id, sizeof(sse->id), "%s", value);
	} else if (strcmp(name, "event") == 0) {
		snprintf(sse->event, sizeof(sse->event), "%s", value);
	} else if (strcmp(name, "data") == 0) {
		if (grow(sse, &sse->data, &sse->data_size, sse->data_len + len + 1) != 0)
			return -1;
		memcpy(sse->data + sse->data_len, value, len);
		sse->data[sse->data_len + len] = '\n';
		sse->data_len += len + 1;
	}
	return 0;
}

/* line ends with a NUL. */
static int take_line(struct sse *sse, char *line, const struct http_listen *listen)
{
	char *value = strchr(line, ':');

	if (line[0] == '\0')
		return dispatch(sse, listen);
	if (value == line)
		return 0; /* a comment */
	if (value != NULL)
		*value++ = '\0';
	if (value != NULL && *value == ' ')
		value++;
	return take_field(sse, line, value != NULL ? value : "");
}

int sse_feed(struct sse *sse, const char *bytes, size_t len, const struct http_listen *listen)
{
	size_t i;

	if (grow(sse, &sse->line, &sse->line_size, sse->line_len + len + 1) != 0)
		return -1;
	for (i = 0; i < len; i++) {
		if (bytes[i] != '\n') {
			sse->line[sse->line_len++] = bytes[i];
			continue;
		}
		if (sse->line_len > 0 && sse->line[sse->line_len - 1] == '\r')
			sse->line_len--;
		sse->line[sse->line_len] = '\0';
		sse->line_len = 0;
		if (take_line(sse, sse->line, listen) != 0)
			return -1;
	}
	return 0;
}
