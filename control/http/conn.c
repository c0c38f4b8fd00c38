/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections: places, deadlines, and bytes between the socket and request.c. Whoever
 * closes a connection dooms it; it is freed from the loop, when no callback of its own runs. */
#include "http_private.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/bufferevent_ssl.h>

#include "alloc.h"
#include "clock.h"

#define STRANGERS_SHARE 4	    /* one place in so many is for who has shown no token */
#define ADMINS_SHARE	8	    /* one place in so many of the unix socket is for admins */
#define WAITING_BYTES	(64u << 10) /* read ahead while a request is in work */
#define LEAST_BYTES_PS	(16u << 10) /* slower readers of an answer are cut off */

TAILQ_HEAD(conns, conn);

/* An address, an IPv6 /64, or a user of the unix socket, that has connections. */
struct source {
	LIST_ENTRY(source) entry;
	bool local;
	uint32_t uid; /* local */
	uint8_t prefix[16];
	uint32_t connections, stranger_count;
	struct conns strangers;
};

static LIST_HEAD(, source) sources;
static struct conns all, work;
static struct event *work_event;

static void conn_set_deadline(struct conn *conn, uint32_t seconds)
{
	conn->deadline_us = clock_mono_us() + seconds * 1000000ull;
}

/* What cannot be done within the bufferevent's callbacks is done from the loop, before it sleeps.
 */
static void put_work(struct conn *conn)
{
	if (conn->in_work)
		return;
	conn->in_work = true;
	TAILQ_INSERT_TAIL(&work, conn, work);
	event_active(work_event, EV_TIMEOUT, 0);
}

void conn_doom(struct conn *conn)
{
	if (conn->doomed)
		return;
	conn->doomed = true;
	bufferevent_setcb(conn->bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(conn->bev, EV_READ | EV_WRITE);
	put_work(conn);
}

/* ---- places ---- */

static struct source *source_get(const struct conn *conn)
{
	bool local = conn->door->kind == DOOR_UNIX;
	struct source *source;

	LIST_FOREACH (source, &sources, entry)
		if (source->local == local && source->uid == conn->uid &&
			!memcmp(source->prefix, conn->prefix, 16))
			return source;
	source = xcalloc(1, sizeof(*source));
	source->local = local;
	source->uid = conn->uid;
	memcpy(source->prefix, conn->prefix, 16);
	TAILQ_INIT(&source->strangers);
	LIST_INSERT_HEAD(&sources, source, entry);
	return source;
}

void conn_prove(struct conn *conn)
{
	if (conn->known)
		return;
	conn->known = true;
	conn->source->stranger_count--;
	conn->door->strangers--;
	TAILQ_REMOVE(&conn->source->strangers, conn, stranger);
}

static void source_leave(struct conn *conn)
{
	struct source *source = conn->source;

	conn_prove(conn);
	if (--source->connections)
		return;
	LIST_REMOVE(source, entry);
	free(source);
}

static void source_join(struct conn *conn)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	memcpy(conn->prefix, conn->address, 16);
	if (memcmp(conn->address, mapped, 12))
		memset(conn->prefix + 8, 0, 8);
	conn->source = source_get(conn);
	conn->source->connections++;
	if (conn->known)
		return;
	conn->source->stranger_count++;
	conn->door->strangers++;
	TAILQ_INSERT_TAIL(&conn->source->strangers, conn, stranger);
}

/* Strangers' places are taken: the oldest goes, of whom has the most of them. */
static struct conn *stranger_to_go(void)
{
	struct source *source, *most = NULL;

	LIST_FOREACH (source, &sources, entry)
		if (source->stranger_count &&
			(!most || source->stranger_count > most->stranger_count))
			most = source;
	return most ? TAILQ_FIRST(&most->strangers) : NULL;
}

/* No user takes more than its share, and all of them together leave admins theirs: who is to see to
 * the box gets in. */
static bool has_local_place(const struct conn *conn)
{
	const struct door *door = conn->door;

	if (conn->actor.role == ROLE_ADMIN)
		return door->connections <= door->most;
	if (conn->source->connections > http.limits.connections_each)
		return false;
	return door->connections - door->admins <= door->most - (door->most + 7) / ADMINS_SHARE &&
	       door->connections <= door->most;
}

