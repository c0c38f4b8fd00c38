/* SPDX-License-Identifier: BSD-3-Clause */
/* GTP-U that is not a plain G-PDU for a session: messages between the two ends, what is malformed,
 * and user data for nobody (TS 29.281 clause 7). */
#ifndef UPF_GTPU_CONTROL_H
#define UPF_GTPU_CONTROL_H

#include "gtpu.h"
#include "worker.h"

/* Takes b->gtpu[i] (its gtpu_at, gtpu_id; b->port is the port it came by): answered in place,
 * passed on, or dropped by name. error and h: what gtpu_read() said of it; a sound G-PDU that is
 * handed in is one whose TEID no session has. Called by gtpu_in_run() after the burst's G-PDUs are
 * in their lanes, so that an end marker that is passed on stays behind them. Worker. */
void gtpu_control(struct worker *w, struct burst *b, uint32_t i, enum gtpu_error error,
	const struct gtpu_header *h);

#endif
