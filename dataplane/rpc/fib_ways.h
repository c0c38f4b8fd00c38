/* SPDX-License-Identifier: BSD-3-Clause */
/* The `via` of a route of an l3 slice, checked and with ids for names; and who is counted as named
 * by it. Used by noun_fib.c. Main thread only. */
#ifndef RPC_FIB_WAYS_H
#define RPC_FIB_WAYS_H

#include "networks.h"
#include "noun.h"

struct ways {
	struct l3_via via[LIMIT_ROUTE_VIA];
	uint32_t count;
};

/* Objects may be freed between ops: what the last names led to is good for one op only. */
void ways_forget_names(void);

/* via → ways: 0, or -1 with err (path is "via[1].address"). */
int ways_check(const struct object *slice, const struct api_route *route, struct ways *out,
	struct rpc_error *err);

/* Counts one route more (or less) at the attachments and members it names, and at its networks.
 * take: 0 or -ENOMEM; cannot fail where it undoes give. */
int ways_take(struct object *slice, const struct ways *ways);
void ways_give(struct object *slice, const struct ways *ways);

#endif
