/* SPDX-License-Identifier: BSD-3-Clause */
/* watch, and what is then sent. Owns nothing: who watches what is the client's. Costs next to
 * nothing while nobody watches. */
#include "events.h"

#include <stdio.h>
#include <string.h>

#include "budget.h"
#include "client.h"
#include "event.h"
#include "fdb.h"
#include "methods.h"
#include "nouns.h"
#include "params.h"
#include "port.h"
#include "port_link.h"
#include "underlay.h"

#define HOPS_AT_ONCE 256

static const struct {
	const char *name;
	unsigned mask;
} event_names[] = {
	{"link", EVENT_LINK},
	{"link.up", EVENT_LINK_UP},
	{"link.down", EVENT_LINK_DOWN},
	{"port", EVENT_PORT},
	{"port.fault", EVENT_PORT_FAULT},
	{"port.mended", EVENT_PORT_MENDED},
	{"mac", EVENT_MAC},
	{"mac.learned", EVENT_MAC_LEARNED},
	{"mac.moved", EVENT_MAC_MOVED},
	{"mac.aged", EVENT_MAC_AGED},
	{"usage", EVENT_USAGE},
	{"downlink_data", EVENT_DOWNLINK},
	{"path", EVENT_PATH},
	{"path.up", EVENT_PATH_UP},
	{"path.down", EVENT_PATH_DOWN},
	{"error_indication", EVENT_ERROR},
	{"neighbor", EVENT_NEIGHBOR},
	{"neighbor_wanted", EVENT_WANTED},
	{"neighbor_unwanted", EVENT_UNWANTED},
	{"groups", EVENT_GROUPS},
};
#define EVENT_NAMES (sizeof(event_names) / sizeof(event_names[0]))

static unsigned event_mask(const char *name)
{
	for (size_t i = 0; name && i < EVENT_NAMES; i++)
		if (!strcmp(event_names[i].name, name))
			return event_names[i].mask;
	return 0;
}

char *event_text(json_t *params)
{
	json_t *event =
		json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", "event", "params", params);
	char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;

	json_decref(event);
	return text;
}

void event_send(struct client *client, json_t *params)
{
	char *text = event_text(params);

	if (!text)
		return;
	client_notify(client, text, strlen(text));
	budget_free_text(text, 0, NULL);
}

static void event_broadcast(unsigned mask, json_t *params)
{
	char *text = event_text(params);

	if (!text)
		return;
	client_notify_watchers(mask, text, strlen(text));
	budget_free_text(text, 0, NULL);
}

/* {"attachment": name}, {"tunnel": name} or {"session": name} of a door; nothing when it is gone.
 */
static void set_door(json_t *out, door_t door)
{
	const char *kind, *name = door_name(door, &kind);

	if (name)
		json_object_set_new(out, kind, json_string(name));
}

static void on_mac(enum fdb_event what, const struct fdb_entry *entry, door_t old_door)
{
	static const char *const names[] = {
		[FDB_LEARNED] = "mac.learned", [FDB_MOVED] = "mac.moved", [FDB_AGED] = "mac.aged"};
	struct object *slice = model_by_id(OBJECT_SLICE, entry->slice);
	unsigned mask = event_mask(names[what]);
	json_t *params, *from;
	char mac[64];

	if (!slice || !(client_watched() & mask))
		return;
	api_mac_format(&entry->mac, mac);
	params =
		json_pack("{s:s, s:s, s:s}", "event", names[what], "slice", slice->key, "mac", mac);
	set_door(params, entry->door);
	if (what == FDB_MOVED) {
		from = json_object();
		set_door(from, old_door);
		json_object_set_new(params, "from", from);
	}
	event_broadcast(mask, params);
}

