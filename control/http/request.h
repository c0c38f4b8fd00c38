/* SPDX-License-Identifier: BSD-3-Clause */
/* One request, from its first byte to the end of its answer (request.c). Used by the files of
 * control/http alone. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "conn.h"
#include "router.h"

enum request_state {
	REQUEST_OPEN, /* not answered */
	REQUEST_STREAM,
	REQUEST_CUT,  /* a stream that nobody reads; gone() was called */
	REQUEST_HELD, /* the answer is there, and goes when what it says is on disk: durable.c */
	REQUEST_SENT, /* the answer is in the connection's output */
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
	bool body_large; /* freed by the parser's thread */
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
	struct held *held; /* the answer; NULL: none is */
	bool failed;	   /* the answer is that the disk has failed */
	void (*gone)(void *arg);
	void *gone_arg;
};

/* Takes from input what it can. False: it wants more, or the rest is not for now. */
bool request_feed(struct conn *conn, struct evbuffer *input);
/* The body is parsed, or refused: body.c says so, at once or later. */
void request_run(struct request *r);
bool request_is_sent(const struct request *r);
bool request_is_change(const struct request *r); /* by its method */
/* The connection is going: gone() is called, the request freed where nobody needs it. */
void request_closed(struct request *r);
void request_free(struct request *r);

#endif
