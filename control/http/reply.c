/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers: problems (RFC 9457), texts, streams, and those to changes, which go out when what they
 * say is on the store's disk. Owns the answers that wait for it. */
#include "http_private.h"

#include <errno.h>
#include <event2/util.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "alloc.h"
#include "clock.h"
#include "store.h"

/* ---- problems ---- */

#define PROBLEM_TYPE "application/problem+json"

/* "Not Found". */
static const char *status_phrase(int status)
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

/* {type, title, status, detail} as text, compact; free() it. err, and one member more by its name,
 * may be NULL. */
static char *problem_text(int status, const char *detail, const struct rpc_error *err,
	const char *name, json_t *member)
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
	free((void *)text);
}

#define TOLD_EACH_S 10

static http_refused on_refused;

void http_on_refused(http_refused refused)
{
	on_refused = refused;
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
	int64_t now_us = clock_wall_us();
	bool told = true;

	if (status == 429 || r->state != REQUEST_OPEN)
		return;
	if (status == 401 || status == 403)
		told = is_told(now_us / 1000000);
	if (told && on_refused && (status == 401 || status == 403))
		on_refused(&r->actor, r->line, status, detail);
	if (!http.store || !strcmp(r->method, "GET") || r->head || (status == 401 && !told))
		return;
	store_audit_add(http.store, *r->actor.name ? r->actor.name : "nobody", r->actor.source,
		r->line, status, detail, now_us);
}

static void refuse(struct request *r, int status, const char *detail, const struct rpc_error *err,
	const char *name, json_t *member)
{
	char *text = problem_text(status, detail, err, name, member);

	audit(r, status, detail);
	reply_reference(r, status, PROBLEM_TYPE, text, strlen(text), free_text, NULL);
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
	reply_error_with(r, err, NULL, NULL);
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
		status, status_phrase(status), strlen(text), text);

	free(text);
	if (send(fd, answer, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return; /* nothing more can be said */
}

/* ---- answers ---- */

#define STREAM_WAITING_BYTES (1u << 20)
#define CHECK_US	     1000000 /* between two looks whether a stream's token still holds */

void reply_header(struct request *r, const char *name, const char *value)
{
	evhttp_remove_header(&r->out_headers, name);
	evhttp_add_header(&r->out_headers, name, value);
}

/* false: nobody waits for it any more, or it was answered before. */
static bool may_answer(struct request *r)
{
	if (r->conn)
		return r->state == REQUEST_OPEN;
	if (r->state == REQUEST_OPEN)
		request_free(r);
	return false;
}

static struct evbuffer *output(struct request *r)
{
	return bufferevent_get_output(r->conn->bev);
}

#define NO_LENGTH (-1)

static void write_head(struct request *r, int status, const char *type, int64_t len)
{
	struct evbuffer *out = output(r);
	const struct evkeyval *header;
	char date[64];

	r->keep = r->keep && r->complete;
	evutil_date_rfc1123(date, sizeof(date), NULL);
	evbuffer_add_printf(out,
		"HTTP/1.1 %d %s\r\nDate: %s\r\nX-Content-Type-Options: nosniff\r\n", status,
		status_phrase(status), date);
	TAILQ_FOREACH (header, &r->out_headers, next)
		evbuffer_add_printf(out, "%s: %s\r\n", header->key, header->value);
	if (!evhttp_find_header(&r->out_headers, "Cache-Control"))
		evbuffer_add_printf(out, "Cache-Control: no-store\r\n");
	if (type)
		evbuffer_add_printf(out, "Content-Type: %s\r\n", type);
	if (len != NO_LENGTH)
		evbuffer_add_printf(out, "Content-Length: %" PRId64 "\r\n", len);
	else if (r->state == REQUEST_STREAM && !r->old)
		evbuffer_add_printf(out, "Transfer-Encoding: chunked\r\n");
	if (!r->keep)
		evbuffer_add_printf(out, "Connection: close\r\n");
	else if (r->old)
		evbuffer_add_printf(out, "Connection: keep-alive\r\n");
	evbuffer_add(out, "\r\n", 2);
	if (status < 600)
		http.counters.requests[status / 100]++;
}

static void finish(struct request *r)
{
	r->state = REQUEST_SENT;
	conn_sent(r->conn, evbuffer_get_length(output(r)));
}

static void reply_now(struct request *r, const struct answer *answer)
{
	write_head(
		r, answer->status, answer->type, answer->text ? (int64_t)answer->len : NO_LENGTH);
	if (answer->text && r->head)
		answer->freed(answer->text, answer->len, answer->arg);
	else if (answer->text)
		evbuffer_add_reference(
			output(r), answer->text, answer->len, answer->freed, answer->arg);
	finish(r);
}

static bool durable_hold(struct request *r, const struct answer *answer);

static void reply(struct request *r, const struct answer *answer)
{
	if (may_answer(r)) {
		if (!durable_hold(r, answer))
			reply_now(r, answer);
	} else if (answer->text) {
		answer->freed(answer->text, answer->len, answer->arg);
	}
}

void reply_reference(struct request *r, int status, const char *type, const char *text, size_t len,
	void (*freed)(const void *text, size_t len, void *arg), void *arg)
{
	reply(r, &(struct answer){status, type, text, len, freed, arg});
}

void reply_json(struct request *r, int status, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);

	json_decref(body);
	if (text)
		reply_reference(r, status, "application/json", text, strlen(text), free_text, NULL);
	else
		reply_problem(r, 500, "the answer cannot be written as JSON");
}

