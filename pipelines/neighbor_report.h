/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers tell the main thread of hosts (ring worker → main), and what main has them ask on
 * the wire (ring main → worker). Both rings belong to struct host_worker (host.h); filled by
 * host.c, arp.c, nd.c and suppress.c, drained by neighbor.c and host_tick(). */
#ifndef PIPELINES_NEIGHBOR_REPORT_H
#define PIPELINES_NEIGHBOR_REPORT_H

#include <stdint.h>

#include "fdb.h"

enum host_news {
	HOST_SEEN, /* an l3 slice: this address said that it has this MAC */
	HOST_ASK,  /* an l3 slice: a packet wants the MAC of this address */
	HOST_SNOOP /* an l2 slice with suppression: the same as HOST_SEEN, behind any door */
};

/* Of HOST_SEEN. */
#define HOST_CREATE   0x01 /* it asked for a gateway: it will be sent to, remember it */
#define HOST_ANSWER   0x02 /* it answered us: the neighbour is reachable (RFC 4861 7.2.5) */
#define HOST_OVERRIDE 0x04 /* may replace another MAC; always so in ARP */
#define HOST_UNSAID   0x08 /* the MAC is its frame's, it did not say one: confirms that, no more */

struct host_report {
	door_t door;
	uint16_t slice;
	uint8_t kind; /* enum host_news */
	uint8_t flags;
	uint8_t address[16];
	uint8_t mac[6];
	uint8_t family; /* 4, 6 */
	uint8_t pad;
};
_Static_assert(sizeof(struct host_report) == 32, "two reports a line");

/* Ask for an address (ARP request or neighbour solicitation), or announce one. */
struct host_order {
	uint32_t epoch;
	uint16_t slice, attachment;
	uint8_t family;
	uint8_t announce; /* says to everybody that source is ours; target is the same */
	uint8_t mac[6];	  /* all zero: not known, ask everybody */
	uint8_t source[16], target[16];
};
/* Counts the ids of slices and attachments that were given back. What main ordered before is not
 * sent after: it could be another tenant's by now. */
extern uint32_t host_epoch;
static inline void host_epoch_next(void)
{
	/* release: before the id is published again; pairs with the acquire in order_send() */
	__atomic_store_n(&host_epoch, host_epoch + 1, __ATOMIC_RELEASE);
}
_Static_assert(sizeof(struct host_order) % 4 == 0, "rings copy words");

#endif
