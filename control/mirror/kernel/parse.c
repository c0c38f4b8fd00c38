/* SPDX-License-Identifier: BSD-3-Clause */
/* From rtnetlink's messages to entries. Called for events and for answers of dumps alike; what
 * is not understood is left out. */
#include "kernel_private.h"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/lwtunnel.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- attributes ---- */

#define USABLE (NUD_PERMANENT | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)

/* By its length. */
static void parse_ip(struct api_ip *ip, const struct nlattr *attr)
{
	uint16_t len = mnl_attr_get_payload_len(attr);

	if (len != 4 && len != 16)
		return;
	ip->family = len == 4 ? 4 : 6;
	ip->len = len * 8;
	memcpy(ip->bytes, mnl_attr_get_payload(attr), len);
}

static uint32_t get32(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) >= 4 ? mnl_attr_get_u32(attr) : 0;
}

static uint16_t get16(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) >= 2 ? mnl_attr_get_u16(attr) : 0;
}

static uint8_t get8(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) >= 1 ? mnl_attr_get_u8(attr) : 0;
}

static void get_text(char *to, size_t room, const struct nlattr *attr)
{
	size_t len = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));

	if (len < room)
		memcpy(to, mnl_attr_get_payload(attr), len);
}

/* ---- routes ---- */

/* struct rtvia: family and address */
static void parse_via(struct api_ip *ip, const struct nlattr *attr)
{
	const struct rtvia *via = mnl_attr_get_payload(attr);
	uint16_t len = mnl_attr_get_payload_len(attr);

	if (len != sizeof(*via) + 4 && len != sizeof(*via) + 16)
		return;
	len -= sizeof(*via);
	ip->family = len == 4 ? 4 : 6;
	ip->len = len * 8;
	memcpy(ip->bytes, via->rtvia_addr, len);
}

static void parse_way(struct kernel_via *via, const struct nlattr *attr)
{
	switch (mnl_attr_get_type(attr)) {
	case RTA_GATEWAY:
		parse_ip(&via->address, attr);
		break;
	case RTA_VIA:
		parse_via(&via->address, attr);
		break;
	case RTA_ENCAP_TYPE:
		via->encap = true;
		break;
	case RTA_NEWDST:
		via->encap = true;
		break;
	case RTA_OIF:
		via->index = get32(attr);
		break;
	}
}

static void parse_multipath(struct route_ways *ways, const struct nlattr *list)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(list);
	size_t left = mnl_attr_get_payload_len(list);

	while (left >= sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) && hop->rtnh_len <= left &&
		ways->count < KERNEL_WAYS_MAX) {
		struct kernel_via *via = &ways->via[ways->count++];
		const struct nlattr *attr = (const void *)(hop + 1);
		size_t bytes = RTNH_ALIGN(hop->rtnh_len);

		memset(via, 0, sizeof(*via));
		via->index = (uint32_t)hop->rtnh_ifindex;
		via->weight = hop->rtnh_hops + 1;
		while (mnl_attr_ok(
			attr, (int)((const char *)hop + hop->rtnh_len - (const char *)attr))) {
			parse_way(via, attr);
			attr = mnl_attr_next(attr);
		}
		if (bytes >= left)
			return;
		left -= bytes;
		hop = (const void *)((const char *)hop + bytes);
	}
}

static int via_cmp(const void *a, const void *b)
{
	const struct kernel_via *x = a, *y = b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return memcmp(x, y, sizeof(*x));
}

/* The kernel's order of ways is none, and differs from message to message. */
static void finish_ways(struct route_ways *ways, const struct kernel_via *single)
{
	if (!ways->count && (single->index || single->address.family)) {
		ways->via[0] = *single;
		ways->count = 1;
	}
	if (ways->count == 1)
		ways->via[0].weight = 1;
	if (ways->count > 1)
		qsort(ways->via, ways->count, sizeof(ways->via[0]), via_cmp);
}

