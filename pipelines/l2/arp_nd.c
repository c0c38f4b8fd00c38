/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP and Neighbor Discovery as bytes (arp_nd.h). Routers are not advertised: hosts of an l3 slice
 * are configured, or told by a router advertisement daemon of the tenant's. Runs on workers. */
#include "arp_nd.h"

#include <rte_ip.h>

#define ARP_LEN	  28u
#define FRAME_MIN 60u /* without FCS */

#define NS		135
#define NA		136
#define MESSAGE		24u /* of either, without options */
#define OPTION		8u  /* a link-layer address */
#define SOURCE_ADDRESS	1
#define TARGET_ADDRESS	2
#define FRAME_NO_OPTION (ETH_LEN + 40 + MESSAGE)

bool icmp_checksum_ok(const struct rte_mbuf *m, const struct ip_view *v)
{
	uint32_t len = v->total - v->l4;
	uint16_t sum;

	if (rte_raw_cksum_mbuf(m, ETH_LEN + v->l4, len, &sum) != 0)
		return false;
	return sum_fold(sum + (v->family == 6 ? sum_pseudo6(v->ip, len) : 0)) == 0xffff;
}

/* ---- ARP ---- */

bool arp_parse(const struct rte_mbuf *m, struct arp_view *arp)
{
	const uint8_t *a = rte_pktmbuf_mtod_offset(m, const uint8_t *, ETH_LEN);

	if (m->data_len < ETH_LEN + ARP_LEN || m->nb_segs != 1)
		return false;
	if (load16(a) != RTE_BE16(1) || load16(a + 2) != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
		a[4] != 6 || a[5] != 4)
		return false;
	if (load16(a + 6) != RTE_BE16(1) && load16(a + 6) != RTE_BE16(2))
		return false;
	*arp = (struct arp_view){.request = load16(a + 6) == RTE_BE16(1),
		.sender_mac = a + 8,
		.sender = a + 14,
		.target = a + 24};
	/* 0.0.0.0 asks whether an address is free (RFC 5227 section 2.1.1) */
	bool probe = *(const wire32_t *)arp->sender == 0;

	return is_station_mac(arp->sender_mac) && (probe || is_host_ipv4(arp->sender));
}

void arp_answer(struct rte_mbuf *m, const uint8_t *mac)
{
	uint8_t *a = rte_pktmbuf_mtod_offset(m, uint8_t *, ETH_LEN);
	uint8_t asker[10], target[4];

	memcpy(asker, a + 8, 10);
	memcpy(target, a + 24, 4);
	*(wire16_t *)(a + 6) = RTE_BE16(2);
	memcpy(a + 8, mac, 6);
	memcpy(a + 14, target, 4);
	memcpy(a + 18, asker, 10);
	memcpy(a - ETH_LEN, asker, 6);
	memcpy(a - 8, mac, 6);
	if (m->pkt_len > FRAME_MIN)
		rte_pktmbuf_trim(m, m->pkt_len - FRAME_MIN);
	memset(a + ARP_LEN, 0, m->pkt_len - ETH_LEN - ARP_LEN);
}

bool arp_request(struct rte_mbuf *m, const uint8_t *mac, const struct host_order *order)
{
	uint8_t *data = (uint8_t *)rte_pktmbuf_append(m, FRAME_MIN);

	if (data == NULL)
		return false;
	memset(data, 0, FRAME_MIN);
	uint8_t *a = data + ETH_LEN;

	*(wire16_t *)(data + 12) = RTE_BE16(RTE_ETHER_TYPE_ARP);
	*(wire16_t *)a = RTE_BE16(1);
	*(wire16_t *)(a + 2) = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	a[4] = 6;
	a[5] = 4;
	*(wire16_t *)(a + 6) = RTE_BE16(1);
	memcpy(a + 8, mac, 6);
	memcpy(a + 14, order->source, 4);
	memcpy(a + 24, order->target, 4);
	return true;
}

/* ---- Neighbor Discovery ---- */

bool is_nd(const struct ip_view *v)
{
	/* an extension header in front is no ND of ours (RFC 6980 says so of fragments) */
	return v->family == 6 && v->l4 == 40 && v->proto == IPPROTO_ICMPV6 && v->total > 40 &&
	       v->ip[40] >= 133 && v->ip[40] <= 137;
}

/* The link-layer address among the options; false: one of length 0, or beyond the end. */
static bool find_option(const uint8_t *o, uint32_t len, uint8_t kind, const uint8_t **mac)
{
	*mac = NULL;
	while (len > 0) {
		if (len < 8 || o[1] == 0 || o[1] * 8u > len)
			return false;
		if (o[0] == kind && o[1] == 1)
			*mac = o + 2;
		len -= o[1] * 8u;
		o += o[1] * 8u;
	}
	return true;
}

static bool is_unspecified(const uint8_t *a)
{
	const wire64_t *word = (const wire64_t *)a;

	return (word[0] | word[1]) == 0;
}

static bool is_solicited_node(const uint8_t *a)
{
	static const uint8_t prefix[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};

	return memcmp(a, prefix, sizeof(prefix)) == 0;
}

