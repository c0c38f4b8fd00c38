/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this room share. */
#ifndef HTTP_PRIVATE_H
#define HTTP_PRIVATE_H

#include <bsd/sys/queue.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <http_parser.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "http.h"

/* ---- router.c: the route of a method and a path ---- */

#define ROUTE_SEGMENTS 8

/* A path, cut at "/", each segment percent-decoded once. */
struct path {
	char *text; /* owns the segments that needed no decoding */
	const char *segment[ROUTE_SEGMENTS];
	char *decoded[ROUTE_SEGMENTS]; /* owned */
	int count;
};

/* 0; -EINVAL: no path of ours can look like this (why says it for a person); -ENOENT: an empty or
 * one segment too many. path_free in any case. */
int path_split(const char *raw, struct path *path, const char **why);
void path_free(struct path *path);

/* 0, or -errno with why: a table that cannot be served. */
int router_build(const struct route *const *tables, char *why, size_t why_size);
void router_free(void);

/* NULL: none of that method. allow (in that case): the methods there are, "" when none is. HEAD is
 * answered where GET is. */
const struct route *router_find(
	const char *method, const struct path *path, char *allow, size_t allow_size);

/* The path's parameter; NULL: the route has none of that name. */
const char *router_param(const struct route *route, const struct path *path, const char *name);

/* ---- conn.c: one client's connection: its socket (a bufferevent), who the peer is, what it is
 * doing and until when, the request in work ---- */

#define STRANGER_BYTES (64u << 10) /* taken of a body from who has shown no token */

enum conn_state {
	CONN_HANDSHAKE, /* TLS */
	CONN_IDLE,	/* between requests */
	CONN_READING,	/* a request has begun to come */
	CONN_ANSWERING, /* the handler has it, now or later */
	CONN_SENDING,
	CONN_LINGERING, /* the last answer is out; what the client still sends is thrown away */
};

/* One listening socket, with places of its own: what fills one keeps nobody out of the others. */
struct door {
	enum door_kind { DOOR_UNIX, DOOR_TLS, DOOR_METRICS } kind;
	struct evconnlistener *listener;
	uint32_t connections, strangers, admins, most;
	bool paused; /* out of descriptors: the clock opens it again */
};

struct conn {
	TAILQ_ENTRY(conn) all;
	TAILQ_ENTRY(conn) stranger; /* of its source, oldest first, until it shows a token */
	TAILQ_ENTRY(conn) work;
	bool in_work, doomed;
	bool admin; /* by the unix socket */
	bool known; /* local, or has shown a valid token */
	bool ended; /* the client sends no more, and waits for its answers */
	enum conn_state state;
	uint64_t deadline_us; /* monotonic; 0: none */
	uint32_t scanned;     /* bytes of a head that were looked at */
	uint32_t thrown;      /* bytes of a stranger that were read and thrown away */
	struct door *door;
	struct source *source;
	struct bufferevent *bev;
	SSL *ssl; /* NULL: plain */
	http_parser parser;
	struct request *request; /* in work, or its answer on the way */
	uint32_t uid;		 /* unix */
	uint8_t address[16];	 /* TCP; IPv4 as ::ffff:… */
	uint8_t prefix[16];	 /* what limits count: the address, of IPv6 its /64 */
	struct actor actor;	 /* who it is without a token */
};

/* What all files read; server.c fills it. */
struct http {
	struct event_base *base;
	struct store *store;
	struct http_limits limits;
	const struct http_peer *peers;
	size_t peer_count;
	const char *large;
	struct http_counters counters;
};
extern struct http http;

void conns_start(void);
void conns_stop(void); /* closes all */
void conns_sweep(void);

/* A socket that a door accepted, taken over. */
void conn_begin(struct door *door, int fd, const struct sockaddr *address);
/* It has shown a valid token: it is no stranger any more. */
void conn_prove(struct conn *conn);
/* The answer, all of it, is in the output. */
void conn_sent(struct conn *conn, size_t len);
void conn_doom(struct conn *conn); /* closes it from the loop, not from within its callbacks */

/* ---- request.c: one request, from its first byte to the end of its answer ---- */

enum request_state {
	REQUEST_OPEN, /* not answered */
	REQUEST_STREAM,
	REQUEST_CUT,  /* a stream that nobody reads; gone() was called */
	REQUEST_HELD, /* the answer is there, and goes when what it says is on disk */
	REQUEST_SENT, /* the answer is in the connection's output */
};

struct answer {
	int status;
	const char *type, *text; /* NULL: it has no body */
	size_t len;
	void (*freed)(const void *text, size_t len, void *arg);
	void *arg;
};

