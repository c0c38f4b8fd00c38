/* SPDX-License-Identifier: BSD-3-Clause */
/* What sluice-kernel is told: the intents that the mirror needs, as far as they differ from what it
 * was told before, and which AF_XDP ports there are. Owns the list of what was told. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "link_private.h"
#include "log.h"
#include "turn.h"

#define TURN_US 2000

static const enum intent_type types[] = {INTENT_SITE, INTENT_WAN, INTENT_SLICE};
#define TYPES (sizeof(types) / sizeof(*types))

static int sent_cmp(const struct sent *a, const struct sent *b)
{
	return a->type == b->type ? strcmp(a->name, b->name) : a->type < b->type ? -1 : 1;
}

RB_PROTOTYPE(sent_tree, sent, entry, sent_cmp)
RB_GENERATE(sent_tree, sent, entry, sent_cmp)

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

static struct sent *sent_get(struct feed *feed, const struct intent *intent)
{
	struct sent key = {.type = intent->type}, *sent;

	strcpy(key.name, intent->name);
	sent = RB_FIND(sent_tree, &feed->sent, &key);
	if (sent)
		return sent;
	sent = malloc(sizeof(*sent));
	if (!sent)
		return NULL;
	*sent = key;
	RB_INSERT(sent_tree, &feed->sent, sent);
	return sent;
}

static void intent_say(
	struct mirror_link *link, enum intent_type type, const char *name, json_t *spec)
{
	link->feed.news = true;
	lines_say(link->lines, json_pack("{s:s, s:s, s:O?}", "intent", intent_kind(type), "name",
				       name, "spec", spec));
}

static void intent_look(struct mirror_link *link, const struct intent *intent)
{
	struct sent *sent = is_needed(link, intent) ? sent_get(&link->feed, intent) : NULL;

	if (!sent) /* without memory it is taken for gone, and told at the next look */
		return;
	sent->look = link->feed.look;
	if (sent->revision == intent->revision)
		return;
	sent->revision = intent->revision;
	intent_say(link, intent->type, intent->name, intent->spec);
}

static void look_begin(struct feed *feed)
{
	feed->touched = false;
	feed->looking = true;
	feed->look++;
	feed->phase = 0;
	feed->after[0] = '\0';
}

#define FULL_MS 10 /* until a queue that was full is looked at again */

/* true: there is more. */
static bool look_on(struct mirror_link *link, uint64_t until_us)
{
	struct feed *feed = &link->feed;
	const struct intent *intent;

	while (feed->phase < TYPES) {
		intent = world_after(link->world, types[feed->phase], feed->after);
		for (; intent; intent = world_next(intent)) {
			intent_look(link, intent);
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

/* What this look has not found is gone. */
static void look_end(struct mirror_link *link)
{
	struct feed *feed = &link->feed;
	struct sent *sent, *next;

	feed->looking = false;
	RB_FOREACH_SAFE (sent, sent_tree, &feed->sent, next) {
		if (sent->look == feed->look)
			continue;
		intent_say(link, sent->type, sent->name, NULL);
		if (!link->lines)
			return;
		RB_REMOVE(sent_tree, &feed->sent, sent);
		free(sent);
	}
	if (feed->news)
		lines_say(link->lines, json_pack("{s:b}", "look", link->committed));
	feed->news = false;
}

/* ---- ports ---- */

struct collecting {
	struct xdp_port_list ports;
	int rc;
};

static void add_port(const char *key, const char *text, void *arg)
{
	struct collecting *all = arg;
	int rc = ports_add(&all->ports, text);

	all->rc = rc ? rc : all->rc;
}

static void ports_say(struct mirror_link *link, const struct xdp_port_list *ports)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ports->count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", ports->port[i].name,
						    "interface", ports->port[i].interface));
	lines_say(link->lines, json_pack("{s:o}", "ports", list));
}

static void ports_look(struct mirror_link *link)
{
	uint64_t generation = reconciler_generation(link->rec, OBJECT_PORT) + 1;
	struct collecting all = {0};

	if (!link->greeted || generation == link->feed.ports)
		return;
	reconciler_each(link->rec, OBJECT_PORT, add_port, &all);
	if (all.rc) {
		log_text(LOG_ERROR_, "the ports of XDP: out of memory");
	} else {
		link->feed.ports = generation;
		ports_say(link, &all.ports);
	}
	ports_free(&all.ports);
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
	if (!feed->looking && feed->touched)
		look_begin(feed);
	if (feed->looking && !look_on(link, turn_until_us(TURN_US)) && link->lines)
		look_end(link);
	if (link->greeted && (feed->looking || feed->touched))
		evtimer_add(feed->work, &(struct timeval){0});
	ports_look(link);
}

void feed_touch(struct mirror_link *link)
{
	link->feed.touched = true;
	evtimer_add(link->feed.work, &(struct timeval){0});
}

void feed_forget(struct mirror_link *link)
{
	struct feed *feed = &link->feed;
	struct sent *sent;

	while ((sent = RB_MIN(sent_tree, &feed->sent))) {
		RB_REMOVE(sent_tree, &feed->sent, sent);
		free(sent);
	}
	feed->looking = false;
	feed->news = true;
	feed->ports = 0;
}

int feed_start(struct mirror_link *link)
{
	RB_INIT(&link->feed.sent);
	link->feed.news = true;
	link->feed.work = evtimer_new(link->base, on_work, link);
	return link->feed.work ? 0 : -ENOMEM;
}

void feed_stop(struct mirror_link *link)
{
	feed_forget(link);
	if (link->feed.work)
		event_free(link->feed.work);
}
