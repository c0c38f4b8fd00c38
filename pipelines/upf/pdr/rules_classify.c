/* SPDX-License-Identifier: BSD-3-Clause */
/* Which PDR a packet meets (rules.h). */
#include "rules_scan.h"
#include "rules_wide.h"

/* From packet i on, how many have the same list and family: looked up together. */
static inline uint32_t run_of(
	const struct rules *const *rules, const struct flow_key *key, uint32_t i, uint32_t n)
{
	uint32_t k = 1;

	while (i + k < n && rules[i + k] == rules[i] &&
		((key[i + k].flags ^ key[i].flags) & (KEY_V4 | KEY_V6)) == 0)
		k++;
	return k;
}

void rules_classify(const struct rules *const *rules, const struct flow_key *key, uint32_t n,
	struct rules_result *result)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct rules *r = rules[i];

		if (rules_is_trivial(r)) {
			result[i] = r->result;
		} else if (r->form == RULES_SCAN || !(key[i].flags & (KEY_V4 | KEY_V6))) {
			result[i] = rules_scan(r, &key[i]);
		} else {
			uint32_t k = run_of(rules, key, i, n);

			rules_wide(r, &key[i], k, &result[i]);
			i += k - 1;
		}
	}
}
