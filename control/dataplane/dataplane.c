/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection to the dataplane (dataplane.h): connecting, hello, losing it, who listens; and
 * what goes over it, line by line. Answers come in the order of the calls; the ids only make sure
 * of it. Owns struct dataplane and the calls that wait. */
#include "dataplane.h"

#include <bsd/sys/queue.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "alloc.h"
#include "bounds.h"

#define RETRY_FIRST_MS 50
#define RETRY_LAST_MS  1000
#define HELLO_MS       5000
#define ANSWER_MS      30000
#define WRITE_BYTES    (1u << 20)   /* at once: a line of 16 MiB in few turns of the loop */
#define ANSWER_BYTES   (256u << 20) /* of one line; more is not the dataplane we know */

const char *const dataplane_state_names[] = {"down", "up", "hung"};

struct call {
	TAILQ_ENTRY(call) link;
	json_int_t id;
	dataplane_answer answer;
	void *arg;
};
TAILQ_HEAD(call_list, call);

struct listener {
	TAILQ_ENTRY(listener) link;
	dataplane_changed changed; /* one of the two; none: freed when nobody walks the list */
	dataplane_event event;
	void *arg;
};
TAILQ_HEAD(listener_list, listener);

struct dataplane {
	struct event_base *base;
	char *path;
	struct bufferevent *bev; /* NULL: not connected, `retry` is set */
	struct event *retry;	 /* connects */
	struct event *overdue;	 /* the first of calls should have been answered */
	struct event *drop;	 /* the connection is to be given up, from the loop */
	uint32_t retry_ms, first_retry_ms;
	uint32_t hello_ms, answer_ms;
	enum dataplane_state state;
	uint64_t instance;
	json_t *hello;
	json_int_t last_id;
	size_t scanned; /* bytes of the input that hold no newline */
	struct call_list calls;
	struct listener_list listeners;
	uint32_t walking;			      /* listeners are being called */
	char why[DATAPLANE_WHY], told[DATAPLANE_WHY]; /* it is down; the one that was told */
	bool refused;				      /* this connection: `why` is its own word */
	const char *events;			      /* to watch; NULL: as sluice-control does */
	void (*trouble)(const char *why, void *arg);
	void *trouble_arg;
};

/* ---- who listens ---- */

static void listener_add(
	struct dataplane *dp, dataplane_changed changed, dataplane_event event, void *arg)
{
	struct listener *one = xcalloc(1, sizeof(*one));

	*one = (struct listener){.changed = changed, .event = event, .arg = arg};
	TAILQ_INSERT_TAIL(&dp->listeners, one, link);
}

void dataplane_on_change(struct dataplane *dp, dataplane_changed changed, void *arg)
{
	listener_add(dp, changed, NULL, arg);
}

void dataplane_on_event(struct dataplane *dp, dataplane_event event, void *arg)
{
	listener_add(dp, NULL, event, arg);
}

void dataplane_on_trouble(
	struct dataplane *dp, void (*trouble)(const char *why, void *arg), void *arg)
{
	dp->trouble = trouble;
	dp->trouble_arg = arg;
}

static void sweep(struct dataplane *dp)
{
	struct listener *one, *next;

	if (dp->walking)
		return;
	TAILQ_FOREACH_SAFE (one, &dp->listeners, link, next) {
		if (one->changed || one->event)
			continue;
		TAILQ_REMOVE(&dp->listeners, one, link);
		free(one);
	}
}

void dataplane_forget(struct dataplane *dp, void *arg)
{
	struct listener *one;
	struct call *call;

	TAILQ_FOREACH (one, &dp->listeners, link)
		if (one->arg == arg) {
			one->changed = NULL;
			one->event = NULL;
		}
	TAILQ_FOREACH (call, &dp->calls, link)
		if (call->arg == arg)
			call->answer = NULL;
	if (dp->trouble_arg == arg)
		dp->trouble = NULL;
	sweep(dp);
}

