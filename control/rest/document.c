/* SPDX-License-Identifier: BSD-3-Clause */
/* See document.h. Owns nothing. */
#include "document.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intent.h"

/* ---- entity tags and preconditions ---- */

void etag_of(uint64_t revision, char text[ETAG_BYTES])
{
	snprintf(text, ETAG_BYTES, "\"%" PRIu64 "\"", revision);
}

void etag_of_shown(uint64_t revision, const json_t *shown, char text[ETAG_BYTES])
{
	char *status = json_dumps(json_object_get(shown, "status"), JSON_COMPACT | JSON_SORT_KEYS);

	snprintf(text, ETAG_BYTES, "\"%" PRIu64 ".%016" PRIx64 "\"", revision,
		name_hash(NAME_HASH, status));
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

/* ---- JSON Merge Patch ---- */

/* A member of the patch: null takes it out of `into`. jansson bounds how deep a parsed patch is. */
static void merge_member(json_t *into, const char *name, const json_t *patch)
{
	if (json_is_null(patch))
		json_object_del(into, name); /* one that was not there is none the less gone */
	else
		json_object_set_new(into, name, merge_patch(json_object_get(into, name), patch));
}

json_t *merge_patch(const json_t *target, const json_t *patch)
{
	json_t *out, *value;
	const char *name;

	if (!json_is_object(patch))
		return json_deep_copy(patch);
	out = json_is_object(target) ? json_deep_copy(target) : json_object();
	json_object_foreach ((json_t *)patch, name, value)
		merge_member(out, name, value);
	return out;
}
