/* SPDX-License-Identifier: BSD-3-Clause */
/* A blocking JSON-RPC client on a unix socket: one message a line (contract.md, "The socket").
 * Owns the connection and its buffer. Reports nothing itself. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <jansson.h>

struct client;

/* timeout_ms bounds every connect, send and receive; 0 waits for ever. 0 or -errno. */
int client_open(const char *path, int timeout_ms, struct client **out);
void client_close(struct client *client);

/* Sends a request and waits for its answer, an object with "result" or "error" (the caller owns
 * it). params may be NULL. 0, or -errno: -EMSGSIZE when the request is longer than the socket
 * takes, -EPIPE when the other side closed, -EPROTO when what came is not an answer. */
int client_call(struct client *client, const char *method, const json_t *params, json_t **answer);

/* The params of the next notification: 1, 0 when timeout_s passed (negative: wait for ever),
 * -errno. */
int client_event(struct client *client, double timeout_s, json_t **params);

#endif
