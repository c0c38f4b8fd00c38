/* SPDX-License-Identifier: BSD-3-Clause */
/* IP headers, checked, up to the upper one (ip_view.h). Owns nothing. */
#include "ip_view.h"

#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_ether.h>

#include "wire.h"

#define ETH ((uint32_t)sizeof(struct rte_ether_hdr))

/* data_len: bytes from ip on that lie together; pkt_len: of the whole packet. */
static bool parse4(uint32_t data_len, uint32_t pkt_len, struct ip_view *v)
{
	const uint8_t *ip = v->ip;

	if (data_len < 20)
		return false;
	uint16_t frag = rte_be_to_cpu_16(load16(ip + 6));

	v->family = 4;
	v->l4 = (ip[0] & 0xf) * 4;
	v->total = rte_be_to_cpu_16(load16(ip + 2));
	v->proto = ip[9];
	v->pointer = 9;
	v->fragment = frag & 0x3fff;
	v->first = (frag & 0x1fff) == 0;
	return v->l4 >= 20 && v->l4 <= data_len && v->total >= v->l4 && v->total <= pkt_len;
}

/* Is it a header that another follows? Its length in *len (RFC 8200 section 4, RFC 4302). */
static bool is_extension(const uint8_t *h, uint8_t proto, uint32_t *len)
{
	switch (proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		*len = (h[1] + 1u) * 8;
		return true;
	case IPPROTO_FRAGMENT:
		*len = 8;
		return true;
	case IPPROTO_AH:
		*len = (h[1] + 2u) * 4;
		return true;
	default:
		return false;
	}
}

static bool parse6(uint32_t data_len, uint32_t pkt_len, struct ip_view *v)
{
	const uint8_t *ip = v->ip;
	uint32_t room, len;

	if (data_len < 40)
		return false;
	v->family = 6;
	v->total = 40u + rte_be_to_cpu_16(load16(ip + 4));
	v->proto = ip[6];
	v->pointer = 6;
	v->l4 = 40;
	v->fragment = false;
	v->first = true;
	if (v->total > pkt_len)
		return false;
	room = RTE_MIN(data_len, v->total);
	for (uint32_t i = 0; i < 8 && v->first && v->l4 + 8 <= room; i++) {
		const uint8_t *h = ip + v->l4;

		if (!is_extension(h, v->proto, &len))
			return true;
		if (v->proto == IPPROTO_FRAGMENT) {
			/* one that is the whole packet is none (RFC 6946) */
			v->fragment = (load16(h + 2) & RTE_BE16(0xfff9)) != 0;
			v->first = (load16(h + 2) & RTE_BE16(0xfff8)) == 0;
		}
		if (v->l4 + len > room)
			return false;
		v->authenticated |= v->proto == IPPROTO_AH;
		v->proto = h[0];
		v->pointer = v->l4;
		v->l4 += len;
	}
	const uint8_t none[2] = {0};

	/* what is left of less than 8 bytes is no extension header; nine of them are nobody's */
	return !v->first || !is_extension(none, v->proto, &len);
}

bool ip_parse(uint8_t *frame, uint32_t data_len, uint32_t pkt_len, struct ip_view *v)
{
	if (data_len < ETH + 1)
		return false;
	uint16_t type = load16(frame + 12);

	v->ip = frame + ETH;
	v->authenticated = false;
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4) && v->ip[0] >> 4 == 4)
		return parse4(data_len - ETH, pkt_len - ETH, v);
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6) && v->ip[0] >> 4 == 6)
		return parse6(data_len - ETH, pkt_len - ETH, v);
	return false;
}
