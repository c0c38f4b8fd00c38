/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of other tenants, which go through the switch in one burst with a test's packet: what is
 * taken from another place of the burst shows at either. */
#ifndef TESTS_DECOYS_H
#define TESTS_DECOYS_H

#include "rig.h"

#define DECOY_ADDRESS	"198.19.0.1/24" /* of the wan, and what else of theirs is in the tables */
#define DECOY_MACS	3
#define DECOY_NEIGHBORS 4

#define DECOYS 2 /* in a burst: one before the test's packet, one behind it */

/* After rig_start(): there are none. */
void decoys_forget(void);
/* An l2 and an l3 slice that bridge and route between the two ports, and a tunnel of both by the
 * wan: rig_send() of one packet sends some of theirs with it, which are no part of rig's numbers.
 */
void decoys_make(uint16_t wan, uint16_t lan, uint16_t lan2);
/* None of this port any more, in or out: it is taken away, or is not as it was. */
void decoys_port_gone(uint16_t port);
/* Two for a burst of this port, each time others; false: there are none. */
bool decoys_next(uint16_t port, const struct pkt *out[DECOYS]);
/* Is it one of them, as it should leave? It is seen once. */
bool decoys_take(uint16_t port, const struct pkt *p);
/* All of the burst's have been seen. */
bool decoys_done(void);

#endif
