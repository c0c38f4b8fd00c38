/* SPDX-License-Identifier: BSD-3-Clause */
/* port: opened while the transaction is checked, polled once it is committed.
 * The device itself is core/port.h's. */
#include "nouns.h"

#include <stdio.h>
#include <string.h>

#include "attachment.h"
#include "device_allow.h"
#include "events.h"
#include "noun_port.h"
#include "port.h"
#include "port_link.h"
#include "port_veth.h"
#include "tx.h"
#include "underlay.h"

static void port_unique(const union api_object *data, char *text)
{
	snprintf(text, NOUN_UNIQUE, "device %s", data->port.device);
}

/* DPDK knows a device by what stands before the first comma. */
static bool same_device(const struct api_port *a, const struct api_port *b)
{
	size_t length = strcspn(b->device, ",");

	return strcspn(a->device, ",") == length && !strncmp(a->device, b->device, length);
}

/* Of the transaction in work those that end or have entered: a box has few ports, of which a
 * message may say many. */
static const struct change *changes[2 * LIMIT_PORTS];
static uint32_t change_count;

static void port_release(const struct change *change)
{
	if (change_ends(change))
		changes[change_count++] = change;
}

/* Of all or of none. */
static void port_restore(const struct change *change)
{
	if (change_ends(change))
		change_count = 0;
}

/* One from at on with this name or device that the transaction deletes; NULL: none. */
static const struct change *deleted(const struct api_port *next, uint32_t *at)
{
	while (*at < change_count) {
		const struct change *change = changes[(*at)++];
		const struct api_port *old = change_ends(change) ? &change->old->data->port : NULL;

		if (old && (!strcmp(old->name, next->name) || same_device(old, next)))
			return change;
	}
	return NULL;
}

/* A port that the transaction deletes is still open until that is committed. */
static int check_reopen(const struct tx *tx, const struct api_port *next, struct rpc_error *err)
{
	uint32_t at = 0;
	const struct change *ends = tx->check || tx->is_sync ? NULL : deleted(next, &at);
	const struct api_port *old = ends ? &ends->old->data->port : NULL;

	if (!old)
		return 0;
	snprintf(err->with, sizeof(err->with), "port %s", old->name);
	return rpc_fail(err, RPC_ERR_CONFLICT,
		"port %s is deleted by this same transaction: put the new one after it", old->name);
}

static int port_check(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	static const struct api_mac_addr none;
	const struct api_port *next = &change->data->port;

	if (memcmp(&next->mac, &none, sizeof(none)) && !noun_mac_unicast(&next->mac))
		return noun_fail_mac(err, "mac", &next->mac);
	if (next->rate_bps > 0 && next->rate_bps < RATE_MIN_BPS) {
		char got[32];

		snprintf(got, sizeof(got), "%llu", (unsigned long long)next->rate_bps);
		return rpc_fail_value(err, "rate_bps", "0, or 100000 and more", got);
	}
	return change_begins(change) ? check_reopen(tx, next, err) : 0;
}

static int check_device_name(const struct api_port *next, struct rpc_error *err)
{
	char device[sizeof(next->device) + 8];
	size_t length = strcspn(next->device, ",");
	const struct object *obj = model_after(OBJECT_PORT, "");

	while (obj && !same_device(&obj->now->data->port, next))
		obj = model_next((struct object *)obj);
	if (!obj)
		return 0;
	snprintf(device, sizeof(device), "device %.*s", (int)length, next->device);
	return noun_fail_conflict(
		err, "device", device, "port %s: %s is open already", next->name, device);
}

/* How many more devices are open by now than there are. */
static int devices_more(const struct change *but)
{
	int more = 0;

	for (uint32_t i = 0; i < change_count; i++) {
		const struct change *change = changes[i];

		if (change_begins(change) && change->next && change != but)
			more += 1 + change->data->port.tap;
		if (change_ends(change))
			more -= 1 + change->old->data->port.tap;
	}
	return more;
}

/* Of one that would be opened: its id is one that no port of the model has. */
static int check_open(const struct change *change, struct rpc_error *err)
{
	const struct api_port *next = &change->data->port;
	struct object *obj = change->obj;
	const struct change *ends;
	bool tap_there = false;
	uint32_t at = 0;

	while ((ends = deleted(next, &at)))
		tap_there |= ends->old->data->port.tap &&
			     !strcmp(ends->old->data->port.name, next->name);

	if (device_check(next->device, err) != 0 || check_device_name(next, err) != 0 ||
		port_open_check(next, tap_there, devices_more(change), err) != 0)
		return -1;
	while (model_by_id(OBJECT_PORT, obj->id))
		obj->id++;
	return 0;
}

/* What has the device or the name of the new one lets go of them now. Should the transaction fail
 * they are opened again, as after their interface had gone (noun_port_poll()). */
