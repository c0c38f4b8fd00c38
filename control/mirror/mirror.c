/* SPDX-License-Identifier: BSD-3-Clause */
/* The mirror's beginning, its end, and its work in the loop (mirror.h). Owns all of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "log.h"
#include "mirror_private.h"

#define SLICE_US    2000     /* of work, before others have their turn */
#define SWEEP_S	    5	     /* between looks at next hops without a MAC */
#define PATIENCE_US 10000000 /* for namespaces whose first picture does not become whole */

static void look_at_world(struct mirror *mirror)
{
	mirror->touched = false;
	places_rebuild(mirror);
}

/* Before that the dataplane's objects of the life before are left as they are. */
static void say_ready(struct mirror *mirror)
{
	bool late = clock_mono_us() - mirror->started_us > PATIENCE_US;

	if (mirror->ready || (!spaces_complete(mirror) && !late))
		return;
	mirror->ready = true;
	mirror->sink.ready(mirror->sink.arg);
	stations_list(mirror);
}

static void on_work(evutil_socket_t fd, short what, void *arg)
{
	struct timeval soon = {0};
	struct mirror *mirror = arg;
	uint64_t now = clock_mono_us();

	if (mirror->touched)
		look_at_world(mirror);
	if (subjects_work(mirror, now + SLICE_US)) {
		event_add(mirror->work, &soon);
		return;
	}
	if (mirror->changed_us) {
		mirror->counters.last_change_us = clock_mono_us() - mirror->changed_us;
		mirror->changed_us = 0;
	}
	places_trim(mirror);
	say_ready(mirror);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct mirror *mirror = arg;

	ask_sweep(mirror);
	event_active(mirror->work, 0, 0);
}

void mirror_touch(struct mirror *mirror)
{
	if (!mirror)
		return;
	mirror->touched = true;
	event_active(mirror->work, 0, 0);
}

bool mirror_answered(struct mirror *mirror)
{
	mirror->lists--;
	if (mirror->stopped && !mirror->lists)
		free(mirror);
	else if (!mirror->stopped)
		return true;
	return false;
}

static void mirror_free(struct mirror *mirror)
{
	struct space *space;

	dataplane_forget(mirror->dp, mirror);
	asks_free(mirror);
	stations_stop(mirror);
	json_decref(mirror->gaps);
	json_decref(mirror->gaps_told);
	TAILQ_FOREACH (space, &mirror->spaces, link)
		space->used = false;
	spaces_trim(mirror);
	evpn_free(mirror->evpn);
	subjects_free(mirror);
	places_free(mirror);
	event_free(mirror->work);
	event_free(mirror->sweep);
	mirror->stopped = true;
	if (!mirror->lists) /* else with the last answer */
		free(mirror);
}

/* ---- the dataplane ---- */

static void list_all(struct mirror *mirror)
{
	asks_list(mirror);
	stations_list(mirror);
}

static void on_event(const json_t *event, void *arg)
{
	const char *what = json_string_value(json_object_get(event, "event"));

	ask_event(arg, event);
	station_event(arg, event);
	if (what && !strcmp(what, "events_lost"))
		list_all(arg);
}

static void on_change(enum dataplane_state state, uint64_t instance, void *arg)
{
	if (state == DATAPLANE_UP)
		list_all(arg);
}

/* ---- life ---- */

int mirror_start(struct event_base *base, struct world *world, struct dataplane *dp,
	const struct mirror_sink *sink, const struct mirror_config *config, struct mirror **out)
{
	struct timeval every = {.tv_sec = SWEEP_S};
	struct mirror *mirror = xcalloc(1, sizeof(*mirror));

	*mirror = (struct mirror){.base = base,
		.world = world,
		.dp = dp,
		.sink = *sink,
		.rescan_s = config->rescan_s,
		.started_us = clock_mono_us(),
		.spaces = TAILQ_HEAD_INITIALIZER(mirror->spaces),
		.places = TAILQ_HEAD_INITIALIZER(mirror->places),
		.sources = TAILQ_HEAD_INITIALIZER(mirror->sources),
		.dirty = TAILQ_HEAD_INITIALIZER(mirror->dirty)};
	snprintf(mirror->site, sizeof(mirror->site), "%s", config->site);
	mirror->work = event_new(base, -1, 0, on_work, mirror);
	mirror->sweep = event_new(base, -1, EV_PERSIST, on_sweep, mirror);
	event_add(mirror->sweep, &every);
	mirror->evpn = evpn_create(world, mirror->site, &mirror->sink, spaces_routes_by, mirror);
	stations_start(mirror);
	mirror->gaps_told = json_object();
	if (!space_get(mirror, "", true)) {
		mirror_free(mirror);
		return -EPERM;
	}
	dataplane_on_change(dp, on_change, mirror);
	dataplane_on_event(dp, on_event, mirror);
	if (dataplane_state(dp) == DATAPLANE_UP)
		list_all(mirror);
	mirror_touch(mirror);
	*out = mirror;
	return 0;
}

void mirror_stop(struct mirror *mirror)
{
	if (mirror)
		mirror_free(mirror);
}
