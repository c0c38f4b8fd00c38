/* SPDX-License-Identifier: BSD-3-Clause */
/* The HTTP server: http_parser on libevent's sockets, on the unix socket and, with TLS, on TCP.
 * Knows connections, limits, who asks, and the table of routes; what is asked for is answered by
 * control/rest and control/observe. One thread, never blocks; another one parses large bodies. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "errors.h"

/* ---- who asks ---- */

/* Each may call what those before it may. ROLE_METRICS: /metrics and what is below it. */
enum role { ROLE_NONE, ROLE_METRICS, ROLE_VIEWER, ROLE_TENANT, ROLE_OPERATOR, ROLE_ADMIN };
extern const char *const role_names[]; /* "none", "metrics", … NULL */

struct actor {
	enum role role;
	char name[64];	 /* "root", a token's name */
	char tenant[64]; /* set for ROLE_TENANT; for a viewer: only this one's */
	char source[64]; /* "unix uid 0", "198.18.0.9" */
};

/* May it see, may it change what belongs to this tenant ("": nobody's)? Operators and admins: all.
 * Viewers change nothing. A tenant: its own; it also sees sites and WANs (names, not devices),
 * nobody else's slices. */
bool actor_sees(const struct actor *actor, const char *tenant);
bool actor_changes(const struct actor *actor, const char *tenant);

/* ---- routes ---- */

struct request;
struct route;

typedef void (*request_handler)(struct request *r);

/* A parameter of the query. What is not as it says is refused (400) before the handler runs. */
struct route_query {
	const char *name, *help;
	enum { QUERY_TEXT, QUERY_FLAG, QUERY_WORD, QUERY_NUMBER } kind;
	int64_t min, max;	  /* of a number; max INT64_MAX: any */
	int64_t preset;		  /* of one that is not given */
	const char *const *words; /* one of them; ends with NULL */
};

/* Tables of these, ended by a NULL method, are all that is served, and OpenAPI is made of them. */
struct route {
	const char *method; /* "GET" */
	const char *path;   /* "/v1/slices/{name}": a {…} is one segment, percent-decoded */
	request_handler handler;
	enum role least; /* the least that may call it; ROLE_NONE: anybody */
	const char *id;	 /* operationId */
	const char *summary;
	const char *tag;
	const char *body;     /* schema of the request: "#/components/schemas/slice", JSON text, or
				 NULL: takes none */
	const char *result;   /* of the 200 answer, likewise; NULL: JSON of any form */
	const char *produces; /* NULL: application/json */
	const struct route_query
		*query; /* ends with a NULL name; NULL: none, others are refused (400) */
	void *arg;	/* the table's own */
};

/* True: the store would keep a GET that reads it waiting; the handler is called again when it does
 * not. Of what is not GET handlers are called only then. */
bool request_put_off(struct request *r);
const struct actor *request_actor(const struct request *r);
const struct route *request_route(const struct request *r);
const char *request_param(
	const struct request *r, const char *name); /* of the path; never NULL for a name in it */
const char *request_query(const struct request *r, const char *name); /* NULL: not given */
int64_t request_number(const struct request *r, const char *name); /* of the query, or its preset */
bool request_flag(
	const struct request *r, const char *name); /* "1", "true", or given without a value */
const char *request_header(const struct request *r, const char *name); /* NULL: not given */
const json_t *request_body(const struct request *r); /* parsed before the handler when route.body is
							set (else 400, 413, 415 was answered) */
const char *request_body_hash(struct request *r); /* SHA-256 of method, path, query and body, hex */
/* A note of the handler: it has been called for this request before. */
void request_mark(struct request *r);
bool request_marked(const struct request *r);
const char *request_line(const struct request *r); /* "PUT /v1/slices/blue" for audit */

/* ---- answers; each request gets exactly one, now or later ---- */

void reply_header(struct request *r, const char *name, const char *value); /* before the reply */
void reply_json(struct request *r, int status, json_t *body); /* steals body; NULL: 500 */
void reply_text(struct request *r, int status, const char *type, const char *text, size_t len);
/* Takes text over when it is sent and calls freed(text, len, arg) then: for texts that are made
 * once and sent often. */
void reply_reference(struct request *r, int status, const char *type, const char *text, size_t len,
	void (*freed)(const void *text, size_t len, void *arg), void *arg);
void reply_nothing(struct request *r, int status); /* 204, 304 */