static bool parse_route_head(struct kernel_route *route, const struct rtmsg *head)
{
	if (head->rtm_family != AF_INET && head->rtm_family != AF_INET6)
		return false;
	/* copies of routes for one destination; routes by source are not what a FIB here has */
	if (head->rtm_flags & RTM_F_CLONED || head->rtm_src_len)
		return false;
	route->table = head->rtm_table;
	route->prefix.family = head->rtm_family == AF_INET ? 4 : 6;
	route->prefix.len = head->rtm_dst_len;
	route->tos = head->rtm_tos;
	route->protocol = head->rtm_protocol;
	route->type = head->rtm_type;
	route->scope = head->rtm_scope;
	return true;
}

static void parse_route_attr(struct kernel_route *route, struct route_ways *ways,
	struct kernel_via *single, const struct nlattr *attr)
{
	switch (mnl_attr_get_type(attr)) {
	case RTA_DST:
		if (mnl_attr_get_payload_len(attr) <= sizeof(route->prefix.bytes))
			memcpy(route->prefix.bytes, mnl_attr_get_payload(attr),
				mnl_attr_get_payload_len(attr));
		break;
	case RTA_TABLE:
		route->table = get32(attr);
		break;
	case RTA_PRIORITY:
		route->metric = get32(attr);
		break;
	case RTA_NH_ID:
		route->nexthop = get32(attr);
		break;
	case RTA_PREFSRC:
		if (route->prefix.family == 4)
			ways->source = get32(attr);
		break;
	case RTA_MULTIPATH:
		parse_multipath(ways, attr);
		break;
	default:
		parse_way(single, attr);
	}
}

static void parse_route(struct kernel *kernel, const struct nlmsghdr *msg)
{
	const struct rtmsg *head = mnl_nlmsg_get_payload(msg);
	static struct route_ways ways; /* large; one thread */
	struct kernel_via single;
	struct kernel_route route;
	const struct nlattr *attr;

	memset(&route, 0, sizeof(route));
	if (!parse_route_head(&route, head))
		return;
	ways.count = ways.source = 0;
	memset(&single, 0, sizeof(single));
	single.weight = 1;
	mnl_attr_for_each(attr, msg, sizeof(*head)) parse_route_attr(&route, &ways, &single, attr);
	if (route.nexthop)
		ways.count = 0; /* it is said again by the object */
	else
		finish_ways(&ways, &single);
	if (msg->nlmsg_type == RTM_DELROUTE)
		route_deleted(kernel, &route, &ways);
	else if (kernel->applying)
		route_dumped(kernel, &route, &ways);
	else
		route_event(kernel, &route, &ways, msg->nlmsg_flags);
}

/* ---- links, addresses, next hop objects, neighbours, FDBs ---- */

/* ---- links ---- */

static void parse_vxlan(struct kernel_link *link, const struct nlattr *data)
{
	const struct nlattr *attr;
	bool external = false;

	mnl_attr_for_each_nested(attr, data)
	{
		switch (mnl_attr_get_type(attr)) {
		case IFLA_VXLAN_ID:
			link->vxlan.vni = get32(attr);
			break;
		case IFLA_VXLAN_LOCAL:
		case IFLA_VXLAN_LOCAL6:
			parse_ip(&link->vxlan.local, attr);
			break;
		case IFLA_VXLAN_PORT:
			link->vxlan.dst_port = __builtin_bswap16(get16(attr));
			break;
		case IFLA_VXLAN_LEARNING:
			link->vxlan.learning = get8(attr);
			break;
		case IFLA_VXLAN_COLLECT_METADATA:
			external = get8(attr);
			break;
		}
	}
	if (external)
		link->vxlan.vni = 0;
}

static void parse_link_info(struct kernel_link *link, const struct nlattr *info)
{
	const struct nlattr *attr, *data = NULL;

	mnl_attr_for_each_nested(attr, info)
	{
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
			get_text(link->kind, sizeof(link->kind), attr);
		if (mnl_attr_get_type(attr) == IFLA_INFO_DATA)
			data = attr;
	}
	if (!data)
		return;
	if (!strcmp(link->kind, "vxlan"))
		parse_vxlan(link, data);
	if (strcmp(link->kind, "vrf"))
		return;
	mnl_attr_for_each_nested(attr, data)
	{
		if (mnl_attr_get_type(attr) == IFLA_VRF_TABLE)
			link->table = get32(attr);
	}
}

