/* SPDX-License-Identifier: BSD-3-Clause */
/* Which PDR a packet meets (rules.h). Called by gtpu_in.c and session_down.c; owns nothing. */
#include "rules_hot.h"

void rules_classify(const struct rules *const *rules, const struct flow_key *key, uint32_t n,
	struct rules_result *result)
{
	for (uint32_t i = 0; i < n; i++)
		result[i] = rules_is_trivial(rules[i]) ? rules[i]->result
						       : rules_scan_scalar(rules[i], &key[i]);
}
