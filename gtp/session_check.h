/* SPDX-License-Identifier: BSD-3-Clause */
/* Is a session sound in itself (TS 29.244)? Before names are looked up and without a box: libc and
 * dataplane/objects/ alone. Any thread; owns nothing. */
#ifndef GTP_SESSION_CHECK_H
#define GTP_SESSION_CHECK_H

#include "errors.h"
#include "types.h"

/* 0; or -1 with err, path relative to the session ("pdrs[2].far"). What it checks: ids unique in
 * each list and known where they are named (PDR → FAR, QER, URR), precedence not twice among the
 * PDRs of one way in, filters that parse, outer header removal that fits, an F-TEID or a UE address
 * for every PDR (inherited where there is only one), an outer header with a peer, rates that can be
 * metered, Ethernet and IP not mixed. */
int session_check(const struct api_session *s, struct rpc_error *err);

/* A refusal of a field of an item of a list, as rpc_fail_value(): -1. */
int session_fail(struct rpc_error *err, const char *list, uint32_t i, const char *field,
	const char *want, const char *got);

/* Which PDR's F-TEID are the packets of pdrs[i] known by? The first one with that F-TEID: i itself
 * or one before it, or, where it has none and the session one of that source interface, the first
 * that has (TS 29.244 5.2.1: inherited). WAY_UE: none, they are found by the UE's addresses (source
 * core). WAY_NONE: nothing says; WAY_MANY: several F-TEIDs could be meant. PDRs with equal ways are
 * a group; with WAY_UE, those with the same slice. The session is one that session_check() is
 * looking at or has passed. */
#define WAY_UE	 -1
#define WAY_NONE -2
#define WAY_MANY -3
int session_way(const struct api_session *s, uint32_t i);

#endif
