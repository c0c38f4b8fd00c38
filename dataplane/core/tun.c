/* SPDX-License-Identifier: BSD-3-Clause */
/* Interfaces held through /dev/net/tun (tun.h). Main thread only, but for the threads that close
 * interfaces, which it owns: the kernel takes some ten milliseconds for one, or for all of one
 * network namespace at once. */
#include "tun.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef TUNGETDEVNETNS /* Linux 5.2 */
#define TUNGETDEVNETNS _IO('T', 227)
#endif

#define CLOSERS	  8 /* for interfaces in as many namespaces: mostly they wait */
#define BATCH	  4096
#define GATHER_US 10000

/* ---- many interfaces of one network namespace deleted at once ---- */

/* The network namespace that the interface of a descriptor is in; 0: it cannot be told. */
static ino_t tun_netns(int fd)
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

/* Deletes the interfaces of these descriptors, all of the network namespace of the first, which
 * stay open. What cannot be deleted so is left: closing does it. The kernel deletes several at once
 * by their group alone: so they get one that nobody has. */
static void tun_delete(const int *fd, size_t count)
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

/* ---- closing ---- */

struct closing {
	TAILQ_ENTRY(closing) next;
	int fd;
	bool busy; /* in the works: only its thread takes it out of the list */
	char name[IFNAMSIZ];
};

static TAILQ_HEAD(closings, closing) closings = TAILQ_HEAD_INITIALIZER(closings);
static uint32_t threads, idle;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

struct batch {
	struct closing *of[BATCH];
	int fd[BATCH];
	size_t count;
};

static struct closing *first_waiting(void)
{
	struct closing *c;

	TAILQ_FOREACH (c, &closings, next)
		if (!c->busy)
			break;
	return c;
}

static void batch_take(struct batch *b)
{
	struct closing *c = first_waiting(); /* NULL: another thread has taken them meanwhile */
	ino_t netns = c != NULL && TAILQ_NEXT(c, next) != NULL ? tun_netns(c->fd) : 0;

	b->count = 0;
	for (; c != NULL && b->count < BATCH; c = TAILQ_NEXT(c, next)) {
		if (c->busy || (b->count != 0 && (netns == 0 || tun_netns(c->fd) != netns)))
			continue;
		c->busy = true;
		b->of[b->count] = c;
		b->fd[b->count++] = c->fd;
	}
}

static void batch_close(struct batch *b)
{
	if (b->count > 1)
		tun_delete(b->fd, b->count);
	for (size_t i = 0; i < b->count; i++)
		close(b->fd[i]);
}

static void *close_all(void *arg)
{
	struct batch *b = arg;

	pthread_mutex_lock(&lock);
	for (;;) {
		if (first_waiting() == NULL) {
			idle++;
			pthread_cond_wait(&changed, &lock);
			idle--;
			continue;
		}
		/* seldom does one come alone: the more at once the better */
		pthread_mutex_unlock(&lock);
		usleep(GATHER_US);
		pthread_mutex_lock(&lock);
		batch_take(b);
		pthread_mutex_unlock(&lock);
		batch_close(b);
		pthread_mutex_lock(&lock);
		for (size_t i = 0; i < b->count; i++) {
			TAILQ_REMOVE(&closings, b->of[i], next);
			free(b->of[i]);
		}
		pthread_cond_broadcast(&changed);
	}
	return NULL;
}

/* One more, if all are at work; with the lock. */
static void closer_start(void)
{
	struct batch *b = idle == 0 && threads < CLOSERS ? malloc(sizeof(*b)) : NULL;
	sigset_t all, before;
	pthread_t thread;
	bool started;

	if (b == NULL)
		return;
	/* signals are the main thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = pthread_create(&thread, NULL, close_all, b) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!started) {
		free(b);
		return;
	}
	threads++;
	pthread_detach(thread);
}

void tun_close(int fd, const char *name)
{
	struct closing *c = calloc(1, sizeof(*c));

	pthread_mutex_lock(&lock);
	closer_start();
	if (c != NULL && threads != 0) {
		c->fd = fd;
		strncpy(c->name, name, sizeof(c->name) - 1);
		TAILQ_INSERT_TAIL(&closings, c, next);
		pthread_cond_broadcast(&changed);
		fd = -1;
	}
	pthread_mutex_unlock(&lock);
	if (fd < 0)
		return;
	free(c);
	close(fd);
}

static struct closing *find_closing(const char *name)
{
	struct closing *c;

	TAILQ_FOREACH (c, &closings, next)
		if (strcmp(c->name, name) == 0)
			break;
	return c;
}

bool tun_wait_closed(const char *name)
{
	struct closing *c;
	bool was = false;

	pthread_mutex_lock(&lock);
	while ((c = find_closing(name)) != NULL) {
		was = true;
		if (!c->busy) {
			TAILQ_REMOVE(&closings, c, next);
			TAILQ_INSERT_HEAD(&closings, c, next);
		}
		pthread_cond_wait(&changed, &lock);
	}
	pthread_mutex_unlock(&lock);
	return was;
}

void tun_wait_all_closed(void)
{
	pthread_mutex_lock(&lock);
	while (!TAILQ_EMPTY(&closings))
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

/* ---- opening ---- */

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
