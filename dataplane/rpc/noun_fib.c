/* SPDX-License-Identifier: BSD-3-Clause */
/* route in the table of an l3 slice: staged per transaction and kept in the FIB alone. Owns
 * nothing but a step's use of its next hop until it is committed. */
#include "noun_fib.h"
#include "noun_session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fib.h"
#include "fib_ways.h"
#include "noun_gateway.h"

static struct object *near_slice;
static uint64_t near_op;

static struct object *find_slice(const struct tx *tx, const char *name)
{
	if (near_op != tx->op) {
		near_slice = NULL;
		ways_forget_names();
		near_op = tx->op;
	}
	if (!near_slice || strcmp(near_slice->key, name))
		near_slice = model_find(OBJECT_SLICE, name);
	return near_slice;
}

bool fib_has(const struct api_route *route)
{
	return strcmp(route->table, "underlay") != 0;
}

static bool network_prefix(const struct api_ip *prefix)
{
	struct api_ip network = *prefix;

	api_ip_mask(&network);
	return !memcmp(&network, prefix, sizeof(network));
}

uint32_t fib_route_staged(const struct tx *tx, uint16_t slice, const struct api_ip *prefix)
{
	struct place_key key = {slice, *prefix};
	const struct staged_route *state = keymap_find(&tx->routes, &key);

	return state ? state->nexthop : fib_route_get(slice, prefix);
}

/* The state of a route as this transaction sees it, in a place of the stage; NULL: no memory. */
static struct staged_route *stage_state(struct tx *tx, uint16_t slice, const struct api_ip *prefix)
{
	struct place_key key = {slice, *prefix};
	struct staged_route *state = keymap_find(&tx->routes, &key);

	if (state)
		return state;
	state = keymap_add(&tx->routes, &key);
	if (state)
		state->nexthop = fib_route_get(slice, prefix);
	return state;
}

/* ---- checks ---- */

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

static int fail_twice(
	const struct api_route *route, uint32_t first, uint32_t second, struct rpc_error *err)
{
	char text[64], with[32];

	api_ip_format(&route->prefix, true, text);
	snprintf(with, sizeof(with), "objects[%u]", first);
	return noun_fail_conflict(err, "", with, "objects[%u] and objects[%u] are both route %s %s",
		first, second, route->table, text);
}

/* ---- staging ---- */

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
	uint32_t next, struct tx_step *step, struct rpc_error *err)
{
	const struct api_ip *prefix = &state->key.ip;
	struct ways old_ways, new_ways;
	int rc = next ? fib_reserve(slice->id, prefix->family, 1) : 0;

	if (rc)
		return noun_fail_room(err, rc,
			"the routing tables hold at most %u entries of a family", LIMIT_FIB_ROUTES);
	ways_of(next, &new_ways);
	if (next && ways_take(slice, &new_ways)) {
		fib_release(slice->id, prefix->family, next ? 1 : 0);
		return noun_fail_room(err, -ENOMEM, "", 0);
	}
	ways_of(state->nexthop, &old_ways);
	if (state->nexthop)
		ways_give(slice, &old_ways);
	*step = (struct tx_step){.kind = TX_ROUTE, .route = {slice, *prefix, state->nexthop, next}};
	tx->count++;
	state->nexthop = next;
	return 0;
}

static int put_staged(struct tx *tx, struct object *slice, struct staged_route *state,
	const struct ways *ways, struct rpc_error *err)
{
	struct tx_step *step = tx_next_step(tx);
	bool there = state->nexthop != 0;
	uint32_t nexthop;
	int rc;

	if (!step)
		return noun_fail_room(err, -ENOMEM, "", 0);
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
	if (stage_step(tx, slice, state, nexthop, step, err)) {
		nexthop_drop(nexthop);
		return -1;
	}
	if (there)
		tx->updated++;
	else
		tx->created++;
	return 0;
}

int fib_put(struct tx *tx, const struct api_route *route, uint32_t index, struct rpc_error *err)
{
	struct object *slice = find_slice(tx, route->table);
	struct staged_route *state;
	struct ways ways;

	if (check_slice(slice, route->table, err) || noun_check_prefix(&route->prefix, err) ||
		ways_check(slice, route, &ways, err) || check_own(slice, &route->prefix, err))
		return -1;
	state = stage_state(tx, slice->id, &route->prefix);
	if (!state)
		return noun_fail_room(err, -ENOMEM, "", 0);
	if (state->op == tx->op)
		return fail_twice(route, state->index, index, err);
	state->op = tx->op;
	state->index = index;
	return put_staged(tx, slice, state, &ways, err);
}

int fib_delete(struct tx *tx, const struct api_route *route, struct rpc_error *err)
{
	struct object *slice = find_slice(tx, route->table);
	struct staged_route *state;
	struct tx_step *step;

	if (!slice || !network_prefix(&route->prefix))
		return 1;
	state = stage_state(tx, slice->id, &route->prefix);
	step = tx_next_step(tx);
	if (!state || !step)
		return noun_fail_room(err, -ENOMEM, "", 0);
	if (!state->nexthop)
		return 1;
	tx->deleted++;
	return stage_step(tx, slice, state, 0, step, err);
}

void fib_commit(const struct tx_route *step)
{
	if (step->next)
		fib_route_set(step->slice->id, &step->prefix, step->next);
	else
		fib_route_unset(step->slice->id, &step->prefix);
}

void fib_rollback(const struct tx_route *step)
{
	struct ways ways;

	near_op = 0; /* what is near may be about to go */
	near_slice = NULL;
	ways_forget_names();
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

bool fib_describe(
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

int fib_get(const struct api_route *key, struct api_route *out)
{
	const struct object *slice = model_find(OBJECT_SLICE, key->table);
	uint32_t nexthop;

	if (!slice || !network_prefix(&key->prefix))
		return -1;
	nexthop = fib_route_get(slice->id, &key->prefix);
	return nexthop && fib_describe(slice->id, &key->prefix, nexthop, out) ? 0 : -1;
}
