/* SPDX-License-Identifier: BSD-3-Clause */
/* GET /v1/counters: what the collector read, with rates. A tenant sees its slices and attachments.
 * One session's counters are asked from the dataplane as they are wanted: there may be hundreds of
 * thousands. Owns nothing but such questions. */
#include "observe_private.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"

static bool of_tenants(const char *type)
{
	return !strcmp(type, "slice") || !strcmp(type, "attachment");
}

static bool may_see(const struct actor *actor, const char *type, const char *key)
{
	if (view_whole(actor))
		return true;
	return of_tenants(type) && actor_sees(actor, measure_tenant(measure_owner(type, key)));
}

/* {counter: {total, rate}}; levels have a value and no rate. */
static json_t *with_rates(const char *type, const char *key, const json_t *counters)
{
	json_t *all = json_object(), *value, *one;
	const char *counter;

	json_object_foreach ((json_t *)counters, counter, value) {
		if (measure_is_level(type, counter)) {
			one = json_pack("{s:O}", "value", value);
		} else {
			one = json_pack("{s:O, s:f}", "total", value, "rate",
				collector_rate(control.collector, type, key, counter));
		}
		json_object_set_new(all, counter, one);
	}
	return all;
}

/* The first object behind `after`, which may be gone by now: keys come in the dataplane's order,
 * which is that of strcmp. */
static void *first_after(json_t *stats, const char *after)
{
	void *at;

	if (!after)
		return json_object_iter(stats);
	at = json_object_iter_at(stats, after);
	if (at)
		return json_object_iter_next(stats, at);
	for (at = json_object_iter(stats); at; at = json_object_iter_next(stats, at))
		if (strcmp(json_object_iter_key(at), after) > 0)
			break;
	return at;
}

/* At most limit objects of a type; *next: the key to go on after, or NULL. */
static json_t *page_of(const struct actor *actor, const char *type, const char *after,
	json_int_t limit, const char **next)
{
	json_t *stats = (json_t *)collector_stats(control.collector, type);
	json_t *all = json_object();
	const char *last = NULL;

	*next = NULL;
	for (void *at = stats ? first_after(stats, after) : NULL; at;
		at = json_object_iter_next(stats, at)) {
		const char *key = json_object_iter_key(at);

		if (!may_see(actor, type, key))
			continue;
		if (!limit--) {
			*next = last;
			break;
		}
		json_object_set_new(all, key, with_rates(type, key, json_object_iter_value(at)));
		last = key;
	}
	return all;
}

static json_t *answer_new(json_t *counters)
{
	return json_pack("{s:I, s:s, s:o}", "at_us", (json_int_t)collector_at_us(control.collector),
		"dataplane", view_dataplane(), "counters", counters);
}

static void reply_page(struct request *r, const char *type)
{
	const char *after = request_query(r, "after"), *next;
	json_t *counters = json_object(), *answer, *nexts = json_object();
	int64_t limit = request_number(r, "limit");

	for (size_t i = 0; i < COLLECTOR_STATS; i++) {
		if ((type && strcmp(type, collector_types[i])) ||
			(!view_whole(request_actor(r)) && !of_tenants(collector_types[i])))
			continue;
		json_object_set_new(counters, collector_types[i],
			page_of(request_actor(r), collector_types[i], type ? after : NULL, limit,
				&next));
		if (next)
			json_object_set_new(nexts, collector_types[i], json_string(next));
	}
	answer = answer_new(counters);
	if (json_object_size(nexts))
		json_object_set(answer, "next", nexts);
	json_decref(nexts);
	reply_json(r, 200, answer);
}

static void reply_one(struct request *r, const char *type, const char *key)
{
	const json_t *one = json_object_get(collector_stats(control.collector, type), key);

	if (!one || !may_see(request_actor(r), type, key)) {
		reply_problem(r, 404, "there are no counters of %s %s", type, key);
		return;
	}
	reply_json(
		r, 200, answer_new(json_pack("{s:{s:o}}", type, key, with_rates(type, key, one))));
}

/* ---- one session ---- */

struct wait {
	struct request *r; /* NULL: the client has gone */
};

static void wait_gone(void *arg)
{
	((struct wait *)arg)->r = NULL;
}

static void session_answer(const json_t *result, const json_t *error, void *arg)
{
	struct wait *wait = arg;
	const json_t *message = json_object_get(error, "message");

	if (wait->r && result)
		reply_json(wait->r, 200,
			json_pack("{s:I, s:s, s:{s:O}}", "at_us", (json_int_t)clock_wall_us(),
				"dataplane", view_dataplane(), "counters", "session",
				json_object_get(result, "objects")));
	else if (wait->r && error)
		reply_problem(wait->r, 404, "%s",
			message ? json_string_value(message) : "the dataplane does not know it");
	else if (wait->r)
		reply_problem(wait->r, 503, "the dataplane went away; try again later");
	free(wait);
}

static void reply_session(struct request *r, const char *key)
{
	const struct intent *intent = world_find(control.world, INTENT_SESSION, key);
	struct wait *wait;

	if (!view_whole(request_actor(r)) &&
		!(intent && actor_sees(request_actor(r), intent->tenant))) {
		reply_problem(r, 404, "there are no counters of session %s", key);
		return;
	}
	wait = xcalloc(1, sizeof(*wait));
	if (dataplane_call(control.dataplane, "stats",
		    json_pack("{s:s, s:[s]}", "type", "session", "keys", key), session_answer,
		    wait)) {
		free(wait);
		reply_problem(r, 503, "the dataplane is %s; try again later", view_dataplane());
		return;
	}
	wait->r = r;
	request_on_gone(r, wait_gone, wait);
}

static void get_counters(struct request *r)
{
	const char *type = request_query(r, "type"), *key = request_query(r, "key");

	if (!type && (key || request_query(r, "after"))) {
		reply_problem(r, 400, "key and after need a type");
		return;
	}
	if (type && !strcmp(type, "session") && !key)
		reply_problem(r, 400, "key: name the session, there may be very many");
	else if (type && !strcmp(type, "session"))
		reply_session(r, key);
	else if (key)
		reply_one(r, type, key);
	else
		reply_page(r, type);
}

static const struct route_query counter_query[] = {
	{"type", "of one type only", .kind = QUERY_WORD, .words = collector_types},
	{"key", "of one object only; needs type", .kind = QUERY_TEXT},
	{"limit", "at most so many objects of each type", .kind = QUERY_NUMBER, .min = 1,
		.max = 10000, .preset = 1000},
	{"after", "go on behind this key (next of the answer before); needs type",
		.kind = QUERY_TEXT},
	{NULL},
};

const struct route observe_counter_routes[] = {
	{"GET", "/v1/counters", get_counters, ROLE_VIEWER, "getCounters",
		"Counters of the dataplane with their rates a second. Tenants: their slices, "
		"attachments "
		"and sessions.",
		"visibility", .query = counter_query},
	{NULL},
};
