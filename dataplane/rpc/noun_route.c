/* SPDX-License-Identifier: BSD-3-Clause */
/* route: of table "underlay" an object of the model, of an l3 slice staged per transaction and kept
 * in the FIB alone. Owns the use of its next hop of what is not committed yet, and the counts of
 * routes in slice, attachment and member objects, which keep those from being deleted. */
#include "nouns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fib.h"
#include "networks.h"
#include "port.h"

struct ways {
	struct l3_via via[LIMIT_ROUTE_VIA];
	uint32_t count;
};

/* ---- checks ---- */

static bool is_network(const struct api_ip *prefix)
{
	struct api_ip network = *prefix;

	api_ip_mask(&network);
	return !memcmp(&network, prefix, sizeof(network));
}

static int check_prefix(const struct api_ip *prefix, struct rpc_error *err)
{
	struct api_ip network = *prefix;
	char want[96], text[64];

	if (!is_network(prefix)) {
		api_ip_mask(&network);
		api_ip_format(&network, true, text);
		snprintf(want, sizeof(want), "%s (host bits zero)", text);
		return noun_fail_ip(err, "prefix", want, prefix, true);
	}
	if (prefix->family == 4 ? prefix->bytes[0] >= 224 : prefix->bytes[0] == 0xff)
		return noun_fail_ip(err, "prefix", "a unicast prefix", prefix, true);
	return 0;
}

static int check_address(const struct api_ip *address, uint8_t family, struct rpc_error *err)
{
	if (address->family != family)
		return noun_fail_ip(err, "address",
			family == 4 ? "an IPv4 address" : "an IPv6 address", address, false);
	if (!noun_ip_unicast(address))
		return noun_fail_ip(err, "address", "a unicast address", address, false);
	return 0;
}

static bool has_mac(const struct api_via *via)
{
	static const struct api_mac_addr none;

	return memcmp(&via->mac, &none, sizeof(none)) != 0;
}

static int check_port(const struct api_via *via, uint8_t family, struct rpc_error *err)
{
	const struct api_ip *address = &via->address;

	if (via->tunnel[0])
		return rpc_fail_value(err, "tunnel",
			"address or port: the underlay is what carries tunnels", via->tunnel);
	if (via->attachment[0])
		return rpc_fail_value(err, "attachment",
			"address or port: attachments are for the routes of slices",
			via->attachment);
	if (has_mac(via))
		return rpc_fail_value(err, "mac",
			"nothing: the MAC of an underlay next hop is put as neighbor",
			"a MAC address");
	if (!address->family)
		return 0;
	if (check_address(address, family, err))
		return -1;
	if (family == 6 && address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80 &&
		!via->port[0])
		return rpc_fail_value(err, "port", "the port of a link-local next hop", "nothing");
	return 0;
}

/* A next hop is a host on a network of its attachment, and not the switch itself. */
static int check_hop(const struct object *slice, const struct object *at,
	const struct api_ip *address, struct rpc_error *err)
{
	const struct network *network;

	if (ways_over(at->id, address))
		return 0; /* another route has it: it was checked, and its network cannot go */
	network = network_of(slice->id, at->id, address);
	if (!network || !network_host(address, network->key.ip.len))
		return noun_fail_ip(err, "address",
			"a host's address on a network of the attachment (put its address first)",
			address, false);
	if (gateway_holder(slice, address))
		return noun_fail_ip(
			err, "address", "another address than the switch's own", address, false);
	return 0;
}

static int check_attachment(const struct object *slice, const struct api_via *via, uint8_t family,
	struct l3_via *out, struct rpc_error *err)
{
	const struct object *at = model_find(OBJECT_ATTACHMENT, via->attachment);

	if (!at)
		return noun_fail_missing(err, "attachment", OBJECT_ATTACHMENT, via->attachment);
	if (version_ref(at->now, OBJECT_SLICE) != slice)
		return rpc_fail_value(
			err, "attachment", "an attachment of the same slice", via->attachment);
	if (has_mac(via))
		return rpc_fail_value(err, "mac",
			"nothing: by an attachment the MAC is found by ARP or ND, or put as "
			"neighbor",
			"a MAC address");
	out->attachment = at->id;
	if (!via->address.family)
		return 0;
	return check_address(&via->address, family, err) || check_hop(slice, at, &via->address, err)
		       ? -1
		       : 0;
}

static int check_tunnel(const struct object *slice, const struct api_via *via, uint8_t family,
	struct l3_via *out, struct rpc_error *err)
{
	const struct object *tunnel = model_find(OBJECT_TUNNEL, via->tunnel);