static bool has_place(struct conn *conn)
{
	struct conn *other;

	if (conn->door->kind == DOOR_UNIX)
		return has_local_place(conn);
	if (conn->source->connections > http.limits.connections_each)
		return false;
	if (conn->door->connections <= conn->door->most &&
		conn->door->strangers <= (conn->door->most + 3) / STRANGERS_SHARE)
		return true;
	other = conn->door->kind == DOOR_TLS ? stranger_to_go() : NULL;
	if (!other || other == conn)
		return false;
	http.counters.refused_connections++;
	conn_doom(other);
	conn_prove(other); /* not a second time */
	return true;
}

/* ---- the end ---- */

static void conn_free(struct conn *conn)
{
	TAILQ_REMOVE(&all, conn, all);
	if (conn->in_work)
		TAILQ_REMOVE(&work, conn, work);
	if (conn->request)
		request_closed(conn->request);
	if (conn->ssl && conn->state != CONN_HANDSHAKE) {
		SSL_shutdown(conn->ssl);
		ERR_clear_error();
	}
	bufferevent_free(conn->bev);
	source_leave(conn);
	conn->door->connections--;
	conn->door->admins -= conn->admin;
	http.counters.connections--;
	free(conn);
}

/* Closed with bytes unread, TCP would take the answer back: they are waited for, and thrown away.
 */
static void linger(struct conn *conn)
{
	if (conn->ssl) {
		SSL_shutdown(conn->ssl);
		ERR_clear_error();
	}
	shutdown(bufferevent_getfd(conn->bev), SHUT_WR);
	conn->state = CONN_LINGERING;
	conn_set_deadline(conn, http.limits.request_s);
}

static void throw_away(struct conn *conn)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);
	size_t len = evbuffer_get_length(input);

	evbuffer_drain(input, len);
	conn->thrown += conn->known ? 0 : len;
	if (conn->thrown > STRANGER_BYTES)
		conn_doom(conn);
}

/* ---- bytes ---- */

/* Is the answer that the connection ends with on its way, or out? */
static bool is_last_answered(const struct conn *conn)
{
	const struct request *r = conn->request;

	return conn->state == CONN_LINGERING ||
	       (conn->state == CONN_SENDING && r->state == REQUEST_SENT && !r->keep);
}

/* What has come is read on: after an answer, or when the body's way is decided. */
static void conn_feed(struct conn *conn)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);

	if (!conn->doomed && is_last_answered(conn))
		throw_away(conn);
	while (!conn->doomed && (conn->state == CONN_IDLE || conn->state == CONN_READING) &&
		evbuffer_get_length(input)) {
		if (conn->state == CONN_IDLE) {
			conn->state = CONN_READING;
			conn->scanned = 0;
			conn_set_deadline(conn, http.limits.request_s);
		}
		if (!request_feed(conn, input))
			break;
	}
	if (conn->doomed)
		return;
	if (conn->ended && conn->state < CONN_ANSWERING)
		conn_doom(conn); /* what is not a whole request by now never will be */
	else if (evbuffer_get_length(input) > WAITING_BYTES && conn->state >= CONN_ANSWERING)
		bufferevent_disable(conn->bev, EV_READ);
	else if (!conn->ended)
		bufferevent_enable(conn->bev, EV_READ);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	conn_feed(arg);
}

/* All of the answer has been written. */
static void answered(struct conn *conn)
{
	struct request *r = conn->request;
	bool keep = r->keep, unread = !r->complete;

	conn->request = NULL;
	request_free(r);
	if (!keep && unread && !conn->ended) {
		linger(conn);
	} else if (!keep) {
		conn_doom(conn);
	} else {
		conn->state = CONN_IDLE;
		conn_set_deadline(conn, http.limits.idle_s);
		conn_feed(conn);
	}
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct conn *conn = arg;

	if (conn->state == CONN_SENDING && conn->request->state == REQUEST_SENT &&
		!evbuffer_get_length(bufferevent_get_output(bev)))
		answered(conn);
}

void conn_sent(struct conn *conn, size_t len)
{
	conn->state = CONN_SENDING;
	conn_set_deadline(conn, http.limits.idle_s + len / LEAST_BYTES_PS);
	if (!evbuffer_get_length(bufferevent_get_output(conn->bev)))
		put_work(conn);
}

static bool spoke_plain_http(struct conn *conn)
{
	unsigned long error;

	while (conn->state == CONN_HANDSHAKE && (error = bufferevent_get_openssl_error(conn->bev)))
		if (ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST)
			return true;
	return false;
}

