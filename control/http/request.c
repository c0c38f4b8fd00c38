/* SPDX-License-Identifier: BSD-3-Clause */
/* A request's way to its handler: who asks, how often, which route, query and body; each refusal is
 * a problem+json. Called by evhttp when a request is whole, by conn.c when its connection ends;
 * owns struct request. */
#include "request.h"

#include <errno.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth.h"
#include "body.h"
#include "reply.h"

static const char *method_name(enum evhttp_cmd_type type)
{
	switch (type) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_HEAD:
		return "HEAD";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_PATCH:
		return "PATCH";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	case EVHTTP_REQ_OPTIONS:
		return "OPTIONS";
	case EVHTTP_REQ_TRACE:
		return "TRACE";
	case EVHTTP_REQ_CONNECT:
		return "CONNECT";
	default:
		return "UNKNOWN";
	}
}

static const char *raw_path(const struct request *r)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r->ev);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;

	return path ? path : "";
}

/* ---- who ---- */

static bool refuse_auth(struct request *r, enum auth_result result)
{
	switch (result) {
	case AUTH_OK:
		return true;
	case AUTH_FAILED:
		reply_problem(r, 503, "the store of tokens does not answer; try again");
		return false;
	default:
		reply_header(
			r, "WWW-Authenticate", "Bearer realm=\"sluice\", error=\"invalid_token\"");
		reply_problem(r, 401, "%s",
			result == AUTH_EXPIRED ? "the token has expired; ask an admin for a new one"
					       : "the token is not known; want \"Authorization: "
						 "Bearer TOKEN\"");
		return false;
	}
}

static bool within_rate(struct request *r)
{
	const void *key = *r->token_id ? (void *)r->token_id : r->conn->address;
	size_t len = *r->token_id ? strlen(r->token_id) : sizeof(r->conn->address);
	uint32_t per_s = http.limits.requests_each_s;
	uint32_t wait_s = r->conn->tcp ? rate_take(key, len, per_s, http_now_us()) : 0;
	char text[16];

	if (!wait_s)
		return true;
	http.counters.refused_rate++;
	snprintf(text, sizeof(text), "%u", wait_s);
	reply_header(r, "Retry-After", text);
	reply_problem(r, 429, "more than %u requests a second; try again in %s s", per_s, text);
	return false;
}

static bool authenticate(struct request *r)
{
	enum auth_result result;

	r->actor = r->conn->actor;
	result = auth_token(request_header(r, "Authorization"), &r->actor, r->token_id);
	return within_rate(r) && refuse_auth(r, result);
}

/* Without a token nobody learns which paths there are. */
static bool permitted(struct request *r)
{
	enum role least = r->route ? r->route->least : ROLE_VIEWER;

	if (r->actor.role >= least)
		return true;
	if (r->actor.role == ROLE_NONE) {
		reply_header(r, "WWW-Authenticate", "Bearer realm=\"sluice\"");
		reply_problem(r, 401, "want \"Authorization: Bearer TOKEN\"");
	} else {
		reply_problem(r, 403, "want role %s or more, got %s", role_names[least],
			role_names[r->actor.role]);
	}
	return false;
}

/* ---- what ---- */

static bool find_route(struct request *r)
{
	const char *why = NULL;
	char allow[64] = "";
	int rc = path_split(raw_path(r), &r->path, &why);

	if (!rc)
		r->route = router_find(r->method, &r->path, allow, sizeof(allow));
	if (!permitted(r))
		return false;
	if (rc == -EINVAL) {
		reply_problem(r, 400, "%s", why);
	} else if (rc == -ENOMEM) {
		reply_problem(r, 503, "no memory");
	} else if (!r->route && *allow) {
		reply_header(r, "Allow", allow);
		reply_problem(r, 405, "want one of %s, got %s", allow, r->method);
	} else if (!r->route) {
		reply_problem(
			r, 404, "there is nothing at this path; /v1/openapi.json says what is");
	}
	return r->route;
}

static int header_count(const struct request *r, const char *name)
{
	const struct evkeyval *header;
	int count = 0;

	TAILQ_FOREACH (header, evhttp_request_get_input_headers(r->ev), next)
		count += !strcasecmp(header->key, name);
	return count;
}