/* event NULL: the state has changed. A listener may forget itself or others meanwhile. */
static void tell(struct dataplane *dp, const json_t *event)
{
	struct listener *one;

	dp->walking++;
	TAILQ_FOREACH (one, &dp->listeners, link) {
		if (event && one->event)
			one->event(event, one->arg);
		if (!event && one->changed)
			one->changed(dp->state, dp->instance, one->arg);
	}
	dp->walking--;
	sweep(dp);
}

/* ---- calls ---- */

static void watch_overdue(struct dataplane *dp)
{
	uint32_t ms = dp->state == DATAPLANE_UP ? dp->answer_ms : dp->hello_ms;
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};

	if (TAILQ_EMPTY(&dp->calls))
		evtimer_del(dp->overdue);
	else
		evtimer_add(dp->overdue, &tv);
}

/* Without an answer: the connection is gone, so that none is added meanwhile. */
static void answer_all(struct dataplane *dp)
{
	struct call *call;

	while ((call = TAILQ_FIRST(&dp->calls))) {
		TAILQ_REMOVE(&dp->calls, call, link);
		if (call->answer)
			call->answer(NULL, NULL, call->arg);
		free(call);
	}
}

static void free_text(const void *data, size_t length, void *arg)
{
	free(arg);
}

/* As dataplane_call_text, also before hello. */
static int send_call(struct dataplane *dp, const char *method, const char *params, size_t length,
	dataplane_answer answer, void *arg)
{
	json_int_t id = dp->last_id + 1;
	struct call *call;
	char head[128], *line;
	int used = snprintf(head, sizeof(head),
		"{\"jsonrpc\":\"2.0\",\"id\":%" JSON_INTEGER_FORMAT ",\"method\":\"%s\"%s", id,
		method, params ? ",\"params\":" : "");

	if (!dp->bev)
		return -ENOTCONN;
	if (used + length + 1 > LIMIT_RPC_LINE_BYTES)
		return -EMSGSIZE;
	line = xmalloc(used + length + 2);
	memcpy(line, head, used);
	if (length)
		memcpy(line + used, params, length);
	memcpy(line + used + length, "}\n", 2);
	evbuffer_add_reference(
		bufferevent_get_output(dp->bev), line, used + length + 2, free_text, line);
	call = xmalloc(sizeof(*call));
	*call = (struct call){.id = id, .answer = answer, .arg = arg};
	dp->last_id = id;
	TAILQ_INSERT_TAIL(&dp->calls, call, link);
	if (TAILQ_FIRST(&dp->calls) == call)
		watch_overdue(dp);
	return 0;
}

int dataplane_call_text(struct dataplane *dp, const char *method, const char *params, size_t length,
	dataplane_answer answer, void *arg)
{
	if (dp->state != DATAPLANE_UP)
		return -ENOTCONN;
	return send_call(dp, method, params, length, answer, arg);
}

int dataplane_call(struct dataplane *dp, const char *method, json_t *params,
	dataplane_answer answer, void *arg)
{
	char *text = params ? json_dumps(params, JSON_COMPACT) : NULL;
	int err = dataplane_call_text(dp, method, text, text ? strlen(text) : 0, answer, arg);

	free(text);
	json_decref(params);
	return err;
}

/* ---- losing it ---- */

static void retry_later(struct dataplane *dp)
{
	struct timeval tv = {dp->retry_ms / 1000, dp->retry_ms % 1000 * 1000};

	evtimer_add(dp->retry, &tv);
	dp->retry_ms = dp->retry_ms * 2 < RETRY_LAST_MS ? dp->retry_ms * 2 : RETRY_LAST_MS;
}

static void tell_trouble(struct dataplane *dp)
{
	if (dp->state != DATAPLANE_DOWN || !dp->why[0] || !strcmp(dp->why, dp->told))
		return;
	strcpy(dp->told, dp->why);
	if (dp->trouble)
		dp->trouble(dp->why, dp->trouble_arg);
}

