/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice-dataplane: start-up in named steps, undone in reverse order; then the main thread's loop:
 * the socket, what the workers and the kernel's links report, and time. */
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <rte_devargs.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "gateway.h"
#include "attachment_tap.h"
#include "device_allow.h"
#include "events.h"
#include "fdb.h"
#include "heap.h"
#include "neighbor.h"
#include "noun_port.h"
#include "options.h"
#include "port.h"
#include "port_link.h"
#include "rcu.h"
#include "server.h"
#include "switch.h"
#include "underlay.h"
#include "unix_socket.h"
#include "upf.h"
#include "worker.h"

#define POLL_BUSY_US 1000  /* while workers have news */
#define POLL_IDLE_US 10000 /* a new MAC waits at most this long */
#define RPC_POLL_US  100000
#define TAPS_US	     1000 /* while there are taps of attachments */

static struct event_base *base;

/* SIGTERM and SIGINT wait until the loop runs that ends cleanly by them, however early they come;
 * all threads are made while they do, so that they come to this one alone. */
static void hold_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(how, &set, NULL);
}

static int fail(const char *what, int rc)
{
	fprintf(stderr, "sluice-dataplane: %s: %s\n", what, strerror(rc < 0 ? -rc : rc));
	return -1;
}

static void say_second(void)
{
	fprintf(stderr, "sluice-dataplane: another one runs: a second one takes a --socket and a "
			"--file-prefix of its own\n");
}

/* Others have taken huge pages since options_choose_memory() looked; DPDK starts only once in a
 * process. */
static void again_without_huge(int argc, char **argv)
{
	static char no_huge[] = "--no-huge";
	char **args = calloc(argc + 2, sizeof(*args));

	if (args == NULL)
		return;
	memcpy(args, argv, argc * sizeof(*args));
	args[argc] = no_huge;
	fprintf(stderr,
		"sluice-dataplane: too few huge pages are left meanwhile: doing without them\n");
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC); /* DPDK's lock of hugetlbfs is one of them */
	execv("/proc/self/exe", args);
	free(args);
}

static int start_eal(const struct options *opt, int argc, char **argv)
{
	static char *kept[EAL_ARGS_MAX]; /* EAL may point into them as long as this runs */
	char *eal_argv[EAL_ARGS_MAX];	 /* and writes into the array */
	int eal_argc = options_eal_args(opt, kept), error;

	memcpy(eal_argv, kept, sizeof(kept));
	if (rte_eal_init(eal_argc, eal_argv) >= 0)
		return 0;
	error = rte_errno;
	if (!opt->no_huge && (error == ENOMEM || error == EACCES)) /* too few, none */
		again_without_huge(argc, argv);
	fail("starting DPDK (more with --verbose)", error);
	if (error == EAGAIN || error == EADDRINUSE) /* its files are locked */
		say_second();
	return -1;
}

/* A mistyped one would allow nothing, and nobody would know. */
static bool driver_known(const char *driver)
{
	struct rte_devargs args = {0};
	bool known = rte_devargs_parse(&args, driver) == 0;

	rte_devargs_reset(&args);
	return known;
}

static int check_allowed(void)
{
	char why[160];

	if (device_allow_check(driver_known, why, sizeof(why)) == 0)
		return 0;
	fprintf(stderr, "sluice-dataplane: --allow-device %s\n", why);
	return -1;
}

static int start_workers(const struct options *opt)
{
	unsigned lcores[LIMIT_WORKERS];

	for (uint32_t i = 0; i < opt->workers; i++)
		lcores[i] = i + 1;
	worker_set_burst(opt->burst);
	int rc = worker_start(
		lcores, opt->workers, opt->nap ? IDLE_NAP : IDLE_SPIN, &switch_pipeline);

	return rc == 0 ? 0 : fail("starting the workers (more --memory?)", rc);
}

/* ---- the main loop ---- */

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	event_base_loopbreak(base);
}

/* What costs packets first: paths over a link that is down; that the kernel answers ARP by one that
 * is up. */
static void on_links(uint64_t ports)
{
	if (ports == 0)
		return;
	port_link_carry(ports, true);
	underlay_links_changed(ports);
	underlay_resolve();
	port_link_carry(ports, false);
	events_links(ports);
}

static void on_link_news(evutil_socket_t fd, short what, void *arg)
{
	uint64_t changed = port_link_read();

	noun_port_news(port_link_news());
	on_links(changed);
	underlay_resolve();
}

static void on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct event *timer = *(struct event **)arg;
	uint32_t news = fdb_poll() + neighbor_poll() + upf_poll() + gateways_announce_poll();

	on_links(port_link_poll());
	noun_port_news(port_link_news());
	underlay_resolve(); /* what went without a transaction */
	news += events_hops();
	struct timeval next = {.tv_usec = news > 0 ? POLL_BUSY_US : POLL_IDLE_US};

	rcu_reclaim(false);
	event_add(timer, &next);
}

/* Timers of a millisecond are meant so: by default they are as coarse as the kernel's ticks. */
static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *made = NULL;

	if (config != NULL && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
		made = event_base_new_with_config(config);
	if (config != NULL)
		event_config_free(config);
	return made;
}

/* ---- taps of attachments ---- */

