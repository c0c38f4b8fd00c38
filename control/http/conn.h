/* SPDX-License-Identifier: BSD-3-Clause */
/* One client's connection: its socket (a bufferevent), who the peer is, what it is doing and until
 * when, the request in work (conn.c). Used by the files of control/http alone. */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include <bsd/sys/queue.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <http_parser.h>
#include <openssl/ssl.h>

#include "http.h"

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
	bool admin;   /* by the unix socket */
	bool known;   /* local, or has shown a valid token */
	bool closing; /* after this answer */
	bool ended;   /* the client sends no more, and waits for its answers */
	bool unread;  /* the last request's body was not read to its end */
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

uint64_t http_now_us(void); /* monotonic */

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

int conns_start(void);
void conns_stop(void); /* closes all */
void conns_sweep(void);

/* A socket that a door accepted, taken over. */
void conn_begin(struct door *door, int fd, const struct sockaddr *address);
/* It has shown a valid token: it is no stranger any more. */
void conn_prove(struct conn *conn);
void conn_set_deadline(struct conn *conn, uint32_t seconds);
/* What has come is read on: after an answer, or when the body's way is decided. */
void conn_feed(struct conn *conn);
/* The answer, all of it, is in the output. */
void conn_sent(struct conn *conn, size_t len);
void conn_doom(struct conn *conn); /* closes it from the loop, not from within its callbacks */

#endif
