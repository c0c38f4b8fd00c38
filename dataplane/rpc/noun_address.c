/* SPDX-License-Identifier: BSD-3-Clause */
/* address: what the box answers to. On an underlay port the kernel twin holds it and the underlay
 * takes a connected network from it. On an attachment it is the gateway of an l3 slice, answered by
 * the switch itself: what conflicts with it is looked for in the model and in what this transaction
 * has said, since pipelines/l3/gateway.h knows only what is committed. Owns nothing: its networks
 * are networks.h's. */
#include "nouns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway.h"
#include "networks.h"
#include "port.h"
#include "tx.h"
#include "underlay.h"

static void unique_text(const char *slice, const struct api_ip *address, char *text)
{
	char ip[64];

	api_ip_format(address, false, ip);
	snprintf(text, NOUN_UNIQUE, "slice %s address %s", slice, ip);
}

/* On ports the same address may stand twice: the kernel decides about that. */
static void address_unique(const union api_object *data, char *text)
{
	const struct object *at = model_find(OBJECT_ATTACHMENT, data->address.attachment);

	text[0] = '\0';
	if (data->address.attachment[0] && at)
		unique_text(at->now->data->attachment.slice, &data->address.prefix, text);
}

struct object *gateway_holder(const struct object *slice, const struct api_ip *address)
{
	char text[NOUN_UNIQUE];

	unique_text(slice->key, address, text);
	return model_unique_holder(OBJECT_ADDRESS, text);
}

static int fail_network(struct rpc_error *err, const struct api_ip *network, uint16_t attachment)
{
	const struct object *other = model_by_id(OBJECT_ATTACHMENT, attachment);
	char text[64], with[160];

	api_ip_format(network, true, text);
	return noun_fail_conflict(err, "prefix", model_label(other, with, sizeof(with)),
		"%s or its network is already on %.100s: one network, one attachment", text, with);
}

static int fail_route(
	struct rpc_error *err, const struct object *slice, const struct api_ip *prefix)
{
	char text[64], with[160];

	api_ip_format(prefix, true, text);
	snprintf(with, sizeof(with), "route %s %s", slice->key, text);
	return noun_fail_conflict(
		err, "prefix", with, "%.120s stands where the address would be", with);
}

static int fail_hop(struct rpc_error *err, const struct object *slice, uint32_t routes)
{
	char with[160];

	snprintf(with, sizeof(with), "%u route%s of slice %s", routes, routes == 1 ? "" : "s",
		slice->key);
	return noun_fail_conflict(err, "prefix", with,
		"the address is the next hop of %.120s: the switch would send to itself", with);
}

/* What nobody has of the new network, its own address and the broadcast address, must not be
 * somebody's already; nor the new address one that nobody has. */
static int check_edges(const struct tx *tx, const struct object *slice, const struct api_ip *prefix,
	struct rpc_error *err)
{
	const struct network *there = network_reserving(slice->id, prefix);
	char label[160];

	if (there)
		return fail_network(err, prefix, there->attachment);
	for (int last = 0; last < 2 && prefix->family == 4 && prefix->len <= 30; last++) {
		struct api_ip edge = api_ip_edge(prefix, last);
		const struct object *own = gateway_holder(slice, &edge);

		if (fib_route_staged(tx, slice->id, &edge))
			return fail_route(err, slice, &edge);
		if (own)
			return noun_fail_conflict(err, "prefix",
				model_label(own, label, sizeof(label)),
				"%.120s would be the network's own or its broadcast address",
				label);
	}
	return 0;
}

/* Networks, routes, next hops and neighbours that stand in the way. */
static int check_others(const struct tx *tx, const struct object *slice, const struct object *at,
	const struct api_ip *prefix, struct rpc_error *err)
{
	struct api_ip network = *prefix, host = *prefix;
	const struct network *there;
	const struct object *neighbor;
	char label[160];

	api_ip_mask(&network);
	host.len = prefix->family == 4 ? 32 : 128;
	there = network_find(slice->id, &network);
	if (there && there->attachment != at->id)
		return fail_network(err, &network, there->attachment);
	if (fib_route_staged(tx, slice->id, &network))
		return fail_route(err, slice, &network);
	if (fib_route_staged(tx, slice->id, &host))
		return fail_route(err, slice, &host);
	neighbor = neighbor_holder(slice, &host);
	if (!neighbor)
		return 0;
	return noun_fail_conflict(err, "prefix", model_label(neighbor, label, sizeof(label)),
		"the address is that of %.120s", label);
}

