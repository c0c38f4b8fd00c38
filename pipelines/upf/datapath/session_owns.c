/* SPDX-License-Identifier: BSD-3-Clause */
/* A UE's less common addresses. Called through session_owns.h on the workers; owns nothing. */
#include "session_owns.h"

#include <string.h>

/* Are the first len bits the same? */
static bool covers(const struct session_prefix *p, const uint8_t *address)
{
	uint32_t bytes = p->len / 8, bits = p->len % 8;

	return memcmp(p->bytes, address, bytes) == 0 &&
	       (bits == 0 || (p->bytes[bytes] ^ address[bytes]) >> (8 - bits) == 0);
}

static bool is_framed(const struct session_block *s, uint8_t family, const uint8_t *address)
{
	const uint8_t *place =
		(const uint8_t *)s + offsetof(struct session_block, at) + SESSION_PREFIXES;
	const struct session_prefix *p =
		(const struct session_prefix *)((const uint8_t *)s + 16u * place[0]);

	for (uint32_t i = 0; i < place[1]; i++)
		if (p[i].family == family && covers(&p[i], address))
			return true;
	return false;
}

bool session_owns_other(const struct session_block *s, uint8_t family, const uint8_t *address)
{
	if (s->ue4 == 0 && s->ue6 == 0 && !(s->flags & SESSION_FRAMED))
		return true; /* an UPF in the middle that was not told */
	if (family == 6 && s->ue6 != 0 && address[0] == 0xfe && (address[1] & 0xc0) == 0x80)
		return true;
	return (s->flags & SESSION_FRAMED) && is_framed(s, family, address);
}
