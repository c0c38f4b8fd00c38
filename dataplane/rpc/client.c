/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections (client.h). Owns the clients and their buffers.
 *
 * Fairness: a client has one message handled per turn of the event loop; while it has more, it is
 * not read and a timer of zero brings its next turn, after everyone else had theirs. Memory: a
 * client whose answers pile up is not served until it has read them; events for it are dropped and
 * counted; lines still coming in share one bound over all clients. Reading is by read(2) into our
 * own buffer rather than a bufferevent, which takes 4 KiB a turn: too slow for 8 MB lines. */
#include "client.h"

#include <bsd/sys/queue.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "budget.h"
#include "bounds.h"
#include "errors.h"
#include "events.h"
#include "trace_client.h"

#define READ_BYTES (256u << 10)
#define OUT_HIGH   (4u << 20) /* answers waiting: not served above */
#define OUT_EVENTS (1u << 20) /* anything waiting: no events above */
#define OUT_REPORTS                                                                                \
	(64u << 20) /* nor reports of the user plane (EVENT_REPORTS): as many as sessions that go  \
		     * at once have */
#define OUT_LOW	 (256u << 10)
#define IN_SMALL (64u << 10)  /* every client may hold this much of a line */
#define IN_TOTAL (128u << 20) /* of all lines longer than that */

struct client {
	int fd;
	uid_t uid;
	client_answer *answer;
	struct event *readable, *writable, *turn;
	char *in;
	size_t in_start, in_scan, in_len,
		in_room; /* bytes in[in_start..in_len); no newline before in_scan */
	struct evbuffer *out;
	bool eof;    /* will send no more */
	bool ending; /* closes when everything is written */
	bool dead;   /* closes at its next turn */
	unsigned watch;
	uint64_t events_lost; /* not told yet */
	TAILQ_ENTRY(client) link;
};

/* In the order in which they last said something. */
static TAILQ_HEAD(, client) clients = TAILQ_HEAD_INITIALIZER(clients);
static uint32_t count;
static uint64_t lost_total;
static size_t in_total; /* sum of in_room over all clients */

static void next_turn(struct client *client)
{
	static const struct timeval now = {0, 0};

	if (!evtimer_pending(client->turn, NULL))
		evtimer_add(client->turn, &now);
}

static void client_close(struct client *client)
{
	trace_client_gone(client);
	TAILQ_REMOVE(&clients, client, link);
	count--;
	in_total -= client->in_room;
	if (client->readable)
		event_free(client->readable);
	if (client->writable)
		event_free(client->writable);
	if (client->turn)
		event_free(client->turn);
	if (client->out)
		evbuffer_free(client->out);
	close(client->fd);
	free(client->in);
	free(client);
}

static size_t waiting(const struct client *client)
{
	return evbuffer_get_length(client->out);
}

/* May mark the client dead, never frees it. */
static void flush(struct client *client)
{
	while (waiting(client) > 0 && !client->dead) {
		if (evbuffer_write(client->out, client->fd) >= 0)
			continue;
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == EWOULDBLOCK) {
			event_add(client->writable, NULL);
			return;
		}
		client->dead = true;
		next_turn(client);
	}
}

static void send_text(struct client *client, char *text)
{
	size_t len;

	if (!text)
		return;
	len = strlen(text);
	if (client->dead ||
		evbuffer_add_reference(client->out, text, len, budget_free_text, NULL)) {
		budget_free_text(text, len, NULL);
		return;
	}
	evbuffer_add(client->out, "\n", 1);
	flush(client);
}

/* Answers err and closes once that is written. */
static void refuse(struct client *client, int code, const char *message, long long limit)
{
	struct rpc_error err = {0};
	json_t *answer;

	rpc_fail(&err, code, "%s", message);
	err.limit = limit;
	answer = error_answer(NULL, &err);
	send_text(client, answer ? json_dumps(answer, JSON_COMPACT) : NULL);
	json_decref(answer);
	client->ending = true;
	client->in_start = client->in_scan = client->in_len = 0;
	event_del(client->readable);
	next_turn(client);
}

