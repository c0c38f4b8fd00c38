/* SPDX-License-Identifier: BSD-3-Clause */
/* watch, and what is then sent. Called by fdb_poll() through fdb_on_event, and by rpc_poll(); owns
 * nothing: who watches what is the client's. Costs next to nothing while nobody watches. */
#include "events.h"

#include <stdio.h>
#include <string.h>

#include "budget.h"
#include "client.h"
#include "event.h"
#include "fdb.h"
#include "methods.h"
#include "noun_mac.h"
#include "params.h"
#include "port.h"

static const struct {
	const char *name;
	unsigned mask;
} event_names[] = {
	{"link", EVENT_LINK},
	{"link.up", EVENT_LINK_UP},
	{"link.down", EVENT_LINK_DOWN},
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

/* Compares every link with what it was. */
static void look_at_links(bool tell)
{
	for (struct object *port = model_after(OBJECT_PORT, ""); port; port = model_next(port)) {
		uint32_t speed = 0;
		bool link = port_link(port->id, &speed);

		if (link == port->link)
			continue;
		port->link = link;
		if (tell)
			event_broadcast(link ? EVENT_LINK_UP : EVENT_LINK_DOWN,
				json_pack("{s:s, s:s, s:I}", "event",
					link ? "link.up" : "link.down", "port", port->key,
					"speed_mbps", (json_int_t)speed));
	}
}

void events_poll(void)
{
	if (client_watched() & EVENT_LINK)
		look_at_links(true);
}

void events_start(void)
{
	fdb_on_event = on_mac;
	upf_on_event = events_upf;
}

void events_stop(void)
{
	fdb_on_event = NULL;
	upf_on_event = NULL;
}

static int fail_event(const json_t *given, size_t index, struct rpc_error *err)
{
	char want[160], got[80], path[32];
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
	if ((mask & EVENT_LINK) && !(client_watched() & EVENT_LINK))
		look_at_links(false); /* changes are told from now on */
	*client_watch(client) = mask;
	watching = json_array();
	for (size_t i = 0; i < EVENT_NAMES; i++)
		if (is_one(event_names[i].mask) && (mask & event_names[i].mask))
			json_array_append_new(watching, json_string(event_names[i].name));
	*result = json_pack("{s:o}", "watching", watching);
	return 0;
}
