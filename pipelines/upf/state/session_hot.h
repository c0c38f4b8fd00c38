/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers read and count of a session (TS 29.244's model, compiled). Written by session.c on
 * the main thread; read by the stages in this folder.
 *
 *   index ──session_block[]──→ block (immutable; a change is a new block and one store)
 *                                │ cells    → counters and URR credit, an array per worker, one
 * owner │ buckets  → QER token buckets, shared by the workers └ groups: where a packet came in →
 * its rules and its acts
 *
 * A group is one way in: an F-TEID of this box, or the UE's addresses in one slice. Its rules (PDRs
 * in order of precedence with their filters; rules.h) are shared by all sessions that have the
 * same; they say which act. An act is what all PDRs of the group with the same FAR, QERs and URRs
 * do. Most sessions: two groups of one act each, 128 bytes. Cells and buckets outlive a change of
 * the block: what stays the same keeps its place. */
#ifndef UPF_SESSION_HOT_H
#define UPF_SESSION_HOT_H

#include <rte_common.h>
#include <rte_prefetch.h>
#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"
#include "burst.h"
#include "exact.h"
#include "teid.h"
#include "ue.h"

/* What a TEID names (teid.h) is checked against the group's own: an F-TEID that was put may look
 * like another session's, and lies in teid_table. */

#define TEID_KEY(gtpu, teid) (1ull << 63 | (uint64_t)(gtpu) << 32 | (teid)) /* one word */

#define SESSION_GROUPS 16

struct session_block {
	uint64_t ue6;	  /* upper 64 bits, host order; 0: none */
	uint32_t ue4;	  /* host order; 0: none */
	uint32_t cells;	  /* first of its cells */
	uint32_t buckets; /* first of its buckets, in units of 8 bytes from worker 0's cells */
	uint16_t slice;
	uint8_t flags; /* SESSION_* */
	uint8_t groups;
	uint8_t at[8]; /* of the groups, in units of 16 bytes from here; with more than 8 groups, or
			  SESSION_FRAMED, the array goes on, and the first group comes 16 bytes
			  later */
} __rte_aligned(128);
_Static_assert(offsetof(struct session_block, at) == 24, "the head is 32 bytes before its groups");

#define SESSION_FRAMED	 0x01 /* has more prefixes than ue4 and ue6: session_owns() looks closer */
#define SESSION_PREFIXES 16   /* at[SESSION_PREFIXES]: of those prefixes, and how many after it */
#define SESSION_ETHERNET 0x02
/* Written while published, by hold.c alone: */
#define SESSION_FLUSHING 0x04 /* packets held for it are on their way back: hold_waits() */
#define SESSION_RETURNED 0x08 /* they are with the workers */
#define SESSION_FULL	 0x10 /* as many are held as its BAR allows */
#define SESSION_NO_ROOM	 0x20 /* the box holds no more */
#define SESSION_RECALL	 0x40 /* it changed again while some came back: session_again() */

/* A prefix beside ue4 and ue6. Bits after its length are 0. */
struct session_prefix {
	uint8_t family, len;
	uint8_t pad[14];
	uint8_t bytes[16]; /* as in a packet */
};
_Static_assert(sizeof(struct session_prefix) == 32, "units of 16 bytes");

struct session_group {
	uint32_t teid_be; /* 0: by the UE's address */
	uint32_t rules;	  /* index into rules_hot[] */
	uint16_t slice;	  /* by the UE's address: in which slice; else that of the session */
	uint8_t gtpu;	  /* own address of the F-TEID */
	uint8_t acts;
	uint8_t flags; /* GROUP_* */
	uint8_t pad;
	uint16_t vlan; /* of an Ethernet session, by its frames' MACs: the tag they have at the UE;
			  0: none */
};
_Static_assert(sizeof(struct session_group) == 16, "acts stay aligned");

#define GROUP_UPLINK 0x01 /* source interface access: the UE sends */
#define GROUP_REMOVE 0x02 /* came in by GTP-U */

