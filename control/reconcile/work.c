/* SPDX-License-Identifier: BSD-3-Clause */
/* Intents that were touched are compiled, a slice of time at a turn of the loop. */
#include <errno.h>
#include <stdio.h>

#include "clock.h"
#include "reconciler.h"

/* 0, or -ENOMEM: it is to be done again. */
static int compile_one(struct reconciler *rec, struct owner *owner, struct compiled_list *list)
{
	const struct intent *intent = world_find(rec->world, owner->type, owner->name);
	struct rpc_error error = {0};
	int err = 0;

	compiled_list_clear(list);
	if (owner->trying)
		round_untry(rec, owner);
	if (intent)
		err = compile_intent(rec->world, rec->site, intent, list, &error);
	if (err == -ENOMEM || (!err && owner_want(rec, owner, list)))
		return -ENOMEM;
	if (err) {
		compiled_list_clear(list);
		if (owner_want(rec, owner, list))
			return -ENOMEM;
		owner_reject(rec, owner, error.message);
		return 0;
	}
	owner->rejected = false;
	if (!owner->set[0].count && !owner->set[1].count)
		owner_settle(rec, owner);
	else
		owner_pend(rec, owner);
	return 0;
}

bool work_compile(struct reconciler *rec, uint64_t until_us)
{
	struct compiled_list list = {0};
	struct owner *owner;

	while ((owner = TAILQ_FIRST(&rec->queue))) {
		TAILQ_REMOVE(&rec->queue, owner, queue_link);
		owner_place(rec, owner, false, owner->pending, owner->trying);
		if (compile_one(rec, owner, &list)) {
			owner_queue(rec, owner);
			reconcile_pause(rec, PAUSE_MS);
			break;
		}
		if (clock_mono_us() > until_us)
			break;
	}
	compiled_list_free(&list);
	return !TAILQ_EMPTY(&rec->queue);
}