bool nd_parse(const struct rte_mbuf *m, const struct ip_view *v, struct nd_view *nd)
{
	const uint8_t *msg = v->ip + 40;
	uint32_t len = v->total - 40;

	if (m->nb_segs != 1 || v->ip[7] != 255 || !icmp_checksum_ok(m, v) || msg[1] != 0)
		return false;
	*nd = (struct nd_view){.type = msg[0], .source = v->ip + 8, .target = msg + 8};
	if (nd->type != NS && nd->type != NA)
		return true;
	nd->flags = nd->type == NA ? msg[4] : 0;
	if (len < MESSAGE || nd->target[0] == 0xff || is_unspecified(nd->target) ||
		!find_option(msg + MESSAGE, len - MESSAGE,
			nd->type == NS ? SOURCE_ADDRESS : TARGET_ADDRESS, &nd->mac))
		return false;
	if (nd->mac != NULL && !is_station_mac(nd->mac))
		return false;
	nd->probe = is_unspecified(nd->source);
	if (nd->type == NS) /* RFC 4861 section 7.1.1 */
		return !nd->probe || (nd->mac == NULL && is_solicited_node(v->ip + 24));
	/* section 7.1.2 */
	return !nd->probe && !(v->ip[24] == 0xff && (nd->flags & ND_SOLICITED));
}

static void checksum_set(uint8_t *ip)
{
	*(wire16_t *)(ip + 42) = 0;
	*(wire16_t *)(ip + 42) = rte_ipv6_udptcp_cksum((const struct rte_ipv6_hdr *)ip, ip + 40);
}

static const uint8_t all_nodes[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};

bool nd_answer(
	struct rte_mbuf *m, struct ip_view *v, const uint8_t *mac, uint8_t flags, uint8_t *to)
{
	uint32_t want = FRAME_NO_OPTION + OPTION;
	bool probe = is_unspecified(v->ip + 8);
	uint8_t target[16];

	if (m->pkt_len < want && rte_pktmbuf_append(m, want - m->pkt_len) == NULL)
		return false;
	if (m->pkt_len > want)
		rte_pktmbuf_trim(m, m->pkt_len - want);
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *), *ip = data + ETH_LEN, *msg = ip + 40;

	memcpy(target, msg + 8, 16);
	/* to the asker; a probe has no address yet: to all (RFC 4861 section 7.2.4) */
	memcpy(to, probe ? all_nodes_mac : to, 6);
	memcpy(data, to, 6);
	memcpy(data + 6, mac, 6);
	*(wire32_t *)ip = RTE_BE32(0x60000000);
	*(wire16_t *)(ip + 4) = RTE_BE16(MESSAGE + OPTION);
	ip[7] = 255;
	memcpy(ip + 24, probe ? all_nodes : ip + 8, 16);
	memcpy(ip + 8, target, 16);
	memset(msg, 0, 8);
	msg[0] = NA;
	msg[4] = flags | (probe ? 0 : ND_SOLICITED);
	msg[MESSAGE] = TARGET_ADDRESS;
	msg[MESSAGE + 1] = 1;
	memcpy(msg + MESSAGE + 2, mac, 6);
	checksum_set(ip);
	return true;
}

/* A message that main has ordered, with its one option: the MAC. NULL: no room. */
static uint8_t *begin_ordered(struct rte_mbuf *m, const uint8_t *mac,
	const struct host_order *order, uint8_t type, uint8_t option)
{
	uint8_t *data = (uint8_t *)rte_pktmbuf_append(m, FRAME_NO_OPTION + OPTION);

	if (data == NULL)
		return NULL;
	uint8_t *ip = data + ETH_LEN, *msg = ip + 40;

	memset(data, 0, FRAME_NO_OPTION + OPTION);
	*(wire16_t *)(data + 12) = RTE_BE16(RTE_ETHER_TYPE_IPV6);
	*(wire32_t *)ip = RTE_BE32(0x60000000);
	*(wire16_t *)(ip + 4) = RTE_BE16(MESSAGE + OPTION);
	ip[6] = IPPROTO_ICMPV6;
	ip[7] = 255;
	memcpy(ip + 8, order->source, 16);
	msg[0] = type;
	memcpy(msg + 8, order->target, 16);
	msg[MESSAGE] = option;
	msg[MESSAGE + 1] = 1;
	memcpy(msg + MESSAGE + 2, mac, 6);
	return ip;
}

bool nd_announce(
	struct rte_mbuf *m, const uint8_t *mac, const struct host_order *order, uint8_t *to)
{
	uint8_t *ip = begin_ordered(m, mac, order, NA, TARGET_ADDRESS);

	if (ip == NULL)
		return false;
	memcpy(to, all_nodes_mac, sizeof(all_nodes_mac));
	memcpy(ip + 24, all_nodes, sizeof(all_nodes));
	ip[44] = ND_ROUTER | ND_OVERRIDE;
	checksum_set(ip);
	return true;
}

bool nd_solicit(struct rte_mbuf *m, const uint8_t *mac, const struct host_order *order, uint8_t *to)
{
	uint8_t *ip = begin_ordered(m, mac, order, NS, SOURCE_ADDRESS);
	const uint8_t *t = order->target;
	const uint8_t group[16] = {
		0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, t[13], t[14], t[15]};
	const uint8_t group_mac[6] = {0x33, 0x33, 0xff, t[13], t[14], t[15]};

	if (ip == NULL)
		return false;
	bool known = is_station_mac(order->mac);

	memcpy(ip + 24, known ? t : group, 16);
	if (!known)
		memcpy(to, group_mac, 6);
	checksum_set(ip);
	return true;
}
