/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports whose interface vanished are opened again when it is back, and held to its MTU; twins that
 * others deleted are made again, and XDP programs that were taken off put back. Main thread. */
#ifndef RPC_NOUN_PORT_H
#define RPC_NOUN_PORT_H

#include <stdint.h>

/* Looks for the interfaces of ports that are gone, by name, and opens those that are back: a bit
 * for each. Of the others, whether what stands on the interface is there (port_look()); likewise
 * twins that others have deleted or renamed. To be called a few times a second. What cannot be
 * opened stays gone, with the reason in the log once. */
uint64_t noun_port_poll(void);

/* Of these ports (a bit each) the interface below has another MTU, or the twin is not as it was
 * (port_link_news()): what they send is measured against the MTU, and the log says what is wrong.
 */
void noun_port_news(uint64_t ports);

#endif
