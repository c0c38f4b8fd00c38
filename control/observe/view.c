/* SPDX-License-Identifier: BSD-3-Clause */
/* What the handlers of this folder share. Owns nothing but texts that are on their way. */
#include "view.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SILENT_MS 5000 /* as long as hello may take */
#define SHARE	  20   /* making a text may take one part in so many of the time */

struct view_text {
	uint32_t refs;
	size_t len;
	char *text;
};

const char *view_dataplane(void)
{
	static const char *const names[] = {
		[DATAPLANE_DOWN] = "down", [DATAPLANE_UP] = "up", [DATAPLANE_HUNG] = "hung"};

	enum dataplane_state state = dataplane_state(control.dataplane);

	if (state == DATAPLANE_UP && dataplane_silent_ms(control.dataplane) > SILENT_MS)
		state = DATAPLANE_HUNG;
	return names[state];
}

bool view_whole(const struct actor *actor)
{
	return !actor->tenant[0] && actor->role != ROLE_TENANT;
}

static uint64_t clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

uint64_t view_now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

uint64_t view_cpu_us(void)
{
	return clock_us(CLOCK_THREAD_CPUTIME_ID);
}

void view_no_memory(struct request *r)
{
	reply_problem(r, 503, "there is no memory for this answer; try again later");
}

/* ---- texts ---- */

struct view_text *view_text_new(char *bytes, size_t len)
{
	struct view_text *text = malloc(sizeof(*text));

	if (text)
		*text = (struct view_text){.refs = 1, .len = len, .text = bytes};
	return text;
}

void view_text_put(struct view_text *text)
{
	if (!text || --text->refs)
		return;
	free(text->text);
	free(text);
}

static void text_sent(const void *bytes, size_t len, void *arg)
{
	view_text_put(arg);
}

void view_text_reply(struct request *r, const char *type, struct view_text *text)
{
	text->refs++;
	reply_reference(r, 200, type, text->text ? text->text : "", text->len, text_sent, text);
}

static struct view_text *text_make(json_t *(*make)(void))
{
	json_t *json = make();
	char *bytes = json ? json_dumps(json, JSON_COMPACT) : NULL;
	struct view_text *text = bytes ? view_text_new(bytes, strlen(bytes)) : NULL;

	json_decref(json);
	if (!text)
		free(bytes);
	return text;
}

/* ---- made once, sent often ---- */

bool view_cached(struct request *r, const struct view_cache *cache, uint64_t least_us)
{
	uint64_t cost_us = cache->cost_us * SHARE;

	if (!cache->text ||
		view_now_us() - cache->made_us >= (cost_us > least_us ? cost_us : least_us))
		return false;
	view_text_reply(r, "application/json", cache->text);
	return true;
}

void view_cache_set(struct view_cache *cache, struct view_text *text, uint64_t cost_us)
{
	view_text_put(cache->text);
	*cache = (struct view_cache){text, view_now_us(), cost_us};
}

void view_reply(
	struct request *r, struct view_cache *cache, uint64_t least_us, json_t *(*make)(void))
{
	uint64_t begun_us;

	if (view_cached(r, cache, least_us))
		return;
	begun_us = view_cpu_us();
	view_cache_set(cache, text_make(make), 0);
	cache->cost_us = view_cpu_us() - begun_us;
	if (cache->text)
		view_text_reply(r, "application/json", cache->text);
	else
		view_no_memory(r);
}

void view_cache_free(struct view_cache *cache)
{
	view_text_put(cache->text);
	memset(cache, 0, sizeof(*cache));
}
