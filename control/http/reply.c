/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers: JSON, texts, streams. Called by the handlers, now or later; what is given over to evhttp
 * is freed in request.c when it is out or its connection is gone. */
#include "reply.h"

#include <event2/http.h>
#include <event2/http_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "request.h"

#define STREAM_WAITING_BYTES (1u << 20)
#define CHECK_US	     1000000 /* between two looks whether a stream's token still holds */

static void count(int status)
{
	if (status >= 0 && status < 600)
		http.counters.requests[status / 100]++;
}

void reply_header(struct request *r, const char *name, const char *value)
{
	struct evkeyvalq *headers;

	if (!r->ev)
		return;
	headers = evhttp_request_get_output_headers(r->ev);
	evhttp_remove_header(headers, name);
	evhttp_add_header(headers, name, value);
}

static void common_headers(struct request *r, const char *type)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(r->ev);

	if (type)
		evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	if (!evhttp_find_header(headers, "Cache-Control"))
		evhttp_add_header(headers, "Cache-Control", "no-store");
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

/* The body is in evhttp's output buffer already. */
static void finish(struct request *r, int status, const char *type)
{
	common_headers(r, type);
	count(status);
	r->state = REQUEST_SENT;
	r->conn->state = CONN_SENDING;
	evhttp_send_reply(r->ev, status, status_phrase(status), NULL);
}

void reply_reference(struct request *r, int status, const char *type, const char *text, size_t len,
	void (*freed)(const void *text, size_t len, void *arg), void *arg)
{
	struct evbuffer *out;
	char number[24];

	if (!may_answer(r)) {
		freed(text, len, arg);
		return;
	}
	if (r->head) {
		snprintf(number, sizeof(number), "%zu", len);
		reply_header(r, "Content-Length", number);
		freed(text, len, arg);
		finish(r, status, type);
		return;
	}
	out = evhttp_request_get_output_buffer(r->ev);
	if (evbuffer_add_reference(out, text, len, freed, arg)) {
		freed(text, len, arg);
		status = 500;
	}
	finish(r, status, type);
}

static void free_text(const void *text, size_t len, void *arg)
{
	json_free_t freed;

	json_get_alloc_funcs(NULL, &freed);
	freed((void *)text);
}

void reply_json(struct request *r, int status, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	json_decref(body);
	if (text)
		reply_reference(r, status, "application/json", text, strlen(text), free_text, NULL);
	else
		reply_problem(r, 500, "no memory for the answer");
}

static void free_copy(const void *text, size_t len, void *arg)
{
	free((void *)text);
}

void reply_text(struct request *r, int status, const char *type, const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy) {
		reply_problem(r, 500, "no memory for the answer");
		return;
	}
	memcpy(copy, text, len);
	reply_reference(r, status, type, copy, len, free_copy, NULL);
}

void reply_nothing(struct request *r, int status)
{
	if (may_answer(r))
		finish(r, status, NULL);
}

/* ---- streams ---- */

void reply_stream(struct request *r, const char *type, void (*gone)(void *arg), void *arg)
{
	if (!may_answer(r))
		return;
	request_on_gone(r, gone, arg);
	common_headers(r, type);
	if (r->ev->minor == 0) /* HTTP/1.0: the stream ends with the connection */
		evhttp_add_header(evhttp_request_get_output_headers(r->ev), "Connection", "close");
	count(200);
	http.counters.streams++;
	r->state = REQUEST_STREAM;
	r->conn->state = CONN_SENDING;
	evhttp_send_reply_start(r->ev, 200, status_phrase(200));
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
	uint64_t now_us = http_now_us();
	char token_id[sizeof(r->token_id)];
	struct actor actor;

	if (!*r->token_id || now_us - r->checked_us < CHECK_US)
		return true;
	r->checked_us = now_us;
	return auth_token(request_header(r, "Authorization"), &actor, token_id) == AUTH_OK;
}

bool stream_send(struct request *r, const char *text, size_t len)
{
	struct evbuffer *chunk;

	if (!r->conn || r->state != REQUEST_STREAM)
		return false;
	if (!still_permitted(r))
		return cut(r);
	if (evbuffer_get_length(bufferevent_get_output(r->conn->bev)) + len > STREAM_WAITING_BYTES)
		return cut(r);
	chunk = evbuffer_new();
	if (!chunk || evbuffer_add(chunk, text, len)) {
		if (chunk)
			evbuffer_free(chunk);
		return cut(r);
	}
	evhttp_send_reply_chunk(r->ev, chunk);
	evbuffer_free(chunk);
	return true;
}

void stream_end(struct request *r)
{
	struct conn *conn = r->conn;
	bool waits;

	if (!conn) {
		request_free(r);
		return;
	}
	if (r->state != REQUEST_STREAM)
		return;
	http.counters.streams--;
	r->state = REQUEST_SENT;
	waits = r->ev->chunked || evbuffer_get_length(bufferevent_get_output(conn->bev));
	evhttp_send_reply_end(r->ev); /* may free r at once, when nothing waits */
	if (waits)
		conn_end(conn);
}