/* No router passes on what is from or to these (RFC 1812 section 5.3.7, RFC 4291 section 2.5). */
static bool is_martian(const struct api_ip *ip)
{
	static const uint8_t loopback[16] = {[15] = 1}, mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (ip->family == 4)
		return ip->bytes[0] == 0 || ip->bytes[0] == 127;
	return !memcmp(ip->bytes, loopback, sizeof(loopback)) ||
	       !memcmp(ip->bytes, mapped, sizeof(mapped));
}

static int check_gateway(const struct tx *tx, const struct api_address *next, struct rpc_error *err)
{
	const struct object *at = model_find(OBJECT_ATTACHMENT, next->attachment), *slice;

	if (!at)
		return 0; /* the reference is refused by itself */
	slice = version_ref(at->now, OBJECT_SLICE);
	if (slice->now->data->slice.kind != SLICE_L3)
		return rpc_fail_value(
			err, "attachment", "an attachment of an l3 slice", next->attachment);
	if (!noun_ip_unicast(&next->prefix) || is_martian(&next->prefix) || next->prefix.len == 0)
		return noun_fail_ip(
			err, "prefix", "a unicast address and length", &next->prefix, true);
	if (!network_host(&next->prefix, next->prefix.len))
		return noun_fail_ip(err, "prefix",
			"a host's address, not its network's own or the broadcast address",
			&next->prefix, true);
	return check_edges(tx, slice, &next->prefix, err) ||
			       check_others(tx, slice, at, &next->prefix, err)
		       ? -1
		       : 0;
}

static int fail_in_use(struct rpc_error *err, const struct object *obj, uint32_t count,
	const char *what, const struct object *slice)
{
	char by[160];

	snprintf(by, sizeof(by), "%u %s%s of slice %s", count, what, count == 1 ? "" : "s",
		slice ? slice->key : "?");
	return noun_fail_in_use(err, obj, by);
}

static int check_port(const struct api_address *next, struct rpc_error *err)
{
	const struct object *taken;
	char untagged[NOUN_UNIQUE], label[160];

	if (!noun_ip_unicast(&next->prefix))
		return noun_fail_ip(
			err, "prefix", "a unicast address and length", &next->prefix, true);
	if (networks_on_ports >= LIMIT_UNDERLAY_ADDRESSES)
		return noun_fail_room(
			err, -ENOSPC, "ports hold at most %u addresses", LIMIT_UNDERLAY_ADDRESSES);
	snprintf(untagged, sizeof(untagged), "port %s untagged", next->port);
	taken = model_unique_holder(OBJECT_ATTACHMENT, untagged);
	if (!taken)
		return 0;
	return noun_fail_conflict(err, "port", model_label(taken, label, sizeof(label)),
		"the untagged traffic of port %s is a slice's: give %.100s a vlan, or "
		"another port",
		next->port, label);
}

static int address_check(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	const struct api_address *next = &change->data->address;

	if (!change_begins(change)) /* all of it is key: what differs is the kind of place */
		return noun_fail_place(err, change->obj);
	return next->attachment[0] ? check_gateway(tx, next, err) : check_port(next, err);
}

static void address_release(const struct change *change)
{
	if (version_ref(change->old, OBJECT_PORT))
		networks_on_ports--;
	else
		network_remove(change->obj->slice, &change->old->data->address.prefix);
}

static void address_restore(const struct change *change)
{
	const struct object *port = version_ref(change->old, OBJECT_PORT);
	const struct api_ip *prefix = &change->old->data->address.prefix;

	if (!port) {
		network_add(change->obj->slice, version_ref(change->old, OBJECT_ATTACHMENT)->id,
			prefix);
		return;
	}
	networks_on_ports++;
	if (!change->left_dry)
		port_tap_address(port->id, prefix, true, &change->obj->on_tap);
}

static int gateway_prepare(const struct change *change, struct rpc_error *err)
{
	const struct object *at = version_ref(change->next, OBJECT_ATTACHMENT);
	const struct api_ip *prefix = &change->data->address.prefix;
	uint16_t slice = version_ref(at->now, OBJECT_SLICE)->id;
	int rc = gateway_reserve(slice, prefix->family);

	change->obj->slice = slice;
	if (rc)
		return noun_fail_room(
			err, rc, "the routing tables hold at most %u entries", LIMIT_FIB_ROUTES);
	if (!network_add(slice, at->id, prefix))
		return 0;
	gateway_release(slice, prefix->family);
	return noun_fail_room(err, -ENOMEM, "", 0);
}

