/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection itself: connecting, hello, losing it, who listens (dataplane.h). Owns struct
 * dataplane. What goes over it is dataplane_call.c's. */
#include "dataplane_link.h"

#include <errno.h>
#include <event2/buffer.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RETRY_FIRST_MS 50
#define RETRY_LAST_MS  1000
#define HELLO_MS       5000
#define ANSWER_MS      30000
#define WRITE_BYTES    (1u << 20) /* at once: a line of 16 MiB in few turns of the loop */

const char *const dataplane_state_names[] = {"down", "up", "hung"};

/* ---- who listens ---- */

static int listener_add(
	struct dataplane *dp, dataplane_changed changed, dataplane_event event, void *arg)
{
	struct listener *one = calloc(1, sizeof(*one));

	if (!one)
		return -ENOMEM;
	*one = (struct listener){.changed = changed, .event = event, .arg = arg};
	TAILQ_INSERT_TAIL(&dp->listeners, one, link);
	return 0;
}

int dataplane_on_change(struct dataplane *dp, dataplane_changed changed, void *arg)
{
	return listener_add(dp, changed, NULL, arg);
}

int dataplane_on_event(struct dataplane *dp, dataplane_event event, void *arg)
{
	return listener_add(dp, NULL, event, arg);
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
		if (!one->gone)
			continue;
		TAILQ_REMOVE(&dp->listeners, one, link);
		free(one);
	}
}

void dataplane_forget(struct dataplane *dp, void *arg)
{
	struct listener *one;

	TAILQ_FOREACH (one, &dp->listeners, link)
		one->gone |= one->arg == arg;
	if (dp->trouble_arg == arg)
		dp->trouble = NULL;
	sweep(dp);
}

static void tell_changed(struct dataplane *dp)
{
	struct listener *one;

	dp->walking++;
	TAILQ_FOREACH (one, &dp->listeners, link)
		if (one->changed && !one->gone)
			one->changed(dp->state, dp->instance, one->arg);
	dp->walking--;
	sweep(dp);
}

