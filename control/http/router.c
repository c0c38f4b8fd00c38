/* SPDX-License-Identifier: BSD-3-Clause */
/* The routes, cut into segments once at start; a literal goes before a {parameter}. Owns the cut
 * routes, not the tables. */
#include "http_private.h"

#include <ctype.h>
#include <errno.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

struct entry {
	const struct route *route;
	char *text;
	const char *segment[ROUTE_SEGMENTS];
	int count;
};
static struct entry *entries;
static size_t entry_count;

/* Cuts text, which begins with "/", in place. The number of segments, -1: too many. */
static int cut(char *text, const char **segment)
{
	int count = 0;

	for (char *at = text; at && *at; at = strchr(at, '/')) {
		*at++ = '\0';
		if (count == ROUTE_SEGMENTS)
			return -1;
		segment[count++] = at;
	}
	return count;
}

/* ---- paths ---- */

static bool escapes_whole(const char *text)
{
	for (; (text = strchr(text, '%')); text++)
		if (!isxdigit((unsigned char)text[1]) || !isxdigit((unsigned char)text[2]))
			return false;
	return true;
}

/* What a segment says after decoding. */
static const char *segment_wrong(const char *text, size_t len)
{
	if (strlen(text) != len)
		return "the path has a NUL character";
	if (!strcmp(text, ".") || !strcmp(text, ".."))
		return "\".\" and \"..\" have no meaning in paths here";
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			return "the path has control characters";
	return NULL;
}

static int decode(struct path *path, int at, const char **why)
{
	const char *text = path->segment[at];
	size_t len = strlen(text);

	if (strchr(text, '%')) {
		path->decoded[at] = evhttp_uridecode(text, 0, &len);
		path->segment[at] = path->decoded[at];
	}
	*why = segment_wrong(path->segment[at], len);
	if (*why)
		return -EINVAL;
	return *path->segment[at] ? 0 : -ENOENT;
}

int path_split(const char *raw, struct path *path, const char **why)
{
	int rc = 0, missing = 0;

	memset(path, 0, sizeof(*path));
	if (!raw || *raw != '/')
		return -ENOENT;
	if (!escapes_whole(raw)) {
		*why = "a \"%\" in the path is not followed by two hex digits";
		return -EINVAL;
	}
	path->text = xstrdup(raw);
	path->count = cut(path->text, path->segment);
	if (path->count < 0)
		return -ENOENT;
	for (int i = 0; i < path->count && (!rc || rc == -ENOENT); i++) {
		rc = decode(path, i, why);
		missing |= rc == -ENOENT;
	}
	return rc ? rc : missing ? -ENOENT : 0;
}

void path_free(struct path *path)
{
	for (int i = 0; i < ROUTE_SEGMENTS; i++)
		free(path->decoded[i]);
	free(path->text);
	memset(path, 0, sizeof(*path));
}

/* ---- routes ---- */

/* Literals before parameters, so that the first that fits is the right one. */
static int order(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	if (a->count != b->count)
		return a->count - b->count;
	for (int i = 0; i < a->count; i++) {
		bool a_free = *a->segment[i] == '{', b_free = *b->segment[i] == '{';
		int differ =
			a_free || b_free ? a_free - b_free : strcmp(a->segment[i], b->segment[i]);

		if (differ)
			return differ;
	}
	return strcmp(a->route->method, b->route->method);
}

/* OpenAPI is made of them. */
static bool schema_fine(const char *text)
{
	json_t *schema =
		text && *text != '#' ? json_loads(text, JSON_DECODE_ANY, NULL) : json_true();
	bool fine = schema;

	json_decref(schema);
	return fine;
}

static int check_schemas(const struct route *route, char *why, size_t size)
{
	if (schema_fine(route->body) && schema_fine(route->result))
		return 0;
	snprintf(why, size, "route %s %s: a schema is not JSON", route->method, route->path);
	return -EINVAL;
}

static int add(const struct route *route, char *why, size_t size)
{
	struct entry *entry = &entries[entry_count];

	entry->route = route;
	entry->text = xstrdup(route->path);
	entry_count++;
	entry->count = cut(entry->text, entry->segment);
	if (*route->path == '/' && entry->count > 0)
		return check_schemas(route, why, size);
	snprintf(why, size, "route %s %s: want \"/\" and at most %d segments", route->method,
		route->path, ROUTE_SEGMENTS);
	return -EINVAL;
}

static int check_twice(char *why, size_t size)
{
	for (size_t i = 1; i < entry_count; i++) {
		if (order(&entries[i - 1], &entries[i]))
			continue;
		snprintf(why, size, "route %s %s is there twice", entries[i].route->method,
			entries[i].route->path);
		return -EINVAL;
	}
	return 0;
}

int router_build(const struct route *const *tables, char *why, size_t size)
{
	size_t count = 0;
	int rc = 0;

	for (size_t t = 0; tables[t]; t++)
		for (const struct route *route = tables[t]; route->method; route++)
			count++;
	entries = xcalloc(count + 1, sizeof(*entries));
	for (size_t t = 0; tables[t] && !rc; t++)
		for (const struct route *route = tables[t]; route->method && !rc; route++)
			rc = add(route, why, size);
	if (!rc) {
		qsort(entries, entry_count, sizeof(*entries), order);
		rc = check_twice(why, size);
	}
	if (rc)
		router_free();
	return rc;
}

void router_free(void)
{
	for (size_t i = 0; i < entry_count; i++)
		free(entries[i].text);
	free(entries);
	entries = NULL;
	entry_count = 0;
}

static bool fits(const struct entry *entry, const struct path *path)
{
	if (entry->count != path->count)
		return false;
	for (int i = 0; i < path->count; i++)
		if (*entry->segment[i] != '{' && strcmp(entry->segment[i], path->segment[i]))
			return false;
	return true;
}

/* A stream has no end: HEAD would wait for it. */
static bool has_head(const struct route *route)
{
	return !strcmp(route->method, "GET") &&
	       !(route->produces && !strcmp(route->produces, "text/event-stream"));
}

/* The same pattern, so that a {name} does not take over the methods of a literal. */
static bool same_pattern(const struct entry *a, const struct entry *b)
{
	for (int i = 0; i < a->count; i++)
		if (*a->segment[i] != '{' || *b->segment[i] != '{')
			if (strcmp(a->segment[i], b->segment[i]))
				return false;
	return true;
}

const struct route *router_find(
	const char *method, const struct path *path, char *allow, size_t size)
{
	const struct entry *first = NULL;
	size_t len = 0;

	*allow = '\0';
	for (size_t i = 0; i < entry_count; i++) {
		const struct entry *entry = &entries[i];
		const struct route *route = entry->route;
		bool head = has_head(route);

		if (!fits(entry, path))
			continue;
		if (!first)
			first = entry;
		if (!same_pattern(first, entry))
			break;
		if (!strcmp(route->method, method) || (head && !strcmp(method, "HEAD")))
			return route;
		len += snprintf(allow + len, len < size ? size - len : 0, "%s%s%s", len ? ", " : "",
			route->method, head ? ", HEAD" : "");
		len = len < size ? len : size;
	}
	return NULL;
}

const char *router_param(const struct route *route, const struct path *path, const char *name)
{
	const char *at = route->path;
	size_t len = strlen(name);

	for (int i = 0; i < path->count && at; i++, at = strchr(at, '/')) {
		at++;
		if (*at == '{' && !strncmp(at + 1, name, len) && at[1 + len] == '}')
			return path->segment[i];
	}
	return NULL;
}
