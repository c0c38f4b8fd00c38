/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports whose interface vanished are opened again when it is back, and those whose XDP program was
 * taken off have it again. Main thread. */
#ifndef RPC_NOUN_PORT_H
#define RPC_NOUN_PORT_H

#include <stdint.h>

/* Looks for the interfaces of ports that are gone, by name, and opens those that are back: a bit
 * for each. Of the others, whether what stands on the interface is there (port_look()). To be
 * called a few times a second. What cannot be opened stays gone, with the reason in the log once.
 */
uint64_t noun_port_poll(void);

#endif
