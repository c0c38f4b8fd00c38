/* SPDX-License-Identifier: BSD-3-Clause */
/* The intents as data: names, ranges, defaults and help of every field, for the decoder, the
 * encoder, OpenAPI and the CLI. Read by intent.c and rest/; owns nothing. A FIELD_NAME's max is how
 * many characters it may have. */
#include "intent_types.h"

#include <stddef.h>

#include "constraint.h"
#include "field.h"
#include "intent_private.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NAME(structure, member, its_flags, most)                                                   \
	AT(structure, member, FIELD_NAME, its_flags), .max = most, NO_REF
#define LIST(structure, member, its_flags, least, most, its_fields, its_item)                      \
	AT(structure, member, FIELD_LIST, its_flags),                                              \
		.fields = its_fields, .item_size = sizeof(struct its_item), .min_items = least,    \
		.max_items = most, NO_REF
#define TEXT(structure, member, text)                                                              \
	{                                                                                          \
		AT(structure, member, FIELD_TEXT, FIELD_HIDE_DEFAULT), NO_REF, .help = text        \
	}
#define OWN_NAME(structure)                                                                        \
	{                                                                                          \
		NAME(structure, name, FIELD_REQUIRED | FIELD_KEY, INTENT_NAME),                    \
			.help = "its name: 1 to 30 of letters, digits and . _ - @"                 \
	}
#define TENANT(structure)                                                                          \
	{                                                                                          \
		NAME(structure, tenant, FIELD_HIDE_DEFAULT, INTENT_NAME),                          \
			.help = "whose it is; left out: the operators'"                            \
	}

static const char *const interfaces[] = {"access", "core", NULL};
static const char *const services[] = {"l2", "l3", NULL};
static const char *const encaps[] = {"vxlan", "geneve", NULL};

/* ---- sites and WANs ---- */

static const struct api_field neighbor_fields[] = {
	{AT(intent_neighbor, address, FIELD_IP, FIELD_REQUIRED), NO_REF, .help = "its IP address"},
	{AT(intent_neighbor, mac, FIELD_MAC, FIELD_REQUIRED), NO_REF, .help = "its MAC address"},
	{.name = NULL},
};

static const struct api_field route_fields[] = {
	{AT(intent_route, prefix, FIELD_PREFIX, FIELD_REQUIRED), NO_REF,
		.help = "where it leads; host bits mean nothing"},
	{AT(intent_route, via, FIELD_IP, FIELD_REQUIRED), NO_REF,
		.help = "the next hop, in a network of the same place"},
	{.name = NULL},
};

