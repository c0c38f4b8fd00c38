/* SPDX-License-Identifier: BSD-3-Clause */
/* Events in one order. Owns the last of them as text. */
#include "bus.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"

static struct {
	struct bus_entry *ring; /* BUS_KEPT of them; id % BUS_KEPT is the place */
	uint64_t last;
	void (*news)(void);
	bool telling;
} bus;

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

/* What is published meanwhile is told in turn, not from within. */
static void tell(void)
{
	uint64_t told;

	if (!bus.news || bus.telling)
		return;
	bus.telling = true;
	do {
		told = bus.last;
		bus.news();
	} while (told < bus.last);
	bus.telling = false;
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
	bus.last = next.id;
	entry_clear(entry_at(next.id));
	*entry_at(next.id) = next;
	tell();
}

void bus_on_news(void (*news)(void))
{
	bus.news = news;
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
	for (size_t i = 0; bus.ring && i < BUS_KEPT; i++)
		entry_clear(&bus.ring[i]);
	free(bus.ring);
	memset(&bus, 0, sizeof(bus));
}