	if (!tunnel)
		return noun_fail_missing(err, "tunnel", OBJECT_TUNNEL, via->tunnel);
	if (!noun_member_of(slice, tunnel))
		return noun_fail_no_member(err, slice->key, via->tunnel);
	if (has_mac(via) && !noun_mac_unicast(&via->mac))
		return noun_fail_mac(err, "mac", &via->mac);
	out->tunnel = tunnel->id;
	out->mac = via->mac;
	return via->address.family ? check_address(&via->address, family, err) : 0;
}

static int check_one(const struct object *slice, const struct api_via *via, uint8_t family,
	struct l3_via *out, struct rpc_error *err)
{
	memset(out, 0, sizeof(*out));
	out->address = via->address;
	out->weight = via->weight;
	if (!slice)
		return check_port(via, family, err);
	if (via->port[0])
		return rpc_fail_value(err, "port",
			"attachment or tunnel: a slice's routes do not leave by the underlay",
			via->port);
	if (!via->attachment[0] == !via->tunnel[0])
		return rpc_fail_value(err, "", "exactly one of attachment and tunnel",
			via->tunnel[0] ? "both" : "none");
	return via->tunnel[0] ? check_tunnel(slice, via, family, out, err)
			      : check_attachment(slice, via, family, out, err);
}

/* By a tunnel the MAC is the next hop and its address a remark. */
static bool same_way(const struct api_via *a, const struct api_via *b)
{
	if (strcmp(a->attachment, b->attachment) || strcmp(a->tunnel, b->tunnel) ||
		strcmp(a->port, b->port))
		return false;
	return a->tunnel[0] ? !memcmp(&a->mac, &b->mac, sizeof(a->mac))
			    : !memcmp(&a->address, &b->address, sizeof(a->address));
}

static int fail_same_way(uint32_t first, uint32_t second, struct rpc_error *err)
{
	char with[32];

	snprintf(with, sizeof(with), "via[%u]", first);
	noun_fail_conflict(err, "", with, "via[%u] and via[%u] are the same next hop; use weight",
		first, second);
	snprintf(err->path, sizeof(err->path), "via[%u]", second);
	return -1;
}

/* via → ways, with ids for names but for those of ports. slice NULL: of the underlay. 0, or -1 with
 * err (path is "via[1].address"). */
static int ways_check(const struct object *slice, const struct api_route *route, struct ways *out,
	struct rpc_error *err)
{
	out->count = route->via_count;
	for (uint32_t i = 0; i < route->via_count; i++) {
		if (check_one(slice, &route->via[i], route->prefix.family, &out->via[i], err)) {
			rpc_error_prefix(err, "via[%u]", i);
			return -1;
		}
		for (uint32_t j = 0; j < i; j++)
			if (same_way(&route->via[i], &route->via[j]))
				return fail_same_way(j, i, err);
	}
	return 0;
}

/* ==== of the underlay ==== */

static int route_check(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	const struct api_route *route = &change->data->route;
	struct ways ways;

	return check_prefix(&route->prefix, err) || ways_check(NULL, route, &ways, err) ? -1 : 0;
}

static int route_prepare(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	const struct api_route *route = &change->data->route;
	struct l3_via via[LIMIT_ROUTE_VIA];
	uint32_t ref = 0;
	int rc = fib_reserve(VRF_UNDERLAY, route->prefix.family, 1);

	if (rc)
		return noun_fail_room(
			err, rc, "the underlay holds at most %u routes of a family", LIMIT_ROUTES);
	memset(via, 0, sizeof(via));
	for (uint32_t i = 0; i < route->via_count; i++) {
		via[i].address = route->via[i].address;
		via[i].weight = route->via[i].weight;
		/* ports are all it refers to: one ref for each that is given */
		via[i].port = route->via[i].port[0] ? change->next->refs[ref++].to->id : PORT_NONE;
	}
	rc = nexthop_take(VRF_UNDERLAY, via, route->via_count, &change->obj->nexthop);
	if (!rc)
		return 0;
	fib_release(VRF_UNDERLAY, route->prefix.family, 1);
	return noun_fail_room(
		err, rc, "a box holds at most %u different next hops", LIMIT_NEXTHOPS);
}

static void route_undo(const struct change *change)
{
	nexthop_drop(change->obj->nexthop);
	fib_release(VRF_UNDERLAY, change->data->route.prefix.family, 1);
}

static void route_commit(struct object *obj, const struct version *old, const struct version *next)
{
	if (next)
		fib_route_set(VRF_UNDERLAY, &next->data->route.prefix, obj->nexthop);
	else
		fib_route_unset(VRF_UNDERLAY, &old->data->route.prefix);
}

