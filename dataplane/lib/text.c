/* SPDX-License-Identifier: BSD-3-Clause */
/* A text that grows in memory (text.h). Owns nothing. */
#include "text.h"

#include <stdlib.h>
#include <string.h>

char *text_more(struct text *t, size_t len)
{
	size_t room = t->room ? t->room : 16384;
	char *text;

	if (t->failed)
		return NULL;
	while (room - t->len < len)
		room *= 2;
	if (room != t->room) {
		text = realloc(t->text, room);
		if (!text) {
			t->failed = true;
			return NULL;
		}
		t->text = text;
		t->room = room;
	}
	return t->text + t->len;
}

void text_add(struct text *t, const char *bytes, size_t len)
{
	char *to = text_more(t, len);

	if (!to)
		return;
	memcpy(to, bytes, len);
	t->len += len;
}

void text_say(struct text *t, const char *string)
{
	text_add(t, string, strlen(string));
}
