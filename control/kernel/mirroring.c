/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice-kernel's side of the link (wire.h): what comes is done, what the mirror makes of the
 * kernel is told. Owns all that a connection has. */
#include <errno.h>
#include <string.h>

#include "follow.h"
#include "kernel_private.h"
#include "log.h"

/* ---- the mirror's sink ---- */

static int tell_object(enum object_type type, const char *key, const char *text, void *arg)
{
	struct mirroring *m = arg;

	if (strlen(key) >= API_KEY_BYTES)
		return -EINVAL;
	lines_say(m->lines, json_pack("{s:s, s:s, s:s?}", "object", api_types[type].name, "key",
				    key, "text", text));
	return 0;
}

static bool is_full(void *arg)
{
	const struct mirroring *m = arg;

	return lines_is_full(m->lines);
}

/* With its counters, so that what is ready has been counted. */
static void tell_ready(void *arg)
{
	struct mirroring *m = arg;

	report_now(m);
	lines_say(m->lines, json_pack("{s:b}", "ready", 1));
}

static void tell_retry(enum intent_type type, const char *name, void *arg)
{
	struct mirroring *m = arg;

	lines_say(m->lines, json_pack("{s:s, s:s}", "retry", intent_kind(type), "name", name));
}

static void tell_event(enum log_level level, const char *event, json_t *fields, void *arg)
{
	struct mirroring *m = arg;

	lines_say(m->lines, json_pack("{s:s, s:i, s:o}", "event", event, "level", (int)level,
				    "fields", fields));
}

/* ---- what sluice-control says ---- */

static int look(struct mirroring *m)
{
	const struct mirror_sink sink = {
		tell_object, is_full, tell_ready, tell_retry, tell_event, m};
	const struct mirror_config config = {.site = m->site, .rescan_s = m->rescan_s};

	if (m->mirror) {
		mirror_touch(m->mirror);
		return 0;
	}
	return mirror_start(m->base, m->world, m->dataplane, &sink, &config, &m->mirror);
}

static int take_ports(const json_t *list)
{
	struct xdp_port_list ports = {0};
	const json_t *one;
	size_t i;

	ports.port = calloc(json_array_size(list) + 1, sizeof(*ports.port));
	if (!ports.port)
		return -ENOMEM;
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
	const json_t *ports = json_object_get(line, "ports");

	if (json_object_get(line, "intent"))
		return replica_put(m, line);
	if (json_object_get(line, "look"))
		return look(m);
	return ports ? take_ports(ports) : -EPROTO;
}

/* ---- life ---- */

int mirroring_begin(struct mirroring *m, struct event_base *base, struct lines *lines,
	const char *dataplane, const char *site, uint32_t rescan_s)
{
	*m = (struct mirroring){.base = base, .lines = lines, .rescan_s = rescan_s};
	snprintf(m->site, sizeof(m->site), "%s", site);
	m->world = world_create();
	m->dataplane = dataplane_open(base, dataplane);
	return follow_start(base) || report_start(m) ? -ENOMEM : 0;
}

void mirroring_end(struct mirroring *m)
{
	report_stop(m);
	follow_stop();
	mirror_stop(m->mirror);
	if (m->dataplane)
		dataplane_close(m->dataplane);
	if (m->world)
		world_free(m->world);
	*m = (struct mirroring){0};
}
