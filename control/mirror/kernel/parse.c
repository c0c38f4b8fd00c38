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

/* What becomes of an attribute's payload. One that is too short is none. */
enum attr_form { ATTR_FLAG, ATTR_U8, ATTR_U16, ATTR_BE16, ATTR_U32, ATTR_IP, ATTR_MAC, ATTR_NAME };

struct attr_rule {
	uint16_t type;
	uint8_t form;	 /* enum attr_form */
	uint16_t offset; /* of the member in what is read */
};
#define ATTR_TO(attr, form, type, member)                                                          \
	{                                                                                          \
		attr, ATTR_##form, offsetof(type, member)                                          \
	}

static void set_ip(struct api_ip *ip, const void *bytes, size_t len)
{
	if (len != 4 && len != 16)
		return;
	ip->family = len == 4 ? 4 : 6;
	ip->len = (uint8_t)(len * 8);
	memcpy(ip->bytes, bytes, len);
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

static void get_name(char name[IFNAMSIZ], const struct nlattr *attr)
{
	size_t len = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));

	if (len < IFNAMSIZ)
		memcpy(name, mnl_attr_get_payload(attr), len);
}

static void attr_read(const struct attr_rule *rule, const struct nlattr *attr, void *to)
{
	const void *payload = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);

	switch ((enum attr_form)rule->form) {
	case ATTR_FLAG:
		*(bool *)to = true;
		break;
	case ATTR_U8:
		*(uint8_t *)to = get8(attr);
		break;
	case ATTR_U16:
		*(uint16_t *)to = get16(attr);
		break;
	case ATTR_BE16:
		*(uint16_t *)to = __builtin_bswap16(get16(attr));
		break;
	case ATTR_U32:
		*(uint32_t *)to = get32(attr);
		break;
	case ATTR_IP:
		set_ip(to, payload, len);
		break;
	case ATTR_MAC:
		if (len == sizeof(struct api_mac_addr))
			memcpy(to, payload, len);
		break;
	case ATTR_NAME:
		get_name(to, attr);
		break;
	}
}

/* true: a rule was for it. */
static bool attr_take(
	const struct attr_rule *rules, size_t count, const struct nlattr *attr, void *to)
{
	for (size_t i = 0; i < count; i++)
		if (rules[i].type == mnl_attr_get_type(attr)) {
			attr_read(&rules[i], attr, (char *)to + rules[i].offset);
			return true;
		}
	return false;
}
#define ATTR_TAKE(rules, attr, to) attr_take(rules, sizeof(rules) / sizeof(*rules), attr, to)

/* ---- routes ---- */

