/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of the status that others show, too; and what is freed at the end. */
#ifndef OBSERVE_STATUS_H
#define OBSERVE_STATUS_H

#include <jansson.h>

json_t *status_dataplane(void); /* {state, socket, version?, counters_at_us?} */
json_t *status_reconciler(void);
json_t *status_xdp(void);    /* [{port, interface, state, reason?}]; NULL: no AF_XDP ports */
json_t *status_kernel(void); /* {mirrored, …} */
void status_free(void);

void topology_free(void);

#endif
