/* SPDX-License-Identifier: BSD-3-Clause */
/* What a transaction refuses (tx.h): which refusal is told when there is room for one. */
#include "tx.h"

#include <stdio.h>
#include <stdlib.h>

struct refusal {
	uint64_t place; /* of the op and in its list */
	json_t *error;
};

#define NAMES_MOST 4096

void tx_note_refused(struct tx *tx, const char *type, const char *name)
{
	char label[API_KEY_BYTES + 32];

	if (!tx->refused)
		tx->refused = json_object();
	snprintf(label, sizeof(label), "%s %s", type, name);
	if (json_object_size(tx->refused) < NAMES_MOST)
		json_object_set_new_nocheck(tx->refused, label, json_true());
}

/* Is something refused only since another is, which it names, which still names it, or has what it
 * wants? That one is found first and tells what is wrong. */
static bool echoes(const struct tx *tx, const struct rpc_error *err)
{
	return json_object_get(tx->refused, err->by) || json_object_get(tx->refused, err->with);
}

void tx_refuse(struct tx *tx, uint32_t op, uint32_t index, struct rpc_error *err)
{
	uint64_t place = (uint64_t)op << 32 | index;
	bool echo = echoes(tx, err);

	if (tx->on_refused)
		tx->on_refused(tx->arg, op, index, err);
	rpc_error_prefix(err, "ops[%u].%s[%u]", op, tx->ops[op].put ? "objects" : "keys", index);
	if (tx->refused_total == 0 || echo < tx->first_echoes ||
		(echo == tx->first_echoes && place < tx->first_place)) {
		tx->first = *err;
		tx->first_place = place;
		tx->first_echoes = echo;
	}
	if (tx->check && !tx->on_refused && !tx->refusals)
		tx->refusals = calloc(REFUSED_MOST, sizeof(*tx->refusals));
	if (tx->refused_total < REFUSED_MOST && tx->refusals)
		tx->refusals[tx->refused_total] = (struct refusal){place, error_json(err)};
	tx->refused_total++;
	*err = (struct rpc_error){0};
}

static int refusal_cmp(const void *a, const void *b)
{
	uint64_t left = ((const struct refusal *)a)->place,
		 right = ((const struct refusal *)b)->place;

	return left < right ? -1 : left > right;
}

json_t *tx_refused(struct tx *tx)
{
	size_t count = tx->refused_total < REFUSED_MOST ? tx->refused_total : REFUSED_MOST;
	json_t *list = json_array();

	if (!tx->refusals)
		return list;
	qsort(tx->refusals, count, sizeof(*tx->refusals), refusal_cmp);
	for (size_t i = 0; i < count; i++)
		json_array_append(list, tx->refusals[i].error);
	return list;
}

void tx_refuse_change(struct tx *tx, const struct change *change, struct rpc_error *err)
{
	tx_note_refused(tx, change->obj->type->name, change->obj->key);
	if (change->data)
		tx_refuse(tx, change->op, change->index, err);
	else
		tx_refuse(tx, change->gone_op, change->gone_index, err);
}

void tx_refusals_free(struct tx *tx)
{
	for (size_t i = 0; tx->refusals && i < REFUSED_MOST; i++)
		json_decref(tx->refusals[i].error);
	free(tx->refusals);
	json_decref(tx->refused);
}
