/* SPDX-License-Identifier: BSD-3-Clause */
/* May this packet pass? Its QERs' rates (qer.h) and its URRs' quotas (urr.h): all of them, or it is
 * dropped and none has been charged. Called by gtpu_in.c and session_down.c for acts with
 * ACT_METERED or ACT_URRS; counting (cells) is the caller's, after it. */
#ifndef UPF_ADMIT_H
#define UPF_ADMIT_H

#include "upf_worker.h"

/* DROP_REASONS: it may; else why not. bytes: of the inner packet. *yellow: within the MBR but above
 * the GBR. Worker. */
static __rte_always_inline enum drop_reason session_admit(struct worker *w, uint32_t session,
	const struct session_block *s, const struct session_act *a, uint32_t bytes, bool *yellow);

/* Lines that session_admit() will touch. */
static __rte_always_inline void session_admit_prefetch(
	const struct worker *w, const struct session_block *s);

#endif