struct request {
	struct conn *conn; /* NULL: the client has gone */
	const char *method;
	char *url, *raw_path, *raw_query;
	struct evkeyvalq headers, out_headers, query;
	const struct route *route; /* NULL: none was found */
	struct path path;
	struct evbuffer *text; /* of the body, until it is parsed */
	uint64_t body_most;
	json_t *body;
	bool body_large;    /* freed by the parser's thread */
	atomic_bool closed; /* conn is NULL; for the parser's thread */
	struct actor actor;
	enum request_state state;
	bool head;	   /* of a HEAD: no body goes out */
	bool old;	   /* HTTP/1.0 */
	bool keep;	   /* the connection, after the answer */
	bool head_read;	   /* all headers are in */
	bool trailing;	   /* the last chunk is in: its trailer section comes */
	bool complete;	   /* all of it is in */
	bool parsing;	   /* in the parser's thread */
	bool marked;	   /* by its handler */
	const char *field; /* name of the header whose value comes next */
	size_t field_len;
	uint32_t header_count;
	char token_id[24];
	uint64_t checked_us; /* of a stream: when the token was looked at, monotonic; 0: never */
	char line[256];
	char hash[65];
	TAILQ_ENTRY(request) waiting; /* for the store: held, or its handler */
	struct answer held;	      /* REQUEST_HELD */
	uint64_t held_until;	      /* goes when so many commits are on disk */
	bool failed;		      /* the answer is that the disk has failed */
	void (*gone)(void *arg);
	void *gone_arg;
};

/* Takes from input what it can. False: it wants more, or the rest is not for now. */
bool request_feed(struct conn *conn, struct evbuffer *input);
/* The body is parsed, or refused: body.c says so, at once or later. */
void request_run(struct request *r);
bool request_is_change(const struct request *r); /* by its method */
/* The connection is going: gone() is called, the request freed where nobody needs it. */
void request_closed(struct request *r);
void request_free(struct request *r);

/* ---- body.c: what came with a request ---- */

/* As the route wants it; false after a problem was answered. */
bool query_read(struct request *r);

/* The head is read: may a body come, and how large? False after a problem was answered. */
bool body_expected(struct request *r, bool has_body);
void body_refuse_large(struct request *r);
/* Some of it came; false after a problem was answered. */
bool body_add(struct request *r, const char *text, size_t len);
/* The request is complete: it is parsed, then its handler runs, now or later. */
void body_read(struct request *r);

void body_free(struct request *r);

/* ---- body.c: the thread ---- */

/* Begins the thread; its results come by the loop of http.base. 0 or -errno. */
int parser_start(void);
/* After all connections are closed: waits for it, and frees what it had. */
void parser_stop(void);

/* ---- reply.c: answers of the server itself ---- */

/* reply_problem with what err says beside its code and message. */
void reply_refusal(struct request *r, int status, const struct rpc_error *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* To a socket that is closed then, plain: said once, at best. */
void reply_turn_away(int fd, int status, const char *detail);

/* ---- reply.c: requests and the store's disk ---- */

void durable_start(void);
void durable_stop(void); /* after the last request was freed */
/* The request is freed before its answer was sent. */
void durable_drop(struct request *r);

/* ---- auth.c ---- */

/* Who a connection is before it shows a token; fd is its socket. */
void auth_peer(struct conn *conn, int fd);

enum auth_result {
	AUTH_OK,
	AUTH_INVALID, /* a token that nobody knows, or of another scheme */
	AUTH_EXPIRED,
	AUTH_FAILED, /* the store did not answer */
};

/* The header Authorization (NULL: none) → who it is; token_id has 24 bytes, "" without a token. */
enum auth_result auth_token(const char *header, struct actor *actor, char *token_id);

/* One request of this key (a token's id or an address): 0, or the seconds to wait. */
uint32_t rate_take(const void *key, size_t len, uint32_t per_s, uint64_t now_us);

/* ---- tls.c: TLS for TCP ---- */

/* Reads the PEM files. 0, or -errno with why naming the file and what to do; what was loaded before
 * stays. */
int tls_load(const struct http_config *config, char *why, size_t why_size);
void tls_unload(void);

/* The server's side of a socket; NULL: TLS failed, and the socket stays the caller's. */
struct bufferevent *tls_bufferevent(struct event_base *base, int fd, SSL **ssl);

/* ---- server.c ---- */

/* "198.18.0.1:8443", "[2001:db8::1]:8443": numbers, ports 1 to 65535. loopback: no other address
 * will do. field: who said it, for why. 0, or -EINVAL with why filled for a person. */
int address_read(const char *field, const char *where, bool loopback, struct sockaddr_storage *out,
	socklen_t *len, char *why, size_t size);

#endif
