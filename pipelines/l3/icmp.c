/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP (RFC 792, RFC 1812) and ICMPv6 (RFC 4443) of the switch inside l3 slices: echo answered,
 * errors sent. Runs on workers. */
#include "host.h"

#include <rte_ip.h>

#define CS6	    0xc0 /* RFC 1812 section 4.3.2.5 */
#define TTL	    64
#define ICMP_LEN    8u
#define MOST4	    576u  /* of an error, RFC 1812 section 4.3.2.3 */
#define MOST6	    1280u /* RFC 4443 section 2.4 (c) */
#define ECHO4	    8
#define ECHO6	    128
#define ECHO_REPLY6 129

/* ---- echo ---- */

/* Takes options and extension headers out: an answer begins anew. Returns the IP header. */
static uint8_t *strip_headers(struct rte_mbuf *m, struct ip_view *v)
{
	uint32_t base = v->family == 4 ? 20 : 40, extra = v->l4 - base;
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

	if (extra == 0)
		return v->ip;
	memmove(data + extra, data, ETH_LEN + base);
	rte_pktmbuf_adj(m, extra);
	v->ip += extra;
	v->total -= extra;
	v->l4 = base;
	return v->ip;
}

static void turn4(struct switch_worker *sw, uint8_t *ip, uint32_t total)
{
	uint32_t from = *(const wire32_t *)(ip + 12);

	*(wire32_t *)(ip + 12) = *(const wire32_t *)(ip + 16);
	*(wire32_t *)(ip + 16) = from;
	ip[0] = 0x45;
	*(wire16_t *)(ip + 2) = rte_cpu_to_be_16(total);
	*(wire16_t *)(ip + 4) = ip_id_next_be(sw);
	*(wire16_t *)(ip + 6) = 0;
	ip[8] = TTL;
	*(wire16_t *)(ip + 10) = 0;
	*(wire16_t *)(ip + 10) = rte_ipv4_cksum((const struct rte_ipv4_hdr *)ip);
}

static void turn6(uint8_t *ip, uint32_t total)
{
	uint8_t from[16];

	memcpy(from, ip + 8, 16);
	memcpy(ip + 8, ip + 24, 16);
	memcpy(ip + 24, from, 16);
	*(wire16_t *)(ip + 4) = rte_cpu_to_be_16(total - 40);
	ip[6] = IPPROTO_ICMPV6;
	ip[7] = TTL;
}

/* RFC 1624: the type, a word's high byte, goes from `from` to `to`. */
static void retype(uint8_t *icmp, uint8_t from, uint8_t to)
{
	uint32_t sum = (uint16_t)~load16(icmp + 2);

	sum += (uint16_t)~rte_cpu_to_be_16(from << 8) + (uint32_t)rte_cpu_to_be_16(to << 8);
	uint16_t check = ~sum_fold(sum);

	icmp[0] = to;
	/* what is left may be all zero, of which the sum is +0, not -0 (RFC 1624 section 3) */
	*(wire16_t *)(icmp + 2) = check != 0 ? check : 0xffff;
}

static void echo(struct worker *w, struct burst *b, const struct odd_packet *odd, struct ip_view *v)
{
	struct rte_mbuf *m = odd->m;
	uint8_t asker[6];

	if (!host_may(w, odd->slice, RATE_ECHO)) {
		host_drop(w, b, odd, DROP_ANSWER_RATE);
		return;
	}
	if (m->pkt_len > ETH_LEN + v->total &&
		rte_pktmbuf_trim(m, m->pkt_len - ETH_LEN - v->total) != 0) {
		host_drop(w, b, odd, DROP_ICMP_INVALID);
		return;
	}
	memcpy(asker, v->ip - 8, sizeof(asker));
	uint8_t *ip = strip_headers(m, v);

	if (v->family == 4) {
		turn4(switch_of(w), ip, v->total);
		retype(ip + v->l4, ECHO4, 0);
	} else {
		turn6(ip, v->total);
		retype(ip + v->l4, ECHO6, ECHO_REPLY6);
	}
	w->box.answered++;
	host_send_back(w, b, m, odd, asker);
}

