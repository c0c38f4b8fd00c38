/* SPDX-License-Identifier: BSD-3-Clause */
/* GET /v1/events: server-sent events. Each stream has one place in the order of the bus: what is
 * behind it is read from the bus a bit at a time, so that a long replay does not look like a client
 * that does not read. Owns the streams. */
#include "observe_private.h"

#include "alloc.h"
#include "bus.h"

#include <bsd/sys/queue.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEARTBEAT_S 15
#define BATCH	    256	  /* events of a replay at a time */
#define BATCH_US    20000 /* between two of them */
#define FILTERS	    16
#define FILTER_TEXT 256

struct stream {
	LIST_ENTRY(stream) entry;
	struct request *r;
	uint64_t sent;	    /* the event it was told last, or that was not for it */
	struct event *more; /* the next batch */
	bool behind;	    /* the bus has more than it was told */
	bool whole;	    /* sees everything */
	bool gone, busy;    /* gone while being told: freed when that is over */
	api_name tenant;
	char filters[FILTER_TEXT]; /* names with commas between; "": all */
};

static LIST_HEAD(, stream) streams = LIST_HEAD_INITIALIZER(streams);
static struct event *heartbeat;

static void stream_free(struct stream *s)
{
	event_free(s->more);
	LIST_REMOVE(s, entry);
	free(s);
}

static void gone(void *arg)
{
	struct stream *s = arg;

	s->gone = true;
	if (!s->busy)
		stream_free(s);
}

/* The next of some names with commas between, or 0; *at begins at the first. */
static size_t next_name(const char **at, const char **name)
{
	size_t len;

	*name = *at + strspn(*at, ",");
	len = strcspn(*name, ",");
	*at = *name + len;
	return len;
}

/* "mac" lets "mac.learned" through, too. */
static bool wanted(const struct stream *s, const struct bus_entry *entry)
{
	const char *at = s->filters, *name;
	size_t len;

	if (!s->whole && (!entry->tenant[0] || strcmp(entry->tenant, s->tenant)))
		return false;
	while ((len = next_name(&at, &name)))
		if (!strncmp(entry->event, name, len) &&
			(!entry->event[len] || entry->event[len] == '.'))
			return true;
	return !s->filters[0];
}

/* Events of an earlier life of this process have the same numbers and another first half. */
static void send_entry(const struct bus_entry *entry, void *arg)
{
	struct stream *s = arg;
	char head[160];
	char *text;
	int len;

	s->sent = entry->id;
	if (s->gone || !wanted(s, entry))
		return;
	len = snprintf(head, sizeof(head),
		"id: %" PRIx64 "-%" PRIu64 "\nevent: %.64s\ndata: ", control.started_us, entry->id,
		entry->event);
	text = xmalloc(len + entry->length + 2);
	memcpy(text, head, len);
	memcpy(text + len, entry->json, entry->length);
	memcpy(text + len + entry->length, "\n\n", 2);
	stream_send(s->r, text, len + entry->length + 2);
	free(text);
}

static void send_gap(struct stream *s)
{
	static const char text[] = "event: gap\ndata: {\"event\":\"gap\",\"detail\":\"some events "
				   "between the last one "
				   "you have and these are gone; read the state again\"}\n\n";

	if (!s->gone)
		stream_send(s->r, text, sizeof(text) - 1);
}

static void catch_up(evutil_socket_t fd, short what, void *arg)
{
	struct timeval pause = {0, BATCH_US};
	struct stream *s = arg;

	s->busy = true;
	if (!bus_whole(s->sent))
		send_gap(s);
	bus_replay(s->sent, BATCH, send_entry, s);
	s->busy = false;
	s->behind = s->sent < bus_last();
	if (s->gone)
		stream_free(s);
	else if (s->behind)
		evtimer_add(s->more, &pause);
}

static void on_news(void)
{
	struct stream *s, *next;

	for (s = LIST_FIRST(&streams); s; s = next) {
		next = LIST_NEXT(s, entry);
		if (!s->behind && !s->busy)
			catch_up(-1, 0, s);
	}
}

static void beat(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s, *next;

	for (s = LIST_FIRST(&streams); s; s = next) {
		next = LIST_NEXT(s, entry);
		stream_send(s->r, ": still here\n\n", 14);
	}
}

/* All there are: ours and the dataplane's (rpc/events.c). tests/control/observe/test_event_names.py
 * sees to it that none is forgotten. */
