/* SPDX-License-Identifier: BSD-3-Clause */
/* Looks after the XDP programs of the dataplane's ports: after each round of the reconciler, and
 * once a second for ports that were opened anew. */
#ifndef XDP_FOLLOW_H
#define XDP_FOLLOW_H

#include "reconcile.h"
#include "xdp.h"

int follow_start(struct event_base *base, struct reconciler *rec); /* 0, -ENOMEM */
void follow_stop(void); /* before reconciler_stop; the programs stay */

#endif
