/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests to the kernel for a twin (rtnetlink: link up, address add and delete), and for the
 * interface below a port. Main thread only. */
#include "tap.h"

#include "bounds.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Sends one request and waits for the kernel's verdict, or for its answer, which `answer` is called
 * with: 0 or -errno. */
static int rtnl_ask(struct nlmsghdr *nlh, mnl_cb_t answer, void *arg)
{
	char buf[32768] __attribute__((aligned(8)));
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int rc = -EIO;

	if (nl == NULL)
		return -errno;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 &&
		mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) > 0) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		rc = n > 0 && mnl_cb_run(buf, n, nlh->nlmsg_seq, mnl_socket_get_portid(nl), answer,
				      arg) >= 0
			     ? 0
			     : -errno;
	}
	mnl_socket_close(nl);
	return rc;
}

static int rtnl_request(struct nlmsghdr *nlh)
{
	return rtnl_ask(nlh, NULL, NULL);
}

static struct nlmsghdr *request_start(char *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	nlh->nlmsg_seq = 1;
	return nlh;
}

/* A request about one interface. */
static struct nlmsghdr *link_request(
	char *buf, uint16_t type, uint32_t ifindex, struct ifinfomsg **ifi)
{
	struct nlmsghdr *nlh = request_start(buf, type, 0);

	*ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(**ifi));
	memset(*ifi, 0, sizeof(**ifi));
	(*ifi)->ifi_index = ifindex;
	return nlh;
}

/* The attribute of that type, NULL when the message has none. */
static const struct nlattr *attr_find(const struct nlmsghdr *nlh, size_t header, uint16_t type)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, header) if (mnl_attr_get_type(attr) == type) return attr;
	return NULL;
}

static const struct nlattr *link_attr(const struct nlmsghdr *nlh, uint16_t type)
{
	return attr_find(nlh, sizeof(struct ifinfomsg), type);
}

static bool attr_u32(const struct nlattr *attr, uint32_t *value)
{
	if (attr == NULL || mnl_attr_validate(attr, MNL_TYPE_U32) != 0)
		return false;
	*value = mnl_attr_get_u32(attr);
	return true;
}

int tap_up(const char *name)
{
	char buf[512];
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh = link_request(buf, RTM_NEWLINK, if_nametoindex(name), &ifi);

	ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	return ifi->ifi_index != 0 ? rtnl_request(nlh) : -ENODEV;
}

int tap_address(const char *name, const struct api_ip *prefix, bool add, bool *ours)
{
	char buf[512];
	struct nlmsghdr *nlh = request_start(
		buf, add ? RTM_NEWADDR : RTM_DELADDR, add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	size_t size = prefix->family == 4 ? 4 : 16;
	int rc;

	if (!add && !*ours)
		return 0;
	memset(ifa, 0, sizeof(*ifa));
	ifa->ifa_family = prefix->family == 4 ? AF_INET : AF_INET6;
	ifa->ifa_prefixlen = prefix->len;
	ifa->ifa_flags = prefix->family == 6 ? IFA_F_NODAD : 0;
	ifa->ifa_index = if_nametoindex(name);
	if (ifa->ifa_index == 0)
		return -ENODEV;
	mnl_attr_put(nlh, IFA_LOCAL, size, prefix->bytes);
	mnl_attr_put(nlh, IFA_ADDRESS, size, prefix->bytes);
	mnl_attr_put_u8(nlh, IFA_PROTO, API_KERNEL_PROTOCOL);
	rc = rtnl_request(nlh);
	*ours = add && rc == 0;
	return rc == -EEXIST || (!add && rc == -EADDRNOTAVAIL) ? 0 : rc;
}

int link_carrier(uint32_t ifindex, bool on)
{
	char buf[512];
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh = link_request(buf, RTM_NEWLINK, ifindex, &ifi);

	mnl_attr_put_u8(nlh, IFLA_CARRIER, on);
	return rtnl_request(nlh);
}

int link_rename(uint32_t ifindex, const char *name)
{
	char buf[512];
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh = link_request(buf, RTM_NEWLINK, ifindex, &ifi);

	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return rtnl_request(nlh);
}

uint32_t link_message_mtu(const struct nlmsghdr *nlh)
{
	uint32_t mtu = 0;

	attr_u32(link_attr(nlh, IFLA_MTU), &mtu);
	return mtu;
}

const char *link_message_name(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr = link_attr(nlh, IFLA_IFNAME);

	return attr != NULL && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0
		       ? mnl_attr_get_str(attr)
		       : NULL;
}

static int link_ask(uint32_t ifindex, mnl_cb_t answer, void *arg)
{
	char buf[512];
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh = link_request(buf, RTM_GETLINK, ifindex, &ifi);

	nlh->nlmsg_flags = NLM_F_REQUEST; /* the answer is the verdict */
	return rtnl_ask(nlh, answer, arg);
}

struct link_state {
	uint32_t flags, mtu;
};

static int on_link(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type == RTM_NEWLINK)
		*(struct link_state *)arg =
			(struct link_state){ifi->ifi_flags, link_message_mtu(nlh)};
	return MNL_CB_STOP;
}

