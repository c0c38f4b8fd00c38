/* SPDX-License-Identifier: BSD-3-Clause */
/* address: what the box answers to on an underlay port; on an attachment it is a gateway
 * (noun_gateway.h). The kernel twin holds the address of a port, the
 * underlay takes a connected route from it. Owns nothing. */
#include "noun.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "networks.h"
#include "noun_address.h"
#include "noun_gateway.h"
#include "port.h"
#include "tx.h"
#include "underlay.h"

/* On ports the same address may stand twice: the kernel decides about that. */
static void address_unique(const union api_object *data, char *text)
{
	text[0] = '\0';
	if (data->address.attachment[0])
		gateway_unique(data->address.attachment, &data->address.prefix, text);
}

static int check_port(const struct api_address *next, struct rpc_error *err)
{
	const struct object *taken;
	char untagged[NOUN_UNIQUE];

	if (!noun_ip_unicast(&next->prefix))
		return noun_fail_ip(
			err, "prefix", "a unicast address and length", &next->prefix, true);
	if (networks_on_ports >= LIMIT_UNDERLAY_ADDRESSES)
		return noun_fail_room(
			err, -ENOSPC, "ports hold at most %u addresses", LIMIT_UNDERLAY_ADDRESSES);
	snprintf(untagged, sizeof(untagged), "port %s untagged", next->port);
	taken = model_unique_holder(OBJECT_ATTACHMENT, untagged);
	if (taken) {
		snprintf(err->path, sizeof(err->path), "port");
		model_label(taken, err->with, sizeof(err->with));
		return rpc_fail(err, RPC_ERR_CONFLICT,
			"the untagged traffic of port %s is a slice's: give %.100s a vlan, or "
			"another port",
			next->port, err->with);
	}
	return 0;
}

static int address_check(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	const struct api_address *next = &change->data->address;

	if (!change_begins(change)) /* all of it is key: what differs is the kind of place */
		return noun_fail_place(err, change->obj);
	return next->attachment[0] ? gateway_noun_check(tx, next, err) : check_port(next, err);
}

static void address_release(const struct change *change)
{
	if (version_ref(change->old, OBJECT_PORT))
		networks_on_ports--;
	else
		gateway_noun_release(change);
}

static void address_restore(const struct change *change)
{
	const struct object *port = version_ref(change->old, OBJECT_PORT);

	if (!port) {
		gateway_noun_restore(change);
		return;
	}
	networks_on_ports++;
	if (!change->left_dry)
		port_tap_address(
			port->id, &change->old->data->address.prefix, true, &change->obj->on_tap);
}

static int address_prepare(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	if (!version_ref(change->next, OBJECT_PORT))
		return gateway_noun_prepare(change, err);
	networks_on_ports++;
	change->obj->on_tap = false;
	return 0;
}

static void address_undo(const struct change *change)
{
	const struct object *port = version_ref(change->next, OBJECT_PORT);

	if (!port) {
		gateway_noun_undo(change);
		return;
	}
	networks_on_ports--;
	if (!change->dry)
		port_tap_address(
			port->id, &change->data->address.prefix, false, &change->obj->on_tap);
}

/* The kernel has the address of a port before the commit, since it may refuse it. One that goes
 * takes the kernel's routes over it along, which nobody brings back: so it goes only when all else
 * is well. */
static void address_forget(struct change *change)
{
	const struct object *port = version_ref(change->old, OBJECT_PORT);

	/* what is not there any more need not be removed */
	if (port)
		port_tap_address(port->change ? port->change->life.id : port->id,
			&change->old->data->address.prefix, false, &change->life.on_tap);
}

static int address_tell(const struct change *change, struct rpc_error *err)
{
	const struct object *port = version_ref(change->next, OBJECT_PORT);
	int rc = port ? port_tap_address(
				port->id, &change->data->address.prefix, true, &change->obj->on_tap)
		      : 0;

	if (rc == 0)
		return 0;
	rpc_fail(err, RPC_ERR_INTERNAL, "the kernel refused the address on the tap of port %s: %s",
		change->data->address.port, strerror(-rc));
	snprintf(err->path, sizeof(err->path), "prefix");
	snprintf(err->got, sizeof(err->got), "%s", strerror(-rc));
	return -1;
}

static int address_settle(const struct change *change, struct rpc_error *err)
{
	return gateway_noun_settle(change, err);
}

static void address_commit(
	struct object *obj, const struct version *old, const struct version *next)
{
	const struct version *version = next ? next : old;
	const struct object *port = version_ref(version, OBJECT_PORT);

	if (!port)
		gateway_noun_commit(obj, old, next);
	else if (next)
		underlay_address_set(port->id, &version->data->address.prefix);
	else
		underlay_address_unset(port->id, &version->data->address.prefix);
}

void noun_address_again(const struct object *port)
{
	const struct ref *ref;

	LIST_FOREACH (ref, &port->used_by, link) {
		struct object *obj = ref->from->owner;
		int rc;

		if (obj->type->type != OBJECT_ADDRESS)
			continue;
		rc = port_tap_address(
			port->id, &ref->from->data->address.prefix, true, &obj->on_tap);
		if (rc != 0)
			fprintf(stderr, "sluice-dataplane: address %s on the new tap: %s\n",
				obj->key, strerror(-rc));
	}
}

const struct noun noun_address = {
	.unique_field = "prefix",
	.unique = address_unique,
	.release = address_release,
	.restore = address_restore,
	.check = address_check,
	.prepare = address_prepare,
	.undo = address_undo,
	.settle = address_settle,
	.forget = address_forget,
	.tell = address_tell,
	.commit = address_commit,
};
