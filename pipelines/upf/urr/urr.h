/* SPDX-License-Identifier: BSD-3-Clause */
/* URRs (TS 29.244 5.2): what was used is summed from the cells of the acts that name the URR, so
 * that a packet counts once however many URRs measure it, and what is reported is what was counted.
 * Only those with a limit or an interest in when traffic starts, stops and for how long it goes
 * cost a packet more: they hold credit, bytes until something is due, in cells of their own
 * (urr_hot.h).
 *
 * Who owns what: session.c owns the cells and says which act counts where; this room reads them,
 * and keeps for each session a list of its URRs and of the acts that count for them. An act with
 * other URRs or another direction is another act, with another cell. Main thread, but for
 * urr_hot.h. */
#ifndef UPF_URR_H
#define UPF_URR_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "types.h"

#define LIMIT_URRS_TOLD 2097152 /* that want a credit cell, in the whole box */

int urr_init(uint32_t workers);
void urr_fini(void);

/* ---- called by session.c as sessions come, change and go ---- */

/* Does it want a credit cell? Then the bit of its place in the session's list is set in
 * session_act.urrs of each act that names it. */
bool urr_wants_credit(const struct api_urr *urr);

/* An act that counts. */
struct urr_act {
	uint32_t cell; /* of the whole: block->cells + act->cell */
	uint32_t urrs; /* bit n: a PDR of it names the session's n-th URR; with or without credit */
	bool uplink;
};

/* The session as it will be. */
struct urr_session {
	uint32_t session;
	const struct api_urrs *urrs; /* their places are their numbers */
	const uint32_t *credit;	     /* [urrs->count] credit cell of each, of the whole; in use
					where credit is wanted and an act names the URR */
	const struct urr_act *act;
	uint32_t acts;
	/* how many the session had in the state before this one, committed or not; 0: none */
	uint32_t urrs_before, acts_before;
	bool steady; /* and that state is committed */
};

struct urr_change;

/* What the session's new state needs (urrs->count 0: it goes). A URR is the same one when its id
 * is: its measurement goes on, whatever of its values changes. A new quota counts from the last
 * report (TS 29.244 5.2.2.2); with another `grant` the same one is new, too. 0; -ENOMEM, -ENOSPC
 * (LIMIT_URRS_TOLD). *change may come out NULL: nothing to do. */
int urr_prepare(const struct urr_session *to, struct urr_change **change);
void urr_cancel(struct urr_change *change); /* NULL: nothing */
/* Before the new block is published (or the old one is withdrawn): makes new credit cells ready, of
 * all workers. Cells must have come zeroed. Frees the change. */
void urr_commit(struct urr_change *change);
/* These n cells of the session are no longer used by any worker: called after the grace period and
 * before they are zeroed or used again. Folds in what they have counted. With the last of a deleted
 * URR its final report is made (USAGE_TERMINATION): session_name() must still know the name. */
void urr_cells_gone(uint32_t session, uint32_t cell, uint32_t n);

/* ---- called by upf_poll() ---- */

/* A worker's REPORT_CREDIT: session, told (number of the URR). */
void urr_told(uint32_t session, uint8_t n);
/* What is due by time: periodic reports, time thresholds, traffic that stopped. Returns how much it
 * did; what is more than a call's share is left to the next. */
uint32_t urr_poll(void);

/* ---- answers ---- */

struct urr_counters {
	uint64_t ul_packets, ul_bytes, dl_packets, dl_bytes;
};
/* Since the URR was made; n: its place in the session's list. false: no such. */
bool urr_read(uint32_t session, uint32_t n, struct urr_counters *out);
/* Bytes in use for all of them. */
uint64_t urr_memory_bytes(void);

#endif
