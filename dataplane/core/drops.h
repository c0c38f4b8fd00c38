/* SPDX-License-Identifier: BSD-3-Clause */
/* Every reason a packet can be dropped for: one line here is the reason, its counter and its
 * help text. There is no unnamed drop: in + replicated + originated = out + drops + merged,
 * whenever traffic is stopped. */
#ifndef CORE_DROPS_H
#define CORE_DROPS_H

#include <stdint.h>

/* Reasons of a packet whose slice is known come first: they are counted per slice as well. */
#define DROP_REASONS_SLICE(X)                                                                      \
	X(SAME_DOOR, "same_door", "the destination is behind the door the frame came in by")       \
	X(SPLIT_HORIZON, "split_horizon", "from a tunnel to a tunnel of the same slice")           \
	X(FLOOD_RATE, "flood_rate", "over the slice's flood_pps")                                  \
	X(FLOOD_NOWHERE, "flood_nowhere", "flooded, but the slice has no other door")              \
	X(FLOOD_NO_MBUF, "flood_no_mbuf", "no buffer for the copy of a flooded frame")             \
	X(VLAN_STACKED, "vlan_stacked", "a VLAN tag inside a slice (RFC 7348 section 6.1)")        \
	X(SOURCE_MAC, "source_mac", "source MAC is multicast or all zero")                         \
	X(ECN_INVALID, "ecn_invalid",                                                              \
		"congestion marked outside, not ECN-capable inside (RFC 6040)")                    \
	X(INNER_RUNT, "inner_runt",                                                                \
		"the frame inside the tunnel is shorter than an Ethernet header")                  \
	X(OUTER_NO_MBUF, "outer_no_mbuf", "no buffers for the fragments of the outer packet")      \
	X(UNDERLAY_MTU, "underlay_mtu", "with the tunnel's header larger than the underlay MTU")   \
	X(ACCESS_MTU, "access_mtu", "larger than the MTU of the attachment's port")                \
	X(NOT_GATEWAY_MAC, "not_gateway_mac",                                                      \
		"in a slice that routes, to another MAC than its gateway's")                       \
	X(INNER_IP_HEADER, "inner_ip_header",                                                      \
		"IP version, length or truncation is wrong, in a slice that routes")               \
	X(INNER_IP_CHECKSUM, "inner_ip_checksum",                                                  \
		"IPv4 header checksum is wrong, in a slice that routes")                           \
	X(MARTIAN, "martian",                                                                      \
		"from or to an address that no router passes on (RFC 1812 section 5.3.7)")         \
	X(BLACKHOLE, "blackhole", "to the broadcast address of a network, or a route to nowhere")  \
	X(NO_ROUTE, "no_route", "no underlay route to the tunnel's remote address")                \
	X(NO_NEIGHBOR, "no_neighbor", "no neighbour entry for the tunnel's next hop")              \
	X(LINK_DOWN, "link_down",                                                                  \
		"the link of each port that leads to the tunnel's remote is down")                 \
	X(NO_HEADROOM, "no_headroom", "no room in the buffer for the tunnel's header")             \
	X(NOT_IP, "not_ip", "neither ARP nor sound IP, into a slice that routes")                  \
	X(ROUTED_GROUP, "routed_group",                                                            \
		"to a multicast, broadcast or link-local address, into a slice that routes")       \
	X(ARP_INVALID, "arp_invalid", "ARP that is malformed, or whose sender no host can be")     \
	X(ARP_TUNNEL, "arp_tunnel", "ARP or neighbour discovery from a tunnel of an l3 slice")     \
	X(ARP_NOTED, "arp_noted",                                                                  \
		"ARP or neighbour discovery that asks for no gateway address here; taken note of") \
	X(ADDRESS_CONFLICT, "address_conflict",                                                    \
		"another station claims a gateway address, or asks the gateway from it")           \
	X(ND_INVALID, "nd_invalid",                                                                \
		"neighbour discovery that RFC 4861 section 7.1 says to ignore")                    \
	X(ANSWER_RATE, "answer_rate", "over the rate of ARP, ND and echo answers of a slice")      \
	X(TTL_EXPIRED, "ttl_expired", "its TTL or hop limit ended here")                           \
	X(NO_ROUTE_IN_SLICE, "no_route_in_slice", "no route of the slice leads there")             \
	X(NEIGHBOR_UNKNOWN, "neighbor_unknown", "the MAC of its next hop is being asked for")      \
	X(NEIGHBOR_DEAD, "neighbor_dead", "its next hop does not answer ARP or ND")                \
	X(TOO_BIG, "too_big", "larger than the way out carries, and may not be fragmented")        \
	X(FRAGMENT_NO_MBUF, "fragment_no_mbuf", "no buffers for its fragments")                    \
	X(EXCEPTION_LIMIT, "exception_limit",                                                      \
		"to be answered or fragmented, but too many packets of its burst were")            \
	X(NOT_FOR_GATEWAY, "not_for_gateway",                                                      \
		"to a gateway address, and nothing that it answers (it answers ARP, ND and echo)") \
	X(TAP_RATE, "tap_rate",                                                                    \
		"for the kernel by the attachment's tap, over the rate of a slice")                \
	X(TAP_FULL, "tap_full",                                                                    \
		"for the kernel by the attachment's tap, but too many packets were waiting")       \
	X(ICMP_INVALID, "icmp_invalid",                                                            \
		"ICMP to a gateway address, truncated or a wrong checksum")                        \
	X(SHAPER_QUEUE, "shaper_queue",                                                            \
		"its queue at a shaped port is full (counted as out of its slice as well)")        \
	X(METER_IN_RED, "meter_in_red", "over the rate of the attachment's meter_in")              \
	X(METER_IN_YELLOW, "meter_in_yellow",                                                      \
		"yellow by the attachment's meter_in, which drops yellow")                         \
	X(METER_OUT_RED, "meter_out_red", "over the rate of the attachment's meter_out")           \
	X(METER_OUT_YELLOW, "meter_out_yellow",                                                    \
		"yellow by the attachment's meter_out, which drops yellow")                        \
	X(SLICE_METER_RED, "slice_meter_red", "over the rate of the slice's meter")                \
	X(SLICE_METER_YELLOW, "slice_meter_yellow",                                                \
		"yellow by the slice's meter, which drops yellow")                                 \
	X(DESTINATION_GONE, "destination_gone", "its attachment or tunnel was just deleted")       \
	X(UE_SOURCE, "ue_source", "from a UE, but not from an address of its session")             \
	X(UE_PACKET, "ue_packet", "inside GTP-U, no sound IP packet (or frame)")                   \
	X(PDR_NONE, "pdr_none", "no PDR of the session matches")                                   \
	X(FAR_DROP, "far_drop", "the session's FAR says drop")                                     \
	X(FAR_NO_HEADER, "far_no_header",                                                          \
		"forward to access without an outer header to send it with")                       \
	X(QER_GATE, "qer_gate", "a QER's gate is closed")                                          \
	X(QER_RATE, "qer_rate", "over the rate of a QER")                                          \
	X(URR_QUOTA, "urr_quota", "the quota of a URR is used up")                                 \
	X(HOLD_FULL, "hold_full", "as many packets are held for the session as its BAR allows")    \
	X(HOLD_NO_ROOM, "hold_no_room", "as many packets are held as the slice, or the box, may")  \
	X(HOLD_DROPPED, "hold_dropped", "held for an idle UE, then its FAR said drop, or it went") \
	X(COPY_NO_MBUF, "copy_no_mbuf",                                                            \
		"no buffer for the copy that a session's FAR asks for (duplicate_to)")             \
	X(MARKER_NO_MBUF, "marker_no_mbuf", "no buffer for an end marker to a session's old peer") \
	X(SESSION_GONE, "session_gone", "its session was just deleted")

