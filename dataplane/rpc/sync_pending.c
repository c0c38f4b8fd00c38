/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups that wait (sync_pending.h). Owns what they say, and the lists that they are in: one for
 * each object that is waited for, one of those that any change may help, and one of those that are
 * to be tried. */
#include "sync_pending.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "clock.h"
#include "events.h"
#include "model.h"
#include "sync.h"

#define WOKEN_MOST   1000 /* in one call: the main thread does nothing else meanwhile */
#define RETRY_MOST   64	  /* of the others, behind a change... */
#define RETRY_MS     10	  /* ...so often at most */
#define RETRY_PART   20	  /* a try of the others takes this part of the time at most */
#define RETRY_ALL    1024 /* each LOOK_S: something may have changed that is no object */
#define LOOK_S	     60
#define TELL_AT_ONCE 256

TAILQ_HEAD(pending_list, pending);

/* An object that is not there, or goes. */
struct awaited {
	RB_ENTRY(awaited) entry;
	struct pending_list waiters;
	char label[];
};
RB_HEAD(awaited_tree, awaited);

struct pending {
	TAILQ_ENTRY(pending) link;
	struct pending_list *list;
	struct awaited *awaited; /* whose waiters list is */
	struct source_group *group;
	char *objects; /* JSON; NULL: the group is to go */
	char reason[];
};

static struct {
	struct awaited_tree awaited;
	struct pending_list refused, woken;
	struct event *soon, *look;
	uint32_t retry;	    /* so many of the refused are to be tried */
	uint64_t resume_us; /* but not before */
} pending = {.refused = TAILQ_HEAD_INITIALIZER(pending.refused),
	.woken = TAILQ_HEAD_INITIALIZER(pending.woken)};

static int awaited_cmp(const struct awaited *a, const struct awaited *b)
{
	return strcmp(a->label, b->label);
}

#define LOCAL static __attribute__((unused))
RB_GENERATE_INTERNAL(awaited_tree, awaited, entry, awaited_cmp, LOCAL)

/* ---- what waits for what ---- */

static struct awaited *awaited_find(const char *label)
{
	_Alignas(struct awaited) char room[sizeof(struct awaited) + API_KEY_BYTES + 32];
	struct awaited *probe = (struct awaited *)room;

	if (RB_EMPTY(&pending.awaited) || strlen(label) >= API_KEY_BYTES + 32)
		return NULL;
	strcpy(probe->label, label);
	return RB_FIND(awaited_tree, &pending.awaited, probe);
}

static struct awaited *awaited_make(const char *label)
{
	struct awaited *awaited = awaited_find(label);
	size_t size = strlen(label) + 1;

	if (awaited || size > API_KEY_BYTES)
		return awaited;
	awaited = malloc(sizeof(*awaited) + size);
	if (!awaited)
		return NULL;
	memcpy(awaited->label, label, size);
	TAILQ_INIT(&awaited->waiters);
	RB_INSERT(awaited_tree, &pending.awaited, awaited);
	return awaited;
}

/* It is not waited for any more by who is in no list. */
static void list_leave(struct pending *one)
{
	struct awaited *awaited = one->awaited;

	TAILQ_REMOVE(one->list, one, link);
	one->awaited = NULL;
	if (!awaited || !TAILQ_EMPTY(&awaited->waiters))
		return;
	RB_REMOVE(awaited_tree, &pending.awaited, awaited);
	free(awaited);
}

static void list_enter(struct pending *one, struct pending_list *list)
{
	one->list = list;
	TAILQ_INSERT_TAIL(list, one, link);
}

static void run_in(uint64_t us)
{
	const struct timeval wait = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

	if (pending.soon && (!us || !evtimer_pending(pending.soon, NULL)))
		evtimer_add(pending.soon, &wait);
}

static void retry_later(void)
{
	uint64_t now_us = clock_mono_us(), wait_us = RETRY_MS * 1000;

	if (pending.resume_us > now_us + wait_us)
		wait_us = pending.resume_us - now_us;
	run_in(wait_us);
}

static void retry(uint32_t most)
{
	if (TAILQ_EMPTY(&pending.refused))
		return;
	if (pending.retry < most)
		pending.retry = most;
	retry_later();
}

static void wake(struct awaited *awaited)
{
	struct pending *one;
	bool last = false;

	while (!last && (one = TAILQ_FIRST(&awaited->waiters))) {
		last = !TAILQ_NEXT(one, link);
		list_leave(one); /* the last one frees awaited */
		list_enter(one, &pending.woken);
	}
	run_in(0);
}

/* The type of "slice blue", and where its key begins; NULL: it names no object. */
static const struct api_type *label_type(const char *label, const char **key)
{
	char name[32];

	*key = strchr(label, ' ');
	if (!*key || *key - label >= (ptrdiff_t)sizeof(name))
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)(*key - label), label);
	++*key;
	return api_type_find(name);
}

bool pending_is_missing(const char *label)
{
	const char *key;
	const struct api_type *type = label_type(label, &key);

	return type && !model_find(type->type, key);
}

/* ---- keeping ---- */

void pending_drop(struct source_group *group)
{
	struct pending *one = group->pending;

	if (!one)
		return;
	list_leave(one);
	free(one->objects);
	free(one);
	group->pending = NULL;
}

