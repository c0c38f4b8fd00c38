/* SPDX-License-Identifier: BSD-3-Clause */
/* The object types as data (contract.md, "Object types"). The one place where a field's name,
 * range, default and help are written down: the decoder, the encoder, the schema and the CLI read
 * them from here. */
#include <string.h>

#include "field.h"

static const char *const slice_kinds[] = {"l2", "l3", NULL};
/* as enum neighbor_state of pipelines/l3/neighbor.h */
static const char *const neighbor_states[] = {
	"static", "reachable", "stale", "incomplete", "failed", NULL};
static const char *const encaps[] = {"vxlan", "geneve", NULL};
static const char *const algorithms[] = {"trtcm", "srtcm", "trtcm-rfc4115", NULL};
static const char *const yellows[] = {"remark", "pass", "drop", NULL};
static const char *const colors[] = {"aware", "blind", NULL};
static const char *const csums[] = {"auto", "on", "off", NULL};

static const struct api_field port_fields[] = {
	{AT(api_port, name, FIELD_NAME, FIELD_REQUIRED | FIELD_KEY), NO_REF, .help = "its name"},
	{AT(api_port, device, FIELD_TEXT, FIELD_REQUIRED | FIELD_FIXED), NO_REF,
		.help = "DPDK devargs (net_af_packet0,iface=wan0) or a PCI address"},
	{AT(api_port, mac, FIELD_MAC, FIELD_HIDE_DEFAULT), NO_REF,
		.help = "the address it answers to; left out: the device's own"},
	{AT(api_port, mtu, FIELD_U32, 0), .min = MTU_MIN, .max = MTU_MAX, .preset = 1500, NO_REF,
		.help = "largest IP packet in bytes"},
	{AT(api_port, queues, FIELD_U32, FIELD_HIDE_DEFAULT | FIELD_FIXED), .min = 1,
		.max = LIMIT_WORKERS, NO_REF,
		.help = "receive and transmit queues; left out: one a worker where the device can"},
	{AT(api_port, mbufs, FIELD_U32, FIELD_HIDE_DEFAULT | FIELD_FIXED), .min = 256,
		.max = 1u << 24, NO_REF,
		.help = "packet buffers of its pool; left out: sized from its queues"},
	{AT(api_port, tap, FIELD_BOOL, FIELD_FIXED), NO_REF,
		.help = "has a twin interface in the kernel"},
	{AT(api_port, rate_bps, FIELD_U64, FIELD_HIDE_DEFAULT), .max = RATE_MAX_BPS, NO_REF,
		.help = "what leaves is shaped to this rate and shared by the slices: guarantees "
			"first, then by weight; bytes of Ethernet frames without FCS. 0: not "
			"shaped"},
	{AT(api_port, rate_overhead_bytes, FIELD_U32, FIELD_HIDE_DEFAULT), .max = 256, NO_REF,
		.help = "counted beside each frame against rate_bps; 24 is what Ethernet puts "
			"around it on the wire"},
	{AT(api_port, link, FIELD_BOOL, FIELD_ANSWER), NO_REF, .help = "the link is up"},
	{AT(api_port, speed_mbps, FIELD_U32, FIELD_ANSWER | FIELD_HIDE_DEFAULT), .max = UINT32_MAX,
		NO_REF, .help = "speed of the link"},
	{AT(api_port, mac_in_use, FIELD_MAC, FIELD_ANSWER | FIELD_HIDE_DEFAULT), NO_REF,
		.help = "the address it answers to now"},
	{AT(api_port, tap_name, FIELD_TEXT, FIELD_ANSWER | FIELD_HIDE_DEFAULT), NO_REF,
		.help = "the kernel's name of its twin"},
	{AT(api_port, gone, FIELD_BOOL, FIELD_ANSWER | FIELD_HIDE_DEFAULT), NO_REF,
		.help = "the kernel interface below it vanished or left the network namespace: "
			"when one of its name is there again, the port is taken up again"},
	{AT(api_port, interface_mtu, FIELD_U32, FIELD_ANSWER | FIELD_HIDE_DEFAULT),
		.max = UINT32_MAX, NO_REF,
		.help = "the MTU of the kernel interface below it, while that is less than mtu: "
			"larger frames are dropped (access_mtu, underlay_mtu, too_big)"},
	{AT(api_port, tap_lost, FIELD_BOOL, FIELD_ANSWER | FIELD_HIDE_DEFAULT), NO_REF,
		.help = "others have taken its twin down, or deleted or renamed it: then it is "
			"made "
			"again by itself"},
	{AT(api_port, fault, FIELD_TEXT, FIELD_ANSWER | FIELD_HIDE_DEFAULT), NO_REF,
		.help = "what about the interface below it or its twin is wrong, and the cure"},
	{AT(api_port, warning, FIELD_TEXT, FIELD_ANSWER | FIELD_HIDE_DEFAULT), NO_REF,
		.help = "what about the interface below it loses traffic, and the cure"},
	{.name = NULL},
};