/* Of family bridge are messages on a bridge's ports, no links. */
static void parse_link(struct kernel *kernel, const struct nlmsghdr *msg)
{
	const struct ifinfomsg *head = mnl_nlmsg_get_payload(msg);
	struct kernel_key key = key_index((uint32_t)head->ifi_index);
	const struct nlattr *attr;
	struct kernel_link link;

	if (head->ifi_family != AF_UNSPEC)
		return;
	if (msg->nlmsg_type == RTM_DELLINK) {
		table_remove(kernel, KERNEL_LINK, &key);
		return;
	}
	memset(&link, 0, sizeof(link));
	link.index = (uint32_t)head->ifi_index;
	link.up = head->ifi_flags & IFF_UP;
	link.carrier = head->ifi_flags & IFF_LOWER_UP;
	mnl_attr_for_each(attr, msg, sizeof(*head))
	{
		switch (mnl_attr_get_type(attr)) {
		case IFLA_IFNAME:
			get_text(link.name, sizeof(link.name), attr);
			break;
		case IFLA_MTU:
			link.mtu = get32(attr);
			break;
		case IFLA_MASTER:
			link.master = get32(attr);
			break;
		case IFLA_ADDRESS:
			if (mnl_attr_get_payload_len(attr) == sizeof(link.mac))
				memcpy(&link.mac, mnl_attr_get_payload(attr), sizeof(link.mac));
			break;
		case IFLA_LINKINFO:
			parse_link_info(&link, attr);
			break;
		}
	}
	table_put(kernel, KERNEL_LINK, &key, &link, sizeof(link));
}

/* ---- addresses ---- */

static void parse_address(struct kernel *kernel, const struct nlmsghdr *msg)
{
	const struct ifaddrmsg *head = mnl_nlmsg_get_payload(msg);
	uint32_t flags = head->ifa_flags;
	struct kernel_address address;
	struct api_ip peer = {0};
	const struct nlattr *attr;
	struct kernel_key key;

	memset(&address, 0, sizeof(address));
	address.index = head->ifa_index;
	mnl_attr_for_each(attr, msg, sizeof(*head))
	{
		switch (mnl_attr_get_type(attr)) {
		case IFA_ADDRESS:
			parse_ip(&peer, attr);
			break;
		case IFA_LOCAL:
			parse_ip(&address.prefix, attr);
			break;
		case IFA_FLAGS:
			flags = get32(attr);
			break;
		case IFA_PROTO:
			address.protocol = get8(attr);
			break;
		}
	}
	if (!address.prefix.family)
		address.prefix = peer;
	if (!address.prefix.family)
		return;
	address.prefix.len = head->ifa_prefixlen;
	peer.len = 0;
	key = key_address(address.index, &address.prefix, &peer);
	if (msg->nlmsg_type == RTM_DELADDR || flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED))
		table_remove(kernel, KERNEL_ADDRESS, &key);
	else
		table_put(kernel, KERNEL_ADDRESS, &key, &address, sizeof(address));
}

/* ---- next hop objects ---- */

#define MEMBERS_MAX 1024

struct group {
	struct kernel_nexthop head;
	uint8_t members[MEMBERS_MAX * sizeof(((struct kernel_nexthop *)0)->member[0])];
};

static void parse_group(struct kernel_nexthop *nexthop, const struct nlattr *attr)
{
	const struct nexthop_grp *member = mnl_attr_get_payload(attr);
	size_t count = mnl_attr_get_payload_len(attr) / sizeof(*member);

	for (size_t i = 0; i < count && i < MEMBERS_MAX; i++) {
		/* after the weight, and reserved before Linux 6.12: its upper half */
		const uint8_t *high = &member[i].weight + 1;

		nexthop->member[i].id = member[i].id;
		nexthop->member[i].weight = (uint16_t)((*high << 8 | member[i].weight) + 1);
		nexthop->members++;
	}
}

