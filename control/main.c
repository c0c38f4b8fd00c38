/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice-control: start-up in named steps, undone in reverse order; then one loop for everything:
 * requests, the dataplane's socket, time. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "bus.h"
#include "clock.h"
#include "collector.h"
#include "config.h"
#include "control.h"
#include "folder.h"
#include "lock.h"
#include "mirror_link.h"
#include "observe.h"
#include "rest.h"
#include "smartx.h"
#include "spawn.h"
#include "turn.h"
#include "unix_socket.h"
#include "wire.h"

#define TICK_US 100000

static pid_t guardian; /* of sluice-kernel; 0: it is a service of its own, or not wanted */

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "sluice-control: %s: %s\n", what, why);
	return -1;
}

static int fail(const char *what, const char *why)
{
	log_text(LOG_ERROR_, "%s: %s", what, why);
	complain(what, why);
	return -1;
}

/* ---- what the store has ---- */

/* Intents that this version cannot read: a newer one's, or damaged. Without them in the world, what
 * they have in the dataplane would be nobody's, and deleted. */
struct unread {
	struct store_change *item;
	uint32_t count, room;
	char names[400];
};

static void unread_add(struct unread *list, const struct stored *one, const char *why)
{
	struct store_change *item =
		xarray_add(&list->item, &list->room, &list->count, sizeof(*list->item));
	size_t len = strlen(list->names);

	*item = (struct store_change){
		xstrdup(one->kind), xstrdup(one->name), xstrdup(one->spec), NULL};
	log_text(LOG_ERROR_, "the store's %s %s cannot be read: %s", one->kind, one->name, why);
	if (len + 80 < sizeof(list->names))
		snprintf(list->names + len, sizeof(list->names) - len, "%s%.20s %.40s",
			len ? ", " : "", one->kind, one->name);
}

static void unread_free(struct unread *list)
{
	for (uint32_t i = 0; i < list->count; i++) {
		free((char *)list->item[i].kind);
		free((char *)list->item[i].name);
		free((char *)list->item[i].before);
	}
	free(list->item);
}

static int load_one(const struct stored *one, void *arg)
{
	int type = intent_type_of_kind(one->kind);
	struct rpc_error err = {0};
	json_error_t where;
	json_t *spec = json_loads(one->spec, 0, &where);
	int rc = -EINVAL;

	if (type < 0)
		snprintf(err.message, sizeof(err.message), "there is no such kind");
	else if (!spec)
		snprintf(err.message, sizeof(err.message), "it is not JSON");
	else
		rc = world_load(control.world, type, spec, one->revision, one->created_us,
			one->updated_us, one->author, &err);
	json_decref(spec);
	if (rc)
		unread_add(arg, one, err.message);
	return 0;
}

static int unread_discard(const struct unread *list)
{
	uint64_t revision;

	return store_commit(control.store,
		&(struct store_commit){.changes = list->item,
			.count = list->count,
			.actor = "root",
			.source = "command line",
			.action = "--discard-unread",
			.now_us = clock_wall_us()},
		&revision);
}

/* 0, or -1 and said why: nothing of what cannot be read is touched, and the dataplane goes on with
 * all it has. */
static int load_all(const struct config *config)
{
	struct unread unread = {0};
	int rc = store_load(control.store, load_one, &unread);

	if (!rc && unread.count && config->discard_unread)
		rc = unread_discard(&unread);
	if (rc)
		fail(config->store, strerror(-rc));
	else if (unread.count && !config->discard_unread) {
		fprintf(stderr,
			"sluice-control: %s: %u intents cannot be read by this version (%s): %s. "
			"The "
			"store is of format %u, this version reads %u: install the version that "
			"wrote "
			"it. Or start with --discard-unread, which deletes them and what they have "
			"in "
			"the dataplane\n",
			config->store, unread.count, SLUICE_VERSION, unread.names,
			store_format(control.store), INTENT_FORMAT);
		rc = -EPROTONOSUPPORT;
	}
	unread_free(&unread);
	return rc ? -1 : 0;
}

static int open_store(const struct config *config)
{
	char why[512] = "";
	int rc = store_open(config->store, &control.store, why, sizeof(why));

	if (rc)
		return fail(config->store, why[0] ? why : strerror(-rc));
	if (store_claim(control.store, config->site, why, sizeof(why))) {
		fail(config->store, why);
		goto err_store;
	}
	control.world = world_create();
	if (!load_all(config)) {
		rc = store_start(control.store);
		if (!rc)
			return 0;
		fail("waiting for the disk", strerror(-rc));
	}
	world_free(control.world);
err_store:
	store_close(control.store);
	return -1;
}

/* ---- the dataplane ---- */

