/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers tell the main thread of hosts (ring worker → main), what main has them ask on the
 * wire (ring main → worker), and the rates that bound both, and all that the switch itself says,
 * for each slice. */
#ifndef L2_REPORT_H
#define L2_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "hot.h"
#include "types.h"

/* ---- what is told ---- */

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

/* ---- a worker's part ---- */

/* Packets a second and slice, over all workers; bursts of a tenth of a second. */
enum host_rate {
	RATE_ERROR,  /* ICMP errors */
	RATE_ECHO,   /* echo answers */
	RATE_ANSWER, /* ARP and ND answers, suppression's too */
	RATE_SEEN,   /* reports of hosts that spoke */
	RATE_ASK,    /* reports of hosts that are wanted */
	RATE_LEARN,  /* reports of MACs, while many wait */
	RATE_TAP,    /* packets to the kernel by taps of attachments */
	RATES
};

#define HOST_RING	 4096
#define ORDER_RING	 1024
#define HOST_SEEN_MEMORY 1024

struct host_seen {
	struct host_report report;
	uint64_t tsc;
};

/* A worker's part; switch_worker.host. */
struct host_worker {
	struct rte_ring *reports, *orders;
	struct host_seen *seen;		/* [HOST_SEEN_MEMORY] what was reported a moment ago */
	struct bucket (*bucket)[RATES]; /* [LIMIT_SLICES + 1] */
	uint64_t cost[RATES];
};

int host_worker_init(struct worker *w);
void host_worker_fini(struct worker *w);
/* May one more of these be sent (reported) for this slice now? */
bool host_may(struct worker *w, uint16_t slice, enum host_rate which);
/* Tells main, unless the same was told a moment ago; what is lost is counted. */
void host_report(struct worker *w, const struct host_report *report);

/* Has something else than this just been told, which main may not have taken in yet? */
bool host_news_differ(struct worker *w, const struct host_report *known);

#endif
