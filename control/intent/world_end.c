/* SPDX-License-Identifier: BSD-3-Clause */
/* How a transaction ends: what it does, commit, rollback. As world.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world_parts.h"

void world_judge(struct touch *touch)
{
	if (touch->home->gone)
		touch->effect = WORLD_DELETED;
	else if (!touch->was)
		touch->effect = WORLD_CREATED;
	else
		touch->effect = json_equal(touch->was->spec, touch->node->intent.spec)
					? WORLD_UNCHANGED
					: WORLD_UPDATED;
	touch->judged = true;
}

size_t world_touched(const struct world *world)
{
	return world->touches;
}

bool world_change_at(const struct world *world, size_t at, struct world_change *change)
{
	struct touch *touch = &world->touch[at];
	const struct intent *now = touch->home->gone ? NULL : &touch->node->intent;
	const struct intent *was = touch->was;

	if (!now && !was) /* created and deleted again */
		return false;
	if (!touch->judged)
		world_judge(touch);
	*change = (struct world_change){.type = touch->home->intent.type,
		.name = touch->home->intent.name,
		.intent = now,
		.was = was,
		.effect = touch->effect,
		.asked = touch->asked,
		.before = was ? was->spec : NULL,
		.after = now ? now->spec : NULL};
	return true;
}

const struct world_change *world_changes(const struct world *in, size_t *count)
{
	struct world *world = (struct world *)in; /* the array is a cache */
	struct world_change *list = reallocarray(world->change, world->touches + 1, sizeof(*list));

	*count = 0;
	if (!list)
		return world->change;
	world->change = list;
	for (uint32_t i = 0; i < world->touches; i++)
		*count += world_change_at(world, i, &list[*count]);
	return list;
}

/* ---- what everybody sees from now on ---- */

struct stamp {
	uint64_t revision;
	int64_t now_us;
	char author[sizeof(((struct intent *)0)->updated_by)];
};

static void stamp_set(struct intent *intent, const struct stamp *stamp)
{
	intent->revision = stamp->revision;
	intent->updated_us = stamp->now_us;
	memcpy(intent->updated_by, stamp->author, sizeof(intent->updated_by));
}

/* The node has what its draft had, and the draft what the node had. */
static void swap(struct touch *touch)
{
	struct intent *home = &touch->home->intent, *draft = &touch->node->intent, was = *draft;

	draft->obj = home->obj;
	draft->spec = home->spec;
	memcpy(draft->tenant, home->tenant, sizeof(draft->tenant));
	home->obj = was.obj;
	home->spec = was.spec;
	memcpy(home->tenant, was.tenant, sizeof(home->tenant));
}

static void end_begin(struct world *world)
{
	world->open = world->inside = false;
	world->ending = true;
	world->ended = 0;
}

/* Of each only what must be done at once: the loop stands for it. */
void world_publish(struct world *world, uint64_t revision, int64_t now_us, const char *author)
{
	struct stamp stamp = {.revision = revision, .now_us = now_us};

	snprintf(stamp.author, sizeof(stamp.author), "%s", author);
	for (uint32_t i = 0; i < world->touches; i++) {
		struct touch *touch = &world->touch[i];
		struct intent *home = &touch->home->intent;

		if (!touch->judged)
			world_judge(touch);
		if (touch->effect == WORLD_CREATED) {
			home->created_us = now_us;
			home->status.since_us = now_us;
			stamp_set(home, &stamp);
		} else if (touch->effect == WORLD_UPDATED) {
			swap(touch);
			home->status.state = INTENT_PENDING;
			stamp_set(home, &stamp);
		}
	}
	end_begin(world);
	world->hiding = false;
}

void world_discard(struct world *world)
{
	end_begin(world);
}

/* ---- what nobody sees any more ---- */

static void put_away(struct world *world, struct touch *touch)
{
	struct node *home = touch->home;
	bool goes = world->hiding ? home->fresh : home->gone;

	node_free(home->twin);
	home->twin = NULL;
	home->touch = 0;
	home->fresh = home->gone = false;
	if (!goes)
		return;
	RB_REMOVE(intent_tree, &world->tree[home->intent.type], &home->intent);
	node_free(home);
}

/* Entries of the index first: they name nodes. */
bool world_finish(struct world *world, uint64_t until_us)
{
	if (!world->ending)
		return true;
	if (!index_settle(world, world->hiding, until_us))
		return false;
	while (world->ended < world->touches) {
		put_away(world, &world->touch[world->ended++]);
		if (is_late(until_us) && world->ended < world->touches)
			return false;
	}
	if (world->hiding)
		memcpy(world->count, world->were, sizeof(world->count));
	free(world->change);
	world->change = NULL;
	world->touches = 0;
	world->numberless = 0;
	vni_forget(world);
	world->hiding = world->ending = false;
	return true;
}

void world_commit(struct world *world, uint64_t revision, int64_t now_us, const char *author)
{
	world_publish(world, revision, now_us, author);
	world_finish(world, 0);
}

void world_rollback(struct world *world)
{
	world_discard(world);
	world_finish(world, 0);
}
