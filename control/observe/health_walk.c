/* SPDX-License-Identifier: BSD-3-Clause */
/* Over all that has a health, one object at a time: who waits for the loop waits for one.
 *
 * GET /v1/health, and events health.changed: after each reading of the collector all is looked at
 * again, a millisecond at a time, and what is another word than before is told. A word that a
 * change of intents may give for a moment (pending, not_synced) is told when it stays. Owns the
 * facts of now, the last report and what was told. */
#include "observe_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "bus.h"
#include "clock.h"
#include "making.h"
#include "mirror_link.h"

/* ---- all there is, one object at a time ---- */

#define FACTS_US   500000 /* what the kernel lacks is asked for again */
#define CAUSES	   5	  /* named in a report's text */
#define SAID_FIRST 300	  /* of the first of them, which may say what to do about it */
#define SAID_SHORT 90	  /* of each other */

/* ---- facts ---- */

static struct health_facts facts_now;
static json_t *judged; /* the peers that facts_now.peers_bad is of; held */
static uint64_t gaps_us;

static void add_gap(const char *slice, const char *said, void *arg)
{
	json_object_set_new(arg, slice, json_string(said));
}

#define INDICATED_MOST 4096 /* sessions; of others it is not known */

static json_t *indicated;

void health_indicated(const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "session"));
	const struct intent *session =
		name ? world_find(control.world, INTENT_SESSION, name) : NULL;

	if (!indicated)
		indicated = json_object();
	if (!session || (json_object_size(indicated) >= INDICATED_MOST &&
				!json_object_get(indicated, name)))
		return;
	json_object_set_new(indicated, name,
		json_pack("{s:O?, s:O?, s:I}", "teid", json_object_get(event, "teid"), "peer",
			json_object_get(event, "peer"), "revision", (json_int_t)session->revision));
}

/* Those that are about a session that has gone or become another leave room. */
static void indicated_sweep(void)
{
	const struct intent *session;
	const char *name;
	json_t *said;
	void *next;

	json_object_foreach_safe (indicated, next, name, said) {
		session = world_find(control.world, INTENT_SESSION, name);
		if (!session || (uint64_t)json_integer_value(json_object_get(said, "revision")) !=
					session->revision)
			json_object_del(indicated, name);
	}
}

const struct health_facts *health_facts_now(void)
{
	struct mirror_counters mirror = {.ready = true};
	uint64_t us = clock_mono_us();
	const json_t *peers = collector_objects(control.collector, "peer");

	facts_now.ports = collector_objects(control.collector, "port");
	facts_now.tunnels = collector_objects(control.collector, "tunnel");
	facts_now.peers = peers;
	if (!facts_now.peers_bad || judged != peers) {
		json_decref(judged);
		judged = json_incref((json_t *)peers);
		health_facts_judge(&facts_now);
	}
	facts_now.world = control.world;
	facts_now.indicated = indicated;
	facts_now.site = control.site;
	facts_now.dataplane = view_dataplane();
	facts_now.why = dataplane_why(control.dataplane);
	view_reconciler(&facts_now.reconciler);
	if (control.mirror)
		mirror_link_counters(control.mirror, &mirror);
	facts_now.mirror_waits = !mirror.ready;
	facts_now.mirror_why = control.mirror ? mirror_link_why(control.mirror) : NULL;
	if (control.mirror && (!facts_now.gaps || us - gaps_us > FACTS_US)) {
		json_decref(facts_now.gaps);
		facts_now.gaps = json_object();
		mirror_link_gaps(control.mirror, add_gap, facts_now.gaps);
		gaps_us = us;
	}
	return &facts_now;
}

/* ---- one walk ---- */

enum { PHASE_BOX, PHASE_PORTS, PHASE_TUNNELS, PHASE_PEERS, PHASE_INTENTS };

struct health_walk {
	struct health_report report;
	struct actor actor;
	bool whole;
	int phase; /* PHASE_INTENTS and more: a type of intents each */
	api_name after;
	char key[192];	  /* the port, tunnel or peer that was last */
	json_t *affected; /* {KIND: not well because of another} */
};

/* Of what the actor may see. */
static struct health_walk *health_walk_new(const struct actor *actor)
{
	struct health_walk *w = xcalloc(1, sizeof(*w));

	w->actor = *actor;
	w->whole = view_whole(actor);
	w->report.not_well = json_array();
	w->report.notes = json_array();
	w->report.counts = json_object();
	w->report.sessions = json_object();
	w->report.noted = json_object();
	w->affected = json_object();
	return w;
}

static void health_walk_free(struct health_walk *w)
{
	if (!w)
		return;
	json_decref(w->report.not_well);
	json_decref(w->report.notes);
	json_decref(w->report.counts);
	json_decref(w->report.sessions);
	json_decref(w->report.noted);
	json_decref(w->affected);
	free(w);
}

