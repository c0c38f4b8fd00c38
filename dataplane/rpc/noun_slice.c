/* SPDX-License-Identifier: BSD-3-Clause */
/* slice: a private network. Its id is pipelines/state/slice.h's. */
#include "nouns.h"

#include <stdio.h>
#include <string.h>

#include "fib.h"
#include "gateway.h"
#include "port.h"
#include "slice.h"

static void slice_unique(const union api_object *data, char *text)
{
	snprintf(text, NOUN_UNIQUE, "vni %u", data->slice.vni);
}

static int slice_check(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	static const struct api_mac_addr none;
	const struct api_slice *next = &change->data->slice;
	const struct object *obj = change_begins(change) ? NULL : change->obj;

	if (next->kind == SLICE_L3 && next->suppress)
		return rpc_fail_value(err, "suppress",
			"false: an l3 slice floods nothing, and answers for its gateways anyway",
			"true");
	if (next->kind == SLICE_L3 && !next->tunnel_learning)
		return rpc_fail_value(err, "tunnel_learning",
			"true: an l3 slice learns no MACs from tunnels anyway", "false");
	if (memcmp(&next->mac, &none, sizeof(none)) && !noun_mac_unicast(&next->mac))
		return noun_fail_mac(err, "mac", &next->mac);
	if (!strcmp(next->name, "underlay"))
		return rpc_fail_value(err, "name",
			"a name other than \"underlay\", which is a route table", next->name);
	if (next->guarantee_bps > 0 && next->guarantee_bps < GUARANTEE_MIN_BPS) {
		char got[32];

		snprintf(got, sizeof(got), "%llu", (unsigned long long)next->guarantee_bps);
		return rpc_fail_value(err, "guarantee_bps", "0, or 1000 and more", got);
	}
	if (obj && next->max_macs < obj->macs) {
		rpc_fail(err, RPC_ERR_CAPACITY, "slice %s has %u static mac objects, more than %u",
			obj->key, obj->macs, next->max_macs);
		snprintf(err->path, sizeof(err->path), "max_macs");
		err->limit = next->max_macs;
		return -1;
	}
	return 0;
}

static int slice_prepare(const struct tx *tx, const struct change *change, struct rpc_error *err)
{
	if (change_begins(change))
		slice_mac_set(change->obj->id, &change->data->slice);
	return 0;
}

/* A guarantee that is left out is the committed rate of the slice's meter. */
static uint64_t slice_guarantee(const struct version *version)
{
	uint64_t bps = version->data->slice.guarantee_bps;

	if (bps == GUARANTEE_METER)
		bps = noun_meter_cir(POLICE_SLICE, version);
	return bps >= GUARANTEE_MIN_BPS ? bps : 0;
}

void noun_slice_meter_changed(const struct object *slice)
{
	const struct version *now = slice->now;

	slice_share_set(slice->id, now->data->slice.weight, slice_guarantee(now));
}

static void slice_change(const struct object *obj, const struct api_slice *cfg, bool fresh)
{
	struct api_mac_addr was, is;

	slice_gateway_mac(obj->id, &was);
	slice_set(obj->id, cfg);
	slice_gateway_mac(obj->id, &is);
	if (!fresh && cfg->kind == SLICE_L3 && memcmp(&was, &is, sizeof(was)) != 0)
		gateway_announce(obj->id, NULL);
}

static void slice_commit(struct object *obj, const struct version *old, const struct version *next)
{
	noun_meter_commit(POLICE_SLICE, obj, old, next);
	if (next) {
		slice_share_set(obj->id, next->data->slice.weight, slice_guarantee(next));
		slice_change(obj, &next->data->slice, !old);
		noun_tap_slice(obj);
	} else {
		slice_unset(obj->id);
	}
}

static void slice_answer(const struct object *obj, union api_object *copy)
{
	copy->slice.static_macs = obj->macs;
	copy->slice.routes = fib_slice_routes(obj->id);
}

static void slice_stats(const struct object *obj, json_t *out)
{
	struct counters counters = {0};

	slice_counters_read(obj->id, &counters);
	noun_counters(&counters, out);
	noun_meter_stats(POLICE_SLICE, obj, "meter_", out);
	struct shaper_counters shaper;

	if (port_class_read(obj->id, &shaper))
		noun_shaper(&shaper, out);
}

const struct noun noun_slice = {
	.unique_field = "vni",
	.unique = slice_unique,
	.check = slice_check,
	.id_reserve = slice_reserve,
	.id_release = slice_release,
	.prepare = slice_prepare,
	.commit = slice_commit,
	.answer = slice_answer,
	.stats = slice_stats,
};
