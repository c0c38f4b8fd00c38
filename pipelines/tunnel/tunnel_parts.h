/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the room tunnel have of each other: the endpoint tables (vtep.c), fragments put
 * together (reassembly.c) and made (fragment.c), and MSS clamping (mss.c). */
#ifndef TUNNEL_TUNNEL_PARTS_H
#define TUNNEL_TUNNEL_PARTS_H

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <stdbool.h>
#include <stdint.h>

#include "types.h"
#include "wire.h"

struct burst;
struct rte_mbuf;
struct worker;

/* ---- the endpoint tables: (local, remote, UDP port, VNI) → slice and tunnel ----
 * Main thread. What is added takes over an entry that is there: tunnels, slices and gtpus of one
 * transaction may exchange what they have, one after the other, and who leaves what another has
 * taken over leaves it alone. */

int vtep_init(void);
void vtep_fini(void);

/* The tunnel's far end becomes known, or unknown again; counts its local address and UDP port. */
void vtep_peer(const struct api_tunnel *cfg, uint16_t tunnel, bool add);
/* Its VNI leads into the slice, or nowhere again. */
void vtep_member(
	const struct api_tunnel *cfg, uint32_t vni_be, uint16_t slice, uint16_t tunnel, bool add);

/* Does it lead there now? */
bool vtep_is_member(const struct api_tunnel *cfg, uint32_t vni_be, uint16_t slice);

/* ---- fragments of packets to the box's tunnel endpoints, put together again; workers ---- */

/* Takes m; returns the whole packet in one buffer, or NULL while parts are missing or it was
 * dropped (counted). l3_len: of the IPv4 header. share: whose it is (peer_share4());
 * where shares flood, the others have their room. */
struct rte_mbuf *reassembly_add4(
	struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t l3_len, uint32_t share);
struct rte_mbuf *reassembly_add6(
	struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t share);

/* ---- fragments of outer packets, for tunnels with `fragment`; workers ---- */

#define FRAGMENTS_MAX 32

/* Cuts an encapsulated packet (Ethernet, IPv4 without options or IPv6 without extension headers;
 * larger than mtu) into fragments whose IP packets have at most mtu bytes (576 or more): RFC 791
 * section 3.2, RFC 8200 section 4.5. id: host order, the low half for IPv4. Takes m; returns how
 * many stand in piece[FRAGMENTS_MAX], first fragment first, or 0 when they are too many or buffers
 * are missing: m is the caller's as it was. Workers. */
uint32_t fragment_make(struct rte_mbuf *m, uint32_t mtu, uint32_t id, struct rte_mbuf **piece);

/* ---- MSS clamping: a TCP connection through a tunnel is told, as it begins, of segments that fit
 * it; workers ---- */

/* Lowers the MSS option of a SYN (with or without ACK) inside a frame so that the packets it asks
 * for, IP header included, are of at most max_ip bytes; puts the TCP checksum right (RFC 1624).
 * Anything else, what is malformed, and a SYN without the option stays as it is (RFC 9293 section
 * 3.7.1: without it 536 is sent, or 1220 over IPv6, which fits). frame: len bytes that lie
 * together, at least an Ethernet header. True when it was lowered. Workers. */
bool mss_clamp(uint8_t *frame, uint32_t len, uint32_t max_ip);

/* Can the frame be a SYN at all? Nearly always answered by three bytes of it. */
static __rte_always_inline bool mss_may_be_syn(const uint8_t *frame, uint32_t len)
{
	uint16_t type = load16(frame + 12);

	if (unlikely(len < 14 + 20 + 20))
		return false;
	if (likely(type == RTE_BE16(0x0800)))
		return frame[23] == 6 && (frame[14] != 0x45 || (frame[47] & 0x02));
	if (type != RTE_BE16(0x86dd) || frame[20] == 17 || frame[20] == 58)
		return false;
	return frame[20] != 6 || len < 14 + 40 + 20 || (frame[67] & 0x02);
}

#endif
