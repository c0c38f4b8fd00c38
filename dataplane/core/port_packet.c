/* SPDX-License-Identifier: BSD-3-Clause */
/* Losses of AF_PACKET's rings (packet(7), PACKET_STATISTICS), from the driver's own sockets. */
#include "port_packet.h"

#include <linux/if_packet.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "port_sockets.h"

struct port_packet {
	struct port_sockets sockets;
	uint64_t missed;
};

struct port_packet *port_packet_open(unsigned ifindex)
{
	struct port_packet *packet = calloc(1, sizeof(*packet));

	if (packet != NULL)
		port_sockets_find(&packet->sockets, AF_PACKET, ifindex);
	return packet;
}

uint64_t port_packet_missed(struct port_packet *packet)
{
	if (packet == NULL)
		return 0;
	for (uint32_t i = 0; i < packet->sockets.count; i++) {
		struct tpacket_stats since;
		socklen_t size = sizeof(since);
		int fd = port_socket(&packet->sockets, i);

		if (fd >= 0 && getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &since, &size) == 0)
			packet->missed += since.tp_drops;
	}
	return packet->missed;
}

void port_packet_close(struct port_packet *packet)
{
	if (packet == NULL)
		return;
	port_sockets_forget(&packet->sockets);
	free(packet);
}
