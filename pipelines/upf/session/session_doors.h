/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet PDU sessions (TS 23.501 5.6.10.2) as doors of l2 slices. A session is a door of each
 * slice that a PDR of it takes frames from: MACs are learned behind it, and floods go to it.
 *
 * Slices carry no VLAN tags. Where the PDRs with frames from or to a slice name a VLAN in their
 * Ethernet filters, it is the tag that this slice's frames have at the UE: taken off on their way
 * in, put on on their way out. One slice's frames have one tag, so two VLANs of a UE never meet
 * unless they are put into two sessions. Any other tag is a drop (vlan_stacked), as everywhere in
 * slices; a priority tag (VID 0) is taken off. On their way to another UPF frames keep theirs.
 *
 * The uplink comes through session_batch.c (frame_enter), the downlink from bridge.c and flood.c
 * (down[], SESSION_GROUP_FRAMES). */
#ifndef UPF_SESSION_DOORS_H
#define UPF_SESSION_DOORS_H

#include <rte_ether.h>

#include "hot.h"
#include "session_hot.h"

/* ---- main thread ---- */

/* Is the session a door of the slice, now? */
bool session_in_slice(uint32_t session, uint16_t slice);

/* Room in the floods of the slices that `after` is a door of and `before` was not: 0; -ENOSPC
 * (LIMIT_SLICE_SESSIONS) or -ENOMEM and nothing taken. Blocks may be NULL. */
int session_doors_prepare(const struct session_block *before, const struct session_block *after);
void session_doors_cancel(const struct session_block *before, const struct session_block *after);
/* Once `after` is published. */
void session_doors_commit(
	uint32_t session, const struct session_block *before, const struct session_block *after);
/* Once all changes of a transaction are: forgets MACs behind doors that are none any more. */
void session_doors_done(void);
void session_doors_fini(void);

#endif
