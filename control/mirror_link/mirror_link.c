/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of the link in sluice-control (mirror_link.h): it takes sluice-kernel's connection, and
 * what that tells goes to the bus, or is kept here for who asks. Owns all of it.
 */
#include "mirror_link.h"

#include <errno.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "bus.h"
#include "clock.h"
#include "link_private.h"
#include "unix_socket.h"
#include "wire.h"

#define MISSED_US 3000000  /* it starts again within a second */
#define WHOLE_US  15000000 /* it gives up to wait for a namespace's picture after 10 s */
#define SILENT_US 5000000  /* it says something each second */
#define HELLO_US  2000000

/* ---- the connection ends ---- */

static void xdp_forget(struct mirror_link *link)
{
	free(link->xdp.port);
	link->xdp = (struct link_xdp){0};
	json_decref(link->xdp_told);
	link->xdp_told = NULL;
}

static void link_lose(struct mirror_link *link, const char *why)
{
	if (!link->lines)
		return;
	lines_free(link->lines);
	link->lines = NULL;
	if (link->greeted) {
		log_text(LOG_WARN_, "sluice-kernel is gone: %s; what it has told stays", why);
		if (!link->lost_us)
			link->lost_us = clock_mono_us();
		link->told[0] = '\0';
	} else if (strcmp(link->told, why)) { /* it tries again and again */
		snprintf(link->told, sizeof(link->told), "%s", why);
		log_text(LOG_ERROR_, "sluice-kernel: %s", why);
	}
	link->greeted = false;
	link->counters.ready = false;
	link->counters.unsaid = 0;
	json_decref(link->gaps);
	link->gaps = NULL;
	xdp_forget(link);
}

/* ---- what it says ---- */

static void said_hello(struct mirror_link *link, const json_t *line, const json_t *hello)
{
	const char *version = json_string_value(hello);
	char why[160];

	if (version && !strcmp(version, SLUICE_VERSION)) {
		link->greeted = true;
		link->told[0] = '\0';
		feed_begin(link);
		return;
	}
	snprintf(why, sizeof(why), "it is of version %.40s, this is %s: start both again",
		version ? version : "?", SLUICE_VERSION);
	link_lose(link, why);
}

static void said_ready(struct mirror_link *link, const json_t *line, const json_t *ready)
{
	link->counters.ready = true;
	link->lost_us = 0;
}

static void said_retry(struct mirror_link *link, const json_t *line, const json_t *retry)
{
	int type = intent_type_of_kind(json_string_value(retry) ?: "");
	const char *name = json_string_value(json_object_get(line, "name"));

	if (type >= 0 && name)
		reconciler_retry(link->rec, type, name);
}

static void said_event(struct mirror_link *link, const json_t *line, const json_t *event)
{
	json_int_t level = json_integer_value(json_object_get(line, "level"));

	if (json_is_string(event) && level >= LOG_DEBUG_ && level <= LOG_ERROR_)
		bus_publish((enum log_level)level, json_string_value(event), "",
			json_incref(json_object_get(line, "fields")));
}

static void said_counters(struct mirror_link *link, const json_t *line, const json_t *counters)
{
	wire_counters_read(counters, &link->counters);
}

static void said_gaps(struct mirror_link *link, const json_t *line, const json_t *gaps)
{
	json_decref(link->gaps);
	link->gaps = json_incref((json_t *)gaps);
}

static void said_refused(struct mirror_link *link, const json_t *line, const json_t *refused)
{
	json_decref(link->refused);
	link->refused = json_incref((json_t *)refused);
}

static const char *text_of(const json_t *object, const char *field)
{
	return json_string_value(json_object_get(object, field)) ?: "";
}

static void xdp_read(const json_t *from, struct xdp_status *out)
{
	const json_t *counts = json_object_get(from, "counts");
	json_int_t state = json_integer_value(json_object_get(from, "state"));

	out->port = text_of(from, "port");
	out->interface = text_of(from, "interface");
	out->reason = text_of(from, "reason");
	out->state = state >= XDP_NONE && state <= XDP_FAILED ? (enum xdp_state)state : XDP_FAILED;
	for (size_t i = 0; i < XDP_VERDICT_COUNT; i++) {
		out->count[i].packets = json_integer_value(json_array_get(counts, 2 * i));
		out->count[i].bytes = json_integer_value(json_array_get(counts, 2 * i + 1));
	}
}

static void said_xdp(struct mirror_link *link, const json_t *line, const json_t *xdp)
{
	size_t count = json_array_size(xdp), i;
	const json_t *one;

	xdp_forget(link);
	if (!count)
		return;
	link->xdp.port = xcalloc(count, sizeof(*link->xdp.port));
	link->xdp_told = json_incref((json_t *)xdp);
	link->xdp.count = count;
	json_array_foreach (xdp, i, one)
		xdp_read(one, &link->xdp.port[i]);
}

static const struct {
	const char *word;
	void (*said)(struct mirror_link *link, const json_t *line, const json_t *value);
} words[] = {
	{"counters", said_counters},
	{"gaps", said_gaps},
	{"refused", said_refused},
	{"xdp", said_xdp},
	{"event", said_event},
	{"retry", said_retry},
	{"ready", said_ready},
};

