/* SPDX-License-Identifier: BSD-3-Clause */
/* A request's way to its handler: its head, who asks, how often, which route, query and body;
 * each refusal is a problem+json. What a head decides is decided before its body is taken. The
 * grammar is http_parser's. Owns struct request. */
#include "http_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "clock.h"

#define HEADERS	     100
#define HEADERS_TEXT "100"

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
	const void *key = *r->token_id ? (void *)r->token_id : r->conn->prefix;
	size_t len = *r->token_id ? strlen(r->token_id) : sizeof(r->conn->prefix);
	uint32_t per_s = http.limits.requests_each_s;
	uint32_t wait_s =
		r->conn->door->kind != DOOR_UNIX ? rate_take(key, len, per_s, clock_mono_us()) : 0;
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
	if (result == AUTH_OK && *r->token_id)
		conn_prove(r->conn);
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
	int rc = path_split(r->raw_path, &r->path, &why);

	if (!rc)
		r->route = router_find(r->method, &r->path, allow, sizeof(allow));
	if (!permitted(r))
		return false;
	if (rc == -EINVAL) {
		reply_problem(r, 400, "%s", why);
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

	TAILQ_FOREACH (header, &r->headers, next)
		count += !strcasecmp(header->key, name);
	return count;
}

/* What http_parser lets pass and a proxy in front may read otherwise. NULL: fine. */
static const char *malformed_header(const struct request *r)
{
	const struct evkeyval *header;

	TAILQ_FOREACH (header, &r->headers, next) {
		const char *value = header->value;

		if (!*header->key || strpbrk(header->key, " \t"))
			return "a header's name with a blank in it";
		if (!strcasecmp(header->key, "Transfer-Encoding") && strcasecmp(value, "chunked"))
			return "a Transfer-Encoding other than chunked";
		if (!strcasecmp(header->key, "Content-Length") &&
			(!*value || value[strspn(value, "0123456789")]))
			return "a Content-Length that is not digits alone";
	}
	return header_count(r, "Transfer-Encoding") > 1 ? "two Transfer-Encodings" : NULL;
}

static bool well_formed(struct request *r)
{
	const char *malformed = malformed_header(r);
	int hosts = header_count(r, "Host"), lengths = header_count(r, "Content-Length");

	if (!malformed && (hosts == 1 || (!hosts && r->old)) && lengths <= 1)
		return true;
	r->keep = false;
	if (malformed) {
		reply_problem(r, 400, "the request has %s", malformed);
		return false;
	}
	reply_problem(r, 400, "want one header Host and at most one Content-Length, got %d and %d",
		hosts, lengths);
	return false;
}

/* ---- the head ---- */

/* http_parser's URL has 16 bits for an offset. */
#define URL_BYTES 60000

static char *url_part(const struct request *r, const struct http_parser_url *url, int part)
{
	bool set = url->field_set & 1 << part;

	return xstrndup(r->url + (set ? url->field_data[part].off : 0),
		set ? url->field_data[part].len : 0);
}

static int on_url(http_parser *parser, const char *at, size_t len)
{
	struct request *r = parser->data;
	struct http_parser_url url;

	http_parser_url_init(&url);
	if (len > URL_BYTES || http_parser_parse_url(at, len, parser->method == HTTP_CONNECT, &url))
		return -1;
	r->url = xstrndup(at, len);
	r->raw_path = url_part(r, &url, UF_PATH);
	r->raw_query = url_part(r, &url, UF_QUERY);
	return 0;
}

/* The head is in one piece: so are names and values. */
static int on_field(http_parser *parser, const char *at, size_t len)
{
	struct request *r = parser->data;

	r->field = at;
	r->field_len = len;
	return 0;
}

static int on_value(http_parser *parser, const char *at, size_t len)
{
	struct request *r = parser->data;
	char *name, *value;
	int rc = -1;

	if (r->head_read) /* a trailer */
		return 0;
	while (len && (at[len - 1] == ' ' || at[len - 1] == '\t'))
		len--;
	name = xstrndup(r->field, r->field_len);
	value = xstrndup(at, len);
	if (++r->header_count <= HEADERS)
		rc = evhttp_add_header(&r->headers, name, value);
	free(name);
	free(value);
	return rc;
}

static int on_head(http_parser *parser)
{
	struct request *r = parser->data;

	r->head_read = true;
	r->method = http_method_str(parser->method);
	r->head = parser->method == HTTP_HEAD;
	r->old = parser->http_major == 1 && parser->http_minor == 0;
	r->keep = http_should_keep_alive(parser);
	parser->upgrade = 0; /* to nothing */
	snprintf(r->line, sizeof(r->line), "%s %s", r->method, r->raw_path);
	http_parser_pause(parser, 1);
	return 0;
}