#define DROP_REASONS_BOX(X)                                                                        \
	X(RUNT, "runt", "shorter than its Ethernet header")                                        \
	X(NO_ATTACHMENT, "no_attachment",                                                          \
		"untagged, and the port has neither an untagged attachment nor an address")        \
	X(VLAN_UNKNOWN, "vlan_unknown", "no attachment for this VLAN on this port")                \
	X(VLAN_TPID, "vlan_tpid", "outer tag is not 802.1Q (0x8100)")                              \
	X(NOT_OUR_MAC, "not_our_mac", "destination MAC on an underlay port is another station's")  \
	X(IP_HEADER, "ip_header", "IP version, length or truncation is wrong")                     \
	X(IP_CHECKSUM, "ip_checksum", "IPv4 header checksum is wrong")                             \
	X(UDP_LENGTH, "udp_length", "UDP length does not agree with the packet")                   \
	X(UDP_CHECKSUM, "udp_checksum", "UDP checksum of a tunnel packet is wrong")                \
	X(UDP_ZERO_CHECKSUM6, "udp_zero_checksum6",                                                \
		"UDP checksum zero over IPv6, tunnel without accept_zero_csum6")                   \
	X(VXLAN_HEADER, "vxlan_header", "VXLAN header is truncated or its I flag is not set")      \
	X(GENEVE_HEADER, "geneve_header",                                                          \
		"Geneve header is truncated, its options are, or its version is not 0")            \
	X(GENEVE_CONTROL, "geneve_control", "a Geneve control packet: no tenant's")                \
	X(GENEVE_CRITICAL, "geneve_critical",                                                      \
		"critical Geneve options, of which this end knows none (RFC 8926 section 3.4)")    \
	X(GENEVE_PROTOCOL, "geneve_protocol", "no Ethernet frame inside Geneve")                   \
	X(TUNNEL_UNKNOWN_PEER, "tunnel_unknown_peer", "no tunnel between these two addresses")     \
	X(TUNNEL_UNKNOWN_VNI, "tunnel_unknown_vni",                                                \
		"a known peer, but no slice with this VNI on its tunnel")                          \
	X(FRAGMENT_INVALID, "fragment_invalid",                                                    \
		"fragment of a tunnel packet: overlapping, too many or too large")                 \
	X(FRAGMENT_TIMEOUT, "fragment_timeout", "fragment whose other parts did not come in time") \
	X(FRAGMENT_NO_ROOM, "fragment_no_room",                                                    \
		"too many packets being reassembled, or no buffer")                                \
	X(GTPU_HEADER, "gtpu_header",                                                              \
		"GTP-U header is truncated, its length lies, or no version 1")                     \
	X(GTPU_EXTENSION, "gtpu_extension",                                                        \
		"GTP-U extension headers that run out, have no length, or must be understood")     \
	X(GTPU_TEID_UNKNOWN, "gtpu_teid_unknown",                                                  \
		"no session has this TEID (answered with an error indication, at a rate)")         \
	X(GTPU_TEID_ZERO, "gtpu_teid_zero", "user data with TEID 0")                               \
	X(GTPU_MESSAGE, "gtpu_message", "a GTP-U message this end does not know")                  \
	X(GTPU_TAKEN, "gtpu_taken",                                                                \
		"a GTP-U message for this box, acted upon (error indication, echo response ...)")  \
	X(GTPU_RATE, "gtpu_rate", "over the rate of GTP-U messages that are answered")             \
	X(NO_TAP, "no_tap", "for the kernel, but the port has no tap")                             \
	X(PUNT_MTU, "punt_mtu",                                                                    \
		"for the kernel, larger than the MTU of the port's tap (at most 1500)")            \
	X(PUNT_RATE, "punt_rate", "for the kernel, over the rate a port may send it")              \
	X(KERNEL_MTU, "kernel_mtu",                                                                \
		"from the kernel by the port's tap, larger than the port's MTU")                   \
	X(TAP_REFUSED, "tap_refused",                                                              \
		"for the kernel by an attachment's tap, which is down or does not take it")        \
	X(TAP_GONE, "tap_gone", "to or from an attachment's tap that was just deleted")            \
	X(TAP_L2, "tap_l2",                                                                        \
		"from the kernel by the tap of an attachment of an l2 slice, which carries none")  \
	X(TAP_MTU, "tap_mtu",                                                                      \
		"from the kernel by an attachment's tap, larger than a buffer of its port")        \
	X(TAP_NO_MBUF, "tap_no_mbuf", "from the kernel by an attachment's tap, no buffer left")    \
	X(TAP_IN_FULL, "tap_in_full",                                                              \
		"from the kernel by an attachment's tap, but too many frames were waiting")        \
	X(PORT_GONE, "port_gone", "the port it should leave by was just deleted")                  \
	X(SHAPER_GONE, "shaper_gone",                                                              \
		"waited at a shaped port when its slice or that port was deleted")                 \
	X(TX_FULL, "tx_full", "the port's transmit queue did not take it")                         \
	X(TX_CHAINED, "tx_chained",                                                                \
		"larger than a buffer, to a port whose driver sends no more than one (AF_XDP)")    \
	X(HANDOVER_FULL, "handover_full",                                                          \
		"the ring to the worker that owns the transmit queue was full")

#define DROP_ENUM(id, name, help) DROP_##id,
enum drop_reason {
	DROP_REASONS_SLICE(DROP_ENUM) DROP_SLICE_REASONS, /* how many are counted per slice */
	DROP_SLICE_LAST = DROP_SLICE_REASONS - 1,
	DROP_REASONS_BOX(DROP_ENUM) DROP_REASONS
};
#undef DROP_ENUM

struct drop_info {
	const char *name;
	const char *help;
};

extern const struct drop_info drop_info[DROP_REASONS];

#endif
