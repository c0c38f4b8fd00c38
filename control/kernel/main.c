/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice-kernel: the one process of the control plane that may change the kernel (interfaces,
 * addresses, neighbours, FDBs, XDP programs). It connects to sluice-control, which tells it the
 * intents; it listens to nobody else, so that who speaks to the REST API is never in one process
 * with these capabilities. What the kernel says it says to the dataplane itself, so that it is
 * followed while sluice-control is not there. */
#include <cap-ng.h>
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "alloc.h"
#include "kernel_private.h"
#include "log.h"
#include "turn.h"
#include "wire.h"

#define RETRY_MS 100
#define AGAIN_MS 1000 /* after a connection that has ended */

static struct {
	struct event_base *base;
	const char *dataplane;
	struct sockaddr_un address; /* of sluice-control's end of the link */
	struct event *retry;
	struct event *ending; /* the connection is to be given up, from the loop */
	struct lines *lines;
	bool greeted;
	bool ends; /* nothing of the connection is taken in any more */
	struct mirroring mirroring;
	int told; /* why there is no connection, once to the log: -errno */
} kernel;

/* ---- the connection ---- */

static void connect_later(uint32_t ms)
{
	const struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_add(kernel.retry, &wait);
}

static void connection_end(void)
{
	mirroring_lost(&kernel.mirroring);
	kernel.greeted = kernel.ends = false;
	lines_free(kernel.lines);
	kernel.lines = NULL;
}

/* From the loop: the mirror may be in the middle of telling something. */
static void connection_give_up(void)
{
	kernel.ends = true;
	event_active(kernel.ending, 0, 0);
}

static void on_ended(const char *why, void *arg)
{
	if (kernel.greeted)
		log_text(LOG_INFO_, "sluice-control: %s", why);
	connection_give_up();
}

static void on_ending(evutil_socket_t fd, short what, void *arg)
{
	if (!kernel.lines)
		return;
	connection_end();
	connect_later(AGAIN_MS);
}

/* {"hello": VERSION, "site", "rescan_s", "off"?}. */
static int greet(const json_t *line)
{
	const char *version = json_string_value(json_object_get(line, "hello"));
	const char *site = json_string_value(json_object_get(line, "site"));
	json_int_t rescan_s = json_integer_value(json_object_get(line, "rescan_s"));

	if (!version || strcmp(version, SLUICE_VERSION) || !site) {
		if (kernel.told != -EPROTO)
			log_text(LOG_ERROR_,
				"sluice-control is of version %.40s, this is %s: start both again",
				version ? version : "?", SLUICE_VERSION);
		kernel.told = -EPROTO;
		return -EPROTO;
	}
	if (json_is_true(json_object_get(line, "off"))) { /* asked again: that may change */
		if (kernel.told != -ECANCELED)
			log_text(LOG_INFO_, "sluice-control is not to follow the kernel");
		kernel.told = -ECANCELED;
		mirroring_end(&kernel.mirroring);
		return -ECANCELED;
	}
	kernel.greeted = true;
	kernel.told = 0;
	mirroring_begin(&kernel.mirroring, kernel.base, kernel.lines, kernel.dataplane, site,
		(uint32_t)rescan_s);
	return 0;
}

static void on_said(const json_t *line, void *arg)
{
	int rc;

	if (kernel.ends)
		return;
	rc = kernel.greeted ? mirroring_said(&kernel.mirroring, line) : greet(line);
	if (!rc)
		return;
	if (kernel.greeted)
		log_text(LOG_ERROR_, "the kernel is not mirrored: %s; tried again", strerror(-rc));
	connection_give_up();
}

/* The socket, connected; -errno. A unix socket connects at once. */
static int connect_now(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&kernel.address, sizeof(kernel.address)))
		err = -errno;
	else if (lines_is_trusted(fd)) /* who listens there commands this process */
		return fd;
	else
		err = -EPERM;
	close(fd);
	return err;
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	const struct lines_listener listener = {on_said, on_ended, NULL};
	int link = connect_now();

	if (link >= 0) {
		kernel.lines = lines_open(kernel.base, link, &listener);
		lines_say(kernel.lines, json_pack("{s:s}", "hello", SLUICE_VERSION));
	} else if (link != kernel.told && link != -ENOENT && link != -ECONNREFUSED) {
		/* that sluice-control is not there yet is nothing to tell */
		log_text(LOG_ERROR_, "%s: %s", kernel.address.sun_path, strerror(-link));
		kernel.told = link;
	}
	if (!kernel.lines)
		connect_later(RETRY_MS);
}

/* ---- the process ---- */

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	event_base_loopbreak(kernel.base);
}

static void on_hangup(evutil_socket_t sig, short what, void *arg)
{
	log_reopen();
}

static int loop(void)
{
	int rc = 0;

	while (rc == 0 && !event_base_got_break(kernel.base)) {
		turn_begin();
		rc = event_base_loop(kernel.base, EVLOOP_ONCE);
	}
	return rc < 0 ? -1 : 0;
}

