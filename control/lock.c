/* SPDX-License-Identifier: BSD-3-Clause */
/* The lock of lock.h. The file's descriptor is the process's. */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* One name for one socket, by whatever links it was given. */
static int lock_path(const char *socket, char *path, size_t size)
{
	char real[PATH_MAX], folder[PATH_MAX], file[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s", socket);
	snprintf(file, sizeof(file), "%s", socket);
	if (realpath(socket, real)) {
		file[0] = '\0';
	} else {
		char *base = basename(file), *at = dirname(folder);

		mkdir(at, 0755); /* it may be there, or not be ours to make */
		if (!realpath(at, real))
			return -errno;
		memmove(file, base, strlen(base) + 1);
	}
	if ((size_t)snprintf(path, size, "%s%s%s.control", real, *file ? "/" : "", file) >= size)
		return -ENAMETOOLONG;
	return 0;
}

/* Reading is enough for flock(). The descriptor, or -errno. */
static int open_file(const char *path)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW;
	int fd = open(path, flags);

	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	fd = open(path, flags | O_CREAT | O_EXCL, 0640);
	if (fd < 0 && errno == EEXIST) /* just now */
		fd = open(path, flags);
	return fd < 0 ? -errno : fd;
}

int lock_dataplane(const char *socket, char *why, size_t size)
{
	char path[2 * PATH_MAX];
	int err = lock_path(socket, path, sizeof(path)), fd = -1;

	if (!err) {
		fd = open_file(path);
		err = fd < 0 ? fd : 0;
	}
	if (!err && flock(fd, LOCK_EX | LOCK_NB)) {
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
		close(fd);
	}
	if (err == -EBUSY)
		snprintf(why, size,
			"another sluice-control works this dataplane; stop it, or name another "
			"with --dataplane");
	else if (err == -EACCES || err == -EPERM || err == -EROFS)
		snprintf(why, size,
			"this user cannot lock it, so that another sluice-control might work it, "
			"too "
			"(%s: %s): start sluice-dataplane, which makes that file for the group of "
			"its socket, and see that this user is of that group",
			path, strerror(-err));
	else if (err)
		snprintf(why, size, "cannot lock it (%s): see that no other sluice-control uses it",
			strerror(-err));
	return err;
}
