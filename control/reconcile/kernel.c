/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel says, by control/mirror (reconcile.h): each object is a group of its own of the
 * source `kernel`. What names an object that is not there waits for it; what is refused, or has
 * given way to an intent, is tried again when something else has been applied. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "reconciler.h"

#define PORTION_BYTES (256u << 10)
#define PORTION_MOST                                                                               \
	1000 /* items: the dataplane and this loop are free again within milliseconds */
#define RETRY_MOST 64

bool kernel_type(enum object_type type)
{
	return type == OBJECT_ADDRESS || type == OBJECT_NEIGHBOR || type == OBJECT_ROUTE ||
	       type == OBJECT_MAC || type == OBJECT_MEMBER || type == OBJECT_TUNNEL;
}

static uint64_t revision_of(const char *text)
{
	return text ? (hash_fnv64(HASH_FNV64, text, strlen(text)) & INT64_MAX) | 1 : 0;
}

/* ---- states ---- */

static struct item_list *list_of(struct reconciler *rec, struct item *item)
{
	switch (item->state) {
	case ITEM_QUEUED:
		return &rec->queues[item->queue];
	case ITEM_OUT:
		return &rec->out_items;
	case ITEM_WAITS:
		return &item->awaits->waiters;
	case ITEM_REFUSED:
		return &rec->refused;
	default:
		return NULL;
	}
}

/* awaits: of ITEM_WAITS; reason is copied, and may be NULL. */
static void set_state(struct reconciler *rec, struct item *item, enum item_state state,
	struct item *awaits, const char *reason)
{
	struct item_list *list = list_of(rec, item);
	struct item *awaited = item->awaits;

	item_uncount(rec, item);
	if (list)
		TAILQ_REMOVE(list, item, link);
	free(item->reason);
	item->reason = reason ? strdup(reason) : NULL; /* without memory it has none to tell */
	item->state = (uint8_t)state;
	item->awaits = awaits;
	list = list_of(rec, item);
	if (list)
		TAILQ_INSERT_TAIL(list, item, link);
	item_recount(rec, item);
	if (awaited)
		item_sweep(rec, awaited);
}

static void set_there(struct reconciler *rec, struct item *item, uint64_t revision)
{
	bool was = item_is_there(item);

	if (item->mirror_there == revision)
		return;
	item_uncount(rec, item);
	item->mirror_there = revision;
	item_recount(rec, item);
	rec->generation[item->type]++;
	if (!was && item_is_there(item))
		kernel_wake(rec, item);
}

/* A neighbour that goes is nobody's need, and may be in the way of one that comes. */
static enum item_queue queue_of(const struct item *item)
{
	if (item->type == OBJECT_ROUTE || item->type == OBJECT_MAC)
		return QUEUE_BULK;
	return item->type == OBJECT_NEIGHBOR || item->mirror ? QUEUE_FIRST : QUEUE_LAST;
}

void kernel_look(struct reconciler *rec, struct item *item)
{
	if (item->state == ITEM_OUT)
		return;
	free(item->withdrawn);
	item->withdrawn = NULL;
	if (revision_of(item->mirror) == item->mirror_there) {
		set_state(rec, item, ITEM_IDLE, NULL, NULL);
		item_sweep(rec, item);
		return;
	}
	set_state(rec, item, ITEM_IDLE, NULL, NULL);
	item->queue = queue_of(item);
	set_state(rec, item, ITEM_QUEUED, NULL, NULL);
}

void kernel_wake(struct reconciler *rec, struct item *item)
{
	struct item *waiter;

	while ((waiter = TAILQ_FIRST(&item->waiters)))
		kernel_look(rec, waiter);
}

void kernel_retry(struct reconciler *rec, uint32_t most)
{
	struct item *item;

	while (most-- && (item = TAILQ_FIRST(&rec->refused)))
		kernel_look(rec, item);
}

/* An item waits for one that was about to go. If that is still there, the item is tried again. */
void kernel_look_waiting(struct reconciler *rec)
{
	struct item *item = rec->items_are.waiting ? RB_MIN(item_tree, &rec->items) : NULL, *next;

	for (; item; item = next) {
		next = RB_NEXT(item_tree, &rec->items, item);
		if (item->state == ITEM_WAITS && item_is_there(item->awaits))
			kernel_look(rec, item);
	}
}

void kernel_forget(struct reconciler *rec, struct item *item)
{
	set_there(rec, item, 0);
	if (item->mirror)
		kernel_look(rec, item);
	else
		set_state(rec, item, ITEM_IDLE, NULL, NULL);
}