static int run(void)
{
	struct event *events[] = {
		evsignal_new(kernel.base, SIGTERM, on_signal, NULL),
		evsignal_new(kernel.base, SIGINT, on_signal, NULL),
		evsignal_new(kernel.base, SIGHUP, on_hangup, NULL),
	};
	size_t count = sizeof(events) / sizeof(*events);
	int rc;

	kernel.retry = evtimer_new(kernel.base, on_retry, NULL);
	kernel.ending = event_new(kernel.base, -1, 0, on_ending, NULL);
	for (size_t i = 0; i < count; i++)
		event_add(events[i], NULL);
	on_retry(-1, 0, NULL);
	rc = loop();
	connection_end();
	mirroring_end(&kernel.mirroring);
	for (size_t i = 0; i < count; i++)
		event_free(events[i]);
	event_free(kernel.retry);
	event_free(kernel.ending);
	return rc;
}

static void usage(FILE *to)
{
	fprintf(to, "Usage: sluice-kernel [options]\n"
		    "Follows and changes the kernel's interfaces, routes and neighbours for "
		    "sluice-control, which has\nno capability itself. sluice-control that is "
		    "started as root starts it; as a service it is one of\nits own.\n"
		    "\n"
		    "  --control PATH    socket of sluice-control's REST API; the link is "
		    "PATH" WIRE_SUFFIX "\n                    (default /run/sluice/control.sock)\n"
		    "  --dataplane PATH  socket of sluice-dataplane (default "
		    "/run/sluice-dataplane/dataplane.sock)\n"
		    "  --log FILE        the JSON log (default: stderr)\n"
		    "  --log-level LEVEL debug, info, warn or error (default info)\n"
		    "  --version, --help\n");
}

static int fail(const char *fmt, const char *what)
{
	fputs("sluice-kernel: ", stderr);
	fprintf(stderr, fmt, what);
	fputc('\n', stderr);
	return -1;
}

static int read_level(const char *name, enum log_level *level)
{
	for (int i = 0; log_level_names[i]; i++)
		if (!strcmp(log_level_names[i], name)) {
			*level = (enum log_level)i;
			return 0;
		}
	return fail("--log-level: want debug, info, warn or error, got \"%s\"", name);
}

struct options {
	const char *control, *dataplane, *log;
	enum log_level level;
};

/* 0; 1: answered; -1: said what is wrong. */
static int options_read(int argc, char **argv, struct options *out)
{
	static const struct option longs[] = {{"control", required_argument, NULL, 'c'},
		{"dataplane", required_argument, NULL, 'd'}, {"log", required_argument, NULL, 'l'},
		{"log-level", required_argument, NULL, 'L'}, {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'}, {0}};
	int c, rc = 0;

	while (!rc && (c = getopt_long(argc, argv, "hV", longs, NULL)) != -1) {
		if (c == 'c')
			out->control = optarg;
		else if (c == 'd')
			out->dataplane = optarg;
		else if (c == 'l')
			out->log = optarg;
		else if (c == 'L')
			rc = read_level(optarg, &out->level);
		else if (c == '?')
			rc = fail("%s", "--help tells all options");
		else
			rc = 1;
		if (rc == 1 && c == 'h')
			usage(stdout);
		else if (rc == 1)
			printf("sluice-kernel %s\n", SLUICE_VERSION);
	}
	if (!rc && optind < argc)
		rc = fail("\"%s\" is not an option; --help tells all of them", argv[optind]);
	return rc;
}

int main(int argc, char **argv)
{
	struct options options = {"/run/sluice/control.sock",
		"/run/sluice-dataplane/dataplane.sock", NULL, LOG_INFO_};
	int rc = options_read(argc, argv, &options);

	if (rc)
		return rc < 0 ? 2 : 0;
	kernel.dataplane = options.dataplane;
	kernel.address.sun_family = AF_UNIX;
	if ((size_t)snprintf(kernel.address.sun_path, sizeof(kernel.address.sun_path),
		    "%s" WIRE_SUFFIX, options.control) >= sizeof(kernel.address.sun_path)) {
		fail("\"%s\" is too long", options.control);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	mallopt(M_MXFAST, 0); /* as sluice-control: small pieces are not gathered all at once */
	json_set_alloc_funcs(xmalloc, free);
	event_set_mem_functions(xmalloc, xrealloc, free);
	intent_types_init();
	rc = log_open(options.log, options.level);
	if (rc) {
		fail("the log: %s", strerror(-rc));
		return 1;
	}
	if (capng_get_caps_process() || !capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) ||
		!capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN))
		log_text(LOG_WARN_,
			"without CAP_NET_ADMIN and CAP_SYS_ADMIN nothing of the kernel is changed, "
			"and other network namespaces are not seen");
	kernel.base = event_base_new();
	rc = run();
	event_base_free(kernel.base);
	log_close();
	return rc ? 1 : 0;
}
