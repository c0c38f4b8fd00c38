/* SPDX-License-Identifier: BSD-3-Clause */
/* The object types of the mobile user plane as data (contract.md, "Object types"; TS 29.244). As
 * types.c, which lists them in api_types[]; the fields of sessions are hidden where they have their
 * default and leaving them out means something, or they would fill every answer. */
#include <string.h>

#include "field.h"
#include "ip.h"

#define VOLUME_MAX INT64_MAX /* bytes: what JSON's integers carry */
#define IDS(structure, member, least, most)                                                        \
	{                                                                                          \
		AT(structure, member, FIELD_IDS, FIELD_HIDE_DEFAULT),                              \
			.max = UINT32_MAX, .min_items = least, .max_items = most, NO_REF,          \
			.help = "ids of its " #member                                              \
	}
#define LIST(structure, member, its_flags, least, most, its_fields, its_item)                      \
	AT(structure, member, FIELD_LIST, its_flags),                                              \
		.fields = its_fields, .item_size = sizeof(struct its_item), .min_items = least,    \
		.max_items = most, NO_REF
#define OBJECT(structure, member, its_flags, its_fields)                                           \
	AT(structure, member, FIELD_OBJECT, its_flags), .fields = its_fields, NO_REF

static const char *const interfaces[] = {"access", "core", NULL};
static const char *const csums[] = {"auto", "on", "off", NULL};
static const char *const actions[] = {"forward", "drop", "buffer", NULL};
static const char *const gates[] = {"open", "closed", NULL};
static const char *const measures[] = {"volume", "duration", NULL};
static const char *const reports[] = {"start", "stop", NULL};

const struct api_field gtpu_fields[] = {
	{AT(api_gtpu, name, FIELD_NAME, FIELD_REQUIRED | FIELD_KEY), NO_REF, .help = "its name"},
	{AT(api_gtpu, address, FIELD_IP, FIELD_REQUIRED | FIELD_FIXED_IN_USE), NO_REF,
		.help = "this box's address that GTP-U is sent to and from"},
	{AT(api_gtpu, interface, FIELD_ENUM, FIELD_REQUIRED | FIELD_FIXED_IN_USE),
		.names = interfaces, NO_REF,
		.help = "towards gNBs (access, N3) or other UPFs (core, N9)"},
	{AT(api_gtpu, echo_s, FIELD_U32, 0), .max = 3600, .preset = 60, NO_REF,
		.help = "seconds between echo requests to each peer in use; 0: none"},
	{AT(api_gtpu, ttl, FIELD_U32, 0), .min = 1, .max = 255, .preset = 64, NO_REF,
		.help = "TTL or hop limit of the outer header"},
	{AT(api_gtpu, dscp, FIELD_U32, FIELD_HIDE_DEFAULT), .max = 63, .preset = DSCP_COPY, NO_REF,
		.help = "DSCP of the outer header; left out: copied from the inner one; a FAR's "
			"own goes first"},
	{AT(api_gtpu, udp_csum, FIELD_ENUM, 0), .names = csums, .preset = CSUM_AUTO, NO_REF,
		.help = "UDP checksum sent; auto: zero over IPv4, real over IPv6"},
	{AT(api_gtpu, accept_zero_csum6, FIELD_BOOL, 0), NO_REF,
		.help = "take UDP checksum zero over IPv6 (RFC 6935)"},
	{.name = NULL},
};

static const struct api_field ue_fields[] = {
	{AT(api_ue, ipv4, FIELD_IP, FIELD_HIDE_DEFAULT), .family = 4, NO_REF,
		.help = "its IPv4 address"},
	{AT(api_ue, ipv6, FIELD_PREFIX, FIELD_HIDE_DEFAULT | FIELD_HOST), .family = 6, NO_REF,
		.help = "its IPv6 prefix, of 64 bits or more"},
	{AT(api_ue, framed, FIELD_PREFIXES, FIELD_HIDE_DEFAULT | FIELD_HOST),
		.max_items = LIMIT_SESSION_FRAMED, NO_REF,
		.help = "more prefixes that are the UE's: framed routes, a second IPv6 prefix"},
	{.name = NULL},
};

