/* SPDX-License-Identifier: BSD-3-Clause */
/* A text that grows in memory (text.h). Owns nothing. */
#include "text.h"

#include <string.h>

#include "alloc.h"

char *text_more(struct text *t, size_t len)
{
	size_t room = t->room ? t->room : 16384;

	while (room - t->len < len)
		room *= 2;
	if (room != t->room) {
		t->text = xrealloc(t->text, room);
		t->room = room;
	}
	return t->text + t->len;
}

void text_add(struct text *t, const char *bytes, size_t len)
{
	memcpy(text_more(t, len), bytes, len);
	t->len += len;
}

void text_say(struct text *t, const char *string)
{
	text_add(t, string, strlen(string));
}
