/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of /metrics. */
#ifndef OBSERVE_METRICS_H
#define OBSERVE_METRICS_H

#include <jansson.h>
#include <stdbool.h>

#include "prom.h"

void metrics_write_process(struct text *p); /* metrics_process.c: process_*, build info */
void metrics_write_control(struct text *p); /* metrics_control.c: intents, WANs, reconciler, http */
void metrics_write_xdp(struct text *p);	    /* metrics_xdp.c: the AF_XDP ports */
void metrics_write_mirror(struct text *p);  /* kernel_view.c */
/* metrics_health.c */
struct actor;
void metrics_write_health(struct text *p, const struct actor *actor, bool few_slices);
void metrics_write_gtpu(struct text *p);
void metrics_write_sessions(struct text *p, const struct actor *actor);
bool metrics_tunnel_up(const json_t *tunnel);

#endif
