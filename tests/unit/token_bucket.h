/* SPDX-License-Identifier: BSD-3-Clause */
/* The meters' reference: token buckets as RFC 2697, 2698 and 4115 write them, in exact numbers (a
 * token is 1/(8 hz) byte, so that a cycle brings rate_bps of them), one state, no tricks. Knows
 * nothing of the engine. */
#ifndef TESTS_TOKEN_BUCKET_H
#define TESTS_TOKEN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "meter.h"
#include "types.h"

typedef unsigned __int128 tokens_t;

struct token_bucket {
	struct meter_config cfg;
	uint64_t hz, tsc;
	tokens_t c, s; /* Tc; Tp or Te */
};

static inline tokens_t tb_tokens(const struct token_bucket *tb, uint64_t bytes)
{
	return (tokens_t)bytes * 8 * tb->hz;
}

static inline void tb_init(
	struct token_bucket *tb, const struct meter_config *cfg, uint64_t hz, uint64_t tsc)
{
	*tb = (struct token_bucket){.cfg = *cfg, .hz = hz, .tsc = tsc};
	tb->c = tb_tokens(tb, cfg->cbs_bytes);
	tb->s = tb_tokens(tb, cfg->pbs_bytes);
}

static inline tokens_t tb_add(tokens_t *level, tokens_t more, tokens_t limit)
{
	tokens_t over = *level + more > limit ? *level + more - limit : 0;

	*level += more - over;
	return over;
}

static inline void tb_fill(struct token_bucket *tb, uint64_t tsc)
{
	tokens_t cycles = tsc - tb->tsc;
	tokens_t over = tb_add(&tb->c, cycles * tb->cfg.cir_bps, tb_tokens(tb, tb->cfg.cbs_bytes));

	if (tb->cfg.algorithm != METER_SRTCM)
		over = cycles * tb->cfg.pir_bps;
	tb_add(&tb->s, over, tb_tokens(tb, tb->cfg.pbs_bytes));
	tb->tsc = tsc;
}

/* New values from tsc on. */
static inline void tb_change(struct token_bucket *tb, const struct meter_config *cfg, uint64_t tsc)
{
	tb_fill(tb, tsc);
	tb->cfg = *cfg;
	tb_add(&tb->c, 0, tb_tokens(tb, cfg->cbs_bytes)); /* cut to a smaller burst */
	tb_add(&tb->s, 0, tb_tokens(tb, cfg->pbs_bytes));
}

static inline enum meter_color tb_color(
	struct token_bucket *tb, uint64_t tsc, uint32_t len, enum meter_color in)
{
	tokens_t b = tb_tokens(tb, len);

	tb_fill(tb, tsc);
	if (tb->cfg.blind)
		in = METER_GREEN;
	if (tb->cfg.algorithm == METER_TRTCM) {
		if (in == METER_RED || tb->s < b)
			return METER_RED;
		tb->s -= b;
		if (in == METER_YELLOW || tb->c < b)
			return METER_YELLOW;
		tb->c -= b;
		return METER_GREEN;
	}
	if (in == METER_GREEN && tb->c >= b) {
		tb->c -= b;
		return METER_GREEN;
	}
	if (in != METER_RED && tb->s >= b) {
		tb->s -= b;
		return METER_YELLOW;
	}
	return METER_RED;
}

#endif
