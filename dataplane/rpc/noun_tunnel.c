/* SPDX-License-Identifier: BSD-3-Clause */
/* tunnel: the way to another site; may change in place, its members stay.
 * Its id is pipelines/tunnel/tunnel.h's. */
#include "nouns.h"

#include <stdio.h>
#include <string.h>

#include "tunnel.h"
#include "underlay.h"

static const char *const encap_names[] = {[ENCAP_VXLAN] = "vxlan", [ENCAP_GENEVE] = "geneve"};

static void tunnel_unique(const union api_object *data, char *text)
{
	char local[64], remote[64];

	api_ip_format(&data->tunnel.local, false, local);
	api_ip_format(&data->tunnel.remote, false, remote);
	snprintf(text, NOUN_UNIQUE, "%s %s to %s port %u", encap_names[data->tunnel.encap], local,
		remote, data->tunnel.dst_port);
}

/* Tunnels by UDP port, as the transaction leaves them: a port is VXLAN's or Geneve's, since what
 * comes in by it says itself nowhere which of the two it is. */
static uint16_t port_users[ENCAP_GENEVE + 1][65536];

static void count_port(const struct version *version, int by)
{
	port_users[version->data->tunnel.encap][version->data->tunnel.dst_port] += by;
}

/* Some tunnel with that encapsulation and port, to be named in an error. */
static struct object *find_port_user(uint32_t encap, uint32_t port)
{
	struct object *obj = model_after(OBJECT_TUNNEL, "");

	while (obj &&
		(obj->now->data->tunnel.encap != encap || obj->now->data->tunnel.dst_port != port))
		obj = model_next(obj);
	return obj;
}

static int check_port(const struct api_tunnel *next, struct rpc_error *err)
{
	uint32_t other = next->encap == ENCAP_VXLAN ? ENCAP_GENEVE : ENCAP_VXLAN;
	struct object *user;

	if (port_users[other][next->dst_port] == 0)
		return 0;
	user = find_port_user(other, next->dst_port);
	rpc_fail(err, RPC_ERR_CONFLICT,
		"dst_port %u is in use for %s, by tunnel %.100s: a UDP port carries vxlan or "
		"geneve, not both",
		next->dst_port, encap_names[other], user ? user->key : "?");
	snprintf(err->path, sizeof(err->path), "dst_port");
	snprintf(err->want, sizeof(err->want), "a port without %s tunnels", encap_names[other]);
	snprintf(err->got, sizeof(err->got), "%u", next->dst_port);
	snprintf(err->with, sizeof(err->with), "tunnel %.150s", user ? user->key : "?");
	return -1;
}

struct object *noun_tunnel_at(uint32_t port)
{
	struct object *obj = model_after(OBJECT_TUNNEL, "");

	if (!port_users[ENCAP_VXLAN][port] && !port_users[ENCAP_GENEVE][port])
		return NULL;
	while (obj && obj->now->data->tunnel.dst_port != port)
		obj = model_next(obj);
	return obj;
}

/* While there is a user plane its port carries GTP-U, at whatever address: see check_port(). */
static int check_gtpu(const struct api_tunnel *next, struct rpc_error *err)
{
	struct object *obj = next->dst_port == 2152 ? model_after(OBJECT_GTPU, "") : NULL;
	char label[160];

	if (!obj)
		return 0;
	model_label(obj, label, sizeof(label));
	return noun_fail_conflict(
		err, "dst_port", label, "UDP port 2152 carries GTP-U, by %.100s", label);
}

static int tunnel_check(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	const struct api_tunnel *next = &change->data->tunnel;

	if (!noun_ip_unicast(&next->local))
		return noun_fail_ip(err, "local", "a unicast address", &next->local, false);
	if (!noun_ip_unicast(&next->remote))
		return noun_fail_ip(err, "remote", "a unicast address", &next->remote, false);
	if (next->local.family != next->remote.family)
		return noun_fail_ip(err, "remote", "an address of the same family as local",
			&next->remote, false);
	if (!memcmp(&next->local, &next->remote, sizeof(next->local)))
		return noun_fail_ip(
			err, "remote", "another address than local", &next->remote, false);
	return check_gtpu(next, err) ? -1 : check_port(next, err);
}

static void tunnel_noun_release(const struct change *change)
{
	count_port(change->old, -1);
}

static void tunnel_restore(const struct change *change)
{
	count_port(change->old, 1);
}

static int tunnel_prepare(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	count_port(change->next, 1);
	return 0;
}

static void tunnel_undo(const struct change *change)
{
	count_port(change->next, -1);
}

static void tunnel_commit(struct object *obj, const struct version *old, const struct version *next)
{
	if (next)
		tunnel_set(obj->id, &next->data->tunnel);
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
	.release = tunnel_noun_release,
	.restore = tunnel_restore,
	.check = tunnel_check,
	.id_reserve = tunnel_reserve,
	.id_release = tunnel_release,
	.prepare = tunnel_prepare,
	.undo = tunnel_undo,
	.commit = tunnel_commit,
	.answer = tunnel_answer,
	.stats = tunnel_stats,
};
