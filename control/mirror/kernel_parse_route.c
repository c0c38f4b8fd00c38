/* SPDX-License-Identifier: BSD-3-Clause */
/* From rtnetlink's route messages to routes and their ways (kernel_route.c). */
#include "kernel_parts.h"

#include <linux/lwtunnel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static uint32_t get32(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) >= 4 ? mnl_attr_get_u32(attr) : 0;
}

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

static bool parse_head(struct kernel_route *route, const struct rtmsg *head)
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

static void parse_attr(struct kernel_route *route, struct route_ways *ways,
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

void parse_route(struct kernel *kernel, const struct nlmsghdr *msg)
{
	const struct rtmsg *head = mnl_nlmsg_get_payload(msg);
	static struct route_ways ways; /* large; one thread */
	struct kernel_via single;
	struct kernel_route route;
	const struct nlattr *attr;

	memset(&route, 0, sizeof(route));
	if (!parse_head(&route, head))
		return;
	ways.count = ways.source = 0;
	memset(&single, 0, sizeof(single));
	single.weight = 1;
	mnl_attr_for_each(attr, msg, sizeof(*head)) parse_attr(&route, &ways, &single, attr);
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
