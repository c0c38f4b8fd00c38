/* SPDX-License-Identifier: BSD-3-Clause */
/* Into GTP-U tunnels. */
#ifndef UPF_GTPU_OUT_H
#define UPF_GTPU_OUT_H

#include "hot.h"

/* to_gtpu → encapsulated, on their way out. TS 29.281, TS 38.415. */
void gtpu_out_run(struct worker *w, struct burst *b);
/* Sends a whole GTP-U message, which m begins with, to a peer. Worker. */
void gtpu_send(
	struct worker *w, struct burst *b, struct rte_mbuf *m, uint16_t slice, uint16_t peer);

#endif
