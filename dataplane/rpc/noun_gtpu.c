/* SPDX-License-Identifier: BSD-3-Clause */
/* gtpu: an own address for GTP-U. Sessions name it and keep it from going or moving.
 * Its id is pipelines/upf/gtpu/peer.h's. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nouns.h"
#include "peer.h"
#include "underlay.h"

#define GTPU_UDP_PORT 2152

static void gtpu_unique(const union api_object *data, char *text)
{
	char address[64];

	api_ip_format(&data->gtpu.address, false, address);
	snprintf(text, NOUN_UNIQUE, "address %s", address);
}

/* A UDP port carries one thing at all addresses of the box (tunnel_port[]): a tunnel of this port
 * would take what is meant for the user plane, or the reverse. */
static int check_tunnels(struct rpc_error *err)
{
	const struct object *tunnel = noun_tunnel_at(GTPU_UDP_PORT);
	char label[160];

	if (!tunnel)
		return 0;
	model_label(tunnel, label, sizeof(label));
	return noun_fail_conflict(err, "address", label,
		"UDP port %u, which is GTP-U's, is the dst_port of %.100s", GTPU_UDP_PORT, label);
}

/* What sessions send to this box itself would come back. */
static int check_peers(
	const struct change *change, const struct api_gtpu *next, struct rpc_error *err)
{
	char address[64];

	if (!change_begins(change) &&
		!memcmp(&change->old->data->gtpu.address, &next->address, sizeof(next->address)))
		return 0;
	if (!peer_is_at(&next->address))
		return 0;
	api_ip_format(&next->address, false, address);
	return noun_fail_conflict(err, "address", "session",
		"FARs of sessions send to %s: it is a peer, and cannot be this box", address);
}

static int gtpu_check(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	const struct api_gtpu *next = &change->data->gtpu;

	if (!noun_ip_unicast(&next->address))
		return noun_fail_ip(err, "address", "a unicast address", &next->address, false);
	return check_peers(change, next, err) || check_tunnels(err) ? -1 : 0;
}

static void gtpu_noun_release(const struct change *change)
{
	gtpu_prepare(change->obj->id, NULL);
}

static void gtpu_restore(const struct change *change)
{
	gtpu_prepare(change->obj->id, &change->old->data->gtpu);
}

static int gtpu_noun_prepare(
	const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	gtpu_prepare(change->obj->id, &change->data->gtpu);
	return 0;
}

static void gtpu_commit(struct object *obj, const struct version *old, const struct version *next)
{
	if (next)
		gtpu_set(obj->id, &next->data->gtpu);
	else
		gtpu_unset(obj->id);
	underlay_stale();
}

const struct noun noun_gtpu = {
	.unique_field = "address",
	.unique = gtpu_unique,
	.release = gtpu_noun_release,
	.restore = gtpu_restore,
	.check = gtpu_check,
	.id_reserve = gtpu_reserve,
	.id_release = gtpu_release,
	.prepare = gtpu_noun_prepare,
	.undo = gtpu_noun_release,
	.commit = gtpu_commit,
};
