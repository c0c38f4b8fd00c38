/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets that a DPDK driver has opened in this process and keeps to itself, found by their
 * kind. Main thread only. */
#ifndef CORE_PORT_SOCKETS_H
#define CORE_PORT_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#define PORT_SOCKETS 64 /* a queue each */

struct port_sockets {
	TAILQ_ENTRY(port_sockets) link;
	int domain;
	uint32_t count;
	struct {
		int fd;
		ino_t inode;
	} socket[PORT_SOCKETS];
};

/* Finds those of this domain (AF_XDP, AF_PACKET) that nobody else has found: ports are opened one
 * after the other. ifindex: of AF_PACKET, only those bound to it. *s is zero before the first call,
 * and then in a list until port_sockets_forget(). */
void port_sockets_find(struct port_sockets *s, int domain, unsigned ifindex);
void port_sockets_forget(struct port_sockets *s);
/* Its i-th one; -1 when the driver has closed it. */
int port_socket(const struct port_sockets *s, uint32_t i);

#endif
