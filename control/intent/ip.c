/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions about addresses, for the checks of intents. Owns nothing. */
#include <string.h>

#include "intent_private.h"

static unsigned address_bytes(const struct api_ip *ip)
{
	return ip->family == 6 ? 16 : 4;
}

bool ip_same_address(const struct api_ip *a, const struct api_ip *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, address_bytes(a));
}

bool ip_equal(const struct api_ip *a, const struct api_ip *b)
{
	return ip_same_address(a, b) && a->len == b->len;
}

int ip_compare(const struct api_ip *a, const struct api_ip *b)
{
	int order = (int)a->family - b->family;

	if (!order)
		order = memcmp(a->bytes, b->bytes, address_bytes(a));
	return order ? order : (int)a->len - b->len;
}

bool ip_is_unicast(const struct api_ip *ip)
{
	static const uint8_t loopback6[16] = {[15] = 1}, none6[16];

	if (ip->family == 4)
		return ip->bytes[0] != 0 && ip->bytes[0] != 127 && ip->bytes[0] < 224;
	return ip->bytes[0] != 0xff && memcmp(ip->bytes, none6, 16) &&
	       memcmp(ip->bytes, loopback6, 16);
}

/* All bits behind the first len are 0 (or, with ones, 1). */
static bool host_bits(const struct api_ip *ip, bool ones)
{
	for (unsigned bit = ip->len; bit < 8 * address_bytes(ip); bit++)
		if ((ip->bytes[bit / 8] >> (7 - bit % 8) & 1) != ones)
			return false;
	return true;
}

bool ip_is_network_or_broadcast(const struct api_ip *ip)
{
	if (8 * address_bytes(ip) - ip->len < 2) /* RFC 3021, RFC 6164: both are stations */
		return false;
	return host_bits(ip, false) || (ip->family == 4 && host_bits(ip, true));
}

bool mac_is_zero(const struct api_mac_addr *mac)
{
	static const struct api_mac_addr zero;

	return !memcmp(mac, &zero, sizeof(zero));
}

bool mac_is_multicast(const struct api_mac_addr *mac)
{
	return mac->bytes[0] & 1;
}
