/* SPDX-License-Identifier: BSD-3-Clause */
/* The ways of routes, each set of them stored once: a million routes of BGP have a few thousand.
 * By them the routes of a link or a next hop object are found. */
#include "kernel_parts.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 256

static int user_cmp(const struct path_user *a, const struct path_user *b)
{
	return a->key < b->key ? -1 : a->key > b->key;
}

RB_GENERATE(path_users, path_user, node, user_cmp)

static struct path_user *path_user(const struct routes *routes, uint64_t key)
{
	struct path_user want = {.key = key};

	return RB_FIND(path_users, (struct path_users *)&routes->users, &want);
}

static int use(struct routes *routes, struct path *path, uint64_t key)
{
	struct path_user *user = path_user(routes, key);
	struct path_use *one = &path->uses[path->use_count];

	if (!user) {
		user = calloc(1, sizeof(*user));
		if (!user)
			return -1;
		user->key = key;
		RB_INSERT(path_users, &routes->users, user);
	}
	one->path = path;
	one->user = user;
	LIST_INSERT_HEAD(&user->uses, one, link);
	path->use_count++;
	return 0;
}

static void unuse(struct routes *routes, struct path *path)
{
	for (uint32_t i = 0; i < path->use_count; i++) {
		struct path_user *user = path->uses[i].user;

		LIST_REMOVE(&path->uses[i], link);
		if (!LIST_EMPTY(&user->uses))
			continue;
		RB_REMOVE(path_users, &routes->users, user);
		free(user);
	}
}

static int use_all(struct routes *routes, struct path *path)
{
	if (path->source && use(routes, path, PATH_SOURCE(path->source)) < 0)
		return -1;
	if (path->nexthop)
		return use(routes, path, PATH_NEXTHOP(path->nexthop));
	for (uint32_t i = 0; i < path->via_count; i++) {
		if (i && path->via[i].index == path->via[i - 1].index)
			continue;
		if (use(routes, path, PATH_LINK(path->via[i].index)) < 0)
			return -1;
	}
	return 0;
}

static int grow(struct routes *routes)
{
	uint32_t slots = routes->paths ? (routes->path_mask + 1) * 2 : FIRST_SLOTS;
	typeof(routes->paths) more = calloc(slots, sizeof(*more));
	struct path *path;

	if (!more)
		return routes->paths ? 0 : -1;
	for (uint32_t i = 0; routes->paths && i <= routes->path_mask; i++) {
		while ((path = LIST_FIRST(&routes->paths[i]))) {
			LIST_REMOVE(path, chain);
			LIST_INSERT_HEAD(&more[path->hash & (slots - 1)], path, chain);
		}
	}
	free(routes->paths);
	routes->paths = more;
	routes->path_mask = slots - 1;
	return 0;
}

struct path *path_get(struct routes *routes, uint32_t nexthop, uint32_t source,
	const struct kernel_via *via, uint32_t via_count)
{
	size_t bytes = via_count * sizeof(*via);
	uint32_t hash = (uint32_t)table_hash(via, bytes, (uint64_t)source << 32 | nexthop);
	struct path *path;

	if ((!routes->paths || routes->path_count > routes->path_mask) && grow(routes) < 0)
		return NULL;
	LIST_FOREACH (path, &routes->paths[hash & routes->path_mask], chain) {
		if (path->hash == hash && path->nexthop == nexthop && path->source == source &&
			path->via_count == via_count && !memcmp(path->via, via, bytes)) {
			path->held++;
			return path;
		}
	}
	path = calloc(1, sizeof(*path) + bytes);
	if (!path)
		return NULL;
	path->uses = calloc(via_count + 2, sizeof(*path->uses));
	path->hash = hash;
	path->nexthop = nexthop;
	path->source = source;
	path->via_count = via_count;
	memcpy(path->via, via, bytes);
	if (!path->uses || use_all(routes, path) < 0)
		goto err_path;
	LIST_INSERT_HEAD(&routes->paths[hash & routes->path_mask], path, chain);
	routes->path_count++;
	path->held = 1;
	return path;
err_path:
	unuse(routes, path);
	free(path->uses);
	free(path);
	return NULL;
}

void path_check(struct routes *routes, struct path *path)
{
	if (path->held || !LIST_EMPTY(&path->routes))
		return;
	LIST_REMOVE(path, chain);
	routes->path_count--;
	unuse(routes, path);
	free(path->uses);
	free(path);
}

void path_put(struct routes *routes, struct path *path)
{
	path->held--;
	path_check(routes, path);
}

void path_each_route(const struct routes *routes, uint64_t key,
	bool (*each)(struct route *route, void *arg), void *arg)
{
	struct path_user *user = path_user(routes, key);
	struct path_use *use;
	struct route *route;

	if (!user)
		return;
	LIST_FOREACH (use, &user->uses, link) {
		LIST_FOREACH (route, &use->path->routes, by_path) {
			if (!each(route, arg))
				return;
		}
	}
}