static void add_one(json_t *counts, const char *name)
{
	json_int_t count = json_integer_value(json_object_get(counts, name));

	json_object_set_new(counts, name, json_integer(count + 1));
}

static void count(struct health_walk *w, const char *kind, bool is_well)
{
	json_t *counts = json_object_get(w->report.counts, kind);

	if (!counts) {
		counts = json_pack("{s:i, s:i}", "well", 0, "not_well", 0);
		json_object_set_new(w->report.counts, kind, counts);
	}
	add_one(counts, is_well ? "well" : "not_well");
}

static void say_cause(struct health_report *report, const struct health *health)
{
	size_t used = strlen(report->text);

	if (!report->causes)
		snprintf(report->word, sizeof(report->word), "%s", health->word);
	if (report->causes++ < CAUSES && used < sizeof(report->text))
		snprintf(report->text + used, sizeof(report->text) - used, "%s%.*s",
			used ? "; " : "", used ? SAID_SHORT : SAID_FIRST, health->text);
}

static void take(struct health_walk *w, const char *kind, const char *name, const char *tenant,
	bool is_well, const struct health *health)
{
	struct health_report *report = &w->report;
	json_t *entry;
	char id[320];

	if (is_well && !strcmp(health->word, "elsewhere"))
		return;
	count(w, kind, is_well);
	if (is_well)
		return;
	report->wrong++;
	/* what else a tenant's rests on, it is not told of */
	if (health->cause[0] && (w->whole || !strncmp(health->cause, "box:", 4)))
		add_one(w->affected, kind);
	else
		say_cause(report, health);
	if (json_array_size(report->not_well) >= HEALTH_LISTED &&
		json_object_size(report->noted) >= HEALTH_NOTED)
		return;
	entry = json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s*}", "kind", kind, "name", name, "health",
		health->word, "text", health->text, "because",
		health->cause[0] ? health->cause : NULL, "tenant", tenant[0] ? tenant : NULL);
	if (json_array_size(report->not_well) < HEALTH_LISTED)
		json_array_append(report->not_well, entry);
	snprintf(id, sizeof(id), "%s:%s", kind, name);
	if (strcmp(kind, "host") && strcmp(kind, "session") &&
		json_object_size(report->noted) < HEALTH_NOTED)
		json_object_set(report->noted, id, entry);
	json_decref(entry);
}

/* ---- what the dataplane lists ---- */

static void note_port(struct health_walk *w, const struct health_facts *facts)
{
	const json_t *warning = json_object_get(json_object_get(facts->ports, w->key), "warning");

	if (warning)
		json_array_append_new(w->report.notes, json_pack("{s:s, s:s, s:O}", "kind", "port",
							       "name", w->key, "text", warning));
}

static bool next_listed(struct health_walk *w, const struct health_facts *facts)
{
	static const struct {
		const char *kind;
		bool (*judge)(const struct health_facts *, const char *, struct health *);
	} kinds[] = {
		[PHASE_PORTS] = {"port", health_port},
		[PHASE_TUNNELS] = {"tunnel", health_tunnel},
		[PHASE_PEERS] = {"peer", health_peer},
	};
	json_t *list = (json_t *)(w->phase == PHASE_PORTS     ? facts->ports
				  : w->phase == PHASE_TUNNELS ? facts->tunnels
							      : facts->peers);
	void *at = json_object_iter(list);
	struct health health;
	bool is_well;

	/* the lists may be others than those before: then this one is begun anew, uncounted */
	if (w->key[0])
		at = json_object_iter_next(list, json_object_iter_at(list, w->key));
	if (!at)
		return false;
	snprintf(w->key, sizeof(w->key), "%s", json_object_iter_key(at));
	is_well = kinds[w->phase].judge(facts, w->key, &health);
	take(w, kinds[w->phase].kind, w->key, "", is_well, &health);
	if (w->phase == PHASE_PORTS)
		note_port(w, facts);
	return true;
}

/* ---- intents ---- */

static void count_session(struct health_walk *w, const struct intent *intent, bool is_well)
{
	const struct api_session *session = &intent->obj->session.session;
	json_t *counts = json_object_get(w->report.sessions, session->slice);

	if (!counts) {
		counts = json_pack("{s:s, s:i, s:i, s:i}", "tenant", intent->tenant, "sessions", 0,
			"not_well", 0, "ues", 0);
		json_object_set_new(w->report.sessions, session->slice, counts);
	}
	add_one(counts, "sessions");
	if (!is_well)
		add_one(counts, "not_well");
	if (session->ue.ipv4.family || session->ue.ipv6.family)
		add_one(counts, "ues");
}

