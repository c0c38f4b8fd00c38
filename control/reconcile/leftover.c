/* SPDX-License-Identifier: BSD-3-Clause */
/* What an earlier life of control has left in the dataplane. An intent whose newest form is
 * refused goes on as it was before; after a restart nobody knows what that was, but it is still
 * there: as long as such an intent has not been in force in this life, what bears its name
 * stays. */
#include <string.h>

#include "reconciler.h"

static enum leftover of_owner(const struct owner *owner)
{
	if (!owner || owner->ever || owner->trying)
		return LEFTOVER_NONE;
	if (owner->pending || owner->queued)
		return LEFTOVER_LATER;
	return owner->state == INTENT_REFUSED ? LEFTOVER_HELD : LEFTOVER_NONE;
}

static enum leftover greater(enum leftover a, enum leftover b)
{
	return a > b ? a : b;
}

/* Of any intent of this type: of objects that do not say whose they are. */
static enum leftover of_any(struct reconciler *rec, enum intent_type type)
{
	struct owner probe = {.type = type}, *owner;
	enum leftover most = LEFTOVER_NONE;

	for (owner = RB_NFIND(owner_tree, &rec->owners, &probe);
		owner && owner->type == type && most < LEFTOVER_LATER;
		owner = RB_NEXT(owner_tree, &rec->owners, owner))
		most = greater(most, of_owner(owner));
	return most;
}

static enum leftover of_port(struct reconciler *rec, const char *name)
{
	struct owner *wan = owner_get(rec, INTENT_WAN, name, false);

	return of_owner(wan ? wan : owner_get(rec, INTENT_SITE, rec->site, false));
}

static enum leftover of_slice(struct reconciler *rec, const char *name)
{
	return greater(of_owner(owner_get(rec, INTENT_SLICE, name, false)),
		of_owner(owner_get(rec, INTENT_NETWORK, name, false)));
}

/* Keys begin with the name of the port, slice or attachment (SLICE:PORT) that it is of. */
enum leftover leftover_of(struct reconciler *rec, const struct item *item)
{
	api_name name = "";

	if ((!item->old && !item->lost) || item->replace)
		return LEFTOVER_NONE;
	strncat(name, item->key, strcspn(item->key, " :") % sizeof(name));
	switch (item->type) {
	case OBJECT_PORT:
		return of_port(rec, name);
	case OBJECT_METER: /* shared by slices */
	case OBJECT_TUNNEL:
		return greater(of_any(rec, INTENT_SLICE), of_any(rec, INTENT_NETWORK));
	case OBJECT_GTPU:
		return of_owner(owner_get(rec, INTENT_SITE, rec->site, false));
	case OBJECT_SESSION:
		return of_owner(owner_get(rec, INTENT_SESSION, name, false));
	default:
		break;
	}
	if (!item_on_port(item))
		return of_slice(rec, name);
	if (item->type == OBJECT_ROUTE)
		return greater(of_any(rec, INTENT_WAN), of_any(rec, INTENT_SITE));
	return of_port(rec, name);
}

void leftover_release(struct reconciler *rec)
{
	struct item *item;

	while ((item = TAILQ_FIRST(&rec->list[LIST_HELD])))
		item_mark(rec, item);
	/* until the next round looks at them once is enough: it is asked for each intent of a try
	 */
	if (!rec->lost_count || rec->lost_released)
		return;
	rec->lost_released = true;
	RB_FOREACH (item, item_tree, &rec->items)
		if (item->lost)
			item_mark(rec, item);
}
