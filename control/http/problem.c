/* SPDX-License-Identifier: BSD-3-Clause */
/* Refusals as application/problem+json (RFC 9457). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "reply.h"
#include "request.h"
#include "store.h"

#define PROBLEM_TYPE "application/problem+json"

const char *status_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {{200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"},
		{207, "Multi-Status"}, {303, "See Other"}, {304, "Not Modified"},
		{400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
		{405, "Method Not Allowed"}, {406, "Not Acceptable"}, {408, "Request Timeout"},
		{409, "Conflict"}, {410, "Gone"}, {412, "Precondition Failed"},
		{413, "Content Too Large"}, {415, "Unsupported Media Type"},
		{417, "Expectation Failed"}, {422, "Unprocessable Content"},
		{428, "Precondition Required"}, {429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
		{501, "Not Implemented"}, {502, "Bad Gateway"}, {503, "Service Unavailable"},
		{504, "Gateway Timeout"}, {507, "Insufficient Storage"}};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Unknown";
}

/* What a client sent may be in it: cut or wrong UTF-8 becomes "?". */
static json_t *text_json(const char *text)
{
	json_t *out = json_string(text);
	char clean[1024];

	if (out)
		return out;
	snprintf(clean, sizeof(clean), "%s", text);
	for (char *at = clean; *at; at++)
		if (*at & 0x80)
			*at = '?';
	return json_string(clean);
}

static void put(json_t *problem, const char *name, const char *text)
{
	if (*text)
		json_object_set_new(problem, name, text_json(text));
}

char *problem_text(int status, const char *detail, const struct rpc_error *err, const char *name,
	json_t *member)
{
	json_t *problem = json_object();
	char *text;

	json_object_set_new(problem, "type", json_string("about:blank"));
	json_object_set_new(problem, "title", json_string(status_phrase(status)));
	json_object_set_new(problem, "status", json_integer(status));
	put(problem, "detail", detail);
	if (err) {
		put(problem, "field", err->path);
		put(problem, "want", err->want);
		put(problem, "got", err->got);
		put(problem, "with", err->with);
		put(problem, "by", err->by);
		if (err->limit)
			json_object_set_new(problem, "limit", json_integer(err->limit));
	}
	if (name)
		json_object_set(problem, name, member);
	text = json_dumps(problem, JSON_COMPACT);
	json_decref(problem);
	return text;
}

static void free_text(const void *text, size_t len, void *arg)
{
	json_free_t freed;

	json_get_alloc_funcs(NULL, &freed);
	freed((void *)text);
}

#define TOLD_EACH_S 10

static void (*on_refused)(
	const struct actor *actor, const char *line, int status, const char *detail, void *arg);
static void *on_refused_arg;

void http_on_refused(void (*refused)(const struct actor *actor, const char *line, int status,
			     const char *detail, void *arg),
	void *arg)
{
	on_refused = refused;
	on_refused_arg = arg;
}

/* Strangers may not fill the log, nor push everybody else out of the audit log. */
static bool is_told(time_t now_s)
{
	static time_t second;
	static uint32_t told;

	if (second != now_s)
		told = 0;
	second = now_s;
	return told++ < TOLD_EACH_S;
}

/* Refused changes are remembered; not those that only came too fast: that would be a way to fill
 * the disk. */
static void audit(struct request *r, int status, const char *detail)
{
	struct timespec now;
	bool told = true;

	if (status == 429 || r->state != REQUEST_OPEN)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	if (status == 401 || status == 403)
		told = is_told(now.tv_sec);
	if (told && on_refused && (status == 401 || status == 403))
		on_refused(&r->actor, r->line, status, detail, on_refused_arg);
	if (!http.store || !strcmp(r->method, "GET") || r->head || (status == 401 && !told))
		return;
	store_audit_add(http.store, *r->actor.name ? r->actor.name : "nobody", r->actor.source,
		r->line, status, detail, now.tv_sec * 1000000ll + now.tv_nsec / 1000);
}

static void refuse(struct request *r, int status, const char *detail, const struct rpc_error *err,
	const char *name, json_t *member)
{
	static const char none[] = "{}";
	char *text = problem_text(status, detail, err, name, member);

	audit(r, status, detail);
	if (text)
		reply_reference(r, status, PROBLEM_TYPE, text, strlen(text), free_text, NULL);
	else
		reply_text(r, status, PROBLEM_TYPE, none, 2);
}

void reply_problem(struct request *r, int status, const char *fmt, ...)
{
	char detail[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	refuse(r, status, detail, NULL, NULL, NULL);
}

void reply_refusal(struct request *r, int status, const struct rpc_error *err, const char *fmt, ...)
{
	char detail[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	refuse(r, status, detail, err, NULL, NULL);
}

static int status_of(int code)
{
	switch (code) {
	case RPC_ERR_PARSE:
	case RPC_ERR_INVALID_REQUEST:
		return 400;
	case RPC_ERR_FORBIDDEN:
		return 403;
	case RPC_ERR_PARAMS:
		return 422;
	case RPC_ERR_NOT_FOUND:
		return 404;
	case RPC_ERR_IN_USE:
	case RPC_ERR_CONFLICT:
	case RPC_ERR_CAPACITY:
		return 409;
	default:
		return 500;
	}
}

void reply_error(struct request *r, const struct rpc_error *err)
{
	refuse(r, status_of(err->code), err->message, err, NULL, NULL);
}

void reply_error_with(
	struct request *r, const struct rpc_error *err, const char *name, json_t *member)
{
	refuse(r, status_of(err->code), err->message, err, name, member);
}

/* ---- without a request ---- */

void reply_turn_away(int fd, int status, const char *detail)
{
	char answer[1024];
	char *text = problem_text(status, detail, NULL, NULL, NULL);
	int len = snprintf(answer, sizeof(answer),
		"HTTP/1.1 %d %s\r\nContent-Type: " PROBLEM_TYPE "\r\nContent-Length: %zu\r\n"
		"X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
		"Connection: close\r\n\r\n%s",
		status, status_phrase(status), text ? strlen(text) : 0, text ? text : "");

	if (text)
		free_text(text, 0, NULL);
	if (send(fd, answer, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return; /* nothing more can be said */
}