static struct event *taps_readable, *taps_timer;

static void on_taps(evutil_socket_t fd, short what, void *arg)
{
	attachment_taps_read();
}

static void on_taps_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timeval next = {.tv_usec = attachment_tap_count() > 0 ? TAPS_US : POLL_IDLE_US};

	attachment_taps_write();
	event_add(taps_timer, &next);
}

static int taps_start(void)
{
	struct timeval now = {0};

	taps_readable =
		event_new(base, attachment_tap_poll_fd(), EV_READ | EV_PERSIST, on_taps, NULL);
	taps_timer = event_new(base, -1, 0, on_taps_timer, NULL);
	return taps_readable != NULL && taps_timer != NULL && event_add(taps_readable, NULL) == 0 &&
			       event_add(taps_timer, &now) == 0
		       ? 0
		       : -1;
}

static void taps_stop(void)
{
	if (taps_readable != NULL)
		event_free(taps_readable);
	if (taps_timer != NULL)
		event_free(taps_timer);
}

static void on_rpc_poll(evutil_socket_t fd, short what, void *arg)
{
	rpc_poll();
	on_links(noun_port_poll());
}

static int run(const struct options *opt, int links_fd)
{
	struct timeval rpc_every = {.tv_usec = RPC_POLL_US}, now = {0};
	struct event *term = evsignal_new(base, SIGTERM, on_signal, NULL);
	struct event *intr = evsignal_new(base, SIGINT, on_signal, NULL);
	struct event *poll;
	struct event *rpc = event_new(base, -1, EV_PERSIST, on_rpc_poll, NULL);
	struct event *links = event_new(base, links_fd, EV_READ | EV_PERSIST, on_link_news, NULL);
	int rc = -1;

	poll = event_new(base, -1, 0, on_poll, &poll);
	if (term == NULL || intr == NULL || poll == NULL || rpc == NULL || links == NULL ||
		(links_fd >= 0 && event_add(links, NULL) != 0) || event_add(term, NULL) != 0 ||
		event_add(intr, NULL) != 0 || event_add(poll, &now) != 0 ||
		event_add(rpc, &rpc_every) != 0 || taps_start() != 0) {
		fail("setting up events", ENOMEM);
		goto out;
	}
	hold_signals(SIG_UNBLOCK);
	fprintf(stderr, "sluice-dataplane %s: ready on %s, %u worker%s%s\n", SLUICE_VERSION,
		opt->socket, opt->workers, opt->workers == 1 ? "" : "s",
		opt->no_huge ? ", without huge pages" : "");
	rc = event_base_dispatch(base) < 0 ? -1 : 0;
	fprintf(stderr, "sluice-dataplane: stopping\n");
out:
	taps_stop();
	event_free(links);
	event_free(rpc);
	event_free(poll);
	event_free(intr);
	event_free(term);
	return rc;
}

static int load_config(const struct options *opt)
{
	struct rpc_error err = {0};

	if (opt->config == NULL || rpc_apply_config(opt->config, &err) == 0)
		return 0;
	fprintf(stderr, "sluice-dataplane: %s: %s%s%s%s%s\n", opt->config, err.message,
		err.path[0] ? " at " : "", err.path, err.want[0] ? ", wanted " : "", err.want);
	return -1;
}

int main(int argc, char **argv)
{
	struct options opt;
	int rc, links_fd;

	hold_signals(SIG_BLOCK);
	rc = options_parse(argc, argv, &opt);
	if (rc != 0)
		return rc < 0 ? 2 : 0;
	signal(SIGPIPE, SIG_IGN);
	options_choose_memory(&opt);
	rc = 1;
	if (start_eal(&opt, argc, argv) != 0)
		return 1;
	if (check_allowed() != 0)
		goto err_eal;
	if (rcu_init() != 0) {
		fail("RCU", ENOMEM);
		goto err_eal;
	}
	if (port_init(opt.workers) != 0 || switch_init(opt.workers) != 0) {
		fail("reserving the tables (more --memory?)", ENOMEM);
		goto err_rcu;
	}
	if (start_workers(&opt) != 0)
		goto err_tables;
	links_fd = port_link_start();
	if (links_fd < 0)
		fail("links of kernel interfaces are not watched", links_fd);
	base = base_new();
	if (base == NULL) {
		fail("libevent", ENOMEM);
		goto err_workers;
	}
	rc = rpc_start(base, opt.socket);
	if (rc != 0) {
		fail(opt.socket, rc);
		if (rc == -EADDRINUSE)
			say_second();
		goto err_base;
	}
	rc = unix_socket_lock_file(opt.socket);
	if (rc != 0) /* without it a sluice-control that may not make it does not start */
		fail("the lock file beside the socket, for sluice-control", rc);
	rc = load_config(&opt) == 0 && run(&opt, links_fd) == 0 ? 0 : 1;
	rpc_stop();
err_base:
	event_base_free(base);
err_workers:
	port_fini();
	rcu_reclaim(true);
	port_link_stop();
	heap_leave();
	worker_stop();
err_tables:
	switch_fini();
	port_free_pools();
err_rcu:
	rcu_fini();
err_eal:
	rte_eal_cleanup();
	return rc == 0 ? 0 : 1;
}
