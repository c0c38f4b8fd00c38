/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of l3 slices that routing cannot just send on. Called by route.c. For now each is dropped
 * by its name; answers are the next step. */
#include "l3.h"

void host_take(struct worker *w, struct burst *b, const struct odd_packet *odd)
{
	static const enum drop_reason why[] = {
		[ODD_NOT_IP] = DROP_NOT_IP,
		[ODD_GROUP] = DROP_ROUTED_GROUP,
		[ODD_LOCAL] = DROP_NOT_FOR_GATEWAY,
		[ODD_TTL] = DROP_TTL_EXPIRED,
		[ODD_NO_ROUTE] = DROP_NO_ROUTE_IN_SLICE,
		[ODD_UNREACHABLE] = DROP_NEIGHBOR_DEAD,
		[ODD_ASK] = DROP_NEIGHBOR_UNKNOWN,
		[ODD_TOO_BIG] = DROP_TOO_BIG,
	};

	slice_drop(w, b, odd->m, odd->slice, odd->door, why[odd->why]);
}