void link_tell_event(struct dataplane *dp, const json_t *event)
{
	struct listener *one;

	dp->walking++;
	TAILQ_FOREACH (one, &dp->listeners, link)
		if (one->event && !one->gone)
			one->event(event, one->arg);
	dp->walking--;
	sweep(dp);
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

void link_lost(struct dataplane *dp, enum dataplane_state state)
{
	struct call_list calls = TAILQ_HEAD_INITIALIZER(calls);
	bool changed = dp->state != state;

	if (dp->bev)
		bufferevent_free(dp->bev);
	dp->bev = NULL;
	dp->scanned = 0;
	dp->greeted = false;
	json_decref(dp->hello);
	dp->hello = NULL;
	dp->instance = 0;
	dp->state = state;
	evtimer_del(dp->overdue);
	evtimer_del(dp->drop);
	TAILQ_CONCAT(&calls, &dp->calls, link);
	link_answer_all(&calls);
	if (changed)
		tell_changed(dp);
	tell_trouble(dp);
	retry_later(dp);
}

/* ---- who it is ---- */

/* Field 22 of /proc/PID/stat: together with the pid it names one process of all times. */
static uint64_t started_of(pid_t pid)
{
	unsigned long long started = 0;
	char path[40], text[1024], *at;
	size_t got;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	got = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[got] = '\0';
	at = strrchr(text, ')'); /* the name before it may hold blanks */
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		sscanf(at, "%llu", &started);
	return started;
}

static uint64_t instance_of(struct dataplane *dp, const json_t *hello)
{
	const json_t *given = json_object_get(hello, "instance");
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	uint64_t instance;

	if (json_is_integer(given) && json_integer_value(given))
		return (uint64_t)json_integer_value(given);
	if (getsockopt(bufferevent_getfd(dp->bev), SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return 1;
	instance = ((uint64_t)(uint32_t)peer.pid << 40) ^ started_of(peer.pid);
	return instance ? instance : 1;
}

void link_greeted(struct dataplane *dp, const json_t *hello)
{
	static const char events[] = "{\"events\":[\"link\",\"mac\",\"usage\",\"downlink_data\","
				     "\"path\",\"error_indication\",\"neighbor\",\"port\"]}";

	dp->greeted = true;
	dp->why[0] = dp->told[0] = '\0';
	dp->retry_ms = dp->first_retry_ms;
	json_decref(dp->hello);
	dp->hello = json_incref((json_t *)hello);
	dp->instance = instance_of(dp, hello);
	dp->state = DATAPLANE_UP;
	/* a dataplane that does not know one of them only sends none */
	link_send(dp, "watch", events, sizeof(events) - 1, NULL, NULL);
	tell_changed(dp);
}

/* ---- connecting ---- */

static void on_read(struct bufferevent *bev, void *arg)
{
	link_read(arg);
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
		link_read(dp);
	if (dp->bev != bev)
		return;
	if (!dp->greeted && !dp->refused)
		snprintf(dp->why, sizeof(dp->why),
			"the dataplane is down: what listens at %s answers no hello", dp->path);
	link_lost(dp, DATAPLANE_DOWN);
}

static void on_hello(const json_t *result, const json_t *error, void *arg)
{
	struct dataplane *dp = arg;
	static const struct timeval now = {0, 0};

	if (result)
		link_greeted(dp, result);
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
	if (!dp->bev) {
		close(fd);
		return -ENOMEM;
	}
	dp->refused = false;
	bufferevent_set_max_single_write(dp->bev, WRITE_BYTES);
	bufferevent_setcb(dp->bev, on_read, NULL, on_event, dp);
	return bufferevent_enable(dp->bev, EV_READ | EV_WRITE) ? -ENOMEM : 0;
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct dataplane *dp = arg;
	int err = connect_now(dp);

	if (!err)
		err = link_send(dp, "hello", NULL, 0, on_hello, dp);
	if (!err)
		return;
	/* a full backlog is the mark of one that accepts nobody, not of one that is gone */
	snprintf(dp->why, sizeof(dp->why), "the dataplane is down: %s: %s", dp->path,
		strerror(-err));
	link_lost(dp, err == -EAGAIN ? DATAPLANE_HUNG : DATAPLANE_DOWN);
}

static void on_overdue(evutil_socket_t fd, short what, void *arg)
{
	link_lost(arg, DATAPLANE_HUNG);
}

static void on_drop(evutil_socket_t fd, short what, void *arg)
{
	link_lost(arg, DATAPLANE_DOWN);
}

/* ---- for everyone ---- */

int dataplane_open(struct event_base *base, const char *path, struct dataplane **out)
{
	static const struct timeval now = {0, 0};
	struct dataplane *dp = calloc(1, sizeof(*dp));

	if (!dp)
		return -ENOMEM;
	signal(SIGPIPE, SIG_IGN); /* a write to one that is gone is an error, not an end */
	TAILQ_INIT(&dp->calls);
	TAILQ_INIT(&dp->listeners);
	dp->base = base;
	dataplane_set_patience(dp, HELLO_MS, ANSWER_MS, RETRY_FIRST_MS);
	dp->path = strdup(path);
	dp->retry = evtimer_new(base, on_retry, dp);
	dp->overdue = evtimer_new(base, on_overdue, dp);
	dp->drop = evtimer_new(base, on_drop, dp);
	if (!dp->path || !dp->retry || !dp->overdue || !dp->drop || evtimer_add(dp->retry, &now)) {
		dataplane_close(dp);
		return -ENOMEM;
	}
	*out = dp;
	return 0;
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
	link_answer_all(&dp->calls);
	while ((one = TAILQ_FIRST(&dp->listeners))) {
		TAILQ_REMOVE(&dp->listeners, one, link);
		free(one);
	}
	if (dp->retry)
		event_free(dp->retry);
	if (dp->overdue)
		event_free(dp->overdue);
	if (dp->drop)
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
	uint32_t patience_ms = dp->greeted ? dp->answer_ms : dp->hello_ms;
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
