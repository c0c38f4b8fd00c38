/* SPDX-License-Identifier: BSD-3-Clause */
/* One request, from evhttp's callback to the end of its answer (request.c). Used by the files of
 * control/http alone. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <event2/keyvalq_struct.h>

#include "conn.h"
#include "router.h"

enum request_state {
	REQUEST_OPEN, /* not answered */
	REQUEST_STREAM,
	REQUEST_CUT,  /* a stream that nobody reads; gone() was called */
	REQUEST_SENT, /* the answer is evhttp's */
};

struct request {
	struct conn *conn;	   /* NULL: the client has gone */
	struct evhttp_request *ev; /* evhttp's while conn is there, then ours, or NULL */
	const char *method;
	const struct route *route; /* NULL: none was found */
	struct path path;
	struct evkeyvalq query;
	json_t *body;
	struct actor actor;
	enum request_state state;
	bool head; /* of a HEAD: no body goes out */
	char token_id[24];
	uint64_t checked_us; /* of a stream: when the token was looked at, monotonic; 0: never */
	char line[256];
	char hash[65];
	void (*gone)(void *arg);
	void *gone_arg;
};

/* For evhttp_set_gencb. */
void request_begin(struct evhttp_request *ev, void *arg);
/* The connection is going: gone() is called, the request freed where nobody needs it. */
void request_closed(struct request *r);
void request_free(struct request *r);

#endif
