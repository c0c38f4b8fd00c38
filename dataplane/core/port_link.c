/* SPDX-License-Identifier: BSD-3-Clause */
/* Links of ports (port_link.h). Main thread only. Owns the netlink socket and what is known of
 * each port's link. */
#include "port_link.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "bounds.h"
#include "tap.h"

#define LOWER_UP 0x10000 /* IFF_LOWER_UP of linux/if.h, which does not go with net/if.h */

#define RECEIVE_BYTES (1 << 20) /* of links that change while the main thread is busy */

static struct link {
	bool open, down, gone;
	bool bound; /* what is longer than the interface's MTU is lost by the kernel */
	uint16_t ethdev;
	uint32_t ifindex; /* of the interface below; 0: the device is asked */
	uint32_t mtu;	  /* of that, when bound; 0: not known */
	uint32_t twin;	  /* ifindex of its twin, 0: none */
	char twin_name[IFNAMSIZ];
	enum port_twin twin_is;
} links[LIMIT_PORTS];

static struct mnl_socket *nl;
static uint64_t unsaid; /* changed while a port was being opened */
static uint64_t news;	/* of these the interface has another MTU, or the twin is not as it was */

int port_link_start(void)
{
	int rc, bytes = RECEIVE_BYTES;

	memset(links, 0, sizeof(links));
	unsaid = news = 0;
	nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (nl == NULL)
		return -errno;
	if (mnl_socket_bind(nl, RTMGRP_LINK, MNL_SOCKET_AUTOPID) != 0) {
		rc = -errno;
		port_link_stop();
		return rc;
	}
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	return mnl_socket_get_fd(nl);
}

void port_link_stop(void)
{
	if (nl != NULL)
		mnl_socket_close(nl);
	nl = NULL;
}

/* ---- what is said of a link ---- */

static bool flags_up(uint32_t flags)
{
	const uint32_t all = IFF_UP | IFF_RUNNING | LOWER_UP;

	return (flags & all) == all;
}

/* The bit of a port whose link is another now. */
static uint64_t set_down(uint16_t id, bool down)
{
	if (links[id].down == down)
		return 0;
	links[id].down = down;
	return 1ull << id;
}

static void set_mtu(uint16_t id, uint32_t mtu)
{
	if (!links[id].bound || mtu == 0 || links[id].mtu == mtu)
		return;
	links[id].mtu = mtu;
	news |= 1ull << id;
}

static uint64_t set_gone(uint16_t id)
{
	links[id].down = links[id].gone = true;
	return 1ull << id; /* also when it was down: that it is gone is news */
}

static void set_twin(uint16_t id, enum port_twin is)
{
	if (links[id].twin_is == is)
		return;
	links[id].twin_is = is;
	news |= 1ull << id;
}

void port_link_vanish(uint16_t id)
{
	unsaid |= set_gone(id);
	if (links[id].twin != 0)
		set_twin(id, PORT_TWIN_GONE);
}

/* The kernel's word of a twin; what is gone once does not come back by itself. */
static void on_twin(uint16_t id, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const char *name = link_message_name(nlh);

	if (nlh->nlmsg_type == RTM_DELLINK)
		set_twin(id, PORT_TWIN_GONE);
	else if (nlh->nlmsg_type != RTM_NEWLINK || links[id].twin_is == PORT_TWIN_GONE)
		return;
	else if (name != NULL && strcmp(name, links[id].twin_name) != 0)
		set_twin(id, PORT_TWIN_RENAMED);
	else
		set_twin(id, ifi->ifi_flags & IFF_UP ? PORT_TWIN_UP : PORT_TWIN_DOWN);
}

/* An interface is known by its index, whatever it is called by now. What comes back from another
 * namespace may have its index again, but the port's sockets are not bound to it any more. */
static int on_message(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	uint64_t *changed = arg;

	/* of a bridge: about a port of it, which is there all the same */
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi) || ifi->ifi_family != AF_UNSPEC)
		return MNL_CB_OK;
	for (uint16_t id = 0; id < LIMIT_PORTS; id++) {
		const struct link *l = &links[id];

		if (l->open && l->twin != 0 && l->twin == (uint32_t)ifi->ifi_index)
			on_twin(id, nlh);
		if (!l->open || l->gone || l->ifindex == 0 ||
			l->ifindex != (uint32_t)ifi->ifi_index)
			continue;
		if (nlh->nlmsg_type == RTM_DELLINK) {
			*changed |= set_gone(id);
		} else if (nlh->nlmsg_type == RTM_NEWLINK) {
			*changed |= set_down(id, !flags_up(ifi->ifi_flags));
			set_mtu(id, link_message_mtu(nlh));
		}
	}
	return MNL_CB_OK;
}

/* Asks the kernel for an interface as it is. */
static uint64_t ask_kernel(uint16_t id)
{
	uint32_t flags, mtu;
	int rc = link_state(links[id].ifindex, &flags, &mtu);

	if (rc == -ENODEV)
		return set_gone(id);
	if (rc != 0)
		return 0;
	set_mtu(id, mtu);
	return set_down(id, !flags_up(flags));
}

