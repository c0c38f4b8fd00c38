/* SPDX-License-Identifier: BSD-3-Clause */
/* See etag.h. Owns nothing. */
#include "etag.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void etag_of(uint64_t revision, char text[ETAG_BYTES])
{
	snprintf(text, ETAG_BYTES, "\"%" PRIu64 "\"", revision);
}

bool etag_listed(const char *list, const char *etag, bool weak)
{
	size_t length = strlen(etag);

	while (*list) {
		const char *end;
		bool is_weak = false;

		list += strspn(list, " \t,");
		if (list[0] == 'W' && list[1] == '/') {
			is_weak = true;
			list += 2;
		}
		if (*list != '"')
			return false; /* nothing, or no list of tags: it matches nothing */
		end = strchr(list + 1, '"');
		if (!end)
			return false;
		end++;
		if ((weak || !is_weak) && (size_t)(end - list) == length &&
			!strncmp(list, etag, length))
			return true;
		list = end;
	}
	return false;
}

const char *etag_refuses(const char *if_match, const char *if_none_match, const char *etag)
{
	if (if_match && !etag)
		return "If-Match: there is nothing of this name";
	if (if_match && strcmp(if_match, "*") && !etag_listed(if_match, etag, false))
		return "If-Match: it has been changed since; read it again";
	if (if_none_match && etag && !strcmp(if_none_match, "*"))
		return "If-None-Match: there is one of this name";
	if (if_none_match && etag && etag_listed(if_none_match, etag, true))
		return "If-None-Match: it is as you have it";
	return NULL;
}
