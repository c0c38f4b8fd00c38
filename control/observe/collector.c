/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the dataplane's counters from a timer. Owns two readings. All questions of a round are
 * sent at once, and the round counts only when every answer has come. */
#include "collector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"

#define PERIOD_US  1000000  /* between two rounds, when they are cheap */
#define LONGEST_US 60000000 /* and at most */
#define OBJECTS_US 2000000  /* between two lists of ports and tunnels */
#define SHARE	   20	    /* a round may take one part in so many of the time */

const char *const collector_types[] = {"port", "slice", "attachment", "tunnel", "meter", "box",
	"worker", "stage", "session", NULL};
#define STATS COLLECTOR_STATS
/* "peer" is no type of objects: the table of GTP-U peers, with the state of their paths */
static const char *const object_types[] = {"port", "tunnel", "peer"};
#define OBJECTS (sizeof(object_types) / sizeof(object_types[0]))
enum { SLOT_DROPS = STATS, SLOT_OBJECTS, SLOT_PEERS = SLOT_OBJECTS + 2, SLOTS };
#define PEERS_MAX  10000 /* entries of one answer of table.read */
#define STATS_PAGE 500	 /* objects of one answer of stats: the loop reads it in one turn */

struct reading {
	json_t *slot[SLOTS]; /* stats by type, drops, objects by type; NULL: not read */
	int64_t at_us;	     /* since 1970 */
	uint64_t mono_us;
};

struct collector {
	struct event *timer;
	struct dataplane *dp;
	struct reading now, before, coming;
	json_t *objects[OBJECTS]; /* they are not read in each round */
	uint64_t objects_us;	  /* when, monotonic */
	uint64_t round;		  /* answers to an older one are passed over */
	uint64_t instance;	  /* of the dataplane whose readings these are */
	uint32_t waiting;	  /* answers of this round that have not come */
	uint32_t calls;		  /* answers of all rounds, likewise: they hold the collector */
	bool failed;		  /* the round lacks an answer */
	bool stopped;
	uint64_t took_us; /* the last round that has ended */
	void (*read)(const struct collector *c);
};

struct call {
	struct collector *c;
	uint64_t round;
	uint32_t slot;
};

static void reading_clear(struct reading *reading)
{
	for (size_t i = 0; i < SLOTS; i++)
		json_decref(reading->slot[i]);
	memset(reading, 0, sizeof(*reading));
}

static void collector_free(struct collector *c)
{
	reading_clear(&c->now);
	reading_clear(&c->before);
	reading_clear(&c->coming);
	for (size_t i = 0; i < OBJECTS; i++)
		json_decref(c->objects[i]);
	free(c);
}

static void again(struct collector *c, uint64_t us)
{
	struct timeval wait = {us / 1000000, us % 1000000};

	evtimer_add(c->timer, &wait);
}

static uint64_t pause_us(const struct collector *c, uint64_t cost_us)
{
	uint64_t us = cost_us * (SHARE - 1);

	if (us > LONGEST_US)
		us = LONGEST_US;
	if (us + c->took_us >= PERIOD_US)
		return us;
	return PERIOD_US - c->took_us;
}

static void take_objects(struct collector *c)
{
	for (size_t i = 0; i < OBJECTS; i++) {
		json_t *list = c->coming.slot[SLOT_OBJECTS + i];

		if (!list)
			continue;
		json_decref(c->objects[i]);
		c->objects[i] = list;
		c->coming.slot[SLOT_OBJECTS + i] = NULL;
		c->objects_us = c->coming.mono_us;
	}
}