static void on_link(const struct object *port)
{
	uint32_t speed = 0;
	bool link = port_link(port->id, &speed);
	json_t *params = json_pack("{s:s, s:s, s:I}", "event", link ? "link.up" : "link.down",
		"port", port->key, "speed_mbps", (json_int_t)speed);

	if (port_link_gone(port->id))
		json_object_set_new(params, "gone", json_true());
	event_broadcast(link ? EVENT_LINK_UP : EVENT_LINK_DOWN, params);
}

void events_links(uint64_t ports)
{
	if (!(client_watched() & EVENT_LINK))
		return;
	for (; ports; ports &= ports - 1) {
		struct object *port = model_by_id(OBJECT_PORT, __builtin_ctzll(ports));

		if (port)
			on_link(port);
	}
}

void events_port(const struct object *port, const char *fault)
{
	unsigned mask = *fault ? EVENT_PORT_FAULT : EVENT_PORT_MENDED;

	if (client_watched() & mask)
		event_broadcast(mask, json_pack("{s:s, s:s, s:s*}", "event",
					      *fault ? "port.fault" : "port.mended", "port",
					      port->key, "text", *fault ? fault : NULL));
}

void events_groups(json_t *groups)
{
	if (client_watched() & EVENT_GROUPS)
		event_broadcast(EVENT_GROUPS, json_pack("{s:s, s:s, s:o}", "event", "groups",
						      "source", "kernel", "groups", groups));
	else
		json_decref(groups);
}

static void on_hop(const struct underlay_hop *hop)
{
	const struct object *port = model_by_id(OBJECT_PORT, hop->port);
	char address[64];

	if (!port || !(client_watched() & EVENT_NEIGHBOR))
		return;
	api_ip_format(&hop->address, false, address);
	event_broadcast(hop->wanted ? EVENT_WANTED : EVENT_UNWANTED,
		json_pack("{s:s, s:s, s:s}", "event",
			hop->wanted ? "neighbor_wanted" : "neighbor_unwanted", "port", port->key,
			"address", address));
}

bool events_hops(void)
{
	struct underlay_hop hops[HOPS_AT_ONCE];
	uint32_t n = underlay_hop_news(hops, HOPS_AT_ONCE);

	for (uint32_t i = 0; i < n; i++)
		on_hop(&hops[i]);
	return n == HOPS_AT_ONCE;
}

void events_start(void)
{
	fdb_on_event = on_mac;
	fdb_on_overtaken = mac_overtaken;
	upf_on_event = events_upf;
}

void events_stop(void)
{
	fdb_on_event = NULL;
	fdb_on_overtaken = NULL;
	upf_on_event = NULL;
}

static int fail_event(const json_t *given, size_t index, struct rpc_error *err)
{
	char want[240], got[80], path[32];
	size_t used = 0;

	for (size_t i = 0; i < EVENT_NAMES && used < sizeof(want); i++)
		used += snprintf(want + used, sizeof(want) - used, "%s%s", i ? ", " : "one of ",
			event_names[i].name);
	snprintf(path, sizeof(path), "events[%zu]", index);
	return rpc_fail_value(err, path, want, api_show(given, got, sizeof(got)));
}

/* Of one event, not of several. */
static bool is_one(unsigned mask)
{
	return !(mask & (mask - 1));
}

METHOD(method_watch)
{
	json_t *watching = NULL, *given;
	const json_t *events;
	unsigned mask = 0;
	size_t index;

	if (param_array(params, "events", true, &events, err))
		return -1;
	json_array_foreach (events, index, given) {
		unsigned one = event_mask(json_string_value(given));

		if (!one)
			return fail_event(given, index, err);
		mask |= one;
	}
	if (!client)
		return rpc_fail(err, RPC_ERR_INVALID_REQUEST, "watch needs a connection");
	*client_watch(client) = mask;
	watching = json_array();
	for (size_t i = 0; i < EVENT_NAMES; i++)
		if (is_one(event_names[i].mask) && (mask & event_names[i].mask))
			json_array_append_new(watching, json_string(event_names[i].name));
	*result = json_pack("{s:o}", "watching", watching);
	return 0;
}
