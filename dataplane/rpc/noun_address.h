/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of ports, for whoever made a port's twin anew. Main thread. */
#ifndef RPC_NOUN_ADDRESS_H
#define RPC_NOUN_ADDRESS_H

struct object;

/* Puts all of a port's addresses on its twin. What the kernel refuses is in the log. */
void noun_address_again(const struct object *port);

#endif