static void round_end(struct collector *c)
{
	uint64_t took_us = clock_mono_us() - c->coming.mono_us;

	/* the shorter one of two: the other has waited for a dataplane that was silent or busy */
	uint64_t cost_us = took_us < c->took_us ? took_us : c->took_us;

	c->took_us = took_us;
	if (c->failed) {
		reading_clear(&c->coming);
	} else {
		take_objects(c);
		reading_clear(&c->before);
		c->before = c->now;
		c->now = c->coming;
		memset(&c->coming, 0, sizeof(c->coming));
		if (c->read)
			c->read(c);
	}
	again(c, pause_us(c, cost_us));
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* A list by its names; peers have none, but an address and a GTP-U end. */
static json_t *by_key(const json_t *list)
{
	json_t *out = json_object(), *one;
	char key[192];
	size_t i;

	json_array_foreach ((json_t *)list, i, one) {
		const json_t *match = json_object_get(one, "match");

		snprintf(key, sizeof(key), "%.64s %.64s", text_of(match, "gtpu"),
			text_of(match, "peer"));
		json_object_set(out, match ? key : text_of(one, "name"), one);
	}
	return out;
}

/* The part of an answer that is kept: new, or NULL when it has another form. */
static json_t *part_of(uint32_t slot, const json_t *result)
{
	json_t *part = (json_t *)result;

	if (slot == SLOT_PEERS)
		part = json_object_get(result, "entries");
	else if (slot != SLOT_DROPS)
		part = json_object_get(result, "objects");
	if (slot >= SLOT_OBJECTS)
		return json_is_array(part) ? by_key(part) : NULL;
	return json_is_object(part) ? json_incref(part) : NULL;
}

static int ask(struct collector *c, uint32_t slot, const char *cursor);

/* Of what is told by pages the first is kept, and the others are added to it. */
static bool keep_part(json_t **slot, json_t *part)
{
	bool kept = part && (!*slot || !json_object_update(*slot, part));

	if (*slot)
		json_decref(part);
	else
		*slot = part;
	return kept;
}

static void take_part(struct collector *c, uint32_t slot, const json_t *result)
{
	const char *cursor = json_string_value(json_object_get(result, "cursor"));

	if (!keep_part(&c->coming.slot[slot], result ? part_of(slot, result) : NULL) ||
		(slot < STATS && cursor && ask(c, slot, cursor)))
		c->failed = true;
}

static void answered(const json_t *result, const json_t *error, void *arg)
{
	struct call call = *(struct call *)arg;
	struct collector *c = call.c;

	free(arg);
	c->calls--;
	if (c->stopped) {
		if (!c->calls)
			collector_free(c);
		return;
	}
	if (call.round != c->round)
		return;
	take_part(c, call.slot, result);
	if (!--c->waiting)
		round_end(c);
}

/* cursor: of the page before; NULL: the first. */
static int ask(struct collector *c, uint32_t slot, const char *cursor)
{
	struct call *call = xmalloc(sizeof(*call));
	int rc;

	*call = (struct call){c, c->round, slot};
	if (slot < STATS)
		rc = dataplane_call(c->dp, "stats",
			json_pack("{s:s, s:i, s:s*}", "type", collector_types[slot], "limit",
				STATS_PAGE, "cursor", cursor),
			answered, call);
	else if (slot == SLOT_DROPS)
		rc = dataplane_call(c->dp, "drops", NULL, answered, call);
	else if (slot == SLOT_PEERS)
		rc = dataplane_call(c->dp, "table.read",
			json_pack("{s:s, s:i}", "table", "tunnel_peers", "limit", PEERS_MAX),
			answered, call);
	else
		rc = dataplane_list(c->dp, object_types[slot - SLOT_OBJECTS], answered, call);
	if (rc) {
		free(call);
		return rc;
	}
	c->calls++;
	c->waiting++;
	return 0;
}

static void round_begin(evutil_socket_t fd, short what, void *arg)
{
	struct collector *c = arg;
	uint32_t slots = SLOTS;

	if (dataplane_state(c->dp) != DATAPLANE_UP)
		return; /* on_change begins again */
	reading_clear(&c->coming);
	c->round++;
	c->waiting = 0;
	c->failed = false;
	c->coming.at_us = clock_wall_us();
	c->coming.mono_us = clock_mono_us();
	if (c->objects[0] && c->coming.mono_us - c->objects_us < OBJECTS_US - PERIOD_US / 10)
		slots = SLOT_OBJECTS;
	for (uint32_t slot = 0; slot < slots; slot++)
		if (ask(c, slot, NULL))
			c->failed = true;
	if (!c->waiting)
		again(c, PERIOD_US);
}

/* Another dataplane counts from nothing: what the one before counted says nothing about it. */
static void changed(enum dataplane_state state, uint64_t instance, void *arg)
{
	struct collector *c = arg;

	if (c->stopped)
		return;
	c->round++; /* what is on its way belongs to the connection that has gone */
	c->took_us = 0;
	evtimer_del(c->timer);
	if (state != DATAPLANE_UP)
		return;
	if (instance != c->instance) {
		reading_clear(&c->now);
		reading_clear(&c->before);
		for (size_t i = 0; i < OBJECTS; i++) {
			json_decref(c->objects[i]);
			c->objects[i] = NULL;
		}
	}
	c->instance = instance;
	again(c, 0);
}

struct collector *collector_start(struct event_base *base, struct dataplane *dp)
{
	struct collector *c = xcalloc(1, sizeof(*c));

	c->dp = dp;
	c->timer = evtimer_new(base, round_begin, c);
	dataplane_on_change(dp, changed, c);
	if (dataplane_state(dp) == DATAPLANE_UP)
		again(c, 0);
	return c;
}

void collector_stop(struct collector *c)
{
	if (!c)
		return;
	event_free(c->timer);
	c->timer = NULL;
	c->stopped = true;
	if (!c->calls)
		collector_free(c);
}

void collector_on_read(struct collector *c, void (*read)(const struct collector *c))
{
	c->read = read;
}

void collector_list_soon(struct collector *c)
{
	c->objects_us = 0;
}

/* ---- reading ---- */

static const json_t *stats_of(const struct reading *reading, const char *type)
{
	for (size_t i = 0; i < STATS; i++)
		if (!strcmp(collector_types[i], type))
			return reading->slot[i];
	return NULL;
}

const json_t *collector_stats(const struct collector *c, const char *type)
{
	return stats_of(&c->now, type);
}

const json_t *collector_before(const struct collector *c, const char *type)
{
	return stats_of(&c->before, type);
}

const json_t *collector_drops(const struct collector *c)
{
	return c->now.slot[SLOT_DROPS];
}

const json_t *collector_objects(const struct collector *c, const char *type)
{
	for (size_t i = 0; i < OBJECTS; i++)
		if (!strcmp(object_types[i], type))
			return c->objects[i];
	return NULL;
}

double collector_rate(
	const struct collector *c, const char *type, const char *key, const char *counter)
{
	const json_t *now =
		json_object_get(json_object_get(collector_stats(c, type), key), counter);
	const json_t *old =
		json_object_get(json_object_get(collector_before(c, type), key), counter);
	double seconds = ((double)c->now.mono_us - (double)c->before.mono_us) / 1e6;
	double more;

	if (!json_is_number(now) || !json_is_number(old) || seconds <= 0)
		return 0;
	more = json_number_value(now) - json_number_value(old);
	return more > 0 ? more / seconds : 0; /* an object of this name that was made anew */
}

int64_t collector_at_us(const struct collector *c)
{
	return c->now.at_us;
}

uint64_t collector_took_us(const struct collector *c)
{
	return c->took_us;
}
