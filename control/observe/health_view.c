/* SPDX-License-Identifier: BSD-3-Clause */
/* GET /v1/health, and events health.changed: after each reading of the collector all is looked at
 * again, a millisecond at a time, and what is another word than before is told. A word that a
 * change of intents may give for a moment (pending, not_synced) is told when it stays. Owns the
 * last report and what was told. */
#include <errno.h>
#include <string.h>

#include "bus.h"
#include "clock.h"
#include "health.h"
#include "making.h"
#include "observe.h"

#define BIT_US	  1000
#define SHARE	  20 /* looking takes at most one part in so many of the time */
#define TOLD_MOST 32 /* events of one look; what is beyond is told as a number */
#define SENT_US	  100000

static struct event *timer;
static struct health_walk *walk, *last;
static uint64_t cost_us, ended_us;
static json_t *told, *before; /* {id: entry}: what was told; what the look before found */
static bool again;
static struct reply_cache cache;
static struct making *coming;

void health_show(json_t *into, bool is_well, const struct health *health)
{
	json_object_set_new(into, "health", json_string(health->word));
	if (!is_well)
		json_object_set_new(into, "health_text", json_string(health->text));
}

/* ---- events ---- */

static const char *word_of(const json_t *entry)
{
	return entry ? json_string_value(json_object_get(entry, "health")) : "well";
}

static bool is_transient(const char *word)
{
	return !strcmp(word, "pending") || !strcmp(word, "not_synced");
}

static void tell(const json_t *entry, const char *from, const char *to, size_t *changes)
{
	const char *tenant = json_string_value(json_object_get(entry, "tenant"));
	bool is_well = !strcmp(to, "well");

	if (++*changes > TOLD_MOST)
		return;
	bus_publish(is_well ? LOG_INFO_ : LOG_WARN_, "health.changed", tenant,
		json_pack("{s:O, s:O, s:s, s:s, s:O*}", "kind", json_object_get(entry, "kind"),
			"name", json_object_get(entry, "name"), "from", from, "to", to, "text",
			is_well ? NULL : json_object_get(entry, "text")));
}

static void tell_changes(json_t *found)
{
	json_t *entry, *next = json_object();
	size_t changes = 0;
	const char *id;

	json_object_foreach (found, id, entry) {
		json_t *old = json_object_get(told, id);
		const char *word = word_of(entry);
		bool stays = !strcmp(word, word_of(json_object_get(before, id)));

		if (strcmp(word, word_of(old)) && is_transient(word) && !stays) {
			if (old)
				json_object_set(next, id, old);
			continue;
		}
		if (strcmp(word, word_of(old)))
			tell(entry, word_of(old), word, &changes);
		json_object_set(next, id, entry);
	}
	json_object_foreach (told, id, entry)
		if (!json_object_get(found, id))
			tell(entry, word_of(entry), "well", &changes);
	if (changes > TOLD_MOST)
		bus_publish(LOG_WARN_, "health.changed", "",
			json_pack("{s:I}", "more", (json_int_t)(changes - TOLD_MOST)));
	json_decref(told);
	told = next;
	json_decref(before);
	before = json_incref(found);
}

/* ---- looking ---- */

static void look_end(void)
{
	health_walk_free(last);
	last = walk;
	walk = NULL;
	ended_us = clock_mono_us();
	tell_changes(health_walk_report(last)->noted);
	if (again)
		health_look();
}

static void look_on(evutil_socket_t fd, short what, void *arg)
{
	struct timeval soon = {0, BIT_US};
	uint64_t begun_us = clock_cpu_us();
	bool more = true;

	while (more && clock_cpu_us() - begun_us < BIT_US)
		for (int i = 0; i < 32 && more; i++)
			more = health_walk_step(walk);
	cost_us += clock_cpu_us() - begun_us;
	if (more)
		evtimer_add(timer, &soon);
	else
		look_end();
}

void health_look(void)
{
	static const struct actor box = {.role = ROLE_ADMIN};

	again = walk != NULL;
	if (walk || !timer || clock_mono_us() - ended_us < cost_us * SHARE)
		return;
	cost_us = 0;
	walk = health_walk_new(&box);
	if (walk)
		look_on(-1, 0, NULL);
}

const struct health_report *health_last(void)
{
	return last ? health_walk_report(last) : NULL;
}

int health_start(void)
{
	timer = evtimer_new(control.base, look_on, NULL);
	told = json_object();
	before = json_object();
	return timer ? 0 : -ENOMEM;
}

void health_stop(void)
{
	if (timer)
		event_free(timer);
	timer = NULL;
	health_walk_free(walk);
	health_walk_free(last);
	walk = last = NULL;
	json_decref(told);
	json_decref(before);
	told = before = NULL;
	cost_us = ended_us = 0;
	reply_cache_free(&cache);
	health_walk_stop();
}

/* ---- GET /v1/health ---- */

static bool view_step(void *state, struct text *out)
{
	const struct health_report *report = health_walk_report(state);
	json_t *body;

	if (health_walk_step(state))
		return true;
	body = json_pack("{s:s, s:b, s:s, s:s, s:I, s:O, s:O, s:I, s:O}", "health",
		report->wrong ? report->word : "well", "well", !report->wrong, "text", report->text,
		"site", control.site, "at_us", (json_int_t)control_now_us(), "counts",
		report->counts, "not_well", report->not_well, "more",
		(json_int_t)(report->wrong - json_array_size(report->not_well)), "notes",
		report->notes);
	text_add_json(out, body);
	json_decref(body);
	return false;
}

static void view_free(void *state)
{
	health_walk_free(state);
}

static void view_keep(struct shared_text *text, uint64_t made_cost_us)
{
	reply_cache_set(&cache, text, made_cost_us);
}

static const struct making_kind of_all = {
	"application/json", view_step, view_keep, NULL, view_free};
static const struct making_kind of_tenant = {"application/json", view_step, NULL, NULL, view_free};

static void get_health(struct request *r)
{
	bool whole = view_whole(request_actor(r));
	struct health_walk *w;

	if (whole && reply_cached(r, &cache, SENT_US))
		return;
	if (whole && coming) {
		making_join(r, coming);
		return;
	}
	w = health_walk_new(request_actor(r));
	if (!w)
		reply_no_memory(r);
	else
		making_begin(r, whole ? &of_all : &of_tenant, w, whole ? &coming : NULL);
}

const struct route observe_health_routes[] = {
	{"GET", "/v1/health", get_health, ROLE_VIEWER, "getHealth",
		"Would a packet pass? \"well\", or what is not and why: box, ports, tunnels, GTP-U "
		"peers, and the intents of this site; notes say what is to be seen to all the "
		"same. Tenants: of what is theirs. At most a tenth "
		"of a second old, or what twenty times its making takes; ports and tunnels are "
		"read from the dataplane every two seconds.",
		.tag = "visibility"},
	{NULL},
};