static bool body_is_large(const struct request *r, uint64_t len)
{
	return evbuffer_get_length(r->text) + len > r->body_most;
}

static int on_chunk(http_parser *parser)
{
	struct request *r = parser->data;

	if (body_is_large(r, parser->content_length)) {
		body_refuse_large(r);
		return -1;
	}
	if (!parser->content_length) {
		r->trailing = true;
		r->conn->scanned = 0;
	}
	http_parser_pause(parser, 1);
	return 0;
}

static int on_chunk_end(http_parser *parser)
{
	http_parser_pause(parser, 1);
	return 0;
}

static int on_body(http_parser *parser, const char *at, size_t len)
{
	struct request *r = parser->data;

	if (body_is_large(r, len)) {
		body_refuse_large(r);
		return -1;
	}
	return body_add(r, at, len) ? 0 : -1;
}

static int on_end(http_parser *parser)
{
	struct request *r = parser->data;

	r->complete = true;
	http_parser_pause(parser, 1);
	return 0;
}

static const http_parser_settings settings = {.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_end,
	.on_chunk_header = on_chunk,
	.on_chunk_complete = on_chunk_end};

static struct request *request_new(struct conn *conn)
{
	struct request *r = xcalloc(1, sizeof(*r));

	r->text = evbuffer_new();
	r->conn = conn;
	r->actor = conn->actor;
	r->method = "GET"; /* until it is known */
	TAILQ_INIT(&r->headers);
	TAILQ_INIT(&r->out_headers);
	TAILQ_INIT(&r->query);
	conn->request = r;
	http_parser_init(&conn->parser, HTTP_REQUEST);
	conn->parser.data = r;
	return r;
}

/* What no lenient reader may make something else of. HEAD_MORE, or the head's bytes. */
enum { HEAD_MORE = 0, HEAD_BARE_LF = -1, HEAD_FOLDED = -2, HEAD_NUL = -3 };

static int head_length(const char *text, uint32_t len, uint32_t *scanned)
{
	for (uint32_t i = *scanned; i < len; i++) {
		if (!text[i])
			return HEAD_NUL;
		if (i && text[i - 1] == '\n' && (text[i] == ' ' || text[i] == '\t'))
			return HEAD_FOLDED;
		if (text[i] != '\n')
			continue;
		if (!i || text[i - 1] != '\r')
			return HEAD_BARE_LF;
		if (i >= 3 && text[i - 2] == '\n')
			return i + 1;
	}
	*scanned = len;
	return HEAD_MORE;
}

static void refuse_head(struct request *r, int status, const char *why)
{
	r->keep = false;
	reply_problem(r, status, "the request is malformed: %s", why);
}

static void refuse_length(struct request *r, int head, const char *what)
{
	switch (head) {
	case HEAD_BARE_LF:
		refuse_head(r, 400, "a line ends without CR");
		break;
	case HEAD_FOLDED:
		refuse_head(r, 400, "a header goes on in the next line");
		break;
	case HEAD_NUL:
		refuse_head(r, 400, "it has a NUL");
		break;
	default:
		r->keep = false;
		reply_problem(r, 431, "the request's %s are larger than %u bytes", what,
			http.limits.header_bytes);
	}
}

static void head_parse(struct request *r, struct evbuffer *input, const char *text, size_t len)
{
	http_parser *parser = &r->conn->parser;
	size_t read = http_parser_execute(parser, &settings, text, len);
	bool has_body = parser->flags & F_CHUNKED ||
			(parser->content_length && parser->content_length != UINT64_MAX);

	if (HTTP_PARSER_ERRNO(parser) != HPE_PAUSED) {
		if (r->header_count > HEADERS)
			refuse_head(r, 431, "more than " HEADERS_TEXT " headers");
		else
			refuse_head(r, 400, http_errno_description(HTTP_PARSER_ERRNO(parser)));
		return;
	}
	http_parser_pause(parser, 0);
	r->complete = !has_body;
	evbuffer_drain(input, has_body ? read : len);
	if (parser->http_major != 1 || parser->http_minor > 1) {
		refuse_head(r, 400, "want HTTP/1.1");
		return;
	}
	if (!well_formed(r) || !authenticate(r) || !find_route(r) || !query_read(r) ||
		!body_expected(r, has_body))
		return;
	if (r->complete)
		body_read(r);
}