static const struct api_field address_fields[] = {
	{AT(api_address, port, FIELD_NAME, FIELD_EITHER | FIELD_KEY | FIELD_HIDE_DEFAULT),
		.ref = OBJECT_PORT, .help = "the underlay port that has it"},
	{AT(api_address, attachment, FIELD_NAME, FIELD_EITHER | FIELD_KEY | FIELD_HIDE_DEFAULT),
		.ref = OBJECT_ATTACHMENT, .help = "the attachment of an l3 slice that has it"},
	{AT(api_address, prefix, FIELD_PREFIX, FIELD_REQUIRED | FIELD_KEY), NO_REF,
		.help = "address and length of its network"},
	{.name = NULL},
};

static const struct api_field neighbor_fields[] = {
	{AT(api_neighbor, port, FIELD_NAME, FIELD_EITHER | FIELD_KEY | FIELD_HIDE_DEFAULT),
		.ref = OBJECT_PORT, .help = "the underlay port it is behind"},
	{AT(api_neighbor, attachment, FIELD_NAME, FIELD_EITHER | FIELD_KEY | FIELD_HIDE_DEFAULT),
		.ref = OBJECT_ATTACHMENT, .help = "the attachment it is behind"},
	{AT(api_neighbor, address, FIELD_IP, FIELD_REQUIRED | FIELD_KEY), NO_REF,
		.help = "its IP address"},
	{AT(api_neighbor, mac, FIELD_MAC, FIELD_REQUIRED | FIELD_HIDE_DEFAULT), NO_REF,
		.help = "its MAC address"},
	{AT(api_neighbor, slice, FIELD_NAME, FIELD_ANSWER | FIELD_HIDE_DEFAULT),
		.ref = OBJECT_SLICE, .help = "the slice a learned one was seen in"},
	{AT(api_neighbor, learned, FIELD_BOOL, FIELD_ANSWER | FIELD_HIDE_DEFAULT), NO_REF,
		.help = "found by ARP or ND rather than put"},
	{AT(api_neighbor, state, FIELD_ENUM, FIELD_ANSWER | FIELD_HIDE_DEFAULT),
		.names = neighbor_states, NO_REF, .help = "of a learned one"},
	{AT(api_neighbor, age_s, FIELD_U32, FIELD_ANSWER | FIELD_HIDE_DEFAULT), .max = UINT32_MAX,
		NO_REF, .help = "seconds since a learned one was last confirmed"},
	{AT(api_neighbor, wanted, FIELD_BOOL, FIELD_ANSWER | FIELD_HIDE_DEFAULT), NO_REF,
		.help = "a tunnel's or a GTP-U peer's path leads over it; without mac (learned, "
			"incomplete): it was not put yet"},
	{.name = NULL},
};

