/* SPDX-License-Identifier: BSD-3-Clause */
/* stats, drops and drops.help: everything that counts. */
#include <stdio.h>
#include <string.h>

#include "box.h"
#include "client.h"
#include "attachment_tap.h"
#include "fdb.h"
#include "fib.h"
#include "hold_count.h"
#include "methods.h"
#include "neighbor.h"
#include "nexthop.h"
#include "nouns.h"
#include "params.h"
#include "slice.h"

#define STAT_STAGES    64
#define STATS_PAGE_MAX 100000

/* Is this one of the keys asked for? All are when there is no list. */
static bool asked(const json_t *keys, const char *key)
{
	size_t index;
	json_t *one;

	if (!keys)
		return true;
	json_array_foreach (keys, index, one)
		if (json_is_string(one) && !strcmp(json_string_value(one), key))
			return true;
	return false;
}

static void stats_workers(const json_t *keys, json_t *out)
{
	for (uint32_t i = 0; i < box_workers(); i++) {
		struct worker_counters counters = {0};
		char key[32];

		snprintf(key, sizeof(key), "worker%u", i);
		if (!asked(keys, key))
			continue;
		box_worker_read(i, &counters);
		json_object_set_new(out, key,
			json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "loops",
				(json_int_t)counters.loops, "idle_loops",
				(json_int_t)counters.idle_loops, "naps", (json_int_t)counters.naps,
				"packets", (json_int_t)counters.packets, "busy_cycles",
				(json_int_t)counters.busy_cycles, "cpu", (json_int_t)counters.cpu));
	}
}

static void stats_stages(const json_t *keys, json_t *out)
{
	struct stage_sample samples[STAT_STAGES];

	for (uint32_t i = 0; i < box_workers(); i++) {
		uint32_t count = box_stages_read(i, samples, STAT_STAGES);

		for (uint32_t j = 0; j < count; j++) {
			const struct stage_sample *sample = &samples[j];
			char key[80];

			snprintf(key, sizeof(key), "worker%u/%s", i, sample->stage);
			if (!asked(keys, key))
				continue;
			json_object_set_new(out, key,
				json_pack("{s:I, s:I, s:f}", "packets", (json_int_t)sample->packets,
					"cycles", (json_int_t)sample->cycles, "cycles_per_packet",
					sample->packets ? (double)sample->cycles / sample->packets
							: 0.0));
		}
	}
}

static void stats_box(const json_t *keys, json_t *out)
{
	struct box_counters box = {0};
	struct tap_counters taps;
	json_t *one;

	if (!asked(keys, "box"))
		return;
	box_counters_read(&box);
	one = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "replicated",
		(json_int_t)box.replicated, "merged", (json_int_t)box.merged, "punted",
		(json_int_t)box.punted, "from_kernel", (json_int_t)box.from_kernel, "learn_lost",
		(json_int_t)box.learn_lost, "learn_refused", (json_int_t)fdb_learn_refused(),
		"events_lost", (json_int_t)(box.events_lost + client_events_lost()));
	attachment_taps_counters_read(&taps);
	json_object_set_new(one, "tap_rx_packets", json_integer(taps.rx_packets));
	json_object_set_new(one, "tap_tx_packets", json_integer(taps.tx_packets));
	json_object_set_new(one, "originated", json_integer(box.originated));
	json_object_set_new(one, "announced", json_integer(box.announced));
	json_object_set_new(one, "answered", json_integer(box.answered));
	json_object_set_new(one, "held", json_integer(hold_total()));
	json_object_set_new(one, "errors_held", json_integer(box.errors_held));
	json_object_set_new(one, "hosts_lost", json_integer(box.hosts_lost));
	json_object_set_new(one, "hosts_refused", json_integer(neighbor_refused()));
	json_object_set_new(one, "hosts", json_integer(neighbor_count()));
	json_object_set_new(one, "macs", json_integer(fdb_count()));
	json_object_set_new(one, "mac_table_bytes", json_integer(fdb_memory_bytes()));
	json_object_set_new(one, "routes", json_integer(fib_routes()));
	json_object_set_new(one, "nexthops", json_integer(nexthop_count()));
	json_object_set_new(one, "route_table_bytes", json_integer(fib_memory_bytes()));
	json_object_set_new(one, "connections", json_integer(client_count()));
	json_object_set_new(out, "box", one);
}