void kernel_listed(struct reconciler *rec, struct item *item, uint64_t revision)
{
	if (item->state == ITEM_OUT || item->mirror_there == revision)
		return;
	set_there(rec, item, revision);
	/* as long as the mirror has no whole picture, what it may still say stays */
	if (item->mirror || rec->mirror_ready)
		kernel_look(rec, item);
}

/* ---- calls ---- */

static void add_group(struct reconciler *rec, struct item *item)
{
	const char *says = item->withdrawn ? NULL : item->mirror;
	struct object_text object = {item->type, item, (char *)says};
	struct form form = {&object, says ? 1 : 0, revision_of(says)};
	char label[API_KEY_BYTES + 32];

	snprintf(label, sizeof(label), "%s %s", api_types[item->type].name, item->key);
	round_group(&rec->text, label, &form);
	item->mirror_out = form.revision;
	set_state(rec, item, ITEM_OUT, NULL, NULL);
}

/* Of one queue only: a neighbour does not wait until two thousand routes are in. */
static bool fill(struct reconciler *rec)
{
	uint32_t count = 0;

	for (int queue = 0; queue < QUEUES && !count; queue++) {
		struct item *item;

		while (count < PORTION_MOST && rec->text.len < PORTION_BYTES &&
			(item = TAILQ_FIRST(&rec->queues[queue]))) {
			if (count++)
				text_say(&rec->text, ",");
			add_group(rec, item);
		}
	}
	return count;
}

bool kernel_call(struct reconciler *rec)
{
	if (!rec->items_are.queued && rec->kernel_news) {
		rec->kernel_news = false;
		kernel_retry(rec, RETRY_MOST);
	}
	if (!rec->items_are.queued)
		return false;
	text_say(&rec->text, "{\"source\":\"kernel\",\"mode\":\"merge\",\"groups\":[");
	if (!fill(rec))
		return false;
	text_say(&rec->text, "]}");
	return true;
}

void kernel_untry(struct reconciler *rec)
{
	struct item *item;

	while ((item = TAILQ_FIRST(&rec->out_items))) {
		set_state(rec, item, ITEM_IDLE, NULL, NULL);
		kernel_look(rec, item);
	}
}

/* ---- answers ---- */

/* Waits for what it names and what is not there, or goes soon; without that it is refused. */
static void set_aside(
	struct reconciler *rec, struct item *item, const char *label, bool goes, const char *reason)
{
	struct item *awaits = item_labelled(rec, label, true);

	if (awaits && awaits != item && (goes || !item_is_there(awaits)))
		set_state(rec, item, ITEM_WAITS, awaits, NULL);
	else
		set_state(rec, item, ITEM_REFUSED, NULL, reason);
}

/* What it said before is not true any more, either. */
static bool withdraw(struct reconciler *rec, struct item *item, const char *reason)
{
	if (!item->mirror_there)
		return false;
	free(item->withdrawn);
	item->withdrawn = strdup(reason);
	item->queue = QUEUE_LAST;
	if (item->withdrawn)
		set_state(rec, item, ITEM_QUEUED, NULL, NULL);
	return item->withdrawn;
}

static void refused(struct reconciler *rec, struct item *item, const json_t *error)
{
	const json_t *data = json_object_get(error, "data");
	const char *message = json_string_value(json_object_get(error, "message")) ?: "refused";
	const char *label = json_string_value(json_object_get(data, "with"));

	if (withdraw(rec, item, message))
		return;
	if (json_integer_value(json_object_get(error, "code")) == RPC_ERR_PARAMS && label)
		set_aside(rec, item, label, false, message);
	else
		set_state(rec, item, ITEM_REFUSED, NULL, message);
}

/* The deletion is refused, since an object of another source uses it. It is not tried again at
 * once, but as other refused items are (kernel_retry()). */
static void stays(struct reconciler *rec, struct item *item, const json_t *error)
{
	free(item->withdrawn);
	item->withdrawn = NULL;
	set_state(rec, item, ITEM_REFUSED, NULL,
		json_string_value(json_object_get(error, "message")) ?: "refused");
}

void kernel_verdict(struct reconciler *rec, const json_t *verdict)
{
	const char *label = json_string_value(json_object_get(verdict, "owner"));
	struct item *item = item_labelled(rec, label, false);
	const json_t *error = json_object_get(verdict, "error");

	if (!item || item->state != ITEM_OUT)
		return;
	set_state(rec, item, ITEM_IDLE, NULL, NULL);
	item->stamp = rec->stamp;
	/* more had to give way than goes in one call: the item goes into the next */
	if (!strcmp(json_string_value(json_object_get(verdict, "verdict")) ?: "", "again")) {
		kernel_look(rec, item);
		return;
	}
	if (error && !item->mirror_out) {
		stays(rec, item, error);
		return;
	}
	if (!error) {
		rec->kernel_news |= !item->mirror_out || queue_of(item) != QUEUE_BULK;
		set_there(rec, item, item->mirror_out);
	}
	if (item->withdrawn && !error) {
		set_state(rec, item, ITEM_REFUSED, NULL, item->withdrawn);
		free(item->withdrawn);
		item->withdrawn = NULL;
	} else if (revision_of(item->mirror) != item->mirror_out) {
		kernel_look(rec, item); /* it has said something else meanwhile */
		return;
	} else if (error) {
		refused(rec, item, error);
	}
	item_sweep(rec, item);
}