const struct api_field api_via_fields[] = {
	{AT(api_via, address, FIELD_IP, FIELD_HIDE_DEFAULT), NO_REF, .help = "the next hop"},
	{AT(api_via, port, FIELD_NAME, FIELD_HIDE_DEFAULT), .ref = OBJECT_PORT,
		.help = "the port it leaves by"},
	{AT(api_via, tunnel, FIELD_NAME, FIELD_HIDE_DEFAULT), .ref = OBJECT_TUNNEL,
		.help = "the tunnel it leaves by"},
	{AT(api_via, attachment, FIELD_NAME, FIELD_HIDE_DEFAULT), .ref = OBJECT_ATTACHMENT,
		.help = "the attachment it leaves by"},
	{AT(api_via, mac, FIELD_MAC, FIELD_HIDE_DEFAULT), NO_REF,
		.help = "MAC of the gateway at the tunnel's other end; left out: the slice's own "
			"mac"},
	{AT(api_via, weight, FIELD_U32, 0), .min = 1, .max = 255, .preset = 1, NO_REF,
		.help = "its share among the others"},
	{.name = NULL},
};

static const struct api_field route_fields[] = {
	{AT(api_route, table, FIELD_NAME, FIELD_REQUIRED | FIELD_KEY), NO_REF,
		.help = "\"underlay\" or a slice"},
	{AT(api_route, prefix, FIELD_PREFIX, FIELD_REQUIRED | FIELD_KEY), NO_REF,
		.help = "where it leads"},
	{AT(api_route, via, FIELD_VIA, FIELD_REQUIRED), NO_REF,
		.help = "ways there, equal in cost; none: what goes there is dropped"},
	{.name = NULL},
};

