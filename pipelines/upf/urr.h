/* SPDX-License-Identifier: BSD-3-Clause */
/* URRs (TS 29.244 5.2): what was used is summed from the cells of the acts that name the URR, so
 * that a packet counts once however many URRs measure it. Only those with a threshold, a quota or
 * an interest in when traffic starts and stops cost a packet more: they hold credit, bytes until
 * something is due, in cells of their own. Main thread, but for urr_hot.h. */
#ifndef UPF_URR_H
#define UPF_URR_H

#include <stdint.h>

#include "event.h"
#include "types.h"

int urr_init(uint32_t workers);
void urr_fini(void);

/* Called by session.c as sessions come, change and go; see urr.c for who owns what. */

struct urr_counters {
	uint64_t ul_packets, ul_bytes, dl_packets, dl_bytes;
};
/* Since the URR was made. Main thread. */
void urr_read(uint32_t session, uint32_t ordinal, struct urr_counters *out);

/* What is due by time: periodic reports, time thresholds. Called by upf_poll(). */
uint32_t urr_poll(void);

#endif