static bool blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r')
			return false;
	return true;
}

/* Where the first line ends; NULL when it is not complete. The rest after the last newline counts
 * as a line at the end of input. */
static char *line_end(struct client *client)
{
	char *end;

	if (client->in_start == client->in_len)
		return NULL;
	if (client->in_scan < client->in_start)
		client->in_scan = client->in_start;
	end = memchr(client->in + client->in_scan, '\n', client->in_len - client->in_scan);
	client->in_scan = end ? (size_t)(end - client->in) : client->in_len;
	if (!end && client->eof)
		end = client->in + client->in_len;
	return end;
}

/* Handles the first line, if there is a complete one. */
static void one_message(struct client *client)
{
	char *end = line_end(client), *line = client->in + client->in_start;
	size_t len;

	if (!end) {
		if (client->in_len - client->in_start > LIMIT_RPC_LINE_BYTES)
			refuse(client, RPC_ERR_INVALID_REQUEST, "a line holds at most 16 MiB",
				LIMIT_RPC_LINE_BYTES);
		return;
	}
	len = end - line;
	if (len > LIMIT_RPC_LINE_BYTES) {
		refuse(client, RPC_ERR_INVALID_REQUEST, "a line holds at most 16 MiB",
			LIMIT_RPC_LINE_BYTES);
		return;
	}
	client->in_start += len + (end < client->in + client->in_len ? 1 : 0);
	if (!blank(line, len))
		send_text(client, client->answer(client, line, len));
}

/* Moves an unfinished line to the front, and gives back the memory of a large one that is done. */
static void compact(struct client *client)
{
	size_t len = client->in_len - client->in_start;

	if (client->in_start > 0) {
		memmove(client->in, client->in + client->in_start, len);
		client->in_scan -=
			client->in_scan < client->in_start ? client->in_scan : client->in_start;
		client->in_start = 0;
		client->in_len = len;
	}
	if (len == 0 && client->in_room > 2 * READ_BYTES) {
		in_total -= client->in_room;
		free(client->in);
		client->in = NULL;
		client->in_room = 0;
	}
}

/* What to do next: another message, reading on, waiting for the client to read, or closing. May
 * free it. */
static void go_on(struct client *client)
{
	if (client->dead || (client->ending && waiting(client) == 0)) {
		client_close(client);
		return;
	}
	if (client->ending || waiting(client) > OUT_HIGH) {
		event_del(client->readable); /* writable brings it back */
		return;
	}
	if (line_end(client)) {
		event_del(client->readable);
		next_turn(client);
		return;
	}
	compact(client);
	if (client->eof) {
		client->ending = true;
		next_turn(client);
		return;
	}
	event_add(client->readable, NULL);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct client *client = arg;

	if (!client->dead && !client->ending && waiting(client) <= OUT_HIGH)
		one_message(client);
	go_on(client);
}

/* Room for one more read. */
static int grow(struct client *client)
{
	size_t room = client->in_room ? client->in_room * 2 : IN_SMALL;
	char *in;

	if (client->in_room - client->in_len >= IN_SMALL / 2)
		return 0;
	if (room > LIMIT_RPC_LINE_BYTES + READ_BYTES)
		room = LIMIT_RPC_LINE_BYTES + READ_BYTES;
	if (room > 2 * IN_SMALL && in_total + room - client->in_room > IN_TOTAL)
		return -ENOMEM;
	in = realloc(client->in, room);
	if (!in)
		return -ENOMEM;
	in_total += room - client->in_room;
	client->in = in;
	client->in_room = room;
	return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct client *client = arg;
	ssize_t got;
	size_t room;

	if (grow(client)) {
		refuse(client, RPC_ERR_CAPACITY, "too many large messages at once; try again later",
			IN_TOTAL);
		return;
	}
	room = client->in_room - client->in_len;
	got = read(fd, client->in + client->in_len, room < READ_BYTES ? room : READ_BYTES);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0)
		client->dead = true;
	else if (got == 0)
		client->eof = true;
	else
		client->in_len += got;
	TAILQ_REMOVE(&clients, client, link);
	TAILQ_INSERT_TAIL(&clients, client, link);
	if (client->eof || client->dead)
		event_del(client->readable);
	if (!client->dead && !evtimer_pending(client->turn, NULL))
		one_message(client);
	go_on(client);
}