static void stats_one(const struct object *obj, json_t *out)
{
	json_t *counters = json_object();

	nouns[obj->type->type]->stats(obj, counters);
	json_object_set_new(out, obj->key, counters);
}

/* What is asked for: some keys, or a page of all. */
struct stats_query {
	const json_t *keys; /* NULL: all */
	const char *cursor; /* the last key of the page before; NULL: from the first */
	json_int_t limit;   /* of objects of the model; 0: none */
	const char *next;   /* the last key of this page, where there are more */
};

static void stats_page(const struct api_type *type, struct stats_query *query, json_t *out)
{
	struct object *obj = model_after(type->type, query->cursor ? query->cursor : "");
	const char *last = NULL;

	for (json_int_t n = 0; obj; obj = model_next(obj), n++) {
		if (query->limit && n == query->limit) {
			query->next = last;
			return;
		}
		stats_one(obj, out);
		last = obj->key;
	}
}

static int stats_objects(
	const struct api_type *type, struct stats_query *query, json_t *out, struct rpc_error *err)
{
	char key[API_KEY_BYTES], got[100], path[32];
	union api_object ignored;
	struct object *obj;
	size_t index;
	json_t *json;

	if (!query->keys)
		stats_page(type, query, out);
	json_array_foreach (query->keys, index, json) {
		snprintf(path, sizeof(path), "keys[%zu]", index);
		if (!json_is_string(json))
			return rpc_fail_value(
				err, path, "a key: text", api_show(json, got, sizeof(got)));
		if (api_key_parse(type, json_string_value(json), path, key, &ignored, err))
			return -1;
		obj = model_find(type->type, key);
		if (!obj) {
			rpc_fail(err, RPC_ERR_NOT_FOUND, "there is no %s %s", type->name, key);
			strcpy(err->path, path);
			snprintf(err->got, sizeof(err->got), "%.159s", key);
			return -1;
		}
		stats_one(obj, out);
	}
	return 0;
}

static const struct {
	const char *name;
	void (*add)(const json_t *keys, json_t *out);
} extras[] = {{"worker", stats_workers}, {"stage", stats_stages}, {"box", stats_box}};

static int stats_of(const char *name, struct stats_query *query, json_t *out, struct rpc_error *err)
{
	const struct api_type *type = api_type_find(name);
	char got[80];

	for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
		if (strcmp(extras[i].name, name))
			continue;
		extras[i].add(query->keys, out);
		return 0;
	}
	if (type && backends[type->type] && backends[type->type]->stats)
		return backends[type->type]->stats(query->keys, out, err);
	if (type && nouns[type->type] && nouns[type->type]->stats)
		return stats_objects(type, query, out, err);
	return rpc_fail_value(err, "type",
		"port, slice, attachment, tunnel, meter, session, worker, stage or box",
		printable(name, got, sizeof(got)));
}

METHOD(method_stats)
{
	const char *type;
	struct stats_query query = {0};
	json_t *objects;

	if (param_text(params, "type", true, &type, err) ||
		param_array(params, "keys", false, &query.keys, err) ||
		param_int(params, "limit", 1, STATS_PAGE_MAX, 0, &query.limit, err) ||
		param_text(params, "cursor", false, &query.cursor, err))
		return -1;
	objects = json_object();
	if (stats_of(type, &query, objects, err)) {
		json_decref(objects);
		return -1;
	}
	*result = json_pack(
		"{s:s, s:o, s:s*}", "type", type, "objects", objects, "cursor", query.next);
	return 0;
}

METHOD(method_drops)
{
	uint64_t drops[DROP_REASONS] = {0};
	unsigned reasons = DROP_REASONS;
	struct object *slice;
	bool all;

	if (param_object(params, "slice", OBJECT_SLICE, &slice, err) ||
		param_bool(params, "all", &all, err))
		return -1;
	if (slice) {
		reasons = DROP_SLICE_REASONS;
		slice_drops_read(slice->id, drops);
	} else {
		box_drops_read(drops);
	}
	*result = json_object();
	for (unsigned i = 0; i < reasons; i++)
		if (drop_info[i].name && (all || drops[i]))
			json_object_set_new(*result, drop_info[i].name, json_integer(drops[i]));
	return 0;
}

METHOD(method_drops_help)
{
	*result = json_object();
	for (unsigned i = 0; i < DROP_REASONS; i++)
		if (drop_info[i].name)
			json_object_set_new(
				*result, drop_info[i].name, json_string(drop_info[i].help));
	return 0;
}
