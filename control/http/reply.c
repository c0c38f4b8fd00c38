/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers: JSON, texts, streams. Put into the connection's output whole, so that the request is
 * freed (conn.c) when it is out or its connection is gone. */
#include "reply.h"

#include <event2/util.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "durable.h"
#include "request.h"

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
	r->conn->closing = !r->keep;
	r->conn->unread = !r->complete;
	conn_sent(r->conn, evbuffer_get_length(output(r)));
}

void reply_now(struct request *r, int status, const char *type, const char *text, size_t len,
	void (*freed)(const void *text, size_t len, void *arg), void *arg)
{
	write_head(r, status, type, text ? (int64_t)len : NO_LENGTH);
	if (!text) {
		finish(r);
		return;
	}
	if (r->head) {
		freed(text, len, arg);
	} else if (evbuffer_add_reference(output(r), text, len, freed, arg)) {
		freed(text, len, arg);
		conn_doom(r->conn);
	}
	finish(r);
}

void reply_reference(struct request *r, int status, const char *type, const char *text, size_t len,
	void (*freed)(const void *text, size_t len, void *arg), void *arg)
{
	if (!may_answer(r))
		freed(text, len, arg);
	else if (!durable_hold(r, status, type, text, len, freed, arg))
		reply_now(r, status, type, text, len, freed, arg);
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
	if (!may_answer(r))
		return;
	if (!durable_hold(r, status, NULL, NULL, 0, NULL, NULL))
		reply_now(r, status, NULL, NULL, 0, NULL, NULL);
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
