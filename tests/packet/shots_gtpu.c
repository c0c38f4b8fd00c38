/* SPDX-License-Identifier: BSD-3-Clause */
/* GTP-U as gNBs send it, and as who would like to be one: other sessions' TEIDs, other UEs'
 * sources, other messages, lengths that lie. */
#include <string.h>

#include "rig_upf.h"
#include "shots.h"

static int some_session(int port)
{
	int i = rnd(SESSIONS);

	for (int k = 0; k < SESSIONS; k++, i = (i + 1) % SESSIONS)
		if (world.session[i].slice != NONE && world.gtpu[world.session[i].gtpu].wan == port)
			return i;
	return NONE;
}

/* From whom the packet inside says it is: true: the UE. */
static bool put_source(struct pkt *frame, int i)
{
	bool v6 = get16(frame->b + 12) == 0x86dd;
	struct api_ip ue = upf_ue(v6, world.session[i].ue, rnd(3));
	bool lies = CHANCE(8);

	if (get16(frame->b + 12) != 0x0800 && !v6)
		return false;
	if (lies) /* another UE's, or the one that it has from somewhere */
		ue = upf_ue(v6, rnd(UES + 2), rnd(3));
	if (!lies || CHANCE(70))
		memcpy(frame->b + 14 + (v6 ? 8 : 12), ue.bytes, v6 ? 16 : 4);
	if (!v6 && (frame->b[14] & 15) >= 5)
		ipv4_fix(frame->b + 14);
	return !lies && (!v6 || world.session[i].v6);
}

/* One thing is another's, or wrong. */
static void gtpu_lies(struct gtpu *g, int i)
{
	static const uint8_t type[] = {1, 2, 26, 31, 254, 0, 77};
	int other = rnd(SESSIONS);

	switch (rnd(8)) {
	case 0:
		g->teid = world.session[other].slice != NONE ? world.session[other].teid : 0;
		break;
	case 1:
		g->teid ^= 1u << rnd(32);
		break;
	case 2:
		g->teid = CHANCE(50) ? rnd(0x7fffffff) : world.session[i].peer_teid;
		break;
	case 3:
		g->type = type[rnd(7)];
		break;
	case 4:
		g->lie = rnd(41) - 20;
		break;
	case 5:
		g->csum = CSUM_WRONG;
		break;
	case 6:
		g->tos = rnd(256);
		break;
	default:
		if (world.gtpu[(world.session[i].gtpu + 2) % GTPUS].address[0] != '\0')
			g->to = world.gtpu[(world.session[i].gtpu + 2) % GTPUS].address;
		break;
	}
}

bool gtpu_make(struct shot *x, int port, struct pkt *frame, bool *sum_right)
{
	int i = some_session(port);

	if (i == NONE)
		return false;
	int own = world.session[i].gtpu;
	bool v6 = world.gtpu[own].v6, lies = CHANCE(20), spoofed = CHANCE(10);
	struct gtpu g = {.dst = rig_port_mac(world.port[port]),
		.src = 0x020000000e02,
		.from = spoofed ? (v6 ? "2001:db8:77::7" : "203.0.113.7") : world.session[i].peer,
		.to = world.gtpu[own].address,
		.csum = v6 || CHANCE(20) ? CSUM_GOOD : CSUM_ZERO,
		.teid = world.session[i].teid,
		.psc = CHANCE(60),
		.psc_ul = CHANCE(90),
		.qfi = rnd(64),
		.sequence = CHANCE(20)};

	frame_make(frame, world.session[i].to, NONE, &x->marks, &x->polite);
	x->polite &= put_source(frame, i) && !lies && world.session[i].up;
	if (lies)
		gtpu_lies(&g, i);
	if (CHANCE(5))
		g.pad = rnd(30);
	build_gtpu(&x->p, &g, frame);
	*sum_right = g.csum == CSUM_GOOD;
	x->marks += x->marks != 0 ? x->p.len - g.pad - frame->len : 0;
	return true;
}