/* The head is taken when it is whole: it is small, and names and values are in one piece then. */
static bool head_feed(struct conn *conn, struct evbuffer *input)
{
	uint32_t most = http.limits.header_bytes, len = evbuffer_get_length(input);
	const char *text;
	struct request *r;
	int head;

	len = len < most ? len : most;
	text = (const char *)evbuffer_pullup(input, len);
	if (len >= 2 && !memcmp(text, "\r\n", 2)) { /* RFC 9112 2.2 */
		conn->scanned = 0;
		evbuffer_drain(input, 2);
		return true;
	}
	head = head_length(text, len, &conn->scanned);
	if (head == HEAD_MORE && len < most)
		return false;
	r = request_new(conn);
	if (head > 0)
		head_parse(r, input, text, head);
	else
		refuse_length(r, head, "line and headers");
	return true;
}

/* Debian's http_parser takes any two bytes for the CR LF of a chunk. */
static bool chunk_line_is_bad(const struct request *r, const char *text, size_t read)
{
	return r->conn->parser.flags & F_CHUNKED && read >= 2 && memcmp(text + read - 2, "\r\n", 2);
}

/* Behind the last chunk: headers that nobody here reads, ended as a head is (RFC 9112 7.1.2). The
 * parser stops at the last LF. */
static bool trailers_feed(struct request *r, struct evbuffer *input)
{
	uint32_t most = http.limits.header_bytes, len = evbuffer_get_length(input);
	http_parser *parser = &r->conn->parser;
	const char *text;
	int end;

	len = len < most ? len : most;
	text = (const char *)evbuffer_pullup(input, len);
	if (len >= 2 && !memcmp(text, "\r\n", 2))
		end = 2;
	else
		end = head_length(text, len, &r->conn->scanned);
	if (end == HEAD_MORE && len < most)
		return false;
	if (end <= 0) {
		refuse_length(r, end, "trailers");
		return false;
	}
	if (http_parser_execute(parser, &settings, text, end) != (size_t)end - 1 ||
		HTTP_PARSER_ERRNO(parser) != HPE_PAUSED) {
		refuse_head(r, 400, http_errno_description(HTTP_PARSER_ERRNO(parser)));
		return false;
	}
	evbuffer_drain(input, end);
	r->complete = true;
	body_read(r);
	return false;
}

static bool body_feed(struct request *r, struct evbuffer *input)
{
	http_parser *parser = &r->conn->parser;
	struct evbuffer_iovec vec;
	bool paused;
	size_t read;

	if (r->trailing)
		return trailers_feed(r, input);
	if (!evbuffer_peek(input, -1, NULL, &vec, 1))
		return false;
	read = http_parser_execute(parser, &settings, vec.iov_base, vec.iov_len);
	paused = HTTP_PARSER_ERRNO(parser) == HPE_PAUSED;
	if (r->state != REQUEST_OPEN) /* refused meanwhile */
		return false;
	if ((!paused && HTTP_PARSER_ERRNO(parser) != HPE_OK) ||
		(paused && chunk_line_is_bad(r, vec.iov_base, read))) {
		refuse_head(r, 400,
			paused ? "a chunk's line ends without CR LF"
			       : http_errno_description(HTTP_PARSER_ERRNO(parser)));
		return false;
	}
	http_parser_pause(parser, 0);
	evbuffer_drain(input, read);
	if (!r->complete)
		return true;
	body_read(r);
	return false;
}

bool request_feed(struct conn *conn, struct evbuffer *input)
{
	return conn->request ? body_feed(conn->request, input) : head_feed(conn, input);
}

void request_run(struct request *r)
{
	if (!request_is_change(r) || !request_put_off(r))
		r->route->handler(r);
}

/* ---- life ---- */

bool request_is_change(const struct request *r)
{
	return !r->head && strcmp(r->method, "GET") != 0;
}

void request_free(struct request *r)
{
	if (r->state == REQUEST_STREAM || r->state == REQUEST_CUT)
		http.counters.streams--;
	if (r->state == REQUEST_HELD)
		durable_drop(r);
	body_free(r);
	evhttp_clear_headers(&r->headers);
	evhttp_clear_headers(&r->out_headers);
	evhttp_clear_headers(&r->query);
	path_free(&r->path);
	free(r->url);
	free(r->raw_path);
	free(r->raw_query);
	free(r);
}

void request_closed(struct request *r)
{
	r->conn = NULL;
	atomic_store(&r->closed, true); /* body.c: work() */
	if (r->parsing)
		return; /* the parser gives it back */
	if ((r->state == REQUEST_OPEN && r->head_read && r->complete) ||
		r->state == REQUEST_STREAM) {
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
	return evhttp_find_header(&r->headers, name);
}

const json_t *request_body(const struct request *r)
{
	return r->body;
}

void request_mark(struct request *r)
{
	r->marked = true;
}

bool request_marked(const struct request *r)
{
	return r->marked;
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
