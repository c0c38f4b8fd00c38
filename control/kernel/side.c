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
	struct side *side = arg;

	if (strlen(key) >= API_KEY_BYTES)
		return -EINVAL;
	lines_say(side->lines, json_pack("{s:s, s:s, s:s?}", "object", api_types[type].name, "key",
				       key, "text", text));
	return 0;
}

/* With its counters, so that what is ready has been counted. */
static void tell_ready(void *arg)
{
	struct side *side = arg;

	report_now(side);
	lines_say(side->lines, json_pack("{s:b}", "ready", 1));
}

static void tell_retry(enum intent_type type, const char *name, void *arg)
{
	struct side *side = arg;

	lines_say(side->lines, json_pack("{s:s, s:s}", "retry", intent_kind(type), "name", name));
}

static void tell_event(enum log_level level, const char *event, json_t *fields, void *arg)
{
	struct side *side = arg;

	lines_say(side->lines, json_pack("{s:s, s:i, s:o}", "event", event, "level", (int)level,
				       "fields", fields));
}

/* ---- what sluice-control says ---- */

static int look(struct side *side)
{
	const struct mirror_sink sink = {tell_object, tell_ready, tell_retry, tell_event, side};
	const struct mirror_config config = {.site = side->site, .rescan_s = side->rescan_s};

	if (side->mirror) {
		mirror_touch(side->mirror);
		return 0;
	}
	return mirror_start(
		side->base, side->world, side->dataplane, &sink, &config, &side->mirror);
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

int side_said(struct side *side, const json_t *line)
{
	const json_t *ports = json_object_get(line, "ports");

	if (json_object_get(line, "intent"))
		return replica_put(side, line);
	if (json_object_get(line, "look"))
		return look(side);
	return ports ? take_ports(ports) : -EPROTO;
}

/* ---- life ---- */

int side_begin(struct side *side, struct event_base *base, struct lines *lines,
	const char *dataplane, const char *site, uint32_t rescan_s)
{
	*side = (struct side){.base = base, .lines = lines, .rescan_s = rescan_s};
	snprintf(side->site, sizeof(side->site), "%s", site);
	return world_create(&side->world) || dataplane_open(base, dataplane, &side->dataplane) ||
			       follow_start(base) || report_start(side)
		       ? -ENOMEM
		       : 0;
}

void side_end(struct side *side)
{
	report_stop(side);
	follow_stop();
	mirror_stop(side->mirror);
	if (side->dataplane)
		dataplane_close(side->dataplane);
	if (side->world)
		world_free(side->world);
	*side = (struct side){0};
}
