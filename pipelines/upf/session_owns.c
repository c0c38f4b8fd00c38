/* SPDX-License-Identifier: BSD-3-Clause */
/* A UE's less common addresses. Called through session_owns.h on the workers; owns nothing. */
#include "session_owns.h"

#include "fib.h"
#include "l3.h"

/* All prefixes of a session beside ue4 and ue6 are in the FIB of its slice. */
static bool is_framed(
	const struct session_block *s, uint32_t session, uint8_t family, const uint8_t *address)
{
	uint32_t value = 0;

	if (family == 4) {
		uint32_t a = rte_be_to_cpu_32(*(const wire32_t *)address);

		lpm_lookup4_bulk(&fib4, &s->slice, &a, 1, &value);
	} else {
		uint64_t a[1][2] = {{rte_be_to_cpu_64(*(const wire64_t *)address),
			rte_be_to_cpu_64(*(const wire64_t *)(address + 8))}};

		lpm_lookup6_bulk(&fib6, &s->slice, a, 1, &value);
	}
	return FIB_OWNER(value) == FIB_SESSION && SESSION_OF_PREFIX(FIB_NEXTHOP(value)) == session;
}

bool session_owns_other(
	const struct session_block *s, uint32_t session, uint8_t family, const uint8_t *address)
{
	if (s->ue4 == 0 && s->ue6 == 0 && !(s->flags & SESSION_FRAMED))
		return true; /* an UPF in the middle that was not told */
	if (family == 6 && s->ue6 != 0 && address[0] == 0xfe && (address[1] & 0xc0) == 0x80)
		return true;
	return (s->flags & SESSION_FRAMED) && is_framed(s, session, family, address);
}
