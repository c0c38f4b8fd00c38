/* SPDX-License-Identifier: BSD-3-Clause */
/* address: what other nouns ask about it. Main thread. */
#ifndef RPC_NOUN_ADDRESS_H
#define RPC_NOUN_ADDRESS_H

#include "nouns.h"

/* The address object of the slice with this address, NULL when there is none. */
struct object *gateway_holder(const struct object *slice, const struct api_ip *address);

/* Puts all of a port's addresses on its twin, which was made anew. What the kernel refuses is in
 * the log. */
void noun_address_again(const struct object *port);

#endif
