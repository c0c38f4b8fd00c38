/* SPDX-License-Identifier: BSD-3-Clause */
/* GTP-U that is no user data of a session: echo requests are answered, unknown TEIDs and
 * extension headers are told their sender, what peers tell us goes to main (TS 29.281 clause 7).
 * Runs on workers.
 *
 * Answers leave by the port the packet came in by, to the MAC it came from: whoever asks need not
 * be a peer, so there is no path to look up. All that strangers can ask for or tell has a rate, and
 * no peer's rate is theirs. */
#include "gtpu_control.h"

#include <rte_ip.h>
#include <rte_udp.h>
#include <stdbool.h>
#include <stdint.h>

#include "gtpu.h"
#include "gtpu_out.h"
#include "gtpu_path.h"
#include "host.h"
#include "hot.h"
#include "tunnel.h"
#include "shaper.h"
#include "upf_worker.h"

#define GTPU_CONTROL_MAX 64u /* bytes of any message sent so */

struct gtpu_sender {
	uint8_t our_mac[6], their_mac[6];
	uint8_t family;
	uint8_t tos;
	uint16_t port_be;	  /* theirs */
	uint8_t us[16], them[16]; /* IPv4 in the first four */
};

/* ==== frames ==== */

#define TTL 64
#define UDP 8u

/* Who sent m, a UDP packet with its payload at `at`. False: nobody that can be answered (a source
 * address no host has). */
static bool gtpu_sender_read(const struct rte_mbuf *m, uint32_t at, struct gtpu_sender *out)
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

/* Writes the whole frame into m, which is empty. False: no room. */
static bool gtpu_frame_write(struct switch_worker *sw, struct rte_mbuf *m,
	const struct gtpu_sender *to, uint16_t port_be, const uint8_t *message, uint32_t len)
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

/* ==== messages ==== */

static uint32_t share_of(const struct gtpu_sender *from)
{
	return from->family == 4 ? peer_share4(from->us, from->them)
				 : peer_share6(from->us, from->them);
}

/* k: a bucket for each share. */
static bool may(struct worker *w, struct bucket *k, const struct gtpu_sender *from, uint64_t cost)
{
	return bucket_take(&k[share_of(from)], w->now_tsc, rte_get_tsc_hz() / 10, cost);
}

/* ---- answers ---- */

static void send_out(struct worker *w, struct burst *b, struct rte_mbuf *m)
{
	if (unlikely(!port_hot[b->port].live)) {
		worker_drop(w, b, m, DROP_PORT_GONE);
		return;
	}
	shaper_mark(m, MARK_BOX, 0);
	worker_tx(w, b->port, m);
}

static void echo(struct worker *w, struct burst *b, uint32_t i, const struct gtpu_header *h)
{
	struct upf_worker *upf = switch_of(w)->upf;
	struct rte_mbuf *m = b->gtpu[i];
	uint8_t text[GTPU_CONTROL_MAX];
	struct gtpu_sender from;

	if (!gtpu_sender_read(m, b->gtpu_at[i], &from)) {
		worker_drop(w, b, m, DROP_GTPU_MESSAGE);
		return;
	}
	if (!may(w, upf->answers, &from, upf->answer_cost)) {
		worker_drop(w, b, m, DROP_GTPU_RATE);
		return;
	}
	size_t len = gtpu_write_echo_response(text, sizeof(text), h->sequence);

	rte_pktmbuf_free(m->next);
	m->next = NULL;
	m->nb_segs = 1;
	m->data_len = m->pkt_len = 0;
	/* to the port it came from (4.4.2.2), which need not be 2152 */
	if (!gtpu_frame_write(switch_of(w), m, &from, from.port_be, text, (uint32_t)len)) {
		worker_drop(w, b, m, DROP_GTPU_MESSAGE);
		return;
	}
	TRACE(b, m, STAGE_GTPU_IN, "echo request, answered");
	w->box.answered++;
	send_out(w, b, m);
}

/* A message of the switch's own about gtpu[i], to its sender's port 2152 (4.4.2.3, 4.4.2.4). */
static void originate(struct worker *w, struct burst *b, uint32_t i, const struct gtpu_sender *from,
	const uint8_t *text, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->gtpu[i]->pool);

	if (m == NULL || !gtpu_frame_write(switch_of(w), m, from, RTE_BE16(GTPU_PORT), text, len)) {
		w->box.errors_held++;
		rte_pktmbuf_free(m);
		return;
	}
	w->box.originated++;
	send_out(w, b, m);
}