static void parse_nexthop_attr(struct kernel_nexthop *nexthop, const struct nlattr *attr)
{
	switch (mnl_attr_get_type(attr)) {
	case NHA_ID:
		nexthop->id = get32(attr);
		break;
	case NHA_GROUP:
		parse_group(nexthop, attr);
		break;
	case NHA_BLACKHOLE:
		nexthop->blackhole = true;
		break;
	case NHA_FDB:
		nexthop->fdb = true;
		break;
	case NHA_OIF:
		nexthop->via.index = get32(attr);
		break;
	case NHA_GATEWAY:
		parse_ip(&nexthop->via.address, attr);
		break;
	case NHA_ENCAP:
		nexthop->via.encap = true;
		break;
	}
}

static void parse_nexthop(struct kernel *kernel, const struct nlmsghdr *msg)
{
	static struct group group; /* large; one thread */
	struct kernel_nexthop *nexthop = &group.head;
	const struct nlattr *attr;
	struct kernel_key key;

	memset(&group, 0, sizeof(group));
	nexthop->via.weight = 1;
	mnl_attr_for_each(attr, msg, sizeof(struct nhmsg)) parse_nexthop_attr(nexthop, attr);
	if (!nexthop->id)
		return;
	if (nexthop->members || nexthop->blackhole)
		nexthop->via = (struct kernel_via){0};
	key = key_index(nexthop->id);
	if (msg->nlmsg_type == RTM_DELNEXTHOP)
		table_remove(kernel, KERNEL_NEXTHOP, &key);
	else
		table_put(kernel, KERNEL_NEXTHOP, &key, nexthop,
			(uint32_t)(sizeof(*nexthop) +
				   nexthop->members * sizeof(nexthop->member[0])));
}

/* ---- neighbours and FDBs ---- */

struct neighbor {
	struct api_ip dst;
	struct api_mac_addr mac;
	bool has_mac;
	uint16_t vlan, port;
	uint32_t vni, vni_in, nexthop, master;
};

static void parse_neighbor_attr(struct neighbor *neighbor, const struct nlattr *attr)
{
	switch (mnl_attr_get_type(attr)) {
	case NDA_DST:
		parse_ip(&neighbor->dst, attr);
		break;
	case NDA_LLADDR:
		neighbor->has_mac = mnl_attr_get_payload_len(attr) == sizeof(neighbor->mac);
		if (neighbor->has_mac)
			memcpy(&neighbor->mac, mnl_attr_get_payload(attr), sizeof(neighbor->mac));
		break;
	case NDA_VLAN:
		neighbor->vlan = get16(attr);
		break;
	case NDA_PORT:
		neighbor->port = __builtin_bswap16(get16(attr));
		break;
	case NDA_VNI:
		neighbor->vni = get32(attr);
		break;
	case NDA_SRC_VNI:
		neighbor->vni_in = get32(attr);
		break;
	case NDA_NH_ID:
		neighbor->nexthop = get32(attr);
		break;
	case NDA_MASTER:
		neighbor->master = get32(attr);
		break;
	}
}

static void put_fdb(struct kernel *kernel, const struct ndmsg *head,
	const struct neighbor *neighbor, bool deleted)
{
	struct kernel_fdb fdb;
	struct kernel_key key;

	memset(&fdb, 0, sizeof(fdb));
	fdb.index = (uint32_t)head->ndm_ifindex;
	fdb.master = neighbor->master;
	fdb.mac = neighbor->mac;
	fdb.vlan = neighbor->vlan;
	fdb.dst = neighbor->dst;
	fdb.vni = neighbor->vni ? neighbor->vni : neighbor->vni_in;
	fdb.port = neighbor->port;
	fdb.nexthop = neighbor->nexthop;
	fdb.state = head->ndm_state & NUD_PERMANENT ? NUD_PERMANENT
		    : head->ndm_state & NUD_NOARP   ? NUD_NOARP
						    : NUD_REACHABLE;
	fdb.flags = head->ndm_flags & (NTF_EXT_LEARNED | NTF_STICKY);
	key = key_fdb(&fdb, neighbor->vni_in);
	if (deleted || (!fdb.master && !fdb.dst.family && !fdb.nexthop))
		table_remove(kernel, KERNEL_FDB, &key);
	else
		table_put(kernel, KERNEL_FDB, &key, &fdb, sizeof(fdb));
}