static const struct api_field port_fields[] = {
	{NAME(intent_port, name, FIELD_REQUIRED | FIELD_KEY, INTENT_NAME),
		.help = "its name, unique at its site; one that slices and hosts use has at most "
			"24 characters"},
	{AT(intent_port, device, FIELD_TEXT, FIELD_HIDE_DEFAULT), NO_REF,
		.help = "DPDK devargs (net_af_packet0,iface=wan0) or a PCI address; left out: the "
			"site's box is not Sluice"},
	{AT(intent_port, mtu, FIELD_U32, 0), .min = MTU_MIN, .max = MTU_MAX, .preset = 1500, NO_REF,
		.help = "largest IP packet in bytes"},
	{AT(intent_port, tap, FIELD_BOOL, 0), NO_REF,
		.help = "has a twin interface in the kernel; left out: when it has a device and "
			"addresses"},
	{AT(intent_port, mac, FIELD_MAC, FIELD_HIDE_DEFAULT), NO_REF,
		.help = "the address it answers to; left out: the device's own"},
	{AT(intent_port, queues, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 1, .max = LIMIT_WORKERS,
		NO_REF, .help = "receive and transmit queues; left out: one a worker"},
	{AT(intent_port, mbufs, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 256, .max = 1u << 24, NO_REF,
		.help = "packet buffers of its pool; left out: sized from its queues"},
	{AT(intent_port, addresses, FIELD_PREFIXES, FIELD_HIDE_DEFAULT), .max_items = INTENT_LIST,
		NO_REF,
		.help = "its addresses with the lengths of their networks, \"198.18.0.1/24\""},
	{LIST(intent_port, neighbors, FIELD_HIDE_DEFAULT, 0, INTENT_LIST, neighbor_fields,
		 intent_neighbor),
		.help = "MAC addresses of IPs next door that are not asked for by ARP or ND"},
	{LIST(intent_port, routes, FIELD_HIDE_DEFAULT, 0, INTENT_LIST, route_fields, intent_route),
		.help = "routes of the underlay that leave by it"},
	{.name = NULL},
};

static const struct api_field gtpu_intent_fields[] = {
	{NAME(intent_gtpu, name, FIELD_REQUIRED | FIELD_KEY, INTENT_NAME), .help = "its name"},
	{AT(intent_gtpu, address, FIELD_IP, FIELD_REQUIRED), NO_REF,
		.help = "the address that GTP-U is sent to and from"},
	{AT(intent_gtpu, interface, FIELD_ENUM, FIELD_REQUIRED), .names = interfaces, NO_REF,
		.help = "towards gNBs (access, N3) or other UPFs (core, N9)"},
	{AT(intent_gtpu, echo_s, FIELD_U32, FIELD_HIDE_DEFAULT), .max = 3600, .preset = 60, NO_REF,
		.help = "seconds between echo requests to each peer in use; 0: none; left out: 60",
		.since = 3},
	{AT(intent_gtpu, accept_zero_csum6, FIELD_BOOL, FIELD_HIDE_DEFAULT), NO_REF,
		.help = "takes UDP checksum zero over IPv6 (RFC 6935), as of peers that send none",
		.since = 3},
	{.name = NULL},
};

static const struct api_field site_fields[] = {
	OWN_NAME(intent_site),
	TEXT(intent_site, description, "for people"),
	{LIST(intent_site, ports, FIELD_HIDE_DEFAULT, 0, LIMIT_PORTS, port_fields, intent_port),
		.help = "the box's ports but for its WANs: those of tenants, and, with addresses, "
			"of the underlay"},
	{LIST(intent_site, gtpu, FIELD_HIDE_DEFAULT, 0, LIMIT_GTPU, gtpu_intent_fields,
		 intent_gtpu),
		.help = "the box's own GTP-U addresses"},
	{.name = NULL},
};

static const struct api_field wan_own_fields[] = {
	{NAME(intent_wan, site, FIELD_REQUIRED, INTENT_NAME), .help = "the site it connects"},
	TEXT(intent_wan, provider, "who sells it, for people"),
	{AT(intent_wan, capacity_bps, FIELD_U64, 0), .max = RATE_MAX_BPS, NO_REF,
		.help = "what slices may commit over it, in bits a second; 0: not limited"},
	{AT(intent_wan, shape, FIELD_BOOL, 0), NO_REF,
		.help = "what leaves by it is shaped to capacity_bps, guarantees first"},
	{AT(intent_wan, accept_zero_csum6, FIELD_BOOL, FIELD_HIDE_DEFAULT),
		.has = offsetof(struct intent_wan, has_zero_csum6), NO_REF,
		.help = "tunnels over its IPv6 take UDP checksum zero; left out: those of vxlan do "
			"(RFC 7348), those of geneve do not (RFC 8926)",
		.since = 1},
	{AT(intent_wan, preference, FIELD_U32, 0), .max = 1000000, .preset = 100, NO_REF,
		.help = "the site's WAN with the lowest is tried first"},
	{.name = NULL},
};

/* The port's fields lie flat beside its own: intent_types_init. */
static struct api_field wan_fields[COUNT(port_fields) + COUNT(wan_own_fields)];

/* ---- what tenants ask for ---- */

static const struct api_field bandwidth_fields[] = {
	{AT(intent_bandwidth, committed_bps, FIELD_U64, 0), .max = METER_RATE_MAX, NO_REF,
		.help = "booked on each WAN it uses, and guaranteed there; bits a second"},
	{AT(intent_bandwidth, peak_bps, FIELD_U64, FIELD_HIDE_DEFAULT), .max = METER_RATE_MAX,
		NO_REF, .help = "what it never exceeds; left out: committed_bps"},
	{AT(intent_bandwidth, burst_ms, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 1, .max = 2000,
		NO_REF,
		.help = "what may come at once, in milliseconds at each rate; left out: 400, with "
			"which one TCP reaches the rate at RTTs up to 100 ms",
		.since = 1},
	{.name = NULL},
};

static const struct api_field endpoint_fields[] = {
	{NAME(intent_endpoint, site, FIELD_REQUIRED, INTENT_NAME), .help = "where"},
	{NAME(intent_endpoint, port, FIELD_REQUIRED, INTENT_PORT),
		.help = "a port of that site, or one of its WANs"},
	{AT(intent_endpoint, vlan, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 1, .max = 4094, NO_REF,
		.help = "the VLAN on that port; left out: untagged"},
	{NAME(intent_endpoint, wan, FIELD_HIDE_DEFAULT, INTENT_NAME),
		.help = "the site's WAN that carries it; left out: the first with room"},
	{AT(intent_endpoint, gateway, FIELD_PREFIX, FIELD_HIDE_DEFAULT), .family = 4, NO_REF,
		.help = "l3: the switch's address there, with the length of the network"},
	{AT(intent_endpoint, gateway6, FIELD_PREFIX, FIELD_HIDE_DEFAULT), .family = 6, NO_REF,
		.help = "l3: its IPv6 address there"},
	{LIST(intent_endpoint, routes, FIELD_HIDE_DEFAULT, 0, INTENT_LIST, route_fields,
		 intent_route),
		.help = "l3: networks behind hosts of this endpoint"},
	{NAME(intent_endpoint, tap, FIELD_HIDE_DEFAULT, INTENT_TAP),
		.help = "an interface of this name stands for it in the slice's kernel part; at "
			"most 15 characters"},
	{.name = NULL},
};

static const struct api_field kernel_fields[] = {
	{NAME(intent_kernel, netns, FIELD_HIDE_DEFAULT, INTENT_NAME),
		.help = "l3: the network namespace whose routes are the slice's"},
	{NAME(intent_kernel, vrf, FIELD_HIDE_DEFAULT, INTENT_TAP),
		.help = "l3: the VRF device whose routes are the slice's"},
	{AT(intent_kernel, table, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 1, .max = UINT32_MAX,
		NO_REF, .help = "l3: the routing table whose routes are the slice's"},
	{NAME(intent_kernel, bridge, FIELD_HIDE_DEFAULT, INTENT_TAP),
		.help = "l2: the bridge that has the slice's taps as ports, for EVPN; nothing is "
			"learned from tunnels then"},
	{.name = NULL},
};

static const struct api_field slice_fields[] = {
	OWN_NAME(intent_slice),
	TENANT(intent_slice),
	TEXT(intent_slice, description, "for people"),
	{AT(intent_slice, service, FIELD_ENUM, 0), .names = services, .preset = SERVICE_L2, NO_REF,
		.help = "one bridge over all its sites (l2), or one router (l3)"},
	{AT(intent_slice, vni, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 1, .max = VNI_LAST, NO_REF,
		.help = "its network identifier in tunnels; left out: chosen"},
	{AT(intent_slice, encap, FIELD_ENUM, 0), .names = encaps, .preset = ENCAP_VXLAN, NO_REF,
		.help = "how its frames are wrapped between sites"},
	{AT(intent_slice, mtu, FIELD_U32, FIELD_HIDE_DEFAULT), .min = MTU_MIN, .max = MTU_MAX,
		NO_REF,
		.help = "largest IP packet that must pass unbroken: WANs that cannot carry it are "
			"not used; left out: what the WANs carry"},
	{AT(intent_slice, weight, FIELD_U32, 0), .min = 1, .max = 1000, .preset = 1, NO_REF,
		.help = "its part, against other slices', of what guarantees leave of a shaped "
			"WAN"},
	{AT(intent_slice, bandwidth, FIELD_OBJECT, FIELD_HIDE_DEFAULT), .fields = bandwidth_fields,
		.has = offsetof(struct intent_slice, has_bandwidth), NO_REF,
		.help = "left out: nothing is guaranteed, nothing limited"},
	{AT(intent_slice, kernel, FIELD_OBJECT, FIELD_HIDE_DEFAULT), .fields = kernel_fields,
		.has = offsetof(struct intent_slice, has_kernel), NO_REF,
		.help = "its part of each box's Linux: what iproute2 and FRR say there is "
			"mirrored; set by operators"},
	{LIST(intent_slice, endpoints, FIELD_HIDE_DEFAULT, 0, INTENT_SITES, endpoint_fields,
		 intent_endpoint),
		.help = "where it comes out"},
	{.name = NULL},
};

static const struct api_field host_fields[] = {
	OWN_NAME(intent_host),
	TENANT(intent_host),
	{NAME(intent_host, site, FIELD_REQUIRED, INTENT_NAME), .help = "where it is"},
	{NAME(intent_host, port, FIELD_REQUIRED, INTENT_PORT), .help = "the port it is behind"},
	{AT(intent_host, vlan, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 1, .max = 4094, NO_REF,
		.help = "the VLAN on that port; left out: untagged"},
	{AT(intent_host, mac, FIELD_MAC, FIELD_REQUIRED), NO_REF, .help = "its MAC address"},
	{AT(intent_host, address, FIELD_IP, FIELD_HIDE_DEFAULT), .family = 4, NO_REF,
		.help = "its IPv4 address"},
	{AT(intent_host, address6, FIELD_IP, FIELD_HIDE_DEFAULT), .family = 6, NO_REF,
		.help = "its IPv6 address"},
	{.name = NULL},
};

static const struct api_field placement_fields[] = {
	{NAME(intent_placement, site, FIELD_REQUIRED, INTENT_NAME), .help = "a site of its hosts"},
	{NAME(intent_placement, wan, FIELD_REQUIRED, INTENT_NAME),
		.help = "the WAN that carries it there"},
	{.name = NULL},
};

static const struct api_field network_fields[] = {
	OWN_NAME(intent_network),
	TENANT(intent_network),
	TEXT(intent_network, description, "for people"),
	{AT(intent_network, hosts, FIELD_TEXTS, FIELD_HIDE_DEFAULT), .max = INTENT_NAME,
		.max_items = INTENT_SITES, NO_REF, .help = "names of the hosts that are in it"},
	{AT(intent_network, vni, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 1, .max = VNI_LAST, NO_REF,
		.help = "its network identifier in tunnels; left out: chosen"},
	{AT(intent_network, bandwidth, FIELD_OBJECT, FIELD_HIDE_DEFAULT),
		.fields = bandwidth_fields, .has = offsetof(struct intent_network, has_bandwidth),
		NO_REF, .help = "left out: nothing is guaranteed, nothing limited"},
	{AT(intent_network, exclusive, FIELD_BOOL, 0), NO_REF,
		.help = "its hosts are in no other network"},
	{LIST(intent_network, placements, FIELD_HIDE_DEFAULT, 0, INTENT_SITES, placement_fields,
		 intent_placement),
		.help = "the WAN it uses at each site; what is left out is chosen"},
	{.name = NULL},
};

static const struct api_field local_network_fields[] = {
	OWN_NAME(intent_local_network),
	TENANT(intent_local_network),
	{NAME(intent_local_network, site, FIELD_HIDE_DEFAULT, INTENT_NAME),
		.help = "where it is; left out: at every site"},
	{NAME(intent_local_network, dnn, FIELD_HIDE_DEFAULT, INTENT_NAME),
		.help = "data network name of the sessions it is for; left out: all"},
	{NAME(intent_local_network, from, FIELD_HIDE_DEFAULT, INTENT_NAME),
		.help = "slice of the sessions it is for; left out: all of the tenant's"},
	{NAME(intent_local_network, slice, FIELD_REQUIRED, INTENT_NAME),
		.help = "the l3 slice their packets leave by"},
	{AT(intent_local_network, prefixes, FIELD_PREFIXES, FIELD_REQUIRED | FIELD_HOST),
		.min_items = 1, .max_items = INTENT_LIST, NO_REF,
		.help = "where packets are going that leave there"},
	{.name = NULL},
};

static const struct api_field session_own_fields[] = {
	{NAME(intent_session, site, FIELD_REQUIRED, INTENT_NAME),
		.help = "the site whose box carries it"},
	TENANT(intent_session),
	{NAME(intent_session, dnn, FIELD_HIDE_DEFAULT, INTENT_NAME),
		.help = "data network name; local data networks are chosen by it"},
	{.name = NULL},
};

/* ---- what tenants may have ---- */

static const struct api_field vlan_range_fields[] = {
	{AT(intent_range, first, FIELD_U32, FIELD_REQUIRED), .min = 1, .max = 4094, NO_REF,
		.help = "the first VLAN"},
	{AT(intent_range, last, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 1, .max = 4094, NO_REF,
		.help = "the last; left out: the first alone"},
	{.name = NULL},
};

static const struct api_field vni_range_fields[] = {
	{AT(intent_range, first, FIELD_U32, FIELD_REQUIRED), .min = 1, .max = VNI_LAST, NO_REF,
		.help = "the first VNI"},
	{AT(intent_range, last, FIELD_U32, FIELD_HIDE_DEFAULT), .min = 1, .max = VNI_LAST, NO_REF,
		.help = "the last; left out: the first alone"},
	{.name = NULL},
};

static const struct api_field grant_place_fields[] = {
	{NAME(intent_grant_place, site, FIELD_REQUIRED, INTENT_NAME), .help = "where"},
	{NAME(intent_grant_place, port, FIELD_REQUIRED, INTENT_PORT),
		.help = "a port of that site, or one of its WANs"},
	{LIST(intent_grant_place, vlans, FIELD_HIDE_DEFAULT, 0, INTENT_LIST, vlan_range_fields,
		 intent_range),
		.help = "VLANs on it that the tenant may have"},
	{AT(intent_grant_place, untagged, FIELD_BOOL, FIELD_HIDE_DEFAULT), NO_REF,
		.help = "its untagged frames, too; never of a WAN, an AF_XDP port or one with "
			"addresses, which are the host's own"},
	{.name = NULL},
};

static const struct api_field grant_wan_fields[] = {
	{NAME(intent_grant_wan, site, FIELD_REQUIRED, INTENT_NAME), .help = "where"},
	{NAME(intent_grant_wan, wan, FIELD_REQUIRED, INTENT_NAME), .help = "a WAN of that site"},
	{AT(intent_grant_wan, committed_bps, FIELD_U64, FIELD_HIDE_DEFAULT), .max = METER_RATE_MAX,
		NO_REF, .help = "what its slices may commit over this WAN; left out: as in all"},
	{AT(intent_grant_wan, peak_bps, FIELD_U64, FIELD_HIDE_DEFAULT), .max = METER_RATE_MAX,
		NO_REF, .help = "the sum of their peak_bps over it; left out: as in all"},
	{.name = NULL},
};

#define TEIDS(structure)                                                                           \
	{AT(structure, first_teid, FIELD_U32, 0), .min = 1, .max = UINT32_MAX, .preset = 1,        \
		NO_REF, .help = "the first TEID"},                                                 \
	{                                                                                          \
		AT(structure, last_teid, FIELD_U32, 0), .min = 1, .max = UINT32_MAX,               \
							.preset = UINT32_MAX, NO_REF,              \
							.help = "the last TEID"                    \
	}

static const struct api_field grant_peer_fields[] = {
	{AT(intent_grant_peer, prefix, FIELD_PREFIX, FIELD_REQUIRED | FIELD_HOST), NO_REF,
		.help = "gNBs or UPFs that its sessions may send to"},
	TEIDS(intent_grant_peer),
	{.name = NULL},
};

static const struct api_field grant_gtpu_fields[] = {
	{NAME(intent_grant_gtpu, site, FIELD_REQUIRED, INTENT_NAME), .help = "where"},
	{NAME(intent_grant_gtpu, gtpu, FIELD_REQUIRED, INTENT_NAME),
		.help = "a GTP-U address of that site"},
	TEIDS(intent_grant_gtpu),
	{LIST(intent_grant_gtpu, peers, FIELD_HIDE_DEFAULT, 0, INTENT_LIST, grant_peer_fields,
		 intent_grant_peer),
		.help = "where its sessions' tunnels may end, and with which TEIDs there"},
	{.name = NULL},
};

#define NUMBER(member, most, text)                                                                 \
	{                                                                                          \
		AT(intent_tenant, member, FIELD_U32, 0), .max = most, NO_REF, .help = text         \
	}

static const struct api_field tenant_fields[] = {
	{NAME(intent_tenant, name, FIELD_REQUIRED | FIELD_KEY, INTENT_NAME),
		.help = "the tenant, as tokens and intents name it", .since = 2},
	TEXT(intent_tenant, description, "for people"),
	NUMBER(slices, LIMIT_SLICES, "slices and virtual dedicated networks it may have"),
	NUMBER(hosts, LIMIT_HOSTS, "hosts it may have"),
	NUMBER(local_data_networks, 65536, "local data networks it may have"),
	NUMBER(sessions, LIMIT_SESSIONS, "sessions it may have"),
	{AT(intent_tenant, committed_bps, FIELD_U64, 0), .max = METER_RATE_MAX, NO_REF,
		.help = "what all its slices and networks may commit, in bits a second"},
	{AT(intent_tenant, peak_bps, FIELD_U64, FIELD_HIDE_DEFAULT), .max = METER_RATE_MAX, NO_REF,
		.help = "the sum of their peak_bps; left out: committed_bps"},
	{AT(intent_tenant, unmetered, FIELD_BOOL, FIELD_HIDE_DEFAULT), NO_REF,
		.help = "it may have slices without bandwidth, which nothing limits"},
	{AT(intent_tenant, weight, FIELD_U32, 0), .min = 1, .max = 1000, .preset = 1, NO_REF,
		.help = "the most that a slice's weight may be"},
	{AT(intent_tenant, encaps, FIELD_TEXTS, FIELD_HIDE_DEFAULT), .max = INTENT_NAME,
		.max_items = 2, NO_REF, .help = "vxlan, geneve; left out: vxlan"},
	{LIST(intent_tenant, vnis, FIELD_HIDE_DEFAULT, 0, INTENT_LIST, vni_range_fields,
		 intent_range),
		.help = "VNIs that its slices have; left out: they are chosen among those of "
			"nobody's grant"},
	{LIST(intent_tenant, places, FIELD_HIDE_DEFAULT, 0, INTENT_SITES, grant_place_fields,
		 intent_grant_place),
		.help = "where its slices and hosts may be"},
	{LIST(intent_tenant, wans, FIELD_HIDE_DEFAULT, 0, INTENT_SITES, grant_wan_fields,
		 intent_grant_wan),
		.help = "the WANs that its slices may go over"},
	{LIST(intent_tenant, gtpu, FIELD_HIDE_DEFAULT, 0, INTENT_LIST, grant_gtpu_fields,
		 intent_grant_gtpu),
		.help = "GTP-U addresses that its sessions may use"},
	{AT(intent_tenant, ue_pools, FIELD_PREFIXES, FIELD_HIDE_DEFAULT | FIELD_HOST),
		.max_items = INTENT_LIST, NO_REF, .help = "prefixes of its UEs' addresses"},
	{.name = NULL},
};

#define SESSION_FIELDS 32 /* what the decoder takes of one structure */
static struct api_field session_intent_fields[SESSION_FIELDS];

/* ---- completion: what depends on other fields, and one form for equal things ---- */

static void mask_routes(const struct intent_routes *routes)
{
	for (uint32_t i = 0; i < routes->count; i++)
		api_ip_mask(&routes->item[i].prefix);
}

static void complete_site(union api_object *out)
{
	struct intent_site *site = &((union intent_object *)out)->site;

	for (uint32_t i = 0; i < site->ports.count; i++)
		mask_routes(&site->ports.item[i].routes);
}

static void complete_wan(union api_object *out)
{
	mask_routes(&((union intent_object *)out)->wan.port.routes);
}

static void complete_slice(union api_object *out)
{
	struct intent_slice *slice = &((union intent_object *)out)->slice;

	for (uint32_t i = 0; i < slice->endpoints.count; i++)
		mask_routes(&slice->endpoints.item[i].routes);
}

static void complete_local_network(union api_object *out)
{
	struct intent_local_network *local = &((union intent_object *)out)->local_network;

	for (uint32_t i = 0; i < local->prefixes.count; i++)
		api_ip_mask(&local->prefixes.item[i]);
}

/* One alone is a range from it to it. */
static void complete_ranges(const struct intent_ranges *ranges)
{
	for (uint32_t i = 0; i < ranges->count; i++)
		if (!ranges->item[i].last)
			ranges->item[i].last = ranges->item[i].first;
}

static void complete_tenant(union api_object *out)
{
	struct intent_tenant *tenant = &((union intent_object *)out)->tenant;

	complete_ranges(&tenant->vnis);
	for (uint32_t i = 0; i < tenant->places.count; i++)
		complete_ranges(&tenant->places.item[i].vlans);
	for (uint32_t i = 0; i < tenant->ue_pools.count; i++)
		api_ip_mask(&tenant->ue_pools.item[i]);
}

/* ---- what they have, need and book ---- */

#define HAS   CONSTRAINT_HAS
#define NEEDS CONSTRAINT_NEEDS
#define NOTED CONSTRAINT_AT
#define BOOKS CONSTRAINT_BOOKS
#define WORD(text)                                                                                 \
	{                                                                                          \
		.kind = KEY_PART_WORD, .word = text                                                \
	}
#define OF(kind, structure, member)                                                                \
	{                                                                                          \
		KEY_OF(kind, structure, member)                                                    \
	}
#define ITEM(kind, structure, member)                                                              \
	{                                                                                          \
		KEY_OF_ITEM(kind, structure, member)                                               \
	}
#define EACH(structure, member, its_item)                                                          \
	.list = offsetof(struct structure, member), .item_size = sizeof(struct its_item)
/* A VNI, with zeros before it, as they are looked for in order (numbers.c). */
#define VNI(structure)                                                                             \
	{                                                                                          \
		HAS, KEY_VNI, {{KEY_OF(ID, structure, vni), .digits = KEY_VNI_DIGITS}},            \
			.path = "vni"                                                              \
	}
/* One more of what a tenant's grant limits. */
#define COUNTS(structure, what)                                                                    \
	{                                                                                          \
		BOOKS, KEY_COUNT, {OF(NAME, structure, tenant), WORD(what)}, .path = ""            \
	}
/* Rates over a WAN, or in all. */
#define COMMITTED(structure) .value = offsetof(struct structure, bandwidth.committed_bps)
#define PEAK(structure)                                                                            \
	.value = offsetof(struct structure, bandwidth.peak_bps),                                   \
	.value_else = offsetof(struct structure, bandwidth.committed_bps)
#define RATES(structure, wan, ...)                                                                 \
	{BOOKS, KEY_COMMITTED, {OF(NAME, structure, tenant), wan},                                 \
		.path = "bandwidth.committed_bps", COMMITTED(structure), ##__VA_ARGS__},           \
	{                                                                                          \
		BOOKS, KEY_PEAK, {OF(NAME, structure, tenant), wan},                               \
			.path = "bandwidth.peak_bps", PEAK(structure), ##__VA_ARGS__               \
	}

static const struct api_constraint site_constraints[] = {
	{HAS, KEY_SITE, {OF(NAME, intent_site, name)}, .path = "name"},
	{HAS, KEY_PORT, {OF(NAME, intent_site, name), ITEM(NAME, intent_port, name)},
		.path = "ports[%u].name", EACH(intent_site, ports, intent_port)},
	{HAS, KEY_TAP, {OF(NAME, intent_site, name), ITEM(NAME, intent_port, name)},
		.path = "ports[%u].name", EACH(intent_site, ports, intent_port)},
	{HAS, KEY_GTPU, {OF(NAME, intent_site, name), ITEM(NAME, intent_gtpu, name)},
		.path = "gtpu[%u].name", EACH(intent_site, gtpu, intent_gtpu)},
	{0},
};

static const struct api_constraint wan_constraints[] = {
	{NEEDS, KEY_SITE, {OF(NAME, intent_wan, site)}, .path = "site"},
	{HAS, KEY_PORT, {OF(NAME, intent_wan, site), OF(NAME, intent_wan, port.name)},
		.path = "name"},
	{HAS, KEY_TAP, {OF(NAME, intent_wan, site), OF(NAME, intent_wan, port.name)},
		.path = "name"},
	{HAS, KEY_WAN, {OF(NAME, intent_wan, site), OF(NAME, intent_wan, port.name)},
		.path = "name"},
	{NOTED, KEY_ORDER,
		{OF(NAME, intent_wan, site),
			{KEY_OF(NUMBER, intent_wan, preference), .digits = KEY_ORDER_DIGITS},
			OF(NAME, intent_wan, port.name)},
		.path = "preference"},
	{0},
};

static bool slice_is_l3(const void *object)
{
	return ((const struct intent_slice *)object)->service == SERVICE_L3;
}

bool intent_slice_is_stretched(const void *object)
{
	const struct intent_endpoints *endpoints =
		&((const struct intent_slice *)object)->endpoints;

	for (uint32_t i = 1; i < endpoints->count; i++)
		if (strcmp(endpoints->item[i].site, endpoints->item[0].site))
			return true;
	return false;
}

#define ENDPOINTS EACH(intent_slice, endpoints, intent_endpoint)
#define STRETCHED .when = intent_slice_is_stretched

/* That a VRF and a table are of the same routes is only the kernel's to know. */
static const struct api_constraint slice_constraints[] = {
	{HAS, KEY_NAME, {OF(NAME, intent_slice, name)}, .path = "name"},
	{HAS, KEY_SLICE, {OF(NAME, intent_slice, name)}, .path = "name"},
	{HAS, KEY_ROUTER, {OF(NAME, intent_slice, name)}, .path = "service", .when = slice_is_l3},
	VNI(intent_slice),
	{HAS, KEY_KERNEL, {WORD("netns"), OF(NAME, intent_slice, kernel.netns)},
		.path = "kernel.netns"},
	{HAS, KEY_KERNEL, {WORD("vrf"), OF(NAME, intent_slice, kernel.vrf)}, .path = "kernel.vrf"},
	{HAS, KEY_KERNEL, {WORD("bridge"), OF(NAME, intent_slice, kernel.bridge)},
		.path = "kernel.bridge"},
	{HAS, KEY_KERNEL, {WORD("table"), OF(ID, intent_slice, kernel.table)},
		.path = "kernel.table"},
	COUNTS(intent_slice, "slices"),
	RATES(intent_slice, WORD("")),
	{NEEDS, KEY_PORT, {ITEM(NAME, intent_endpoint, site), ITEM(NAME, intent_endpoint, port)},
		.path = "endpoints[%u].port", ENDPOINTS},
	{HAS, KEY_PLACE,
		{ITEM(NAME, intent_endpoint, site), ITEM(NAME, intent_endpoint, port),
			ITEM(NUMBER, intent_endpoint, vlan)},
		.path = "endpoints[%u]", ENDPOINTS},
	{NEEDS, KEY_WAN, {ITEM(NAME, intent_endpoint, site), ITEM(NAME, intent_endpoint, wan)},
		.path = "endpoints[%u].wan", ENDPOINTS},
	{BOOKS, KEY_BOOKED, {ITEM(NAME, intent_endpoint, wan)}, .path = "bandwidth", ENDPOINTS,
		STRETCHED, COMMITTED(intent_slice)},
	RATES(intent_slice, ITEM(NAME, intent_endpoint, wan), ENDPOINTS, STRETCHED),
	{HAS, KEY_TAP, {ITEM(NAME, intent_endpoint, site), ITEM(NAME, intent_endpoint, tap)},
		.path = "endpoints[%u].tap", ENDPOINTS},
	{0},
};

static const struct api_constraint host_constraints[] = {
	{HAS, KEY_HOST, {OF(NAME, intent_host, name)}, .path = "name"},
	COUNTS(intent_host, "hosts"),
	{NEEDS, KEY_PORT, {OF(NAME, intent_host, site), OF(NAME, intent_host, port)},
		.path = "port"},
	{NOTED, KEY_PLACE,
		{OF(NAME, intent_host, site), OF(NAME, intent_host, port),
			OF(NUMBER, intent_host, vlan)},
		.path = "port"},
	{NOTED, KEY_MAC, {OF(MAC, intent_host, mac)}, .path = "mac"},
	{NOTED, KEY_IP, {OF(IP, intent_host, address)}, .path = "address"},
	{NOTED, KEY_IP, {OF(IP, intent_host, address6)}, .path = "address6"},
	{0},
};

static bool network_is_stretched(const void *object)
{
	return ((const struct intent_network *)object)->placements.count > 1;
}

#define PLACEMENTS EACH(intent_network, placements, intent_placement)

static const struct api_constraint network_constraints[] = {
	{HAS, KEY_NAME, {OF(NAME, intent_network, name)}, .path = "name"},
	COUNTS(intent_network, "slices"),
	RATES(intent_network, WORD("")),
	VNI(intent_network),
	{NEEDS, KEY_HOST, {{.kind = KEY_PART_TEXT, .of_item = true}}, .path = "hosts[%u]",
		EACH(intent_network, hosts, api_text)},
	{NEEDS, KEY_WAN, {ITEM(NAME, intent_placement, site), ITEM(NAME, intent_placement, wan)},
		.path = "placements[%u].wan", PLACEMENTS},
	{BOOKS, KEY_BOOKED, {ITEM(NAME, intent_placement, wan)}, .path = "bandwidth", PLACEMENTS,
		.when = network_is_stretched, COMMITTED(intent_network)},
	RATES(intent_network, ITEM(NAME, intent_placement, wan), PLACEMENTS,
		.when = network_is_stretched),
	{0},
};

static const struct api_constraint local_network_constraints[] = {
	COUNTS(intent_local_network, "local_data_networks"),
	{NEEDS, KEY_SITE, {OF(NAME, intent_local_network, site)}, .path = "site"},
	{NEEDS, KEY_SLICE, {OF(NAME, intent_local_network, from)}, .path = "from"},
	{NEEDS, KEY_SLICE, {OF(NAME, intent_local_network, slice)}, .path = "slice"},
	{NEEDS, KEY_ROUTER, {OF(NAME, intent_local_network, slice)}, .path = "slice"},
	{0},
};

#define PDRS EACH(intent_session, session.pdrs, api_pdr)
#define FARS EACH(intent_session, session.fars, api_far)

static const struct api_constraint session_constraints[] = {
	COUNTS(intent_session, "sessions"),
	{NEEDS, KEY_SITE, {OF(NAME, intent_session, site)}, .path = "site"},
	{NEEDS, KEY_SLICE, {OF(NAME, intent_session, session.slice)}, .path = "slice"},
	{NEEDS, KEY_GTPU, {OF(NAME, intent_session, site), ITEM(NAME, api_pdr, gtpu)},
		.path = "pdrs[%u].gtpu", PDRS},
	{NEEDS, KEY_SLICE, {ITEM(NAME, api_pdr, slice)}, .path = "pdrs[%u].slice", PDRS},
	{HAS, KEY_TEID,
		{OF(NAME, intent_session, site), ITEM(NAME, api_pdr, gtpu),
			{KEY_OF_ITEM(ID, api_pdr, teid), .digits = KEY_TEID_DIGITS}},
		.path = "pdrs[%u].teid", PDRS},
	{NEEDS, KEY_SLICE, {ITEM(NAME, api_far, slice)}, .path = "fars[%u].slice", FARS},
	{NEEDS, KEY_GTPU, {OF(NAME, intent_session, site), ITEM(NAME, api_far, outer_header.gtpu)},
		.path = "fars[%u].outer_header.gtpu", FARS},
	{NEEDS, KEY_GTPU, {OF(NAME, intent_session, site), ITEM(NAME, api_far, duplicate_to.gtpu)},
		.path = "fars[%u].duplicate_to.gtpu", FARS},
	{0},
};

static const struct api_constraint tenant_constraints[] = {
	{NEEDS, KEY_PORT,
		{ITEM(NAME, intent_grant_place, site), ITEM(NAME, intent_grant_place, port)},
		.path = "places[%u].port", EACH(intent_tenant, places, intent_grant_place)},
	{NEEDS, KEY_WAN, {ITEM(NAME, intent_grant_wan, site), ITEM(NAME, intent_grant_wan, wan)},
		.path = "wans[%u].wan", EACH(intent_tenant, wans, intent_grant_wan)},
	{NEEDS, KEY_GTPU,
		{ITEM(NAME, intent_grant_gtpu, site), ITEM(NAME, intent_grant_gtpu, gtpu)},
		.path = "gtpu[%u].gtpu", EACH(intent_tenant, gtpu, intent_grant_gtpu)},
	{0},
};

#define TYPE(id, its_name, structure, its_fields, its_constraints, most, text, ...)                \
	[id] = {.name = its_name,                                                                  \
		.type = (enum object_type)id,                                                      \
		.size = sizeof(struct structure),                                                  \
		.limit = most,                                                                     \
		.fields = its_fields,                                                              \
		.constraints = its_constraints,                                                    \
		.lists = true,                                                                     \
		.help = text,                                                                      \
		##__VA_ARGS__}

struct api_type intent_types[INTENT_TYPES] = {
	TYPE(INTENT_SITE, "site", intent_site, site_fields, site_constraints, 4096,
		"a place with a box: its ports and GTP-U addresses", .complete = complete_site),
	TYPE(INTENT_WAN, "wan", intent_wan, wan_fields, wan_constraints, 16384,
		"a site's way to the other sites: a port with addresses and a capacity",
		.complete = complete_wan),
	TYPE(INTENT_SLICE, "slice", intent_slice, slice_fields, slice_constraints, LIMIT_SLICES,
		"a private, metered network over sites", .complete = complete_slice),
	TYPE(INTENT_HOST, "host", intent_host, host_fields, host_constraints, LIMIT_HOSTS,
		"a station whose place, MAC and address are known"),
	TYPE(INTENT_NETWORK, "virtual-dedicated-network", intent_network, network_fields,
		network_constraints, LIMIT_SLICES,
		"these hosts and nobody else, with bandwidth of their own"),
	TYPE(INTENT_LOCAL_NETWORK, "local-data-network", intent_local_network, local_network_fields,
		local_network_constraints, 65536,
		"uplink classifier: what sessions send to these prefixes leaves by a slice at "
		"their own site",
		.complete = complete_local_network),
	TYPE(INTENT_SESSION, "session", intent_session, session_intent_fields, session_constraints,
		LIMIT_SESSIONS, "a PDU session of a UE at a site's box",
		.complete = session_complete),
	TYPE(INTENT_TENANT, "tenant", intent_tenant, tenant_fields, tenant_constraints, 16384,
		"what a tenant may have: its tokens get nothing else", .complete = complete_tenant),
};

static size_t append(struct api_field *to, size_t at, const struct api_field *from)
{
	for (; from->name; from++)
		to[at++] = *from;
	to[at].name = NULL;
	return at;
}

_Static_assert(offsetof(struct intent_wan, port) == 0, "the port's offsets are the WAN's");
_Static_assert(offsetof(struct intent_session, session) == 0, "likewise");

void intent_types_init(void)
{
	static const char own_name[] = "its name: 1 to 30 of letters, digits and . _ - @";
	size_t fields = append(wan_fields, 0, port_fields);

	append(wan_fields, fields, wan_own_fields);
	wan_fields[0].help = own_name;
	fields = append(session_intent_fields, 0, session_fields);
	append(session_intent_fields, fields, session_own_fields);
	session_intent_fields[0].help = own_name;
	session_intent_fields[0].max = INTENT_NAME;
	session_intent_fields[1].max = INTENT_NAME;
	for (struct api_field *f = session_intent_fields; f->name; f++)
		f->ref = -1;
}