static void suspend_others(const struct api_port *next)
{
	const struct change *ends;
	uint32_t at = 0;

	while ((ends = deleted(next, &at)))
		port_suspend(ends->life.id);
}

static int open_port(const struct change *change, struct rpc_error *err)
{
	const struct api_port *next = &change->data->port;

	if (device_check(next->device, err) != 0)
		return -1;
	suspend_others(next);
	return port_open(next, &change->obj->id, err);
}

static int port_prepare(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	const struct api_port *next = &change->data->port;

	if (!change_begins(change))
		return change->dry ? port_change_check(change->obj->id, next, err)
				   : port_change(change->obj->id, next, err);
	if (change->dry ? check_open(change, err) : open_port(change, err))
		return -1;
	if (!change_ends(change))
		changes[change_count++] = change;
	return 0;
}

static void port_undo(const struct change *change)
{
	struct rpc_error ignored = {0};

	if (change_begins(change))
		change_count = 0;
	if (change->dry)
		return;
	if (change_begins(change))
		port_close(change->obj->id);
	else
		port_change(change->obj->id, &change->old->data->port, &ignored);
}

/* ---- what is wrong below a port ---- */

static uint64_t faulty; /* these, in the log */

/* Into text; "": nothing. */
static void below_fault(const struct object *obj, char *text, size_t size)
{
	uint32_t has = port_link_mtu(obj->id), wants = obj->now->data->port.mtu;
	enum port_twin twin = port_link_twin(obj->id);
	char name[IFNAMSIZ];

	text[0] = '\0';
	if (twin >= PORT_TWIN_RENAMED)
		snprintf(text, size, "the twin %s of port %s is gone", obj->key, obj->key);
	else if (twin == PORT_TWIN_DOWN)
		snprintf(text, size, "the twin %s of port %s is down: ip link set %s up", obj->key,
			obj->key, obj->key);
	else if (has != 0 && has < wants && if_indextoname(port_link_ifindex(obj->id), name))
		snprintf(text, size,
			"interface %s has an MTU of %u, port %s of %u: larger frames are lost; ip "
			"link set %s mtu %u",
			name, has, obj->key, wants, name, wants);
}

static void fault_log(const struct object *obj)
{
	uint64_t bit = 1ull << obj->id;
	char text[sizeof(((struct api_port *)0)->fault)];

	below_fault(obj, text, sizeof(text));
	if (text[0])
		fprintf(stderr, "sluice-dataplane: port %s: %s\n", obj->key, text);
	else if (faulty & bit)
		fprintf(stderr, "sluice-dataplane: port %s: that is put right\n", obj->key);
	faulty = text[0] ? faulty | bit : faulty & ~bit;
}

/* The interface below has another MTU. */
static void look_below(const struct object *obj)
{
	if (port_bound(obj->id)) {
		attachment_port_mtu(obj->id);
		underlay_stale();
	}
	fault_log(obj);
}

void noun_port_news(uint64_t ports)
{
	for (; ports; ports &= ports - 1) {
		const struct object *obj = model_by_id(OBJECT_PORT, __builtin_ctzll(ports));

		if (obj)
			look_below(obj);
	}
}

static uint64_t warned; /* these, in the log */

/* "" or what is wrong below it; what is new goes to the log. */
static const char *port_warning(const struct object *obj)
{
	const char *text = port_veth_warning(obj->id, port_link_ifindex(obj->id));
	uint64_t bit = 1ull << obj->id;

	if (*text && !(warned & bit))
		fprintf(stderr, "sluice-dataplane: port %s: %s\n", obj->key, text);
	warned = *text ? warned | bit : warned & ~bit;
	return text;
}

static void port_commit(struct object *obj, const struct version *old, const struct version *next)
{
	change_count = 0;
	if (!next) {
		port_close(obj->id);
		underlay_port_gone(obj->id);
		port_veth_forget(obj->id);
		warned &= ~(1ull << obj->id);
		faulty &= ~(1ull << obj->id);
	} else if (!old) {
		port_publish(obj->id);
		port_warning(obj);
	} else {
		attachment_port_mtu(obj->id);
	}
	underlay_stale();
}

static uint64_t told;	   /* why these could not be opened again */
static uint64_t told_twin; /* likewise of their twins */

static void twin_poll(struct object *obj)
{
	uint64_t bit = 1ull << obj->id;
	struct rpc_error err = {0};

	if (port_link_twin(obj->id) < PORT_TWIN_RENAMED) {
		told_twin &= ~bit;
	} else if (port_twin_again(obj->id, &obj->now->data->port, &err) != 0) {
		if (!(told_twin & bit))
			fprintf(stderr,
				"sluice-dataplane: port %s: its twin cannot be made again: %s\n",
				obj->key, err.message);
		told_twin |= bit;
	} else {
		noun_address_again(obj);
		fault_log(obj);
	}
}

