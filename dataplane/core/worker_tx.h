/* SPDX-License-Identifier: BSD-3-Clause */
/* Between worker.c and worker_tx.c. */
#ifndef CORE_WORKER_TX_H
#define CORE_WORKER_TX_H

#include "worker.h"

/* Puts what other workers handed over into w's buffers; returns how many frames. */
uint32_t worker_drain_handover(struct worker *w);
/* Does anything wait in a shaper that w serves? */
bool worker_has_backlog(const struct worker *w);
/* Tells the pipeline. */
void worker_lost(struct worker *w, uint32_t mark, enum drop_reason why);

#endif
