/* SPDX-License-Identifier: BSD-3-Clause */
/* One packet into a GTP-U tunnel, inline: the finished header of the peer's path is copied in front
 * of it and its fields are filled in. Used by gtpu_out.c for what was collected and by
 * session_line_run.c for what needs no collecting; owns nothing. */
#ifndef UPF_GTPU_PUT_H
#define UPF_GTPU_PUT_H

#include <rte_memcpy.h>

#include "flow.h"
#include "gtpu.h"
#include "hot.h"
#include "session_hot.h"
#include "shaper.h"

#define GTPU_HDR4 50 /* Ethernet 14, IPv4 20, UDP 8, GTP-U 8 */
#define GTPU_HDR6 70
#define GTPU_PSC_ROOM                                                                              \
	8 /* the octets of options and a PDU Session Container of the smallest size                \
	   */

/* What differs from packet to packet. */
struct gtpu_fields {
	uint64_t gtpu; /* the first eight octets */
	uint64_t psc;  /* the next eight; 0: not there */
	uint32_t len;  /* of what follows UDP's header */
	uint32_t hash; /* of the flow */
	uint16_t port_be;
	uint8_t tos;
};

/* RFC 6040 section 4.1, normal mode: ECN is copied. DSCP: the FAR's, else the peer's, else copied.
 */
static __rte_always_inline uint8_t gtpu_tos(
	const struct encap *e, const struct gtpu_way *a, uint8_t tos)
{
	if (!(a->tos & TOS_PEER))
		return a->tos | (tos & 3);
	return e->flags & ENCAP_DSCP_FIXED ? e->dscp | (tos & 3) : tos;
}

/* User data of len octets. */
static __rte_always_inline struct gtpu_fields gtpu_fields_of(
	const struct encap *e, const struct gtpu_way *a, uint32_t len, flow_t f)
{
	bool psc = a->flags & GTPU_WAY_PSC;
	uint32_t all = len + (psc ? GTPU_PSC_ROOM : 0);
	uint64_t flags = psc ? GTPU_FLAGS | GTPU_FLAG_E : GTPU_FLAGS;
	uint64_t type = a->flags & GTPU_WAY_UL_PSC ? 0x10 : 0;

	return (struct gtpu_fields){/* little-endian: octets from the lowest on */
		.gtpu = flags | (uint64_t)GTPU_G_PDU << 8 | (uint64_t)rte_cpu_to_be_16(all) << 16 |
			(uint64_t)a->teid_be << 32,
		.psc = psc ? (uint64_t)GTPU_EXT_PSC << 24 | 1ull << 32 | type << 40 |
				       (uint64_t)a->qfi << 48
			   : 0,
		.len = GTPU_HEADER + all,
		.hash = FLOW_HASH(f),
		.port_be = rte_cpu_to_be_16(0xc000 | (FLOW_HASH(f) & 0x3fff)),
		.tos = gtpu_tos(e, a, FLOW_TOS(f))};
}

/* As overlay_out.c's, over what lies there before any header does. Never zero on the wire.
 * gtpu_out.c. */
uint16_t gtpu_udp_checksum(const struct encap *e, const struct rte_mbuf *m,
	const struct gtpu_fields *f, uint16_t udp_len_be);

static __rte_always_inline void gtpu_grow(struct rte_mbuf *m, uint32_t n)
{
	m->data_off -= n;
	m->data_len += n;
	m->pkt_len += n;
}

static __rte_always_inline void gtpu_put_ipv4(struct switch_worker *sw, struct rte_mbuf *m,
	const struct encap *e, const struct gtpu_fields *f)
{
	uint8_t *at = rte_pktmbuf_mtod(m, uint8_t *) - (f->psc != 0 ? GTPU_PSC_ROOM : 0);
	uint16_t udp_len_be = rte_cpu_to_be_16(f->len + 8), len_be = rte_cpu_to_be_16(f->len + 28);
	uint16_t id = 0, csum = 0;

	if (unlikely(e->flags & ENCAP_IP_ID)) {
		id = ip_id_next_be(sw);
	}
	if (unlikely(e->flags & ENCAP_UDP_CSUM))
		csum = gtpu_udp_checksum(e, m, f, udp_len_be);
	uint32_t sum = e->csum_base + len_be + ((uint32_t)f->tos << 8) + id;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	/* one store: its 14 bytes of decision land in front of the header, and nobody reads them */
	rte_mov64(at - 64, (const uint8_t *)e);
	at[-35] = f->tos;
	*(wire16_t *)(at - 34) = len_be;
	*(wire16_t *)(at - 32) = id;
	*(wire16_t *)(at - 26) = ~sum;
	*(wire16_t *)(at - 16) = f->port_be;
	*(wire32_t *)(at - 12) = udp_len_be | (uint32_t)csum << 16;
	*(wire64_t *)(at - 8) = f->gtpu;
	if (f->psc != 0)
		*(wire64_t *)at = f->psc;
	gtpu_grow(m, GTPU_HDR4 + (f->psc != 0 ? GTPU_PSC_ROOM : 0));
}

/* Not inlined: the common case keeps its registers. gtpu_out.c. */
void gtpu_put_ipv6(struct rte_mbuf *m, const struct encap *e, const struct gtpu_fields *f);

/* m begins with the inner packet, which fits. */
static __rte_always_inline void gtpu_put(struct switch_worker *sw, struct rte_mbuf *m,
	const struct encap *e, const struct gtpu_way *way, flow_t flow)
{
	struct gtpu_fields f = gtpu_fields_of(e, way, m->pkt_len, flow);

	if (likely(!(e->flags & ENCAP_IPV6)))
		gtpu_put_ipv4(sw, m, e, &f);
	else
		gtpu_put_ipv6(m, e, &f);
}

#endif
