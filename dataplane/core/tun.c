/* SPDX-License-Identifier: BSD-3-Clause */
/* Interfaces held through /dev/net/tun (tun.h). Main thread only. They are closed by
 * tun_close.c. */
#include "tun.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

bool tun_name_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= IFNAMSIZ || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		/* "%d" would be a pattern for a name */
		if (*name == '/' || *name == ':' || *name == '%' || isspace((unsigned char)*name))
			return false;
	return true;
}

/* Thousands of descriptors: what the process is allowed to have, it takes. */
static void descriptors_raise(void)
{
	static bool raised;
	struct rlimit limit;

	if (!raised && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	raised = true;
}

int tun_mac(int fd, const struct api_mac_addr *mac)
{
	struct ifreq request = {.ifr_hwaddr.sa_family = ARPHRD_ETHER};

	memcpy(request.ifr_hwaddr.sa_data, mac->bytes, sizeof(mac->bytes));
	return ioctl(fd, SIOCSIFHWADDR, &request) == 0 ? 0 : -errno;
}

static int setting(const char *name, const char *what, const char *value)
{
	char path[80];
	ssize_t n = -1;
	int fd, rc;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", name, what);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		n = write(fd, value, strlen(value));
	rc = n < 0 && errno != ENOENT ? -errno : 0; /* a kernel without IPv6 has none of it */
	if (fd >= 0)
		close(fd);
	return rc;
}

/* A tenant is at its other end, and this machine's own services may be at this one: it gets no
 * address of its own accord, and no route, until others put it where it belongs. */
static int make_silent(const char *name)
{
	int rc = setting(name, "addr_gen_mode", "1"); /* none */

	return rc == 0 ? setting(name, "accept_ra", "0") : rc;
}

/* By its name, which it has only until it is told of. */
static int bring_up(const char *name, uint32_t mtu, uint32_t *index)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;
	struct ifreq request = {0};

	if (fd < 0)
		return -errno;
	memcpy(request.ifr_name, name, strlen(name));
	if (ioctl(fd, SIOCGIFINDEX, &request) != 0)
		rc = -errno;
	*index = request.ifr_ifindex;
	request.ifr_mtu = mtu;
	if (rc == 0 && ioctl(fd, SIOCSIFMTU, &request) != 0)
		rc = -errno;
	if (rc == 0 && ioctl(fd, SIOCGIFFLAGS, &request) != 0)
		rc = -errno;
	request.ifr_flags |= IFF_UP;
	if (rc == 0 && ioctl(fd, SIOCSIFFLAGS, &request) != 0)
		rc = -errno;
	close(fd);
	return rc;
}

int tun_open(
	const char *name, const struct api_mac_addr *mac, uint32_t mtu, int *fd, uint32_t *index)
{
	struct ifreq request = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL)};
	int rc = 0;

	if (!tun_name_valid(name))
		return -EINVAL;
	descriptors_raise();
	*fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0)
		return -errno;
	memcpy(request.ifr_name, name, strlen(name));
	if (ioctl(*fd, TUNSETIFF, &request) != 0 &&
		(errno != EBUSY || !tun_wait_closed(name) || ioctl(*fd, TUNSETIFF, &request) != 0))
		rc = errno == EBUSY ? -EEXIST : -errno;
	if (rc == 0 && mac != NULL)
		rc = tun_mac(*fd, mac);
	if (rc == 0)
		rc = make_silent(name);
	if (rc == 0)
		rc = bring_up(name, mtu, index);
	if (rc != 0)
		close(*fd);
	return rc;
}
