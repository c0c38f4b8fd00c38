/* SPDX-License-Identifier: BSD-3-Clause */
/* Random packets for test_isolation.c, polite and hostile. Whatever a tenant sends is filled with
 * marks of eight bytes that say who sent it: magic, tenant, and the number of the shot. */
#ifndef TESTS_SHOTS_H
#define TESTS_SHOTS_H

#include "world.h"

#define MARK	   0x5c1ce5c1
#define MARK_LEN   8
#define NO_TENANT  0xffff /* of packets that enter nowhere */
#define SHOTS	   32
#define SHOT_ALONE 0 /* number of one that is sent alone */

struct shot {
	struct pkt p;	   /* as on the wire */
	struct passage in; /* by the model */
	uint32_t frame;	   /* offset: the tenant's frame, its type is at frame + 12 */
	uint32_t marks;	   /* offset: filled with marks from here on; 0: none */
	bool polite;	   /* nothing about it is wrong on purpose */
};

extern struct shot *shot;  /* [SHOTS] */
extern bool shots_chained; /* the last was sent in two buffers */

/* shot[number]: some packet for this port, marked. */
void shot_make(uint32_t number, int port);
/* Spoils shot[SHOT_ALONE]'s headers, or its length, and marks it anew by what it is now. */
void shot_spoil(int port);
/* Marks by what the model says of the packet as it is; checksums follow. */
void shot_mark(uint32_t number, int port);

uint16_t tenant_of(int slice);
/* What an l3 slice hears of stations from these packets. */
void shots_heard(uint32_t n);

/* ---- shots_gtpu.c ---- */

/* Around some frame's packet what a gNB on this port puts there: false, there is no session. */
bool gtpu_make(struct shot *x, int port, struct pkt *frame, bool *sum_right);

/* ---- shots_frame.c ---- */

/* Some frame of a tenant in this slice (by this attachment or, NONE, by a tunnel) or, slice NONE,
 * of nobody's. marks: offset where marks may begin. */
void frame_make(struct pkt *p, int slice, int attachment, uint32_t *marks, bool *polite);
void frame_insert(struct pkt *p, uint32_t at, uint32_t n);
uint64_t frame_some_mac(void);

#endif
