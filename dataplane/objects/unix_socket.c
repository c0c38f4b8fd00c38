/* SPDX-License-Identifier: BSD-3-Clause */
/* See unix_socket.h. libc alone. */
#include "unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "folder.h"

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* 0 or -errno. */
static int remove_stale(const struct sockaddr_un *address)
{
	struct stat stat;
	int fd, rc;

	if (lstat(address->sun_path, &stat))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(stat.st_mode))
		return -EEXIST;
	fd = new_socket();
	if (fd < 0)
		return fd;
	rc = connect(fd, (const struct sockaddr *)address, sizeof(*address)) ? errno : 0;
	close(fd);
	if (rc != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(address->sun_path) ? -errno : 0;
}

static int make_folder(const struct sockaddr_un *address)
{
	char folder[sizeof(address->sun_path)];
	char *slash;

	strcpy(folder, address->sun_path);
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return 0;
	*slash = '\0';
	return mkdir(folder, 0755) && errno != EEXIST ? -errno : 0;
}

static int bind_and_listen(int fd, const struct sockaddr_un *address, int backlog)
{
	mode_t mask = umask(0117); /* from the first moment, not from a chmod on */
	int rc = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;

	umask(mask);
	if (rc || !listen(fd, backlog))
		return rc;
	rc = -errno;
	unlink(address->sun_path);
	return rc;
}

/* 0, or -errno: -ENOENT when its folder is not there. */
static int path_check(const char *path)
{
	struct stat stat;

	if (lstat(path, &stat) == 0 && !S_ISSOCK(stat.st_mode))
		return -EEXIST;
	return folder_takes(path);
}

int unix_socket_listen(const char *path, int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, rc;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	rc = make_folder(&address);
	if (!rc)
		rc = remove_stale(&address);
	if (rc)
		return rc;
	fd = new_socket();
	if (fd < 0)
		return fd;
	rc = bind_and_listen(fd, &address, backlog);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

int unix_socket_check(const char *path)
{
	struct sockaddr_un address;
	char *slash;
	int rc;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	rc = path_check(path);
	strcpy(address.sun_path, path);
	slash = strrchr(address.sun_path, '/');
	if (rc != -ENOENT || !slash || slash == address.sun_path)
		return rc;
	*slash = '\0';
	return folder_takes(address.sun_path); /* the folder would be made */
}

int unix_socket_lock_file(const char *path)
{
	char real[PATH_MAX], file[PATH_MAX + sizeof(UNIX_SOCKET_LOCK)];
	struct stat socket, now;
	int fd, rc = 0;

	if (!realpath(path, real) || stat(real, &socket))
		return -errno;
	snprintf(file, sizeof(file), "%s" UNIX_SOCKET_LOCK, real);
	fd = open(file, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
	if (fd < 0 || fstat(fd, &now)) {
		rc = -errno;
		goto out;
	}
	if (!S_ISREG(now.st_mode) || now.st_nlink != 1) {
		rc = -EEXIST;
		goto out;
	}
	/* one of before may be root's alone; whose it is otherwise may lock it as it is */
	if (now.st_uid == geteuid() &&
		((now.st_gid != socket.st_gid && fchown(fd, -1, socket.st_gid)) ||
			fchmod(fd, 0640)))
		rc = -errno;
out:
	if (fd >= 0)
		close(fd);
	return rc;
}
