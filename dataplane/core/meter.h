/* SPDX-License-Identifier: BSD-3-Clause */
/* Meters: RFC 2697 (srTCM), RFC 2698 (trTCM) and RFC 4115, colour-blind and colour-aware, exact
 * when several workers share one. The part a packet meets is meter_hot.h.
 *
 * A profile is what was sold (rates, bursts, algorithm); a use is one place where it is enforced,
 * with buckets of its own. Uses are small and addressed by number; profiles are shared.
 *
 * Credit. A profile's clock is the credit that its rate has made since ever, in 1/65,536 byte: a
 * function of the TSC (start + cycles * factor >> shift, 128 bits between), so that nothing adds up
 * to a drift; the factor has at least 58 significant bits. A bucket is one number, the reading of
 * that clock at which it was empty; its level is clock - empty, at most the burst. A new rate bends
 * the clock from now on and leaves all buckets as they are; a smaller burst cuts what is above it.
 * Idle hours cannot overflow: a mark of 2^38 cycles beside it says when it is simply full.
 *
 * Sharing. With one worker it takes its use's credit and puts it back once a run over a burst, by
 * plain stores, and every verdict is the RFC's to the byte (at the burst's timestamp). With
 * several, a worker that is short takes what its packets in hand need, or a share in advance where
 * the bucket is well filled, by one 16-byte compare-and-swap a bucket and run, never one a packet.
 * What is outstanding counts as being in the bucket ("parked"), so
 *   - passed in any time T <= rate * T + burst, to the byte (plus 1/65,536), over all workers;
 *   - the other way: a packet may find parked at other workers up to 1/8 of the burst (at most
 *     64 KiB a worker), as much again that they had spent unsaid while the bucket stood full, and
 *     what they hold for packets in hand. Shares that are not used come back within two ticks
 *     (2 ms), credit for packets in hand when their run ends. Credit is only late, never lost, but
 *     while the bucket stands full but for what is parked.
 *
 * Why not rte_meter: its state has one owner; it adds whole bytes every whole number of cycles, so
 * that rates are rounded; and its buckets cannot be told of a new profile. Tests use it as a
 * reference where its rounding allows. */
#ifndef CORE_METER_H
#define CORE_METER_H

#include <rte_common.h>
#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"

enum meter_color { METER_GREEN, METER_YELLOW, METER_RED, METER_COLORS };

struct meter_config {
	uint64_t cir_bps; /* bits a second, METER_RATE_MIN..METER_RATE_MAX */
	uint64_t pir_bps; /* trtcm: PIR; rfc4115: EIR, may be 0; srtcm: not looked at */
	uint32_t cbs_bytes;
	uint32_t pbs_bytes; /* trtcm: PBS; rfc4115, srtcm: EBS, may be 0 */
	uint8_t algorithm;  /* enum meter_algorithm of types.h */
	bool blind;	    /* earlier colours do not count */
	uint8_t yellow;	    /* what the caller does with yellow; kept in METER_YELLOW_ACTION */
};

/* 16 bytes, changed as one. */
struct meter_bucket {
	uint64_t empty;	 /* reading of the profile's clock */
	uint32_t parked; /* bytes that workers took and have not said they spent */
	uint32_t mark;	 /* generation of the profile << 24 | tag of the use << 16 | 2^38 cycles */
} __attribute__((aligned(16)));

/* One line: two meters never share one. Buckets are written by workers alone. */
struct meter_use {
	struct meter_bucket committed, second;
	uint64_t whose; /* tag << 32 | profile; main: release store, workers: acquire load */
} __rte_cache_aligned;
_Static_assert(sizeof(struct meter_use) == 64, "a use is a line");

struct meter_line {
	uint64_t start, factor; /* the clock: start + (cycles * factor >> shift) */
	uint32_t burst, keep;	/* bytes; keep: may stay parked at a worker between its bursts */
	uint32_t full_after;	/* marks after which it is full whatever it was */
	uint32_t was_burst, was_full_after, least_burst; /* before the last change; of all */
	uint8_t shift;
};

