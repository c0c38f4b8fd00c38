/* SPDX-License-Identifier: BSD-3-Clause */
/* What is published (publisher.h). Owns the items: all objects that the mirror wants, and those
 * that the dataplane has beside them. One call is out at a time; the groups that the dataplane has
 * are compared page by page at each connection, a while after it, and now and then. */
#include "publisher.h"

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "bounds.h"
#include "clock.h"
#include "hash.h"
#include "text.h"
#include "turn.h"

#define RESYNC_S 60
#define SECOND_LOOK_S                                                                              \
	1 /* a call by a connection that was lost may be carried out after the first */
#define PAUSE_S	      1
#define PORTION_BYTES (256u << 10)
#define PORTION_MOST                                                                               \
	1000 /* groups: the dataplane and this loop are free again within milliseconds */
#define PAGE_MOST 1000
#define WORK_US	  5000
/* it is in force, but perhaps not as it was said */
#define REVISION_UNKNOWN 1

/* What is said goes in this order: what others need, and neighbours; routes and MACs, of which
 * there may be a hundred thousand; what others have needed. */
enum queue { QUEUE_FIRST, QUEUE_BULK, QUEUE_LAST, QUEUES };

enum item_state {
	ITEM_IDLE,   /* the dataplane has it as it is wanted, be it in force or kept */
	ITEM_QUEUED, /* to be said */
	ITEM_OUT,    /* in the call that is out */
};

TAILQ_HEAD(item_list, item);

struct item {
	RB_ENTRY(item) entry;
	enum object_type type;
	uint8_t state;		      /* enum item_state */
	uint8_t queue;		      /* enum queue; of ITEM_QUEUED */
	char *text;		      /* what is wanted; NULL: nothing */
	uint64_t there;		      /* revision of the dataplane's group; 0: there is none */
	uint64_t out;		      /* revision of the call that is out */
	uint64_t seen;		      /* stamp of the list that had it */
	uint64_t stamp;		      /* of the last call that has changed it */
	char *reason;		      /* why it is not in force; NULL: it is */
	bool waits;		      /* for an object that it names */
	TAILQ_ENTRY(item) link;	      /* of its queue, or of out */
	TAILQ_ENTRY(item) aside_link; /* of aside, while it has a reason */
	char key[];
};
RB_HEAD(item_tree, item);

struct publisher {
	struct dataplane *dp;
	struct event *work, *resync;
	uint32_t resync_s;
	struct item_tree items;
	struct item_list queues[QUEUES], out, aside;
	uint32_t said[OBJECT_TYPES], queued, waiting, refused; /* items */
	uint64_t instance; /* of the dataplane that `there` is about */
	bool whole;	   /* what was not said is not so */
	bool known;	   /* the dataplane's groups were compared */
	bool calling;
	uint64_t stamp; /* counts calls and lists */
	struct text text;

	bool listing, list_wanted;
	uint64_t list_stamp;
	json_t *page, *cursor;
	size_t compared; /* of the page */
	uint64_t drift, transactions;
	uint32_t lists;
};

static int item_cmp(const struct item *a, const struct item *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return strcmp(a->key, b->key);
}

#define LOCAL static __attribute__((unused))
RB_GENERATE_INTERNAL(item_tree, item, entry, item_cmp, LOCAL)

static void work_soon(struct publisher *publisher)
{
	if (!evtimer_pending(publisher->work, NULL))
		evtimer_add(publisher->work, &(struct timeval){0});
}

static uint64_t revision_of(const char *text)
{
	return text ? (hash_fnv64(HASH_FNV64, text, strlen(text)) & INT64_MAX) | 1 : 0;
}

/* ---- items ---- */

static struct item *item_get(
	struct publisher *publisher, enum object_type type, const char *key, bool make)
{
	_Alignas(struct item) char room[sizeof(struct item) + API_KEY_BYTES];
	struct item *probe = (struct item *)room, *item;
	size_t size = strlen(key) + 1;

