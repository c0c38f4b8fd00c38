/* SPDX-License-Identifier: BSD-3-Clause */
/* Interfaces held through /dev/net/tun (tun.h). Called by rpc/ on the main thread; owns the thread
 * that closes them, which takes the kernel some twenty milliseconds each. */
#include "tun.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
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

/* ---- closing ---- */

struct closing {
	TAILQ_ENTRY(closing) next;
	int fd;
	char name[IFNAMSIZ];
};

static TAILQ_HEAD(closings, closing) closings = TAILQ_HEAD_INITIALIZER(closings);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void *close_all(void *arg)
{
	struct closing *c;

	pthread_mutex_lock(&lock);
	for (;;) {
		c = TAILQ_FIRST(&closings);
		if (c == NULL) {
			pthread_cond_wait(&changed, &lock);
			continue;
		}
		pthread_mutex_unlock(&lock);
		close(c->fd);
		pthread_mutex_lock(&lock);
		TAILQ_REMOVE(&closings, c, next);
		free(c);
		pthread_cond_broadcast(&changed);
	}
	return arg;
}

/* False: there is no thread for it. */
static bool closer_is_there(void)
{
	static bool started;
	sigset_t all, before;
	pthread_t thread;

	if (started)
		return true;
	/* signals are the main thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = pthread_create(&thread, NULL, close_all, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (started)
		pthread_detach(thread);
	return started;
}

void tun_close(int fd, const char *name)
{
	struct closing *c = closer_is_there() ? calloc(1, sizeof(*c)) : NULL;

	if (c == NULL) {
		close(fd);
		return;
	}
	c->fd = fd;
	strncpy(c->name, name, sizeof(c->name) - 1);
	pthread_mutex_lock(&lock);
	TAILQ_INSERT_TAIL(&closings, c, next);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static struct closing *find_closing(const char *name)
{
	struct closing *c;

	TAILQ_FOREACH (c, &closings, next)
		if (strcmp(c->name, name) == 0)
			break;
	return c;
}

/* Waits until interfaces of this name are closed, before all others: was there one? */
static bool wait_closed(const char *name)
{
	struct closing *c;
	bool was = false;

	pthread_mutex_lock(&lock);
	while ((c = find_closing(name)) != NULL) {
		was = true;
		/* the first one is in the works, and stays in the list until it is done */
		if (c != TAILQ_FIRST(&closings)) {
			TAILQ_REMOVE(&closings, c, next);
			TAILQ_INSERT_AFTER(&closings, TAILQ_FIRST(&closings), c, next);
		}
		pthread_cond_wait(&changed, &lock);
	}
	pthread_mutex_unlock(&lock);
	return was;
}

/* ---- opening ---- */

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
		(errno != EBUSY || !wait_closed(name) || ioctl(*fd, TUNSETIFF, &request) != 0))
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
