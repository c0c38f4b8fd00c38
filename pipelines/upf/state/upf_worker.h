/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's part of the user plane, and how workers and main talk: reports go up (credit
 * used up, a message from a peer), orders come down (a message to send). One ring each way and
 * worker; what does not fit is counted. Held packets have rings of their own (hold.h). */
#ifndef UPF_WORKER_H
#define UPF_WORKER_H

#include <rte_ring.h>

#include "hot.h"
#include "tunnel.h"
#include "session_hot.h"

#define UPF_REPORTS 16384
#define UPF_ORDERS  16384

enum upf_report_kind {
	REPORT_CREDIT, /* session, told: a URR's credit on this worker is used up (or it began, for
			  REPORT_START) */
	REPORT_ERROR_INDICATION, /* teid_be, address: our peer does not know it */
	REPORT_ECHO,		 /* gtpu, address, sequence: a peer answered */
	REPORT_LEARN		 /* Ethernet sessions: session, mac */
};

struct upf_report {
	struct rte_mbuf *m;
	uint32_t session;
	uint32_t teid_be;
	uint8_t kind; /* enum upf_report_kind */
	uint8_t group, rule, told;
	uint16_t gtpu, sequence;
	uint8_t family;
	uint8_t address[16]; /* or a MAC */
	bool stranger;	     /* sent by no peer (REPORT_ERROR_INDICATION) */
	uint8_t pad[6];
};
_Static_assert(sizeof(struct upf_report) % 8 == 0, "an element of a ring");

enum upf_order_kind {
	ORDER_MESSAGE /* m: a whole GTP-U message; peer: where to */
};

struct upf_order {
	struct rte_mbuf *m;
	uint32_t session;
	uint16_t peer;
	uint8_t kind; /* enum upf_order_kind */
	uint8_t group;
};

struct upf_worker {
	struct session_cell *cells; /* this worker's, by block->cells + act->cell */
	struct rte_ring *reports;   /* SP: this worker, SC: main */
	struct rte_ring *orders;    /* SP: main, SC: this worker */
	uint64_t error_cost, answer_cost;
	uint64_t reports_lost;
	struct hold_worker *hold; /* hold_worker.c */
	/* by share (peer_share.h) */
	struct bucket errors[PEER_SHARES];	/* error indications that are sent */
	struct bucket indications[PEER_SHARES]; /* those that come in */
	struct bucket answers[PEER_SHARES];	/* echo answers that are sent */
	struct bucket responses[PEER_SHARES];	/* those that come in with sequence number 0 */
};

/* switch_worker.upf; NULL until the first gtpu is put. */
int upf_worker_init(struct worker *w);
void upf_worker_fini(struct worker *w);
/* Carries out orders; about once a millisecond, and before a packet of a flushing session. */
void upf_worker_tick(struct worker *w);

/* False: no room; counted. */
bool upf_report(struct worker *w, const struct upf_report *report);

/* Counts and drops a packet of a session, whatever it begins with. */
void session_drop(struct worker *w, struct burst *b, struct rte_mbuf *m, uint32_t session,
	const struct session_block *s, enum drop_reason why);

/* Counts a drop at a session. */
void session_count_drop(struct worker *w, uint32_t session);

#endif