void kernel_gave_way(struct reconciler *rec, const json_t *gave_way)
{
	char reason[REASON_BYTES];
	const json_t *one;
	size_t i;

	json_array_foreach (gave_way, i, one) {
		const char *label = json_string_value(json_object_get(one, "owner"));
		const char *other = json_string_value(json_object_get(one, "for")) ?: "";
		const char *source = json_string_value(json_object_get(one, "source")) ?: "";
		struct item *item =
			strcmp(source, "kernel") ? NULL : item_labelled(rec, label, false);

		if (!item)
			continue;
		set_there(rec, item, 0);
		item->stamp = rec->stamp;
		snprintf(reason, sizeof(reason), "it gives way to %.200s", other);
		if (!item->mirror)
			kernel_look(rec, item);
		else if (json_is_true(json_object_get(one, "waits")))
			set_aside(rec, item, other, true, reason);
		else
			set_state(rec, item, ITEM_REFUSED, NULL, reason);
	}
}

/* ---- what the mirror says ---- */

int reconciler_mirror(
	struct reconciler *rec, enum object_type type, const char *key, const char *text)
{
	struct item *item;
	char *copy = NULL;

	if (!kernel_type(type) || strlen(key) >= API_KEY_BYTES)
		return -EINVAL;
	item = item_get(rec, type, key, text != NULL);
	if (!item)
		return text ? -ENOMEM : 0;
	item->life = rec->mirror_life;
	if (text ? item->mirror && !strcmp(item->mirror, text) : !item->mirror)
		return 0;
	if (text && !(copy = strdup(text))) {
		item_sweep(rec, item);
		return -ENOMEM;
	}
	item_uncount(rec, item);
	free(item->mirror);
	item->mirror = copy;
	item_recount(rec, item);
	kernel_look(rec, item);
	reconcile_work(rec);
	return 0;
}

/* The picture is whole. Frees the item if nobody needs it. */
static void look_whole(struct reconciler *rec, struct item *item)
{
	if (item->mirror && item->life != rec->mirror_life)
		reconciler_mirror(rec, item->type, item->key, NULL);
	else if (item->mirror_there && !item->mirror)
		kernel_look(rec, item);
	else
		item_sweep(rec, item);
}

static void look_at_whole(struct reconciler *rec)
{
	struct item *item, *next;

	for (item = RB_MIN(item_tree, &rec->items); item; item = next) {
		next = RB_NEXT(item_tree, &rec->items, item);
		if (next)
			next->forms++; /* it stays, though the item may be all that waits for it */
		look_whole(rec, item);
		if (next)
			next->forms--;
	}
}

void reconciler_mirror_ready(struct reconciler *rec, bool ready)
{
	bool was = rec->mirror_ready;

	rec->mirror_ready = ready;
	rec->mirror_life += !ready;
	if (ready && !was)
		look_at_whole(rec);
	reconcile_work(rec);
}

/* ---- for people ---- */

static const char *reason_of(struct reconciler *rec, const struct item *item)
{
	if (item->reason || !item->awaits)
		return item->reason ?: "it was refused";
	snprintf(rec->reason_text, sizeof(rec->reason_text), "waits for %s %.200s",
		api_types[item->awaits->type].name, item->awaits->key);
	return rec->reason_text;
}

static bool is_aside(const struct item *item)
{
	return item->state == ITEM_WAITS || item->state == ITEM_REFUSED;
}

const char *reconciler_mirror_reason(struct reconciler *rec, enum object_type type, const char *key)
{
	const struct item *item = item_get(rec, type, key, false);

	return item && is_aside(item) ? reason_of(rec, item) : NULL;
}

void reconciler_mirror_refused(struct reconciler *rec,
	void (*each)(enum object_type type, const char *key, const char *reason, void *arg),
	void *arg)
{
	struct item *item;

	if (!rec->items_are.refused && !rec->items_are.waiting)
		return;
	RB_FOREACH (item, item_tree, &rec->items)
		if (is_aside(item))
			each(item->type, item->key, reason_of(rec, item), arg);
}
