/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet, IP and UDP around an answer. Runs on workers. */
#include "gtpu_control_frame.h"

#include <rte_ip.h>
#include <rte_udp.h>

#include "gtpu.h"
#include "host.h"

#define TTL 64
#define UDP 8u

bool gtpu_sender_read(const struct rte_mbuf *m, uint32_t at, struct gtpu_sender *out)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *), *ip = data + ETH_LEN;

	memset(out, 0, sizeof(*out));
	memcpy(out->our_mac, data, 6);
	memcpy(out->their_mac, data + 6, 6);
	out->port_be = load16(data + at - UDP);
	out->family = ip[0] >> 4;
	/* ECN is not copied: an answer is not part of a flow that reacts to it */
	if (out->family == 4) {
		out->tos = ip[1] & 0xfc;
		memcpy(out->them, ip + 12, 4);
		memcpy(out->us, ip + 16, 4);
	} else {
		out->tos = rte_be_to_cpu_16(load16(ip)) >> 4 & 0xfc;
		memcpy(out->them, ip + 8, 16);
		memcpy(out->us, ip + 24, 16);
	}
	return out->port_be != 0 && is_station_mac(out->their_mac) &&
	       (out->family == 4 ? is_host_ipv4(out->them) : is_host_ipv6(out->them));
}

static void write4(struct switch_worker *sw, uint8_t *ip, const struct gtpu_sender *to, uint32_t n)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 20);

	memset(ip, 0, 20);
	ip[0] = 0x45;
	ip[1] = to->tos;
	*(wire16_t *)(ip + 2) = rte_cpu_to_be_16((uint16_t)(20 + UDP + n));
	*(wire16_t *)(ip + 4) = ip_id_next_be(sw);
	ip[6] = 0x40; /* DF */
	ip[8] = TTL;
	ip[9] = IPPROTO_UDP;
	memcpy(ip + 12, to->us, 4);
	memcpy(ip + 16, to->them, 4);
	*(wire16_t *)(ip + 10) = rte_ipv4_cksum((const struct rte_ipv4_hdr *)ip);
	udp->dgram_cksum = rte_ipv4_udptcp_cksum((const struct rte_ipv4_hdr *)ip, udp);
}

static void write6(uint8_t *ip, const struct gtpu_sender *to, uint32_t n)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 40);

	*(wire32_t *)ip = rte_cpu_to_be_32(6u << 28 | (uint32_t)to->tos << 20);
	*(wire16_t *)(ip + 4) = rte_cpu_to_be_16((uint16_t)(UDP + n));
	ip[6] = IPPROTO_UDP;
	ip[7] = TTL;
	memcpy(ip + 8, to->us, 16);
	memcpy(ip + 24, to->them, 16);
	udp->dgram_cksum = rte_ipv6_udptcp_cksum((const struct rte_ipv6_hdr *)ip, udp);
}

bool gtpu_frame_write(struct switch_worker *sw, struct rte_mbuf *m, const struct gtpu_sender *to,
	uint16_t port_be, const uint8_t *message, uint32_t len)
{
	uint32_t ip_len = to->family == 4 ? 20 : 40;
	uint8_t *data = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(ETH_LEN + ip_len + UDP + len));

	if (data == NULL)
		return false;
	uint8_t *ip = data + ETH_LEN, *udp = ip + ip_len;

	memcpy(data, to->their_mac, 6);
	memcpy(data + 6, to->our_mac, 6);
	*(wire16_t *)(data + 12) =
		to->family == 4 ? RTE_BE16(RTE_ETHER_TYPE_IPV4) : RTE_BE16(RTE_ETHER_TYPE_IPV6);
	*(wire16_t *)udp = RTE_BE16(GTPU_PORT);
	*(wire16_t *)(udp + 2) = port_be;
	*(wire16_t *)(udp + 4) = rte_cpu_to_be_16((uint16_t)(UDP + len));
	*(wire16_t *)(udp + 6) = 0;
	memcpy(udp + UDP, message, len);
	if (to->family == 4)
		write4(sw, ip, to, len);
	else
		write6(ip, to, len);
	return true;
}
