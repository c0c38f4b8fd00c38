/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS for TCP (tls.c). Used by the files of control/http alone. */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include "conn.h"

/* Reads the PEM files. 0, or -errno with why naming the file and what to do; what was loaded before
 * stays. */
int tls_load(const struct http_config *config, char *why, size_t why_size);
void tls_unload(void);

/* The server's side of a socket; NULL: no memory, and the socket stays the caller's. */
struct bufferevent *tls_bufferevent(struct event_base *base, int fd, SSL **ssl);

#endif
