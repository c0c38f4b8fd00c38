/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a kernel's mirror (kernel.h): opened, its namespace looked for, found, lost; and
 * telling who listens. Owns struct kernel. Network namespaces by name: into one and back, and
 * their coming and going under /run/netns (inotify, one watch for all, owned here). */
#include "kernel_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "log.h"

/* ---- namespaces ---- */

#define NETNS_DIR   "/run/netns"
#define NSFS_MAGIC_ 0x6e736673

int netns_open(const char *name)
{
	char path[sizeof(NETNS_DIR) + 256];
	struct statfs fs;
	int fd;

	if (!name)
		return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (!*name || strchr(name, '/') || strlen(name) > 255 || !strcmp(name, ".") ||
		!strcmp(name, ".."))
		return -EINVAL;
	snprintf(path, sizeof(path), NETNS_DIR "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC_) { /* not bound to its name yet */
		close(fd);
		return -ENOENT;
	}
	return fd;
}

static int two_sockets(int *events_fd, int *calls_fd)
{
	const int type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;

	*calls_fd = -1;
	*events_fd = socket(AF_NETLINK, type, NETLINK_ROUTE);
	if (*events_fd < 0)
		return -errno;
	*calls_fd = socket(AF_NETLINK, type, NETLINK_ROUTE);
	if (*calls_fd < 0) {
		int err = -errno;

		close(*events_fd);
		*events_fd = -1;
		return err;
	}
	return 0;
}

int netns_sockets(int netns_fd, int *events_fd, int *calls_fd)
{
	int home, err;

	if (netns_fd < 0)
		return two_sockets(events_fd, calls_fd);
	home = netns_open(NULL);
	if (home < 0)
		return -errno;
	if (setns(netns_fd, CLONE_NEWNET) < 0) {
		err = -errno;
		goto err_home;
	}
	err = two_sockets(events_fd, calls_fd);
	if (setns(home, CLONE_NEWNET) < 0) /* what let us in lets us out */
		log_text(LOG_ERROR_,
			"the way back to the own network namespace failed (%s): restart "
			"sluice-control",
			strerror(errno));
err_home:
	close(home);
	return err;
}

/* ---- coming and going ---- */

static struct {
	int fd;
	int watch; /* -1: the directory is not there */
	struct event *readable;
	TAILQ_HEAD(, kernel) kernels;
	uint32_t count;
} watch = {.fd = -1, .watch = -1, .kernels = TAILQ_HEAD_INITIALIZER(watch.kernels)};

static void kernel_look(struct kernel *kernel);

static void on_directory(evutil_socket_t fd, short what, void *arg)
{
	_Alignas(struct inotify_event) char events[4096];
	struct kernel *kernel, *next;

	while (read(fd, events, sizeof(events)) > 0)
		;
	TAILQ_FOREACH_SAFE (kernel, &watch.kernels, link, next) {
		kernel->look_ms = 0;
		kernel_look(kernel);
	}
}

static void netns_watch_again(void);

/* Without it the timer of each finds out by itself. */
static void netns_watch(struct kernel *kernel)
{
	if (!watch.count++) {
		watch.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		watch.watch = -1;
		if (watch.fd >= 0)
			watch.readable = event_new(
				kernel->base, watch.fd, EV_READ | EV_PERSIST, on_directory, NULL);
		if (watch.readable)
			event_add(watch.readable, NULL);
	}
	TAILQ_INSERT_TAIL(&watch.kernels, kernel, link);
	netns_watch_again();
}

/* The directory may be there by now. */
static void netns_watch_again(void)
{
	if (watch.fd >= 0 && watch.watch < 0)
		watch.watch = inotify_add_watch(
			watch.fd, NETNS_DIR, IN_CREATE | IN_DELETE | IN_MOVE | IN_ONLYDIR);
}

static void netns_unwatch(struct kernel *kernel)
{
	TAILQ_REMOVE(&watch.kernels, kernel, link);
	if (--watch.count)
		return;
	if (watch.readable)
		event_free(watch.readable);
	if (watch.fd >= 0)
		close(watch.fd);
	watch.readable = NULL;
	watch.fd = watch.watch = -1;
}

/* ---- the mirror of one ---- */

#define RESCAN_S       300
#define LOOK_FIRST_MS  10
#define LOOK_LAST_MS   1000
#define SETTLE_LAST_US 20000 /* while messages do not end */
#define AGAIN_S	       1     /* after something was not kept */

struct kernel_test kernel_test;

/* ---- who listens ---- */

void kernel_changed(struct kernel *kernel, enum kernel_kind kind, const void *entry, bool gone)
{
	kernel->unsettled = true;
	if (kernel->listener.changed)
		kernel->listener.changed(kernel, kind, entry, gone, kernel->listener.arg);
}

static void settled(struct kernel *kernel)
{
	kernel->unsettled = false;
	kernel->settled_us = clock_mono_us();
	if (kernel->listener.settled)
		kernel->listener.settled(kernel, kernel->listener.arg);
}

void kernel_settle(struct kernel *kernel, bool drained)
{
	if (!kernel->unsettled || !kernel->complete ||
		(kernel->dump.running && !kernel->dump.trusted))
		return;
	if (drained || clock_mono_us() - kernel->settled_us > SETTLE_LAST_US)
		settled(kernel);
}