/* What evhttp lets pass and a proxy in front may read otherwise: "Content-Length : 5", which it
 * does not know for a length, "+5", codings beside chunked, which it leaves as they are. NULL:
 * fine. */
static const char *malformed_header(const struct request *r)
{
	const struct evkeyval *header;

	TAILQ_FOREACH (header, evhttp_request_get_input_headers(r->ev), next) {
		const char *value = header->value;

		if (!*header->key || strpbrk(header->key, " \t"))
			return "a header's name with a blank in it";
		if (!strcasecmp(header->key, "Transfer-Encoding") && strcasecmp(value, "chunked"))
			return "a Transfer-Encoding other than chunked";
		if (!strcasecmp(header->key, "Content-Length") &&
			(!*value || value[strspn(value, "0123456789")]))
			return "a Content-Length that is not digits alone";
	}
	return NULL;
}

/* What evhttp lets pass: no Host in HTTP/1.1, and two lengths, of which it took the first. */
static bool well_formed(struct request *r)
{
	const char *malformed = malformed_header(r);
	bool old = r->ev->major == 1 && r->ev->minor == 0;
	int hosts = header_count(r, "Host"), lengths = header_count(r, "Content-Length");

	if (!malformed && (hosts == 1 || (!hosts && old)) && lengths <= 1)
		return true;
	reply_header(r, "Connection", "close");
	if (malformed) {
		reply_problem(r, 400, "the request has %s", malformed);
		return false;
	}
	reply_problem(r, 400, "want one header Host and at most one Content-Length, got %d and %d",
		hosts, lengths);
	return false;
}

static void run(struct request *r)
{
	if (well_formed(r) && authenticate(r) && find_route(r) && query_read(r) && body_read(r))
		r->route->handler(r);
}

/* ---- life ---- */

static void on_complete(struct evhttp_request *ev, void *arg)
{
	struct request *r = arg;

	conn_answered(r->conn);
	r->ev = NULL; /* evhttp frees it */
	request_free(r);
}

void request_begin(struct evhttp_request *ev, void *arg)
{
	struct conn *conn = conn_of(ev);
	struct request *r = conn ? calloc(1, sizeof(*r)) : NULL;

	if (!r) {
		evhttp_send_error(ev, 503, NULL);
		return;
	}
	r->conn = conn;
	r->ev = ev;
	r->method = method_name(evhttp_request_get_command(ev));
	r->head = !strcmp(r->method, "HEAD");
	TAILQ_INIT(&r->query);
	snprintf(r->line, sizeof(r->line), "%s %s", r->method, raw_path(r));
	conn->request = r;
	conn->state = CONN_ANSWERING;
	conn->deadline_us = 0;
	evhttp_request_set_on_complete_cb(ev, on_complete, r);
	run(r);
	if (conn->request && conn->state == CONN_ANSWERING)
		conn_watch(conn);
}

void request_free(struct request *r)
{
	if (r->state == REQUEST_STREAM || r->state == REQUEST_CUT)
		http.counters.streams--;
	if (r->ev)
		evhttp_request_free(r->ev);
	json_decref(r->body);
	evhttp_clear_headers(&r->query);
	path_free(&r->path);
	free(r);
}

void request_closed(struct request *r)
{
	r->conn = NULL;
	if (evhttp_request_get_connection(r->ev))
		r->ev = NULL; /* still in evhttp's list, and freed with it */
	if (r->state == REQUEST_OPEN || r->state == REQUEST_STREAM) {
		if (!r->gone)
			return; /* the answer frees it */
		r->gone(r->gone_arg);
	}
	request_free(r);
}

/* ---- for handlers ---- */

const struct actor *request_actor(const struct request *r)
{
	return &r->actor;
}

void *request_arg(const struct request *r)
{
	return r->route->arg;
}

const struct route *request_route(const struct request *r)
{
	return r->route;
}

const char *request_param(const struct request *r, const char *name)
{
	return router_param(r->route, &r->path, name);
}

const char *request_header(const struct request *r, const char *name)
{
	return r->ev ? evhttp_find_header(evhttp_request_get_input_headers(r->ev), name) : NULL;
}

const json_t *request_body(const struct request *r)
{
	return r->body;
}

const char *request_line(const struct request *r)
{
	return r->line;
}

void request_on_gone(struct request *r, void (*gone)(void *arg), void *arg)
{
	r->gone = gone;
	r->gone_arg = arg;
}
