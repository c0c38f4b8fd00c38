/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes of l3 slices are not in the model: a million of them live in pipelines/l3/fib.h alone
 * (route_backend of noun.h, for every table but "underlay"). Main thread only. */
#ifndef RPC_NOUN_ROUTE_H
#define RPC_NOUN_ROUTE_H

#include "tx.h"

/* The next hop of this very prefix as the transaction leaves it; 0: no route. */
uint32_t fib_route_staged(const struct tx *tx, uint16_t slice, const struct api_ip *prefix);

#endif