static bool is_host(const struct ip_view *v)
{
	return v->family == 4 ? is_host_ipv4(v->ip + 12) : is_host_ipv6(v->ip + 8);
}

/* A packet that is neither echo nor anything else that a gateway takes: the kernel may. */
static void refuse(
	struct worker *w, struct burst *b, const struct odd_packet *odd, const struct ip_view *v)
{
	const uint8_t *to = v->ip + (v->family == 4 ? 16 : 24);

	if (host_has_kernel(odd) && is_host(v) && host_is_here(odd, v->family, to)) {
		host_kernel.take(w, b, odd);
		return;
	}
	bool port = v->proto == IPPROTO_UDP || (v->family == 6 && v->proto == IPPROTO_TCP);

	if (!v->fragment && v->proto != IPPROTO_ICMP && v->family == 4)
		icmp_error(w, b, odd, v, UNREACHABLE4, port ? 3 : 2, 0);
	else if (!v->fragment && v->proto != IPPROTO_ICMPV6 && v->family == 6 && port)
		icmp_error(w, b, odd, v, UNREACHABLE6, 4, 0);
	else if (!v->fragment && v->proto != IPPROTO_ICMPV6 && v->family == 6 &&
		 v->proto != IPPROTO_NONE)
		icmp_error(w, b, odd, v, PARAMETER6, 1, v->pointer); /* RFC 4443 section 3.4 */
	host_drop(w, b, odd, DROP_NOT_FOR_GATEWAY);
}

void icmp_local(struct worker *w, struct burst *b, const struct odd_packet *odd, struct ip_view *v)
{
	uint8_t proto = v->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	const uint8_t *icmp = v->ip + v->l4;

	if (v->proto != proto || v->fragment) {
		refuse(w, b, odd, v);
		return;
	}
	if (v->total < v->l4 + ICMP_LEN || odd->m->data_len < ETH_LEN + v->l4 + ICMP_LEN ||
		!icmp_checksum_ok(odd->m, v)) {
		host_drop(w, b, odd, DROP_ICMP_INVALID);
		return;
	}
	if (icmp[0] == (v->family == 4 ? ECHO4 : ECHO6) && icmp[1] == 0 && is_host(v))
		echo(w, b, odd, v);
	else
		refuse(w, b, odd, v);
}

/* ---- errors ---- */

/* ICMP messages that are no errors (RFC 1812 section 4.3.2.7 forbids errors about errors): what is
 * not known is taken for one. */
static bool is_query4(uint8_t type)
{
	return type == 0 || type == 8 || (type >= 9 && type <= 10) || (type >= 13 && type <= 18);
}

/* RFC 1812 section 4.3.2.7, RFC 4443 section 2.4 (e): what nothing is said about. */
static bool may_complain(const struct odd_packet *odd, const struct ip_view *v)
{
	bool v4 = v->family == 4;
	const uint8_t *to = v->ip + (v4 ? 16 : 24);
	bool has_type = v->total > v->l4 && odd->m->data_len > ETH_LEN + v->l4;
	uint8_t type = has_type ? v->ip[v->l4] : 0;

	if ((v->ip[-14] & 1) || !v->first || !is_host(v) || to[0] == 0xff || (v4 && to[0] >= 224))
		return false;
	if (v4 && v->proto == IPPROTO_ICMP)
		return has_type && is_query4(type);
	if (!v4 && v->proto == IPPROTO_ICMPV6)
		return has_type && type >= 128 && type != 137;
	return true;
}

/* What the error is sent from: an address of the door's, or else of the slice's. Of an intermediate
 * UPF to the anchor it is the UE's, which the packet went to: the anchor takes no other in that
 * tunnel (TS 29.244, 8.2.62). To the UE, too, it is the receiver's where the slice has no
 * address: what the UE matches is the packet that is quoted. */
static const uint8_t *source_of(
	const struct odd_packet *odd, const struct ip_view *v, const bool v4)
{
	const uint8_t *receiver = v->ip + (v4 ? 16 : 24);

	if (odd->in_session)
		return receiver;
	const struct l3_source *s = host_from_tunnel(odd) ? &slice_source[odd->slice]
							  : &attachment_source[DOOR_ID(odd->door)];
	uint32_t index = __atomic_load_n(v4 ? &s->v4 : &s->v6, __ATOMIC_RELAXED);

	if (index == 0) {
		s = &slice_source[odd->slice];
		index = __atomic_load_n(v4 ? &s->v4 : &s->v6, __ATOMIC_RELAXED);
	}
	return index != 0 ? nexthop_address[index].bytes : odd->back != 0 ? receiver : NULL;
}

