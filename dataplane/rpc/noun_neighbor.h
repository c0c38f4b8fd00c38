/* SPDX-License-Identifier: BSD-3-Clause */
/* neighbor: what other nouns ask about it. Main thread only. */
#ifndef RPC_NOUN_NEIGHBOR_H
#define RPC_NOUN_NEIGHBOR_H

#include "nouns.h"

/* The static neighbor of the slice with this address, NULL when there is none. */
struct object *neighbor_holder(const struct object *slice, const struct api_ip *address);

#endif
