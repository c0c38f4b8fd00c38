/* SPDX-License-Identifier: BSD-3-Clause */
/* See address.h. */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* getaddrinfo() takes the lowest 16 bits of any number. */
static bool is_port(const char *text)
{
	size_t len = strspn(text, "0123456789");
	unsigned long port = strtoul(text, NULL, 10);

	return len && len <= 5 && !text[len] && port >= 1 && port <= 65535;
}

/* "ADDR:PORT", "[ADDR6]:PORT" → what getaddrinfo takes. */
static int split(const char *where, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(where, ':');
	size_t len = colon ? colon - where : 0;
	bool six = len >= 2 && *where == '[' && where[len - 1] == ']';

	if (!colon || !is_port(colon + 1))
		return -EINVAL;
	*port = colon + 1;
	if (six) {
		where++;
		len -= 2;
	}
	if (!len || len >= size || six != !!memchr(where, ':', len))
		return -EINVAL;
	memcpy(host, where, len);
	host[len] = '\0';
	return 0;
}

static bool is_loopback(const struct sockaddr *address)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
	const struct sockaddr_in *four = (const struct sockaddr_in *)address;

	return address->sa_family == AF_INET ? ntohl(four->sin_addr.s_addr) >> 24 == 127
					     : IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

int address_read(const char *field, const char *where, bool loopback, struct sockaddr_storage *out,
	socklen_t *len, char *why, size_t size)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *info;
	const char *port;
	char host[64];

	if (split(where, host, sizeof(host), &port) || getaddrinfo(host, port, &hints, &info)) {
		snprintf(why, size,
			"%s %s: want ADDR:PORT or [ADDR6]:PORT, an address in numbers and a port "
			"of 1 to 65535",
			field, where);
		return -EINVAL;
	}
	memcpy(out, info->ai_addr, info->ai_addrlen);
	*len = info->ai_addrlen;
	freeaddrinfo(info);
	if (!loopback || is_loopback((const struct sockaddr *)out))
		return 0;
	snprintf(why, size,
		"%s %s: plain HTTP is for this box alone; want 127.0.0.1:PORT or [::1]:PORT", field,
		where);
	return -EINVAL;
}
