/* SPDX-License-Identifier: BSD-3-Clause */
/* One client's connection: what evhttp does not know about it (deadlines, who the peer is, the
 * request in work). Made by conn.c for server.c; used by the files of control/http alone. */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include <bsd/sys/queue.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <openssl/ssl.h>

#include "http.h"

enum conn_state {
	CONN_FRESH,	/* made for evhttp, which has not put the socket in yet */
	CONN_HANDSHAKE, /* TLS */
	CONN_IDLE,	/* between requests */
	CONN_READING,	/* a request has begun to come */
	CONN_ANSWERING, /* the handler has it, now or later */
	CONN_SENDING,
};

struct conn {
	TAILQ_ENTRY(conn) all;
	TAILQ_ENTRY(conn) work;
	bool in_work;
	bool foreign; /* evhttp itself wrote an answer */
	bool doomed;  /* to be closed from the loop, not from within evhttp */
	bool tcp;
	enum conn_state state;
	int fd;
	uint64_t deadline_us; /* monotonic; 0: none */
	struct bufferevent *bev;
	struct evhttp_connection *evcon;
	struct evbuffer_cb_entry *on_input, *on_output;
	SSL *ssl;		 /* NULL: plain */
	struct request *request; /* in work, or its answer on the way */
	uint8_t address[16];	 /* TCP; IPv4 as ::ffff:… */
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
	struct http_counters counters;
};
extern struct http http;

int conns_start(void);
void conns_stop(void); /* after all connections were closed */
void conns_sweep(void);
/* Connections that server.c's listeners accepted and whose sockets evhttp knows get their state.
 */
void conns_work(void);

/* For evhttp_set_bevcb; arg: NULL plain, else anything: TLS. */
struct bufferevent *conn_make(struct event_base *base, void *arg);
struct conn *conn_of(struct evhttp_request *ev); /* NULL: not known */

/* The handler goes on later: from now on the client's going is seen. */
void conn_watch(struct conn *conn);
/* A stream's last bytes are in: evhttp is told when they are written, and not before. */
void conn_end(struct conn *conn);
void conn_doom(struct conn *conn); /* closes it from the loop */
/* The answer is out. */
void conn_answered(struct conn *conn);

#endif