const struct noun noun_route = {
	.check = route_check,
	.prepare = route_prepare,
	.undo = route_undo,
	.commit = route_commit,
};

/* ==== of l3 slices ==== */

/* What the transaction has said so far about a route. */
struct staged_route {
	struct place_key key; /* slice, prefix */
	struct tx_place put;
	uint32_t nexthop; /* 0 = not there */
};

/* Indices of next hops, 0 = no route. Owns one use of `next`. */
struct route_step {
	struct object *slice;
	struct api_ip prefix;
	uint32_t old, next;
};

static bool route_is_row(const json_t *json)
{
	const char *table = json_string_value(json_object_get(json, "table"));

	return table && strcmp(table, "underlay") != 0;
}

/* ---- who is counted as named by them ---- */

/* What keeps a way: its attachment, or the slice's membership of its tunnel. */
static struct object *keeper(const struct object *slice, const struct l3_via *via)
{
	struct object *tunnel;

	if (via->attachment)
		return model_by_id(OBJECT_ATTACHMENT, via->attachment);
	tunnel = model_by_id(OBJECT_TUNNEL, via->tunnel);
	return tunnel ? noun_member_of_any(slice, tunnel) : NULL;
}

static void count(struct object *slice, const struct ways *ways, int by)
{
	for (uint32_t i = 0; i < ways->count; i++) {
		struct object *one = keeper(slice, &ways->via[i]);
		uint32_t j;

		/* a route counts once at each, however many of its ways go there */
		for (j = 0; j < i && keeper(slice, &ways->via[j]) != one; j++)
			;
		if (one && j == i)
			one->routes += by;
	}
	/* one that only drops is kept by nothing else */
	if (!ways->count)
		slice->routes += by;
}

static int ways_take(struct object *slice, const struct ways *ways)
{
	int rc = ways_hold(ways->via, ways->count);

	if (rc == 0)
		count(slice, ways, 1);
	return rc;
}

static void ways_give(struct object *slice, const struct ways *ways)
{
	count(slice, ways, -1);
	ways_release(ways->via, ways->count);
}

/* ---- staging ---- */

uint32_t fib_route_staged(const struct tx *tx, uint16_t slice, const struct api_ip *prefix)
{
	struct place_key key = {slice, *prefix};
	const struct staged_route *state = keymap_find(&tx->rows[OBJECT_ROUTE].staged, &key);

	return state ? state->nexthop : fib_route_get(slice, prefix);
}

/* The state of a route as this transaction sees it, in a place of the stage; NULL: no memory. */
static struct staged_route *stage_state(struct tx *tx, uint16_t slice, const struct api_ip *prefix)
{
	struct place_key key = {slice, *prefix};
	struct staged_route *state = keymap_find(&tx->rows[OBJECT_ROUTE].staged, &key);

	if (state)
		return state;
	state = keymap_add(&tx->rows[OBJECT_ROUTE].staged, &key);
	if (state)
		state->nexthop = fib_route_get(slice, prefix);
	return state;
}

static int check_slice(const struct object *slice, const char *name, struct rpc_error *err)
{
	if (!slice) {
		noun_fail_missing(err, "table", OBJECT_SLICE, name);
		snprintf(err->want, sizeof(err->want), "\"underlay\" or the name of a slice");
		return -1;
	}
	if (slice->now->data->slice.kind != SLICE_L3)
		return rpc_fail_value(err, "table", "\"underlay\" or an l3 slice", name);
	return 0;
}

/* What is the switch's own cannot be a route as well. */
static int check_own(const struct object *slice, const struct api_ip *prefix, struct rpc_error *err)
{
	const struct network *network = network_find(slice->id, prefix);
	bool host = prefix->len == (prefix->family == 4 ? 32 : 128);
	const struct object *own = NULL;
	char label[160];

	if (!network && host)
		network = network_reserving(slice->id, prefix);
	if (network)
		own = model_by_id(OBJECT_ATTACHMENT, network->attachment);
	else if (host)
		own = gateway_holder(slice, prefix);
	if (!own)
		return noun_session_check_free(err, slice->id, prefix, false);
	return noun_fail_conflict(err, "prefix", model_label(own, label, sizeof(label)),
		"the prefix is %s %.120s",
		network ? "the network on" : "the gateway's own:", label);
}

static void ways_of(uint32_t nexthop, struct ways *out)
{
	out->count = nexthop ? nexthop_ways(nexthop, out->via) : 0;
}

