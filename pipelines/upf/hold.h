/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets held for idle UEs (FAR action buffer, BAR; TS 29.244 5.2.3, TS 23.502 4.2.3.3), end
 * markers, and how both keep order when a FAR changes.
 *
 * A worker that meets ACT_HOLD hands the packet to main, which keeps it in the session's queue with
 * the worker it came from. When the FAR changes: 1. nothing of the session is sent any more (a
 * block with ACT_HOLD), after a grace period 2. the end marker goes to the old tunnel, 3. the new
 * block is published with SESSION_FLUSHING, 4. the queue goes back to the workers it came from,
 * each of which sends its part before anything newer of that session. */
#ifndef UPF_HOLD_H
#define UPF_HOLD_H

#include <stdint.h>

#include "worker.h"

#define HOLD_PACKETS                                                                               \
	65536	       /* over all sessions, at most; also at most a quarter of a port's pool      \
			*/
#define HOLD_PRESET 64 /* of one session without a BAR */

int hold_init(uint32_t workers);
void hold_fini(void);

/* Takes m, whose first byte is the inner packet's. Worker. */
void hold_take(struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t session,
	uint8_t group, uint8_t rule);

/* Packets held: of one session, of all. Main thread. */
uint32_t hold_count(uint32_t session);
uint32_t hold_total(void);

uint32_t hold_poll(void);

#endif