int link_state(uint32_t ifindex, uint32_t *flags, uint32_t *mtu)
{
	struct link_state state = {0};
	int rc = link_ask(ifindex, on_link, &state);

	*flags = state.flags;
	*mtu = state.mtu;
	return rc;
}

struct veth {
	bool is;
	uint32_t peer, nsid;
};

static int on_veth(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *info = link_attr(nlh, IFLA_LINKINFO), *attr;
	struct veth *veth = arg;

	if (nlh->nlmsg_type != RTM_NEWLINK || info == NULL)
		return MNL_CB_STOP;
	mnl_attr_for_each_nested(attr, info) if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
		veth->is = strcmp(mnl_attr_get_str(attr), "veth") == 0;
	attr_u32(link_attr(nlh, IFLA_LINK), &veth->peer);
	attr_u32(link_attr(nlh, IFLA_LINK_NETNSID), &veth->nsid);
	return MNL_CB_STOP;
}

int link_veth_peer(uint32_t ifindex, uint32_t *peer, int *nsid)
{
	struct veth veth = {.nsid = UINT32_MAX}; /* -1: this one */
	int rc = link_ask(ifindex, on_veth, &veth);

	if (rc != 0)
		return rc;
	*peer = veth.peer;
	*nsid = (int)veth.nsid;
	return veth.is && veth.peer != 0 ? 0 : -EOPNOTSUPP;
}

static int on_netns(const struct nlmsghdr *nlh, void *arg)
{
	if (nlh->nlmsg_type == RTM_NEWNSID)
		attr_u32(attr_find(nlh, sizeof(struct rtgenmsg), NETNSA_NSID), arg);
	return MNL_CB_STOP;
}

int netns_id(int fd, int *nsid)
{
	char buf[512];
	struct nlmsghdr *nlh = request_start(buf, RTM_GETNSID, 0);
	struct rtgenmsg *gen = mnl_nlmsg_put_extra_header(nlh, sizeof(*gen));
	uint32_t id = UINT32_MAX; /* -1: none */
	int rc;

	gen->rtgen_family = AF_UNSPEC;
	mnl_attr_put_u32(nlh, NETNSA_FD, fd);
	nlh->nlmsg_flags = NLM_F_REQUEST; /* the answer is the verdict */
	rc = rtnl_ask(nlh, on_netns, &id);
	*nsid = (int)id;
	return rc;
}

int link_mtu_raise(unsigned ifindex, uint32_t mtu, uint32_t *has)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;
	struct ifreq request = {0};

	*has = 0;
	if (fd < 0)
		return -errno;
	if (if_indextoname(ifindex, request.ifr_name) == NULL ||
		ioctl(fd, SIOCGIFMTU, &request) != 0) {
		rc = -errno;
	} else if ((uint32_t)request.ifr_mtu < mtu) {
		*has = request.ifr_mtu;
		request.ifr_mtu = mtu;
		rc = ioctl(fd, SIOCSIFMTU, &request) == 0 ? 0 : -EMSGSIZE;
	}
	close(fd);
	return rc;
}
