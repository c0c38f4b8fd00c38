/* SPDX-License-Identifier: BSD-3-Clause */
/* The overlay switch: its tables' life, and the pipeline the workers run. Used by dataplane/main.c
 * and by tests. */
#ifndef PIPELINES_SWITCH_H
#define PIPELINES_SWITCH_H

#include "worker.h"

extern const struct pipeline switch_pipeline;

/* All tables and hot arrays, empty. 0 or -errno with nothing left. Main thread, before workers
 * start. */
int switch_init(uint32_t worker_total);
/* After the workers stopped. */
void switch_fini(void);

#endif