/* Closes the connection; connects again later. */
static void lose(struct dataplane *dp, enum dataplane_state state)
{
	bool changed = dp->state != state;

	if (dp->bev)
		bufferevent_free(dp->bev);
	dp->bev = NULL;
	dp->scanned = 0;
	json_decref(dp->hello);
	dp->hello = NULL;
	dp->instance = 0;
	dp->state = state;
	evtimer_del(dp->overdue);
	evtimer_del(dp->drop);
	answer_all(dp);
	if (changed)
		tell(dp, NULL);
	tell_trouble(dp);
	retry_later(dp);
}

static void greeted(struct dataplane *dp, const json_t *hello)
{
	static const char events[] = "{\"events\":[\"link\",\"mac\",\"usage\",\"downlink_data\","
				     "\"path\",\"error_indication\",\"neighbor\",\"port\"]}";

	dp->why[0] = dp->told[0] = '\0';
	dp->retry_ms = dp->first_retry_ms;
	json_decref(dp->hello);
	dp->hello = json_incref((json_t *)hello);
	dp->instance = (uint64_t)json_integer_value(json_object_get(hello, "instance"));
	dp->state = DATAPLANE_UP;
	/* a dataplane that does not know one of them only sends none */
	send_call(dp, "watch", dp->events ?: events, strlen(dp->events ?: events), NULL, NULL);
	tell(dp, NULL);
}

/* ---- answers ---- */

static void take_answer(struct dataplane *dp, const json_t *message)
{
	static const struct timeval now = {0, 0};
	const json_t *result = json_object_get(message, "result");
	const json_t *error = json_object_get(message, "error");
	const json_t *id = json_object_get(message, "id");
	struct call *call = TAILQ_FIRST(&dp->calls);

	/* an answer without an id is to a line that it could not read, or a refusal of the
	 * connection */
	if (!call || (!result && !error) ||
		(json_is_integer(id) ? json_integer_value(id) != call->id : !error)) {
		evtimer_add(dp->drop, &now);
		return;
	}
	TAILQ_REMOVE(&dp->calls, call, link);
	watch_overdue(dp);
	if (call->answer)
		call->answer(error ? NULL : result, error, call->arg);
	free(call);
}

static void take_line(struct dataplane *dp, const char *line, size_t length)
{
	static const struct timeval now = {0, 0};
	json_t *message = json_loadb(line, length, 0, NULL);

	if (!json_is_object(message))
		evtimer_add(dp->drop, &now);
	else if (!json_object_get(message, "method"))
		take_answer(dp, message);
	else if (json_is_object(json_object_get(message, "params")))
		tell(dp, json_object_get(message, "params"));
	json_decref(message);
}

/* Where the first line of the input ends; -1: not yet. What was searched is not searched again. */
static ssize_t line_end(struct dataplane *dp, struct evbuffer *in)
{
	struct evbuffer_ptr from, end;
	size_t have = evbuffer_get_length(in);

	if (dp->scanned >= have || evbuffer_ptr_set(in, &from, dp->scanned, EVBUFFER_PTR_SET))
		return -1;
	end = evbuffer_search(in, "\n", 1, &from);
	if (end.pos < 0)
		dp->scanned = have;
	return end.pos;
}

/* Every whole line of the input. */
static void read_lines(struct dataplane *dp)
{
	struct bufferevent *bev = dp->bev;
	struct evbuffer *in = bev ? bufferevent_get_input(bev) : NULL;
	ssize_t end;

	/* callbacks may not close the connection, but they are told that it is to be dropped */
	while (in && !evtimer_pending(dp->drop, NULL) && (end = line_end(dp, in)) >= 0) {
		dp->scanned = 0;
		take_line(dp, (const char *)evbuffer_pullup(in, end + 1), end);
		evbuffer_drain(in, end + 1);
	}
	if (in && evbuffer_get_length(in) > ANSWER_BYTES)
		lose(dp, DATAPLANE_DOWN);
}

