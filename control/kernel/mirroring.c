/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice-kernel's side of the link (wire.h): what comes is done; what the mirror makes of the
 * kernel goes to the dataplane, and what people see of it to sluice-control. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "follow.h"
#include "kernel_private.h"
#include "log.h"

/* ---- the mirror's sink ---- */

static void say(struct mirroring *m, json_t *line)
{
	if (m->lines)
		lines_say(m->lines, line);
	else
		json_decref(line);
}

static void tell_object(enum object_type type, const char *key, const char *text, void *arg)
{
	struct mirroring *m = arg;

	publisher_say(m->publisher, type, key, text);
}

static void tell_ready(void *arg)
{
	struct mirroring *m = arg;

	m->ready = true;
	if (!m->let_be)
		publisher_whole(m->publisher);
	report_now(m); /* with its counters, so that what is ready has been counted */
	log_text(LOG_INFO_, "the kernel is mirrored: %u addresses, %u neighbours, %u routes",
		m->counters.addresses, m->counters.neighbors, m->counters.routes);
	say(m, json_pack("{s:b}", "ready", 1));
}

static void tell_retry(enum intent_type type, const char *name, void *arg)
{
	say(arg, json_pack("{s:s, s:s}", "retry", intent_kind(type), "name", name));
}

static void tell_event(enum log_level level, const char *event, json_t *fields, void *arg)
{
	say(arg, json_pack(
			 "{s:s, s:i, s:o}", "event", event, "level", (int)level, "fields", fields));
}

/* ---- what sluice-control says ---- */

static int look(struct mirroring *m, bool any)
{
	const struct mirror_sink sink = {tell_object, tell_ready, tell_retry, tell_event, m};
	const struct mirror_config config = {.site = m->site, .rescan_s = m->rescan_s};
	bool first = m->retold;
	int rc = first ? replica_whole(m) : 0;

	if (rc)
		return rc;
	/* what an earlier life left is let be until there are intents: then a new picture is made,
	 * and what is not in it goes */
	if (m->mirror && m->let_be && any) {
		mirror_stop(m->mirror);
		m->mirror = NULL;
		m->ready = false;
	}
	m->let_be = !any;
	if (!m->mirror)
		return mirror_start(m->base, m->world, m->dataplane, &sink, &config, &m->mirror);
	mirror_touch(m->mirror);
	if (m->ready && first)
		tell_ready(m);
	return 0;
}

static int take_ports(const json_t *list)
{
	struct xdp_port_list ports = {0};
	const json_t *one;
	size_t i;

	ports.port = xcalloc(json_array_size(list) + 1, sizeof(*ports.port));
	json_array_foreach (list, i, one) {
		struct xdp_port *port = &ports.port[ports.count++];

		snprintf(port->name, sizeof(port->name), "%s",
			json_string_value(json_object_get(one, "name")) ?: "");
		snprintf(port->interface, sizeof(port->interface), "%s",
			json_string_value(json_object_get(one, "interface")) ?: "");
	}
	follow_ports(&ports);
	return 0;
}

int mirroring_said(struct mirroring *m, const json_t *line)
{
	const json_t *ports = json_object_get(line, "ports"), *looks;

	if (json_object_get(line, "intent"))
		return replica_put(m, line);
	looks = json_object_get(line, "look");
	if (looks)
		return look(m, json_is_true(looks));
	return ports ? take_ports(ports) : -EPROTO;
}

/* ---- life ---- */

void mirroring_begin(struct mirroring *m, struct event_base *base, struct lines *lines,
	const char *dataplane, const char *site, uint32_t rescan_s)
{
	if (m->base && (strcmp(m->site, site) || m->rescan_s != rescan_s))
		mirroring_end(m);
	m->lines = lines;
	json_decref(m->retold);
	m->retold = json_object();
	if (m->base) {
		report_anew(m);
		return;
	}
	m->base = base;
	m->rescan_s = rescan_s;
	snprintf(m->site, sizeof(m->site), "%s", site);
	m->world = world_create();
	follow_start(base);
	m->dataplane = dataplane_open(base, dataplane);
	dataplane_watch_as_kernel(m->dataplane);
	m->publisher = publisher_open(base, m->dataplane, 0);
	report_start(m);
}

void mirroring_lost(struct mirroring *m)
{
	m->lines = NULL;
}

void mirroring_end(struct mirroring *m)
{
	report_stop(m);
	follow_stop();
	mirror_stop(m->mirror);
	publisher_close(m->publisher);
	if (m->dataplane)
		dataplane_close(m->dataplane);
	if (m->world)
		world_free(m->world);
	json_decref(m->retold);
	*m = (struct mirroring){0};
}