/* What was taken from below it is put back, or said to be gone: in the log, and to watchers. */
static void port_look_after(const struct object *obj)
{
	bool lost, back;

	port_look(obj->id, &lost, &back);
	if (lost) {
		const char *fault = port_fault(obj->id);

		if (!*fault)
			fault = "its XDP program was taken off its interface";
		fprintf(stderr, "sluice-dataplane: port %s: %s\n", obj->key, fault);
		events_port(obj, fault);
	}
	if (back) {
		fprintf(stderr, "sluice-dataplane: port %s: its XDP program is back\n", obj->key);
		events_port(obj, "");
	}
}

uint64_t noun_port_poll(void)
{
	uint64_t back = 0;

	for (struct object *obj = model_after(OBJECT_PORT, ""); obj; obj = model_next(obj)) {
		uint64_t bit = 1ull << obj->id;
		struct rpc_error err = {0};
		int rc;

		twin_poll(obj);
		if (!port_link_gone(obj->id))
			port_look_after(obj);
		if (!port_link_gone(obj->id) ||
			!port_reopen(obj->id, &obj->now->data->port, &rc, &err)) {
			told &= ~bit;
			continue;
		}
		if (rc && !(told & bit))
			fprintf(stderr,
				"sluice-dataplane: port %s is back but cannot be opened: %s\n",
				obj->key, err.message);
		told = rc ? told | bit : told & ~bit;
		back |= rc ? 0 : bit;
		if (!rc)
			look_below(obj);
		port_warning(obj);
	}
	return back;
}

static void port_answer(const struct object *obj, union api_object *copy)
{
	const struct port_hot *hot = &port_hot[obj->id];
	const char *tap = port_tap_name(obj->id);

	copy->port.link = port_link(obj->id, &copy->port.speed_mbps);
	copy->port.gone = port_link_gone(obj->id);
	memcpy(copy->port.mac_in_use.bytes, hot->mac.addr_bytes, 6);
	snprintf(copy->port.fault, sizeof(copy->port.fault), "%s", port_fault(obj->id));
	if (!copy->port.fault[0])
		below_fault(obj, copy->port.fault, sizeof(copy->port.fault));
	copy->port.tap_lost = port_link_twin(obj->id) != PORT_TWIN_UP;
	if (port_link_mtu(obj->id) < obj->now->data->port.mtu)
		copy->port.interface_mtu = port_link_mtu(obj->id);
	snprintf(copy->port.warning, sizeof(copy->port.warning), "%s", port_warning(obj));
	if (tap && port_link_twin(obj->id) < PORT_TWIN_RENAMED)
		snprintf(copy->port.tap_name, sizeof(copy->port.tap_name), "%s", tap);
}

static void shaper_stats(const struct object *obj, json_t *out)
{
	struct shaper_counters counters;
	uint32_t buffers_max;

	if (!port_shaper_read(obj->id, &counters, &buffers_max))
		return;
	noun_shaper(&counters, out);
	json_object_set_new(out, "shaper_buffers_max", json_integer(buffers_max));
}

static void port_stats(const struct object *obj, json_t *out)
{
	struct port_counters counters = {0};

	port_counters_read(obj->id, &counters);
	json_object_set_new(out, "rx_packets", json_integer(counters.rx_packets));
	json_object_set_new(out, "rx_bytes", json_integer(counters.rx_bytes));
	json_object_set_new(out, "tx_packets", json_integer(counters.tx_packets));
	json_object_set_new(out, "tx_bytes", json_integer(counters.tx_bytes));
	json_object_set_new(out, "rx_missed", json_integer(counters.rx_missed));
	json_object_set_new(out, "tx_dropped", json_integer(counters.tx_dropped));
	shaper_stats(obj, out);
	uint16_t twin = port_hot[obj->id].twin;

	if (twin == PORT_NONE)
		return;
	port_counters_read(twin, &counters);
	json_object_set_new(out, "tap_rx_packets", json_integer(counters.rx_packets));
	json_object_set_new(out, "tap_rx_bytes", json_integer(counters.rx_bytes));
	json_object_set_new(out, "tap_tx_packets", json_integer(counters.tx_packets));
	json_object_set_new(out, "tap_tx_bytes", json_integer(counters.tx_bytes));
	json_object_set_new(out, "tap_rx_missed", json_integer(counters.rx_missed));
	json_object_set_new(out, "tap_tx_dropped", json_integer(counters.tx_dropped));
}

const struct noun noun_port = {
	.unique_field = "device",
	.unique = port_unique,
	.release = port_release,
	.restore = port_restore,
	.check = port_check,
	.prepare = port_prepare,
	.undo = port_undo,
	.commit = port_commit,
	.answer = port_answer,
	.stats = port_stats,
};
