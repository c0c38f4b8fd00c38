/* SPDX-License-Identifier: BSD-3-Clause */
/* Prefixes (ip.h). */
#include "ip.h"

#include <string.h>

void api_ip_mask(struct api_ip *ip)
{
	unsigned whole = ip->len / 8;

	if (ip->len % 8)
		ip->bytes[whole++] &= (uint8_t) ~(0xff >> ip->len % 8);
	memset(ip->bytes + whole, 0, sizeof(ip->bytes) - whole);
}

struct api_ip api_ip_edge(const struct api_ip *prefix, bool last)
{
	struct api_ip edge = *prefix;

	api_ip_mask(&edge);
	edge.len = api_ip_bits(edge.family);
	for (uint8_t bit = prefix->len; last && bit < edge.len; bit++)
		edge.bytes[bit / 8] |= 0x80 >> bit % 8;
	return edge;
}

bool api_ip_alike(const struct api_ip *a, const struct api_ip *b, unsigned len)
{
	unsigned whole = len / 8, rest = len % 8;

	if (a->family != b->family || memcmp(a->bytes, b->bytes, whole))
		return false;
	return !rest || !((a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest));
}

bool api_ip_same(const struct api_ip *a, const struct api_ip *b)
{
	return api_ip_alike(a, b, a->family == 6 ? 128 : 32);
}

bool api_ip_within(const struct api_ip *address, const struct api_ip *network)
{
	return api_ip_alike(address, network, network->len);
}

bool api_ip_overlap(const struct api_ip *a, const struct api_ip *b)
{
	return api_ip_alike(a, b, a->len < b->len ? a->len : b->len);
}
