/* SPDX-License-Identifier: BSD-3-Clause */
/* Places by the number of their interface, sources by that of their table: each message of the
 * kernel names one. Owns the two sorted lists. */
#include <stdlib.h>

#include "mirror_parts.h"

static int seat_cmp(const void *a, const void *b)
{
	const struct seat *x = a, *y = b;

	if (x->space != y->space)
		return x->space < y->space ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void seat_add(struct mirror *mirror, struct seats *seats, struct space *space,
	uint32_t number, void *home)
{
	if (!space || !number)
		return;
	if (seats->count == seats->room) {
		uint32_t room = seats->room ? 2 * seats->room : 64;
		struct seat *item = realloc(seats->item, room * sizeof(*item));

		if (!item) {
			mirror->lost = true;
			return;
		}
		seats->item = item;
		seats->room = room;
	}
	seats->item[seats->count++] = (struct seat){space, number, home};
}

/* Many links may come at once: sorted when the next one is looked for. */
static void seats_sort(struct mirror *mirror)
{
	struct place *place;
	struct source *source;

	if (mirror->place_seats.stale) {
		mirror->place_seats.count = 0;
		TAILQ_FOREACH (place, &mirror->places, link)
			seat_add(mirror, &mirror->place_seats, place->space, place->index, place);
		qsort(mirror->place_seats.item, mirror->place_seats.count, sizeof(struct seat),
			seat_cmp);
	}
	if (mirror->source_seats.stale) {
		mirror->source_seats.count = 0;
		TAILQ_FOREACH (source, &mirror->sources, link)
			seat_add(mirror, &mirror->source_seats, source->space, source->number,
				source);
		qsort(mirror->source_seats.item, mirror->source_seats.count, sizeof(struct seat),
			seat_cmp);
	}
	mirror->place_seats.stale = mirror->source_seats.stale = false;
}

/* The first of those with this number, and those after it are next to it. */
static const struct seat *seat_find(
	const struct seats *seats, const struct space *space, uint32_t number)
{
	const struct seat key = {.space = space, .number = number};
	uint32_t low = 0, high = seats->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (seat_cmp(&seats->item[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < seats->count && !seat_cmp(&seats->item[low], &key) ? &seats->item[low] : NULL;
}

struct place *place_of(struct mirror *mirror, const struct space *space, uint32_t index)
{
	const struct seat *seat;

	if (mirror->place_seats.stale)
		seats_sort(mirror);
	seat = seat_find(&mirror->place_seats, space, index);
	return seat ? seat->home : NULL;
}

struct source *source_of(struct mirror *mirror, const struct space *space, uint32_t table,
	const struct source *after)
{
	const struct seat *seat, *end;

	if (mirror->source_seats.stale)
		seats_sort(mirror);
	seat = seat_find(&mirror->source_seats, space, table);
	end = mirror->source_seats.item + mirror->source_seats.count;
	while (seat && after && seat < end && seat->home != after)
		seat++;
	if (seat && after)
		seat++;
	return seat && seat < end && seat->space == space && seat->number == table ? seat->home
										   : NULL;
}
