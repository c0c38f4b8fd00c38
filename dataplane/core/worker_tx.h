/* SPDX-License-Identifier: BSD-3-Clause */
/* Between worker.c and worker_tx.c. */
#ifndef CORE_WORKER_TX_H
#define CORE_WORKER_TX_H

#include "worker.h"

/* Puts what other workers handed over into w's buffers; returns how many frames. */
uint32_t worker_drain_handover(struct worker *w);

#endif
