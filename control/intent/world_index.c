/* SPDX-License-Identifier: BSD-3-Clause */
/* The index of the world: one tree of (role, kind, text, holder). Kept by world.c at every change;
 * owns its entries. What a transaction takes out stays at hand until it ends, so that a rollback
 * cannot fail. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "world_parts.h"

/* Totals (no holder) first, then by type and name: what is reported does not depend on addresses.
 */
static int holder_compare(const struct node *a, const struct node *b)
{
	if (a == b || !a || !b)
		return (a != NULL) - (b != NULL);
	if (a->intent.type != b->intent.type)
		return a->intent.type < b->intent.type ? -1 : 1;
	return strcmp(a->intent.name, b->intent.name);
}

static int text_compare(
	const struct entry *a, enum key_role role, enum key_kind kind, const char *text)
{
	if (a->kind != kind)
		return a->kind < kind ? -1 : 1;
	if (a->role != role)
		return a->role < role ? -1 : 1;
	return strcmp(a->text, text);
}

static int entry_compare(const struct entry *a, const struct entry *b)
{
	int order = text_compare(a, b->role, b->kind, b->text);

	return order ? order : holder_compare(a->holder, b->holder);
}

static uint32_t texts_of(const struct entry *entry)
{
	return entry ? entry->texts : 0;
}

static void count_texts(struct entry *entry)
{
	entry->texts = texts_of(RB_LEFT(entry, link)) + texts_of(RB_RIGHT(entry, link)) +
		       (entry->role == ROLE_HAS && !entry->repeats);
}

#undef RB_AUGMENT
#define RB_AUGMENT(entry) count_texts(entry)
RB_PROTOTYPE(index_tree, entry, link, entry_compare)
RB_GENERATE(index_tree, entry, link, entry_compare)

/* The tree counts anew where it turns; those above are left to its user. */
static void count_upwards(struct entry *entry)
{
	for (; entry; entry = RB_PARENT(entry, link))
		count_texts(entry);
}

static bool same_text(const struct entry *a, const struct entry *b)
{
	return a && b && a->role == b->role && a->kind == b->kind && !strcmp(a->text, b->text);
}

static void set_repeats(struct entry *entry, bool repeats)
{
	if (entry->repeats == repeats)
		return;
	entry->repeats = repeats;
	count_upwards(entry);
}

/* Returns the entry that is there already; NULL: there was none. */
static struct entry *tree_insert(struct world *world, struct entry *entry)
{
	struct entry *there, *next;

	entry->repeats = false;
	there = RB_INSERT(index_tree, &world->index, entry);
	if (there)
		return there;
	if (entry->role == ROLE_HAS) {
		entry->repeats = same_text(RB_PREV(index_tree, NULL, entry), entry);
		next = RB_NEXT(index_tree, NULL, entry);
		if (same_text(next, entry))
			set_repeats(next, true);
	}
	count_upwards(entry);
	return NULL;
}

static void tree_remove(struct world *world, struct entry *entry)
{
	struct entry *above = RB_PARENT(entry, link), *next;

	if (entry->role == ROLE_HAS) {
		next = RB_NEXT(index_tree, NULL, entry);
		if (same_text(next, entry))
			set_repeats(next, entry->repeats);
	}
	RB_REMOVE(index_tree, &world->index, entry);
	count_upwards(above);
}

uint32_t index_rank(const struct world *world, enum key_kind kind, const char *text)
{
	const struct entry *at = RB_ROOT(&world->index);
	uint32_t rank = 0;

	while (at) {
		bool less = text_compare(at, ROLE_HAS, kind, text) < 0;

		if (less)
			rank += at->texts - texts_of(RB_RIGHT(at, link));
		at = less ? RB_RIGHT(at, link) : RB_LEFT(at, link);
	}
	return rank;
}

struct entry *index_from(
	const struct world *world, enum key_role role, enum key_kind kind, const char *text)
{
	struct entry *at = RB_ROOT(&world->index), *found = NULL;

	while (at) {
		bool less = text_compare(at, role, kind, text) < 0;

		if (!less)
			found = at;
		at = less ? RB_RIGHT(at, link) : RB_LEFT(at, link);
	}
	return found;
}

