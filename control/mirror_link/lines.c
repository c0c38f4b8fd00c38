/* SPDX-License-Identifier: BSD-3-Clause */
/* The lines of lines.h. Owns the connection. */
#include "lines.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "turn.h"

#define TURN_US 5000 /* of reading, before others have their turn */

struct lines {
	struct bufferevent *bev;
	struct event *more; /* lines are left from the turn before */
	struct lines_listener listener;
	size_t scanned; /* bytes of the input that hold no newline */
	bool reading;	/* the listener is being called */
	bool over;	/* it was told of the end */
	bool freed;	/* from within the listener */
};

static void lines_end(struct lines *lines, const char *why)
{
	if (lines->over)
		return;
	lines->over = true;
	/* libevent calls on_read() without an end for an input that is full and is not read */
	bufferevent_setwatermark(lines->bev, EV_READ, 0, 0);
	bufferevent_disable(lines->bev, EV_READ | EV_WRITE);
	lines->listener.ended(why, lines->listener.arg);
}

/* The next line without its newline, to be free()d; NULL: none is whole. */
static char *line_take(struct lines *lines, size_t *len)
{
	struct evbuffer *in = bufferevent_get_input(lines->bev);
	struct evbuffer_ptr from, at;
	char *line;

	evbuffer_ptr_set(in, &from, lines->scanned, EVBUFFER_PTR_SET);
	at = evbuffer_search(in, "\n", 1, &from);
	if (at.pos < 0) {
		lines->scanned = evbuffer_get_length(in);
		if (lines->scanned >= LINE_BYTES)
			lines_end(lines, "a line is too long");
		return NULL;
	}
	*len = (size_t)at.pos;
	lines->scanned = 0;
	line = xmalloc(*len + 1);
	evbuffer_remove(in, line, *len + 1);
	return line;
}

static void line_tell(struct lines *lines, const char *text, size_t len)
{
	json_t *line = json_loadb(text, len, 0, NULL);

	if (json_is_object(line))
		lines->listener.said(line, lines->listener.arg);
	else
		lines_end(lines, "it has sent what is no JSON object");
	json_decref(line);
}

static void lines_read(struct lines *lines)
{
	uint64_t until_us = turn_until_us(TURN_US);
	size_t len;
	char *line;

	lines->reading = true;
	while (!lines->over && !lines->freed && (line = line_take(lines, &len))) {
		line_tell(lines, line, len);
		free(line);
		if (!lines->over && !lines->freed && clock_mono_us() > until_us) {
			evtimer_add(lines->more, &(struct timeval){0});
			break;
		}
	}
	lines->reading = false;
	if (lines->freed)
		lines_free(lines);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	lines_read(arg);
}

static void on_more(evutil_socket_t fd, short what, void *arg)
{
	lines_read(arg);
}

/* What was sent before the end was read: on_read() comes first. */
static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct lines *lines = arg;

	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	lines->reading = true;
	lines_end(lines, what & BEV_EVENT_EOF
				 ? "it has closed the connection"
				 : evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	lines->reading = false;
	if (lines->freed)
		lines_free(lines);
}

struct lines *lines_open(struct event_base *base, int fd, const struct lines_listener *listener)
{
	struct lines *lines = xcalloc(1, sizeof(*lines));

	lines->listener = *listener;
	lines->bev =
		bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	lines->more = evtimer_new(base, on_more, lines);
	bufferevent_setcb(lines->bev, on_read, NULL, on_event, lines);
	bufferevent_setwatermark(lines->bev, EV_READ, 0, LINE_BYTES);
	bufferevent_enable(lines->bev, EV_READ | EV_WRITE);
	return lines;
}

void lines_free(struct lines *lines)
{
	if (!lines)
		return;
	lines->freed = lines->over = true;
	if (lines->reading)
		return;
	event_free(lines->more);
	bufferevent_free(lines->bev);
	free(lines);
}

static int add(const char *bytes, size_t len, void *arg)
{
	return evbuffer_add(arg, bytes, len);
}

void lines_say(struct lines *lines, json_t *line)
{
	struct evbuffer *out = bufferevent_get_output(lines->bev);
	bool was = lines->reading;

	if (!lines->over && line) { /* NULL: what is no UTF-8 */
		json_dump_callback(line, add, out, JSON_COMPACT);
		evbuffer_add(out, "\n", 1);
	}
	json_decref(line);
	if (lines->over || evbuffer_get_length(out) <= LINES_QUEUED)
		return;
	lines->reading = true;
	lines_end(lines, "it does not read what it is told");
	lines->reading = was;
	if (lines->freed)
		lines_free(lines);
}

bool lines_is_full(const struct lines *lines)
{
	return evbuffer_get_length(bufferevent_get_output(lines->bev)) > LINES_FULL;
}

bool lines_is_trusted(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	       (peer.uid == 0 || peer.uid == geteuid());
}
