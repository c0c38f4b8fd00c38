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

void view_states(enum intent_type type, size_t counts[VIEW_STATES])
{
	memset(counts, 0, VIEW_STATES * sizeof(counts[0]));
	for (struct intent *i = world_first(control.world, type); i; i = world_next(i))
		counts[i->status.state]++;
}

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

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void text_put(struct view_text *text)
{
	if (!text || --text->refs)
		return;
	free(text->text);
	free(text);
}

static void text_sent(const void *bytes, size_t len, void *arg)
{
	text_put(arg);
}

static struct view_text *text_make(json_t *(*make)(void))
{
	struct view_text *text = calloc(1, sizeof(*text));
	json_t *json = make();

	if (text && json)
		text->text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (!text || !text->text) {
		free(text);
		return NULL;
	}
	text->len = strlen(text->text);
	text->refs = 1;
	return text;
}

static bool fresh(const struct view_cache *cache, uint64_t now, uint64_t least_us)
{
	uint64_t cost_us = cache->cost_us * SHARE;

	return cache->text && now - cache->made_us < (cost_us > least_us ? cost_us : least_us);
}

void view_reply(
	struct request *r, struct view_cache *cache, uint64_t least_us, json_t *(*make)(void))
{
	uint64_t begun_us = now_us();

	if (!fresh(cache, begun_us, least_us)) {
		text_put(cache->text);
		cache->text = text_make(make);
		cache->made_us = now_us();
		cache->cost_us = cache->made_us - begun_us;
	}
	if (!cache->text) {
		reply_problem(r, 503, "there is no memory for this answer; try again later");
		return;
	}
	cache->text->refs++;
	reply_reference(r, 200, "application/json", cache->text->text, cache->text->len, text_sent,
		cache->text);
}

void view_cache_free(struct view_cache *cache)
{
	text_put(cache->text);
	memset(cache, 0, sizeof(*cache));
}
