/* SPDX-License-Identifier: BSD-3-Clause */
/* QERs (TS 29.244 5.4): the rates of a session's flows and of all of it (session AMBR), a
 * hierarchy. A packet passes all its meters or none, and what is refused has taken nothing. Main
 * thread makes rates; workers meter by qer_hot.h.
 *
 * A bucket is one word, the moment at which it would be full again, in 1/64 cycle of the TSC since
 * qer_init() (virtual scheduling: RFC 2697's bucket, turned over: what is missing in it is the time
 * until it is full). Level and rate are apart: a rate that changes leaves every bucket as full, in
 * time, as it was. A word of 0 is full; so are all that are not touched for as long as 64 bits
 * tell, 2^58 cycles (3.5 years at 2.6 GHz): a packet that comes that much later, to within five
 * days, may find an empty bucket.
 *
 * A packet costs bytes * 8 * 64 * hz / rate units, rounded to the nearest: to 0.06 % at 100 Gbit/s
 * and 64 bytes, and 1,000 times better at 1 Gbit/s and 576. A rate is stored once for all that have
 * the same values, 32 bytes for workers. With one worker meters are plain loads and stores; several
 * compare and swap, and one that loses a race to the last of two meters gives the first one's back.
 */
#ifndef UPF_QER_H
#define UPF_QER_H

#include <stdint.h>

#define LIMIT_RATES	1048575 /* different ones */
#define QER_BURST_BYTES 19200u	/* the least burst: two packets of the largest size */

/* Rate and bucket in one word: index of the rate << 8 | number of the bucket in the session's. */
#define QER_REF(rate, bucket) ((uint32_t)(rate) << 8 | (bucket))
#define QER_RATE(ref)	      ((ref) >> 8)
#define QER_BUCKET(ref)	      ((ref)&0xff)

int qer_init(void);
void qer_fini(void);

/* The rate with these values, one use taken: 0 with index > 0; -ENOSPC, -ENOMEM. mbr_bps 0: not
 * limited. gbr_bps 0: none; with one, packets within it are green and the rest, up to mbr_bps,
 * yellow for what meters later on the way (it uses two buckets, the second right after the first).
 * burst_ms: of each rate, what may come at once, at least QER_BURST_BYTES. Main thread. */
int rate_take(uint64_t mbr_bps, uint64_t gbr_bps, uint32_t burst_ms, uint32_t *index);
/* Workers may meter by it until their next grace period: it waits for that by itself. */
void rate_give(uint32_t index);
/* Different rates in use, bytes held. */
uint32_t rate_count(void);
uint64_t rate_memory_bytes(void);

#endif
