/* SPDX-License-Identifier: BSD-3-Clause */
/* A text that grows in memory. */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *text; /* the owner free()s it; NULL: nothing was written, or no memory; no NUL */
	size_t len, room;
	bool failed; /* no memory: what is there is not whole */
};

/* Room for len more bytes, behind text->len; NULL: no memory. */
char *text_more(struct text *t, size_t len);
void text_add(struct text *t, const char *bytes, size_t len);
void text_say(struct text *t, const char *string);

#endif
