/* SPDX-License-Identifier: BSD-3-Clause */
/* Who asks (auth.c) and how often it may (rate.c). Used by the files of control/http alone. */
#ifndef HTTP_AUTH_H
#define HTTP_AUTH_H

#include "conn.h"

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

/* 64 hex digits and a NUL. */
void sha256_hex(const void *const *pieces, const size_t *lens, int count, char *hex);

#endif
