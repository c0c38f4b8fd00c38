/* SPDX-License-Identifier: BSD-3-Clause */
/* Events in one order, and who listens. Owns the last events as text. */
#include "bus.h"

#include <bsd/sys/queue.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

struct listener {
	TAILQ_ENTRY(listener) entry;
	uint64_t number;
	uint64_t after; /* hears what is newer than this */
	bool gone;	/* freed when nobody goes through the list */
	void (*heard)(const struct bus_entry *entry, void *arg);
	void *arg;
};

static struct {
	struct bus_entry *ring; /* BUS_KEPT of them; id % BUS_KEPT is the place */
	uint64_t last, told;
	uint64_t numbers;
	bool telling, gone; /* gone: some listeners wait to be freed */
	TAILQ_HEAD(, listener) listeners;
} bus = {.listeners = TAILQ_HEAD_INITIALIZER(bus.listeners)};

static struct bus_entry *entry_at(uint64_t id)
{
	return &bus.ring[id % BUS_KEPT];
}

/* The oldest that is kept. */
static uint64_t oldest(void)
{
	return bus.last > BUS_KEPT ? bus.last - BUS_KEPT + 1 : 1;
}

static void entry_clear(struct bus_entry *entry)
{
	free((char *)entry->event);
	free((char *)entry->tenant);
	free((char *)entry->json);
	memset(entry, 0, sizeof(*entry));
}

static void sweep(void)
{
	struct listener *one, *next;

	for (one = TAILQ_FIRST(&bus.listeners); one; one = next) {
		next = TAILQ_NEXT(one, entry);
		if (!one->gone)
			continue;
		TAILQ_REMOVE(&bus.listeners, one, entry);
		free(one);
	}
	bus.gone = false;
}

static void tell(const struct bus_entry *entry)
{
	struct listener *one;

	TAILQ_FOREACH (one, &bus.listeners, entry)
		if (!one->gone && one->after < entry->id)
			one->heard(entry, one->arg);
}

/* What listeners publish meanwhile is told in turn, not from within. */
static void tell_all(void)
{
	if (bus.telling)
		return;
	bus.telling = true;
	while (bus.told < bus.last) {
		bus.told++;
		tell(entry_at(bus.told));
	}
	bus.telling = false;
	if (bus.gone)
		sweep();
}

void bus_publish(enum log_level level, const char *event, const char *tenant, json_t *fields)
{
	struct bus_entry next = {.id = bus.last + 1};
	size_t len;

	if (!tenant)
		tenant = "";
	if (!bus.ring)
		bus.ring = xcalloc(BUS_KEPT, sizeof(*bus.ring));
	next.json = log_make(level, event, tenant, next.id, fields, &len);
	next.event = xstrdup(event);
	next.tenant = xstrdup(tenant);
	next.length = len;
	log_line(level, next.json, len);
	if (bus.telling &&
		bus.told == next.id - BUS_KEPT) { /* it would go from under who hears it */
		entry_clear(&next);
		return;
	}
	bus.last = next.id;
	entry_clear(entry_at(next.id));
	*entry_at(next.id) = next;
	tell_all();
}

uint64_t bus_listen(void (*heard)(const struct bus_entry *entry, void *arg), void *arg)
{
	struct listener *added = xcalloc(1, sizeof(*added));

	added->number = ++bus.numbers;
	added->after = bus.last;
	added->heard = heard;
	added->arg = arg;
	TAILQ_INSERT_TAIL(&bus.listeners, added, entry);
	return added->number;
}

void bus_forget(uint64_t number)
{
	struct listener *one;

	TAILQ_FOREACH (one, &bus.listeners, entry) {
		if (one->number != number)
			continue;
		one->gone = true;
		bus.gone = true;
		break;
	}
	if (bus.gone && !bus.telling)
		sweep();
}

bool bus_whole(uint64_t after)
{
	return after <= bus.last && after + 1 >= oldest();
}

bool bus_replay(uint64_t after, uint32_t limit,
	void (*each)(const struct bus_entry *entry, void *arg), void *arg)
{
	bool whole = bus_whole(after);
	uint64_t last = bus.last;

	if (!whole)
		after = oldest() - 1;
	if (limit && last - after > limit)
		last = after + limit;
	for (uint64_t id = after + 1; id <= last; id++)
		each(entry_at(id), arg);
	return whole;
}

uint64_t bus_last(void)
{
	return bus.last;
}

void bus_free(void)
{
	struct listener *one;

	while ((one = TAILQ_FIRST(&bus.listeners))) {
		TAILQ_REMOVE(&bus.listeners, one, entry);
		free(one);
	}
	for (size_t i = 0; bus.ring && i < BUS_KEPT; i++)
		entry_clear(&bus.ring[i]);
	free(bus.ring);
	bus.ring = NULL;
	bus.last = bus.told = bus.numbers = 0;
	bus.gone = false;
}