static void teid_unknown(struct worker *w, struct burst *b, uint32_t i, const struct gtpu_header *h)
{
	struct upf_worker *upf = switch_of(w)->upf;
	uint8_t text[GTPU_CONTROL_MAX];
	struct gtpu_sender from;

	if (!gtpu_sender_read(b->gtpu[i], b->gtpu_at[i], &from)) {
		w->box.errors_held++;
	} else if (!may(w, upf->errors, &from, upf->error_cost)) {
		w->box.errors_held++;
	} else {
		size_t len = gtpu_write_error_indication(
			text, sizeof(text), h->teid_be, from.us, from.family == 4 ? 4 : 16, 0);

		originate(w, b, i, &from, text, (uint32_t)len);
	}
	worker_drop(w, b, b->gtpu[i], DROP_GTPU_TEID_UNKNOWN);
}

static void extension_unknown(
	struct worker *w, struct burst *b, uint32_t i, const struct gtpu_header *h)
{
	struct upf_worker *upf = switch_of(w)->upf;
	uint8_t text[GTPU_CONTROL_MAX];
	struct gtpu_sender from;

	/* nothing is said about what itself says what is supported: two ends would go on for ever
	 */
	if (h->type == GTPU_SUPPORTED_EXTENSIONS ||
		!gtpu_sender_read(b->gtpu[i], b->gtpu_at[i], &from) ||
		!may(w, upf->errors, &from, upf->error_cost)) {
		w->box.errors_held++;
	} else {
		size_t len = gtpu_write_supported_extensions(text, sizeof(text), h->sequence);

		originate(w, b, i, &from, text, (uint32_t)len);
	}
	worker_drop(w, b, b->gtpu[i], DROP_GTPU_EXTENSION);
}

/* ---- for main ---- */

static const uint8_t *payload_of(const struct burst *b, uint32_t i, const struct gtpu_header *h)
{
	const struct rte_mbuf *m = b->gtpu[i];

	return b->gtpu_at[i] + h->payload + h->payload_len <= m->data_len
		       ? rte_pktmbuf_mtod_offset(m, const uint8_t *, b->gtpu_at[i] + h->payload)
		       : NULL;
}

static void echo_answered(
	struct worker *w, struct burst *b, uint32_t i, const struct gtpu_header *h)
{
	struct upf_worker *upf = switch_of(w)->upf;
	struct gtpu_sender from;
	struct upf_report report = {
		.kind = REPORT_ECHO, .gtpu = b->gtpu_id[i], .sequence = h->sequence};

	if (!gtpu_sender_read(b->gtpu[i], b->gtpu_at[i], &from)) {
		worker_drop(w, b, b->gtpu[i], DROP_GTPU_MESSAGE);
		return;
	}
	/* Only peers are asked. A flood of answers that nobody asked for, or of requests, keeps no
	 * peer's answer out: its number is one of 65,536. */
	if (share_of(&from) == PEER_STRANGERS) {
		worker_drop(w, b, b->gtpu[i], DROP_GTPU_TAKEN);
		return;
	}
	if (!gtpu_path_waits_for(h->sequence) &&
		(h->sequence != 0 || !may(w, upf->responses, &from, upf->answer_cost))) {
		worker_drop(w, b, b->gtpu[i], h->sequence != 0 ? DROP_GTPU_TAKEN : DROP_GTPU_RATE);
		return;
	}
	report.family = from.family;
	memcpy(report.address, from.them, sizeof(report.address));
	upf_report(w, &report);
	worker_drop(w, b, b->gtpu[i], DROP_GTPU_TAKEN);
}

static void error_indicated(
	struct worker *w, struct burst *b, uint32_t i, const struct gtpu_header *h)
{
	struct upf_worker *upf = switch_of(w)->upf;
	const uint8_t *payload = payload_of(b, i, h);
	struct gtpu_error_indication e;
	struct gtpu_sender from;
	struct upf_report report = {.kind = REPORT_ERROR_INDICATION, .gtpu = b->gtpu_id[i]};

	if (payload == NULL || gtpu_read_error_indication(payload, h->payload_len, &e) != 0) {
		worker_drop(w, b, b->gtpu[i], DROP_GTPU_HEADER);
		return;
	}
	/* nothing is sent to a sender of no use, and main goes by what is named */
	gtpu_sender_read(b->gtpu[i], b->gtpu_at[i], &from);
	if (!may(w, upf->indications, &from, upf->error_cost)) {
		worker_drop(w, b, b->gtpu[i], DROP_GTPU_RATE);
		return;
	}
	report.stranger = share_of(&from) == PEER_STRANGERS;
	report.teid_be = e.teid_be;
	report.family = e.address_len == 4 ? 4 : 6;
	memcpy(report.address, e.address, sizeof(report.address));
	upf_report(w, &report);
	worker_drop(w, b, b->gtpu[i], DROP_GTPU_TAKEN);
}