static void tell_lost(struct client *client)
{
	char text[160];
	int len = snprintf(text, sizeof(text),
		"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":"
		"{\"event\":\"events_lost\",\"lost\":%llu}}\n",
		(unsigned long long)client->events_lost);

	client->events_lost = 0;
	evbuffer_add(client->out, text, len);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct client *client = arg;

	flush(client);
	if (client->events_lost && waiting(client) < OUT_LOW) {
		tell_lost(client);
		flush(client);
	}
	if (client->dead || waiting(client) < OUT_LOW)
		next_turn(client);
}

int client_open(struct event_base *base, int fd, uid_t uid, client_answer *answer)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client) {
		close(fd);
		return -ENOMEM;
	}
	client->fd = fd;
	client->uid = uid;
	client->answer = answer;
	TAILQ_INSERT_TAIL(&clients, client, link);
	count++;
	client->out = evbuffer_new();
	client->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, client);
	client->writable = event_new(base, fd, EV_WRITE, on_writable, client);
	client->turn = evtimer_new(base, on_turn, client);
	if (!client->out || !client->readable || !client->writable || !client->turn ||
		event_add(client->readable, NULL)) {
		client_close(client);
		return -ENOMEM;
	}
	return 0;
}

static uint32_t count_of(uid_t uid)
{
	const struct client *client;
	uint32_t n = 0;

	TAILQ_FOREACH (client, &clients, link)
		n += client->uid == uid;
	return n;
}

void client_evict(void)
{
	struct client *client, *most = NULL, *idle = NULL;

	TAILQ_FOREACH (client, &clients, link)
		if (!most || count_of(client->uid) > count_of(most->uid))
			most = client;
	TAILQ_FOREACH (client, &clients, link)
		if (client->uid == most->uid && (!idle || (idle->watch && !client->watch)))
			idle = client;
	refuse(idle, RPC_ERR_CAPACITY, "too many connections: this one was silent for longest",
		LIMIT_RPC_CLIENTS);
	client_close(idle);
}

void client_close_all(void)
{
	while (!TAILQ_EMPTY(&clients))
		client_close(TAILQ_FIRST(&clients));
}

uint32_t client_count(void)
{
	return count;
}

static void notify(struct client *client, const char *text, size_t len, size_t bound)
{
	if (client->dead || client->ending)
		return;
	if (client->events_lost || waiting(client) > bound) {
		client->events_lost++;
		lost_total++;
		event_add(client->writable, NULL);
		return;
	}
	evbuffer_add(client->out, text, len);
	evbuffer_add(client->out, "\n", 1);
	event_add(client->writable, NULL);
}

void client_notify(struct client *client, const char *text, size_t len)
{
	notify(client, text, len, OUT_EVENTS);
}

void client_notify_watchers(unsigned events, const char *text, size_t len)
{
	struct client *client;

	TAILQ_FOREACH (client, &clients, link)
		if (client->watch & events)
			notify(client, text, len,
				events & EVENT_REPORTS ? OUT_REPORTS : OUT_EVENTS);
}

unsigned *client_watch(struct client *client)
{
	return &client->watch;
}

unsigned client_watched(void)
{
	unsigned all = 0;
	struct client *client;

	TAILQ_FOREACH (client, &clients, link)
		all |= client->watch;
	return all;
}

uint64_t client_events_lost(void)
{
	return lost_total;
}
