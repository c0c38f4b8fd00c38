/* SPDX-License-Identifier: BSD-3-Clause */
/* address: what the box answers to on an underlay port. Called through nouns[]; the kernel twin
 * holds the address, the underlay takes a connected route from it. */
#include "noun.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "port.h"
#include "underlay.h"

static int address_check(const struct tx *tx, const struct object *obj,
	const union api_object *data, struct rpc_error *err)
{
	const struct object *taken;
	char untagged[NOUN_UNIQUE];

	if (data->address.attachment[0])
		return noun_not_yet(
			err, "attachment", "a port", data->address.attachment, "l3 slices are");
	if (!noun_ip_unicast(&data->address.prefix))
		return noun_fail_ip(
			err, "prefix", "a unicast address and length", &data->address.prefix, true);
	snprintf(untagged, sizeof(untagged), "port %s untagged", data->address.port);
	taken = model_unique_holder(OBJECT_ATTACHMENT, untagged);
	if (taken) {
		snprintf(err->path, sizeof(err->path), "port");
		model_label(taken, err->with, sizeof(err->with));
		return rpc_fail(err, RPC_ERR_CONFLICT,
			"the untagged traffic of port %s is a slice's: give %.100s a vlan, or "
			"another port",
			data->address.port, err->with);
	}
	return 0;
}

/* Both ways at check time: a delete followed by a put of the same address must reach the kernel in
 * that order. */
static int address_prepare(struct object *obj, const struct version *old, const struct version *new,
	struct rpc_error *err)
{
	const struct version *version = new ? new : old;
	uint16_t port = version_ref(version, OBJECT_PORT)->id;
	int rc = port_tap_address(port, &version->data->address.prefix, new != NULL);

	/* what is not there any more need not be removed */
	if (rc == 0 || !new)
		return 0;
	rpc_fail(err, RPC_ERR_INTERNAL, "the kernel refused the address on the tap of port %s: %s",
		version->data->address.port, strerror(-rc));
	snprintf(err->path, sizeof(err->path), "prefix");
	snprintf(err->got, sizeof(err->got), "%s", strerror(-rc));
	return -1;
}

static void address_undo(struct object *obj, const struct version *old, const struct version *new)
{
	const struct version *version = new ? new : old;

	port_tap_address(
		version_ref(version, OBJECT_PORT)->id, &version->data->address.prefix, new == NULL);
}

static void address_commit(struct object *obj, const struct version *old, const struct version *new)
{
	const struct version *version = new ? new : old;
	uint16_t port = version_ref(version, OBJECT_PORT)->id;

	if (new)
		underlay_address_set(port, &version->data->address.prefix);
	else
		underlay_address_unset(port, &version->data->address.prefix);
}

const struct noun noun_address = {
	.check = address_check,
	.prepare = address_prepare,
	.undo = address_undo,
	.commit = address_commit,
};