void reply_text(struct request *r, int status, const char *type, const char *text, size_t len)
{
	reply_reference(r, status, type, xmemdup(text, len), len, free_text, NULL);
}

void reply_nothing(struct request *r, int status)
{
	reply(r, &(struct answer){.status = status});
}

/* ---- streams ---- */

void reply_stream(struct request *r, const char *type, void (*gone)(void *arg), void *arg)
{
	if (!may_answer(r))
		return;
	request_on_gone(r, gone, arg);
	http.counters.streams++;
	r->state = REQUEST_STREAM;
	r->keep = r->keep && !r->old; /* HTTP/1.0: the stream ends with the connection */
	r->conn->state = CONN_SENDING;
	r->conn->deadline_us = 0;
	write_head(r, 200, type, NO_LENGTH);
}

/* Closed from the loop: the caller may be within evhttp. */
static bool cut(struct request *r)
{
	void (*gone)(void *arg) = r->gone;

	r->state = REQUEST_CUT;
	conn_doom(r->conn);
	if (gone)
		gone(r->gone_arg);
	return false;
}

/* A token may be taken back, or expire, while its stream is open. */
static bool still_permitted(struct request *r)
{
	uint64_t now_us = clock_mono_us();
	char token_id[sizeof(r->token_id)];
	struct actor actor;

	if (!*r->token_id || now_us - r->checked_us < CHECK_US)
		return true;
	r->checked_us = now_us;
	return auth_token(request_header(r, "Authorization"), &actor, token_id) == AUTH_OK;
}

bool stream_send(struct request *r, const char *text, size_t len)
{
	struct evbuffer *out;

	if (!r->conn || r->state != REQUEST_STREAM)
		return false;
	out = output(r);
	if (!still_permitted(r) || evbuffer_get_length(out) + len > STREAM_WAITING_BYTES)
		return cut(r);
	if (!len)
		return true;
	if (!r->old)
		evbuffer_add_printf(out, "%zx\r\n", len);
	evbuffer_add(out, text, len);
	if (!r->old)
		evbuffer_add(out, "\r\n", 2);
	return true;
}

void stream_end(struct request *r)
{
	if (!r->conn) {
		request_free(r);
		return;
	}
	if (r->state != REQUEST_STREAM)
		return;
	http.counters.streams--;
	if (!r->old)
		evbuffer_add(output(r), "0\r\n\r\n", 5);
	finish(r);
}

/* ---- answers that wait for the disk ---- */

static TAILQ_HEAD(, request) held_list = TAILQ_HEAD_INITIALIZER(held_list);
static TAILQ_HEAD(, request) parked_list = TAILQ_HEAD_INITIALIZER(parked_list);
static struct event *told_event;

void durable_drop(struct request *r)
{
	TAILQ_REMOVE(&held_list, r, waiting);
	if (r->held.text)
		r->held.freed(r->held.text, r->held.len, r->held.arg);
}

static void refuse_failed(struct request *r)
{
	durable_drop(r);
	evhttp_clear_headers(&r->out_headers);
	r->state = REQUEST_OPEN;
	r->failed = true;
	reply_problem(r, 503,
		"the disk of the store has failed: whether this is kept shows when sluice-control "
		"starts again");
}

/* True: the answer to a change goes out when all that was committed by now is on disk, or as a 503
 * when it never will be. */
static bool durable_hold(struct request *r, const struct answer *answer)
{
	struct store_state state;

	if (!told_event || !request_is_change(r) || r->failed || r->conn->state != CONN_ANSWERING)
		return false;
	store_state(http.store, &state);
	if (state.durable == state.written)
		return false;
	r->held = *answer;
	r->held_until = state.written;
	r->state = REQUEST_HELD;
	TAILQ_INSERT_TAIL(&held_list, r, waiting);
	if (state.err)
		event_active(told_event, 0, 0);
	return true;
}

/* ---- requests that wait for the store ---- */

static void parked_gone(void *arg)
{
	struct request *r = arg;

	TAILQ_REMOVE(&parked_list, r, waiting);
}

bool request_put_off(struct request *r)
{
	struct store_state state = {.busy = false};

	if (told_event)
		store_state(http.store, &state);
	if (!state.busy)
		return false;
	TAILQ_INSERT_TAIL(&parked_list, r, waiting);
	request_on_gone(r, parked_gone, r);
	return true;
}

/* ---- the store has news ---- */

static void on_told(evutil_socket_t fd, short what, void *arg)
{
	struct store_state state;
	struct request *r;
	eventfd_t count;

	eventfd_read(fd, &count);
	store_state(http.store, &state);
	while ((r = TAILQ_FIRST(&held_list)) && (state.err || r->held_until <= state.durable)) {
		if (r->held_until > state.durable) {
			refuse_failed(r);
			continue;
		}
		TAILQ_REMOVE(&held_list, r, waiting);
		r->state = REQUEST_OPEN;
		reply_now(r, &r->held);
	}
	if (state.busy)
		return;
	while ((r = TAILQ_FIRST(&parked_list))) {
		TAILQ_REMOVE(&parked_list, r, waiting);
		request_on_gone(r, NULL, NULL);
		r->route->handler(r);
	}
}

void durable_start(void)
{
	int fd = store_fd(http.store);

	if (fd < 0)
		return;
	told_event = event_new(http.base, fd, EV_READ | EV_PERSIST, on_told, NULL);
	event_add(told_event, NULL);
}

void durable_stop(void)
{
	if (told_event)
		event_free(told_event);
	told_event = NULL;
}
