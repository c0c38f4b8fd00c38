/* SPDX-License-Identifier: BSD-3-Clause */
/* See folder.h. libc alone. */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

int folder_takes(const char *path)
{
	char folder[PATH_MAX];
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/') /* "a/b/" is b in a */
		len--;
	while (len && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, len ? path : ".", len ? len : 1);
	folder[len ? len : 1] = '\0';
	return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) ? -errno : 0;
}