static int address_prepare(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	if (!version_ref(change->next, OBJECT_PORT))
		return gateway_prepare(change, err);
	networks_on_ports++;
	change->obj->on_tap = false;
	return 0;
}

static void address_undo(const struct change *change)
{
	const struct object *port = version_ref(change->next, OBJECT_PORT);
	const struct api_ip *prefix = &change->data->address.prefix;

	if (!port) {
		network_remove(change->obj->slice, prefix);
		gateway_release(change->obj->slice, prefix->family);
		return;
	}
	networks_on_ports--;
	if (!change->dry)
		port_tap_address(port->id, prefix, false, &change->obj->on_tap);
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

/* How many neighbours of the attachment are on this network of its, or were. */
static uint32_t neighbors_on(const struct object *at, uint16_t slice, const struct api_ip *prefix)
{
	const struct ref *ref;
	uint32_t count = 0;

	LIST_FOREACH (ref, &at->used_by, link) {
		const struct object *user = ref->from->owner;

		if (user->type->type == OBJECT_NEIGHBOR && user->slice == slice &&
			user->network_len == prefix->len &&
			api_ip_within(&ref->from->data->neighbor.address, prefix))
			count++;
	}
	return count;
}

/* Those that the network has lost with its last address, or because it is another attachment's by
 * now; what has moved there with it is in its place. */
static uint32_t neighbors_left(const struct object *at, uint16_t slice, const struct api_ip *prefix)
{
	const struct network *network = network_any(slice, prefix);

	if (!network || network->neighbors == 0)
		return 0;
	if (network->addresses == 0)
		return network->neighbors;
	return network->attachment == at->id ? 0 : neighbors_on(at, slice, prefix);
}

/* The address has gone, and with the last one its network: is anything left on it? */
static int settle_gone(const struct change *change, struct rpc_error *err)
{
	const struct api_ip *prefix = &change->old->data->address.prefix;
	const struct object *slice = model_by_id(OBJECT_SLICE, change->life.slice);
	const struct network *network = network_any(change->life.slice, prefix);
	const struct object *at = version_ref(change->old, OBJECT_ATTACHMENT);
	/* the id that it had: it may be made anew, too */
	uint16_t attachment = at->change ? at->change->life.id : at->id;
	uint32_t count;

	if (network && network->addresses > 0 && network->attachment == attachment)
		return 0;
	/* what has left the slice could do so since nothing was on it; what is now is the other's
	 */
	if (at->now->is_linked && at->id == attachment &&
		version_ref(at->now, OBJECT_SLICE)->id != change->life.slice)
		return 0;
	count = ways_stranded(change->life.slice, attachment, prefix);
	if (count)
		return fail_in_use(err, change->obj, count, "route next hop", slice);
	count = neighbors_left(at, change->life.slice, prefix);
	return count ? fail_in_use(err, change->obj, count, "neighbor object", slice) : 0;
}

static int address_settle(const struct change *change, struct rpc_error *err)
{
	const struct object *at =
		change->next ? version_ref(change->next, OBJECT_ATTACHMENT) : NULL;
	struct api_ip host, network;
	uint32_t routes;

	if (change->left && version_ref(change->old, OBJECT_ATTACHMENT) && settle_gone(change, err))
		return -1;
	if (!at)
		return 0;
	host = change->data->address.prefix;
	host.len = host.family == 4 ? 32 : 128;
	routes = ways_over(at->id, &host);
	if (routes)
		return fail_hop(err, version_ref(at->now, OBJECT_SLICE), routes);
	/* sessions may have left it by now */
	network = change->data->address.prefix;
	api_ip_mask(&network);
	return noun_session_check_free(err, change->obj->slice, &host, true) ||
			       noun_session_check_free(err, change->obj->slice, &network, true)
		       ? -1
		       : 0;
}

static void address_commit(
	struct object *obj, const struct version *old, const struct version *next)
{
	const struct version *version = next ? next : old;
	const struct object *port = version_ref(version, OBJECT_PORT);
	const struct object *at = version_ref(version, OBJECT_ATTACHMENT);
	const struct api_ip *prefix = &version->data->address.prefix;

	if (port && next) {
		underlay_address_set(port->id, prefix);
	} else if (port) {
		underlay_address_unset(port->id, prefix);
	} else if (next) {
		gateway_set(obj->slice, at->id, prefix);
		gateway_announce(obj->slice, prefix);
	} else {
		gateway_unset(obj->slice, at->id, prefix);
	}
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