static int open_dataplane(const struct config *config)
{
	char why[512];
	const struct reconcile_config reconcile = {
		.site = config->site, .resync_s = config->resync_s, .keep = config->keeps};

	switch (lock_dataplane(config->dataplane, why, sizeof(why))) {
	case 0:
		break;
	case -EBUSY:
	case -EACCES:
	case -EPERM:
	case -EROFS:
		return fail(config->dataplane, why);
	default:
		log_text(LOG_WARN_, "%s: %s", config->dataplane, why);
	}
	control.dataplane = dataplane_open(control.base, config->dataplane);
	control.reconciler =
		reconciler_start(control.base, control.world, control.dataplane, &reconcile);
	control.collector = collector_start(control.base, control.dataplane);
	if (store_revision(control.store) > 0)
		reconciler_touch_all(control.reconciler);
	return 0;
}

/* ---- HTTP ---- */

static const struct route *const routes[] = {
	rest_intent_routes,
	rest_apply_routes,
	rest_history_routes,
	rest_token_routes,
	rest_openapi_routes,
	observe_status_routes,
	observe_probe_routes,
	observe_health_routes,
	observe_kernel_routes,
	observe_topology_routes,
	observe_counter_routes,
	observe_event_routes,
	observe_metrics_routes,
	smartx_routes,
	NULL,
};

static struct http_config http_config_of(const struct config *config)
{
	return (struct http_config){
		.socket = config->socket,
		.listen = config->listen[0] ? config->listen : NULL,
		.metrics_listen = config->metrics_listen[0] ? config->metrics_listen : NULL,
		.certificate = config->tls.certificate,
		.key = config->tls.key,
		.client_ca = config->tls.client_ca[0] ? config->tls.client_ca : NULL,
		.peers = config->http_peers,
		.peer_count = config->peers.count,
		.limits = config->limits,
		.large = "apply",
	};
}

static int open_http(const struct config *config)
{
	const struct http_config http = http_config_of(config);
	char why[512] = "";
	int rc = http_start(control.base, &http, control.store, routes, why, sizeof(why));

	return rc ? fail("the REST API", why[0] ? why : strerror(-rc)) : 0;
}

/* ---- sluice-kernel ---- */

#define LINK_PATH (sizeof(((struct config *)0)->socket) + sizeof(WIRE_SUFFIX))

static void link_path(const struct config *config, char path[LINK_PATH])
{
	snprintf(path, LINK_PATH, "%s" WIRE_SUFFIX, config->socket);
}

/* As it is told at start or by --check. */
static int fail_link(
	const struct config *config, int rc, int (*tell)(const char *what, const char *why))
{
	char path[LINK_PATH], why[160];

	link_path(config, path);
	snprintf(why, sizeof(why), "%s; choose another path with --socket, or \"mirror\": false",
		strerror(-rc));
	return tell(path, why);
}

/* sluice-kernel's place. */
static int open_mirror(const struct config *config)
{
	const struct mirror_link_config link = {.site = config->site,
		.socket = config->socket,
		.rescan_s = config->rescan_s,
		.committed = store_revision(control.store) > 0,
		.spawned = guardian != 0};
	int rc = 0;

	if (config->mirror)
		rc = mirror_link_start(
			control.base, control.world, control.reconciler, &link, &control.mirror);
	else
		rc = mirror_off_start(
			control.base, control.dataplane, config->socket, link.committed);
	return rc ? fail_link(config, rc, fail) : 0;
}

/* ---- the loop ---- */

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	event_base_loopbreak(control.base);
}

static void on_child(evutil_socket_t sig, short what, void *arg)
{
	if (!spawn_ended(guardian))
		return;
	guardian = 0;
	log_text(
		LOG_ERROR_, "who starts sluice-kernel again has ended: start sluice-control again");
	mirror_link_unguarded(control.mirror);
}

static void on_hangup(evutil_socket_t sig, short what, void *arg)
{
	char why[512] = "";

	log_reopen();
	spawn_reload(guardian);
	if (http_reload(why, sizeof(why)))
		log_text(LOG_ERROR_, "the certificate stays as it was: %s", why);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	static bool told;
	struct store_state state;

	store_tick(control.store, clock_wall_us());
	store_state(control.store, &state);
	if (state.err && !told)
		log_text(LOG_ERROR_,
			"the disk of the store has failed (%s): all changes are refused until "
			"sluice-control starts again",
			strerror(-state.err));
	told = state.err;
}

/* Turn by turn: how long each keeps the others waiting is counted by its CPU time, which neighbours
 * on the machine do not change. */
static int loop(void)
{
	uint64_t before_us = clock_cpu_us(), now_us;
	int rc = 0;

	while (rc == 0 && !event_base_got_break(control.base)) {
		turn_begin();
		rc = event_base_loop(control.base, EVLOOP_ONCE);
		now_us = clock_cpu_us();
		if (now_us - before_us > control.turn_longest_us)
			control.turn_longest_us = now_us - before_us;
		control.turns_long += now_us - before_us > CONTROL_TURN_LONG_US;
		before_us = now_us;
	}
	return rc < 0 ? -1 : 0;
}

