/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers that are made a bit at a time, and answers that are made once and sent often (making.h).
 * Owns what is being made and who waits for it, and the texts that are on their way. One of those
 * being made has its turn at a turn of the loop. */
#include "making.h"

#include <bsd/sys/queue.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"

#define SHARE 20 /* making an answer that is kept may take one part in so many of the time */

struct shared_text {
	uint32_t refs;
	size_t len;
	char *text;
};

struct waiter {
	LIST_ENTRY(waiter) entry;
	struct making *making;
	struct request *r;
};

struct making {
	TAILQ_ENTRY(making) entry;
	const struct making_kind *kind;
	void *state;
	struct reply_cache *cache;
	struct text text;
	uint64_t cost_us;
	LIST_HEAD(, waiter) waiters;
};

static TAILQ_HEAD(, making) makings = TAILQ_HEAD_INITIALIZER(makings);
static struct event_base *loop;
static struct event *turn;

uint64_t making_bit_us = 5000;

/* ---- texts ---- */

static int add_part(const char *bytes, size_t len, void *arg)
{
	text_add(arg, bytes, len);
	return 0;
}

void text_add_json(struct text *t, const json_t *json)
{
	json_dump_callback(json, add_part, t, JSON_COMPACT);
}

struct shared_text *shared_text_new(char *bytes, size_t len)
{
	struct shared_text *text = xmalloc(sizeof(*text));

	*text = (struct shared_text){.refs = 1, .len = len, .text = bytes};
	return text;
}

void shared_text_put(struct shared_text *text)
{
	if (!text || --text->refs)
		return;
	free(text->text);
	free(text);
}

static void text_sent(const void *bytes, size_t len, void *arg)
{
	shared_text_put(arg);
}

void reply_shared(struct request *r, const char *type, struct shared_text *text)
{
	text->refs++;
	reply_reference(r, 200, type, text->text ? text->text : "", text->len, text_sent, text);
}

/* ---- made once, sent often ---- */

static void making_join(struct request *r, struct making *m);

bool reply_cached(struct request *r, struct reply_cache *cache, uint64_t least_us)
{
	uint64_t cost_us = cache->cost_us * SHARE;

	if (cache->text &&
		clock_mono_us() - cache->made_us < (cost_us > least_us ? cost_us : least_us))
		reply_shared(r, "application/json", cache->text);
	else if (cache->coming)
		making_join(r, cache->coming);
	else
		return false;
	return true;
}

static void keep(struct reply_cache *cache, struct shared_text *text, uint64_t cost_us)
{
	shared_text_put(cache->text);
	cache->text = text;
	cache->made_us = clock_mono_us();
	cache->cost_us = cost_us;
}

void reply_cache_free(struct reply_cache *cache)
{
	shared_text_put(cache->text);
	memset(cache, 0, sizeof(*cache));
}

/* ---- made a bit at a time ---- */

static void making_free(struct making *m)
{
	TAILQ_REMOVE(&makings, m, entry);
	if (m->cache)
		m->cache->coming = NULL;
	if (m->state)
		m->kind->free(m->state);
	free(m->text.text);
	free(m);
}

/* The next one to answer; NULL: no more. */
static struct request *waiter_take(struct making *m)
{
	struct waiter *waiter = LIST_FIRST(&m->waiters);
	struct request *r = waiter ? waiter->r : NULL;

	if (!waiter)
		return NULL;
	LIST_REMOVE(waiter, entry);
	free(waiter);
	request_on_gone(r, NULL, NULL);
	return r;
}

static void gone(void *arg)
{
	struct waiter *waiter = arg;
	struct making *m = waiter->making;

	LIST_REMOVE(waiter, entry);
	free(waiter);
	if (LIST_EMPTY(&m->waiters))
		making_free(m);
}

static void making_join(struct request *r, struct making *m)
{
	struct waiter *waiter = xmalloc(sizeof(*waiter));

	*waiter = (struct waiter){.making = m, .r = r};
	LIST_INSERT_HEAD(&m->waiters, waiter, entry);
	request_on_gone(r, gone, waiter);
}

static void finish(struct making *m)
{
	const struct making_kind *kind = m->kind;
	struct shared_text *text;
	void *state = m->state;
	struct request *r;

	if (kind->end) {
		r = waiter_take(m);
		m->state = NULL;
		making_free(m);
		kind->end(state, r);
		return;
	}
	text = shared_text_new(m->text.text, m->text.len);
	m->text.text = NULL;
	while ((r = waiter_take(m)))
		reply_shared(r, kind->type, text);
	if (m->cache)
		keep(m->cache, text, m->cost_us);
	else
		shared_text_put(text);
	making_free(m);
}

/* For as long as one bit; it may be freed by that. */
static void make(struct making *m)
{
	uint64_t begun_us = clock_mono_us(), cpu_us = clock_cpu_us();
	bool more;

	do {
		more = m->kind->step(m->state, &m->text);
	} while (more && clock_mono_us() - begun_us < making_bit_us);
	m->cost_us += clock_cpu_us() - cpu_us;
	if (!more) {
		finish(m);
		return;
	}
	TAILQ_REMOVE(&makings, m, entry);
	TAILQ_INSERT_TAIL(&makings, m, entry);
}

static void again(void)
{
	struct timeval now = {0, 0};

	if (!TAILQ_EMPTY(&makings))
		evtimer_add(turn, &now);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	if (!TAILQ_EMPTY(&makings))
		make(TAILQ_FIRST(&makings));
	again();
}

void making_begin(
	struct request *r, const struct making_kind *kind, void *state, struct reply_cache *cache)
{
	struct making *m = xcalloc(1, sizeof(*m));
	bool alone = TAILQ_EMPTY(&makings);

	if (!turn)
		turn = evtimer_new(loop, on_turn, NULL);
	m->kind = kind;
	m->state = state;
	m->cache = cache;
	if (cache)
		cache->coming = m;
	LIST_INIT(&m->waiters);
	TAILQ_INSERT_TAIL(&makings, m, entry);
	making_join(r, m);
	if (alone) /* else the others' turns come first */
		make(m);
	again();
}

void making_start(struct event_base *base)
{
	loop = base;
}

void making_stop(void)
{
	struct making *m;
	struct request *r;

	while ((m = TAILQ_FIRST(&makings))) {
		while ((r = waiter_take(m)))
			reply_problem(r, 503, "the control plane is ending; try again later");
		making_free(m);
	}
	if (turn)
		event_free(turn);
	turn = NULL;
}