	if (size > API_KEY_BYTES)
		return NULL;
	probe->type = type;
	memcpy(probe->key, key, size);
	item = RB_FIND(item_tree, &publisher->items, probe);
	if (item || !make)
		return item;
	item = xcalloc(1, sizeof(*item) + size);
	item->type = type;
	memcpy(item->key, key, size);
	RB_INSERT(item_tree, &publisher->items, item);
	return item;
}

/* By the group's name: "route blue 10.0.0.0/8". NULL: it is none of ours. */
static struct item *item_labelled(struct publisher *publisher, const char *label, bool make)
{
	const char *space = label ? strchr(label, ' ') : NULL;
	const struct api_type *type;
	char name[32];

	if (!space || space - label >= (ptrdiff_t)sizeof(name))
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)(space - label), label);
	type = api_type_find(name);
	return type ? item_get(publisher, type->type, space + 1, make) : NULL;
}

static void set_reason(
	struct publisher *publisher, struct item *item, const char *reason, const char *waits)
{
	if (item->reason) {
		TAILQ_REMOVE(&publisher->aside, item, aside_link);
		*(item->waits ? &publisher->waiting : &publisher->refused) -= 1;
	}
	free(item->reason);
	item->waits = waits != NULL;
	item->reason = waits ? xprintf("waits for %s", waits) : reason ? xstrdup(reason) : NULL;
	if (!item->reason)
		return;
	TAILQ_INSERT_TAIL(&publisher->aside, item, aside_link);
	*(item->waits ? &publisher->waiting : &publisher->refused) += 1;
}

/* A group as the dataplane shows it: what it says of ours that is not in force. */
static void take_reason(struct publisher *publisher, struct item *item, const json_t *group)
{
	set_reason(publisher, item, json_string_value(json_object_get(group, "reason")),
		json_string_value(json_object_get(group, "waits")));
}

static void set_text(struct publisher *publisher, struct item *item, const char *text)
{
	publisher->said[item->type] += (text != NULL) - (item->text != NULL);
	free(item->text);
	item->text = text ? xstrdup(text) : NULL;
}

static void set_state(struct publisher *publisher, struct item *item, enum item_state state)
{
	publisher->queued += (state != ITEM_IDLE) - (item->state != ITEM_IDLE);
	if (item->state != ITEM_IDLE)
		TAILQ_REMOVE(
			item->state == ITEM_OUT ? &publisher->out : &publisher->queues[item->queue],
			item, link);
	item->state = (uint8_t)state;
	if (state == ITEM_IDLE)
		return;
	/* a neighbour that goes is nobody's need, and may be in the way of one that comes */
	if (state == ITEM_QUEUED)
		item->queue = item->type == OBJECT_ROUTE || item->type == OBJECT_MAC ? QUEUE_BULK
			      : item->type == OBJECT_NEIGHBOR || item->text	     ? QUEUE_FIRST
										     : QUEUE_LAST;
	TAILQ_INSERT_TAIL(
		state == ITEM_OUT ? &publisher->out : &publisher->queues[item->queue], item, link);
}

static void item_free(struct publisher *publisher, struct item *item)
{
	set_state(publisher, item, ITEM_IDLE);
	set_reason(publisher, item, NULL, NULL);
	set_text(publisher, item, NULL);
	RB_REMOVE(item_tree, &publisher->items, item);
	free(item);
}

/* Queued where the dataplane has it otherwise; freed where nobody needs it. As long as the picture
 * is not whole, what may still be said stays. */
static void item_look(struct publisher *publisher, struct item *item)
{
	if (item->state == ITEM_OUT)
		return;
	if (revision_of(item->text) != item->there) {
		set_state(
			publisher, item, item->text || publisher->whole ? ITEM_QUEUED : ITEM_IDLE);
		work_soon(publisher);
	} else if (item->text || item->reason) {
		set_state(publisher, item, ITEM_IDLE);
	} else {
		item_free(publisher, item);
	}
}

/* ---- calls ---- */