/* Immutable once published. */
struct meter_profile {
	uint64_t epoch_tsc;
	struct meter_line committed, second;
	uint8_t generation, flags; /* METER_BOTH and the like */
} __rte_cache_aligned;

#define METER_BOTH	    0x01 /* trtcm: green takes from both buckets */
#define METER_SPILL	    0x02 /* srtcm: what committed has no room for goes to the second */
#define METER_BLIND	    0x04
#define METER_YELLOW_ACTION 0x30
#define METER_YELLOW_SHIFT  4

/* What a worker holds of one use; its own. */
struct meter_share {
	uint32_t committed, second; /* bytes it may spend */
	uint32_t committed_taken, second_taken;
	uint32_t run;
	uint8_t tag, flags;
	bool visited; /* took from the buckets in this run: not twice */
	bool listed;
} __attribute__((aligned(32)));

struct meter_counts {
	uint64_t packets[METER_COLORS], bytes[METER_COLORS];
};

#define METER_PENDING 64
#define METER_HOLDING 256

/* A worker's part of a bank. */
struct meter_worker {
	struct meter_share *share;   /* [uses] */
	struct meter_counts *counts; /* [uses] */
	struct meter_bank *bank;
	uint64_t now_tsc;
	uint32_t run, tick_run;
	uint32_t pendings, holdings;
	uint32_t pending[METER_PENDING]; /* to be settled when the run ends */
	uint32_t holding[METER_HOLDING]; /* have a share in advance */
};

struct meter_slot {
	struct meter_profile version[2];
	uint64_t token; /* of the last change: the version before may still be read */
};

struct meter_bank {
	struct meter_use *use;
	struct meter_profile **profile; /* main: release store, workers: acquire load */
	struct meter_slot *slot;
	struct meter_counts *base; /* what the uses before had counted */
	uint64_t tsc_hz;
	uint32_t uses, profiles, workers;
	uint8_t share_shift; /* a share in advance is this part of what there is */
	struct meter_worker *worker[LIMIT_WORKERS];
};

/* ---- main thread ---- */

/* Uses and profiles are numbered from 0. 0 or -ENOMEM with nothing left. */
int meter_bank_init(struct meter_bank *bank, uint32_t uses, uint32_t profiles, uint32_t workers,
	uint64_t tsc_hz);
void meter_bank_fini(struct meter_bank *bank);

/* The part of worker `id` (below `workers`). 0 or -ENOMEM with nothing left. */
int meter_worker_init(struct meter_worker *mw, struct meter_bank *bank, uint32_t id);
void meter_worker_fini(struct meter_worker *mw);

/* Publishes new values of a profile; holds from now_tsc on for every use, whose buckets keep what
 * they have (cut to a smaller burst). The caller has checked the ranges. Cannot fail; may wait for
 * a grace period when the same profile changed a moment ago. */
void meter_profile_set(struct meter_bank *bank, uint32_t profile, const struct meter_config *cfg,
	uint64_t now_tsc);

/* The use begins under this profile with full buckets and zero counts, also when it was another's
 * before. Workers may be metering by it. */
void meter_use_start(struct meter_bank *bank, uint32_t use, uint32_t profile);

/* Since the use started; over all workers. */
void meter_use_read(const struct meter_bank *bank, uint32_t use, struct meter_counts *out);

/* ---- workers ---- */

/* First packet of a run for this use: with one worker the buckets are taken over. */
void meter_touch(struct meter_worker *mw, uint32_t use);
/* Takes credit for `need` bytes (of this use, in hand, from this packet of len on) out of the
 * buckets, after giving back what was left. */
void meter_visit(struct meter_worker *mw, uint32_t use, uint32_t len, uint32_t need);
/* Gives back what was taken for packets in hand. */
void meter_settle_pending(struct meter_worker *mw);
/* Gives back shares that were not touched since the last call; about once a millisecond. */
void meter_tick(struct meter_worker *mw, uint64_t now_tsc);

/* Bytes that workers hold at this moment: (committed, second) added up. For tests. */
uint64_t meter_parked(const struct meter_bank *bank, uint32_t use);

#endif
