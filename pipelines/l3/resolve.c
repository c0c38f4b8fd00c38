/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP (RFC 826, RFC 5227) and Neighbor Discovery (RFC 4861) to l3 slices, noted and answered.
 * Routers are not advertised: hosts are configured, or told by a router advertisement daemon of the
 * tenant's. Runs on workers. */
#include "host.h"

/* Whose frame it is: for all, or for this gateway. */
static bool is_for_us(const struct rte_mbuf *m, uint64_t mac)
{
	const uint8_t *to = rte_pktmbuf_mtod(m, const uint8_t *);

	return (to[0] & 1) || memcmp(to, &mac, 6) == 0;
}

static void arp_note(
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

	arp_note(w, odd, &arp, asks_us);
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

#define NS 135
#define NA 136

/* A gateway address of this attachment, or the link-local one. */
static bool is_ours(const struct odd_packet *odd, const uint8_t *address)
{
	uint8_t link_local[16];

	host_link_local(slice_hot[odd->slice].mac, link_local);
	return memcmp(address, link_local, 16) == 0 ||
	       is_gateway_of(host_lookup(odd->slice, 6, address), DOOR_ID(odd->door));
}

static void nd_note(struct worker *w, const struct odd_packet *odd, const struct ip_view *v,
	const struct nd_view *nd, bool asks_us)
{
	struct host_report report = {
		.door = odd->door, .slice = odd->slice, .kind = HOST_SEEN, .family = 6};

	/* the nd_reply to a unicast solicitation may come without its address (RFC 4861 section
	 * 7.2.4): it confirms the one that is known, and overrides nothing; where none is known it
	 * is no nd_reply (section 7.2.5) */
	bool confirms = nd->type == NA && (nd->flags & ND_SOLICITED);

	if (nd->probe || (nd->mac == NULL && !confirms))
		return;
	if (nd->type == NS)
		report.flags = HOST_OVERRIDE | (asks_us ? HOST_CREATE : 0);
	else
		report.flags = (nd->flags & ND_OVERRIDE && nd->mac != NULL ? HOST_OVERRIDE : 0) |
			       (nd->flags & ND_SOLICITED ? HOST_ANSWER : 0) |
			       (nd->mac == NULL ? HOST_UNSAID : 0);
	memcpy(report.address, nd->type == NS ? nd->source : nd->target, 16);
	memcpy(report.mac, nd->mac != NULL ? nd->mac : v->ip - 8, 6);
	host_report(w, &report);
}

static void nd_reply(struct worker *w, struct burst *b, const struct odd_packet *odd,
	struct ip_view *v, const struct nd_view *nd)
{
	uint64_t mac = slice_hot[odd->slice].mac;
	uint8_t to[6];

	if (!host_may(w, odd->slice, RATE_ANSWER)) {
		host_drop(w, b, odd, DROP_ANSWER_RATE);
		return;
	}
	/* a unicast solicitation may leave the option out: its asker is known, to itself at least
	 */
	memcpy(to, nd->mac != NULL ? nd->mac : v->ip - 8, sizeof(to));
	if (!is_station_mac(to) ||
		!nd_answer(odd->m, v, (const uint8_t *)&mac, ND_ROUTER | ND_OVERRIDE, to)) {
		host_drop(w, b, odd, DROP_ND_INVALID);
		return;
	}
	w->box.answered++;
	route_send_by(w, b, odd->m, odd->slice, DOOR_ID(odd->door), to);
}

void nd_take(struct worker *w, struct burst *b, const struct odd_packet *odd, struct ip_view *v)
{
	uint64_t mac = slice_hot[odd->slice].mac;
	struct nd_view nd;

	if (host_from_tunnel(odd)) {
		host_drop(w, b, odd, DROP_ARP_TUNNEL);
		return;
	}
	if (!nd_parse(odd->m, v, &nd)) {
		host_drop(w, b, odd, DROP_ND_INVALID);
		return;
	}
	bool own =
		memcmp(v->ip - 8, &mac, 6) == 0 || (nd.mac != NULL && memcmp(nd.mac, &mac, 6) == 0);

	if (own || (nd.type != NS && nd.type != NA)) {
		/* routers speak to routers, and hosts ask for them */
		if (!own && host_has_kernel(odd))
			host_kernel.take(w, b, odd);
		else
			host_drop(w, b, odd, DROP_ARP_NOTED);
		return;
	}
	/* whoever says that it has one of our addresses: asking from it, or answering for it */
	if (nd.type == NS ? !nd.probe && host_is_own(odd, 6, nd.source)
			  : host_is_own(odd, 6, nd.target)) {
		host_drop(w, b, odd, DROP_ADDRESS_CONFLICT);
		return;
	}
	bool asks_us = nd.type == NS && is_ours(odd, nd.target);

	nd_note(w, odd, v, &nd, asks_us);
	if (asks_us)
		nd_reply(w, b, odd, v, &nd);
	else if (nd.type == NA && host_has_kernel(odd))
		host_kernel.take(w, b, odd); /* the kernel may have asked */
	else
		host_drop(w, b, odd, DROP_ARP_NOTED);
}
