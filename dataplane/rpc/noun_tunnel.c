/* SPDX-License-Identifier: BSD-3-Clause */
/* tunnel: the way to another site; may change in place, its members stay. Called through nouns[];
 * its id is pipelines/tunnel.h's. */
#include "noun.h"

#include <stdio.h>
#include <string.h>

#include "tunnel.h"
#include "underlay.h"

static void tunnel_unique(const union api_object *data, char *text)
{
	char local[64], remote[64];

	api_ip_format(&data->tunnel.local, false, local);
	api_ip_format(&data->tunnel.remote, false, remote);
	snprintf(text, NOUN_UNIQUE, "%s %s to %s port %u",
		data->tunnel.encap == ENCAP_VXLAN ? "vxlan" : "geneve", local, remote,
		data->tunnel.dst_port);
}

static int tunnel_check(const struct tx *tx, const struct object *obj, const union api_object *data,
	struct rpc_error *err)
{
	const struct api_tunnel *new = &data->tunnel;

	if (new->encap != ENCAP_VXLAN)
		return noun_not_yet(err, "encap", "\"vxlan\"", "\"geneve\"", "geneve is");
	if (!noun_ip_unicast(&new->local))
		return noun_fail_ip(err, "local", "a unicast address", &new->local, false);
	if (!noun_ip_unicast(&new->remote))
		return noun_fail_ip(err, "remote", "a unicast address", &new->remote, false);
	if (new->local.family != new->remote.family)
		return noun_fail_ip(err, "remote", "an address of the same family as local",
			&new->remote, false);
	if (!memcmp(&new->local, &new->remote, sizeof(new->local)))
		return noun_fail_ip(
			err, "remote", "another address than local", &new->remote, false);
	return 0;
}

static int tunnel_prepare(struct object *obj, const struct version *old, const struct version *new,
	struct rpc_error *err)
{
	if (old || !tunnel_reserve(&obj->id))
		return 0;
	rpc_fail(err, RPC_ERR_CAPACITY, "no tunnel id is free: a box holds at most %u",
		LIMIT_TUNNELS);
	err->limit = LIMIT_TUNNELS;
	return -1;
}

static void tunnel_undo(struct object *obj, const struct version *old, const struct version *new)
{
	if (!old)
		tunnel_release(obj->id);
}

static void tunnel_commit(struct object *obj, const struct version *old, const struct version *new)
{
	if (new)
		tunnel_set(obj->id, &new->data->tunnel);
	else
		tunnel_unset(obj->id);
	underlay_stale();
}

static void tunnel_answer(const struct object *obj, union api_object *copy)
{
	tunnel_state(obj->id, copy->tunnel.state);
}

static void tunnel_stats(const struct object *obj, json_t *out)
{
	struct counters counters = {0};

	tunnel_counters_read(obj->id, &counters);
	noun_counters(&counters, out);
}

const struct noun noun_tunnel = {
	.unique_field = "remote",
	.unique = tunnel_unique,
	.check = tunnel_check,
	.prepare = tunnel_prepare,
	.undo = tunnel_undo,
	.commit = tunnel_commit,
	.answer = tunnel_answer,
	.stats = tunnel_stats,
};
