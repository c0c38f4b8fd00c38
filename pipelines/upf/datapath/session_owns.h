/* SPDX-License-Identifier: BSD-3-Clause */
/* Is an address the UE's? What keeps a UE from sending in another's name, and what filters call
 * `assigned`. Used by gtpu_in.c and session_batch.c, per packet; the odd ones are
 * session_batch.c's.
 */
#ifndef UPF_SESSION_OWNS_H
#define UPF_SESSION_OWNS_H

#include <rte_byteorder.h>

#include "session_hot.h"
#include "wire.h"

/* Framed routes, a second prefix, link-local addresses (the UE's while it asks for its prefix), and
 * sessions of which no address is known. Worker. */
bool session_owns_other(const struct session_block *s, uint8_t family, const uint8_t *address);

/* ip: the whole fixed header is there. source: it sends, else it is sent to. */
static __rte_always_inline bool session_owns(
	const struct session_block *s, const uint8_t *ip, const bool source)
{
	if (likely(ip[0] >> 4 == 4)) {
		const uint8_t *at = ip + (source ? 12 : 16);

		return likely(s->ue4 != 0 && rte_be_to_cpu_32(*(const wire32_t *)at) == s->ue4) ||
		       session_owns_other(s, 4, at);
	}
	const uint8_t *at = ip + (source ? 8 : 24);

	return likely(s->ue6 != 0 && rte_be_to_cpu_64(*(const wire64_t *)at) == s->ue6) ||
	       session_owns_other(s, 6, at);
}

#endif
