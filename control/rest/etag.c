/* SPDX-License-Identifier: BSD-3-Clause */
/* See etag.h. Owns nothing. */
#include "etag.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intent.h"

void etag_of(uint64_t revision, char text[ETAG_BYTES])
{
	snprintf(text, ETAG_BYTES, "\"%" PRIu64 "\"", revision);
}

void etag_of_shown(uint64_t revision, const json_t *shown, char text[ETAG_BYTES])
{
	char *status = json_dumps(json_object_get(shown, "status"), JSON_COMPACT | JSON_SORT_KEYS);

	snprintf(text, ETAG_BYTES, "\"%" PRIu64 ".%016" PRIx64 "\"", revision,
		name_hash(NAME_HASH, status ? status : ""));
	free(status);
}

/* length: of the tag, with its quotes. */
static bool is_tag(const char *tag, size_t length, const char *etag, bool part)
{
	size_t own = strlen(etag);

	if (length == own && !strncmp(tag, etag, length))
		return true;
	return part && length > own && !strncmp(tag, etag, own - 1) && tag[own - 1] == '.';
}

bool etag_listed(const char *list, const char *etag, bool weak, bool part)
{
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
		if ((weak || !is_weak) && is_tag(list, end - list, etag, part))
			return true;
		list = end;
	}
	return false;
}

const char *etag_refuses(const char *if_match, const char *if_none_match, const char *etag)
{
	if (if_match && !etag)
		return "If-Match: there is nothing of this name";
	if (if_match && strcmp(if_match, "*") && !etag_listed(if_match, etag, false, true))
		return "If-Match: it has been changed since; read it again";
	if (if_none_match && etag && !strcmp(if_none_match, "*"))
		return "If-None-Match: there is one of this name";
	if (if_none_match && etag && etag_listed(if_none_match, etag, true, true))
		return "If-None-Match: it is as you have it";
	return NULL;
}
