/* SPDX-License-Identifier: BSD-3-Clause */
/* Meters as the main thread sees them (meter.h): profiles, what a use belongs to, what it
 * counted, and their memory. Writes no bucket. */
#include <errno.h>
#include <rte_malloc.h>
#include <string.h>

#include "heap.h"
#include "meter_clock.h"
#include "rcu.h"
#include "types.h"

#define KEEP_MAX 65536u

/* Credit a cycle as factor >> shift, rounded up in its last bit: what is due at an instant is there
 * at that instant. */
static void line_rate(struct meter_line *line, uint64_t rate_bps, uint64_t tsc_hz)
{
	uint64_t units_s = rate_bps << (UNIT_BITS - 3); /* below 2^54 */
	unsigned __int128 factor;

	line->shift = 73;
	while ((factor = (((unsigned __int128)units_s << line->shift) + tsc_hz - 1) / tsc_hz) >> 64)
		line->shift--;
	line->factor = factor;
}

static void line_set(struct meter_line *line, const struct meter_line *old, uint64_t clock,
	uint64_t rate_bps, uint32_t burst, const struct meter_bank *bank)
{
	*line = (struct meter_line){
		.start = clock,
		.burst = burst,
		.keep = RTE_MIN(burst >> (bank->share_shift + 2), KEEP_MAX),
		.was_burst = old->burst,
		.was_full_after = old->full_after,
		.least_burst = RTE_MIN(old->burst, old->least_burst),
	};
	line_rate(line, rate_bps, bank->tsc_hz);
}

/* Marks after which `bytes` have surely come together. */
static uint32_t marks_to_fill(uint64_t bytes, uint64_t rate_bps, uint64_t tsc_hz)
{
	unsigned __int128 cycles;

	if (rate_bps == 0)
		return UINT32_MAX;
	cycles = (unsigned __int128)bytes * 8 * tsc_hz / rate_bps;
	return RTE_MIN((uint64_t)(cycles >> MARK_SHIFT), (uint64_t)UINT32_MAX - 2) + 2;
}

void meter_profile_set(
	struct meter_bank *bank, uint32_t profile, const struct meter_config *cfg, uint64_t now_tsc)
{
	struct meter_slot *slot = &bank->slot[profile];
	const struct meter_profile *old = bank->profile[profile];
	struct meter_profile *next = &slot->version[old == &slot->version[0]];
	bool spill = cfg->algorithm == METER_SRTCM;
	uint64_t second_bps = spill ? 0 : cfg->pir_bps;

	if (rte_rcu_qsbr_check(rcu_qsbr, slot->token, false) == 0)
		rcu_synchronize();
	next->epoch_tsc = now_tsc;
	next->generation = old->generation + 1;
	next->flags = (cfg->algorithm == METER_TRTCM ? METER_BOTH : 0) | (spill ? METER_SPILL : 0) |
		      (cfg->blind ? METER_BLIND : 0) | cfg->yellow << METER_YELLOW_SHIFT;
	line_set(&next->committed, &old->committed,
		line_clock(&old->committed, old->epoch_tsc, now_tsc), cfg->cir_bps, cfg->cbs_bytes,
		bank);
	line_set(&next->second, &old->second, line_clock(&old->second, old->epoch_tsc, now_tsc),
		second_bps, cfg->pbs_bytes, bank);
	next->committed.full_after =
		marks_to_fill((uint64_t)cfg->cbs_bytes + (spill ? cfg->pbs_bytes : 0), cfg->cir_bps,
			bank->tsc_hz);
	next->second.full_after = marks_to_fill(cfg->pbs_bytes, second_bps, bank->tsc_hz);
	/* release: pairs with the acquire in use_profile() */
	__atomic_store_n(&bank->profile[profile], next, __ATOMIC_RELEASE);
	slot->token = rte_rcu_qsbr_start(rcu_qsbr);
}

