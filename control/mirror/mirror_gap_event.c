/* SPDX-License-Identifier: BSD-3-Clause */
/* What slices lack of the kernel, as events: "kernel.incomplete" with the reason,
 * "kernel.complete" when it is mended. Looked for a while after something has changed, and told
 * when it is so at two looks: what comes one after the other (a namespace, its links, its taps)
 * is no news. Owns what was told. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"
#include "mirror_parts.h"

#define LOOK_US	  1000000
#define COST_PART 50 /* of its time, at most a 50th is spent on looking */

struct gap {
	RB_ENTRY(gap) entry;
	api_name slice;
	bool seen;		     /* by the look that goes on */
	char said[MIRROR_GAP_BYTES]; /* by the last look */
	char told[MIRROR_GAP_BYTES]; /* to the bus; "": nothing yet */
};

static int gap_cmp(const struct gap *a, const struct gap *b)
{
	return strcmp(a->slice, b->slice);
}

RB_PROTOTYPE(gap_tree, gap, entry, gap_cmp)
RB_GENERATE(gap_tree, gap, entry, gap_cmp)

static void publish(const struct gap *gap, bool is)
{
	if (is)
		bus_publish(LOG_WARN_, "kernel.incomplete", "",
			json_pack("{s:s, s:s}", "slice", gap->slice, "reason", gap->told));
	else
		bus_publish(
			LOG_INFO_, "kernel.complete", "", json_pack("{s:s}", "slice", gap->slice));
}

struct looking {
	struct mirror *mirror;
	bool again;
};

static void look_at(const char *slice, const char *said, void *arg)
{
	struct looking *looking = arg;
	struct gap *gap, key;

	snprintf(key.slice, sizeof(key.slice), "%s", slice);
	gap = RB_FIND(gap_tree, &looking->mirror->gaps, &key);
	if (!gap) {
		gap = calloc(1, sizeof(*gap));
		if (!gap) {
			looking->again = true;
			return;
		}
		strcpy(gap->slice, key.slice);
		RB_INSERT(gap_tree, &looking->mirror->gaps, gap);
	}
	gap->seen = true;
	if (strcmp(gap->said, said)) {
		snprintf(gap->said, sizeof(gap->said), "%s", said);
		looking->again = true;
	} else if (strcmp(gap->told, said)) {
		strcpy(gap->told, gap->said);
		publish(gap, true);
	}
}

static void mended(struct mirror *mirror, struct gap *gap)
{
	/* of a slice that is gone its own event tells */
	if (gap->told[0] && world_find(mirror->world, INTENT_SLICE, gap->slice))
		publish(gap, false);
	RB_REMOVE(gap_tree, &mirror->gaps, gap);
	free(gap);
}

static void look_in(struct mirror *mirror, uint64_t us)
{
	struct timeval wait = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

	if (!event_pending(mirror->gap_timer, EV_TIMEOUT, NULL))
		event_add(mirror->gap_timer, &wait);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct mirror *mirror = arg;
	struct looking looking = {.mirror = mirror};
	uint64_t started_us = mirror_now_us();
	struct gap *gap, *next;

	RB_FOREACH (gap, gap_tree, &mirror->gaps)
		gap->seen = false;
	mirror_gaps(mirror, look_at, &looking);
	RB_FOREACH_SAFE (gap, gap_tree, &mirror->gaps, next)
		if (!gap->seen)
			mended(mirror, gap);
	mirror->gap_cost_us = mirror_now_us() - started_us;
	if (looking.again)
		gap_touch(mirror);
}

void gap_touch(struct mirror *mirror)
{
	uint64_t pause_us = mirror->gap_cost_us * COST_PART;

	if (mirror->ready) /* before that most of it is only not known yet */
		look_in(mirror, pause_us > LOOK_US ? pause_us : LOOK_US);
}

int gaps_start(struct mirror *mirror)
{
	RB_INIT(&mirror->gaps);
	mirror->gap_timer = event_new(mirror->base, -1, 0, on_timer, mirror);
	return mirror->gap_timer ? 0 : -ENOMEM;
}

void gaps_stop(struct mirror *mirror)
{
	struct gap *gap;

	if (mirror->gap_timer)
		event_free(mirror->gap_timer);
	while ((gap = RB_MIN(gap_tree, &mirror->gaps))) {
		RB_REMOVE(gap_tree, &mirror->gaps, gap);
		free(gap);
	}
}