static int run(const struct config *config)
{
	struct timeval every = {.tv_usec = TICK_US};
	struct event *events[] = {
		evsignal_new(control.base, SIGTERM, on_signal, NULL),
		evsignal_new(control.base, SIGINT, on_signal, NULL),
		evsignal_new(control.base, SIGHUP, on_hangup, NULL),
		evsignal_new(control.base, SIGCHLD, on_child, NULL),
		event_new(control.base, -1, EV_PERSIST, on_tick, NULL),
	};
	int rc;

	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
		event_add(events[i], i == 4 ? &every : NULL);
	fprintf(stderr, "sluice-control %s: ready on %s%s%s, site %s\n", SLUICE_VERSION,
		config->socket, config->listen[0] ? " and " : "", config->listen, config->site);
	rc = loop();
	fprintf(stderr, "sluice-control: stopping\n");
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
		event_free(events[i]);
	return rc;
}

/* sluice-kernel as a child, where this process has the capabilities that it needs; else it is a
 * service of its own. */
static void start_kernel(const struct config *config)
{
	int rc = config->mirror && spawn_may()
			 ? spawn_start(config->socket, config->dataplane, config->log.file,
				   log_level_names[config->log.level], &guardian)
			 : 0;

	if (rc)
		log_text(LOG_ERROR_,
			"the kernel is not mirrored: sluice-kernel beside this program: %s",
			strerror(-rc));
}

/* Everything between the log and the loop. */
static int serve(const struct config *config)
{
	int rc = -1;

	if (open_store(config))
		return -1;
	if (open_dataplane(config))
		goto err_store;
	observe_start();
	if (open_http(config))
		goto err_observe;
	if (!open_mirror(config))
		rc = run(config);
	http_stop();
	rest_stop();
err_observe:
	observe_stop();
	mirror_link_stop(control.mirror);
	mirror_off_stop();
	collector_stop(control.collector);
	reconciler_stop(control.reconciler);
	dataplane_close(control.dataplane);
err_store:
	world_free(control.world);
	store_close(control.store);
	return rc;
}

/* ---- --check ---- */

/* As log_open() would, without making the file. */
static int check_log(const char *file)
{
	int fd = *file ? open(file, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;
	int rc = 0;

	if (fd >= 0)
		close(fd);
	else if (*file)
		rc = errno == ENOENT ? folder_takes(file) : -errno;
	if (rc)
		complain(file, strerror(-rc));
	return rc;
}

/* The socket that sluice-kernel connects to. */
static int check_link(const struct config *config)
{
	char path[LINK_PATH];

	link_path(config, path);
	return unix_socket_check(path);
}

/* What the start would refuse for what the options and the file say, in its words and its order;
 * nothing is made, and nobody is listened to. What another process does at the moment (it answers
 * at the socket, it holds the store or the dataplane) is no reason. */
static int check_only(const struct config *config)
{
	const struct http_config http = http_config_of(config);
	char why[512] = "";
	int rc = check_log(config->log.file);

	if (!rc && (rc = store_could_open(config->store, why, sizeof(why))))
		complain(config->store, why);
	if (!rc && (rc = http_check(&http, why, sizeof(why))))
		complain("the REST API", why);
	if (!rc && config->mirror && (rc = check_link(config)))
		fail_link(config, rc, complain);
	if (rc)
		return 2;
	printf("sluice-control: options and file are fine\n");
	return 0;
}

int main(int argc, char **argv)
{
	static struct config config; /* what it names lives as long as the process */
	int rc = config_read(argc, argv, &config);

	if (rc)
		return rc < 0 ? 2 : 0;
	if (config.check)
		return check_only(&config);
	signal(SIGPIPE, SIG_IGN);
	/* else glibc gathers small pieces all at once: the loop stands for 0.2 s some time after
	 * 100,000 routes have gone */
	mallopt(M_MXFAST, 0);
	json_set_alloc_funcs(xmalloc, free);
	event_set_mem_functions(xmalloc, xrealloc, free);
	intent_types_init();
	rc = log_open(config.log.file[0] ? config.log.file : NULL, config.log.level);
	if (rc) {
		complain(config.log.file, strerror(-rc));
		return 1;
	}
	/* both before there are threads: a child would not have them, and each has capabilities of
	 * its own */
	start_kernel(&config);
	rc = spawn_drop_capabilities();
	if (rc)
		fail("giving up capabilities", strerror(-rc));
	control.base = event_base_new();
	control.site = config.site;
	control.routes = routes;
	control.metrics_slices = config.metrics_slices;
	control.started_us = clock_wall_us();
	rc = rc || serve(&config) ? 1 : 0;
	spawn_stop(guardian);
	event_base_free(control.base);
	bus_free();
	log_close();
	return rc;
}