static uint8_t *header4(struct switch_worker *sw, uint8_t *ip, const struct ip_view *v,
	const uint8_t *source, uint32_t quote)
{
	memset(ip, 0, 20 + ICMP_LEN);
	ip[0] = 0x45;
	ip[1] = CS6;
	*(wire16_t *)(ip + 2) = rte_cpu_to_be_16(20 + ICMP_LEN + quote);
	*(wire16_t *)(ip + 4) = ip_id_next_be(sw);
	ip[8] = TTL;
	ip[9] = IPPROTO_ICMP;
	memcpy(ip + 12, source, 4);
	memcpy(ip + 16, v->ip + 12, 4);
	*(wire16_t *)(ip + 10) = rte_ipv4_cksum((const struct rte_ipv4_hdr *)ip);
	return ip + 20;
}

static uint8_t *header6(uint8_t *ip, const struct ip_view *v, const uint8_t *source, uint32_t quote)
{
	memset(ip, 0, 40 + ICMP_LEN);
	*(wire32_t *)ip = rte_cpu_to_be_32(6u << 28 | (uint32_t)CS6 << 20);
	*(wire16_t *)(ip + 4) = rte_cpu_to_be_16(ICMP_LEN + quote);
	ip[6] = IPPROTO_ICMPV6;
	ip[7] = TTL;
	memcpy(ip + 8, source, 16);
	memcpy(ip + 24, v->ip + 8, 16);
	return ip + 40;
}

/* The whole error in e, which is empty: false when the buffer has no room. */
static bool compose(struct switch_worker *sw, struct rte_mbuf *e, const struct odd_packet *odd,
	const struct ip_view *v, const uint8_t *source, uint32_t first_word, uint32_t what)
{
	bool v4 = v->family == 4;
	uint32_t head = (v4 ? 20 : 40) + ICMP_LEN;
	uint32_t quote = RTE_MIN(v->total, (v4 ? MOST4 : MOST6) - head);
	uint8_t *data = (uint8_t *)rte_pktmbuf_append(e, ETH_LEN + head + quote);

	if (data == NULL)
		return false;
	uint8_t *ip = data + ETH_LEN, *to = ip + head;
	const uint8_t *from = rte_pktmbuf_read(odd->m, ETH_LEN, quote, to);

	if (from != to)
		memcpy(to, from, quote);
	*(wire16_t *)(data + 12) =
		v4 ? RTE_BE16(RTE_ETHER_TYPE_IPV4) : RTE_BE16(RTE_ETHER_TYPE_IPV6);
	uint8_t *icmp = v4 ? header4(sw, ip, v, source, quote) : header6(ip, v, source, quote);
	uint32_t len = ICMP_LEN + quote;

	icmp[0] = first_word >> 8;
	icmp[1] = first_word;
	*(wire32_t *)(icmp + 4) = rte_cpu_to_be_32(what);
	*(wire16_t *)(icmp + 2) =
		~sum_fold(rte_raw_cksum(icmp, len) + (v4 ? 0 : sum_pseudo6(ip, len)));
	return true;
}

void icmp_error(struct worker *w, struct burst *b, const struct odd_packet *odd,
	const struct ip_view *v, uint8_t type, uint8_t code, uint32_t what)
{
	const uint8_t *source;

	if (!may_complain(odd, v) || (source = source_of(odd, v, v->family == 4)) == NULL)
		return;
	struct rte_mbuf *e =
		host_may(w, odd->slice, RATE_ERROR) ? rte_pktmbuf_alloc(odd->m->pool) : NULL;

	if (e == NULL || !compose(switch_of(w), e, odd, v, source, type << 8 | code, what)) {
		w->box.errors_held++;
		rte_pktmbuf_free(e);
		return;
	}
	w->box.originated++;
	host_send_back(w, b, e, odd, v->ip - 8);
}