static void ask_twin(uint16_t id)
{
	uint32_t flags, mtu;
	int rc = link_state(links[id].twin, &flags, &mtu);
	char name[IFNAMSIZ];

	if (rc == -ENODEV)
		set_twin(id, PORT_TWIN_GONE);
	else if (rc == 0 && if_indextoname(links[id].twin, name) != NULL &&
		 strcmp(name, links[id].twin_name) != 0)
		set_twin(id, PORT_TWIN_RENAMED);
	else if (rc == 0)
		set_twin(id, flags & IFF_UP ? PORT_TWIN_UP : PORT_TWIN_DOWN);
}

static uint64_t ask_for_all(void)
{
	uint64_t changed = 0;

	for (uint16_t id = 0; id < LIMIT_PORTS; id++) {
		if (links[id].open && !links[id].gone && links[id].ifindex != 0)
			changed |= ask_kernel(id);
		if (links[id].open && links[id].twin != 0 && links[id].twin_is != PORT_TWIN_GONE)
			ask_twin(id);
	}
	return changed;
}

uint64_t port_link_read(void)
{
	static char buf[32768] __attribute__((aligned(8)));
	uint64_t changed = unsaid;
	bool lost = false;

	unsaid = 0;
	while (nl != NULL) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		if (n > 0)
			mnl_cb_run(buf, n, 0, 0, on_message, &changed);
		else if (n < 0 && (errno == ENOBUFS || errno == ENOSPC))
			lost = true;
		else if (n == 0 || errno != EINTR)
			break;
	}
	/* only now: what was still in the socket is older than what was lost */
	return lost ? changed | ask_for_all() : changed;
}

static bool device_up(uint16_t ethdev)
{
	struct rte_eth_link link = {0};

	return rte_eth_link_get_nowait(ethdev, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

uint64_t port_link_poll(void)
{
	uint64_t changed = unsaid;

	unsaid = 0;
	for (uint16_t id = 0; id < LIMIT_PORTS; id++)
		if (links[id].open && links[id].ifindex == 0)
			changed |= set_down(id, !device_up(links[id].ethdev));
	return changed;
}

uint64_t port_link_news(void)
{
	uint64_t changed = news;

	news = 0;
	return changed;
}

/* ---- ports ---- */

/* A driver that sends by a socket of the kernel's interface, which loses what its MTU does not
 * take and says nothing. */
static bool is_bound(const struct rte_eth_dev_info *info)
{
	return info->if_index != 0 && (strcmp(info->driver_name, "net_af_packet") == 0 ||
					      strcmp(info->driver_name, "net_af_xdp") == 0);
}

void port_link_open(uint16_t id, uint16_t ethdev, const char *twin)
{
	struct rte_eth_dev_info info = {0};

	unsaid |= port_link_read(); /* nothing of before may be taken for this port's */
	rte_eth_dev_info_get(ethdev, &info);
	struct link was = links[id];

	links[id] = (struct link){
		.open = true, .bound = is_bound(&info), .ethdev = ethdev, .ifindex = info.if_index};
	if (links[id].ifindex != 0)
		ask_kernel(id);
	else
		links[id].down = !device_up(ethdev);
	if (!was.open) {
		port_link_twin_open(id, twin);
		return;
	}
	links[id].twin = was.twin;
	links[id].twin_is = was.twin_is;
	memcpy(links[id].twin_name, was.twin_name, sizeof(was.twin_name));
	port_link_carry(1ull << id, false);
}

void port_link_twin_open(uint16_t id, const char *name)
{
	struct link *l = &links[id];

	unsaid |= port_link_read(); /* as above */
	if (name == NULL)
		return;
	snprintf(l->twin_name, sizeof(l->twin_name), "%s", name);
	l->twin = if_nametoindex(name);
	l->twin_is = PORT_TWIN_UP;
	news |= 1ull << id; /* it may have been gone */
	if (l->twin == 0) {
		l->twin_is = PORT_TWIN_GONE; /* deleted meanwhile */
		return;
	}
	ask_twin(id);
	port_link_carry(1ull << id, false);
}

void port_link_close(uint16_t id)
{
	links[id] = (struct link){0};
	unsaid &= ~(1ull << id);
	news &= ~(1ull << id);
}

void port_link_ask(uint16_t id)
{
	if (links[id].open && !links[id].gone && links[id].ifindex != 0)
		unsaid |= ask_kernel(id);
}

void port_link_carry(uint64_t ports, bool up)
{
	for (; ports != 0; ports &= ports - 1) {
		const struct link *l = &links[__builtin_ctzll(ports)];
		int rc = l->twin != 0 && l->down != up ? link_carrier(l->twin, up) : 0;

		if (rc != 0 && rc != -ENODEV)
			RTE_LOG(ERR, USER1, "carrier of a port's tap: %s\n", strerror(-rc));
	}
}

bool port_link_up(uint16_t id)
{
	return id >= LIMIT_PORTS || !links[id].down;
}

enum port_twin port_link_twin(uint16_t id)
{
	return id < LIMIT_PORTS ? links[id].twin_is : PORT_TWIN_UP;
}

uint32_t port_link_twin_index(uint16_t id)
{
	return id < LIMIT_PORTS ? links[id].twin : 0;
}

bool port_link_gone(uint16_t id)
{
	return id < LIMIT_PORTS && links[id].gone;
}

uint32_t port_link_mtu(uint16_t id)
{
	return id < LIMIT_PORTS && !links[id].gone ? links[id].mtu : 0;
}

uint32_t port_link_ifindex(uint16_t id)
{
	return id < LIMIT_PORTS && !links[id].gone ? links[id].ifindex : 0;
}