static bool next_intent(struct health_walk *w, const struct health_facts *facts)
{
	enum intent_type type = w->phase - PHASE_INTENTS;
	const struct intent *intent = world_after(control.world, type, w->after);
	struct health health;
	bool is_well;

	if (!intent)
		return false;
	strcpy(w->after, intent->name);
	if (!w->whole && (type == INTENT_SITE || type == INTENT_WAN ||
				 !actor_sees(&w->actor, intent->tenant)))
		return true;
	is_well = health_intent(facts, intent, &health);
	take(w, intent_kind(type), intent->name, intent->tenant, is_well, &health);
	if (type == INTENT_SESSION && strcmp(health.word, "elsewhere"))
		count_session(w, intent, is_well);
	return true;
}

static void say_affected(struct health_walk *w)
{
	struct health_report *report = &w->report;
	size_t used = strlen(report->text);
	const char *kind, *between = "; affected: ";
	json_t *number;

	if (report->wrong) /* the box is well when all of it is, as its word says */
		json_object_set_new(
			report->counts, "box", json_pack("{s:i, s:i}", "well", 0, "not_well", 1));
	if (report->wrong && !report->causes) { /* what it rests on is not listed (yet) */
		const json_t *first = json_array_get(report->not_well, 0);

		snprintf(report->word, sizeof(report->word), "%s",
			json_string_value(json_object_get(first, "health")));
		used = snprintf(report->text, sizeof(report->text), "%s",
			json_string_value(json_object_get(first, "text")));
	}
	if (report->causes > CAUSES && used < sizeof(report->text))
		used += snprintf(report->text + used, sizeof(report->text) - used, "; %zu more",
			report->causes - CAUSES);
	json_object_foreach (w->affected, kind, number) {
		if (used >= sizeof(report->text))
			break;
		used += snprintf(report->text + used, sizeof(report->text) - used, "%s%lld %s%s",
			between, (long long)json_integer_value(number), kind,
			json_integer_value(number) > 1 ? "s" : "");
		between = ", ";
	}
}

/* False: it is whole. */
static bool health_walk_step(struct health_walk *w)
{
	const struct health_facts *facts = health_facts_now();
	struct health health;
	bool more = false;

	if (w->phase == PHASE_BOX) {
		bool is_well =
			w->whole ? health_box(facts, &health) : health_dataplane(facts, &health);

		take(w, "box", control.site, "", is_well, &health);
		if (!w->whole)
			w->phase = PHASE_INTENTS - 1;
	} else if (w->phase < PHASE_INTENTS) {
		more = next_listed(w, facts);
	} else {
		more = next_intent(w, facts);
	}
	if (more)
		return true;
	w->after[0] = w->key[0] = '\0';
	if (++w->phase < PHASE_INTENTS + INTENT_TYPES)
		return true;
	say_affected(w);
	return false;
}

/* ---- told and answered ---- */

#define PAUSE_US  1000
#define SHARE	  20 /* looking takes at most one part in so many of the time */
#define TOLD_MOST 32 /* events of one look; what is beyond is told as a number */
#define SENT_US	  100000

uint64_t health_bit_us = 1000;

static struct event *timer;
static struct health_walk *walk, *last;
static uint64_t cost_us, ended_us;
static json_t *told, *before; /* {id: entry}: what was told; what the look before found */
static bool again;
static struct reply_cache cache;

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
	indicated_sweep();
	health_walk_free(last);
	last = walk;
	walk = NULL;
	ended_us = clock_mono_us();
	tell_changes(last->report.noted);
	if (again)
		health_look();
}

static void look_on(evutil_socket_t fd, short what, void *arg)
{
	struct timeval soon = {0, PAUSE_US};
	uint64_t begun_us = clock_cpu_us();
	bool more = true;

	while (more && clock_cpu_us() - begun_us < health_bit_us)
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
	look_on(-1, 0, NULL);
}

const struct health_report *health_last(void)
{
	return last ? &last->report : NULL;
}

void health_start(void)
{
	timer = evtimer_new(control.base, look_on, NULL);
	told = json_object();
	before = json_object();
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
	json_decref(indicated);
	indicated = NULL;
	cost_us = ended_us = 0;
	reply_cache_free(&cache);
	health_facts_clear(&facts_now);
	json_decref(judged);
	judged = NULL;
}

/* ---- GET /v1/health ---- */

static bool view_step(void *state, struct text *out)
{
	const struct health_report *report = &((struct health_walk *)state)->report;
	json_t *body;

	if (health_walk_step(state))
		return true;
	body = json_pack("{s:s, s:b, s:s, s:s, s:I, s:O, s:O, s:I, s:O}", "health",
		report->wrong ? report->word : "well", "well", !report->wrong, "text", report->text,
		"site", control.site, "at_us", (json_int_t)clock_wall_us(), "counts",
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

static void get_health(struct request *r)
{
	static const struct making_kind kind = {
		"application/json", .step = view_step, .free = view_free};
	bool whole = view_whole(request_actor(r));

	if (!whole || !reply_cached(r, &cache, SENT_US))
		making_begin(r, &kind, health_walk_new(request_actor(r)), whole ? &cache : NULL);
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