static void parse_way(struct kernel_via *via, const struct nlattr *attr)
{
	static const struct attr_rule rules[] = {
		ATTR_TO(RTA_GATEWAY, IP, struct kernel_via, address),
		ATTR_TO(RTA_OIF, U32, struct kernel_via, index),
		ATTR_TO(RTA_ENCAP_TYPE, FLAG, struct kernel_via, encap),
		ATTR_TO(RTA_NEWDST, FLAG, struct kernel_via, encap),
	};
	const struct rtvia *other = mnl_attr_get_payload(attr); /* of RTA_VIA: family and address */
	uint16_t len = mnl_attr_get_payload_len(attr);

	if (!ATTR_TAKE(rules, attr, via) && mnl_attr_get_type(attr) == RTA_VIA &&
		len > sizeof(*other))
		set_ip(&via->address, other->rtvia_addr, len - sizeof(*other));
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
	static const struct attr_rule rules[] = {
		ATTR_TO(RTA_TABLE, U32, struct kernel_route, table),
		ATTR_TO(RTA_PRIORITY, U32, struct kernel_route, metric),
		ATTR_TO(RTA_NH_ID, U32, struct kernel_route, nexthop),
	};
	uint16_t type = mnl_attr_get_type(attr), len = mnl_attr_get_payload_len(attr);

	if (type == RTA_DST && len <= sizeof(route->prefix.bytes))
		memcpy(route->prefix.bytes, mnl_attr_get_payload(attr), len);
	else if (type == RTA_PREFSRC && route->prefix.family == 4)
		ways->source = get32(attr);
	else if (type == RTA_MULTIPATH)
		parse_multipath(ways, attr);
	else if (!ATTR_TAKE(rules, attr, route))
		parse_way(single, attr);
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

/* ---- links ---- */

static void parse_vxlan(struct kernel_link *link, const struct nlattr *data)
{
	static const struct attr_rule rules[] = {
		ATTR_TO(IFLA_VXLAN_ID, U32, struct kernel_link, vxlan.vni),
		ATTR_TO(IFLA_VXLAN_LOCAL, IP, struct kernel_link, vxlan.local),
		ATTR_TO(IFLA_VXLAN_LOCAL6, IP, struct kernel_link, vxlan.local),
		ATTR_TO(IFLA_VXLAN_PORT, BE16, struct kernel_link, vxlan.dst_port),
	};
	const struct nlattr *attr;
	bool external = false;

	mnl_attr_for_each_nested(attr, data)
	{
		ATTR_TAKE(rules, attr, link);
		if (mnl_attr_get_type(attr) == IFLA_VXLAN_COLLECT_METADATA)
			external = get8(attr);
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
			get_name(link->kind, attr);
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
	static const struct attr_rule rules[] = {
		ATTR_TO(IFLA_IFNAME, NAME, struct kernel_link, name),
		ATTR_TO(IFLA_MASTER, U32, struct kernel_link, master),
		ATTR_TO(IFLA_ADDRESS, MAC, struct kernel_link, mac),
	};
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
		if (!ATTR_TAKE(rules, attr, &link) && mnl_attr_get_type(attr) == IFLA_LINKINFO)
			parse_link_info(&link, attr);
	}
	table_put(kernel, KERNEL_LINK, &key, &link, sizeof(link));
}

/* ---- addresses ---- */

static void parse_address(struct kernel *kernel, const struct nlmsghdr *msg)
{
	struct said {
		struct kernel_address address;
		struct api_ip peer;
		uint32_t flags;
	} said;
	static const struct attr_rule rules[] = {
		ATTR_TO(IFA_ADDRESS, IP, struct said, peer),
		ATTR_TO(IFA_LOCAL, IP, struct said, address.prefix),
		ATTR_TO(IFA_FLAGS, U32, struct said, flags),
		ATTR_TO(IFA_PROTO, U8, struct said, address.protocol),
	};
	const struct ifaddrmsg *head = mnl_nlmsg_get_payload(msg);
	struct kernel_address *address = &said.address;
	const struct nlattr *attr;
	struct kernel_key key;

	memset(&said, 0, sizeof(said));
	said.flags = head->ifa_flags;
	address->index = head->ifa_index;
	mnl_attr_for_each(attr, msg, sizeof(*head)) ATTR_TAKE(rules, attr, &said);
	if (!address->prefix.family)
		address->prefix = said.peer;
	if (!address->prefix.family)
		return;
	address->prefix.len = head->ifa_prefixlen;
	said.peer.len = 0;
	key = key_address(address->index, &address->prefix, &said.peer);
	if (msg->nlmsg_type == RTM_DELADDR || said.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED))
		table_remove(kernel, KERNEL_ADDRESS, &key);
	else
		table_put(kernel, KERNEL_ADDRESS, &key, address, sizeof(*address));
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

static void parse_nexthop(struct kernel *kernel, const struct nlmsghdr *msg)
{
	static const struct attr_rule rules[] = {
		ATTR_TO(NHA_ID, U32, struct kernel_nexthop, id),
		ATTR_TO(NHA_BLACKHOLE, FLAG, struct kernel_nexthop, blackhole),
		ATTR_TO(NHA_FDB, FLAG, struct kernel_nexthop, fdb),
		ATTR_TO(NHA_OIF, U32, struct kernel_nexthop, via.index),
		ATTR_TO(NHA_GATEWAY, IP, struct kernel_nexthop, via.address),
		ATTR_TO(NHA_ENCAP, FLAG, struct kernel_nexthop, via.encap),
	};
	static struct group group; /* large; one thread */
	struct kernel_nexthop *nexthop = &group.head;
	const struct nlattr *attr;
	struct kernel_key key;

	memset(&group, 0, sizeof(group));
	nexthop->via.weight = 1;
	mnl_attr_for_each(attr, msg, sizeof(struct nhmsg))
	{
		if (!ATTR_TAKE(rules, attr, nexthop) && mnl_attr_get_type(attr) == NHA_GROUP)
			parse_group(nexthop, attr);
	}
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
	static const struct attr_rule rules[] = {
		ATTR_TO(NDA_DST, IP, struct neighbor, dst),
		ATTR_TO(NDA_LLADDR, MAC, struct neighbor, mac),
		ATTR_TO(NDA_VLAN, U16, struct neighbor, vlan),
		ATTR_TO(NDA_PORT, BE16, struct neighbor, port),
		ATTR_TO(NDA_VNI, U32, struct neighbor, vni),
		ATTR_TO(NDA_SRC_VNI, U32, struct neighbor, vni_in),
		ATTR_TO(NDA_NH_ID, U32, struct neighbor, nexthop),
		ATTR_TO(NDA_MASTER, U32, struct neighbor, master),
	};
	const struct ndmsg *head = mnl_nlmsg_get_payload(msg);
	bool deleted = msg->nlmsg_type == RTM_DELNEIGH;
	struct neighbor neighbor = {0};
	const struct nlattr *attr;

	mnl_attr_for_each(attr, msg, sizeof(*head))
	{
		ATTR_TAKE(rules, attr, &neighbor);
		if (mnl_attr_get_type(attr) == NDA_LLADDR)
			neighbor.has_mac = mnl_attr_get_payload_len(attr) == sizeof(neighbor.mac);
	}
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
