/* SPDX-License-Identifier: BSD-3-Clause */
/* A text that grows in memory; for processes that end without it (alloc.h). */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <stddef.h>

struct text {
	char *text; /* the owner free()s it; NULL: nothing was written; no NUL */
	size_t len, room;
};

/* Room for len more bytes, behind text->len. */
char *text_more(struct text *t, size_t len);
void text_add(struct text *t, const char *bytes, size_t len);
void text_say(struct text *t, const char *string);

#endif
