/* SPDX-License-Identifier: BSD-3-Clause */
/* The index of the world: one tree of (role, kind, text, holder). Kept by world.c at every change;
 * owns its entries. What a transaction takes out stays in the tree without refs until it ends:
 * others go on seeing it, and a rollback cannot fail. */
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
	const struct entry *a, enum constraint_role role, enum key_kind kind, const char *text)
{
	if (a->kind != kind)
		return a->kind < kind ? -1 : 1;
	if (a->role != role)
		return a->role < role ? -1 : 1;
	return strcmp(a->text, text);
}

static int key_compare(const struct entry *a, enum constraint_role role, enum key_kind kind,
	const char *text, const struct node *holder)
{
	int order = text_compare(a, role, kind, text);

	return order ? order : holder_compare(a->holder, holder);
}

static int entry_compare(const struct entry *a, const struct entry *b)
{
	return key_compare(a, b->role, b->kind, b->text, b->holder);
}

static uint32_t texts_of(const struct entry *entry)
{
	return entry ? entry->texts : 0;
}

static void count_texts(struct entry *entry)
{
	entry->texts =
		texts_of(RB_LEFT(entry, link)) + texts_of(RB_RIGHT(entry, link)) + entry->counts;
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
	return a->role == b->role && a->kind == b->kind && !strcmp(a->text, b->text);
}

static void set_counts(struct entry *entry, bool counts)
{
	if (entry->counts == counts)
		return;
	entry->counts = counts;
	count_upwards(entry);
}

/* The nearest before or after it that the transaction has with the same text. */
static struct entry *same_before(struct entry *entry)
{
	struct entry *at = entry;

	while ((at = RB_PREV(index_tree, NULL, at)) && same_text(at, entry))
		if (at->refs)
			return at;
	return NULL;
}

static struct entry *same_after(struct entry *entry)
{
	struct entry *at = entry;

	while ((at = RB_NEXT(index_tree, NULL, at)) && same_text(at, entry))
		if (at->refs)
			return at;
	return NULL;
}

/* It has got its first ref, has lost its last one. */
static void entry_came(struct entry *entry)
{
	struct entry *next;

	if (entry->role != CONSTRAINT_HAS || same_before(entry))
		return;
	next = same_after(entry);
	if (next)
		set_counts(next, false);
	set_counts(entry, true);
}

static void entry_went(struct entry *entry)
{
	struct entry *next;

	if (!entry->counts)
		return;
	set_counts(entry, false);
	next = same_after(entry);
	if (next)
		set_counts(next, true);
}

static void tree_remove(struct world *world, struct entry *entry)
{
	struct entry *above = RB_PARENT(entry, link);

	RB_REMOVE(index_tree, &world->index, entry);
	count_upwards(above);
}

uint32_t index_rank(const struct world *world, enum key_kind kind, const char *text)
{
	const struct entry *at = RB_ROOT(&world->index);
	uint32_t rank = 0;

	while (at) {
		bool less = text_compare(at, CONSTRAINT_HAS, kind, text) < 0;

		if (less)
			rank += at->texts - texts_of(RB_RIGHT(at, link));
		at = less ? RB_RIGHT(at, link) : RB_LEFT(at, link);
	}
	return rank;
}

uint32_t index_refs(const struct world *world, const struct entry *entry)
{
	return entry->changed && !sees_changes(world) ? entry->was_refs : entry->refs;
}

uint64_t index_value(const struct world *world, const struct entry *entry)
{
	return entry->changed && !sees_changes(world) ? entry->was_value : entry->value;
}

/* From this one on, the first that the reader sees. */
static struct entry *seen_from(const struct world *world, struct entry *at)
{
	while (at && !index_refs(world, at))
		at = RB_NEXT(index_tree, NULL, at);
	return at;
}

struct entry *index_from(
	const struct world *world, enum constraint_role role, enum key_kind kind, const char *text)
{
	struct entry *at = RB_ROOT(&world->index), *found = NULL;

	while (at) {
		bool less = text_compare(at, role, kind, text) < 0;

		if (!less)
			found = at;
		at = less ? RB_RIGHT(at, link) : RB_LEFT(at, link);
	}
	return seen_from(world, found);
}

struct entry *index_next(const struct world *world, const struct entry *entry)
{
	return seen_from(world, RB_NEXT(index_tree, NULL, (struct entry *)entry));
}

static struct entry *entry_find(const struct world *world, enum constraint_role role,
	enum key_kind kind, const char *text, const struct node *holder)
{
	struct entry *at = RB_ROOT(&world->index);
	int order;

	while (at && (order = key_compare(at, role, kind, text, holder)))
		at = order < 0 ? RB_RIGHT(at, link) : RB_LEFT(at, link);
	return at;
}

uint64_t index_total(const struct world *world, enum key_kind kind, const char *text)
{
	const struct entry *total = entry_find(world, ROLE_TOTAL, kind, text, NULL);

	return total && index_refs(world, total) ? index_value(world, total) : 0;
}

