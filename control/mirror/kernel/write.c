/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing to the kernel (kernel.h), by the socket for calls. The kernel does it while we send; it
 * answers only what it refuses, which is told to log. */
#include "kernel_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"

struct message {
	_Alignas(8) char data[512];
};

static struct nlmsghdr *begin(struct message *message, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(message->data);

	msg->nlmsg_type = type;
	msg->nlmsg_flags = NLM_F_REQUEST | flags;
	return msg;
}

static void put_ip(struct nlmsghdr *msg, uint16_t type, const struct api_ip *ip)
{
	mnl_attr_put(msg, type, ip->family == 4 ? 4 : 16, ip->bytes);
}

int kernel_set_fdb(struct kernel *kernel, uint32_t index, const struct api_mac_addr *mac, bool add)
{
	struct message message;
	struct nlmsghdr *msg = add ? begin(&message, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE)
				   : begin(&message, RTM_DELNEIGH, 0);
	struct ndmsg *head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));

	head->ndm_family = AF_BRIDGE;
	head->ndm_ifindex = (int)index;
	head->ndm_state = add ? NUD_REACHABLE : 0;
	head->ndm_flags = NTF_MASTER | (add ? NTF_EXT_LEARNED : 0);
	mnl_attr_put(msg, NDA_LLADDR, sizeof(*mac), mac);
	return netlink_send(kernel, msg);
}

int kernel_keep_neighbor(
	struct kernel *kernel, uint32_t index, const struct api_ip *address, bool keep)
{
	const struct kernel_neighbor *known = kernel_neighbor(kernel, index, address);
	struct message message;
	struct nlmsghdr *msg = begin(&message, RTM_NEWNEIGH, keep ? NLM_F_CREATE : 0);
	struct ndmsg *head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));

	/* asking would make it one that ages */
	if (known && (known->state == NUD_PERMANENT || known->flags & NTF_EXT_LEARNED))
		return kernel->calls_fd < 0 ? -ENOTCONN : 0;
	msg->nlmsg_flags |= NLM_F_REPLACE;
	head->ndm_family = address->family == 4 ? AF_INET : AF_INET6;
	head->ndm_ifindex = (int)index;
	head->ndm_state = NUD_NONE;
	head->ndm_flags = NTF_USE;
	put_ip(msg, NDA_DST, address);
	if (keep)
		mnl_attr_put_u32(msg, NDA_FLAGS_EXT, NTF_EXT_MANAGED);
	return netlink_send(kernel, msg);
}

int kernel_set_address(struct kernel *kernel, uint32_t index, const struct api_ip *prefix, bool add)
{
	struct message message;
	struct nlmsghdr *msg = add ? begin(&message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL)
				   : begin(&message, RTM_DELADDR, 0);
	struct ifaddrmsg *head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));

	head->ifa_family = prefix->family == 4 ? AF_INET : AF_INET6;
	head->ifa_prefixlen = prefix->len;
	head->ifa_index = index;
	put_ip(msg, IFA_LOCAL, prefix);
	put_ip(msg, IFA_ADDRESS, prefix);
	/* the switch answers for it: looking for others that have it would find the switch */
	if (add && prefix->family == 6)
		mnl_attr_put_u32(msg, IFA_FLAGS, IFA_F_NODAD);
	if (add)
		mnl_attr_put_u8(msg, IFA_PROTO, API_KERNEL_PROTOCOL);
	return netlink_send(kernel, msg);
}

static struct nlmsghdr *begin_link(
	struct message *message, uint16_t type, uint32_t index, struct ifinfomsg **head)
{
	struct nlmsghdr *msg = begin(message, type, 0);

	*head = mnl_nlmsg_put_extra_header(msg, sizeof(**head));
	(*head)->ifi_index = (int)index;
	return msg;
}

int kernel_set_up(struct kernel *kernel, uint32_t index, bool up)
{
	struct message message;
	struct ifinfomsg *head;
	struct nlmsghdr *msg = begin_link(&message, RTM_NEWLINK, index, &head);

	head->ifi_flags = up ? IFF_UP : 0;
	head->ifi_change = IFF_UP;
	return netlink_send(kernel, msg);
}