/* ---- end markers ---- */

/* The block that has this F-TEID, and its group. NULL: none. */
static const struct session_block *find(
	uint8_t gtpu, uint32_t teid_be, const struct session_group **group)
{
	uint32_t teid = rte_be_to_cpu_32(teid_be), session = TEID_SESSION(teid);
	uint32_t g = TEID_GROUP(teid);
	uint64_t key = TEID_KEY(gtpu, teid);

	for (uint32_t try = 0; try < 2; try++) {
		/* acquire: pairs with the release in session_commit() */
		const struct session_block *s =
			__atomic_load_n(&session_block[session], __ATOMIC_ACQUIRE);

		if (s != NULL && g < s->groups) {
			*group = session_group_at(s, g);
			if ((*group)->teid_be == teid_be && (*group)->gtpu == gtpu)
				return s;
		}
		/* not one that was chosen here */
		const uint64_t *word = exact_find(&teid_table, &key);
		uint64_t value = word != NULL ? __atomic_load_n(word, __ATOMIC_RELAXED) : 0;

		if (SESSION_OF(value) == 0)
			return NULL;
		session = SESSION_OF(value);
		g = SESSION_GROUP_OF(value);
	}
	return NULL;
}

static const struct session_act *tunnel_act(const struct session_group *g)
{
	for (uint32_t i = 0; i < g->acts; i++)
		if (session_acts(g)[i].what == ACT_GTPU)
			return &session_acts(g)[i];
	return NULL;
}

/* From a tunnel whose packets go on into another, it goes on as well (TS 23.501 5.6.4.2: a
 * branching point); else this is the end that it was for. */
static void end_marker(struct worker *w, struct burst *b, uint32_t i, const struct gtpu_header *h)
{
	struct rte_mbuf *m = b->gtpu[i];
	const struct session_group *g = NULL;
	const struct session_block *s = find(b->gtpu_id[i], h->teid_be, &g);
	const struct session_act *act = s != NULL ? tunnel_act(g) : NULL;

	if (act == NULL) {
		worker_drop(w, b, m, s != NULL ? DROP_GTPU_TAKEN : DROP_GTPU_TEID_UNKNOWN);
		return;
	}
	rte_pktmbuf_adj(m, b->gtpu_at[i]); /* headers are in the first buffer */
	size_t len = gtpu_write(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, GTPU_END_MARKER,
		act->teid_be, false, 0, h->has_psc ? &h->psc : NULL, 0);

	rte_pktmbuf_free(m->next);
	m->next = NULL;
	m->nb_segs = 1;
	m->pkt_len = m->data_len = (uint16_t)len;
	if (b->to_gtpus > 0) /* what came before it */
		gtpu_out_run(w, b);
	gtpu_send(w, b, m, s->slice, act->peer);
}

/* ---- which ---- */

static void message(struct worker *w, struct burst *b, uint32_t i, const struct gtpu_header *h)
{
	switch (h->type) {
	case GTPU_ECHO_REQUEST:
		echo(w, b, i, h);
		break;
	case GTPU_ECHO_RESPONSE:
		echo_answered(w, b, i, h);
		break;
	case GTPU_ERROR_INDICATION:
		error_indicated(w, b, i, h);
		break;
	case GTPU_SUPPORTED_EXTENSIONS:
		worker_drop(w, b, b->gtpu[i], DROP_GTPU_TAKEN); /* only one is ever sent */
		break;
	case GTPU_END_MARKER:
		end_marker(w, b, i, h);
		break;
	case GTPU_G_PDU:
		if (h->teid_be == 0)
			worker_drop(w, b, b->gtpu[i], DROP_GTPU_TEID_ZERO);
		else
			teid_unknown(w, b, i, h);
		break;
	default:
		worker_drop(w, b, b->gtpu[i], DROP_GTPU_MESSAGE);
	}
}

void gtpu_control(struct worker *w, struct burst *b, uint32_t i, enum gtpu_error error,
	const struct gtpu_header *h)
{
	switch (error) {
	case GTPU_OK:
		message(w, b, i, h);
		break;
	case GTPU_UNKNOWN_EXTENSION:
		extension_unknown(w, b, i, h);
		break;
	case GTPU_BAD_EXTENSION:
	case GTPU_BAD_PSC:
		worker_drop(w, b, b->gtpu[i], DROP_GTPU_EXTENSION);
		break;
	case GTPU_BAD_VERSION:
	case GTPU_BAD_PROTOCOL:
	case GTPU_BAD_LENGTH:
		worker_drop(w, b, b->gtpu[i], DROP_GTPU_HEADER);
		break;
	}
}
