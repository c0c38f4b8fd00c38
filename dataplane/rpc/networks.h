/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands on the attachments of l3 slices as the model says it, a transaction in work included
 * (pipelines/l3/gateway.h knows only what is committed): the networks of gateway addresses, and
 * which of them hold next hops of routes or neighbours, and so cannot go. Main thread only. */
#ifndef RPC_NETWORKS_H
#define RPC_NETWORKS_H

#include "keymap.h"
#include "nexthop.h"

/* An id and an address or prefix; no padding. */
struct place_key {
	uint16_t id;
	struct api_ip ip;
};
_Static_assert(sizeof(struct place_key) == 20, "a key holds no padding");

struct network {
	struct place_key key; /* slice, prefix with host bits zero */
	uint16_t attachment;
	uint32_t addresses; /* gateway addresses that bring it; 0: none does any more */
	uint32_t neighbors; /* static ones */
};

/* NULL when no address brings exactly this network. */
struct network *network_find(uint16_t slice, const struct api_ip *prefix);
/* The longest network of the attachment that holds the address; NULL. */
struct network *network_of(uint16_t slice, uint16_t attachment, const struct api_ip *address);
/* One more address with this network (which is no other attachment's), given with its host bits: 0
 * or -ENOMEM. Cannot fail where it undoes network_remove(). */
int network_add(uint16_t slice, uint16_t attachment, const struct api_ip *prefix);
/* One address less. Behind the last one the network is found no more, but still counts what is on
 * it until networks_sweep(), as long as a transaction may move that elsewhere. */
void network_remove(uint16_t slice, const struct api_ip *prefix);
/* Also one that is found no more: where neighbours are counted. */
struct network *network_any(uint16_t slice, const struct api_ip *prefix);
/* Forgets networks without addresses. After each transaction. */
void networks_sweep(void);

/* Is `address` one that a host of this network can have: not the network's own (RFC 3021, RFC 4291
 * section 2.6.1), nor the broadcast address? */
bool network_host(const struct api_ip *address, uint8_t len);

/* The network of the slice for which the address is not a host's: its own or its broadcast address;
 * NULL. */
struct network *network_reserving(uint16_t slice, const struct api_ip *address);

/* Counts one more route with these next hops. 0 or -ENOMEM; cannot fail where it undoes
 * ways_release(). */
int ways_hold(const struct l3_via *via, uint32_t count);
void ways_release(const struct l3_via *via, uint32_t count);
/* How many times routes have next hops on the attachment, within this prefix, that are on no
 * network of it any more. At the end of a transaction, when it makes no difference any more who
 * asks first: what is found is kept for the next question until networks_sweep(). */
uint32_t ways_stranded(uint16_t slice, uint16_t attachment, const struct api_ip *prefix);
/* How many routes have this next hop on the attachment. */
uint32_t ways_over(uint16_t attachment, const struct api_ip *address);

/* Addresses on ports; pipelines/tunnel/underlay.c looks through them one by one, so they are few.
 */
extern uint32_t networks_on_ports;

void networks_free(void);

#endif
