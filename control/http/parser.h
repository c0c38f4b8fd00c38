/* SPDX-License-Identifier: BSD-3-Clause */
/* The thread that parses large bodies, and frees what they became (parser.c). Used by the files of
 * control/http alone. */
#ifndef HTTP_PARSER_H
#define HTTP_PARSER_H

#include "request.h"

/* Begins the thread; its results come by the loop of http.base. 0 or -errno. */
int parser_start(void);
/* After all connections are closed: waits for it, and frees what it had. */
void parser_stop(void);

/* Parses the request's text; body_parsed is called from the loop. 0, or -ENOMEM. */
int parser_take(struct request *r);
/* Gives a reference back: the tree of a 16 MiB body takes a second to free. */
void parser_free(json_t *body);

#endif