static const char *const event_names[] = {"auth.refused", "dataplane.down", "dataplane.hung",
	"dataplane.up", "downlink_data", "drift", "error_indication", "gap", "health.changed",
	"intent.applied", "intent.created", "intent.deleted", "intent.refused", "intent.updated",
	"kernel.complete", "kernel.incomplete", "link.down", "link.up", "mac.aged", "mac.learned",
	"mac.moved", "neighbor_unwanted", "neighbor_wanted", "path.down", "path.up", "port.fault",
	"port.mended", "usage"};

static bool is_event(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(event_names) / sizeof(event_names[0]); i++)
		if (!strncmp(event_names[i], name, len) &&
			(!event_names[i][len] || event_names[i][len] == '.' ||
				(len == 8 && event_names[i][len] == '_'))) /* "neighbor" */
			return true;
	return false;
}

static void refuse_event(struct request *r, const char *name, size_t len)
{
	char known[640] = "";
	size_t used = 0;

	for (size_t i = 0; i < sizeof(event_names) / sizeof(event_names[0]); i++)
		if (used < sizeof(known))
			used += snprintf(known + used, sizeof(known) - used, "%s%s",
				used ? ", " : "", event_names[i]);
	reply_problem(r, 400,
		"event: there is no event %.*s; there are %s, and \"link\" for all of "
		"link.",
		(int)(len < 60 ? len : 60), name, known);
}

/* False: r was answered, since the filter names what is no event, or too many. */
static bool filters_read(struct request *r, const char *text)
{
	const char *at = text, *name;
	size_t len;
	int count = 0;

	while ((len = next_name(&at, &name))) {
		if (!is_event(name, len)) {
			refuse_event(r, name, len);
			return false;
		}
		count++;
	}
	if (strlen(text) < FILTER_TEXT && count <= FILTERS)
		return true;
	reply_problem(r, 400, "event: want at most %d names with commas between", FILTERS);
	return false;
}

/* Where to begin: what Last-Event-ID says, or now. */
static void set_place(struct stream *s, const char *last)
{
	uint64_t life, id;
	char end;

	s->sent = bus_last();
	if (!last || !last[0])
		return;
	s->behind = true;
	if (sscanf(last, "%" SCNx64 "-%" SCNu64 "%c", &life, &id, &end) == 2 &&
		life == (uint64_t)control.started_us)
		s->sent = id;
	else
		s->sent = UINT64_MAX; /* of an earlier life: a gap, then all that there is */
}

static struct stream *stream_new(struct request *r)
{
	const struct actor *actor = request_actor(r);
	struct stream *s = xcalloc(1, sizeof(*s));

	s->r = r;
	s->whole = view_whole(actor);
	snprintf(s->tenant, sizeof(s->tenant), "%.*s", (int)sizeof(s->tenant) - 1, actor->tenant);
	s->more = evtimer_new(control.base, catch_up, s);
	LIST_INSERT_HEAD(&streams, s, entry);
	return s;
}

static void get_events(struct request *r)
{
	const char *filters = request_query(r, "event");
	struct stream *s;

	if (!filters_read(r, filters ? filters : ""))
		return;
	s = stream_new(r);
	strcpy(s->filters, filters ? filters + strspn(filters, ",") : "");
	set_place(s, request_header(r, "Last-Event-ID"));
	s->busy = true;
	reply_stream(r, "text/event-stream", gone, s);
	if (!s->gone)
		stream_send(r, "retry: 2000\n\n", 13);
	s->busy = false;
	if (s->gone)
		stream_free(s);
	else if (s->behind)
		catch_up(-1, 0, s);
}

void events_start(void)
{
	struct timeval often = {HEARTBEAT_S, 0};

	heartbeat = event_new(control.base, -1, EV_PERSIST, beat, NULL);
	event_add(heartbeat, &often);
	bus_on_news(on_news);
}

void events_stop(void)
{
	bus_on_news(NULL);
	while (!LIST_EMPTY(&streams)) {
		struct stream *s = LIST_FIRST(&streams);

		s->busy = true; /* stream_end may call gone */
		stream_end(s->r);
		stream_free(s);
	}
	if (heartbeat)
		event_free(heartbeat);
	heartbeat = NULL;
}

static const struct route_query event_query[] = {
	{"event",
		"only these, with commas between; \"mac\" stands for all that begin with \"mac.\"",
		.kind = QUERY_TEXT},
	{NULL},
};

const struct route observe_event_routes[] = {
	{"GET", "/v1/events", get_events, ROLE_VIEWER, "streamEvents",
		"What happens, as server-sent events: link, MAC, path, usage, intents, drift, what "
		"slices lack of the kernel. "
		"Last-Event-ID goes on where a connection was lost; an event \"gap\" says that "
		"some are "
		"gone. Tenants hear of what is theirs.",
		"visibility", .produces = "text/event-stream", .query = event_query},
	{NULL},
};
