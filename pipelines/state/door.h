/* SPDX-License-Identifier: BSD-3-Clause */
/* Doors: where a frame comes into a slice and where it leaves it. A door is an attachment, a tunnel
 * or a session of the user plane. The common path tells the three kinds apart by itself; what else
 * differs between them is a set of operations that each kind registers, so that rooms below a kind
 * need not know it. */
#ifndef STATE_DOOR_H
#define STATE_DOOR_H

#include <stdbool.h>
#include <stdint.h>

struct burst;
struct rte_mbuf;
struct worker;

/* Kind and id in one word; 0 = none. */
typedef uint32_t door_t;
#define DOOR_ATTACHMENT	   0x100000u
#define DOOR_TUNNEL	   0x200000u
#define DOOR_SESSION	   0x400000u /* of the user plane: an id has twenty bits */
#define DOOR_KIND(d)	   ((d)&0x700000u)
#define DOOR_ID(d)	   ((uint16_t)(d)) /* of attachments and tunnels */
#define DOOR_SESSION_ID(d) ((d)&0xfffffu)

/* Never called for a packet of the common case. Attachments and tunnels have the first alone. */
struct door_ops {
	/* Main thread: is it a door of this slice now? */
	bool (*in_slice)(uint32_t id, uint16_t slice);
	/* Workers: a packet is dropped that came in by this door; counts it there. */
	void (*count_drop)(struct worker *w, uint32_t id);
	/* Workers: the slice's meter refuses m, which has the mark `session_charged`: takes back
	 * what m was charged at the door. */
	void (*refund)(struct worker *w, struct rte_mbuf *m);
	/* Workers: sends down[] of b on its way, which is full. */
	void (*deliver)(struct worker *w, struct burst *b);
};

/* kind: DOOR_ATTACHMENT... Main thread, before there is a door of the kind. */
void door_register(door_t kind, const struct door_ops *ops);

extern const struct door_ops *door_ops[8]; /* by DOOR_KIND() >> 20 */
#define DOOR_OPS(door) (door_ops[DOOR_KIND(door) >> 20])

/* Is the door one of this slice's, now? Main thread. */
bool door_in_slice(door_t door, uint16_t slice);

/* A way into a session: the value words of the tables of UEs' addresses and of TEIDs, and of
 * down_to[]. 0: taken by a transaction that has not committed; nobody's for workers. */
#define SESSION_WORD(session, group) ((uint64_t)(group) << 32 | (session))
#define SESSION_OF(word)	     ((uint32_t)(word))
#define SESSION_GROUP_OF(word)	     ((uint8_t)((word) >> 32))
#define SESSION_GROUP_FRAMES	     0xff /* the one that takes its slice's frames */
#define SESSION_GROUP_BACK	     0x40 /* with a group by F-TEID: the switch's own, to who sends there */

/* Two lines a session, one each way, with which the user plane's part of a worker begins
 * (upf/state/session_line.h): fetched ahead by the stages that find out whose a packet is. */
#define SESSION_LINE_BYTES 64u

/* The bit in ol_flags of packets that a session has been charged for; 0 while there are no
 * sessions. */
extern uint64_t session_charged;

#endif
