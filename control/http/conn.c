/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections (conn.h): evhttp owns the socket, this file watches over it. evhttp 2.1 tells nobody
 * of a new connection and has no deadline for a whole request, so each bufferevent that it asks for
 * gets a struct conn, which hears of bytes that come and go through the buffers' callbacks. What
 * closes a connection is always evhttp itself, told so by an event of the bufferevent. */
#include "conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "auth.h"
#include "reply.h"
#include "request.h"
#include "tls.h"

#define INPUT_SLACK  (64u << 10)
#define INPUT_BODIES 8 /* so many of the greatest bodies may wait in memory at once */

TAILQ_HEAD(conns, conn);
static struct conns all, work;
static struct event *work_event;
static struct conn **by_fd;
static int fds;
static uint64_t buffered_bytes; /* input of all connections */

uint64_t http_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ull + now.tv_nsec / 1000;
}

static void set_deadline(struct conn *conn, uint32_t seconds)
{
	conn->deadline_us = http_now_us() + seconds * 1000000ull;
}

/* What cannot be done within evhttp's callbacks is done from the loop, before it sleeps again. */
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
	conn->doomed = true;
	put_work(conn);
}

/* No watermark instead: TLS would reserve memory up to it for each read. */
static bool too_much_waits(const struct evbuffer *input)
{
	uint64_t most = (uint64_t)http.limits.body_bytes + http.limits.header_bytes + INPUT_SLACK;
	uint64_t here = evbuffer_get_length(input);

	return here > most || (buffered_bytes > most * INPUT_BODIES && here > INPUT_SLACK);
}

static void on_input(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn *conn = arg;

	buffered_bytes += info->n_added - info->n_deleted;
	if (!info->n_added)
		return;
	if (conn->state == CONN_HANDSHAKE || conn->state == CONN_IDLE) {
		conn->state = CONN_READING;
		set_deadline(conn, http.limits.request_s);
	}
	if (too_much_waits(buffer))
		conn_doom(conn);
}

/* Written while no request is in work: evhttp's own error page, or 100 Continue. */
static void on_output(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn *conn = arg;

	if (!info->n_added || conn->request || conn->foreign)
		return;
	conn->foreign = true;
	put_work(conn);
}

struct bufferevent *conn_make(struct event_base *base, void *arg)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	if (arg)
		conn->bev = tls_bufferevent(base, &conn->ssl);
	else
		conn->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!conn->bev) {
		free(conn);
		return NULL;
	}
	bufferevent_incref(conn->bev); /* until it has begun, evhttp may give it up unheard */
	conn->tcp = arg;
	conn->fd = -1;
	TAILQ_INSERT_TAIL(&all, conn, all);
	http.counters.connections++;
	put_work(conn);
	return conn->bev;
}

/* ---- the end ---- */

static void forget(struct conn *conn)
{
	TAILQ_REMOVE(&all, conn, all);
	if (conn->in_work)
		TAILQ_REMOVE(&work, conn, work);
	if (conn->fd >= 0)
		by_fd[conn->fd] = NULL;
	http.counters.connections--;
	free(conn);
}

/* evhttp is about to free it. */
static void on_close(struct evhttp_connection *evcon, void *arg)
{
	struct conn *conn = arg;
	struct evbuffer *input = bufferevent_get_input(conn->bev);

	evbuffer_remove_cb_entry(input, conn->on_input);
	evbuffer_remove_cb_entry(bufferevent_get_output(conn->bev), conn->on_output);
	buffered_bytes -= evbuffer_get_length(input);
	if (conn->request)
		request_closed(conn->request);
	forget(conn);
}

/* As if evhttp had noticed it: frees the connection, and what was asked on it. */
static void kill_conn(struct conn *conn)
{
	bufferevent_trigger_event(conn->bev, BEV_EVENT_TIMEOUT | BEV_EVENT_READING, 0);
}

/* ---- the beginning ---- */

