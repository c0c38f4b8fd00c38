/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters are per worker and summed by the reader, who sees each of them at some recent moment
 * (plain 64-bit loads). One writer a cell: its worker. Bytes are those of the Ethernet frame as it
 * passed that door, without FCS. */
#ifndef CORE_COUNTERS_H
#define CORE_COUNTERS_H

#include <rte_common.h>
#include <stdint.h>

/* slice, attachment, tunnel, as read */
struct counters {
	uint64_t in_packets;
	uint64_t in_bytes;
	uint64_t out_packets;
	uint64_t out_bytes;
	uint64_t dropped;
};

struct port_counters {
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t rx_missed;  /* lost by the device before a worker saw them */
	uint64_t tx_dropped; /* DROP_TX_FULL and the like, of this port */
};

/* What a shaped port did, for all or for one class (since its id was last given out). */
struct shaper_counters {
	uint64_t sent_packets, sent_bytes;
	uint64_t dropped; /* packets: the queue was full */
	uint64_t queued_packets, queued_bytes;
};

/* What happened to packets that is neither in, out nor a drop. */
struct box_counters {
	uint64_t replicated;  /* copies made by flooding, fragments made of a packet */
	uint64_t originated;  /* packets the switch made itself: ICMP errors, ARP and ND requests,
				 announcements */
	uint64_t announced;   /* of those, gateways that said unasked which MAC they have */
	uint64_t merged;      /* fragments that became part of a reassembled packet */
	uint64_t punted;      /* handed to the kernel (also counted as tx of the tap) */
	uint64_t from_kernel; /* taken from the kernel (also counted as rx of the tap) */
	uint64_t answered;    /* ARP, ND, echo: the packet went back as its own answer */
	uint64_t errors_held; /* ICMP errors not sent: over the rate, or no buffer */
	uint64_t learn_lost;  /* MACs not learned: ring full */
	uint64_t hosts_lost;  /* news of neighbours not reported: ring full, or over the rate */
	uint64_t events_lost; /* trace records and events that had no room */
};

#endif
