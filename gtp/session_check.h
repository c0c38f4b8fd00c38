/* SPDX-License-Identifier: BSD-3-Clause */
/* Is a session sound in itself (TS 29.244)? Before names are looked up and without a box: libc and
 * api/ alone. Any thread; owns nothing. */
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

#endif
