/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP of IPv4 over Ethernet (RFC 826, RFC 5227): read, answered, asked. Runs on workers. */
#include "host.h"

#define ARP_LEN	  28u
#define FRAME_MIN 60u /* without FCS */

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

/* Whose frame it is: for all, or for this gateway. */
static bool is_for_us(const struct rte_mbuf *m, uint64_t mac)
{
	const uint8_t *to = rte_pktmbuf_mtod(m, const uint8_t *);

	return (to[0] & 1) || memcmp(to, &mac, 6) == 0;
}

static void take_note(
	struct worker *w, const struct odd_packet *odd, const struct arp_view *arp, bool asks_us)
{
	struct host_report report = {.door = odd->door,
		.slice = odd->slice,
		.kind = HOST_SEEN,
		.flags = HOST_OVERRIDE,
		.family = 4};

	if (*(const wire32_t *)arp->sender == 0)
		return;
	if (asks_us)
		report.flags |= HOST_CREATE;
	if (!arp->request)
		report.flags |= HOST_ANSWER;
	memcpy(report.address, arp->sender, 4);
	memcpy(report.mac, arp->sender_mac, 6);
	host_report(w, &report);
}

void arp_take(struct worker *w, struct burst *b, const struct odd_packet *odd)
{
	uint16_t attachment = DOOR_ID(odd->door);
	uint64_t mac = slice_hot[odd->slice].mac;
	struct arp_view arp;

	if (host_from_tunnel(odd)) {
		host_drop(w, b, odd, DROP_ARP_TUNNEL);
		return;
	}
	if (!arp_parse(odd->m, &arp)) {
		host_drop(w, b, odd, DROP_ARP_INVALID);
		return;
	}
	/* our own, come back, or of another box with the same gateway: nothing to learn or to say
	 */
	bool own = memcmp(arp.sender_mac, &mac, 6) == 0;

	if (own || !is_for_us(odd->m, mac)) {
		host_drop(w, b, odd, DROP_ARP_NOTED);
		return;
	}
	if (host_is_own(odd, 4, arp.sender)) {
		host_drop(w, b, odd, DROP_ADDRESS_CONFLICT);
		return;
	}
	bool asks_us =
		arp.request && is_gateway_of(host_lookup(odd->slice, 4, arp.target), attachment);

	take_note(w, odd, &arp, asks_us);
	if (!arp.request && tap_is_there(odd)) {
		tap_take(w, b, odd); /* the kernel may have asked */
	} else if (!asks_us) {
		host_drop(w, b, odd, DROP_ARP_NOTED);
	} else if (!host_may(w, odd->slice, RATE_ANSWER)) {
		host_drop(w, b, odd, DROP_ANSWER_RATE);
	} else {
		uint8_t to[6];

		memcpy(to, arp.sender_mac, sizeof(to));
		arp_answer(odd->m, (const uint8_t *)&mac);
		w->box.answered++;
		route_send_by(w, b, odd->m, odd->slice, attachment, to);
	}
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