/* application/problem+json (RFC 9457): {type, title, status, detail, field?, want?, got?, with?,
 * by?, limit?}. Also written to the audit log when it refuses a change. */
void reply_problem(struct request *r, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same of a refusal: 422 params, 404 not found, 409 in use, conflict, capacity; 500 internal.
 */
void reply_error(struct request *r, const struct rpc_error *err);
/* With one member more (borrowed). */
void reply_error_with(
	struct request *r, const struct rpc_error *err, const char *name, json_t *member);

/* A reply later: called when the client has gone before; the handler may not use r after that. Who
 * has only shut its side of the connection has not gone, nor has by EOF who asked for a change; a
 * stream ends with either. */
void request_on_gone(struct request *r, void (*gone)(void *arg), void *arg);

/* A stream without an end (server-sent events): begun with 200; each chunk is sent at once. false:
 * the client does not read (more than 1 MiB waits), or its token was taken back or has expired
 * (seen within a second), and it was cut off: gone() has been called. */
void reply_stream(struct request *r, const char *type, void (*gone)(void *arg), void *arg);
bool stream_send(struct request *r, const char *text, size_t len);
void stream_end(struct request *r);

/* ---- the server ---- */

struct http_limits {
	uint32_t connections;	   /* at once by TCP, and as many by the unix socket, of which an
				      eighth is for admins; default 1024. A quarter of TCP's is for who
				      has shown no token (yet): the      oldest of these goes, of whom
				      has the      most, for a new one */
	uint32_t connections_each; /* of one address, of IPv6: of one /64, or of one user of the
				      unix socket who is no admin; default 128 */
	uint32_t body_bytes;	   /* default 16 MiB; of strangers 64 KiB are taken */
	uint32_t header_bytes;	   /* default 16 KiB */
	uint32_t request_s;	   /* from its first byte to its last; default 10 */
	uint32_t idle_s;	   /* between two requests; default 60 */
	uint32_t requests_each_s;  /* of one token or address over TCP; default 1000; burst of one
				      second */
};

struct http_peer { /* who a unix peer is: the first that fits */
	bool any_uid, any_gid;
	uint32_t uid, gid;
	enum role role;
	char tenant[64];
};

struct http_config {
	const char *socket;	       /* unix path */
	const char *listen;	       /* "ADDR:PORT", "[ADDR6]:PORT", or NULL */
	const char *metrics_listen;    /* likewise, of the loopback: plain HTTP, ROLE_METRICS */
	const char *certificate, *key; /* PEM files; needed with listen */
	const char *client_ca;	       /* or NULL: clients need no certificate */
	const char *large; /* id of the route whose bodies may have limits.body_bytes whoever sends
			      them; of others, tenants and viewers send 1 MiB */
	const struct http_peer *peers;
	size_t peer_count;	   /* after them: uid 0 is admin, the rest viewers */
	struct http_limits limits; /* 0: the default */
};

struct store;

/* 0, or -errno with why filled for a person. tables ends with NULL. */
int http_start(struct event_base *base, const struct http_config *config, struct store *store,
	const struct route *const *tables, char *why, size_t why_size);
/* Open requests are dropped: their gone() is called. */
void http_stop(void);
/* SIGHUP: the certificate, key and client CA are read again, for connections from now on. 0, or
 * -errno with why filled: the old ones stay. */
int http_reload(char *why, size_t why_size);
/* Before http_start(): would its socket's path, its addresses, certificate, key and authorities do?
 * The same answers; nothing is made, and nobody is listened to. */
int http_check(const struct http_config *config, char *why, size_t why_size);

/* Called for a 401 or 403, before the answer; at most ten times a second. line: "PUT
 * /v1/slices/blue". NULL: nobody is. */
typedef void (*http_refused)(
	const struct actor *actor, const char *line, int status, const char *detail);
void http_on_refused(http_refused refused);

/* OpenAPI 3.1 of the tables (openapi.c); the caller owns it. Schemas of intents come from
 * intent_types. */
json_t *openapi_document(const struct route *const *tables);

/* Of some pieces, one behind the other: 64 hex digits and a NUL. */
void sha256_hex(const void *const *pieces, const size_t *lens, int count, char *hex);

/* For /metrics. */
struct http_counters {
	uint64_t requests[6]; /* by hundreds of the status: [2]: 2xx */
	uint64_t refused_rate, refused_connections, timeouts;
	uint32_t connections, streams;
};
void http_counters(struct http_counters *out);

#endif