struct node *index_holder(const struct world *world, enum constraint_role role, enum key_kind kind,
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
	/* not beyond the text: there may be many that the reader does not see */
	while (found && !text_compare(found, role, kind, text)) {
		if (index_refs(world, found))
			return node_seen(world, found->holder);
		found = RB_NEXT(index_tree, NULL, found);
	}
	return NULL;
}

/* ---- changes ---- */

/* What others see of it is kept, when it is the first time that this transaction changes it. */
static void entry_change(struct world *world, struct entry *entry)
{
	if (!world->open || entry->changed)
		return;
	entry->changed = true;
	entry->was_refs = entry->refs;
	entry->was_value = entry->value;
	entry->next = world->changed;
	world->changed = entry;
}

static struct entry *entry_make(struct world *world, const struct constraint_key *key,
	enum constraint_role role, struct node *holder)
{
	size_t len = strlen(key->text) + 1;
	struct entry *entry = calloc(1, sizeof(*entry) + len);

	if (!entry)
		return NULL;
	entry->role = role;
	entry->kind = key->kind;
	entry->holder = holder;
	memcpy(entry->text, key->text, len);
	RB_INSERT(index_tree, &world->index, entry);
	count_upwards(entry);
	return entry;
}

/* One more of (key, holder). NULL: no memory. */
static struct entry *entry_add(struct world *world, const struct constraint_key *key,
	enum constraint_role role, struct node *holder)
{
	struct entry *entry = entry_find(world, role, key->kind, key->text, holder);

	if (!entry)
		entry = entry_make(world, key, role, holder);
	if (!entry)
		return NULL;
	entry_change(world, entry);
	if (!entry->refs++)
		entry_came(entry);
	return entry;
}

/* One less. */
static void entry_drop(struct world *world, struct entry *entry)
{
	entry_change(world, entry);
	if (--entry->refs)
		return;
	entry_went(entry);
	if (entry->changed) /* others may see it: by the end of the transaction */
		return;
	tree_remove(world, entry);
	free(entry);
}

static void entry_undo(struct entry *entry)
{
	if (entry->refs && !entry->was_refs)
		entry_went(entry);
	entry->value = entry->was_value;
	if (!entry->refs && entry->was_refs) {
		entry->refs = entry->was_refs;
		entry_came(entry);
	}
	entry->refs = entry->was_refs;
}

bool index_settle(struct world *world, bool undo, uint64_t until_us)
{
	struct entry *entry;

	while ((entry = world->changed)) {
		world->changed = entry->next;
		if (undo)
			entry_undo(entry);
		entry->changed = false;
		if (!entry->refs) {
			tree_remove(world, entry);
			free(entry);
		}
		if (is_late(until_us))
			return !world->changed;
	}
	return true;
}

void index_free(struct world *world)
{
	struct entry *entry, *next;

	RB_FOREACH_SAFE (entry, index_tree, &world->index, next) {
		RB_REMOVE(index_tree, &world->index, entry);
		free(entry);
	}
}

struct change {
	struct world *world;
	struct node *node; /* of the tree */
};

/* Endpoints of a slice that share a WAN share what is booked on it. */
static int add_booking(struct world *world, const struct constraint_key *key, struct entry *booking)
{
	struct entry *total;

	if (booking->refs > 1)
		return 0;
	total = entry_add(world, key, ROLE_TOTAL, NULL);
	if (!total) {
		entry_drop(world, booking);
		return -ENOMEM;
	}
	booking->value = key->value;
	total->value += key->value;
	return 0;
}

static int add_key(const struct constraint_key *key, void *arg)
{
	struct change *change = arg;
	struct entry *entry = entry_add(change->world, key, key->role, change->node);

	if (!entry)
		return -ENOMEM;
	return key->role == CONSTRAINT_BOOKS ? add_booking(change->world, key, entry) : 0;
}

static int remove_key(const struct constraint_key *key, void *arg)
{
	struct change *change = arg;
	struct world *world = change->world;
	struct entry *entry = entry_find(world, key->role, key->kind, key->text, change->node);
	struct entry *total = NULL;

	if (!entry || !entry->refs)
		return 0;
	if (key->role == CONSTRAINT_BOOKS && entry->refs == 1)
		total = entry_find(world, ROLE_TOTAL, key->kind, key->text, NULL);
	if (total) {
		entry_change(world, total);
		total->value -= entry->value;
		entry_drop(world, total);
	}
	entry_drop(world, entry);
	return 0;
}

void index_remove(struct world *world, struct node *node, const union intent_object *obj)
{
	struct change change = {world, node_home(node)};

	constraints_visit(&intent_types[node->intent.type], obj, remove_key, &change);
}

int index_add(struct world *world, struct node *node, const union intent_object *obj)
{
	struct change change = {world, node_home(node)};
	int rc = constraints_visit(&intent_types[node->intent.type], obj, add_key, &change);

	if (rc)
		index_remove(world, node, obj);
	return rc;
}
