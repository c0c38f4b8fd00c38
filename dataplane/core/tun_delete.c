/* SPDX-License-Identifier: BSD-3-Clause */
/* See tun_delete.h. Owns nothing. The kernel deletes several interfaces at once by their group
 * alone: so they get one that nobody has. */
#include "tun_delete.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef TUNGETDEVNETNS /* Linux 5.2 */
#define TUNGETDEVNETNS _IO('T', 227)
#endif

ino_t tun_netns(int fd)
{
	int netns = ioctl(fd, TUNGETDEVNETNS);
	struct stat st = {0};

	if (netns < 0)
		return 0;
	fstat(netns, &st);
	close(netns);
	return st.st_ino;
}

/* A socket to where the interface of fd is; NULL: it may not be had. */
static struct mnl_socket *netlink_beside(int fd)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = ioctl(fd, TUNGETDEVNETNS);
	struct mnl_socket *nl = NULL;

	if (home >= 0 && there >= 0 && setns(there, CLONE_NEWNET) == 0) {
		nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
		setns(home, CLONE_NEWNET);
	}
	if (there >= 0)
		close(there);
	if (home >= 0)
		close(home);
	if (nl != NULL && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) != 0) {
		mnl_socket_close(nl);
		nl = NULL;
	}
	return nl;
}

/* A request about an interface (name), or about all of the group (NULL). 0 or -1. */
static int request(struct mnl_socket *nl, uint16_t type, const char *name, uint32_t group)
{
	char buf[4096] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ssize_t n;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (name != NULL)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put_u32(nlh, IFLA_GROUP, group);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -1;
	n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	return n > 0 && mnl_cb_run(buf, n, 0, 0, NULL, NULL) >= 0 ? 0 : -1;
}

void tun_delete(const int *fd, size_t count)
{
	struct mnl_socket *nl = netlink_beside(fd[0]);
	uint32_t group;

	if (nl == NULL)
		return;
	if (getrandom(&group, sizeof(group), 0) == sizeof(group)) {
		group |= 1u << 30; /* people's are small, and 0 is everybody's */
		for (size_t i = 0; i < count; i++) {
			struct ifreq what = {0};

			/* its name there may be another by now */
			if (ioctl(fd[i], TUNGETIFF, &what) == 0)
				request(nl, RTM_SETLINK, what.ifr_name, group);
		}
		request(nl, RTM_DELLINK, NULL, group);
	}
	mnl_socket_close(nl);
}
