/* SPDX-License-Identifier: BSD-3-Clause */
/* Free numbers among those that somebody has. The index counts what is taken, so that a run of
 * taken ones of any length is passed by halving it. */
#include "world_parts.h"

/* How many are taken that are less, plus what is the same for all of these numbers. */
static uint32_t rank(const struct numbers *n, uint64_t number)
{
	char text[API_KEY_BYTES];

	if (n->kind == KEY_VNI)
		key_vni(text, number);
	else
		key_teid(text, n->site, n->gtpu, number);
	return index_rank(n->world, n->kind, text);
}

struct run {
	const struct numbers *n;
	uint64_t first;
	uint32_t below; /* rank of the first */
};

/* Are all from the first on to before the end taken? */
static bool is_full(const struct run *run, uint64_t end)
{
	return rank(run->n, end) - run->below == end - run->first;
}

bool number_free(const struct numbers *n, uint32_t first, uint32_t last, uint32_t *number)
{
	struct run run = {n, first, rank(n, first)};
	uint64_t full = first, end = first + 1ull, step = 1, limit = last + 1ull;

	while (is_full(&run, end)) {
		if (end == limit)
			return false;
		full = end;
		step *= 2;
		end = limit - end > step ? end + step : limit;
	}
	while (end - full > 1) {
		uint64_t middle = full + (end - full) / 2;

		if (is_full(&run, middle))
			full = middle;
		else
			end = middle;
	}
	*number = (uint32_t)full;
	return true;
}