static void on_said(const json_t *line, void *arg)
{
	struct mirror_link *link = arg;
	const json_t *value = json_object_get(line, "hello");

	link->heard_us = clock_mono_us();
	if (value || !link->greeted) {
		said_hello(link, line, value);
		return;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		value = json_object_get(line, words[i].word);
		if (value) {
			words[i].said(link, line, value);
			return;
		}
	}
}

static void on_ended(const char *why, void *arg)
{
	link_lose(arg, why);
}

/* ---- the connection begins ---- */

static void turn_away(struct mirror_link *link)
{
	static const char why[] = "a second sluice-kernel, or another user's, is turned away";

	if (strcmp(link->told, why)) {
		strcpy(link->told, why);
		log_text(LOG_ERROR_, "%s", why);
	}
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
	int len, void *arg)
{
	struct mirror_link *link = arg;
	const struct lines_listener listen = {on_said, on_ended, link};

	if (link->lines && !link->greeted && clock_mono_us() - link->began_us > HELLO_US)
		link_lose(link, "who has connected does not say hello");
	if (link->lines || !lines_is_trusted(fd)) { /* it tries again until the first is gone */
		turn_away(link);
		close(fd);
		return;
	}
	link->lines = lines_open(link->base, fd, &listen);
	link->began_us = link->heard_us = clock_mono_us();
	lines_say(link->lines, json_pack("{s:s, s:s, s:i}", "hello", SLUICE_VERSION, "site",
				       link->site, "rescan_s", (int)link->rescan_s));
}

static int listen_at(struct mirror_link *link)
{
	int fd = unix_socket_listen(link->path, 8);

	if (fd < 0)
		return fd;
	link->listener = evconnlistener_new(
		link->base, on_accept, link, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	return 0;
}

int mirror_link_start(struct event_base *base, struct world *world, struct reconciler *rec,
	const struct mirror_link_config *config, struct mirror_link **out)
{
	struct mirror_link *link = xcalloc(1, sizeof(*link));
	int rc;

	link->base = base;
	link->world = world;
	link->rec = rec;
	link->committed = config->committed;
	link->rescan_s = config->rescan_s;
	link->spawned = config->spawned;
	link->lost_us = clock_mono_us();
	snprintf(link->site, sizeof(link->site), "%s", config->site);
	link->path = xprintf("%s" WIRE_SUFFIX, config->socket);
	rc = listen_at(link);
	if (rc) {
		free(link->path);
		free(link);
		return rc;
	}
	feed_start(link);
	reconciler_on_applied(rec, feed_applied, link);
	*out = link;
	return 0;
}

void mirror_link_stop(struct mirror_link *link)
{
	if (!link)
		return;
	evconnlistener_free(link->listener);
	unlink(link->path);
	lines_free(link->lines);
	event_free(link->feed.work);
	json_decref(link->gaps);
	json_decref(link->refused);
	xdp_forget(link);
	free(link->path);
	free(link);
}

void mirror_link_changed(struct mirror_link *link, const struct world_change *change)
{
	if (!link)
		return;
	link->committed = true;
	feed_change(link, change);
}

/* ---- for who asks ---- */

/* It is not there, or what is there has no whole picture. */
static const char *why_lost(const struct mirror_link *link)
{
	if (link->greeted)
		return "sluice-kernel is there, and has told no whole picture of the kernel: its "
		       "log says why";
	if (link->told[0])
		return link->told;
	if (link->unguarded)
		return "sluice-kernel is not there, nor who would start it again: start "
		       "sluice-control again";
	return link->spawned ? "sluice-kernel is not there: what sluice-control has written to "
			       "stderr says why"
			     : "sluice-kernel is not there: systemctl start sluice-kernel, or "
			       "\"mirror\": false";
}

const char *mirror_link_why(const struct mirror_link *link)
{
	uint64_t now_us = clock_mono_us();

	if (link->lost_us && now_us - link->lost_us > (link->greeted ? WHOLE_US : MISSED_US))
		return why_lost(link);
	if (link->greeted && now_us - link->heard_us > SILENT_US)
		return "sluice-kernel is hung: it has said nothing for seconds";
	return NULL;
}

void mirror_link_unguarded(struct mirror_link *link)
{
	if (link)
		link->unguarded = true;
}

void mirror_link_counters(const struct mirror_link *link, struct mirror_counters *out)
{
	*out = link->counters;
	if (mirror_link_why(link)) /* nobody knows */
		out->unsaid = 0;
}

void mirror_link_gaps(const struct mirror_link *link, mirror_gap each, void *arg)
{
	const char *slice;
	json_t *said;

	json_object_foreach (link->gaps, slice, said)
		each(slice, json_string_value(said) ?: "", arg);
}

void mirror_link_refused(const struct mirror_link *link,
	void (*each)(const char *type, const char *key, const char *reason, void *arg), void *arg)
{
	const json_t *one;
	size_t i;

	json_array_foreach (link->refused, i, one)
		each(json_string_value(json_array_get(one, 0)) ?: "",
			json_string_value(json_array_get(one, 1)) ?: "",
			json_string_value(json_array_get(one, 2)) ?: "", arg);
}

size_t mirror_link_xdp_ports(const struct mirror_link *link)
{
	return link ? link->xdp.count : 0;
}

void mirror_link_xdp_each(const struct mirror_link *link,
	void (*each)(const struct xdp_status *status, void *arg), void *arg)
{
	for (size_t i = 0; link && i < link->xdp.count; i++)
		each(&link->xdp.port[i], arg);
}