static void put_neighbor(
	struct kernel *kernel, const struct ndmsg *head, const struct neighbor *from, bool deleted)
{
	struct kernel_neighbor neighbor;
	struct kernel_key key = key_neighbor((uint32_t)head->ndm_ifindex, &from->dst);

	uint16_t state = head->ndm_state & NUD_PERMANENT ? NUD_PERMANENT
			 : head->ndm_state & USABLE	 ? NUD_REACHABLE
							 : 0;

	/* FRR's router MACs; those that the kernel makes for groups and the like have no flag */
	if (head->ndm_state & NUD_NOARP && head->ndm_flags & NTF_EXT_LEARNED)
		state = NUD_NOARP;
	if (deleted || !state || !from->has_mac) {
		table_remove(kernel, KERNEL_NEIGHBOR, &key);
		return;
	}
	memset(&neighbor, 0, sizeof(neighbor));
	neighbor.index = (uint32_t)head->ndm_ifindex;
	neighbor.address = from->dst;
	neighbor.mac = from->mac;
	neighbor.state = state;
	neighbor.flags = head->ndm_flags & (NTF_EXT_LEARNED | NTF_ROUTER);
	table_put(kernel, KERNEL_NEIGHBOR, &key, &neighbor, sizeof(neighbor));
}

static void parse_neighbor(struct kernel *kernel, const struct nlmsghdr *msg)
{
	const struct ndmsg *head = mnl_nlmsg_get_payload(msg);
	bool deleted = msg->nlmsg_type == RTM_DELNEIGH;
	struct neighbor neighbor = {0};
	const struct nlattr *attr;

	mnl_attr_for_each(attr, msg, sizeof(*head)) parse_neighbor_attr(&neighbor, attr);
	if (head->ndm_family == AF_BRIDGE) {
		if (neighbor.has_mac)
			put_fdb(kernel, head, &neighbor, deleted);
	} else if (neighbor.dst.family && !(head->ndm_flags & NTF_PROXY)) {
		put_neighbor(kernel, head, &neighbor, deleted);
	}
}

void parse_message(struct kernel *kernel, const struct nlmsghdr *msg)
{
	static const struct {
		void (*parse)(struct kernel *kernel, const struct nlmsghdr *msg);
		size_t head;
	} parsers[] = {
		[(RTM_NEWLINK - RTM_BASE) / 4] = {parse_link, sizeof(struct ifinfomsg)},
		[(RTM_NEWADDR - RTM_BASE) / 4] = {parse_address, sizeof(struct ifaddrmsg)},
		[(RTM_NEWROUTE - RTM_BASE) / 4] = {parse_route, sizeof(struct rtmsg)},
		[(RTM_NEWNEIGH - RTM_BASE) / 4] = {parse_neighbor, sizeof(struct ndmsg)},
		[(RTM_NEWNEXTHOP - RTM_BASE) / 4] = {parse_nexthop, sizeof(struct nhmsg)},
	};
	size_t kind = (msg->nlmsg_type - RTM_BASE) / 4;

	if (msg->nlmsg_type < RTM_BASE || kind >= sizeof(parsers) / sizeof(parsers[0]) ||
		!parsers[kind].parse || mnl_nlmsg_get_payload_len(msg) < parsers[kind].head)
		return;
	kernel->counters.messages++;
	parsers[kind].parse(kernel, msg);
}

void parse_messages(struct kernel *kernel, const void *data, size_t len)
{
	const struct nlmsghdr *msg = data;
	int left = (int)len;

	for (; mnl_nlmsg_ok(msg, left); msg = mnl_nlmsg_next(msg, &left))
		parse_message(kernel, msg);
}