static void add_group(struct publisher *publisher, struct item *item)
{
	const char *type = api_types[item->type].name;
	char head[2 * API_KEY_BYTES];

	snprintf(head, sizeof(head), "{\"owner\":\"%s %s\"", type, item->key);
	text_say(&publisher->text, head);
	if (item->text) {
		snprintf(head, sizeof(head), ",\"revision\":%llu,\"objects\":{\"%s\":[",
			(unsigned long long)revision_of(item->text), type);
		text_say(&publisher->text, head);
		text_say(&publisher->text, item->text);
		text_say(&publisher->text, "]}");
	}
	text_say(&publisher->text, "}");
	item->out = revision_of(item->text);
	set_state(publisher, item, ITEM_OUT);
}

/* Of one queue only: a neighbour does not wait until a thousand routes are in. */
static bool fill(struct publisher *publisher)
{
	uint32_t count = 0;

	publisher->text.len = 0;
	text_say(&publisher->text,
		"{\"source\":\"kernel\",\"mode\":\"merge\",\"keep\":true,\"groups\":[");
	for (int queue = 0; queue < QUEUES && !count; queue++) {
		struct item *item;

		while (count < PORTION_MOST && publisher->text.len < PORTION_BYTES &&
			(item = TAILQ_FIRST(&publisher->queues[queue]))) {
			if (count++)
				text_say(&publisher->text, ",");
			add_group(publisher, item);
		}
	}
	text_say(&publisher->text, "]}");
	return count;
}

/* Nothing is done for so long: work_soon() leaves a timer that runs as it is. */
static void pause_calls(struct publisher *publisher)
{
	evtimer_add(publisher->work, &(struct timeval){.tv_sec = PAUSE_S});
}

/* The call was lost, or refused as a whole. */
static void say_again(struct publisher *publisher)
{
	struct item *item;

	while ((item = TAILQ_FIRST(&publisher->out))) {
		set_state(publisher, item, ITEM_IDLE);
		item_look(publisher, item);
	}
}

static void take_verdict(struct publisher *publisher, const json_t *verdict)
{
	struct item *item = item_labelled(
		publisher, json_string_value(json_object_get(verdict, "owner")), false);
	const char *what = json_string_value(json_object_get(verdict, "verdict")) ?: "";
	const json_t *error = json_object_get(verdict, "error");

	if (!item || item->state != ITEM_OUT)
		return;
	set_state(publisher, item, ITEM_IDLE);
	/* "again": more had to give way than goes in one call */
	if (strcmp(what, "again")) {
		item->stamp = publisher->stamp;
		item->there = item->out;
		set_reason(publisher, item,
			error ? json_string_value(json_object_get(error, "message")) ?: "refused"
			      : NULL,
			json_string_value(json_object_get(verdict, "waits")));
	}
	item_look(publisher, item);
}

static void on_answer(const json_t *result, const json_t *error, void *arg)
{
	struct publisher *publisher = arg;
	const json_t *verdict;
	size_t i;

	publisher->calling = false;
	publisher->stamp++;
	publisher->transactions++;
	json_array_foreach (json_object_get(result, "groups"), i, verdict)
		take_verdict(publisher, verdict);
	if (error) /* a fault of ours, or of its memory: later then */
		pause_calls(publisher);
	else if (!result)
		publisher->known = false;
	say_again(publisher);
	work_soon(publisher);
}

static void call(struct publisher *publisher)
{
	if (publisher->calling || !publisher->known || !publisher->queued || !fill(publisher))
		return;
	if (dataplane_call_text(publisher->dp, "sync", publisher->text.text, publisher->text.len,
		    on_answer, publisher)) {
		say_again(publisher);
		pause_calls(publisher);
		return;
	}
	publisher->calling = true;
}

/* ---- comparing ---- */

static void page_free(struct publisher *publisher)
{
	json_decref(publisher->page);
	json_decref(publisher->cursor);
	publisher->page = publisher->cursor = NULL;
}

static void list_lost(struct publisher *publisher)
{
	page_free(publisher);
	publisher->listing = false;
	publisher->list_wanted = true;
}

static void on_page(const json_t *result, const json_t *error, void *arg)
{
	struct publisher *publisher = arg;

	if (result && publisher->listing) {
		publisher->page = json_incref(json_object_get(result, "groups"));
		publisher->cursor = json_incref(json_object_get(result, "cursor"));
		publisher->compared = 0;
	} else {
		list_lost(publisher);
		if (error)
			pause_calls(publisher);
	}
	work_soon(publisher);
}

