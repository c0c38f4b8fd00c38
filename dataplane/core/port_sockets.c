/* SPDX-License-Identifier: BSD-3-Clause */
/* Which sockets of this process are which port's (port_sockets.h). Owns the list of all that were
 * found. */
#include "port_sockets.h"

#include <dirent.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

static TAILQ_HEAD(, port_sockets) all = TAILQ_HEAD_INITIALIZER(all);

/* 0: not a socket of this kind. */
static ino_t socket_inode(int fd, int domain)
{
	socklen_t size = sizeof(int);
	struct stat st;
	int is = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &is, &size) != 0 || is != domain ||
		fstat(fd, &st) != 0)
		return 0;
	return st.st_ino;
}

static bool is_bound_to(int fd, int domain, unsigned ifindex)
{
	struct sockaddr_ll at = {0};
	socklen_t size = sizeof(at);

	return domain != AF_PACKET || (getsockname(fd, (struct sockaddr *)&at, &size) == 0 &&
					      (unsigned)at.sll_ifindex == ifindex);
}

static bool is_found(ino_t inode)
{
	const struct port_sockets *s;

	TAILQ_FOREACH (s, &all, link)
		for (uint32_t i = 0; i < s->count; i++)
			if (s->socket[i].inode == inode)
				return true;
	return false;
}

void port_sockets_find(struct port_sockets *s, int domain, unsigned ifindex)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	if (s->domain == 0)
		TAILQ_INSERT_TAIL(&all, s, link);
	s->domain = domain;
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		int fd = atoi(entry->d_name);
		ino_t inode = entry->d_name[0] != '.' ? socket_inode(fd, domain) : 0;

		if (inode == 0 || s->count == PORT_SOCKETS || is_found(inode) ||
			!is_bound_to(fd, domain, ifindex))
			continue;
		s->socket[s->count].fd = fd;
		s->socket[s->count++].inode = inode;
	}
	if (dir != NULL)
		closedir(dir);
}

void port_sockets_forget(struct port_sockets *s)
{
	if (s->domain != 0)
		TAILQ_REMOVE(&all, s, link);
	s->domain = 0;
	s->count = 0;
}

int port_socket(const struct port_sockets *s, uint32_t i)
{
	return socket_inode(s->socket[i].fd, s->domain) == s->socket[i].inode ? s->socket[i].fd
									      : -1;
}
