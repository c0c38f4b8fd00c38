/* SPDX-License-Identifier: BSD-3-Clause */
/* Flow keys of packets that are not plain: IPv6 and its extension headers, options, fragments,
 * ESP, Ethernet frames. */
#include "flow_key.h"

#include <rte_ether.h>
#include <string.h>

#define UPPER_ESP 50
#define UPPER_AH  51

static bool has_ports(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_DCCP:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
		return true;
	}
	return false;
}

/* What follows the IP headers: len bytes at p. */
static void upper_of(const uint8_t *p, uint32_t len, bool uplink, struct flow_key *key)
{
	if (has_ports(key->proto) && len >= 4) {
		uint16_t source = rte_be_to_cpu_16(*(const wire16_t *)p);
		uint16_t destination = rte_be_to_cpu_16(*(const wire16_t *)(p + 2));

		key->remote_port = uplink ? destination : source;
		key->local_port = uplink ? source : destination;
		key->flags |= KEY_PORTS;
	} else if (key->proto == UPPER_ESP && len >= 4) { /* RFC 4303 section 2 */
		key->spi = rte_be_to_cpu_32(*(const wire32_t *)p);
	} else if (key->proto == UPPER_AH && len >= 8) { /* RFC 4302 section 2 */
		key->spi = rte_be_to_cpu_32(*(const wire32_t *)(p + 4));
	}
}

static void key_of_ipv4(const uint8_t *ip, uint32_t len, bool uplink, struct flow_key *key)
{
	uint32_t header = (ip[0] & 0xf) * 4u;

	key->flags = KEY_V4;
	key->tos = ip[1];
	key->proto = ip[9];
	key->remote[0] = rte_be_to_cpu_32(*(const wire32_t *)(ip + (uplink ? 16 : 12)));
	key->local[0] = rte_be_to_cpu_32(*(const wire32_t *)(ip + (uplink ? 12 : 16)));
	len = RTE_MIN(len, rte_be_to_cpu_16(*(const wire16_t *)(ip + 2)));
	if ((*(const wire16_t *)(ip + 6) & RTE_BE16(0x1fff)) == 0 && header >= 20 && header < len)
		upper_of(ip + header, len - header, uplink, key);
}

/* Passes by extension headers from ip + *at on; key->proto is the upper one's, or that of where it
 * ends. False: nothing of the upper header is in this packet. */
static bool chain_walk(const uint8_t *ip, uint32_t len, uint32_t *at, struct flow_key *key)
{
	for (uint32_t n = 0; n < FLOW_KEY_HEADERS; n++) {
		const uint8_t *p = ip + *at;
		bool later = false;

		switch (key->proto) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_FRAGMENT:
			break;
		default:
			return true;
		}
		if (*at + 8 > len)
			return false;
		if (key->proto == IPPROTO_FRAGMENT) {
			*at += 8;
			later = (*(const wire16_t *)(p + 2) & RTE_BE16(0xfff8)) != 0;
		} else {
			*at += 8u + p[1] * 8u;
		}
		key->proto = p[0];
		if (later || *at > len)
			return false;
	}
	return true;
}

static void key_of_ipv6(const uint8_t *ip, uint32_t len, bool uplink, struct flow_key *key)
{
	const wire32_t *source = (const wire32_t *)(ip + 8), *destination = source + 4;
	uint32_t first = rte_be_to_cpu_32(*(const wire32_t *)ip), at = 40;

	key->flags = KEY_V6;
	key->tos = first >> 20;
	key->flow_label = first & 0xfffff;
	key->proto = ip[6];
	for (uint32_t i = 0; i < 4; i++) {
		key->remote[i] = rte_be_to_cpu_32(uplink ? destination[i] : source[i]);
		key->local[i] = rte_be_to_cpu_32(uplink ? source[i] : destination[i]);
	}
	len = RTE_MIN(len, 40u + rte_be_to_cpu_16(*(const wire16_t *)(ip + 4)));
	if (chain_walk(ip, len, &at, key))
		upper_of(ip + at, len - at, uplink, key);
}

void flow_key_any(const uint8_t *ip, uint32_t len, bool uplink, struct flow_key *key)
{
	memset(key, 0, sizeof(*key));
	key->qfi = QFI_NONE;
	if (len >= 20 && ip[0] >> 4 == 4)
		key_of_ipv4(ip, len, uplink, key);
	else if (len >= 40 && ip[0] >> 4 == 6)
		key_of_ipv6(ip, len, uplink, key);
}

void flow_key_of_frame(const uint8_t *frame, uint32_t len, struct flow_key *key)
{
	uint32_t at = 12;

	memset(key, 0, sizeof(*key));
	key->qfi = QFI_NONE;
	if (len < RTE_ETHER_HDR_LEN)
		return;
	key->flags = KEY_FRAME;
	key->frame = frame;
	key->ethertype = rte_be_to_cpu_16(*(const wire16_t *)(frame + at));
	for (uint32_t tags = 0; tags < 2 && at + 6 <= len; tags++) {
		if (key->ethertype != RTE_ETHER_TYPE_VLAN && key->ethertype != RTE_ETHER_TYPE_QINQ)
			break;
		if (tags == 0)
			key->vlan = rte_be_to_cpu_16(*(const wire16_t *)(frame + at + 2)) & 0xfff;
		at += 4;
		key->ethertype = rte_be_to_cpu_16(*(const wire16_t *)(frame + at));
	}
}
