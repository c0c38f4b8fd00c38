/* SPDX-License-Identifier: BSD-3-Clause */
/* How a transaction ends: what it does, commit, rollback. As world.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world_parts.h"

static enum world_effect effect_of(const struct touch *touch)
{
	if (touch->node->gone)
		return WORLD_DELETED;
	if (!touch->was.obj)
		return WORLD_CREATED;
	return json_equal(touch->was.spec, touch->node->intent.spec) ? WORLD_UNCHANGED
								     : WORLD_UPDATED;
}

const struct world_change *world_changes(const struct world *in, size_t *count)
{
	struct world *world = (struct world *)in; /* the array is a cache */
	struct world_change *list = reallocarray(world->change, world->touches + 1, sizeof(*list));

	*count = 0;
	if (!list)
		return world->change;
	world->change = list;
	for (uint32_t i = 0; i < world->touches; i++) {
		const struct touch *touch = &world->touch[i];
		const struct intent *now = touch->node->gone ? NULL : &touch->node->intent;
		const struct intent *was = touch->was.obj ? &touch->was : NULL;

		if (!now && !was) /* created and deleted again */
			continue;
		list[(*count)++] = (struct world_change){.type = touch->node->intent.type,
			.name = touch->node->intent.name,
			.intent = now,
			.was = was,
			.effect = effect_of(touch),
			.asked = touch->asked,
			.before = was ? was->spec : NULL,
			.after = now ? now->spec : NULL};
	}
	return list;
}

static void end(struct world *world)
{
	index_trim(world);
	free(world->change);
	world->change = NULL;
	world->touches = 0;
	world->numberless = 0;
	vni_forget(world);
	world->open = false;
}

static void free_was(const struct touch *touch)
{
	const struct intent *now = &touch->node->intent;

	if (touch->was.obj != now->obj)
		free(touch->was.obj);
	if (touch->was.spec != now->spec)
		json_decref(touch->was.spec);
}

void world_commit(struct world *world, uint64_t revision, int64_t now_us, const char *author)
{
	for (uint32_t i = 0; i < world->touches; i++) {
		const struct touch *touch = &world->touch[i];
		struct intent *now = &touch->node->intent;
		enum world_effect effect = effect_of(touch);

		if (effect == WORLD_CREATED) {
			now->created_us = now_us;
			now->status.since_us = now_us;
		}
		if (effect == WORLD_CREATED || effect == WORLD_UPDATED) {
			now->revision = revision;
			now->updated_us = now_us;
			snprintf(now->updated_by, sizeof(now->updated_by), "%s", author);
		}
		free_was(touch);
		touch->node->touch = 0;
		if (effect == WORLD_DELETED) {
			RB_REMOVE(intent_tree, &world->gone[now->type], now);
			free(touch->node);
		}
	}
	end(world);
}

/* Out of the tree and the index, whatever it has become. */
static void take_out(struct world *world, struct node *node)
{
	struct intent *intent = &node->intent;

	if (node->gone) {
		RB_REMOVE(intent_tree, &world->gone[intent->type], intent);
		return;
	}
	if (!intent->obj) /* the put failed before it was there */
		return;
	index_remove(world, node, intent->obj);
	RB_REMOVE(intent_tree, &world->tree[intent->type], intent);
	world->count[intent->type]--;
}

/* All out first, then all back as they were: by then the index has as many spare entries as that
 * takes. */
void world_rollback(struct world *world)
{
	for (uint32_t i = 0; i < world->touches; i++)
		take_out(world, world->touch[i].node);
	for (uint32_t i = 0; i < world->touches; i++) {
		const struct touch *touch = &world->touch[i];
		struct node *node = touch->node;

		if (node->intent.obj != touch->was.obj)
			free(node->intent.obj);
		if (node->intent.spec != touch->was.spec)
			json_decref(node->intent.spec);
		if (!touch->was.obj) {
			free(node);
			continue;
		}
		node->intent.obj = touch->was.obj;
		node->intent.spec = touch->was.spec;
		snprintf(node->intent.tenant, sizeof(node->intent.tenant), "%s", touch->was.tenant);
		node->touch = 0;
		node->gone = false;
		RB_INSERT(intent_tree, &world->tree[node->intent.type], &node->intent);
		world->count[node->intent.type]++;
		index_add(world, node, node->intent.obj);
	}
	end(world);
}
