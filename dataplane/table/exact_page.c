/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages of an exact table's entries (exact_page.h). Called on the main thread; owns nothing.
 *
 * Entries come bucket by bucket, as exact_scan() steps, and within a step in an order of their own
 * that follows from the key: that and the step say which came last. */
#include "exact_page.h"

/* The entry of a step that comes next. */
struct next {
	const struct exact_table *t;
	uint64_t after, order;
	const uint64_t *key;
	const uint64_t *value;
};

/* Never 0. Two keys of a step with the same one would be one chance in 2^60. */
static uint64_t order_of(const struct exact_table *t, const uint64_t *key)
{
	uint64_t h = t->seed[0];

	for (uint32_t i = 0; i < t->key_words; i++)
		h = exact_mix(key[i] ^ h, t->seed[(i + 1) % EXACT_KEY_WORDS] | 1);
	return h | 1;
}

static bool visit(const uint64_t *key, uint64_t *value, void *arg)
{
	struct next *next = arg;
	uint64_t order = order_of(next->t, key);

	if (order <= next->after || (next->key != NULL && order >= next->order))
		return false;
	next->order = order;
	next->key = key;
	next->value = value;
	return false;
}

uint32_t exact_page(struct exact_table *t, uint64_t *cursor, uint32_t max, exact_add fn, void *arg)
{
	uint64_t step = cursor[0] != 0 ? cursor[0] - 1 : 0, after = cursor[1];
	uint32_t n = 0;

	for (;;) {
		struct next next = {.t = t, .after = after};
		uint64_t beyond = step;

		exact_scan(t, &beyond, 1, visit, &next);
		if (next.key != NULL && n == max) {
			cursor[0] = step + 1;
			cursor[1] = after;
			return n;
		}
		if (next.key != NULL) {
			fn(next.key, *next.value, arg);
			n++;
			after = next.order;
			continue;
		}
		after = 0;
		step = beyond;
		if (step == 0)
			break;
	}
	cursor[0] = cursor[1] = 0;
	return n;
}