static void ask_page(struct publisher *publisher)
{
	json_t *params = json_pack("{s:s, s:i, s:O*}", "source", "kernel", "limit", PAGE_MOST,
		"cursor", publisher->cursor);

	page_free(publisher);
	if (dataplane_call(publisher->dp, "groups", params, on_page, publisher))
		list_lost(publisher);
}

static void list_begin(struct publisher *publisher)
{
	publisher->list_wanted = false;
	publisher->listing = true;
	publisher->list_stamp = ++publisher->stamp;
	ask_page(publisher);
}

static void compare(struct publisher *publisher, const json_t *group)
{
	struct item *item =
		item_labelled(publisher, json_string_value(json_object_get(group, "owner")), true);
	uint64_t revision = (uint64_t)json_integer_value(json_object_get(group, "revision"));

	if (!item)
		return;
	item->seen = publisher->list_stamp;
	/* what a call has changed since is left to the next list */
	if (item->state == ITEM_OUT || item->stamp > publisher->list_stamp)
		return;
	if (!revision && !json_object_get(group, "reason"))
		revision = REVISION_UNKNOWN;
	publisher->drift += publisher->known && item->state == ITEM_IDLE && item->there != revision;
	item->there = revision;
	take_reason(publisher, item, group);
	item_look(publisher, item);
}

/* What the list did not have is not there. */
static void list_end(struct publisher *publisher)
{
	struct item *item, *next;

	RB_FOREACH_SAFE (item, item_tree, &publisher->items, next) {
		if ((!item->there && !item->reason) || item->seen == publisher->list_stamp ||
			item->state == ITEM_OUT || item->stamp > publisher->list_stamp)
			continue;
		publisher->drift += publisher->known;
		item->there = 0;
		set_reason(publisher, item, NULL, NULL);
		item_look(publisher, item);
	}
	publisher->listing = false;
	publisher->lists++;
	publisher->known = true;
}

/* true: there is more to do. */
static bool compare_page(struct publisher *publisher, uint64_t until_us)
{
	size_t count = json_array_size(publisher->page);

	while (publisher->compared < count) {
		compare(publisher, json_array_get(publisher->page, publisher->compared++));
		if (clock_mono_us() > until_us)
			return true;
	}
	if (publisher->cursor) {
		ask_page(publisher);
		return false;
	}
	page_free(publisher);
	list_end(publisher);
	return true;
}

/* ---- the loop ---- */

static void on_work(evutil_socket_t fd, short what, void *arg)
{
	struct publisher *publisher = arg;

	if (dataplane_state(publisher->dp) != DATAPLANE_UP)
		return;
	if (publisher->page && compare_page(publisher, turn_until_us(WORK_US)))
		work_soon(publisher);
	if (publisher->list_wanted && !publisher->listing && !publisher->calling)
		list_begin(publisher);
	call(publisher);
}

static void resync_in(struct publisher *publisher, uint32_t s)
{
	evtimer_add(publisher->resync, &(struct timeval){.tv_sec = s});
}

void publisher_resync(struct publisher *publisher)
{
	publisher->list_wanted = true;
	resync_in(publisher, publisher->resync_s);
	work_soon(publisher);
}

static void on_resync(evutil_socket_t fd, short what, void *arg)
{
	publisher_resync(arg);
}

/* ---- the dataplane ---- */

static void on_change(enum dataplane_state state, uint64_t instance, void *arg)
{
	struct publisher *publisher = arg;
	struct item *item, *next;

	if (state != DATAPLANE_UP) {
		if (publisher->listing)
			list_lost(publisher);
		return;
	}
	publisher->known = false;
	if (instance != publisher->instance)
		RB_FOREACH_SAFE (item, item_tree, &publisher->items, next) {
			item->there = 0;
			set_reason(publisher, item, NULL, NULL);
			item_look(publisher, item);
		}
	publisher->instance = instance;
	publisher->list_wanted = true;
	resync_in(publisher, SECOND_LOOK_S);
	work_soon(publisher);
}

