/* SPDX-License-Identifier: BSD-3-Clause */
/* What sluice-kernel is told: the intents that the mirror needs, all of them at a connection, a
 * part a turn, and then those that change; and which AF_XDP ports there are. */
#include <string.h>

#include "clock.h"
#include "link_private.h"
#include "turn.h"

#define TURN_US 2000
#define FULL_MS 10 /* until a queue that was full is looked at again */

static const enum intent_type types[] = {INTENT_SITE, INTENT_WAN, INTENT_SLICE};
#define TYPES (sizeof(types) / sizeof(*types))

/* ---- intents ---- */

/* Has the mirror any use for it? */
static bool is_needed(const struct mirror_link *link, const struct intent *intent)
{
	switch (intent->type) {
	case INTENT_SITE:
		return !strcmp(intent->name, link->site);
	case INTENT_WAN:
		return !strcmp(intent->obj->wan.site, link->site);
	case INTENT_SLICE:
		return intent->obj->slice.has_kernel &&
		       intent_slice_is_at(&intent->obj->slice, link->site);
	default:
		return false;
	}
}

/* May it have been told, as it was before? */
static bool was_needed(const struct world_change *change)
{
	return change->type == INTENT_SITE || change->type == INTENT_WAN ||
	       (change->type == INTENT_SLICE && json_object_get(change->before, "kernel"));
}

static void intent_say(
	struct mirror_link *link, enum intent_type type, const char *name, json_t *spec)
{
	link->feed.news = true;
	lines_say(link->lines, json_pack("{s:s, s:s, s:O?}", "intent", intent_kind(type), "name",
				       name, "spec", spec));
}

/* true: there is more. */
static bool walk_on(struct mirror_link *link, uint64_t until_us)
{
	struct feed *feed = &link->feed;
	const struct intent *intent;

	while (feed->phase < TYPES) {
		intent = world_after(link->world, types[feed->phase], feed->after);
		for (; intent; intent = world_next(intent)) {
			if (is_needed(link, intent))
				intent_say(link, intent->type, intent->name, intent->spec);
			if (!link->lines)
				return false;
			if (clock_mono_us() > until_us) {
				strcpy(feed->after, intent->name);
				return true;
			}
		}
		feed->phase++;
		feed->after[0] = '\0';
	}
	return false;
}

void feed_change(struct mirror_link *link, const struct world_change *change)
{
	const struct intent *intent = world_find(link->world, change->type, change->name);

	if (!link->greeted)
		return;
	if (intent && is_needed(link, intent))
		intent_say(link, change->type, change->name, intent->spec);
	else if (change->before && was_needed(change))
		intent_say(link, change->type, change->name, NULL);
	evtimer_add(link->feed.work, &(struct timeval){0});
}

/* ---- ports ---- */

static void add_port(const char *key, const char *text, void *arg)
{
	ports_add(arg, text);
}

static void ports_look(struct mirror_link *link)
{
	uint64_t generation = reconciler_generation(link->rec, OBJECT_PORT) + 1;
	struct xdp_port_list ports = {0};
	json_t *list;

	if (!link->greeted || generation == link->feed.ports)
		return;
	link->feed.ports = generation;
	reconciler_each(link->rec, OBJECT_PORT, add_port, &ports);
	list = json_array();
	for (size_t i = 0; i < ports.count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", ports.port[i].name,
						    "interface", ports.port[i].interface));
	lines_say(link->lines, json_pack("{s:o}", "ports", list));
	ports_free(&ports);
}

void feed_applied(void *link)
{
	ports_look(link);
}

/* ---- the work ---- */

static void on_work(evutil_socket_t fd, short what, void *arg)
{
	struct mirror_link *link = arg;
	struct feed *feed = &link->feed;

	if (!link->greeted)
		return;
	if (lines_is_full(link->lines)) {
		evtimer_add(feed->work, &(struct timeval){.tv_usec = FULL_MS * 1000});
		return;
	}
	if (walk_on(link, turn_until_us(TURN_US))) {
		evtimer_add(feed->work, &(struct timeval){0});
		return;
	}
	if (link->lines && feed->news)
		lines_say(link->lines, json_pack("{s:b}", "look", link->committed));
	feed->news = false;
	ports_look(link);
}

void feed_begin(struct mirror_link *link)
{
	link->feed.phase = 0;
	link->feed.after[0] = '\0';
	link->feed.ports = 0;
	link->feed.news = true; /* also of nothing */
	evtimer_add(link->feed.work, &(struct timeval){0});
}

void feed_start(struct mirror_link *link)
{
	link->feed.work = evtimer_new(link->base, on_work, link);
}
