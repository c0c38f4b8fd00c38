/* SPDX-License-Identifier: BSD-3-Clause */
/* The listening unix sockets of both processes. */
#ifndef API_UNIX_SOCKET_H
#define API_UNIX_SOCKET_H

/* Listens at path with mode 0660, non-blocking, close-on-exec. The folder is made when only it is
 * missing (/run/sluice after a boot); a socket that nobody answers on, a dead process's, is taken
 * away. A descriptor, or -errno: -EADDRINUSE when somebody answers there, -EEXIST when it is no
 * socket, -ENAMETOOLONG. The caller unlinks path in the end. */
int unix_socket_listen(const char *path, int backlog);
/* Would it? The same answers but for -EADDRINUSE, which may be over by then; nothing is made. */
int unix_socket_check(const char *path);

#define UNIX_SOCKET_LOCK ".control"

/* Beside a socket that listens: the file PATH.control, which its clients lock to be the only one
 * (control/lock.h), for whoever is of the socket's group and may not make a file there: mode 0640.
 * It stays when the socket goes, since somebody may have it locked. 0 or -errno. */
int unix_socket_lock_file(const char *path);

#endif
