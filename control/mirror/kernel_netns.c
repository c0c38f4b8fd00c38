/* SPDX-License-Identifier: BSD-3-Clause */
/* Network namespaces by name: into one and back, and their coming and going under /run/netns
 * (inotify, one for all). Owns the watch. */
#include "kernel_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "log.h"

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

/* Without it the timer of each finds out by itself. */
void netns_watch(struct kernel *kernel)
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

void netns_watch_again(void)
{
	if (watch.fd >= 0 && watch.watch < 0)
		watch.watch = inotify_add_watch(
			watch.fd, NETNS_DIR, IN_CREATE | IN_DELETE | IN_MOVE | IN_ONLYDIR);
}

void netns_unwatch(struct kernel *kernel)
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