void pending_keep(
	struct source_group *group, const json_t *objects, const char *label, const char *reason)
{
	size_t size = strlen(reason) + 1;
	struct pending *one;

	pending_drop(group);
	one = calloc(1, sizeof(*one) + size);
	if (!one)
		return;
	if (objects) {
		char *text = json_dumps(objects, JSON_COMPACT);

		one->objects = text ? strdup(text) : NULL;
		budget_free_text(text, 0, NULL);
		if (!one->objects) {
			free(one);
			return;
		}
	}
	memcpy(one->reason, reason, size);
	one->group = group;
	if (*label)
		one->awaited = awaited_make(label);
	list_enter(one, one->awaited ? &one->awaited->waiters : &pending.refused);
	group->pending = one;
}

json_t *pending_show(const struct source_group *group)
{
	const struct pending *one = group->pending;
	json_t *out = json_pack(
		"{s:s, s:I}", "owner", group->owner, "revision", (json_int_t)group->revision);

	if (!one)
		return out;
	json_object_set_new(out, "reason", json_string(one->reason));
	if (one->awaited)
		json_object_set_new(out, "waits", json_string(one->awaited->label));
	return out;
}

/* ---- what has changed ---- */

static void wake_object(const char *type, const char *key)
{
	char label[API_KEY_BYTES + 32];
	struct awaited *awaited;

	if (RB_EMPTY(&pending.awaited))
		return;
	snprintf(label, sizeof(label), "%s %s", type, key);
	awaited = awaited_find(label);
	if (awaited)
		wake(awaited);
}

/* A route or MAC that goes leaves room; what comes is nobody's need. */
static bool rows_go(const struct tx *tx)
{
	return tx->rows[OBJECT_ROUTE].deletions + tx->rows[OBJECT_MAC].deletions > 0;
}

void pending_committed(const struct tx *tx)
{
	for (size_t i = 0; i < tx->change_count; i++)
		if (tx->changes[i]->next && change_begins(tx->changes[i]))
			wake_object(tx->changes[i]->obj->type->name, tx->changes[i]->obj->key);
	if (tx->change_count > 0 || (!TAILQ_EMPTY(&pending.refused) && rows_go(tx)))
		retry(RETRY_MOST);
}

void pending_wake(const struct source_group *group)
{
	const struct claim *claim = RB_EMPTY(&pending.awaited) ? NULL : group->claims;

	for (; claim; claim = claim->group_next)
		if (model_find(claim->type, claim->key))
			wake_object(api_types[claim->type].name, claim->key);
}

/* ---- trying ---- */

static uint32_t take(struct pending_list *list, uint32_t most, struct source_group **groups)
{
	uint32_t count = 0;
	struct pending *one;

	TAILQ_FOREACH (one, list, link) {
		if (count == most)
			break;
		groups[count++] = one->group;
	}
	return count;
}

bool pending_run(void)
{
	static struct source_group *groups[WOKEN_MOST];
	uint32_t count = take(&pending.woken, WOKEN_MOST, groups);
	uint64_t began_us = clock_mono_us();
	bool retries = !count && pending.retry;

	if (retries) {
		count = take(&pending.refused,
			pending.retry < RETRY_MOST ? pending.retry : RETRY_MOST, groups);
		pending.retry -= count ? count : pending.retry;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct pending *one = groups[i]->pending;

		list_leave(one); /* behind the others, whatever becomes of it */
		list_enter(one, &pending.refused);
	}
	if (count && sync_again(groups, count, false) > 0)
		retry(RETRY_MOST);
	if (retries) /* one that others stand on is looked at with all that stand on it */
		pending.resume_us = clock_mono_us() + RETRY_PART * (clock_mono_us() - began_us);
	if (!TAILQ_EMPTY(&pending.woken))
		run_in(0);
	else if (pending.retry)
		retry_later();
	return count > 0;
}

json_t *pending_says(const struct source_group *group)
{
	const char *text = group->pending->objects;

	return text ? json_loads(text, 0, NULL) : NULL;
}

void pending_tell(json_t *groups)
{
	json_t *part = NULL, *one;
	size_t i;

	json_array_foreach (groups, i, one) {
		part = part ?: json_array();
		json_array_append(part, one);
		if (json_array_size(part) < TELL_AT_ONCE && i + 1 < json_array_size(groups))
			continue;
		events_groups(part);
		part = NULL;
	}
	json_decref(groups);
}

/* ---- life ---- */

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	pending_run();
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct awaited *awaited, *next;

	RB_FOREACH_SAFE (awaited, awaited_tree, &pending.awaited, next)
		if (!pending_is_missing(awaited->label))
			wake(awaited);
	retry(RETRY_ALL);
}

void pending_start(struct event_base *base)
{
	const struct timeval every = {.tv_sec = LOOK_S};

	pending.soon = evtimer_new(base, on_soon, NULL);
	pending.look = event_new(base, -1, EV_PERSIST, on_look, NULL);
	if (pending.look)
		event_add(pending.look, &every);
}

void pending_stop(void)
{
	struct source_group *group = source_group_after(SOURCE_KERNEL, "");

	for (; group; group = source_group_next(group))
		pending_drop(group);
	if (pending.soon)
		event_free(pending.soon);
	if (pending.look)
		event_free(pending.look);
	pending.soon = pending.look = NULL;
	pending.retry = 0;
	pending.resume_us = 0;
}
