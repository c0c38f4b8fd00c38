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

static int address_check(const struct tx *tx, const struct object *obj,
	const union api_object *data, struct rpc_error *err)
{
	const struct api_address *next = &data->address;

	if (obj) /* all of it is key: what differs is the kind of place */
		return noun_fail_place(err, obj);
	return next->attachment[0] ? gateway_noun_check(tx, next, err) : check_port(next, err);
}

/* Both ways at check time: a delete followed by a put of the same address must reach the kernel in
 * that order. */
static int address_prepare(const struct tx *tx, struct object *obj, const struct version *old,
	const struct version *next, struct rpc_error *err)
{
	const struct version *version = next ? next : old;
	const struct object *port = version_ref(version, OBJECT_PORT);
	int rc;

	if (!port)
		return gateway_noun_prepare(obj, old, next, err);
	rc = tx->check ? 0
		       : port_tap_address(port->id, &version->data->address.prefix, next != NULL,
				 &obj->on_tap);
	/* what is not there any more need not be removed */
	if (rc == 0 || !next) {
		networks_on_ports += next ? 1 : -1;
		return 0;
	}
	rpc_fail(err, RPC_ERR_INTERNAL, "the kernel refused the address on the tap of port %s: %s",
		version->data->address.port, strerror(-rc));
	snprintf(err->path, sizeof(err->path), "prefix");
	snprintf(err->got, sizeof(err->got), "%s", strerror(-rc));
	return -1;
}

static void address_undo(const struct tx *tx, struct object *obj, const struct version *old,
	const struct version *next)
{
	const struct version *version = next ? next : old;
	const struct object *port = version_ref(version, OBJECT_PORT);

	if (!port) {
		gateway_noun_undo(obj, old, next);
		return;
	}
	networks_on_ports -= next ? 1 : -1;
	if (!tx->check)
		port_tap_address(
			port->id, &version->data->address.prefix, next == NULL, &obj->on_tap);
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
	.check = address_check,
	.prepare = address_prepare,
	.undo = address_undo,
	.commit = address_commit,
};
