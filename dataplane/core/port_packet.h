/* SPDX-License-Identifier: BSD-3-Clause */
/* What net_af_packet does not tell: frames that came while its ring was full, lost in the
 * kernel. Main thread only. */
#ifndef CORE_PORT_PACKET_H
#define CORE_PORT_PACKET_H

#include <stdint.h>

struct port_packet;

/* Of a device that is started, on this interface. NULL when memory is out. */
struct port_packet *port_packet_open(unsigned ifindex);
/* Frames lost since then; 0 for NULL. Reading them takes them from the kernel's own count, so a
 * driver that counts them (DPDK 23.11 on) has those that it reads first. */
uint64_t port_packet_missed(struct port_packet *packet);
/* NULL is fine. */
void port_packet_close(struct port_packet *packet);

#endif
