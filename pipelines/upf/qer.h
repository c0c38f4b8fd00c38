/* SPDX-License-Identifier: BSD-3-Clause */
/* QERs (TS 29.244 5.4): the rates of a session's flows and of all of it (session AMBR), a
 * hierarchy. A bucket is the moment (TSC * 64) at which it would be full again, eight bytes and
 * nothing per worker; a rate is shared by all that have the same. A packet passes all its meters or
 * none, and what is refused has taken nothing. Main thread makes rates; workers meter by qer_hot.h.
 */
#ifndef UPF_QER_H
#define UPF_QER_H

#include <stdint.h>

/* Rate and bucket in one word: index of the rate << 8 | number of the bucket in the session's. */
#define QER_REF(rate, bucket) ((uint32_t)(rate) << 8 | (bucket))
#define QER_RATE(ref)	      ((ref) >> 8)
#define QER_BUCKET(ref)	      ((ref)&0xff)

int qer_init(void);
void qer_fini(void);

/* The rate with these values, one use taken: index > 0; -ENOSPC, -ENOMEM. gbr_bps 0: none; with
 * one, packets within it are green and the rest, up to mbr_bps, yellow for what meters later on the
 * way (it uses two buckets, the second right after the first). Main thread. */
int rate_take(uint64_t mbr_bps, uint64_t gbr_bps, uint32_t burst_ms, uint32_t *index);
void rate_give(uint32_t index);

#endif
