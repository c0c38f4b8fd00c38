/* SPDX-License-Identifier: BSD-3-Clause */
/* Query and body of a request, checked against what its route takes. Called by request.c before the
 * handler, and by handlers for values. */
#include "body.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth.h"
#include "reply.h"

/* ---- query ---- */

/* evhttp wants a "=" in each; "?dry_run" stands for "?dry_run=". New; NULL: no memory. */
static char *with_equals(const char *query)
{
	char *out = malloc(2 * strlen(query) + 2), *to = out;

	while (out && *query) {
		size_t len = strcspn(query, "&");

		memcpy(to, query, len);
		to += len;
		if (len && !memchr(query, '=', len))
			*to++ = '=';
		query += len;
		if (*query)
			query++;
		if (len && *query)
			*to++ = '&';
		else if (!len && to > out && to[-1] == '&' && !*query)
			to--;
	}
	if (out)
		*to = '\0';
	return out;
}

static const struct route_query *find_query(const struct route *route, const char *name)
{
	for (const struct route_query *query = route->query; query && query->name; query++)
		if (!strcmp(query->name, name))
			return query;
	return NULL;
}

/* "limit, after": what the route knows. */
static void list_names(const struct route *route, char *text, size_t size)
{
	size_t len = 0;

	snprintf(text, size, "none");
	for (const struct route_query *query = route->query; query && query->name; query++) {
		len += snprintf(text + len, size - len, "%s%s", len ? ", " : "", query->name);
		if (len >= size)
			break;
	}
}

static bool check_query(struct request *r)
{
	const struct evkeyval *one, *other;
	struct rpc_error err = {0};

	TAILQ_FOREACH (one, &r->query, next) {
		if (!find_query(r->route, one->key)) {
			list_names(r->route, err.want, sizeof(err.want));
			snprintf(err.got, sizeof(err.got), "%s", one->key);
			snprintf(err.path, sizeof(err.path), "%s", one->key);
			reply_refusal(
				r, 400, &err, "the query has a parameter that is not known here");
			return false;
		}
		for (other = TAILQ_NEXT(one, next); other; other = TAILQ_NEXT(other, next))
			if (!strcmp(one->key, other->key)) {
				snprintf(err.path, sizeof(err.path), "%s", one->key);
				reply_refusal(r, 400, &err, "the query has a parameter twice");
				return false;
			}
	}
	return true;
}

bool query_read(struct request *r)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(r->ev));
	char *text;
	int rc;

	if (!query || !*query)
		return true;
	text = strstr(query, "%00") ? NULL : with_equals(query);
	rc = text ? evhttp_parse_query_str(text, &r->query) : -1;
	free(text);
	if (!rc)
		return check_query(r);
	TAILQ_INIT(&r->query);
	reply_problem(r, 400, "the query is malformed; want NAME=VALUE&…");
	return false;
}

const char *request_query(const struct request *r, const char *name)
{
	const struct evkeyval *one;

	TAILQ_FOREACH (one, &r->query, next)
		if (!strcmp(one->key, name))
			return one->value;
	return NULL;
}

bool request_number(
	struct request *r, const char *name, int64_t min, int64_t max, int64_t preset, int64_t *out)
{
	const char *text = request_query(r, name);
	struct rpc_error err = {0};
	char *end;

	*out = preset;
	if (!text)
		return true;
	errno = 0;
	*out = strtoll(text, &end, 10);
	if (!errno && end != text && !*end && strspn(text, "-0123456789") == strlen(text) &&
		*out >= min && *out <= max)
		return true;
	snprintf(err.path, sizeof(err.path), "%s", name);
	snprintf(err.want, sizeof(err.want), "integer %" PRId64 " to %" PRId64, min, max);
	snprintf(err.got, sizeof(err.got), "%s", text);
	reply_refusal(r, 400, &err, "the query's %s is not a number that is taken", name);
	return false;
}

bool request_flag(const struct request *r, const char *name)
{
	const char *text = request_query(r, name);

	return text && (!*text || !strcmp(text, "1") || !strcmp(text, "true"));
}

/* ---- body ---- */

/* "application/json; charset=utf-8" is application/json. */
static bool media_is(const char *type, const char *media)
{
	size_t len = strlen(media);

	if (strncasecmp(type, media, len))
		return false;
	type += len + strspn(type + len, " \t");
	return !*type || *type == ';';
}

static bool media_taken(struct request *r)
{
	const char *type = request_header(r, "Content-Type");
	const char *encoding = request_header(r, "Content-Encoding");
	bool patch = !strcmp(r->method, "PATCH");

	if (encoding && strcasecmp(encoding, "identity")) {
		reply_problem(r, 415, "bodies are taken as they are; send no Content-Encoding");
		return false;
	}
	if (!type || media_is(type, "application/json") ||
		(patch && media_is(type, "application/merge-patch+json")))
		return true;
	reply_problem(r, 415, "want Content-Type application/json%s, got %s",
		patch ? " or application/merge-patch+json" : "", type);
	return false;
}

static bool parse(struct request *r, struct evbuffer *buffer, size_t len)
{
	const char *text = (const char *)evbuffer_pullup(buffer, -1);
	json_error_t where;

	if (!text) {
		reply_problem(r, 503, "no memory for the body");
		return false;
	}
	r->body = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (r->body)
		return true;
	reply_problem(r, 400, "the body is not JSON that is taken: line %d, column %d: %s",
		where.line, where.column, where.text);
	return false;
}

bool body_read(struct request *r)
{
	struct evbuffer *buffer = evhttp_request_get_input_buffer(r->ev);
	size_t len = evbuffer_get_length(buffer);

	if (!r->route->body) {
		if (!len)
			return true;
		reply_problem(r, 400, "%s takes no body", r->line);
		return false;
	}
	if (!len) {
		reply_problem(r, 400, "the body is empty; want JSON");
		return false;
	}
	return media_taken(r) && parse(r, buffer, len);
}

const char *request_body_hash(struct request *r)
{
	struct evbuffer *buffer = r->ev ? evhttp_request_get_input_buffer(r->ev) : NULL;
	const char *uri = r->ev ? evhttp_request_get_uri(r->ev) : "";
	size_t len = buffer ? evbuffer_get_length(buffer) : 0;
	const void *body = len ? (const char *)evbuffer_pullup(buffer, -1) : "";

	if (!*r->hash)
		sha256_hex((const void *const[]){r->method, " ", uri, "\n", body},
			(const size_t[]){strlen(r->method), 1, strlen(uri), 1, len}, 5, r->hash);
	return r->hash;
}