/* The next hop of these ways. One that only drops is its route's alone: is this one's so already,
 * nothing is to be done (1). */
static int take(const struct object *slice, const struct ways *ways, uint32_t there, uint32_t *out)
{
	struct ways has;

	if (ways->count)
		return nexthop_take(slice->id, ways->via, ways->count, out);
	if (there && !nexthop_ways(there, has.via))
		return 1;
	return nexthop_take_discard(slice->id, out);
}

/* Logs old → new; takes over the use of `new` when it succeeds. The log has room for it. */
static int stage_step(struct tx *tx, struct object *slice, struct staged_route *state,
	uint32_t next, struct rpc_error *err)
{
	struct route_step step = {slice, state->key.ip, state->nexthop, next};
	const struct api_ip *prefix = &state->key.ip;
	struct ways old_ways, new_ways;
	int rc = next ? fib_reserve(slice->id, prefix->family, 1) : 0;

	if (rc)
		return noun_fail_room(err, rc,
			"the routing tables hold at most %u entries of a family", LIMIT_FIB_ROUTES);
	ways_of(next, &new_ways);
	if (next && ways_take(slice, &new_ways)) {
		fib_release(slice->id, prefix->family, 1);
		return noun_fail_room(err, -ENOMEM, "", 0);
	}
	ways_of(state->nexthop, &old_ways);
	if (state->nexthop)
		ways_give(slice, &old_ways);
	tx_step_add(tx, OBJECT_ROUTE, &step);
	state->nexthop = next;
	return 0;
}

static int put_staged(struct tx *tx, struct object *slice, struct staged_route *state,
	const struct ways *ways, struct rpc_error *err)
{
	bool there = state->nexthop != 0;
	uint32_t nexthop;
	int rc;

	if (tx_step_room(tx, OBJECT_ROUTE, err))
		return -1;
	rc = take(slice, ways, state->nexthop, &nexthop);
	if (rc > 0) {
		tx->unchanged++;
		return 0;
	}
	if (rc)
		return noun_fail_room(
			err, rc, "a box holds at most %u different next hops", LIMIT_NEXTHOPS);
	if (nexthop == state->nexthop) {
		nexthop_drop(nexthop);
		tx->unchanged++;
		return 0;
	}
	if (stage_step(tx, slice, state, nexthop, err)) {
		nexthop_drop(nexthop);
		return -1;
	}
	if (there)
		tx->updated++;
	else
		tx->created++;
	return 0;
}

static int route_put(struct tx *tx, union api_object *data, uint32_t index, struct rpc_error *err)
{
	const struct api_route *route = &data->route;
	struct object *slice = model_find(OBJECT_SLICE, route->table);
	struct staged_route *state;
	struct ways ways;

	if (check_slice(slice, route->table, err) || check_prefix(&route->prefix, err) ||
		ways_check(slice, route, &ways, err) || check_own(slice, &route->prefix, err))
		return -1;
	state = stage_state(tx, slice->id, &route->prefix);
	if (!state)
		return noun_fail_room(err, -ENOMEM, "", 0);
	if (tx_put_once(tx, &state->put, index, &api_types[OBJECT_ROUTE], data, err))
		return -1;
	return put_staged(tx, slice, state, &ways, err);
}

static int route_remove(struct tx *tx, const union api_object *key, struct rpc_error *err)
{
	struct object *slice = model_find(OBJECT_SLICE, key->route.table);
	struct staged_route *state;

	if (!slice || !is_network(&key->route.prefix))
		return 1;
	state = stage_state(tx, slice->id, &key->route.prefix);
	if (!state)
		return noun_fail_room(err, -ENOMEM, "", 0);
	if (!state->nexthop)
		return 1;
	if (tx_step_room(tx, OBJECT_ROUTE, err))
		return -1;
	tx->deleted++;
	return stage_step(tx, slice, state, 0, err);
}

static void rows_commit(const void *steps, size_t count)
{
	for (const struct route_step *step = steps; count-- > 0; step++) {
		if (step->next)
			fib_route_set(step->slice->id, &step->prefix, step->next);
		else
			fib_route_unset(step->slice->id, &step->prefix);
	}
}

static void route_rollback(const void *log)
{
	const struct route_step *step = log;
	struct ways ways;

	ways_of(step->old, &ways);
	if (step->old)
		ways_take(step->slice, &ways);
	ways_of(step->next, &ways);
	if (step->next)
		ways_give(step->slice, &ways);
	if (!step->next)
		return;
	nexthop_drop(step->next);
	fib_release(step->slice->id, step->prefix.family, 1);
}