static void on_event(const json_t *event, void *arg)
{
	const char *what = json_string_value(json_object_get(event, "event")) ?: "";
	struct publisher *publisher = arg;
	const json_t *group;
	size_t i;

	if (!strcmp(what, "events_lost")) {
		publisher->list_wanted = true;
		work_soon(publisher);
	}
	if (strcmp(what, "groups"))
		return;
	json_array_foreach (json_object_get(event, "groups"), i, group) {
		struct item *item = item_labelled(
			publisher, json_string_value(json_object_get(group, "owner")), false);

		/* it may be older than the answer that is to come, or newer: the list tells */
		if (item && item->state == ITEM_OUT)
			publisher->list_wanted = true;
		if (!item || item->state == ITEM_OUT ||
			item->there !=
				(uint64_t)json_integer_value(json_object_get(group, "revision")))
			continue;
		item->stamp = ++publisher->stamp;
		take_reason(publisher, item, group);
		item_look(publisher, item);
	}
}

/* ---- what the mirror says ---- */

void publisher_say(
	struct publisher *publisher, enum object_type type, const char *key, const char *text)
{
	struct item *item = item_get(publisher, type, key, text != NULL);

	if (!item || (text && item->text && !strcmp(item->text, text)))
		return;
	set_text(publisher, item, text);
	/* whoever says so has had it, and it is not so any more, whole or not */
	if (item->state != ITEM_OUT && !text && item->there) {
		set_state(publisher, item, ITEM_QUEUED);
		work_soon(publisher);
	} else {
		item_look(publisher, item);
	}
}

void publisher_whole(struct publisher *publisher)
{
	struct item *item, *next;

	publisher->whole = true;
	RB_FOREACH_SAFE (item, item_tree, &publisher->items, next)
		item_look(publisher, item);
}

/* ---- for people ---- */

void publisher_counters(const struct publisher *publisher, struct mirror_counters *out)
{
	out->addresses = publisher->said[OBJECT_ADDRESS];
	out->neighbors = publisher->said[OBJECT_NEIGHBOR];
	out->routes = publisher->said[OBJECT_ROUTE];
	out->tunnels = publisher->said[OBJECT_TUNNEL];
	out->members = publisher->said[OBJECT_MEMBER];
	out->macs = publisher->said[OBJECT_MAC];
	out->unsaid = publisher->queued;
	out->refused = publisher->refused;
	out->waiting = publisher->waiting;
	out->drift_total = publisher->drift;
	out->lists = publisher->lists;
	out->transactions = publisher->transactions;
}

void publisher_refused(const struct publisher *publisher, uint32_t most,
	void (*each)(enum object_type type, const char *key, const char *reason, void *arg),
	void *arg)
{
	const struct item *item;

	TAILQ_FOREACH (item, &publisher->aside, aside_link) {
		if (!most--)
			return;
		each(item->type, item->key, item->reason, arg);
	}
}

/* ---- life ---- */

struct publisher *publisher_open(struct event_base *base, struct dataplane *dp, uint32_t resync_s)
{
	struct publisher *publisher = xcalloc(1, sizeof(*publisher));

	publisher->dp = dp;
	publisher->resync_s = resync_s ? resync_s : RESYNC_S;
	for (int queue = 0; queue < QUEUES; queue++)
		TAILQ_INIT(&publisher->queues[queue]);
	TAILQ_INIT(&publisher->out);
	TAILQ_INIT(&publisher->aside);
	publisher->work = evtimer_new(base, on_work, publisher);
	publisher->resync = evtimer_new(base, on_resync, publisher);
	dataplane_on_change(dp, on_change, publisher);
	dataplane_on_event(dp, on_event, publisher);
	return publisher;
}

void publisher_close(struct publisher *publisher)
{
	struct item *item;

	if (!publisher)
		return;
	dataplane_forget(publisher->dp, publisher);
	event_free(publisher->work);
	event_free(publisher->resync);
	page_free(publisher);
	free(publisher->text.text);
	while ((item = RB_MIN(item_tree, &publisher->items)))
		item_free(publisher, item);
	free(publisher);
}
