/* SPDX-License-Identifier: BSD-3-Clause */
/* What came with a request: query and body (body.c). Used by the files of control/http alone. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "request.h"

/* As the route wants it; false after a problem was answered. */
bool query_read(struct request *r);

/* The head is read: may a body come, and how large? False after a problem was answered. */
bool body_expected(struct request *r, bool has_body);
void body_refuse_large(struct request *r);
/* Some of it came; false after a problem was answered. */
bool body_add(struct request *r, const char *text, size_t len);
/* The request is complete: it is parsed, then its handler runs, now or later. */
void body_read(struct request *r);

/* The body's JSON, NULL with where; its hash is made, too. In any thread: while this runs nobody
 * else uses the request's text, hash, method and URL. */
json_t *body_parse(struct request *r, json_error_t *where);
/* In the loop: runs the handler, refuses, or frees the request when its client has gone. */
void body_parsed(struct request *r, json_t *body, const json_error_t *where);
void body_free(struct request *r);

#endif