/* It has not only shut its side, as far as can be told: TLS says no more than that in the end. */
static bool has_left(const struct conn *conn)
{
	struct pollfd poll_fd = {.fd = bufferevent_getfd(conn->bev)};

	return conn->ssl || poll(&poll_fd, 1, 0) < 0 || poll_fd.revents & (POLLHUP | POLLERR);
}

/* A request that is whole is answered though nothing comes after it, and a change is made whoever
 * has left: it does not depend on whether the dataplane was asked first. A stream ends. */
static bool will_answer(const struct conn *conn)
{
	if (conn->state == CONN_SENDING)
		return conn->request->state == REQUEST_SENT;
	return conn->state == CONN_ANSWERING &&
	       (request_is_change(conn->request) || !has_left(conn));
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *conn = arg;

	if (what & BEV_EVENT_CONNECTED) {
		conn->state = CONN_IDLE;
		conn_set_deadline(conn, http.limits.idle_s);
	} else if (what & BEV_EVENT_EOF && will_answer(conn)) {
		conn->ended = true;
		bufferevent_disable(bev, EV_READ);
	} else {
		if (conn->ssl && spoke_plain_http(conn))
			reply_turn_away(bufferevent_getfd(bev), 400,
				"this port speaks TLS; ask with https://");
		http.counters.timeouts += !!(what & BEV_EVENT_TIMEOUT);
		conn_doom(conn);
	}
}

/* ---- the beginning ---- */

static void begin_tcp(struct conn *conn, int fd, const struct sockaddr *address)
{
	const int on = 1;

	/* an answer goes to TLS piece by piece: each would wait for the ACK of the one before */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (address->sa_family == AF_INET) {
		memset(conn->address + 10, 0xff, 2);
		memcpy(conn->address + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
	} else {
		memcpy(conn->address, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
	}
}

static struct conn *conn_new(struct door *door, int fd)
{
	struct conn *conn = xcalloc(1, sizeof(*conn));

	if (door->kind == DOOR_TLS)
		conn->bev = tls_bufferevent(http.base, fd, &conn->ssl);
	else
		conn->bev = bufferevent_socket_new(http.base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!conn->bev) {
		free(conn);
		return NULL;
	}
	conn->door = door;
	conn->known = door->kind == DOOR_UNIX;
	conn->state = conn->ssl ? CONN_HANDSHAKE : CONN_IDLE;
	TAILQ_INSERT_TAIL(&all, conn, all);
	door->connections++;
	http.counters.connections++;
	return conn;
}

void conn_begin(struct door *door, int fd, const struct sockaddr *address)
{
	const struct timeval write_timeout = {http.limits.idle_s, 0};
	struct conn *conn = conn_new(door, fd);

	if (!conn) {
		close(fd);
		return;
	}
	if (door->kind != DOOR_UNIX)
		begin_tcp(conn, fd, address);
	auth_peer(conn, fd);
	conn->admin = conn->actor.role == ROLE_ADMIN;
	door->admins += conn->admin;
	source_join(conn);
	if (!has_place(conn)) {
		http.counters.refused_connections++;
		if (!conn->ssl)
			reply_turn_away(fd, 503, "too many connections; try again later");
		conn_free(conn);
		return;
	}
	bufferevent_setcb(conn->bev, on_read, on_written, on_event, conn);
	bufferevent_set_timeouts(conn->bev, NULL, &write_timeout);
	conn_set_deadline(conn, conn->ssl ? http.limits.request_s : http.limits.idle_s);
	bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
}

/* ---- from the loop ---- */

static void on_work(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&work))) {
		TAILQ_REMOVE(&work, conn, work);
		conn->in_work = false;
		if (conn->doomed)
			conn_free(conn);
		else
			on_written(conn->bev, conn);
	}
}

void conns_sweep(void)
{
	uint64_t now_us = clock_mono_us();
	struct conn *conn;

	TAILQ_FOREACH (conn, &all, all)
		if (!conn->doomed && conn->deadline_us && conn->deadline_us <= now_us) {
			http.counters.timeouts +=
				conn->state != CONN_IDLE && conn->state != CONN_LINGERING;
			conn_doom(conn);
		}
}

void conns_start(void)
{
	TAILQ_INIT(&all);
	TAILQ_INIT(&work);
	LIST_INIT(&sources);
	work_event = event_new(http.base, -1, 0, on_work, NULL);
}

void conns_stop(void)
{
	struct conn *conn;

	while (work_event && (conn = TAILQ_FIRST(&all)))
		conn_free(conn);
	if (work_event)
		event_free(work_event);
	work_event = NULL;
}