static int grow(int fd)
{
	int room = fd < 64 ? 128 : 2 * fd;
	struct conn **grown;

	if (fd < fds)
		return 0;
	grown = realloc(by_fd, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memset(grown + fds, 0, (room - fds) * sizeof(*grown));
	by_fd = grown;
	fds = room;
	return 0;
}

static void read_address(struct conn *conn)
{
	struct sockaddr_in6 address = {0};
	struct sockaddr_in *in = (struct sockaddr_in *)&address;
	socklen_t len = sizeof(address);

	if (getpeername(conn->fd, (struct sockaddr *)&address, &len))
		return;
	if (address.sin6_family == AF_INET) {
		memset(conn->address + 10, 0xff, 2);
		memcpy(conn->address + 12, &in->sin_addr, 4);
	} else {
		memcpy(conn->address, &address.sin6_addr, 16);
	}
}

/* An answer goes to TLS piece by piece: each would wait for the ACK of the one before. */
static void begin_tcp(struct conn *conn)
{
	const int on = 1;

	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	read_address(conn);
}

static bool too_many(const struct conn *conn)
{
	const struct conn *other;
	uint32_t same = 0;

	if (http.counters.connections > http.limits.connections)
		return true;
	if (!conn->tcp)
		return false;
	TAILQ_FOREACH (other, &all, all)
		same += other->tcp && !memcmp(other->address, conn->address, 16);
	return same > http.limits.connections_each;
}

static void refuse(struct conn *conn)
{
	http.counters.refused_connections++;
	if (!conn->ssl)
		reply_turn_away(conn->fd);
	kill_conn(conn);
}

/* evhttp has put the socket in. */
static void begin(struct conn *conn)
{
	const struct timeval write_timeout = {http.limits.idle_s, 0};
	bufferevent_event_cb event = NULL;
	void *evcon = NULL;
	int fd = bufferevent_getfd(conn->bev);

	bufferevent_getcb(conn->bev, NULL, NULL, &event, &evcon);
	if (!event || fd < 0 || grow(fd)) { /* given up already */
		struct bufferevent *bev = conn->bev;

		forget(conn);
		if (event)
			bufferevent_trigger_event(bev, BEV_EVENT_ERROR | BEV_EVENT_READING, 0);
		bufferevent_decref(bev);
		return;
	}
	bufferevent_decref(conn->bev);
	conn->fd = fd;
	conn->evcon = evcon;
	by_fd[fd] = conn;
	conn->on_input = evbuffer_add_cb(bufferevent_get_input(conn->bev), on_input, conn);
	conn->on_output = evbuffer_add_cb(bufferevent_get_output(conn->bev), on_output, conn);
	evhttp_connection_set_closecb(evcon, on_close, conn);
	bufferevent_set_timeouts(conn->bev, NULL, &write_timeout);
	conn->state = conn->ssl ? CONN_HANDSHAKE : CONN_IDLE;
	set_deadline(conn, conn->ssl ? http.limits.request_s : http.limits.idle_s);
	if (conn->tcp)
		begin_tcp(conn);
	auth_peer(conn);
	if (too_many(conn))
		refuse(conn);
}

/* ---- from the loop ---- */

void conns_work(void)
{
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&work))) {
		TAILQ_REMOVE(&work, conn, work);
		conn->in_work = false;
		if (conn->state == CONN_FRESH) {
			begin(conn);
		} else if (conn->doomed) {
			kill_conn(conn);
		} else if (conn->foreign) {
			reply_foreign(conn);
		}
	}
}

static void on_work(evutil_socket_t fd, short what, void *arg)
{
	conns_work();
}

static void expired(struct conn *conn, uint64_t now_us)
{
	if (conn->state == CONN_HANDSHAKE && SSL_is_init_finished(conn->ssl)) {
		conn->state = CONN_IDLE;
		set_deadline(conn, http.limits.idle_s);
		return;
	}
	if (conn->state != CONN_IDLE)
		http.counters.timeouts++;
	conn_doom(conn);
}

void conns_sweep(void)
{
	uint64_t now_us = http_now_us();
	struct conn *conn;

	TAILQ_FOREACH (conn, &all, all)
		if (conn->deadline_us && conn->deadline_us <= now_us)
			expired(conn, now_us);
}

struct conn *conn_of(struct evhttp_request *ev)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(ev);
	int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evcon));

	return fd >= 0 && fd < fds ? by_fd[fd] : NULL;
}

/* evhttp stops reading while a request is in work, and so would not see the client go. Its own way
 * while it writes is taken here: read, but call nobody (its callback would end the process). */
void conn_watch(struct conn *conn)
{
	bufferevent_data_cb on_write;
	bufferevent_event_cb on_event;
	void *arg;

	bufferevent_getcb(conn->bev, NULL, &on_write, &on_event, &arg);
	bufferevent_setcb(conn->bev, NULL, on_write, on_event, arg);
	bufferevent_enable(conn->bev, EV_READ);
}

static bufferevent_data_cb evhttp_written;

static void on_written(struct bufferevent *bev, void *arg)
{
	if (!evbuffer_get_length(bufferevent_get_output(bev)))
		evhttp_written(bev, arg);
}

/* TLS tells a turn of the loop later that all is written. When more was added meanwhile, evhttp
 * takes that for the end of it, and writes no more. */
void conn_end(struct conn *conn)
{
	bufferevent_event_cb on_event;
	void *arg;

	bufferevent_getcb(conn->bev, NULL, &evhttp_written, &on_event, &arg);
	bufferevent_setcb(conn->bev, NULL, on_written, on_event, arg);
}

void conn_answered(struct conn *conn)
{
	bool more = evbuffer_get_length(bufferevent_get_input(conn->bev));

	conn->request = NULL;
	conn->state = more ? CONN_READING : CONN_IDLE;
	set_deadline(conn, more ? http.limits.request_s : http.limits.idle_s);
}

int conns_start(void)
{
	TAILQ_INIT(&all);
	TAILQ_INIT(&work);
	buffered_bytes = 0;
	work_event = event_new(http.base, -1, 0, on_work, NULL);
	return work_event ? 0 : -ENOMEM;
}

void conns_stop(void)
{
	if (work_event)
		event_free(work_event);
	work_event = NULL;
	free(by_fd);
	by_fd = NULL;
	fds = 0;
}
