/* SPDX-License-Identifier: BSD-3-Clause */
/* neighbor: the MAC of an IP next door on the underlay. Called through nouns[]; owns nothing. */
#include "noun.h"

#include "underlay.h"

static int neighbor_check(const struct tx *tx, const struct object *obj,
	const union api_object *data, struct rpc_error *err)
{
	const struct api_neighbor *new = &data->neighbor;

	if (new->attachment[0])
		return noun_not_yet(err, "attachment", "a port", new->attachment, "l3 slices are");
	if (!noun_ip_unicast(&new->address))
		return noun_fail_ip(err, "address", "a unicast address", &new->address, false);
	if (!noun_mac_unicast(&new->mac))
		return noun_fail_mac(err, "mac", &new->mac);
	return 0;
}

static void neighbor_commit(
	struct object *obj, const struct version *old, const struct version *new)
{
	const struct version *version = new ? new : old;
	const struct api_neighbor *neighbor = &version->data->neighbor;
	uint16_t port = version_ref(version, OBJECT_PORT)->id;

	if (new)
		underlay_neighbor_set(port, &neighbor->address, &neighbor->mac);
	else
		underlay_neighbor_unset(port, &neighbor->address);
}

const struct noun noun_neighbor = {
	.check = neighbor_check,
	.commit = neighbor_commit,
};
