/* SPDX-License-Identifier: BSD-3-Clause */
/* Links of ports. A port on an interface of the kernel (AF_PACKET, AF_XDP, a tap) follows that
 * interface, by netlink; others are asked. The carrier of a port's twin follows its link. Main
 * thread only. */
#ifndef CORE_PORT_LINK_H
#define CORE_PORT_LINK_H

#include <stdbool.h>
#include <stdint.h>

/* Opens the netlink socket, before any port: its descriptor, to be read with port_link_read() when
 * it is readable, or -errno; then links of interfaces are only known as of when their port was
 * opened. */
int port_link_start(void);
void port_link_stop(void);

/* What the kernel said since; and what the devices say that have no interface. Both: the ports (a
 * bit each, ids below LIMIT_PORTS) whose link is another now. */
uint64_t port_link_read(void);
uint64_t port_link_poll(void);
/* Since the last call, of these ports the interface below has another MTU (port_bound()), or the
 * twin is not as it was (port_link_twin()). */
uint64_t port_link_news(void);

/* Tells the kernel of the twins of those of these ports whose link is up (or down) now. */
void port_link_carry(uint64_t ports, bool up);

/* port.c: a port was opened (its twin too, of that name; NULL: it has none), or opened again with
 * the twin that it has, or is about to be closed. */
void port_link_open(uint16_t id, uint16_t ethdev, const char *twin);
void port_link_close(uint16_t id);
/* port.c: its device and its twin were closed, and may be opened again. */
void port_link_vanish(uint16_t id);
/* port.c: its twin was made anew. */
void port_link_twin_open(uint16_t id, const char *name);
/* port.c: the interface may be another than netlink has told of yet. */
void port_link_ask(uint16_t id);

/* True for twins and ports that are not open, too. */
bool port_link_up(uint16_t id);
/* The interface below it vanished, or went to another network namespace: its link stays down until
 * it is back by name (port_reopen()). */
bool port_link_gone(uint16_t id);
/* What others did to a port's twin. A port without one has PORT_TWIN_UP. */
enum port_twin { PORT_TWIN_UP, PORT_TWIN_DOWN, PORT_TWIN_RENAMED, PORT_TWIN_GONE };
enum port_twin port_link_twin(uint16_t id);
/* 0: none. */
uint32_t port_link_twin_index(uint16_t id);
/* The MTU of the interface below a port on AF_PACKET or AF_XDP; 0: not known, or another device. */
uint32_t port_link_mtu(uint16_t id);
/* The interface of the kernel below it; 0: none, or gone. */
uint32_t port_link_ifindex(uint16_t id);

#endif