/* ---- connecting ---- */

static void on_read(struct bufferevent *bev, void *arg)
{
	read_lines(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct dataplane *dp = arg;
	struct evbuffer *in = bufferevent_get_input(bev);

	if (what & BEV_EVENT_CONNECTED)
		return;
	/* what came just before its end still counts, even where a write noticed that first: one
	 * that turns us away says why and reads nothing */
	if ((what & BEV_EVENT_ERROR) && (what & BEV_EVENT_WRITING) && evbuffer_unfreeze(in, 0) == 0)
		evbuffer_read(in, bufferevent_getfd(bev), -1);
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		read_lines(dp);
	if (dp->bev != bev)
		return;
	if (dp->state != DATAPLANE_UP && !dp->refused)
		snprintf(dp->why, sizeof(dp->why),
			"the dataplane is down: what listens at %s answers no hello", dp->path);
	lose(dp, DATAPLANE_DOWN);
}

static void on_hello(const json_t *result, const json_t *error, void *arg)
{
	struct dataplane *dp = arg;
	static const struct timeval now = {0, 0};

	if (result)
		greeted(dp, result);
	if (result || !error)
		return;
	snprintf(dp->why, sizeof(dp->why), "the dataplane refuses sluice-control: %s",
		json_string_value(json_object_get(error, "message")) ?: "it does not say why");
	dp->refused = true;
	evtimer_add(dp->drop, &now); /* again later: there may be too many connections */
}

/* Blocks never: AF_UNIX connects at once, or fails with EAGAIN when nobody accepts. */
static int connect_now(struct dataplane *dp)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(dp->path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, dp->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		int err = -errno;

		close(fd);
		return err;
	}
	dp->bev = bufferevent_socket_new(dp->base, fd, BEV_OPT_CLOSE_ON_FREE);
	dp->refused = false;
	bufferevent_set_max_single_write(dp->bev, WRITE_BYTES);
	bufferevent_setcb(dp->bev, on_read, NULL, on_event, dp);
	bufferevent_enable(dp->bev, EV_READ | EV_WRITE);
	return 0;
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct dataplane *dp = arg;
	int err = connect_now(dp);

	if (!err)
		err = send_call(dp, "hello", NULL, 0, on_hello, dp);
	if (!err)
		return;
	/* a full backlog is the mark of one that accepts nobody, not of one that is gone */
	snprintf(dp->why, sizeof(dp->why), "the dataplane is down: %s: %s", dp->path,
		strerror(-err));
	lose(dp, err == -EAGAIN ? DATAPLANE_HUNG : DATAPLANE_DOWN);
}

static void on_overdue(evutil_socket_t fd, short what, void *arg)
{
	lose(arg, DATAPLANE_HUNG);
}

static void on_drop(evutil_socket_t fd, short what, void *arg)
{
	lose(arg, DATAPLANE_DOWN);
}

/* ---- for everyone ---- */

struct dataplane *dataplane_open(struct event_base *base, const char *path)
{
	static const struct timeval now = {0, 0};
	struct dataplane *dp = xcalloc(1, sizeof(*dp));

	signal(SIGPIPE, SIG_IGN); /* a write to one that is gone is an error, not an end */
	TAILQ_INIT(&dp->calls);
	TAILQ_INIT(&dp->listeners);
	dp->base = base;
	dataplane_set_patience(dp, HELLO_MS, ANSWER_MS, RETRY_FIRST_MS);
	dp->path = xstrdup(path);
	dp->retry = evtimer_new(base, on_retry, dp);
	dp->overdue = evtimer_new(base, on_overdue, dp);
	dp->drop = evtimer_new(base, on_drop, dp);
	evtimer_add(dp->retry, &now);
	return dp;
}

void dataplane_watch_as_kernel(struct dataplane *dp)
{
	dp->events = "{\"events\":[\"mac\",\"neighbor\",\"groups\"]}";
}