static const struct api_field ethernet_fields[] = {
	{AT(api_ethernet_filter, source, FIELD_MAC, FIELD_HIDE_DEFAULT), NO_REF,
		.help = "source MAC; left out: any"},
	{AT(api_ethernet_filter, destination, FIELD_MAC, FIELD_HIDE_DEFAULT), NO_REF,
		.help = "destination MAC; left out: any"},
	{AT(api_ethernet_filter, vlan, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 1, .max = 4094,
		NO_REF, .help = "VLAN; left out: any"},
	{AT(api_ethernet_filter, ethertype, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 1, .max = 65535,
		NO_REF, .help = "EtherType; left out: any"},
	{.name = NULL},
};

static const struct api_field pdr_fields[] = {
	{AT(api_pdr, id, FIELD_U32, FIELD_REQUIRED), .max = 65535, NO_REF, .help = "PDR ID"},
	{AT(api_pdr, precedence, FIELD_U32, FIELD_REQUIRED), .max = UINT32_MAX, NO_REF,
		.help = "the lowest that matches wins"},
	{AT(api_pdr, source, FIELD_ENUM, FIELD_REQUIRED), .names = interfaces, NO_REF,
		.help = "source interface"},
	{AT(api_pdr, teid, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 1, .max = UINT32_MAX, NO_REF,
		.help = "local F-TEID's TEID; left out with gtpu given: chosen here"},
	{AT(api_pdr, choose_id, FIELD_U32, FIELD_HIDE_DEFAULT), .max = 255, NO_REF,
		.help = "PDRs of the same gtpu and choose_id share the TEID that is chosen"},
	{AT(api_pdr, gtpu, FIELD_NAME, FIELD_HIDE_DEFAULT), .ref = OBJECT_GTPU,
		.help = "local F-TEID's address; left out: packets come from the slice"},
	{AT(api_pdr, slice, FIELD_NAME, FIELD_HIDE_DEFAULT), .ref = OBJECT_SLICE,
		.help = "source core without gtpu: where packets come from; left out: the "
			"session's slice"},
	{AT(api_pdr, filters, FIELD_TEXTS, FIELD_HIDE_DEFAULT), .max = LIMIT_FILTER,
		.max_items = LIMIT_PDR_FILTERS, NO_REF,
		.help = "SDF filters, IPFilterRules like \"permit out ip from 198.51.100.0/24 to "
			"assigned\"; left out: any packet"},
	{LIST(api_pdr, ethernet, FIELD_HIDE_DEFAULT, 0, LIMIT_PDR_FILTERS, ethernet_fields,
		 api_ethernet_filter),
		.help = "Ethernet packet filters"},
	{AT(api_pdr, qfi, FIELD_U32, FIELD_HIDE_DEFAULT), .max = 63, .preset = QFI_NONE, NO_REF,
		.help = "QFI it arrives with; left out: any or none"},
	{AT(api_pdr, outer_header_removal, FIELD_U32, FIELD_HIDE_DEFAULT), .max = 6,
		.only = 1u << REMOVE_GTPU_IPV4 | 1u << REMOVE_GTPU_IPV6 | 1u << REMOVE_GTPU,
		.preset = REMOVE_NONE, NO_REF,
		.help = "0: GTP-U/UDP/IPv4, 1: GTP-U/UDP/IPv6, 6: either"},
	{AT(api_pdr, far, FIELD_U32, FIELD_REQUIRED), .max = UINT32_MAX, NO_REF,
		.help = "id of its FAR"},
	IDS(api_pdr, qers, 0, LIMIT_SESSION_QERS),
	IDS(api_pdr, urrs, 0, LIMIT_SESSION_URRS),
	{.name = NULL},
};

static const struct api_field outer_header_fields[] = {
	{AT(api_outer_header, teid, FIELD_U32, FIELD_REQUIRED), .min = 1, .max = UINT32_MAX, NO_REF,
		.help = "the peer's TEID"},
	{AT(api_outer_header, peer, FIELD_IP, FIELD_REQUIRED), NO_REF,
		.help = "the peer's address"},
	{AT(api_outer_header, gtpu, FIELD_NAME, FIELD_HIDE_DEFAULT), .ref = OBJECT_GTPU,
		.help = "the own address it is sent from; left out: the session's own of the "
			"destination's interface and the peer's family, else any such"},
	{.name = NULL},
};

static const struct api_field far_fields[] = {
	{AT(api_far, id, FIELD_U32, FIELD_REQUIRED), .max = UINT32_MAX, NO_REF, .help = "FAR ID"},
	{AT(api_far, action, FIELD_ENUM, FIELD_REQUIRED), .names = actions, NO_REF,
		.help = "apply action"},
	{AT(api_far, destination, FIELD_ENUM, 0), .names = interfaces, .preset = INTERFACE_CORE,
		NO_REF, .help = "destination interface"},
	{AT(api_far, slice, FIELD_NAME, FIELD_HIDE_DEFAULT), .ref = OBJECT_SLICE,
		.help = "core without outer_header: the slice it goes into; left out: the "
			"session's"},
	{OBJECT(api_far, outer_header, FIELD_HIDE_DEFAULT, outer_header_fields),
		.help = "outer header creation: into this GTP-U tunnel"},
	{AT(api_far, dscp, FIELD_U32, FIELD_HIDE_DEFAULT), .max = 63, .preset = DSCP_COPY, NO_REF,
		.help = "transport level marking of the outer header; left out: as the gtpu says"},
	{AT(api_far, end_marker, FIELD_BOOL, FIELD_HIDE_DEFAULT), NO_REF,
		.help = "when a put changes outer_header, the old tunnel gets an end marker"},
	{AT(api_far, notify_cp, FIELD_BOOL, FIELD_HIDE_DEFAULT), NO_REF,
		.help = "with buffer: event downlink_data for the first packet"},
	{OBJECT(api_far, duplicate_to, FIELD_HIDE_DEFAULT, outer_header_fields),
		.help = "a copy of each packet goes there too"},
	{AT(api_far, redirect, FIELD_IP, FIELD_HIDE_DEFAULT), NO_REF,
		.help = "packets are routed as if to this address"},
	{.name = NULL},
};

static const struct api_field qer_fields[] = {
	{AT(api_qer, id, FIELD_U32, FIELD_REQUIRED), .max = UINT32_MAX, NO_REF, .help = "QER ID"},
	{AT(api_qer, gate_ul, FIELD_ENUM, 0), .names = gates, .preset = GATE_OPEN, NO_REF,
		.help = "uplink gate"},
	{AT(api_qer, gate_dl, FIELD_ENUM, 0), .names = gates, .preset = GATE_OPEN, NO_REF,
		.help = "downlink gate"},
	{AT(api_qer, mbr_ul_bps, FIELD_U64, FIELD_HIDE_DEFAULT), .max = METER_RATE_MAX, NO_REF,
		.help = "uplink maximum bit rate of inner packets; left out: not limited"},
	{AT(api_qer, mbr_dl_bps, FIELD_U64, FIELD_HIDE_DEFAULT), .max = METER_RATE_MAX, NO_REF,
		.help = "downlink maximum bit rate; left out: not limited"},
	{AT(api_qer, gbr_ul_bps, FIELD_U64, FIELD_HIDE_DEFAULT), .max = METER_RATE_MAX, NO_REF,
		.help = "uplink guaranteed bit rate: what is above is yellow for later meters"},
	{AT(api_qer, gbr_dl_bps, FIELD_U64, FIELD_HIDE_DEFAULT), .max = METER_RATE_MAX, NO_REF,
		.help = "downlink guaranteed bit rate"},
	{AT(api_qer, burst_ms, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 1, .max = 10000, .preset = 20,
		NO_REF, .help = "milliseconds of its rates that may come at once; default 20"},
	{AT(api_qer, qfi, FIELD_U32, FIELD_HIDE_DEFAULT), .max = 63, .preset = QFI_NONE, NO_REF,
		.help = "QFI written into what leaves by GTP-U"},
	{.name = NULL},
};

static const struct api_field urr_fields[] = {
	{AT(api_urr, id, FIELD_U32, FIELD_REQUIRED), .max = UINT32_MAX, NO_REF, .help = "URR ID"},
	{AT(api_urr, measure, FIELD_SET, FIELD_REQUIRED), .names = measures, .min_items = 1,
		.max_items = 2, NO_REF, .help = "what it measures"},
	{AT(api_urr, threshold_bytes, FIELD_U64, FIELD_HIDE_DEFAULT), .max = VOLUME_MAX, NO_REF,
		.help = "a report each time so much was used, up- and downlink; 0: none"},
	{AT(api_urr, quota_bytes, FIELD_U64, FIELD_HIDE_DEFAULT), .max = VOLUME_MAX,
		.preset = NO_QUOTA, NO_REF,
		.help = "what may pass; 0: nothing; left out: no quota"},
	{AT(api_urr, threshold_s, FIELD_U32, FIELD_HIDE_DEFAULT), .max = UINT32_MAX - 1, NO_REF,
		.help = "a report after so many seconds of use; 0: none"},
	{AT(api_urr, quota_s, FIELD_U32, FIELD_HIDE_DEFAULT), .max = NO_QUOTA_S - 1,
		.preset = NO_QUOTA_S, NO_REF,
		.help = "seconds of use that it may have; left out: no quota"},
	{AT(api_urr, period_s, FIELD_U32, FIELD_HIDE_DEFAULT), .max = UINT32_MAX - 1, NO_REF,
		.help = "a report every so many seconds; 0: none"},
	{AT(api_urr, report, FIELD_SET, FIELD_HIDE_DEFAULT), .names = reports, .max_items = 2,
		NO_REF, .help = "reports when traffic starts, when it stops"},
	{AT(api_urr, inactivity_s, FIELD_U32, FIELD_HIDE_DEFAULT), .max = UINT32_MAX - 1, NO_REF,
		.help = "without a packet for so long traffic has stopped and time does not "
			"count; 0: it counts on"},
	{AT(api_urr, grant, FIELD_U32, FIELD_HIDE_DEFAULT), .max = UINT32_MAX, NO_REF,
		.help = "any number; another one than before grants quota_bytes and quota_s "
			"anew, be they the same or not, counted from the last report"},
	{.name = NULL},
};

static const struct api_field bar_fields[] = {
	{AT(api_bar, id, FIELD_U32, FIELD_HIDE_DEFAULT), .max = 255, NO_REF, .help = "BAR ID"},
	{AT(api_bar, packets, FIELD_U32, 0), .max = 65535, .preset = 64, NO_REF,
		.help = "packets held for the session at most"},
	{AT(api_bar, delay_ms, FIELD_U32, FIELD_HIDE_DEFAULT), .max = 60000, NO_REF,
		.help = "from the first packet held to its event"},
	{.name = NULL},
};

const struct api_field session_fields[] = {
	{AT(api_session, name, FIELD_NAME, FIELD_REQUIRED | FIELD_KEY), NO_REF, .help = "its name"},
	{AT(api_session, slice, FIELD_NAME, FIELD_REQUIRED), .ref = OBJECT_SLICE,
		.help = "the data network its UE is in: l3, or l2 for Ethernet sessions"},
	{OBJECT(api_session, ue, FIELD_HIDE_DEFAULT, ue_fields), .help = "the UE's addresses"},
	{LIST(api_session, pdrs, FIELD_REQUIRED, 1, LIMIT_SESSION_PDRS, pdr_fields, api_pdr),
		.help = "packet detection rules"},
	{LIST(api_session, fars, FIELD_REQUIRED, 1, LIMIT_SESSION_FARS, far_fields, api_far),
		.help = "forwarding action rules"},
	{LIST(api_session, qers, FIELD_HIDE_DEFAULT, 0, LIMIT_SESSION_QERS, qer_fields, api_qer),
		.help = "QoS enforcement rules"},
	{LIST(api_session, urrs, FIELD_HIDE_DEFAULT, 0, LIMIT_SESSION_URRS, urr_fields, api_urr),
		.help = "usage reporting rules"},
	{OBJECT(api_session, bar, FIELD_HIDE_DEFAULT, bar_fields),
		.has = offsetof(struct api_session, has_bar), .help = "buffering action rule"},
	{.name = NULL},
};

void session_complete(union api_object *obj)
{
	struct api_ue *ue = &obj->session.ue;

	if (ue->ipv6.family)
		api_ip_mask(&ue->ipv6);
	for (uint32_t i = 0; i < ue->framed.count; i++)
		api_ip_mask(&ue->framed.item[i]);
}