static int route_check_unused(struct rpc_error *err, const struct object *obj)
{
	const struct object *slice = version_ref(obj->now, OBJECT_SLICE);
	char by[160];

	if (!obj->routes)
		return 0;
	snprintf(by, sizeof(by), "%u route%s of slice %s", obj->routes, obj->routes == 1 ? "" : "s",
		slice ? slice->key : obj->key);
	return noun_fail_in_use(err, obj, by);
}

/* ---- answers ---- */

static void describe_via(const struct l3_via *via, struct api_via *out)
{
	const struct object *at = model_by_id(OBJECT_ATTACHMENT, via->attachment);
	const struct object *tunnel = model_by_id(OBJECT_TUNNEL, via->tunnel);

	memset(out, 0, sizeof(*out));
	out->address = via->address;
	out->mac = via->mac;
	out->weight = via->weight;
	if (via->attachment && at)
		strcpy(out->attachment, at->key);
	if (via->tunnel && tunnel)
		strcpy(out->tunnel, tunnel->key);
}

/* false when its slice is just gone. */
static bool describe(
	uint16_t slice, const struct api_ip *prefix, uint32_t nexthop, struct api_route *out)
{
	const struct object *table = model_by_id(OBJECT_SLICE, slice);
	struct ways ways;

	if (!table)
		return false;
	ways_of(nexthop, &ways);
	memset(out, 0, offsetof(struct api_route, via));
	strcpy(out->table, table->key);
	out->prefix = *prefix;
	out->via_count = ways.count;
	for (uint32_t i = 0; i < ways.count; i++)
		describe_via(&ways.via[i], &out->via[i]);
	return true;
}

static int route_find(const union api_object *key, union api_object *out)
{
	const struct object *slice = model_find(OBJECT_SLICE, key->route.table);
	uint32_t nexthop;

	if (!slice || !is_network(&key->route.prefix))
		return -1;
	nexthop = fib_route_get(slice->id, &key->route.prefix);
	return nexthop && describe(slice->id, &key->route.prefix, nexthop, &out->route) ? 0 : -1;
}

static bool prefix_match(const struct page *page, struct api_ip *out)
{
	const char *text = match_text(page, "prefix");

	return text && !api_ip_parse(text, true, out);
}

/* One prefix of one slice is looked up rather than looked for. */
static uint32_t routes_iterate(const struct page *page, const struct row_list *list,
	uint64_t *cursor, void *entries, uint32_t max)
{
	const char *table = match_text(page, "table");
	const struct object *slice = table ? model_find(OBJECT_SLICE, table) : NULL;
	uint8_t family = list->tag == '4' ? 4 : 6;
	struct fib_entry *entry = entries;
	struct api_ip prefix;
	bool one = prefix_match(page, &prefix);
	bool none = (table && !slice) || (one && prefix.family != family);

	if (!none && (!slice || !one))
		return fib_page(family, slice ? slice->id : 0, cursor, entries, max);
	memset(cursor, 0, FIB_CURSOR_WORDS * sizeof(*cursor));
	if (none)
		return 0;
	*entry =
		(struct fib_entry){slice->id, prefix, fib_route_get(slice->id, &prefix), FIB_ROUTE};
	return entry->nexthop ? 1 : 0;
}

static bool routes_describe(const struct page *page, const void *entry, union api_object *out)
{
	const struct fib_entry *route = entry;
	struct api_ip prefix;

	if (route->owner != FIB_ROUTE ||
		(prefix_match(page, &prefix) && memcmp(&prefix, &route->prefix, sizeof(prefix))))
		return false;
	return describe(route->slice, &route->prefix, route->nexthop, &out->route);
}

static const struct row_list route_lists[] = {
	{'4', routes_iterate, sizeof(struct fib_entry), routes_describe},
	{'6', routes_iterate, sizeof(struct fib_entry), routes_describe},
	{.iterate = NULL},
};
_Static_assert(sizeof(struct fib_entry) <= STORE_ENTRY, "an entry fits");
_Static_assert(FIB_CURSOR_WORDS <= STORE_CURSOR_WORDS, "a cursor fits");

const struct backend route_backend = {
	.key_bytes = sizeof(struct place_key),
	.staged_bytes = sizeof(struct staged_route),
	.step_bytes = sizeof(struct route_step),
	.is_row = route_is_row,
	.find = route_find,
	.put = route_put,
	.remove = route_remove,
	.commit = rows_commit,
	.rollback = route_rollback,
	.check_unused = route_check_unused,
	.lists = route_lists,
};
