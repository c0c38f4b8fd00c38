/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP of IPv4 over Ethernet (RFC 826, RFC 5227): to l3 slices: noted, answered. Runs on workers. */
#include "host.h"

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
	if (!arp.request && host_has_kernel(odd)) {
		host_kernel.take(w, b, odd); /* the kernel may have asked */
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