static const struct api_field slice_fields[] = {
	{AT(api_slice, name, FIELD_NAME, FIELD_REQUIRED | FIELD_KEY), NO_REF, .help = "its name"},
	{AT(api_slice, vni, FIELD_U32, FIELD_REQUIRED), .min = 1, .max = 16777215, NO_REF,
		.help = "its network identifier in tunnels"},
	{AT(api_slice, kind, FIELD_ENUM, FIELD_FIXED_IN_USE), .names = slice_kinds,
		.preset = SLICE_L2, NO_REF, .help = "a bridge (l2) or a router (l3)"},
	{AT(api_slice, max_macs, FIELD_U32, 0), .max = LIMIT_MACS, .preset = 65536, NO_REF,
		.help = "MAC addresses it may hold, learned and static"},
	{AT(api_slice, mac_ageing_s, FIELD_U32, 0), .max = 1000000, .preset = 300, NO_REF,
		.help = "a learned MAC not seen for so long is forgotten; 0: never"},
	{AT(api_slice, flood_pps, FIELD_U32, 0), .max = UINT32_MAX, .preset = 10000, NO_REF,
		.help = "packets a second taken for flooding; 0: none"},
	{AT(api_slice, mac, FIELD_MAC, FIELD_HIDE_DEFAULT), NO_REF,
		.help = "MAC its gateways answer with (l3); left out: 02:5c, the VNI, 01"},
	{AT(api_slice, mss_clamp, FIELD_BOOL, 0), NO_REF,
		.help = "lower the MSS of TCP through its tunnels to what they carry"},
	{AT(api_slice, suppress, FIELD_BOOL, 0), NO_REF,
		.help = "answers ARP and ND for hosts it knows instead of flooding (l2)"},
	{AT(api_slice, tunnel_learning, FIELD_BOOL, FIELD_HIDE_DEFAULT), .preset = true, NO_REF,
		.help = "MACs are learned from frames that come by tunnels (l2); false: only from "
			"attachments, and those that were learned from tunnels are forgotten"},
	{AT(api_slice, weight, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 1, .max = 1000, .preset = 1,
		NO_REF,
		.help = "its part, against other slices', of what guarantees leave of a shaped "
			"port's rate"},
	{AT(api_slice, guarantee_bps, FIELD_U64, FIELD_HIDE_DEFAULT), .max = RATE_MAX_BPS,
		.preset = GUARANTEE_METER, NO_REF,
		.help = "rate it is sure of at each shaped port it leaves by, in bytes of its own "
			"frames; where guarantees add up to more than the port's rate they share "
			"it "
			"in proportion. 0: none; left out: cir_bps of its meter"},
	{AT(api_slice, meter, FIELD_NAME, FIELD_HIDE_DEFAULT), .ref = OBJECT_METER,
		.help = "meter of all its frames into the overlay, with buckets of its own"},
	{AT(api_slice, static_macs, FIELD_U32, FIELD_ANSWER | FIELD_HIDE_DEFAULT),
		.max = LIMIT_MACS, NO_REF, .help = "how many static mac objects it has"},
	{AT(api_slice, routes, FIELD_U32, FIELD_ANSWER | FIELD_HIDE_DEFAULT), .max = UINT32_MAX,
		NO_REF, .help = "how many routes its table has (l3)"},
	{.name = NULL},
};

static const struct api_field attachment_fields[] = {
	{AT(api_attachment, name, FIELD_NAME, FIELD_REQUIRED | FIELD_KEY), NO_REF,
		.help = "its name"},
	{AT(api_attachment, slice, FIELD_NAME, FIELD_REQUIRED | FIELD_FIXED_IN_USE),
		.ref = OBJECT_SLICE, .help = "the slice its frames enter"},
	{AT(api_attachment, port, FIELD_NAME, FIELD_REQUIRED), .ref = OBJECT_PORT,
		.help = "the port it is on"},
	{AT(api_attachment, vlan, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 1, .max = 4094, NO_REF,
		.help = "the VLAN on that port; left out: untagged"},
	{AT(api_attachment, meter_in, FIELD_NAME, FIELD_HIDE_DEFAULT), .ref = OBJECT_METER,
		.help = "meter of frames into the slice, with buckets of its own"},
	{AT(api_attachment, meter_out, FIELD_NAME, FIELD_HIDE_DEFAULT), .ref = OBJECT_METER,
		.help = "meter of frames out to the tenant, with buckets of its own"},
	{AT(api_attachment, tap, FIELD_TEXT, FIELD_HIDE_DEFAULT), NO_REF,
		.help = "name of an interface that is made in the kernel for it (1 to 15 "
			"characters) and goes with it. l3: what is for its gateway addresses and "
			"the switch does not answer goes there, and what the kernel sends there "
			"leaves by the attachment; l2: carries no packets"},
	{AT(api_attachment, tap_index, FIELD_U32, FIELD_ANSWER | FIELD_HIDE_DEFAULT),
		.max = INT32_MAX, NO_REF,
		.help = "index of that interface, in the network namespace it was made in"},
	{.name = NULL},
};

static const struct api_field tunnel_fields[] = {
	{AT(api_tunnel, name, FIELD_NAME, FIELD_REQUIRED | FIELD_KEY), NO_REF, .help = "its name"},
	{AT(api_tunnel, encap, FIELD_ENUM, FIELD_REQUIRED), .names = encaps, NO_REF,
		.help = "how frames are wrapped"},
	{AT(api_tunnel, local, FIELD_IP, FIELD_REQUIRED), NO_REF, .help = "this site's address"},
	{AT(api_tunnel, remote, FIELD_IP, FIELD_REQUIRED), NO_REF,
		.help = "the other site's address"},
	{AT(api_tunnel, dst_port, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 1, .max = 65535, NO_REF,
		.help = "UDP destination port, both ways; left out: 4789 (vxlan), 6081 (geneve)"},
	{AT(api_tunnel, ttl, FIELD_U32, 0), .min = 1, .max = 255, .preset = 64, NO_REF,
		.help = "TTL or hop limit of the outer header"},
	{AT(api_tunnel, df, FIELD_BOOL, 0), .preset = true, NO_REF,
		.help = "don't fragment, on IPv4"},
	{AT(api_tunnel, fragment, FIELD_BOOL, 0), NO_REF,
		.help = "send what does not fit the underlay in fragments; df is off then"},
	{AT(api_tunnel, dscp, FIELD_U32, FIELD_HIDE_DEFAULT), .max = 63, .preset = DSCP_COPY,
		NO_REF, .help = "DSCP of the outer header; left out: copied from the inner one"},
	{AT(api_tunnel, udp_csum, FIELD_ENUM, 0), .names = csums, .preset = CSUM_AUTO, NO_REF,
		.help = "UDP checksum sent; auto: zero over IPv4, real over IPv6"},
	{AT(api_tunnel, accept_zero_csum6, FIELD_BOOL, 0),
		.has = offsetof(struct api_tunnel, has_zero_csum6), NO_REF,
		.help = "take UDP checksum zero over IPv6; left out: true for vxlan (RFC 7348), "
			"false "
			"for geneve (RFC 8926)"},
	{AT(api_tunnel, state, FIELD_TEXT, FIELD_ANSWER | FIELD_HIDE_DEFAULT), NO_REF,
		.help = "whether and by which way it can send"},
	{.name = NULL},
};

static const struct api_field member_fields[] = {
	{AT(api_member, slice, FIELD_NAME, FIELD_REQUIRED | FIELD_KEY), .ref = OBJECT_SLICE,
		.help = "the slice that is stretched"},
	{AT(api_member, tunnel, FIELD_NAME, FIELD_REQUIRED | FIELD_KEY), .ref = OBJECT_TUNNEL,
		.help = "the tunnel it is stretched over"},
	{.name = NULL},
};

static const struct api_field mac_fields[] = {
	{AT(api_mac, slice, FIELD_NAME, FIELD_REQUIRED | FIELD_KEY), .ref = OBJECT_SLICE,
		.help = "the slice it is in"},
	{AT(api_mac, mac, FIELD_MAC, FIELD_REQUIRED | FIELD_KEY), NO_REF, .help = "the address"},
	{AT(api_mac, attachment, FIELD_NAME, FIELD_EITHER | FIELD_HIDE_DEFAULT),
		.ref = OBJECT_ATTACHMENT, .help = "the attachment it is behind"},
	{AT(api_mac, tunnel, FIELD_NAME, FIELD_EITHER | FIELD_HIDE_DEFAULT), .ref = OBJECT_TUNNEL,
		.help = "the tunnel it is behind"},
	{AT(api_mac, movable, FIELD_BOOL, FIELD_HIDE_DEFAULT), NO_REF,
		.help = "a frame from it at another attachment or Ethernet session of the slice "
			"makes it a learned one there (event mac.moved, listed as learned and "
			"overtaken); put again: is as put, whatever was learned; deleted while "
			"overtaken: the learned one stays"},
	{AT(api_mac, session, FIELD_NAME, FIELD_ANSWER | FIELD_HIDE_DEFAULT), NO_REF,
		.help = "the Ethernet session it was learned behind"},
	{AT(api_mac, learned, FIELD_BOOL, FIELD_ANSWER | FIELD_HIDE_DEFAULT), NO_REF,
		.help = "seen in traffic rather than put"},
	{AT(api_mac, overtaken, FIELD_BOOL, FIELD_ANSWER | FIELD_HIDE_DEFAULT), NO_REF,
		.help = "a learned one that a movable one has given way to"},
	{AT(api_mac, age_s, FIELD_U32, FIELD_ANSWER | FIELD_HIDE_DEFAULT), .max = UINT32_MAX,
		NO_REF, .help = "seconds since a learned one was last seen"},
	{.name = NULL},
};

static void tunnel_complete(union api_object *obj)
{
	if (obj->tunnel.dst_port == 0)
		obj->tunnel.dst_port = obj->tunnel.encap == ENCAP_GENEVE ? 6081 : 4789;
	if (obj->tunnel.fragment)
		obj->tunnel.df = false;
	if (!obj->tunnel.has_zero_csum6)
		obj->tunnel.accept_zero_csum6 = obj->tunnel.encap == ENCAP_VXLAN;
	obj->tunnel.has_zero_csum6 = true;
}

static const struct api_field meter_fields[] = {
	{AT(api_meter, name, FIELD_NAME, FIELD_REQUIRED | FIELD_KEY), NO_REF, .help = "its name"},
	{AT(api_meter, cir_bps, FIELD_U64, FIELD_REQUIRED), .min = METER_RATE_MIN,
		.max = METER_RATE_MAX, NO_REF,
		.help = "committed rate in bits a second; counted are frames without FCS, as "
			"counters do (with the VLAN tag at an attachment, without tunnel headers)"},
	{AT(api_meter, cbs_bytes, FIELD_U32, FIELD_REQUIRED), .min = METER_BURST_MIN,
		.max = METER_BURST_MAX, NO_REF,
		.help = "committed burst; a longer frame is never green"},
	{AT(api_meter, pir_bps, FIELD_U64, 0), .max = METER_RATE_MAX, NO_REF,
		.help = "peak rate (trtcm: at least cir_bps); excess rate EIR above the committed "
			"one (trtcm-rfc4115); not looked at (srtcm)"},
	{AT(api_meter, pbs_bytes, FIELD_U32, 0), .max = METER_BURST_MAX, NO_REF,
		.help = "peak burst (trtcm), excess burst EBS (srtcm, trtcm-rfc4115); a longer "
			"frame is never yellow"},
	{AT(api_meter, algorithm, FIELD_ENUM, 0), .names = algorithms, .preset = METER_TRTCM,
		NO_REF, .help = "RFC 2698, RFC 2697 or RFC 4115"},
	{AT(api_meter, yellow, FIELD_ENUM, 0), .names = yellows, .preset = YELLOW_REMARK, NO_REF,
		.help = "what yellow frames do: pass with AFx1 made AFx2 (RFC 2597, other code "
			"points as they are), pass, or drop"},
	{AT(api_meter, color, FIELD_ENUM, 0), .names = colors, .preset = COLOR_AWARE, NO_REF,
		.help = "aware: a frame that an earlier meter on its way called yellow is not "
			"green again"},
	{.name = NULL},
};

#define TYPE(id, type_name, most, text, ...)                                                       \
	[id] = {.name = #type_name,                                                                \
		.type = id,                                                                        \
		.size = sizeof(struct api_##type_name),                                            \
		.limit = most,                                                                     \
		.fields = type_name##_fields,                                                      \
		.help = text,                                                                      \
		##__VA_ARGS__}

const struct api_type api_types[OBJECT_TYPES] = {
	TYPE(OBJECT_PORT, port, LIMIT_PORTS, "a NIC or virtual device that workers poll", .rank = 1,
		.ends = END_LAST),
	TYPE(OBJECT_ADDRESS, address, LIMIT_ADDRESSES, "what this box answers to", .rank = 7,
		.ends = END_LAST_IF_GONE),
	TYPE(OBJECT_NEIGHBOR, neighbor, LIMIT_NEIGHBORS, "the MAC address of an IP next door",
		.rank = 8, .ends = END_LAST_IF_GONE),
	TYPE(OBJECT_ROUTE, route, LIMIT_ROUTES, "the way to a prefix", .rank = 9,
		.ends = END_LAST_IF_GONE),
	TYPE(OBJECT_SLICE, slice, LIMIT_SLICES, "a private network", .rank = 4, .ends = END_LAST),
	TYPE(OBJECT_ATTACHMENT, attachment, LIMIT_ATTACHMENTS, "where a slice meets a port",
		.rank = 5, .ends = END_LAST_WITH_ROWS),
	TYPE(OBJECT_TUNNEL, tunnel, LIMIT_TUNNELS, "the way to another site", .rank = 2,
		.ends = END_LAST, .complete = tunnel_complete),
	TYPE(OBJECT_MEMBER, member, LIMIT_MEMBERS,
		"a slice stretched over a tunnel, floods included", .rank = 6,
		.ends = END_LAST_IF_GONE),
	TYPE(OBJECT_MAC, mac, LIMIT_MACS, "a station of a slice", .rank = 10),
	TYPE(OBJECT_METER, meter, LIMIT_METERS,
		"rates and bursts that slices and attachments are held to", .rank = 0,
		.ends = END_LAST),
	TYPE(OBJECT_GTPU, gtpu, LIMIT_GTPU, "an own address for GTP-U (N3, N9)", .rank = 3,
		.ends = END_LAST),
	TYPE(OBJECT_SESSION, session, LIMIT_SESSIONS,
		"a PDU session: rules by which a UE's packets are found, forwarded, metered and "
		"counted",
		.rank = 11, .lists = true, .complete = session_complete),
};

const struct api_type *api_type_find(const char *name)
{
	for (int i = 0; i < OBJECT_TYPES; i++)
		if (!strcmp(api_types[i].name, name))
			return &api_types[i];
	return NULL;
}

const char *api_type_names(void)
{
	return "port, address, neighbor, route, slice, attachment, tunnel, member, mac, meter, "
	       "gtpu, "
	       "session";
}