static void rescan_in(struct kernel *kernel, uint32_t seconds)
{
	struct timeval wait = {.tv_sec = seconds};

	event_add(kernel->on_rescan, &wait);
}

void kernel_rescan_soon(struct kernel *kernel)
{
	rescan_in(kernel, AGAIN_S);
}

static void on_rescan(evutil_socket_t fd, short what, void *arg)
{
	struct kernel *kernel = arg;

	rescan_in(kernel, kernel->rescan_s);
	if (kernel->calls_fd >= 0)
		dump_start(kernel, kernel->complete);
}

static void on_work(evutil_socket_t fd, short what, void *arg)
{
	struct kernel *kernel = arg;
	bool drained;

	if (kernel->calls_fd < 0)
		return;
	drained = link_drain(kernel);
	dump_work(kernel);
	kernel_settle(kernel, drained);
}

void kernel_rescan(struct kernel *kernel)
{
	if (kernel->calls_fd >= 0)
		dump_start(kernel, kernel->complete);
}

/* ---- the namespace ---- */

static void leave(struct kernel *kernel)
{
	link_close(kernel);
	dump_reset(kernel);
	kernel->complete = false;
	table_clear(kernel);
	settled(kernel);
}

static int enter(struct kernel *kernel)
{
	int fd = -1, err;
	struct stat st = {0};

	if (kernel->netns) {
		fd = netns_open(kernel->netns);
		if (fd < 0)
			return fd;
		fstat(fd, &st);
	}
	err = link_open(kernel, fd);
	if (fd >= 0)
		close(fd);
	if (err)
		return err;
	kernel->ns_dev = st.st_dev;
	kernel->ns_ino = st.st_ino;
	dump_start(kernel, false);
	return 0;
}

/* Is what has the name now still what we are in? */
static bool still_there(const struct kernel *kernel)
{
	int fd = netns_open(kernel->netns);
	struct stat st;
	bool same;

	if (fd < 0)
		return false;
	same = !fstat(fd, &st) && st.st_dev == kernel->ns_dev && st.st_ino == kernel->ns_ino;
	close(fd);
	return same;
}

/* Kernel.c; the directory has changed. */
static void kernel_look(struct kernel *kernel)
{
	struct timeval wait;

	netns_watch_again();
	if (kernel->calls_fd >= 0 && !still_there(kernel))
		leave(kernel);
	if (kernel->calls_fd < 0 && !enter(kernel))
		kernel->look_ms = LOOK_LAST_MS;
	kernel->look_ms = kernel->look_ms ? kernel->look_ms * 2 : LOOK_FIRST_MS;
	if (kernel->look_ms > LOOK_LAST_MS)
		kernel->look_ms = LOOK_LAST_MS;
	wait = (struct timeval){kernel->look_ms / 1000, kernel->look_ms % 1000 * 1000};
	event_add(kernel->on_look, &wait);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	kernel_look(arg);
}

/* ---- life ---- */

static struct kernel *kernel_new(
	struct event_base *base, const char *netns, const struct kernel_listener *listener)
{
	struct kernel *kernel = xcalloc(1, sizeof(*kernel));

	kernel->base = base;
	kernel->listener = *listener;
	kernel->events_fd = kernel->calls_fd = -1;
	kernel->test = kernel_test;
	for (int i = 0; i < KERNEL_KINDS; i++)
		RB_INIT(&kernel->entries[i]);
	RB_INIT(&kernel->routes.tables);
	RB_INIT(&kernel->routes.users);
	STAILQ_INIT(&kernel->dump.verifies);
	kernel->netns = netns ? xstrdup(netns) : NULL;
	kernel->on_work = event_new(base, -1, 0, on_work, kernel);
	kernel->on_rescan = event_new(base, -1, 0, on_rescan, kernel);
	kernel->on_look = event_new(base, -1, 0, on_look, kernel);
	return kernel;
}

int kernel_open(struct event_base *base, const char *netns, uint32_t rescan_s,
	const struct kernel_listener *listener, struct kernel **out)
{
	struct kernel *kernel = kernel_new(base, netns, listener);
	int err;

	kernel->rescan_s = rescan_s ? rescan_s : RESCAN_S;
	rescan_in(kernel, kernel->rescan_s);
	if (netns) {
		kernel->watched = true;
		netns_watch(kernel);
		kernel_look(kernel);
	} else {
		err = enter(kernel);
		if (err) {
			kernel_close(kernel);
			return err;
		}
	}
	*out = kernel;
	return 0;
}

void kernel_close(struct kernel *kernel)
{
	if (!kernel)
		return;
	kernel->listener = (struct kernel_listener){0};
	if (kernel->watched)
		netns_unwatch(kernel);
	link_close(kernel);
	dump_reset(kernel);
	table_clear(kernel);
	event_free(kernel->on_work);
	event_free(kernel->on_rescan);
	event_free(kernel->on_look);
	free(kernel->netns);
	free(kernel);
}

const char *kernel_netns(const struct kernel *kernel)
{
	return kernel->netns;
}

bool kernel_complete(const struct kernel *kernel)
{
	return kernel->complete;
}

void kernel_counters(const struct kernel *kernel, struct kernel_counters *out)
{
	*out = kernel->counters;
}
