/* SPDX-License-Identifier: BSD-3-Clause */
/* No kernel is followed: a sluice-kernel that asks is told so, and what it, or one of before, has
 * told the dataplane goes, a page at a time. Owns the listener. */
#include <errno.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc.h"
#include "lines.h"
#include "mirror_link.h"
#include "unix_socket.h"
#include "wire.h"

#define PAGE_MOST 1000
#define AGAIN_MS  1000 /* who was just told may have had a call out */

static struct {
	struct dataplane *dp;
	struct evconnlistener *listener;
	struct event *again;
	char *path;
	bool clears;
} off;

static void ask_page(struct dataplane *dp, json_t *cursor);

static void on_gone(const json_t *result, const json_t *error, void *arg)
{
}

static void on_page(const json_t *result, const json_t *error, void *arg)
{
	json_t *groups = json_array(), *cursor = json_object_get(result, "cursor");
	struct dataplane *dp = arg;
	const json_t *group;
	size_t i;

	json_array_foreach (json_object_get(result, "groups"), i, group)
		json_array_append_new(
			groups, json_pack("{s:O}", "owner", json_object_get(group, "owner")));
	if (json_array_size(groups))
		dataplane_call(dp, "sync",
			json_pack("{s:s, s:s, s:O}", "source", "kernel", "mode", "merge", "groups",
				groups),
			on_gone, dp);
	json_decref(groups);
	if (cursor)
		ask_page(dp, json_incref(cursor));
}

/* cursor is stolen; NULL: the first page. */
static void ask_page(struct dataplane *dp, json_t *cursor)
{
	dataplane_call(dp, "groups",
		json_pack("{s:s, s:i, s:o*}", "source", "kernel", "limit", PAGE_MOST, "cursor",
			cursor),
		on_page, dp);
}

static void on_change(enum dataplane_state state, uint64_t instance, void *arg)
{
	if (state == DATAPLANE_UP && off.clears)
		ask_page(arg, NULL);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	if (off.clears)
		ask_page(off.dp, NULL);
}

/* The socket is new, so its buffer has room. */
static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
	int len, void *arg)
{
	const struct timeval soon = {.tv_sec = AGAIN_MS / 1000};

	if (lines_is_trusted(fd)) {
		dprintf(fd, "{\"hello\":\"%s\",\"site\":\"\",\"off\":true}\n", SLUICE_VERSION);
		evtimer_add(off.again, &soon);
	}
	close(fd);
}

int mirror_off_start(struct event_base *base, struct dataplane *dp, const char *socket, bool clears)
{
	int fd;

	off.dp = dp;
	off.clears = clears;
	off.path = xprintf("%s" WIRE_SUFFIX, socket);
	fd = unix_socket_listen(off.path, 8);
	if (fd < 0) {
		free(off.path);
		return fd;
	}
	off.listener = evconnlistener_new(
		base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	off.again = evtimer_new(base, on_again, NULL);
	dataplane_on_change(dp, on_change, dp);
	return 0;
}

void mirror_off_stop(void)
{
	if (!off.listener)
		return;
	evconnlistener_free(off.listener);
	event_free(off.again);
	unlink(off.path);
	free(off.path);
	off.listener = NULL;
}
