/* SPDX-License-Identifier: BSD-3-Clause */
/* From a line of bytes to the answer. Knows JSON-RPC, not sockets. */
#ifndef RPC_DISPATCH_H
#define RPC_DISPATCH_H

#include <jansson.h>
#include <stddef.h>

#include "errors.h"

struct client;

/* Text to send without newline (free with budget_free_text), NULL when nothing is to be answered.
 */
char *dispatch_line(struct client *client, const char *line, size_t len);

/* An answer's text: an error with its id where it cannot be written, so that each request has an
 * answer. NULL: no memory for that. Free with budget_free_text. */
char *dispatch_text(const json_t *answer);

#endif
