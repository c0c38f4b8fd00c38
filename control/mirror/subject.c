/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel has that may become an object: which of it is to be looked at again, and what
 * the sink was told. Owns the subjects. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "compile.h"
#include "mirror_private.h"

static int subject_cmp(const struct subject *a, const struct subject *b)
{
	int order;

	if (a->home != b->home)
		return a->home < b->home ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->ip.family != b->ip.family)
		return a->ip.family < b->ip.family ? -1 : 1;
	order = memcmp(a->ip.bytes, b->ip.bytes, sizeof(a->ip.bytes));
	return order ? order : (int)a->ip.len - (int)b->ip.len;
}

RB_GENERATE(subject_tree, subject, entry, subject_cmp)

static void mark(struct mirror *mirror, struct subject *subject)
{
	if (subject->dirty)
		return;
	subject->dirty = true;
	TAILQ_INSERT_TAIL(&mirror->dirty, subject, dirty_link);
	if (!mirror->changed_us)
		mirror->changed_us = clock_mono_us();
}

struct subject *subject_mark(
	struct mirror *mirror, enum object_type type, struct home *home, const struct api_ip *ip)
{
	struct subject key = {.home = home, .ip = *ip, .type = type};
	struct subject *subject = RB_FIND(subject_tree, &mirror->subjects, &key);

	if (!subject) {
		subject = xmemdup(&key, sizeof(key));
		RB_INSERT(subject_tree, &mirror->subjects, subject);
		home->subjects++;
	}
	mark(mirror, subject);
	return subject;
}

void subjects_forget(struct mirror *mirror, enum object_type type, struct home *home)
{
	struct subject from = {.home = home, .type = type};
	struct subject *subject = RB_NFIND(subject_tree, &mirror->subjects, &from);

	for (; subject && subject->home == home && subject->type == type;
		subject = RB_NEXT(subject_tree, &mirror->subjects, subject)) {
		subject->there = false; /* told again by who marks */
		mark(mirror, subject);
	}
}

/* ---- work ---- */

static bool (*const make[OBJECT_TYPES])(struct mirror *, struct subject *, union api_object *) = {
	[OBJECT_ADDRESS] = address_make,
	[OBJECT_NEIGHBOR] = neighbor_make,
	[OBJECT_ROUTE] = route_make,
};

/* The key of an object that is not to be: as the one that was. */
static void key_of(const struct subject *subject, char *key)
{
	const struct place *place = (const struct place *)subject->home;
	const struct source *source = (const struct source *)subject->home;
	union api_object obj;

	memset(&obj, 0, sizeof(obj));
	if (subject->type == OBJECT_ROUTE) {
		strcpy(obj.route.table, source->table);
		obj.route.prefix = subject->ip;
	} else if (subject->type == OBJECT_ADDRESS) {
		strcpy(place->attachment ? obj.address.attachment : obj.address.port, place->name);
		obj.address.prefix = subject->ip;
	} else {
		strcpy(place->attachment ? obj.neighbor.attachment : obj.neighbor.port,
			place->name);
		obj.neighbor.address = subject->ip;
	}
	api_key(&api_types[subject->type], &obj, key);
}

static void tell(struct mirror *mirror, struct subject *subject, union api_object *obj)
{
	char key[API_KEY_BYTES], *text;

	object_text(subject->type, obj, key, &text);
	mirror->sink.object(subject->type, key, text, mirror->sink.arg);
	subject->wanted = true;
	free(text);
}

static void tell_gone(struct mirror *mirror, struct subject *subject)
{
	char key[API_KEY_BYTES];

	if (!subject->wanted)
		return;
	key_of(subject, key);
	mirror->sink.object(subject->type, key, NULL, mirror->sink.arg);
	subject->wanted = false;
}

static void subject_free(struct mirror *mirror, struct subject *subject)
{
	if (subject->dirty)
		TAILQ_REMOVE(&mirror->dirty, subject, dirty_link);
	RB_REMOVE(subject_tree, &mirror->subjects, subject);
	subject->home->subjects--;
	free(subject);
}

static void work(struct mirror *mirror, struct subject *subject)
{
	union api_object obj;

	if (make[subject->type](mirror, subject, &obj))
		tell(mirror, subject, &obj);
	else
		tell_gone(mirror, subject);
	TAILQ_REMOVE(&mirror->dirty, subject, dirty_link);
	subject->dirty = false;
	if (!subject->wanted && !subject->there && !subject->unusable)
		subject_free(mirror, subject);
}

bool subjects_work(struct mirror *mirror, uint64_t until_us)
{
	struct subject *subject;
	uint32_t done = 0;

	while ((subject = TAILQ_FIRST(&mirror->dirty))) {
		work(mirror, subject);
		if (++done % 16 == 0 && clock_mono_us() >= until_us)
			return !TAILQ_EMPTY(&mirror->dirty);
	}
	return false;
}

void subjects_free(struct mirror *mirror)
{
	struct subject *subject;

	while ((subject = RB_MIN(subject_tree, &mirror->subjects)))
		subject_free(mirror, subject);
}
