/* SPDX-License-Identifier: BSD-3-Clause */
/* Where TCP is listened at, as options and file say it. Used by the files of control/http alone. */
#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* "198.18.0.1:8443", "[2001:db8::1]:8443": numbers, ports 1 to 65535. loopback: no other address
 * will do. field: who said it, for why. 0, or -EINVAL with why filled for a person. */
int address_read(const char *field, const char *where, bool loopback, struct sockaddr_storage *out,
	socklen_t *len, char *why, size_t size);

#endif