void dataplane_close(struct dataplane *dp)
{
	struct listener *one;

	if (!dp)
		return;
	if (dp->bev)
		bufferevent_free(dp->bev);
	dp->bev = NULL;
	dp->state = DATAPLANE_DOWN;
	answer_all(dp);
	while ((one = TAILQ_FIRST(&dp->listeners))) {
		TAILQ_REMOVE(&dp->listeners, one, link);
		free(one);
	}
	event_free(dp->retry);
	event_free(dp->overdue);
	event_free(dp->drop);
	json_decref(dp->hello);
	free(dp->path);
	free(dp);
}

void dataplane_set_patience(
	struct dataplane *dp, uint32_t hello_ms, uint32_t answer_ms, uint32_t retry_ms)
{
	dp->retry_ms = dp->first_retry_ms = retry_ms;
	dp->hello_ms = hello_ms;
	dp->answer_ms = answer_ms;
}

enum dataplane_state dataplane_state(const struct dataplane *dp)
{
	return dp->state;
}

uint32_t dataplane_silent_ms(const struct dataplane *dp)
{
	uint32_t patience_ms = dp->state == DATAPLANE_UP ? dp->answer_ms : dp->hello_ms;
	struct timeval end, now;
	int64_t left_ms;

	if (!evtimer_pending(dp->overdue, &end) || evutil_gettimeofday(&now, NULL))
		return 0;
	left_ms = (end.tv_sec - now.tv_sec) * 1000ll + (end.tv_usec - now.tv_usec) / 1000;
	return left_ms < patience_ms ? (uint32_t)(patience_ms - left_ms) : 0;
}

const char *dataplane_path(const struct dataplane *dp)
{
	return dp->path;
}

const char *dataplane_why(const struct dataplane *dp)
{
	return dp->state == DATAPLANE_DOWN ? dp->why : "";
}

const json_t *dataplane_hello(const struct dataplane *dp)
{
	return dp->hello;
}

/* ---- all pages of a list ---- */

struct listing {
	struct dataplane *dp;
	const char *type; /* its own, behind the structure */
	json_t *match;
	json_t *result; /* {"objects": []} */
	dataplane_answer answer;
	void *arg;
};

static void listing_free(struct listing *list)
{
	json_decref(list->match);
	json_decref(list->result);
	free(list);
}

static void on_page(const json_t *result, const json_t *error, void *arg);

static void on_page(const json_t *result, const json_t *error, void *arg);

static int ask_page(struct listing *list, const json_t *cursor)
{
	return dataplane_call(list->dp, "list",
		json_pack("{s:s, s:O*, s:O*}", "type", list->type, "match", list->match, "cursor",
			cursor),
		on_page, list);
}

static void on_page(const json_t *result, const json_t *error, void *arg)
{
	struct listing *list = arg;
	const json_t *cursor = json_object_get(result, "cursor");

	json_array_extend(
		json_object_get(list->result, "objects"), json_object_get(result, "objects"));
	if (result && cursor && !ask_page(list, cursor))
		return;
	list->answer(cursor ? NULL : result ? list->result : NULL, error, list->arg);
	listing_free(list);
}

int dataplane_list_match(
	struct dataplane *dp, const char *type, json_t *match, dataplane_answer answer, void *arg)
{
	struct listing *list = xcalloc(1, sizeof(*list) + strlen(type) + 1);
	int err;

	*list = (struct listing){.dp = dp, .match = match, .answer = answer, .arg = arg};
	list->type = strcpy((char *)(list + 1), type);
	list->result = json_pack("{s:[]}", "objects");
	err = ask_page(list, NULL);
	if (err)
		listing_free(list);
	return err;
}

int dataplane_list(struct dataplane *dp, const char *type, dataplane_answer answer, void *arg)
{
	return dataplane_list_match(dp, type, NULL, answer, arg);
}
