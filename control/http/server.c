/* SPDX-License-Identifier: BSD-3-Clause */
/* Start and end of the server: where it listens, its sockets, and the clock that looks after
 * deadlines. */
#include "http_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "making.h"
#include "unix_socket.h"

/* ---- where TCP is listened at ---- */

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

/* ---- the server ---- */

#define BACKLOG	 128
#define SWEEP_MS 250

struct http http;

#define METRICS_PLACES 64

static struct door unix_door = {.kind = DOOR_UNIX}, tls_door = {.kind = DOOR_TLS},
		   metrics_door = {.kind = DOOR_METRICS};
static struct door *const doors[] = {&unix_door, &tls_door, &metrics_door};
static struct event *clock_event;
static char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)];
static struct http_config config; /* its texts are the caller's for http_reload */

static int fail(char *why, size_t size, int rc, const char *what, const char *where)
{
	snprintf(why, size, "%s %s: %s", what, where, strerror(-rc));
	return rc;
}

/* ---- TCP ---- */

static int bind_tcp(const struct sockaddr_storage *address, socklen_t len)
{
	const int on = 1;
	int fd, rc;

	fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, (const struct sockaddr *)address, len) && !listen(fd, BACKLOG))
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* ---- doors ---- */

/* Out of descriptors: without a pause the loop would spin. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct door *door = arg;

	evconnlistener_disable(listener);
	door->paused = true;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
	int len, void *arg)
{
	conn_begin(arg, fd, address);
}

/* Takes the descriptor over. */
static void open_door(struct door *door, int fd, uint32_t most)
{
	door->connections = 0;
	door->most = most;
	door->listener = evconnlistener_new(
		http.base, on_accept, door, LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_CLOSE_ON_FREE, 0, fd);
	evconnlistener_set_error_cb(door->listener, on_accept_error);
}

static void on_clock(evutil_socket_t fd, short what, void *arg)
{
	conns_sweep();
	for (int i = 0; i < 3; i++)
		if (doors[i]->paused) {
			doors[i]->paused = false;
			evconnlistener_enable(doors[i]->listener);
		}
}

/* ---- start and stop ---- */

static void preset(uint32_t *value, uint32_t given)
{
	if (!*value)
		*value = given;
}

static void set_limits(void)
{
	struct http_limits *limits = &http.limits;

	*limits = config.limits;
	preset(&limits->connections, 1024);
	preset(&limits->connections_each, 128);
	preset(&limits->body_bytes, 16u << 20);
	preset(&limits->header_bytes, 16u << 10);
	preset(&limits->request_s, 10);
	preset(&limits->idle_s, 60);
	preset(&limits->requests_each_s, 1000);
}

/* rc: what unix_socket_listen() or unix_socket_check() says. */
static int fail_unix(const char *path, int rc, char *why, size_t size)
{
	if (rc == -EADDRINUSE)
		snprintf(why, size, "socket %s: somebody answers there already; stop it first",
			path);
	else if (rc == -EEXIST)
		snprintf(why, size,
			"%s is there, and is no socket: move it away, or choose another path with "
			"--socket",
			path);
	else if (rc == -ENOENT || rc == -ENAMETOOLONG)
		snprintf(why, size, "socket %s: %s; %s, or choose another path with --socket", path,
			strerror(-rc),
			rc == -ENOENT ? "make its folder" : "107 bytes are the most");
	else
		fail(why, size, rc, "socket", path);
	return rc;
}

static int open_unix(char *why, size_t size)
{
	int fd;

	if (!config.socket)
		return 0;
	fd = unix_socket_listen(config.socket, BACKLOG);
	if (fd < 0)
		return fail_unix(config.socket, fd, why, size);
	strcpy(socket_path, config.socket);
	open_door(&unix_door, fd, http.limits.connections);
	return 0;
}

static int check_tcp(const struct http_config *given, char *why, size_t size)
{
	if (given->certificate && given->key)
		return tls_load(given, why, size);
	snprintf(why, size,
		"listen %s: TCP is served with TLS only; give a certificate and its key (PEM "
		"files)",
		given->listen);
	return -EINVAL;
}

static int open_tcp(struct door *door, const char *field, const char *where, uint32_t most,
	char *why, size_t size)
{
	struct sockaddr_storage address;
	socklen_t len;
	int rc = 0;

	if (!where)
		return 0;
	if (door->kind == DOOR_TLS)
		rc = check_tcp(&config, why, size);
	if (!rc)
		rc = address_read(
			field, where, door->kind == DOOR_METRICS, &address, &len, why, size);
	if (rc)
		return rc;
	rc = bind_tcp(&address, len);
	if (rc < 0)
		return fail(why, size, rc, field, where);
	open_door(door, rc, most);
	return 0;
}

int http_start(struct event_base *base, const struct http_config *given, struct store *store,
	const struct route *const *tables, char *why, size_t size)
{
	const struct timeval sweep = {0, SWEEP_MS * 1000};
	int rc;

	memset(&http, 0, sizeof(http));
	config = *given;
	http.base = base;
	making_start(base);
	http.store = store;
	http.peers = config.peers;
	http.peer_count = config.peer_count;
	http.large = config.large;
	set_limits();
	signal(SIGPIPE, SIG_IGN);
	rc = router_build(tables, why, size);
	if (rc)
		return rc;
	http_parser_set_max_header_size(http.limits.header_bytes);
	conns_start();
	clock_event = event_new(http.base, -1, EV_PERSIST, on_clock, NULL);
	event_add(clock_event, &sweep);
	durable_start();
	rc = parser_start();
	if (rc)
		fail(why, size, rc, "the HTTP server's", "thread");
	if (!rc)
		rc = open_unix(why, size);
	if (!rc)
		rc = open_tcp(
			&tls_door, "listen", config.listen, http.limits.connections, why, size);
	if (!rc)
		rc = open_tcp(&metrics_door, "metrics_listen", config.metrics_listen,
			METRICS_PLACES, why, size);
	if (rc)
		http_stop();
	else
		*why = '\0';
	return rc;
}

void http_stop(void)
{
	for (int i = 0; i < 3; i++) {
		if (doors[i]->listener)
			evconnlistener_free(doors[i]->listener);
		doors[i]->listener = NULL;
		doors[i]->paused = false;
	}
	conns_stop();
	making_stop();
	parser_stop();
	durable_stop();
	if (clock_event)
		event_free(clock_event);
	clock_event = NULL;
	if (*socket_path)
		unlink(socket_path);
	*socket_path = '\0';
	tls_unload();
	router_free();
}

int http_check(const struct http_config *given, char *why, size_t size)
{
	struct sockaddr_storage address;
	socklen_t len;
	int rc = given->socket ? unix_socket_check(given->socket) : 0;

	if (rc)
		fail_unix(given->socket, rc, why, size);
	if (!rc && given->listen)
		rc = check_tcp(given, why, size);
	if (!rc && given->listen)
		rc = address_read("listen", given->listen, false, &address, &len, why, size);
	if (!rc && given->metrics_listen)
		rc = address_read(
			"metrics_listen", given->metrics_listen, true, &address, &len, why, size);
	tls_unload();
	return rc;
}

int http_reload(char *why, size_t size)
{
	return config.listen ? tls_load(&config, why, size) : 0;
}

void http_counters(struct http_counters *out)
{
	*out = http.counters;
}
