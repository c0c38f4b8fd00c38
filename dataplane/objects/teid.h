/* SPDX-License-Identifier: BSD-3-Clause */
/* The form of own TEIDs (TS 29.281, 5.1) by which a packet is led to its session without a table:
 * 20 bits index of the session, 4 bits group (a way in, of which a session has at most 16), 8 bits
 * that are other ones each time, so that an old TEID does not meet a new session.
 *
 * The dataplane chooses its TEIDs in this form. A session that is put with a TEID gets the index
 * that it names, if that is free; any other TEID works as well, by a table. Part of dataplane/objects:
 * plain C, no rte_*; the control plane includes it too. */
#ifndef API_TEID_H
#define API_TEID_H

#include <stdint.h>

#include "bounds.h"

#define TEID_SESSION(teid)		((teid) >> 12)
#define TEID_GROUP(teid)		((teid) >> 8 & 0xf)
#define TEID_MAKE(session, group, salt) ((uint32_t)(session) << 12 | (group) << 8 | (salt))
_Static_assert(LIMIT_SESSIONS < 1u << 20, "a TEID names one");
_Static_assert(LIMIT_SESSION_TEIDS <= 16, "a TEID names the group");

#endif