struct entry *index_next(const struct entry *entry)
{
	return RB_NEXT(index_tree, NULL, (struct entry *)entry);
}

struct entry *index_find(const struct world *world, enum key_role role, enum key_kind kind,
	const char *text, const struct entry *after)
{
	struct entry *entry = after ? index_next(after) : index_from(world, role, kind, text);

	return entry && !text_compare(entry, role, kind, text) ? entry : NULL;
}

struct node *index_holder(const struct world *world, enum key_role role, enum key_kind kind,
	const char *text, const struct intent *after)
{
	struct entry *at = RB_ROOT(&world->index), *found = NULL;

	while (at) {
		int order = text_compare(at, role, kind, text);

		if (!order && after)
			order = holder_compare(at->holder, (const struct node *)after) <= 0 ? -1
											    : 1;
		if (order >= 0)
			found = at;
		at = order < 0 ? RB_RIGHT(at, link) : RB_LEFT(at, link);
	}
	return found && !text_compare(found, role, kind, text) ? found->holder : NULL;
}

static struct entry *take(struct world *world)
{
	struct entry *entry = world->spare;

	if (!entry)
		return malloc(sizeof(*entry));
	world->spare = entry->spare;
	return entry;
}

static void give(struct world *world, struct entry *entry)
{
	tree_remove(world, entry);
	entry->spare = world->spare;
	world->spare = entry;
}

void index_trim(struct world *world)
{
	while (world->spare) {
		struct entry *entry = world->spare;

		world->spare = entry->spare;
		free(entry);
	}
}

/* One more of (key, holder). NULL: no memory. */
static struct entry *entry_add(
	struct world *world, const struct key *key, enum key_role role, struct node *holder)
{
	struct entry *entry = take(world), *there;

	if (!entry)
		return NULL;
	entry->role = role;
	entry->kind = key->kind;
	entry->holder = holder;
	entry->refs = 1;
	entry->value = 0;
	strcpy(entry->text, key->text);
	there = tree_insert(world, entry);
	if (!there)
		return entry;
	entry->spare = world->spare;
	world->spare = entry;
	there->refs++;
	return there;
}

static struct entry *entry_find(
	struct world *world, const struct key *key, enum key_role role, struct node *holder)
{
	struct entry like;

	like.role = role;
	like.kind = key->kind;
	like.holder = holder;
	strcpy(like.text, key->text);
	return RB_FIND(index_tree, &world->index, &like);
}

struct change {
	struct world *world;
	struct node *node;
};

/* Endpoints of a slice that share a WAN share what is booked on it. */
static int add_booking(struct world *world, const struct key *key, struct entry *booking)
{
	struct entry *total;

	if (booking->refs > 1)
		return 0;
	total = entry_add(world, key, ROLE_TOTAL, NULL);
	if (!total) {
		give(world, booking);
		return -ENOMEM;
	}
	booking->value = key->value;
	total->value += key->value;
	return 0;
}

static int add_key(const struct key *key, void *arg)
{
	struct change *change = arg;
	struct entry *entry = entry_add(change->world, key, key->role, change->node);

	if (!entry)
		return -ENOMEM;
	return key->role == ROLE_BOOKS ? add_booking(change->world, key, entry) : 0;
}

static int remove_key(const struct key *key, void *arg)
{
	struct change *change = arg;
	struct entry *entry = entry_find(change->world, key, key->role, change->node), *total;

	if (!entry || --entry->refs)
		return 0;
	if (key->role == ROLE_BOOKS) {
		total = entry_find(change->world, key, ROLE_TOTAL, NULL);
		total->value -= entry->value;
		if (--total->refs == 0)
			give(change->world, total);
	}
	give(change->world, entry);
	return 0;
}

void index_remove(struct world *world, struct node *node, const union intent_object *obj)
{
	struct change change = {world, node};

	keys_visit(node->intent.type, obj, remove_key, &change);
}

int index_add(struct world *world, struct node *node, const union intent_object *obj)
{
	struct change change = {world, node};
	int rc = keys_visit(node->intent.type, obj, add_key, &change);

	if (rc)
		index_remove(world, node, obj);
	return rc;
}
