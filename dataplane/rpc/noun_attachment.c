/* SPDX-License-Identifier: BSD-3-Clause */
/* attachment: (port, VLAN) → slice. Its id is pipelines/l2/attachment.h's. */
#include "nouns.h"

#include <stdio.h>
#include <string.h>

#include "attachment.h"
#include "attachment_tap.h"

static void attachment_unique(const union api_object *data, char *text)
{
	if (data->attachment.vlan)
		snprintf(text, NOUN_UNIQUE, "port %s vlan %u", data->attachment.port,
			data->attachment.vlan);
	else
		snprintf(text, NOUN_UNIQUE, "port %s untagged", data->attachment.port);
}

/* Untagged traffic of a port is either a slice's or this box's: an attachment would take what the
 * tap and the addresses are there for. */
static int check_not_underlay(const union api_object *data, struct rpc_error *err)
{
	const struct object *port = model_find(OBJECT_PORT, data->attachment.port);
	const struct ref *ref;
	char label[160];

	if (data->attachment.vlan || !port)
		return 0;
	if (port->now->data->port.tap)
		return noun_fail_conflict(err, "port", model_label(port, label, sizeof(label)),
			"port %s has a tap: its untagged traffic is this box's; give the "
			"attachment a vlan",
			port->key);
	LIST_FOREACH (ref, &port->used_by, link) {
		const struct object *user = ref->from->owner;

		if (user->type->type != OBJECT_ADDRESS)
			continue;
		return noun_fail_conflict(err, "port", model_label(user, label, sizeof(label)),
			"port %s has an address: its untagged traffic is this box's; give the "
			"attachment a vlan",
			port->key);
	}
	return 0;
}

static int attachment_check(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	return check_not_underlay(change->data, err) || noun_tap_check(change->data, err) ? -1 : 0;
}

static void attachment_commit(
	struct object *obj, const struct version *old, const struct version *next)
{
	noun_meter_commit(POLICE_IN, obj, old, next);
	noun_meter_commit(POLICE_OUT, obj, old, next);
	if (next)
		attachment_set(obj->id, version_ref(next, OBJECT_SLICE)->id,
			version_ref(next, OBJECT_PORT)->id, next->data->attachment.vlan);
	else
		attachment_unset(obj->id);
	noun_tap_commit(obj, old, next);
}

static void attachment_answer(const struct object *obj, union api_object *copy)
{
	copy->attachment.tap_index = noun_tap_index(obj);
}

static void tap_stats(const struct object *obj, json_t *out)
{
	struct tap_counters tap;

	if (!obj->now->data->attachment.tap[0])
		return;
	attachment_tap_counters_read(obj->id, &tap);
	json_object_set_new(out, "tap_rx_packets", json_integer(tap.rx_packets));
	json_object_set_new(out, "tap_rx_bytes", json_integer(tap.rx_bytes));
	json_object_set_new(out, "tap_tx_packets", json_integer(tap.tx_packets));
	json_object_set_new(out, "tap_tx_bytes", json_integer(tap.tx_bytes));
}

static void attachment_stats(const struct object *obj, json_t *out)
{
	struct counters counters = {0};

	attachment_counters_read(obj->id, &counters);
	noun_counters(&counters, out);
	noun_meter_stats(POLICE_IN, obj, "meter_in_", out);
	noun_meter_stats(POLICE_OUT, obj, "meter_out_", out);
	tap_stats(obj, out);
}

const struct noun noun_attachment = {
	.unique_field = "vlan",
	.unique = attachment_unique,
	.release = noun_tap_release,
	.restore = noun_tap_restore,
	.check = attachment_check,
	.id_reserve = attachment_reserve,
	.id_release = attachment_release,
	.prepare = noun_tap_prepare,
	.undo = noun_tap_undo,
	.commit = attachment_commit,
	.answer = attachment_answer,
	.stats = attachment_stats,
};
