/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP to sluice-control, by libcurl: on its unix socket, or by TLS with a token. Owns the
 * connections. Says nothing itself. */
#ifndef CLI_HTTP_H
#define CLI_HTTP_H

#include <jansson.h>
#include <stdbool.h>

#define HTTP_WHY 512

struct http;

struct http_target {
	const char *control;	/* a path, "unix:PATH" or "https://HOST[:PORT]" */
	const char *token_file; /* NULL: no token */
	const char *cacert;	/* NULL: the system's authorities */
	const char *cert, *key; /* the client's own, PEM; NULL: none; key NULL: it is in cert */
	long patience_ms;	/* for a whole call; 0: as each call says */
};

/* 0, or -1 with why (HTTP_WHY bytes) filled: the target makes no sense, a file cannot be read. */
int http_open(const struct http_target *target, struct http **out, char *why);
void http_close(struct http *http);

struct http_request {
	const char *method, *path; /* "/v1/slices?limit=1" */
	const json_t *body;	   /* NULL: none */
	const char *type;	   /* of the body; NULL: application/json */
	const char *if_match;	   /* a revision; NULL: none */
	double timeout_s;	   /* 0: 30 */
	void (*tick)(void *arg);   /* called five times a second while it lasts; may be NULL */
	void *arg;
};

struct http_answer {
	int status;
	json_t *json; /* owned by the caller; NULL: there was no body, or none of JSON */
	char why[HTTP_WHY];
	int os_error; /* errno of the connection, 0: something else */
};

/* 0: an answer came, whatever its status; -1 with answer->why: none did. */
int http_call(struct http *http, const struct http_request *request, struct http_answer *answer);

/* Server-sent events. */
struct http_event {
	const char *id, *event, *data; /* "" where there is none */
};
struct http_listen {
	const char *path, *last_id; /* last_id NULL: from now on */
	double quiet_s;		    /* ends after so long without an event; 0: never */
	bool (*each)(const struct http_event *event, void *arg); /* false: enough */
	void *arg;
};
/* 0: ended by each or by quiet; 1: the server ended it, or it broke: answer->why; -1: it did not
 * begin: answer as by http_call, with status 0 when there was none. */
int http_stream(struct http *http, const struct http_listen *listen, struct http_answer *answer);

/* Percent-encoded, for a segment of a path or a value of a query. New. */
char *http_escape(const char *text);

#endif