enum act_what {
	ACT_SLICE,  /* decapsulated, into a slice */
	ACT_GTPU,   /* into a GTP-U tunnel */
	ACT_HOLD,   /* buffered (hold.h) */
	ACT_DROP,   /* the FAR says so */
	ACT_NO_WAY, /* forward to access without an outer header */
	ACT_GATE    /* a QER's gate is closed */
};

/* What every packet reads comes first: with the block's head and the first group it is one line,
 * and a packet of that group's first act into a slice reads no other. */
struct session_act {
	uint8_t what;	/* enum act_what */
	uint8_t flags;	/* ACT_* */
	uint8_t cell;	/* counted in cells[block->cells + cell] */
	uint8_t far;	/* ordinal of its FAR, for main */
	uint16_t slice; /* ACT_SLICE: where to; else the one that is counted and metered */
	uint16_t more;	/* offset from the block in units of 16 bytes of a struct session_more; 0:
			   none */
	uint32_t meter[2]; /* QER_REF; 0: none. More than two: in session_more */
	uint32_t teid_be;
	uint16_t peer; /* id of a tunnel, see peer.h */
	uint8_t qfi;   /* written into the PDU Session Container, with ACT_PSC */
	uint8_t tos;   /* DSCP << 2 of the outer header; TOS_PEER: as the peer's encap says */
	uint32_t urrs; /* bit n: the session's n-th URR wants to be told (credit, start, idle) */
	uint32_t measured; /* bit n: the session's n-th URR counts it; for main */
};
_Static_assert(offsetof(struct session_act, teid_be) == 16, "half of it ends with the first line");
_Static_assert(
	sizeof(struct session_act) == 32, "with its group's 16 and the head's 32: 128 for two");

#define TOS_PEER      0x01
#define ACT_PSC	      GTPU_WAY_PSC
#define ACT_UL_PSC    GTPU_WAY_UL_PSC
#define ACT_NOTIFY    0x04 /* ACT_HOLD: tell the control plane */
#define ACT_DUPLICATE 0x08 /* more: a copy goes there too */
#define ACT_REDIRECT  0x10 /* more: routed as if to this address */
#define ACT_METERED   0x20 /* meter[0] != 0 */
#define ACT_URRS      0x40 /* urrs != 0 */

/* Of few acts. */
struct session_more {
	uint32_t copy_teid_be;
	uint16_t copy_peer;
	uint8_t redirect_family;
	uint8_t meters; /* beyond the two of the act */
	uint32_t meter[LIMIT_SESSION_QERS];
	uint8_t redirect[16];
} __rte_aligned(16);

/* Cells of a session, for each worker: [0] its drops; then a URR's credit for each URR that wants
 * to be told (bit n of session_act.urrs: cell 1 + n; laid out as urr_hot.h says); then one for each
 * act. */
struct session_cell {
	uint64_t packets;
	uint64_t bytes; /* of the inner packet: from its IP (Ethernet) header on */
};

extern struct session_block **session_block; /* [LIMIT_SESSIONS + 1]; main: release store */
extern struct exact_table teid_table;	     /* values: SESSION_WORD() */

/* group < s->groups; one that is not in use has teid_be 0, slice 0 and no acts. */
static __rte_always_inline const struct session_group *session_group_at(
	const struct session_block *s, uint32_t group)
{
	const uint8_t *at = (const uint8_t *)s;

	return (const struct session_group *)(at +
					      16u * at[offsetof(struct session_block, at) + group]);
}

static __rte_always_inline const struct session_act *session_acts(const struct session_group *g)
{
	return (const struct session_act *)(g + 1);
}

/* The group that takes frames of a slice to the UE: -1, the session is no door of it. Any thread.
 */
static inline int session_frame_group(const struct session_block *s, uint16_t slice)
{
	for (uint32_t i = 0; i < s->groups; i++) {
		const struct session_group *g = session_group_at(s, i);

		if (g->slice == slice && g->teid_be == 0 && g->acts > 0)
			return (int)i;
	}
	return -1;
}

#endif