static int set_quiet(struct kernel *kernel, uint32_t index)
{
	static const uint16_t off[] = {IFLA_BRPORT_LEARNING, IFLA_BRPORT_UNICAST_FLOOD,
		IFLA_BRPORT_MCAST_FLOOD, IFLA_BRPORT_BCAST_FLOOD};
	struct message message;
	struct ifinfomsg *head;
	struct nlmsghdr *msg = begin_link(&message, RTM_SETLINK, index, &head);
	struct nlattr *port = mnl_attr_nest_start(msg, IFLA_PROTINFO);

	head->ifi_family = AF_BRIDGE;
	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++)
		mnl_attr_put_u8(msg, off[i], 0);
	mnl_attr_nest_end(msg, port);
	return netlink_send(kernel, msg);
}

int kernel_set_master(struct kernel *kernel, uint32_t index, uint32_t master, bool quiet)
{
	struct message message;
	struct ifinfomsg *head;
	struct nlmsghdr *msg = begin_link(&message, RTM_NEWLINK, index, &head);
	int err;

	mnl_attr_put_u32(msg, IFLA_MASTER, master);
	err = netlink_send(kernel, msg);
	return err || !quiet || !master ? err : set_quiet(kernel, index);
}

int kernel_set_mac(struct kernel *kernel, uint32_t index, const struct api_mac_addr *mac)
{
	struct message message;
	struct ifinfomsg *head;
	struct nlmsghdr *msg = begin_link(&message, RTM_NEWLINK, index, &head);

	mnl_attr_put(msg, IFLA_ADDRESS, sizeof(*mac), mac);
	return netlink_send(kernel, msg);
}

int kernel_move(struct kernel *kernel, uint32_t index, const char *netns)
{
	struct message message;
	struct ifinfomsg *head;
	struct nlmsghdr *msg = begin_link(&message, RTM_NEWLINK, index, &head);
	int fd = netns_open(netns), err;

	if (fd < 0)
		return fd;
	mnl_attr_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)fd);
	err = netlink_send(kernel, msg);
	close(fd);
	return err;
}

int kernel_delete_link(struct kernel *kernel, uint32_t index)
{
	struct message message;
	struct ifinfomsg *head;

	return netlink_send(kernel, begin_link(&message, RTM_DELLINK, index, &head));
}

/* ---- what the kernel refuses ---- */

static const char *what(uint16_t type)
{
	switch (type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return "neighbour or FDB entry";
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return "address";
	default:
		return "link";
	}
}

static bool is_fine(uint16_t type, int err)
{
	switch (type) {
	case RTM_DELNEIGH:
	case RTM_DELADDR:
		return err == -ENOENT || err == -EADDRNOTAVAIL || err == -ENODEV;
	case RTM_NEWADDR:
		return err == -EEXIST;
	case RTM_DELLINK:
		return err == -ENODEV;
	default:
		return false;
	}
}

static uint32_t index_of(const struct nlmsghdr *msg)
{
	const struct ifaddrmsg *address = mnl_nlmsg_get_payload(msg);
	const struct ndmsg *neighbor = mnl_nlmsg_get_payload(msg);
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(msg);

	switch (msg->nlmsg_type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return (uint32_t)neighbor->ndm_ifindex;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return address->ifa_index;
	default:
		return (uint32_t)link->ifi_index;
	}
}

/* The extended ack's text, behind the message that was refused. */
static void reason(const struct nlmsghdr *msg, char *text, size_t room)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(msg);
	size_t offset = sizeof(*error);
	const struct nlattr *attr;

	text[0] = '\0';
	if (!(msg->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(msg->nlmsg_flags & NLM_F_CAPPED))
		offset += error->msg.nlmsg_len - sizeof(error->msg);
	if (offset > mnl_nlmsg_get_payload_len(msg))
		return;
	mnl_attr_for_each(attr, msg, (unsigned)offset)
	{
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
			snprintf(text, room, ": %.*s", (int)mnl_attr_get_payload_len(attr),
				(const char *)mnl_attr_get_payload(attr));
	}
}

void write_refused(struct kernel *kernel, const struct nlmsghdr *msg)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(msg);
	const struct kernel_link *link;
	char text[160], number[16];

	if (mnl_nlmsg_get_payload_len(msg) < sizeof(*error) + sizeof(struct ifaddrmsg) ||
		!error->error || is_fine(error->msg.nlmsg_type, error->error))
		return;
	kernel->counters.refused++;
	link = kernel_link(kernel, index_of(&error->msg));
	snprintf(number, sizeof(number), "%u", index_of(&error->msg));
	reason(msg, text, sizeof(text));
	log_text(LOG_WARN_, "the kernel%s%s refuses a %s of %s: %s%s", kernel->netns ? " of " : "",
		kernel->netns ? kernel->netns : "", what(error->msg.nlmsg_type),
		link ? link->name : number, strerror(-error->error), text);
}
