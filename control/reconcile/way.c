/* SPDX-License-Identifier: BSD-3-Clause */
/* Where what the mirror wants stands in the way of what intents want: it is taken away first,
 * and comes back by itself when it can. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ip.h"
#include "reconciler.h"

/* ---- what needs an item that goes ---- */

struct carrying {
	struct reconciler *rec;
	struct item *on;
	int (*add)(struct reconciler *rec, struct item *item, bool put);
	int err;
};

void way_cleared(struct reconciler *rec, struct item *item)
{
	rec->clear_count -= item->clears;
	item->clears = false;
}

/* Too many for one transaction: it goes by a portion, and is not put anew before that. */
static bool clear(struct reconciler *rec, struct item *user, struct item *on)
{
	rec->clearing = true;
	if (rec->clear_count >= CLEAR_MOST)
		return false;
	if (user->mirror && !user->aside)
		mirrored_wait(rec, user, on, NULL);
	if (user->list == LIST_PORTION || user->list == LIST_DIRTY || user->list == LIST_AWAITED)
		return true;
	item_move(rec, user, LIST_BULK, true);
	rec->clear_count += !user->clears;
	user->clears = true;
	return true;
}

static bool carry(struct item *user, void *arg)
{
	struct carrying *carrying = arg;
	struct reconciler *rec = carrying->rec;

	if (carrying->err || !user->actual || user->going || !user->mirrored ||
		user->aside == ASIDE_LEFT || item_wanted(user))
		return true;
	if (rec->carried >= rec->carry_most)
		return clear(rec, user, carrying->on);
	rec->carried++;
	user->going = true;
	user->early = carrying->on->replace || carrying->on->early;
	carrying->err = way_carry(rec, user, carrying->add) ?: carrying->add(rec, user, false);
	return !carrying->err;
}

int way_carry(struct reconciler *rec, struct item *item,
	int (*add)(struct reconciler *rec, struct item *item, bool put))
{
	struct carrying carrying = {rec, item, add, 0};

	needs_users(item, carry, &carrying);
	return carrying.err;
}

/* ---- what is in conflict with an item ---- */

static bool evict(struct reconciler *rec, struct item *item, const struct item *winner)
{
	char reason[256];

	if (!item->actual || !item->mirrored || item->replace || item_wanted(item))
		return false;
	snprintf(reason, sizeof(reason), "it gives way to %s %.200s", api_types[winner->type].name,
		winner->key);
	if (item->mirror)
		mirrored_refuse(rec, item, ASIDE_REFUSED, reason);
	item->replace = rec->replacing = true;
	item_move(rec, item, LIST_DIRTY, false);
	return true;
}

/* As many as left at most, of those whose keys begin so. */
static uint32_t evict_like(
	struct reconciler *rec, const struct item *winner, size_t length, uint32_t left)
{
	char from[API_KEY_BYTES];
	struct item *item;

	snprintf(from, sizeof(from), "%.*s", (int)length, winner->key);
	for (item = item_from(rec, winner->type, from); item && left && item->type == winner->type;
		item = RB_NEXT(item_tree, &rec->items, item)) {
		if (strncmp(item->key, from, length))
			break;
		left -= evict(rec, item, winner);
	}
	return left;
}

/* Some of the same type; of the same slice or place as far as there are any. More each time: it may
 * be the box that is full. */
static bool evict_some(struct reconciler *rec, const struct item *winner)
{
	uint32_t most = rec->evict_most, left;

	if (!mirrored_type(winner->type))
		return false;
	left = evict_like(rec, winner, strcspn(winner->key, " "), most);
	if (left == most)
		left = evict_like(rec, winner, 0, most);
	rec->evict_most *= 2;
	return left < most;
}

struct rivals {
	struct reconciler *rec;
	struct item *winner;
	struct api_ip prefix;
	bool any;
};

/* Its network is there already, or is that of another one. */
static bool rival_address(struct item *user, void *arg)
{
	struct rivals *rivals = arg;
	const char *prefix = strchr(user->key, ' ');
	struct api_ip other;

	if (user->type != OBJECT_ADDRESS || !prefix || api_ip_parse(prefix + 1, true, &other))
		return true;
	if (api_ip_overlap(&other, &rivals->prefix))
		rivals->any |= evict(rivals->rec, user, rivals->winner);
	return true;
}

/* It is the next hop of a route. */
static bool rival_route(struct item *user, void *arg)
{
	struct rivals *rivals = arg;

	if (user->type == OBJECT_ROUTE && needs_on_network(user->actual, &rivals->prefix))
		rivals->any |= evict(rivals->rec, user, rivals->winner);
	return true;
}

static bool evict_rivals(struct reconciler *rec, struct item *winner, struct item *with)
{
	struct rivals rivals = {.rec = rec, .winner = winner};
	const char *prefix = strchr(winner->key, ' ');
	char place[API_KEY_BYTES];
	struct item *at;

	if (!prefix || api_ip_parse(prefix + 1, true, &rivals.prefix))
		return false;
	if (with) {
		needs_users(with, rival_address, &rivals);
		return rivals.any;
	}
	snprintf(place, sizeof(place), "%.*s", (int)(prefix - winner->key), winner->key);
	at = item_get(rec, OBJECT_ATTACHMENT, place, false);
	rivals.prefix.len = rivals.prefix.family == 4 ? 32 : 128;
	if (at)
		needs_users(at, rival_route, &rivals);
	return rivals.any;
}

bool way_give(struct reconciler *rec, struct item *item, bool put, const json_t *error)
{
	int code = (int)json_integer_value(json_object_get(error, "code"));
	struct item *with = replace_other(rec, error);

	if (!put || !item_wanted(item))
		return false;
	if (code == RPC_ERR_CAPACITY)
		return evict_some(rec, item);
	if (code != RPC_ERR_CONFLICT)
		return false;
	if (with && with != item && evict(rec, with, item))
		return true;
	return item->type == OBJECT_ADDRESS && evict_rivals(rec, item, with);
}
