/* SPDX-License-Identifier: BSD-3-Clause */
/* The other ends of ports' veths (port_veth.h). Owns what was last said of each, and where its
 * network namespace was found: no descriptor of it, which would keep a dead container's alive, and
 * with it the veth. */
#include "port_veth.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pthread.h>
#include <rte_log.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bounds.h"
#include "clock.h"
#include "tap.h"

#define FRESH_MS	1000
#define SEARCH_MS	10
#define SEARCH_AGAIN_MS 60000
#define NETNS_MAX	256 /* that a search asks for */

static struct veth_port {
	uint32_t ifindex;
	uint64_t asked_ms;	  /* 0: not yet */
	uint64_t search_after_ms; /* what was not found is not looked for before */
	char netns[288];	  /* file of the other end's namespace; "": not known */
	char text[192];
} ports[LIMIT_PORTS];

static uint64_t clock_ms(clockid_t clock)
{
	return clock_us(clock) / 1000;
}

/* ---- an interface, in the thread's namespace ---- */

struct question {
	int netns; /* of that namespace, by a thread of its own; -1: of this one */
	uint32_t ifindex;
	char name[IFNAMSIZ];
	int rc; /* 1: it leaves checksums out; 0; -errno */
};

static int sends_no_checksums(uint32_t ifindex, char *name)
{
	struct ethtool_value tx = {.cmd = ETHTOOL_GTXCSUM};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;
	struct ifreq request = {.ifr_ifindex = ifindex};

	if (fd < 0)
		return -errno;
	rc = ioctl(fd, SIOCGIFNAME, &request) == 0 ? 0 : -errno;
	if (rc != 0)
		goto out;
	memcpy(name, request.ifr_name, IFNAMSIZ);
	request.ifr_data = (void *)&tx;
	rc = ioctl(fd, SIOCETHTOOL, &request) == 0 ? tx.data != 0 : -errno;
out:
	close(fd);
	return rc;
}

static void *answer(void *arg)
{
	struct question *q = arg;

	q->rc = q->netns >= 0 && setns(q->netns, CLONE_NEWNET) != 0
			? -errno
			: sends_no_checksums(q->ifindex, q->name);
	return NULL;
}

static void ask_there(struct question *q)
{
	sigset_t all, before;
	pthread_t thread;
	int rc; /* not q's, which is the thread's once there is one */

	/* signals are the main thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, NULL, answer, q);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		pthread_join(thread, NULL);
	else
		q->rc = -rc;
}

/* ---- where the other end is ---- */

/* The descriptor of that file if the namespace is the one of that id, else -1. */
static int netns_open(const char *path, int nsid)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), id;

	if (fd >= 0 && (netns_id(fd, &id) != 0 || id != nsid)) {
		close(fd);
		return -1;
	}
	return fd;
}

struct search {
	int nsid;
	uint64_t until_ms; /* of this thread's work: that others are at work costs it nothing */
	uint32_t count;
	ino_t seen[NETNS_MAX]; /* processes share namespaces */
};

static bool is_seen(struct search *s, ino_t inode)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->seen[i] == inode)
			return true;
	s->seen[s->count++] = inode;
	return false;
}

/* In a folder of files, or of processes: the descriptor, path filled in, or -1. */
static int search_in(
	struct search *s, const char *folder, const char *below, char *path, size_t size)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	struct stat st;
	int fd = -1;

	while (fd < 0 && dir != NULL && (entry = readdir(dir)) != NULL && s->count < NETNS_MAX &&
		clock_ms(CLOCK_THREAD_CPUTIME_ID) < s->until_ms) {
		if (entry->d_name[0] == '.' || (*below && !isdigit((unsigned char)*entry->d_name)))
			continue;
		snprintf(path, size, "%s/%s%s", folder, entry->d_name, below);
		if (stat(path, &st) == 0 && !is_seen(s, st.st_ino))
			fd = netns_open(path, s->nsid);
	}
	if (dir != NULL)
		closedir(dir);
	return fd;
}

static int netns_find(struct veth_port *p, int nsid)
{
	struct search search = {
		.nsid = nsid, .until_ms = clock_ms(CLOCK_THREAD_CPUTIME_ID) + SEARCH_MS};
	int fd = *p->netns ? netns_open(p->netns, nsid) : -1;
	uint64_t now = clock_ms(CLOCK_MONOTONIC);

	if (fd >= 0 || now < p->search_after_ms)
		return fd;
	fd = search_in(&search, "/run/netns", "", p->netns, sizeof(p->netns));
	if (fd < 0)
		fd = search_in(&search, "/proc", "/ns/net", p->netns, sizeof(p->netns));
	if (fd < 0) {
		p->netns[0] = '\0';
		p->search_after_ms = now + SEARCH_AGAIN_MS;
	}
	return fd;
}

/* ---- ports ---- */

/* Whoever is root in a container names its end as it likes: nothing of that is for a terminal or a
 * shell to read, nor breaks a JSON text. */
static void name_clean(char *name)
{
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("._-:@", *name))
			*name = '?';
}

static void ask(struct veth_port *p)
{
	struct question q = {.netns = -1};
	char name[IFNAMSIZ];
	int nsid;

	p->text[0] = '\0';
	if (link_veth_peer(p->ifindex, &q.ifindex, &nsid) != 0 ||
		if_indextoname(p->ifindex, name) == NULL)
		return;
	if (nsid < 0) {
		answer(&q);
	} else {
		q.netns = netns_find(p, nsid);
		q.rc = -ENOENT;
		if (q.netns >= 0) {
			ask_there(&q);
			close(q.netns);
		}
	}
	if (q.rc < 0)
		RTE_LOG(DEBUG, USER1, "the other end of %s cannot be asked: %s\n", name,
			strerror(-q.rc));
	name_clean(name);
	name_clean(q.name);
	if (q.rc > 0)
		snprintf(p->text, sizeof(p->text),
			"frames from %s, the other end of %s, come without checksums: `ethtool -K "
			"%s tx off`%s",
			q.name, name, q.name, nsid < 0 ? "" : " in its network namespace");
}

const char *port_veth_warning(uint16_t id, uint32_t ifindex)
{
	struct veth_port *p = &ports[id];
	uint64_t now = clock_ms(CLOCK_MONOTONIC);

	if (p->ifindex != ifindex)
		*p = (struct veth_port){.ifindex = ifindex};
	if (ifindex == 0 || (p->asked_ms != 0 && now - p->asked_ms < FRESH_MS))
		return p->text;
	ask(p);
	p->asked_ms = now;
	return p->text;
}

void port_veth_forget(uint16_t id)
{
	ports[id] = (struct veth_port){0};
}