static void counts_sum(const struct meter_bank *bank, uint32_t use, struct meter_counts *out)
{
	uint64_t *sum = (uint64_t *)out;

	memset(out, 0, sizeof(*out));
	for (uint32_t w = 0; w < bank->workers; w++) {
		if (bank->worker[w] == NULL)
			continue;
		const uint64_t *one = (const uint64_t *)&bank->worker[w]->counts[use];

		for (uint32_t c = 0; c < sizeof(*out) / sizeof(uint64_t); c++)
			sum[c] += __atomic_load_n(&one[c], __ATOMIC_RELAXED);
	}
}

void meter_use_start(struct meter_bank *bank, uint32_t use, uint32_t profile)
{
	uint64_t tag = (bank->use[use].whose >> 32) + 1;

	counts_sum(bank, use, &bank->base[use]);
	/* release: pairs with the acquire in use_profile() */
	__atomic_store_n(&bank->use[use].whose, (tag & 0xff) << 32 | profile, __ATOMIC_RELEASE);
}

void meter_use_read(const struct meter_bank *bank, uint32_t use, struct meter_counts *out)
{
	uint64_t *sum = (uint64_t *)out;
	const uint64_t *base = (const uint64_t *)&bank->base[use];

	counts_sum(bank, use, out);
	for (uint32_t c = 0; c < sizeof(*out) / sizeof(uint64_t); c++)
		sum[c] -= base[c];
}

uint64_t meter_parked(const struct meter_bank *bank, uint32_t use)
{
	return (uint64_t)bank->use[use].committed.parked + bank->use[use].second.parked;
}

/* ---- life ---- */

static void *array(const char *name, size_t n, size_t size)
{
	return rte_zmalloc(name, n * size, RTE_CACHE_LINE_SIZE);
}

int meter_bank_init(struct meter_bank *bank, uint32_t uses, uint32_t profiles, uint32_t workers,
	uint64_t tsc_hz)
{
	*bank = (struct meter_bank){
		.uses = uses, .profiles = profiles, .workers = workers, .tsc_hz = tsc_hz};
	while (1u << bank->share_shift < 2 * workers)
		bank->share_shift++;
	bank->use = array("meter_use", uses, sizeof(*bank->use));
	bank->base = array("meter_base", uses, sizeof(*bank->base));
	bank->profile = array("meter_profile", profiles, sizeof(void *));
	bank->slot = array("meter_slot", profiles, sizeof(*bank->slot));
	if (bank->use == NULL || bank->base == NULL || bank->profile == NULL ||
		bank->slot == NULL) {
		meter_bank_fini(bank);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < profiles; i++) {
		struct meter_profile *none = &bank->slot[i].version[0];

		none->committed.least_burst = none->second.least_burst = UINT32_MAX;
		none->committed.burst = none->second.burst = UINT32_MAX;
		bank->profile[i] = none;
	}
	return 0;
}

void meter_bank_fini(struct meter_bank *bank)
{
	heap_free(bank->use);
	heap_free(bank->base);
	heap_free(bank->profile);
	heap_free(bank->slot);
	memset(bank, 0, sizeof(*bank));
}

int meter_worker_init(struct meter_worker *mw, struct meter_bank *bank, uint32_t id)
{
	*mw = (struct meter_worker){.bank = bank};
	mw->share = array("meter_share", bank->uses, sizeof(*mw->share));
	mw->counts = array("meter_counts", bank->uses, sizeof(*mw->counts));
	if (mw->share == NULL || mw->counts == NULL) {
		meter_worker_fini(mw);
		return -ENOMEM;
	}
	bank->worker[id] = mw;
	return 0;
}

void meter_worker_fini(struct meter_worker *mw)
{
	for (uint32_t i = 0; mw->bank != NULL && i < LIMIT_WORKERS; i++)
		if (mw->bank->worker[i] == mw)
			mw->bank->worker[i] = NULL;
	heap_free(mw->share);
	heap_free(mw->counts);
	memset(mw, 0, sizeof(*mw));
}
